"""Snowflake's custom models on Partwise: a class whose methods are called with the rows of a partition.

::

    from partwise import custom_model

    class Forecast(custom_model.CustomModel):
        @custom_model.partitioned_api
        def predict(self, X: pandas.DataFrame) -> pandas.DataFrame:
            ...  # fit and forecast, with the rows of one store

    Registry().log_model(Forecast(), model_name="forecast").run(X, partition_column="STORE_ID")

What differs from Snowflake's is in docs/from-snowflake.md.
"""

import os

__all__ = ["CustomModel", "ModelContext", "ModelRef", "inference_api", "partitioned_api", "partitioned_inference_api"]

#: The attribute of a method that says how it is called.
_KIND = "__partwise_api__"


def partitioned_api(method):
    """Declares a method that gets all rows of a partition and returns a DataFrame of any number of rows."""
    return _declared(method, "partitioned")


#: Its name in earlier versions of Snowflake's package.
partitioned_inference_api = partitioned_api


def inference_api(method):
    """Declares a method that gets any rows and returns a DataFrame with a row for each."""
    return _declared(method, "inference")


def _declared(method, kind):
    if not callable(method):
        raise TypeError(f"@{kind}_api declares a method, not {method!r}.")
    setattr(method, _KIND, kind)
    return method


class ModelRef:
    """A model of a `ModelContext`: its methods and attributes are the model's."""

    def __init__(self, name, load):
        self._name = name
        self._load = load

    @property
    def model(self):
        return self._load(self._name)

    def __getattr__(self, name):
        return getattr(self._load(self._name), name)

    def __call__(self, *args, **kwargs):
        return self._load(self._name)(*args, **kwargs)


class ModelContext:
    """The models and files that a custom model needs, by name.

    - `models`: objects that can be pickled, such as one model for each store.
    - `artifacts`: paths of files.
    - other keywords: a string is the path of a file, anything else is a model.

    Each is stored on its own and loaded when it is asked for: a partition loads the models that it uses.
    """

    def __init__(self, *, artifacts=None, models=None, **others):
        self._models = dict(models or {})
        self._files = dict(artifacts or {})
        for name, value in others.items():
            target = self._files if isinstance(value, (str, os.PathLike)) else self._models
            if name in self._models or name in self._files:
                raise ValueError(f"ModelContext has two things named {name!r}. Rename one.")
            target[name] = value
        both = sorted(set(self._models) & set(self._files))
        if both:
            raise ValueError(f"ModelContext has a model and a file named {both[0]!r}. Rename one.")
        for name, path in self._files.items():
            if not os.path.isfile(path):
                raise FileNotFoundError(
                    f"ModelContext: the artifact {name!r} is {os.fspath(path)!r}, which is not a file."
                )

    @property
    def model_refs(self):
        """The models, by name."""
        return {name: self.model_ref(name) for name in self._models}

    @property
    def artifacts(self):
        """The paths of the files, by name."""
        return {name: self.path(name) for name in self._files}

    def model_ref(self, name):
        """A model by its name. Raises KeyError."""
        self._check(name, self._models, "model")
        return ModelRef(name, self._model)

    def path(self, name):
        """The path of a file by its name. Raises KeyError."""
        self._check(name, self._files, "artifact")
        return os.fspath(self._file(name))

    def __getitem__(self, name):
        return self._model(name) if name in self._models else self.path(name)

    def __contains__(self, name):
        return name in self._models or name in self._files

    def _model(self, name):
        return self._models[name]

    def _file(self, name):
        return self._files[name]

    def _check(self, name, known, what):
        if name not in known:
            names = ", ".join(map(repr, sorted(known))) or "none"
            raise KeyError(f"The ModelContext has no {what} {name!r}; it has {names}.")


class CustomModel:
    """The base of custom models. `context` is a `ModelContext`; without one, it is empty."""

    def __init__(self, context=None):
        if context is not None and not isinstance(context, ModelContext):
            raise TypeError(f"CustomModel: context is {context!r}. Pass a ModelContext.")
        self.context = ModelContext() if context is None else context


def methods_of(model):
    """The declared methods of a custom model: `{name: "partitioned" or "inference"}`."""
    found = {}
    for name in dir(type(model)):
        kind = getattr(getattr(type(model), name, None), _KIND, None)
        if kind is not None:
            found[name] = kind
    return found
