"""Partition models: how they are declared, stored, called and measured."""

import functools
import json
import pickle
import types
import unittest

import numpy as np
import pandas as pd
from partwise import InvalidResult, JoblibSerde, PickleSerde, partition_model
from partwise._define import FunctionsFileError, functions_of
from partwise._runner.kept_models import KeptModels
from partwise._trained_with import differences, trained_with
from partwise.testing import run_partition_function

ROWS = [{"day": day, "amount": float(10 * day)} for day in range(1, 6)]


@partition_model(name="mean", memory="1GB", timeout=90)
class Mean:
    """A mean, whose predictions take the form that the parameters name."""

    def train(self, data, context):
        if context.params.get("none"):
            return None
        self.seen = len(data)
        return context.params.get("model", data.to_pandas()["amount"].mean())

    def predict(self, model, data, context):
        form = context.params.get("form", "list")
        df = data.to_pandas()
        return {
            "list": lambda: [model] * len(data),
            "array": lambda: np.full(len(data), model),
            "series": lambda: df["amount"] * 0 + model,
            "frame": lambda: pd.DataFrame({"low": df["amount"] - 1, "high": df["amount"] + 1}),
            "dictionaries": lambda: [{"p": model, "q": "é"} for _ in range(len(data))],
            "self": lambda: [self.seen] * len(data),
            "nothing": lambda: None,
            "sorted": lambda: df.sort_values("amount", ascending=False)["amount"],
            "wide": lambda: np.zeros((len(data), 2)),
            "short": lambda: [model],
            "own column": lambda: [{"row_id": 1}] * len(data),
            "holes": lambda: np.array([np.nan, *[1.0] * (len(data) - 1)]),
        }[form]()

    def metrics(self, model, data, context):
        if "metrics" in context.params:
            return context.params["metrics"]
        return {"mae": np.float64((data.to_pandas()["amount"] - model).abs().mean()), "rows": len(data)}


run = functools.partial(run_partition_function, Mean, ROWS, key={"shop": "a"})
predict = functools.partial(run, task="predict", models={"a": 30.0})


class Declaring(unittest.TestCase):
    def test_a_class_declares_three_functions(self):
        module = types.ModuleType("functions")
        module.Mean = Mean
        # A subclass is not declared by that.
        module.Other = type("Other", (Mean,), {})
        found = functions_of(module)
        self.assertEqual(list(found), ["mean.train", "mean.predict", "mean.fitPredict"])
        self.assertEqual(found["mean.predict"].model, {"name": "mean", "task": "predict"})
        self.assertEqual(found["mean.train"].settings, {"memory": "1GB", "timeout": 90_000})

    def test_a_class_that_cannot_run_is_explained(self):
        def declare(parts, **settings):
            methods = {"train": lambda self, data, context: 1, "predict": lambda self, model, data, context: []}
            return partition_model(**settings)(type("M", (), {**methods, **parts}))

        async def later(self, data, context):
            pass

        for parts, settings, message in [
            ({"train": lambda self, data: 1}, {}, r"train of \"M\" has the parameters .* write def train\(self, data"),
            ({"predict": None}, {}, r"\"M\" has no method predict; write def predict\(self, model, data, context\)"),
            ({"train": later}, {}, "is an async function"),
            ({"__init__": lambda self, depth: None}, {}, "cannot be made without arguments"),
            ({}, {"name": "a.b"}, "the name is 'a.b'"),
            ({}, {"serde": JoblibSerde}, r"is a class. Pass an instance: serde=JoblibSerde\(\)"),
            ({}, {"serde": object()}, "has no valid filename"),
            ({}, {"serde": types.SimpleNamespace(filename="m.bin")}, r"needs the methods write\(model, path\)"),
        ]:
            with self.assertRaisesRegex(FunctionsFileError, message):
                declare(parts, **settings)
        with self.assertRaisesRegex(FunctionsFileError, "above a class"):
            partition_model(lambda data, context: 1)


class Training(unittest.TestCase):
    def test_the_model_its_size_and_its_metrics_are_kept(self):
        call = run(task="train")
        content = call.uploads["model.pkl"]
        [row] = call.rows
        self.assertEqual(pickle.loads(content), 30.0)
        self.assertRegex(row.pop("trained_with"), r"^Python 3\.\d+\.\d+")
        self.assertEqual(
            row,
            {"shop": "a", "trained_rows": 5, "model_file": "model.pkl", "model_bytes": len(content)}
            | {"mae": 12.0, "rows": 5.0},
        )

    def test_held_out_rows_are_measured_and_not_trained_on(self):
        [row] = run(task="train", model={"holdout": "day > 3 -- the last"}).rows
        self.assertEqual((row["trained_rows"], row["rows"], row["mae"]), (3, 2.0, 25.0))

    def test_a_partition_may_have_no_model(self):
        call = run(task="train", params={"none": True})
        self.assertEqual(call.uploads, {})
        self.assertEqual(call.rows, [{"shop": "a", "trained_rows": 5, "model_file": None}])

    def test_refuses_what_is_no_metric(self):
        for metrics, message in [
            ({"r2": float("nan")}, "metrics returned r2 = nan. Return a finite number, or None"),
            ({"r2": True}, "metrics returned r2 = True"),
            ({"Trained_Rows": 1}, 'returned "Trained_Rows", which is a column that Partwise fills'),
            (3, "metrics returned the value 3"),
        ]:
            with self.assertRaisesRegex(InvalidResult, message):
                run(task="train", params={"metrics": metrics})

    def test_a_model_that_cannot_be_pickled_is_explained(self):
        with self.assertRaisesRegex(InvalidResult, "cannot be pickled: .*lambda.* a serde of your own"):
            run(task="train", params={"model": lambda: 1})

    def test_all_rows_held_out_leave_nothing_to_train_on(self):
        with self.assertRaisesRegex(Exception, 'All rows of the partition "a" are held out'):
            run(task="train", model={"holdout": "true"})


class Predicting(unittest.TestCase):
    def test_one_value_for_each_row_becomes_the_column_prediction(self):
        for form in ("list", "array", "series"):
            rows = predict(params={"form": form}, model={"keep": ["DAY", "shop"]}).rows
            self.assertEqual(
                rows[1], {"shop": "a", "row_id": 1, "day": 2, "prediction": 30.0, "model_partition": "a"}, form
            )
            self.assertEqual(len(rows), 5)

    def test_frames_and_dictionaries_have_columns_of_their_own(self):
        rows = predict(params={"form": "frame"}).rows
        self.assertEqual(rows[0], {"shop": "a", "row_id": 0, "low": 9.0, "high": 11.0, "model_partition": "a"})
        rows = predict(params={"form": "dictionaries"}).rows
        self.assertEqual(rows[0], {"shop": "a", "row_id": 0, "p": 30.0, "q": "é", "model_partition": "a"})

    def test_a_missing_prediction_is_null(self):
        rows = predict(params={"form": "holes"}).rows
        self.assertEqual([row["prediction"] for row in rows], [None, 1.0, 1.0, 1.0, 1.0])

    def test_what_is_not_one_prediction_for_each_row_is_explained(self):
        for form, message in [
            ("nothing", "predict returned nothing. Return one prediction for each row"),
            ("sorted", "rows in another order than those of data"),
            ("wide", r"an array of the shape \(5, 2\)"),
            ("short", "returned 1 predictions for 5 rows"),
            ("own column", 'returned "row_id", a column that already exists'),
        ]:
            with self.assertRaisesRegex(InvalidResult, message):
                predict(params={"form": form})

    def test_train_does_not_reach_predict_but_by_the_model(self):
        for task in ("predict", "fitPredict"):
            with self.assertRaises(AttributeError):
                predict(task=task, params={"form": "self"}, model={"holdout": "day > 3"})

    def test_a_partition_without_a_model_uses_the_fallback_or_fails(self):
        with self.assertRaisesRegex(Exception, 'There is no model for the partition "a"'):
            predict(models={})
        call = predict(models={"b": 1.0}, model={"onMissing": "fallback", "fallback": "b"})
        self.assertEqual(call.rows[0]["model_partition"], "b")
        self.assertEqual(call.logs, ['No model for "a": using the model of "b" instead.'])

    def test_a_discarded_model_predicts_the_held_out_rows(self):
        call = run(task="fitPredict", model={"holdout": "day IN (2, 5)", "keep": ["day"]})
        self.assertEqual(
            call.rows,
            [{"shop": "a", "row_id": row_id, "day": row_id + 1, "prediction": 80 / 3} for row_id in (1, 4)],
        )


class OwnBytes:
    filename = "model.json"

    def serialize(self, model):
        return json.dumps(model)

    def deserialize(self, content):
        return json.loads(content)


class Storing(unittest.TestCase):
    def test_an_own_serde_writes_and_reads_bytes_or_a_file(self):
        from partwise._serde import from_bytes, to_bytes

        self.assertEqual(to_bytes(OwnBytes(), {"a": 1}), b'{"a": 1}')
        self.assertEqual(from_bytes(OwnBytes(), b'{"a": 1}'), {"a": 1})
        self.assertEqual(from_bytes(PickleSerde(), to_bytes(PickleSerde(), {"a": 1})), {"a": 1})

    def test_versions_of_what_a_pickle_names_are_kept_and_compared(self):
        model = np.arange(3)
        text = trained_with(model, pickle.dumps(model))
        self.assertRegex(text, r"^Python 3\.\d+\.\d+, numpy [\d.]+$")
        self.assertEqual(differences(text), [])
        other = "Python 3.1.0, numpy 0.1, sailfish 2.0"
        self.assertEqual([here.split(" ")[0] for _, here in differences(other)], ["Python", "numpy", "no"])

    def test_decoded_models_are_kept_up_to_a_size(self):
        kept, loads = KeptModels(max_bytes=10), []

        def load(name):
            loads.append(name)
            return name, 4

        for name in ("a", "b", "a", "c", "a", "b"):
            self.assertEqual(kept.get(name, lambda name=name: load(name)), name)
        self.assertEqual(loads, ["a", "b", "c", "b"])
        self.assertIsNone(kept.get("none", lambda: None))


if __name__ == "__main__":
    unittest.main()
