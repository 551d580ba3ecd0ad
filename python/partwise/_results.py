"""What partition functions return, as columns of tables.

Columns of one partition have one type each; partitions are joined where nothing is lost.
"""

import datetime
import decimal
import functools
import json
import re
import struct
import uuid

from ._cells import Column, cell, describe
from ._errors import InvalidResult
from ._source_types import NO_SOURCE

#: Arrow's types of text.
_TEXTS = ("string", "large_string", "string_view")
_RETURN = "Return a dictionary, a list of dictionaries, a DataFrame or an Arrow table, or nothing."


class NotRows(InvalidResult):
    """The result is no table at all: plain functions may return such a thing, and it is not kept."""


class Rows:
    """The rows of one result."""

    __slots__ = ("count", "columns")

    def __init__(self, count, columns):
        self.count = count
        #: Of `_columns.Column`, by name.
        self.columns = columns


NO_ROWS = Rows(0, {})


def take(result, key, output=None, source=NO_SOURCE):
    """Copies a result, so that later changes have no effect. Raises `InvalidResult`.

    `key` is the partition key by column: key columns are checked and left out, since they are added anyway.
    `output` has the declared columns (`_declared`), or is None. `source` has the types of the source's columns.
    Functions of models return `Rows` themselves.
    """
    if isinstance(result, Rows):
        return result
    if result is None:
        return NO_ROWS
    if isinstance(result, dict):
        rows = _from_plain_row(result, key, source) if output is None else None
        return _from_dictionaries([result], key, output, source) if rows is None else rows
    if isinstance(result, (list, tuple)):
        for i, row in enumerate(result):
            if not isinstance(row, dict):
                raise NotRows(f"The function returned a list whose item {i} is {describe(row)}. {_RETURN}")
        return _from_dictionaries(result, key, output, source)
    from ._tables import table_parts

    parts = table_parts(result)
    if parts is None:
        raise NotRows(f"The function returned {describe(result)}. {_RETURN}")
    return _from_columns(*parts, key, output, source)


def _from_plain_row(row, key, source):
    """What `_from_dictionaries` makes of one row, in a third of the time; None for names that need a closer look."""
    if type(row) is not dict or source.knows(row) or not _are_plain(tuple(row), tuple(key)):
        return None
    columns = {}
    for name, value in row.items():
        if type(name) is not str:
            return None
        kind, taken = cell(value, name, 0)
        columns[name] = Column(kind, [taken])
    return Rows(1, columns)


@functools.lru_cache(maxsize=4096)
def _are_plain(names, key_names):
    """Whether names of columns are text, valid, different without regard to case, and not those of the key."""
    if not all(isinstance(name, str) and name_problem(name) is None for name in names):
        return False
    lower = {name.lower() for name in names}
    return len(lower) == len(names) and lower.isdisjoint(name.lower() for name in key_names)


def _from_dictionaries(rows, key, output, source):
    from ._columns import ColumnBuilder
    from ._tables import text_name

    names = _Names(key, output)
    builders = {}
    for i, row in enumerate(rows):
        for name, value in row.items():
            if type(name) is not str:
                name = text_name(name)
            builder = builders.get(name)
            if builder is None:
                if names.is_key(name):
                    names.check_key(name, value, i)
                    continue
                names.add(name, i)
                builder = builders[name] = (
                    names.builder(name, i) if output else ColumnBuilder(name, i, source.time_of(name))
                )
            if len(builder.values) > i:
                raise InvalidResult(f'Row {i} has the column "{name}" twice. Rename one.')
            builder.add(value, i)
        for builder in builders.values():
            if len(builder.values) <= i:
                builder.values.append(None)
    columns = {name: builder.column() for name, builder in builders.items()}
    return _rows(len(rows), columns, output, source)


def _rows(count, columns, output, source):
    if output is not None:
        return Rows(count, output.completed(columns, count))
    for name, column in columns.items():
        if column.kind == "VARCHAR":
            column.kind = source.kind_of(name, column.values)
    return Rows(count, columns)


def _from_columns(given, arrays, count, key, output, source):
    from ._columns import arrow_column, listed_column

    names = _Names(key, output)
    columns = {}
    for name, values in zip(given, arrays):
        if names.is_key(name):
            for i, value in enumerate(_listed(values)):
                names.check_key(name, value, i)
            continue
        if name in columns:
            raise InvalidResult(f'The result has the column "{name}" twice. Rename one.')
        names.add(name, 0)
        if output is not None:
            columns[name] = output.column(name, values, _listed)
        else:
            time_of = source.time_of(name)
            if time_of is not None and not isinstance(values, list) and str(values.type) in _TEXTS:
                values = values.to_pylist()
            is_list = isinstance(values, list)
            columns[name] = listed_column(values, name, time_of) if is_list else arrow_column(values, name)
    return _rows(count, columns, output, source)


def _listed(values):
    """Values of an Arrow array as Python's; text where Python has none."""
    from ._types import plain_values

    return values if isinstance(values, list) else plain_values(values)


class _Names:
    """The names of one result's columns."""

    def __init__(self, key, output):
        self._key = key
        self._keys = {name.lower(): name for name in key}
        self._output = output
        self._spelled = {}

    def is_key(self, name):
        return name.lower() in self._keys

    def check_key(self, name, value, row):
        key_name = self._keys[name.lower()]
        key_value = self._key[key_name]
        if not _is_same(value, key_value):
            raise InvalidResult(
                f"Row {row} has {name} = {value!r}, but this is the partition where {key_name} = {key_value!r}. "
                f'Key columns are added automatically: leave "{name}" out, or rename it.'
            )

    def builder(self, name, nulls):
        return self._output.builder(name, nulls)

    def add(self, name, row):
        """Raises `InvalidResult` unless there may be a column of that name."""
        if self._output is not None:
            self._output.check_name(name, row)
        known = self._spelled.setdefault(name.lower(), name)
        if known != name:
            raise InvalidResult(
                f'Row {row} has the column "{name}", but there is also "{known}": column names are not '
                "case-sensitive. Rename one."
            )
        problem = name_problem(name)
        if problem is not None:
            raise InvalidResult(f"Row {row} has a column with {problem}. Rename it.")


@functools.lru_cache(maxsize=4096)
def name_problem(name):
    """The end of a sentence about a column's name, or None."""
    if name == "":
        return "an empty name"
    if name.lower().startswith("__partwise_"):
        return f'a name that is reserved for Partwise, "{name}"'
    if "\0" in name:
        return f"a NUL in its name, {name!r}, which SQL does not allow"
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return f"a lone surrogate in its name, {name!r}"
    return None


def _is_same(value, key):
    """Whether a returned value is the key's, in the type that the function got or in a similar one."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or value != value:
        return True
    if isinstance(value, datetime.datetime) and not isinstance(key, datetime.datetime):
        # pandas' times of a key that is a date.
        return str(key) in (str(value), str(value.date())) and value.time() == datetime.time()
    if isinstance(value, float) and isinstance(key, decimal.Decimal):
        return value == float(key)
    if isinstance(value, uuid.UUID):
        value = str(value)
    if isinstance(value, str) and not isinstance(key, str):
        return _is_dpf_text(value, key)
    if isinstance(key, str) and not isinstance(value, str):
        return False
    return bool(value == key) or str(value) == str(key)


def _is_dpf_text(text, key):
    """Whether it is what `context.partition_id` has for a key: DuckDB writes some values shorter than Python."""
    if text == str(key):
        return True
    if isinstance(key, (datetime.datetime, datetime.time)):
        shorter = _TRAILING_ZEROS.sub(r"\1", str(key))
        return shorter in (text, f"{text}:00")
    # FLOATs are Python's floats here, with more digits.
    return isinstance(key, float) and _FLOAT_TEXT.fullmatch(text) is not None and _float32(float(text)) == _float32(key)


_TRAILING_ZEROS = re.compile(r"(\.\d*?)0+(?=\+|$)")
_FLOAT_TEXT = re.compile(r"-?\d+(\.\d+)?(e[+-]\d+)?")


def _float32(value):
    try:
        return struct.pack("f", value)
    except OverflowError:
        return value


def preview(rows, limit=20, size=1024):
    """The first kibibyte of the rows as JSON text, or None if there is nothing to show."""
    if rows.count == 0:
        return None
    shown = min(rows.count, limit)
    listed = {
        name: column.values if isinstance(column.values, list) else _listed(column.values.slice(0, shown))
        for name, column in rows.columns.items()
    }
    objects = [{name: values[i] for name, values in listed.items()} for i in range(shown)]
    text = json.dumps(objects[0] if rows.count == 1 else objects, ensure_ascii=False, default=str)
    content = text.encode("utf-8", "replace")
    if len(content) <= size:
        return content.decode("utf-8")
    return content[: size - 3].decode("utf-8", "ignore") + "…"
