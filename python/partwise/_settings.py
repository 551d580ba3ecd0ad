"""The settings of declared functions: their names are those of Python, and are recorded in those of the protocol."""

import difflib
import inspect

from ._errors import FunctionsFileError

_RULE = {
    "maximum_attempts": "maximumAttempts",
    "initial_interval": "initialInterval",
    "backoff_coefficient": "backoffCoefficient",
    "maximum_interval": "maximumInterval",
}
_RETRY = {**_RULE, "by_error_type": "byErrorType", "non_retryable_error_types": "nonRetryableErrorTypes"}
_DURATIONS = ("initial_interval", "maximum_interval")


def given_settings(decorator, unknown, *, timeout, retry, big_task_queue, **settings):
    """The settings that are not None, under the names of the protocol. Seconds become milliseconds.

    `unknown` are misspelt arguments of the decorator.
    """
    declared_by = decorator.__name__
    parameters = inspect.signature(decorator).parameters.values()
    for name in unknown:
        names = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
        raise FunctionsFileError(f"{declared_by}: {unknown_setting(name, name, names)}")
    retry = retry_settings(retry, declared_by)
    given = {**settings, "timeout": milliseconds(timeout), "retry": retry, "bigTaskQueue": big_task_queue}
    return {name: value for name, value in given.items() if value is not None}


def retry_settings(retry, declared_by):
    """The setting `retry` under the names of the protocol; names of errors stay as they are."""
    if not isinstance(retry, dict):
        return retry
    retry = _renamed(retry, _RETRY, "retry", declared_by)
    rules = retry.get("byErrorType")
    if isinstance(rules, dict):
        retry["byErrorType"] = {
            each: _renamed(rule, _RULE, f"retry.by_error_type.{each}", declared_by) if isinstance(rule, dict) else rule
            for each, rule in rules.items()
        }
    return retry


def _renamed(given, names, place, declared_by):
    for name in given:
        if name not in names:
            raise FunctionsFileError(f"{declared_by}: {unknown_setting(name, f'{place}.{name}', names)}")
    return {
        names[name]: milliseconds(value) if name in _DURATIONS else value
        for name, value in given.items()
        if value is not None
    }


def milliseconds(duration):
    """Numbers are seconds, as everywhere in Python."""
    return duration * 1000 if isinstance(duration, (int, float)) and not isinstance(duration, bool) else duration


def unknown_setting(name, path, names):
    """The sentence for a setting that does not exist; `path` is where it stands."""
    plain = {each.replace("_", ""): each for each in names}
    close = difflib.get_close_matches(str(name).replace("_", "").lower(), plain, n=1)
    meant = f' Did you mean "{plain[close[0]]}"?' if close else ""
    return f'"{path}" is not a setting.{meant} These are: {", ".join(names)}.'
