"""Snowflake's model registry on Partwise's: models, versions, the default version, aliases, metrics and tags.

::

    from partwise.registry import Registry

    registry = Registry()
    version = registry.log_model(Forecast(), model_name="forecast", version_name="v1")
    predictions = version.run(X, function_name="predict", partition_column="STORE_ID")

It is the registry of the project's warehouse, which `partwise models` shows.
"""

import json
import os
import re
import tempfile
import uuid

from ._client.views import view
from ._errors import PartwiseError

__all__ = ["Model", "ModelVersion", "Registry", "RegistryError"]

_DEFAULT = "default"
_METRIC = "metric."
_VERSION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,79}")


class RegistryError(PartwiseError):
    """Something that the registry does not have, or cannot do."""


class Registry:
    """The models of a project.

    `project` is its folder. `session`, `database_name` and `schema_name` are accepted and not used: the registry is in
    the project's warehouse.
    """

    def __init__(self, session=None, *, database_name=None, schema_name=None, options=None, project=None):
        from ._client.client import Partwise

        self._partwise = Partwise(project)

    def log_model(
        self,
        model,
        *,
        model_name,
        version_name=None,
        comment=None,
        metrics=None,
        options=None,
        sample_input_data=None,
        signatures=None,
        **environment,
    ):
        """Stores a custom model as a new version, and returns the `ModelVersion`.

        `version_name` is unique for the model; default: `v` and the version's number. `options`, `sample_input_data`,
        `signatures`, and what describes the environment (`conda_dependencies`, `python_version`, …) are accepted and
        not used: methods get DataFrames with the columns that they are called with, and functions run in the
        environment of the workers.
        """
        from ._client.packages import DEFINITION, Package, parts_of
        from .custom_model import CustomModel, methods_of

        if not isinstance(model, CustomModel):
            raise TypeError(
                f"log_model stores custom models, and this is a {type(model).__name__}. Put it into a ModelContext: "
                "CustomModel(ModelContext(model=...)), or train it for each partition: ManyModelTraining."
            )
        methods = methods_of(model)
        if not methods:
            raise TypeError(
                f"{type(model).__name__} has no method declared with @partitioned_api or @inference_api, so there is "
                "nothing to run."
            )
        if version_name is not None:
            self._check_name(model_name, version_name)
        parts = parts_of(model)
        run_id = f"log-{re.sub(r'[^A-Za-z0-9_-]', '-', model_name)}-{uuid.uuid4().hex[:8]}"
        run = self._partwise.start(
            Package,
            _table(parts),
            by="part",
            run_id=run_id,
            task="train",
            output={"model": model_name, "base": "none"},
        )
        state = run.wait()
        if state.status != "SUCCESS":
            raise RegistryError(f'The model "{model_name}" was not stored: {state["error"]["message"]}')
        number = next(each["version"] for each in self._versions(model_name) if each["run"] == run_id)
        name = f"v{number}" if version_name is None else version_name
        tags = {"version_name": name, "definition": DEFINITION, "functions": json.dumps(methods)}
        tags.update({f"{_METRIC}{key}": json.dumps(value) for key, value in (metrics or {}).items()})
        described = {} if comment is None else {"description": comment}
        self._ask("tagVersion", model=model_name, version=number, changes={"tags": tags, **described})
        if sum(_name_of(each) == name for each in self._versions(model_name)) > 1:
            # Another program stored a version of this name at the same time, and may give up as well.
            self._ask("deleteVersion", model=model_name, version=number)
            raise _taken(model_name, name)
        version = ModelVersion(self, model_name, number)
        if _DEFAULT not in self._listing(model_name)["aliases"]:
            self._ask("promote", model=model_name, version=number, alias=_DEFAULT)
        return version

    def _check_name(self, model_name, version_name):
        if not _VERSION_NAME.fullmatch(version_name) or version_name in (_DEFAULT, "latest"):
            raise ValueError(
                f"version_name is {version_name!r}. Use letters, digits, _, - and ., starting with a letter; "
                '"default" and "latest" have a meaning of their own.'
            )
        if any(each["name"] == model_name for each in self._ask("models")):
            if any(_name_of(each) == version_name for each in self._versions(model_name)):
                raise _taken(model_name, version_name)

    def get_model(self, model_name):
        """A model by its name. Raises `RegistryError`."""
        names = [each["name"] for each in self._ask("models")]
        if model_name not in names:
            raise RegistryError(
                f'There is no model "{model_name}"; there is {", ".join(names) or "none"}. log_model stores one.'
            )
        return Model(self, model_name)

    def models(self):
        """All models."""
        return [Model(self, each["name"]) for each in self._ask("models")]

    def show_models(self):
        """All models as a DataFrame."""
        import pandas

        return pandas.DataFrame(
            [
                {
                    "name": each["name"],
                    "default_version_name": Model(self, each["name"]).default.version_name,
                    "versions": [version.version_name for version in Model(self, each["name"]).versions()],
                    "aliases": each["aliases"],
                }
                for each in self._ask("models")
            ]
        )

    def delete_model(self, model_name):
        """Deletes a model with all of its versions. Raises `RegistryError`."""
        self.get_model(model_name)
        first, *others = [each["version"] for each in self._versions(model_name)]
        for alias in self._listing(model_name)["aliases"]:
            # A version that an alias points at is only deleted as the last one.
            self._ask("promote", model=model_name, version=first, alias=alias)
        for number in (*others, first):
            self._ask("deleteVersion", model=model_name, version=number)

    def _versions(self, model_name):
        return self._ask("modelVersions", model=model_name)

    def _listing(self, model_name):
        return self._ask("model", model=model_name)

    def _ask(self, operation, **params):
        return self._partwise._host.ask(operation, params)


class Model:
    """A model of the registry."""

    def __init__(self, registry, name):
        self._registry = registry
        self.name = name

    def __repr__(self):
        return f"<Model {self.name}>"

    def version(self, version_or_alias):
        """A version by its name, an alias, or its number."""
        versions = self._registry._versions(self.name)
        for each in versions:
            if version_or_alias in (_name_of(each), each["version"], *each["aliases"]):
                return ModelVersion(self._registry, self.name, each["version"])
        if version_or_alias == "latest":
            return ModelVersion(self._registry, self.name, versions[-1]["version"])
        aliases = sorted({alias for each in versions for alias in each["aliases"]})
        raise RegistryError(
            f'The model "{self.name}" has no version "{version_or_alias}"; it has {", ".join(map(_name_of, versions))} '
            f"and the aliases {', '.join(['latest', *aliases])}."
        )

    def versions(self):
        """All versions, oldest first."""
        return [
            ModelVersion(self._registry, self.name, each["version"]) for each in self._registry._versions(self.name)
        ]

    def show_versions(self):
        """All versions as a DataFrame."""
        import pandas

        return pandas.DataFrame(
            [
                {
                    "name": each.version_name,
                    "aliases": each.aliases,
                    "comment": each.comment,
                    "created_on": each.created_at,
                    "metrics": each.show_metrics(),
                }
                for each in self.versions()
            ]
        )

    def first(self):
        return self.versions()[0]

    def last(self):
        return self.version("latest")

    @property
    def default(self):
        """The default version: the first one, until another is set."""
        return self.version(_DEFAULT)

    @default.setter
    def default(self, version):
        number = version.number if isinstance(version, ModelVersion) else self.version(version).number
        self._registry._ask("promote", model=self.name, version=number, alias=_DEFAULT)

    def delete_version(self, version_name):
        self._registry._ask("deleteVersion", model=self.name, version=self.version(version_name).number)


class ModelVersion:
    """A version of a model."""

    def __init__(self, registry, model_name, number):
        self._registry = registry
        self.model_name = model_name
        #: Partwise's number of the version, from 1.
        self.number = number

    def __repr__(self):
        return f"<ModelVersion {self.model_name} {self.version_name}>"

    def _view(self):
        return view(self._registry._ask("modelVersion", model=self.model_name, version=self.number))

    def _tag(self, tags):
        self._registry._ask("tagVersion", model=self.model_name, version=self.number, changes={"tags": tags})

    @property
    def version_name(self):
        return _name_of(self._view())

    @property
    def aliases(self):
        return self._view()["aliases"]

    @property
    def created_at(self):
        return self._view()["createdAt"]

    @property
    def comment(self):
        return self._view()["description"]

    @comment.setter
    def comment(self, text):
        changes = {"description": text}
        self._registry._ask("tagVersion", model=self.model_name, version=self.number, changes=changes)

    def set_alias(self, alias):
        """Points an alias at this version, wherever it pointed before."""
        self._registry._ask("promote", model=self.model_name, version=self.number, alias=alias)

    def set_metric(self, name, value):
        self._tag({f"{_METRIC}{name}": json.dumps(value)})

    def get_metric(self, name):
        metrics = self.show_metrics()
        if name not in metrics:
            raise KeyError(f"The version has no metric {name!r}; it has {', '.join(metrics) or 'none'}.")
        return metrics[name]

    def delete_metric(self, name):
        self.get_metric(name)
        self._tag({f"{_METRIC}{name}": None})

    def show_metrics(self):
        """The metrics by name."""
        tags = self._view()["tags"]
        return {key[len(_METRIC) :]: json.loads(text) for key, text in tags.items() if key.startswith(_METRIC)}

    def set_tag(self, name, value):
        self._tag({name: value})

    def show_tags(self):
        """The tags by name."""
        own = ("version_name", "definition", "functions")
        return {
            key: text for key, text in self._view()["tags"].items() if key not in own and not key.startswith(_METRIC)
        }

    def show_functions(self):
        """The methods that can be run: `[{"name", "target_method_function_type"}]`."""
        kinds = {"partitioned": "TABLE_FUNCTION", "inference": "FUNCTION"}
        return [{"name": name, "target_method_function_type": kinds[kind]} for name, kind in self._functions().items()]

    def load(self):
        """The custom model, in this process. Its class and models run code as they are loaded."""
        from ._client.packages import INSTANCE, loaded

        stack = loaded(self._part(INSTANCE), self._part)
        model = stack.__enter__()
        # Its files are needed as long as it is.
        model._partwise_files = stack
        return model

    def run(self, X, *, function_name=None, partition_column=None, run_id=None, strict_input_validation=False):
        """Calls a method for each partition of `X`, durably, and returns the rows of all of them.

        `X` is what a run can read (a DataFrame, a table's name, a query, a file). Rows come as a pandas DataFrame, the
        partition column first, spelled as it is passed. `function_name` may be left out if there is one method. A
        method declared with `@inference_api` needs no `partition_column`: without one, it is called in this process.
        """
        name = self._function(function_name)
        if partition_column is None:
            if self._functions()[name] == "inference":
                return getattr(self.load(), name)(X)
            raise ValueError(
                f"{name} is called for each partition, so run needs partition_column, the column that makes them. "
                "For all rows at once, add a column with one value."
            )
        run = self.start(X, function_name=name, partition_column=partition_column, run_id=run_id)
        state = run.wait()
        if state.status != "SUCCESS":
            raise RegistryError(f'The run "{run.run_id}" ended as {state.status}: {state["error"]["message"]}')
        # On Snowflake, Partwise has plain names in lower case.
        given = [partition_column] if isinstance(partition_column, str) else partition_column
        spelled = {name.lower(): name for name in given}
        return run.results().rename(columns=lambda name: spelled.get(name.lower(), name))

    def start(self, X, *, function_name=None, partition_column, run_id=None, **settings):
        """Starts what `run` runs, and returns the run: `settings` are those of `Partwise.start`."""
        from ._client.packages import INSTANCE, Method

        partwise = self._registry._partwise
        names = partwise._has_snowflake_names(X)
        method = Method(self._part(INSTANCE), self._function(function_name), self._view()["run"], names)
        return partwise.start(method, X, by=partition_column, run_id=run_id, **settings)

    def _functions(self):
        return json.loads(self._view()["tags"].get("functions", "{}"))

    def _function(self, name):
        known = self._functions()
        if name is None and len(known) == 1:
            return next(iter(known))
        if name not in known:
            given = "is missing" if name is None else f"is {name!r}"
            raise ValueError(f"function_name {given}; the version has {', '.join(known) or 'no functions'}.")
        return name

    def _part(self, part):
        """The content of a part."""
        from ._client.packages import part_id

        with tempfile.TemporaryDirectory(prefix="partwise-") as folder:
            path = os.path.join(folder, "part")
            params = {"model": self.model_name, "version": self.number, "partition": part_id(part), "file": path}
            self._registry._partwise._host.ask("saveModel", params)
            with open(path, "rb") as file:
                return file.read()


def _name_of(version):
    """The name of a version as the host describes it."""
    return version["tags"].get("version_name", str(version["version"]))


def _taken(model_name, version_name):
    return RegistryError(
        f'The model "{model_name}" has a version "{version_name}" already. Choose another version_name.'
    )


def _table(parts):
    import pyarrow as pa

    return pa.table({"part": list(parts), "content": pa.array(list(parts.values()), pa.binary())})
