"""Partition models in Python, for tests."""

import json
import os
import time

from partwise import partition_model


class Json:
    filename = "model.json"

    def write(self, model, path):
        with open(path, "w") as file:
            json.dump(model, file)

    def read(self, path):
        print("read")
        with open(path) as file:
            return json.load(file)


@partition_model(name="mean")
class Mean:
    """A mean. What else happens in a partition is in the parameters."""

    def train(self, data, context):
        does = context.params.get(context.id)
        if does == "nothing":
            return None
        if does is not None and "fail until" in does and not os.path.exists(does["fail until"]):
            raise OSError("no luck")
        if does is not None and "wait for" in does and context.attempt == 1:
            with open(does["pid"] + ".new", "w") as file:
                file.write(str(os.getpid()))
            os.rename(does["pid"] + ".new", does["pid"])
            while not os.path.exists(does["wait for"]):
                time.sleep(0.02)
        return data.to_pandas()["amount"].mean() + context.params.get("off", 0)

    def predict(self, model, data, context):
        return [model] * len(data)

    def metrics(self, model, data, context):
        return {"mae": (data.to_pandas()["amount"] - model).abs().mean()}


@partition_model(name="count", serde=Json())
class Count:
    """A number of rows, kept as JSON."""

    def train(self, data, context):
        return {"rows": len(data)}

    def predict(self, model, data, context):
        return [model["rows"]] * len(data)
