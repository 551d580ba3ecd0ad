"""Types of the source's columns that Python has as text: returned under the same name, values get them back."""

import json
import re

from ._types import days_of, microseconds_of

_TEXTS = {
    "INTERVAL": r"(?=[-\d])(-?\d+ years? ?)?(-?\d+ months? ?)?(-?\d+ days? ?)?(-?\d+:\d\d:\d\d(\.\d+)?)?",
    "TIME WITH TIME ZONE": r"\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d){0,2}",
    "UUID": r"[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}",
    "BIT": r"[01]+",
}
#: Dates that Python has are returned as dates: text of these stays text.
_BEYOND = re.compile(r"-?infinity|\d{5,6}-.*|.*\(BC\).*")
_TIMES = {
    "DATE": ("DATE", days_of),
    "TIMESTAMP": ("TIMESTAMP", microseconds_of),
    "TIMESTAMP_S": ("TIMESTAMP", microseconds_of),
    "TIMESTAMP_MS": ("TIMESTAMP", microseconds_of),
    "TIMESTAMP WITH TIME ZONE": ("TIMESTAMP WITH TIME ZONE", microseconds_of),
}


class SourceTypes:
    """`columns` are the source's, with DuckDB's types."""

    def __init__(self, columns):
        self._texts = {}
        self._times = {}
        for each in columns:
            if each["type"] in _TEXTS:
                self._texts[each["name"]] = (each["type"], re.compile(_TEXTS[each["type"]], re.IGNORECASE).fullmatch)
            elif each["type"] == "JSON":
                self._texts[each["name"]] = ("JSON", _is_json)
            elif each["type"] in _TIMES:
                self._times[each["name"]] = _TIMES[each["type"]]

    def knows(self, names):
        """Whether one of some columns may have a type of the source."""
        texts, times = self._texts, self._times
        return any(name in texts or name in times for name in names)

    def time_of(self, name):
        """A function from text to kind and ticks of a time that Python's values do not have, or None if it is none."""
        known = self._times.get(name)
        if known is None:
            return None
        kind, ticks_of = known

        def read(text):
            ticks = ticks_of(text) if _BEYOND.fullmatch(text) else None
            return None if ticks is None else (kind, ticks)

        return read

    def kind_of(self, name, values):
        """The kind of a column of text: that of the source's column if all values are of it."""
        known = self._texts.get(name)
        if known is None:
            return "VARCHAR"
        kind, is_of = known
        listed = values if isinstance(values, list) else values.to_pylist()
        return kind if all(value is None or is_of(value) for value in listed) else "VARCHAR"


def _is_json(text):
    try:
        json.loads(text)
        return True
    except ValueError:
        return False


NO_SOURCE = SourceTypes([])
