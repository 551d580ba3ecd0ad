"""Builds the input of a run from what a program passes, in Python's names."""

import re

from .._errors import FunctionsFileError
from .._settings import milliseconds, retry_settings, unknown_setting

#: The fields of an input, and those of its `options`, that are keywords here: `max_concurrency=4`.
_FIELDS = frozenset(
    (
        "params sql where snapshot only output model notify on_existing rerun_missing failed_with ordinals generation scheduled_time time_zone "
        "on_unchanged series warehouse stage python functions"
    ).split()
)
_OPTIONS = frozenset(
    (
        "max_concurrency tolerated_failures fail_fast run_timeout retry timeout memory heartbeat_timeout "
        "max_partitions allow_empty partitions_per_unit warehouse_options"
    ).split()
)
#: Where Python's name is not that of the field: an input's `warehouse` is the place itself.
_OTHER = {"warehouse_options": "warehouse"}
#: Dictionaries whose names are settings, not the user's.
_SETTINGS = frozenset(("output", "model"))
_DURATIONS = frozenset(("timeout", "run_timeout", "heartbeat_timeout"))


def input_of(function, source, by, settings):
    """The input of a run: `settings` have the names of Python. Raises TypeError for one that does not exist."""
    unknown = sorted(set(settings) - _FIELDS - _OPTIONS)
    if unknown:
        known = sorted(_FIELDS | _OPTIONS)
        raise TypeError("\n".join(f"A run: {unknown_setting(name, name, known)}" for name in unknown))
    given = {name: value for name, value in settings.items() if value is not None}
    built = {"function": function, "source": source}
    if by is not None:
        built["partitionBy"] = [by] if isinstance(by, str) else list(by)
    for name, value in given.items():
        target = built.setdefault("options", {}) if name in _OPTIONS else built
        target[_OTHER.get(name, _camel(name))] = _value_of(name, value)
    return built


def changes_of(settings):
    """What a retry changes."""
    built = input_of(None, None, None, settings)
    return {name: value for name, value in built.items() if value is not None}


def _value_of(name, value):
    if name == "retry":
        try:
            return retry_settings(value, "A run")
        except FunctionsFileError as problem:
            raise TypeError(str(problem)) from None
    if name in _DURATIONS:
        return milliseconds(value)
    is_settings = name in _SETTINGS and isinstance(value, dict)
    return {_camel(each): inner for each, inner in value.items()} if is_settings else value


def _camel(name):
    return re.sub(r"_([a-z])", lambda match: match.group(1).upper(), name)
