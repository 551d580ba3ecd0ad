"""Snowflake's many-model training and inference on Partwise: a model for each partition, kept by its own run.

::

    from partwise.many_model import ManyModelInference, ManyModelTraining

    run = ManyModelTraining(train, "models_stage").run(
        partition_by="store_id", snowpark_dataframe="traffic.parquet", run_id="traffic_2026")
    run.wait()
    model = run.get_model("7")

    ManyModelInference(predict, "models_stage", training_run_id="traffic_2026").run(
        partition_by="store_id", snowpark_dataframe="next_week.parquet", run_id="forecast_2026").wait()

Models of Partwise's registry, with versions, metrics and promotion, are what `partition_model` is for.
"""

from ._errors import NonRetryable
from ._serde import JoblibSerde, PickleSerde, from_bytes, serde_problem, to_bytes
from .dpf import DPF, DPFRun, ExecutionOptions, PartitionStatus, RunStatus

__all__ = [
    "DPFRun",
    "ExecutionOptions",
    "JoblibSerde",
    "ManyModelInference",
    "ManyModelTraining",
    "ModelSerde",
    "NoModel",
    "PartitionStatus",
    "PickleSerde",
    "RunStatus",
    "TensorFlowSerde",
    "TorchSerde",
    "TrainingRun",
]


class NoModel(NonRetryable):
    """The training run has no model for a partition."""


class ModelSerde:
    """How models are kept: subclasses have `filename`, `write(model, path)` and `read(path)`.

    `serialize(model, path)` and `deserialize(path)` are understood too.
    """

    filename = "model.bin"

    def write(self, model, path):
        raise NotImplementedError(f"{type(self).__name__} has no write(model, path).")

    def read(self, path):
        raise NotImplementedError(f"{type(self).__name__} has no read(path).")


class TorchSerde(ModelSerde):
    """A model of torch, whole: its class must be importable where it is read."""

    filename = "model.pth"

    def write(self, model, path):
        import torch

        torch.save(model, path)

    def read(self, path):
        import torch

        return torch.load(path, weights_only=False)


class TensorFlowSerde(ModelSerde):
    """A model of Keras in Keras' own format."""

    filename = "model.keras"

    def write(self, model, path):
        model.save(path)

    def read(self, path):
        import tensorflow

        return tensorflow.keras.models.load_model(path)


class ManyModelTraining(DPF):
    """Trains a model for each partition: `train_func(data_connector, context)` returns it, or None for none."""

    def __init__(self, train_func, stage_name, serde=None, project=None):
        super().__init__(train_func, stage_name, project)
        self._serde = _checked(serde)

    def _adapt(self, function):
        return _Training(function, self._serde)

    def _handle(self, run):
        return TrainingRun(run, self._serde)


class TrainingRun(DPFRun):
    """A training run; `results()` has a row for each model, with `trained_rows`, `model_file` and `model_bytes`."""

    def __init__(self, run, serde=None):
        super().__init__(run)
        self._serde = _checked(serde)

    @classmethod
    def restore_from(cls, run_id, stage_name, project=None, serde=None):
        restored = super().restore_from(run_id, stage_name, project)
        restored._serde = _checked(serde)
        return restored

    def get_model(self, partition_id):
        """The model of a partition. Raises `NoSuchPartition`, and `NoSuchArtifact` if it has none."""
        artifacts = self.partition_details[partition_id].stage_artifacts_manager
        return artifacts.get(self._serde.filename, lambda path: from_bytes(self._serde, _content(path)))

    def retry_failed(self):
        return TrainingRun(self._run.retry(), self._serde)


class ManyModelInference(DPF):
    """Calls `inference_func(data_connector, model, context)` with the partition's own model of a training run.

    A partition without a model: `on_missing` `"error"` (default) fails it, `"skip"` calls nothing for it.
    """

    def __init__(self, inference_func, stage_name, training_run_id, serde=None, project=None, on_missing="error"):
        super().__init__(inference_func, stage_name, project)
        if on_missing not in ("error", "skip"):
            raise ValueError(f"on_missing is {on_missing!r}; it takes 'error' or 'skip'.")
        self._training_run_id = training_run_id
        self._serde = _checked(serde)
        self._on_missing = on_missing

    def _adapt(self, function):
        return _Inference(function, self._serde, self._training_run_id, self._on_missing)


class _Training:
    def __init__(self, function, serde):
        self._function = function
        self._serde = serde

    def __call__(self, data_connector, context):
        model = self._function(data_connector, context)
        row = {"trained_rows": len(data_connector), "model_file": None, "model_bytes": None}
        if model is None:
            return row
        content = to_bytes(self._serde, model)
        context.upload(self._serde.filename, content)
        return {**row, "model_file": self._serde.filename, "model_bytes": len(content)}


class _Inference:
    def __init__(self, function, serde, training_run_id, on_missing):
        self._function = function
        self._serde = serde
        self._training_run_id = training_run_id
        self._on_missing = on_missing

    def __call__(self, data_connector, context):
        model = self._model(context)
        return None if model is _MISSING else self._function(data_connector, model, context)

    def _model(self, context):
        try:
            return context.download(
                self._serde.filename,
                run=self._training_run_id,
                read=lambda content: from_bytes(self._serde, content),
            )
        except Exception as error:
            if type(error).__name__ not in ("NoSuchArtifact", "NoSuchPartition"):
                raise
            if self._on_missing == "skip":
                print(f'There is no model for "{context.partition_id}" in "{self._training_run_id}": skipped.')
                return _MISSING
            raise NoModel(
                f'The training run "{self._training_run_id}" has no model for the partition '
                f'"{context.partition_id}". Train it, or pass on_missing="skip".'
            ) from error


_MISSING = object()


def _checked(serde):
    """The serde, by default PickleSerde. Raises TypeError."""
    if serde is None:
        return PickleSerde()
    problem = serde_problem(serde)
    if problem is not None:
        raise TypeError(f"The serde {serde!r} {problem}")
    return serde


def _content(path):
    with open(path, "rb") as file:
        return file.read()
