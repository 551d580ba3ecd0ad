"""Stands in for Snowflake's modules that a driver imports, where the real ones are not installed."""

import importlib
import importlib.abc
import importlib.machinery
import sys
import types

_DISTRIBUTORS = "snowflake.ml.modeling.distributors"
#: Modules of Snowflake's packages, and which of ours has their names.
MODULES = {
    f"{_DISTRIBUTORS}.distributed_partition_function": "partwise.dpf",
    f"{_DISTRIBUTORS}.distributed_partition_function.dpf": "partwise.dpf",
    f"{_DISTRIBUTORS}.distributed_partition_function.dpf_run": "partwise.dpf",
    f"{_DISTRIBUTORS}.distributed_partition_function.entities": "partwise.dpf",
    f"{_DISTRIBUTORS}.many_model": "partwise.many_model",
    f"{_DISTRIBUTORS}.many_model.entities": "partwise.many_model",
    f"{_DISTRIBUTORS}.many_model.many_model_training": "partwise.many_model",
    f"{_DISTRIBUTORS}.many_model.many_model_inference": "partwise.many_model",
    f"{_DISTRIBUTORS}.many_model.serde": "partwise.many_model",
    "snowflake.ml.model.custom_model": "partwise.custom_model",
    "snowflake.ml.registry": "partwise.registry",
    "snowflake.ml.registry.registry": "partwise.registry",
    "snowflake.ml.runtime_cluster": "partwise._snowpark",
    "snowflake.ml.utils.connection_params": "partwise._snowpark",
    "snowflake.snowpark": "partwise._snowpark",
    "snowflake.snowpark.context": "partwise._snowpark",
    "snowflake.snowpark.session": "partwise._snowpark",
}
_PACKAGES = {name.rsplit(".", i)[0] for name in MODULES for i in range(1, name.count(".") + 1)} - set(MODULES)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self):
        #: Of our modules, by the names that they stand in for.
        self._specs = {}

    def find_spec(self, fullname, path=None, target=None):
        if fullname in MODULES or fullname in _PACKAGES:
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        if fullname.startswith(("snowflake.ml.", "snowflake.snowpark.")):
            raise ModuleNotFoundError(
                f"{fullname} is not installed, and Partwise has nothing in its place. It has: "
                f"{', '.join(sorted(MODULES))}.",
                name=fullname,
            )
        return None

    def create_module(self, spec):
        if spec.name in _PACKAGES:
            return types.ModuleType(spec.name)
        # The module itself, so that functions that refer to it find it where Partwise is installed.
        module = importlib.import_module(MODULES[spec.name])
        self._specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module):
        taken = module.__spec__
        if taken.name in MODULES:
            # The import system has written the other name's there.
            module.__spec__ = self._specs[taken.name]


def install():
    """Puts the stand-ins last, so that installed modules are found first."""
    if not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.append(_Finder())
