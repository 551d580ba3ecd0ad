"""Partition models: a class that trains one model for each partition of a table, and predicts with it.

A model is three partition functions, `NAME.train`, `NAME.predict` and `NAME.fitPredict`, which run like any other.
"""

import inspect
import math
import re
from functools import partial
from typing import Any, Dict, NoReturn, Optional, Union

from ._cells import describe
from ._context import host_of
from ._data import split
from ._define import Definition, attach, kind_problem
from ._errors import FunctionsFileError, InvalidResult, NonRetryable
from ._predictions import predicted_rows
from ._results import take
from ._serde import PickleSerde, from_bytes, serde_problem, to_bytes
from ._settings import given_settings
from ._trained_with import differences, trained_with

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,79}")
#: Columns of a training run's rows that are not metrics.
_OWN_COLUMNS = ("trained_rows", "model_file", "model_bytes", "trained_with")
#: Differences that were logged: once for each process.
_warned = set()


class NoModel(NonRetryable):
    """The partition has no model, and the run names no fallback."""


class NothingToTrain(NonRetryable):
    """All rows of the partition are held out."""


class ModelUnreadable(NonRetryable):
    """The serde could not read a stored model."""


def partition_model(
    wrapped: Optional[type] = None,
    *,
    name: Optional[str] = None,
    serde: Any = None,
    timeout: Union[str, int, float, None] = None,
    memory: Optional[str] = None,
    retry: Optional[Dict[str, Any]] = None,
    big_task_queue: Optional[str] = None,
    **unknown: NoReturn,
):
    """Declares a partition model: a class that trains a model of each partition, and predicts with it.

    ::

        @partition_model
        class MeanAmount:
            def train(self, data, context):
                return data.to_pandas()["amount"].mean()

            def predict(self, model, data, context):
                return [model] * len(data)

            def metrics(self, model, data, context):
                return {"mae": (data.to_pandas()["amount"] - model).abs().mean()}

    - `train(self, data, context)` returns the partition's model, or None if it has none. `data` are the partition's
      rows (a `DataConnector`), without those that the run holds out.
    - `predict(self, model, data, context)` returns one prediction for each row of `data`, in the same order: a list, an
      array or a Series, which become the column `prediction`, or a DataFrame or list of dictionaries with columns of
      their own. It must not change the model, which is kept for other calls.
    - `metrics(self, model, data, context)`, optional, returns numbers by name. `data` are the rows that the run holds
      out; in a run that holds none out, those that were trained on.

    Each of them is called on an instance of its own: what `train` keeps in `self` does not reach `predict`, which may
    run in another process, next month. Return it as part of the model.

    - `name`: how runs refer to it. Default: the class's name.
    - `serde`: how models are stored: `PickleSerde()` (default), `JoblibSerde()`, or an object with `filename`,
      `write(model, path)` and `read(path)`; or with `filename`, `serialize(model)` and `deserialize(content)`.
    - `timeout`, `memory`, `retry`, `big_task_queue`: as those of `partition_function`.
    """

    def declare(cls):
        if not inspect.isclass(cls):
            raise FunctionsFileError(
                "partition_model declares a class with the methods train and predict; "
                f"write @partition_model above a class, not above {describe(cls)}."
            )
        chosen = cls.__name__ if name is None else name
        used = PickleSerde() if serde is None else serde
        problem = _problem(cls, chosen, used)
        if problem is not None:
            raise FunctionsFileError(f"partition_model: {problem}")
        settings = given_settings(
            partition_model, unknown, timeout=timeout, memory=memory, retry=retry, big_task_queue=big_task_queue
        )
        model = _Model(cls, chosen, used)
        tasks = {"train": model.train, "predict": model.predict, "fitPredict": model.fit_predict}
        return attach(
            cls,
            *(
                Definition(f"{chosen}.{task}", call, settings, model={"name": chosen, "task": task})
                for task, call in tasks.items()
            ),
        )

    return declare if wrapped is None else declare(wrapped)


def _problem(cls, name, serde):
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        return f'the name is {name!r}. Use at most 80 letters, digits, "_" and "-", starting with a letter or "_".'
    try:
        inspect.signature(cls).bind()
    except TypeError:
        return f'"{name}" cannot be made without arguments, because its __init__ has parameters. Give them defaults.'
    parameters = {"train": "data, context", "predict": "model, data, context", "metrics": "model, data, context"}
    for method, wanted in parameters.items():
        declared = f"def {method}(self, {wanted}):"
        call = getattr(cls, method, None)
        if call is None and method == "metrics":
            continue
        if not inspect.isfunction(inspect.getattr_static(cls, method, None)):
            return f'"{name}" has no method {method}; write {declared}'
        problem = kind_problem(call)
        if problem is not None:
            return problem
        try:
            inspect.signature(call).bind("self", *wanted.split(", "))
        except TypeError:
            return f'{method} of "{name}" has the parameters {inspect.signature(call)}; write {declared}'
    problem = serde_problem(serde)
    return None if problem is None else f'the serde of "{name}" {problem}'


class _Model:
    """The three functions of a model."""

    def __init__(self, cls, name, serde):
        self._cls = cls
        self._name = name
        self._serde = serde

    def train(self, data, context):
        holdout = host_of(context).model_settings.get("holdout")
        rest, held_out, _ = (data, None, None) if holdout is None else split(data, holdout)
        _check_rows(rest, context)
        model = self._cls().train(rest, context)
        if model is None:
            context.log("train returned None: this partition gets no model.")
            return take({"trained_rows": len(rest), "model_file": None}, {})
        # Before metrics, which may change it.
        content = to_bytes(self._serde, model)
        context.upload(self._serde.filename, content)
        measured = data if held_out is None else held_out
        return take(
            {
                "trained_rows": len(rest),
                "model_file": self._serde.filename,
                "model_bytes": len(content),
                "trained_with": trained_with(model, content),
                **self._metrics(model, measured, context),
            },
            {},
        )

    def predict(self, data, context):
        settings = host_of(context).model_settings
        used = context.id
        model = self._load(used, context)
        if model is None and settings.get("onMissing") == "fallback":
            used = settings["fallback"]
            model = self._load(used, context)
            if model is not None:
                context.log(f'No model for "{context.partition_id}": using the model of "{used}" instead.')
        if model is None:
            raise NoModel(
                f'There is no model for the partition "{used}". Train one, or set model.onMissing (--on-missing) to '
                '"skip" or "fallback".'
            )
        predicted = self._cls().predict(model, data, context)
        return predicted_rows(predicted, data, settings.get("keep", []), context.key, model_partition=used)

    def fit_predict(self, data, context):
        settings = host_of(context).model_settings
        rest, held_out, positions = split(data, settings["holdout"])
        if len(held_out) == 0:
            return take(None, {})
        _check_rows(rest, context)
        model = self._cls().train(rest, context)
        if model is None:
            raise NoModel(f'train returned None for the partition "{context.partition_id}", so nothing can predict it.')
        predicted = self._cls().predict(model, held_out, context)
        return predicted_rows(predicted, held_out, settings.get("keep", []), context.key, positions=positions)

    def _load(self, partition, context):
        return host_of(context).load_model(partition, self._serde.filename, partial(self._read, partition))

    def _read(self, partition, content, by):
        """Decodes a model; `by` is what it was trained with, or None if that was not recorded."""
        try:
            model = from_bytes(self._serde, content)
        except (MemoryError, NonRetryable):
            raise
        except Exception as error:
            raise ModelUnreadable(_unreadable(self._name, self._serde.filename, partition, by, error)) from error
        if model is None:
            raise ModelUnreadable(
                f'The serde of "{self._name}" read None from the {self._serde.filename} of the partition '
                f'"{partition}". Return the model that was written.'
            )
        if by is not None:
            _warn(self._name, by)
        return model

    def _metrics(self, model, data, context):
        measure = getattr(self._cls(), "metrics", None)
        if measure is None or len(data) == 0:
            return {}
        found = measure(model, data, context)
        if not isinstance(found, dict):
            raise InvalidResult(
                f'metrics returned {describe(found)}. Return a dictionary of numbers, such as {{"mae": 1.5}}.'
            )
        return {_metric_name(name): _metric(name, value) for name, value in found.items()}


def _check_rows(data, context):
    if len(data) == 0:
        raise NothingToTrain(
            f'All rows of the partition "{context.partition_id}" are held out, so there are no rows to train on. '
            "Hold out fewer rows (model.holdout, --holdout)."
        )


def _metric_name(name):
    if not isinstance(name, str):
        raise InvalidResult(f"metrics returned a metric named by {describe(name)}. Name metrics by text.")
    if name.lower() in _OWN_COLUMNS:
        raise InvalidResult(f'metrics returned "{name}", which is a column that Partwise fills. Use another name.')
    return name


def _metric(name, value):
    if value is None:
        return None
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidResult(
            f"metrics returned {name} = {value!r}. Return a finite number, or None if it cannot be measured."
        )
    return float(value)


def _unreadable(name, file, partition, by, error):
    message = f'The model of the partition "{partition}" ({file}) cannot be read: {type(error).__name__}: {error}. '
    pairs = [] if by is None else differences(by)
    if not pairs:
        return message + (
            "If it refers to a class or function that was renamed or removed, restore it; or train again: "
            f"partwise train {name}."
        )
    here = ", ".join(here for _, here in pairs)
    return message + (
        f"It was trained with {by}, and here is {here}. Install the versions that it was trained with, or train it "
        f"again: partwise train {name}."
    )


def _warn(name, by):
    if (name, by) in _warned:
        return
    _warned.add((name, by))
    pairs = differences(by)
    if pairs:
        print(
            f'Warning: models of "{name}" were trained with {", ".join(there for there, _ in pairs)}, and here is '
            f"{', '.join(here for _, here in pairs)}. They may predict something else, or fail: use the same versions, "
            "or train again."
        )
