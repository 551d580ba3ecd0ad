"""How models of partitions are stored."""

import os
import pickle
import tempfile

from ._artifacts import encode_with, pickled
from ._errors import InvalidArtifact, InvalidResult


class PickleSerde:
    """Stores models with pickle, in `model.pkl`. The default.

    A pickle runs code when it is read, and needs the packages of the process that wrote it.
    """

    filename = "model.pkl"

    def write(self, model, path):
        try:
            content = pickled(model)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise InvalidResult(
                f"The model that train returned cannot be pickled: {error}. Leave out what it does not need for "
                "predictions (open files, connections, lambdas), or pass a serde of your own to partition_model."
            ) from None
        with open(path, "wb") as file:
            file.write(content)

    def read(self, path):
        with open(path, "rb") as file:
            return pickle.load(file)


class JoblibSerde:
    """Stores models with joblib, in `model.joblib`: smaller and faster than pickle for large numpy arrays.

    - `compress`: 0 to 9, or what else `joblib.dump` takes. Default: 0, no compression.
    """

    filename = "model.joblib"

    def __init__(self, compress=0):
        self.compress = compress

    def write(self, model, path):
        import joblib

        joblib.dump(model, path, compress=self.compress)

    def read(self, path):
        import joblib

        return joblib.load(path)


def serde_problem(serde):
    """What is wrong with a serde, or None."""
    from ._artifacts import check_name

    if isinstance(serde, type):
        return f"is a class. Pass an instance: serde={serde.__name__}()."
    try:
        check_name(getattr(serde, "filename", None))
    except InvalidArtifact as error:
        return f"has no valid filename. {error}"
    pairs = (("write", "read"), ("serialize", "deserialize"))
    if not any(all(callable(getattr(serde, name, None)) for name in pair) for pair in pairs):
        return "needs the methods write(model, path) and read(path), or serialize(model) and deserialize(content)."
    return None


def to_bytes(serde, model):
    """The model as bytes."""
    if callable(getattr(serde, "write", None)):
        return encode_with(serde.filename, model, serde.write)[0]
    content = serde.serialize(model)
    if isinstance(content, str):
        return content.encode("utf-8")
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content)
    raise InvalidResult(f"serialize returned a {type(content).__name__} for a model. Return bytes or text.")


def from_bytes(serde, content):
    """The model of the bytes that `to_bytes` returned."""
    if not callable(getattr(serde, "read", None)):
        return serde.deserialize(content)
    # Some libraries look at the ending of the name.
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, serde.filename)
        with open(path, "wb") as file:
            file.write(content)
        return serde.read(path)
