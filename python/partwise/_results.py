"""What partition functions return, as columns of tables.

Columns of one partition have one type each; partitions are joined where nothing is lost.
"""

import datetime
import decimal
import enum
import json
import math
import os
import uuid
from dataclasses import dataclass
from typing import Any

from ._errors import InvalidResult

_INT64 = 2**63
_DIGITS_38 = 10**38
#: Integers up to this size are exact as floats.
_EXACT_FLOAT = 2**53


class NotRows(InvalidResult):
    """The result is no table at all: plain functions may return such a thing, and it is not kept."""


class Column:
    """Values of one column. `kind` is the type: DuckDB's name of it, or an Arrow type that is kept as it is; None: all
    values are NULL. `values` is a list, or an Arrow array."""

    __slots__ = ("kind", "values")

    def __init__(self, kind, values):
        self.kind = kind
        self.values = values


@dataclass(frozen=True)
class SourceKind:
    """The kind of a column of the source: DuckDB's name of its type, and the Arrow type that stores it."""

    declared: str
    stored: Any


class Rows:
    """The rows of one result."""

    __slots__ = ("count", "columns")

    def __init__(self, count, columns):
        self.count = count
        self.columns = columns


NO_ROWS = Rows(0, {})


def take(result, key):
    """Copies a result, so that later changes have no effect. Raises `InvalidResult`.

    `key` is the partition key by column: key columns are checked and left out, since they are added anyway.
    """
    if isinstance(result, Rows):
        return result
    if result is None:
        return NO_ROWS
    if isinstance(result, dict):
        return _from_dictionaries([result], key)
    if isinstance(result, (list, tuple)):
        for i, row in enumerate(result):
            if not isinstance(row, dict):
                raise NotRows(
                    f"The function returned a list whose item {i} is {describe(row)}. "
                    "Return a dictionary, a list of dictionaries, a DataFrame or an Arrow table, or nothing."
                )
        return _from_dictionaries(result, key)
    table = _as_arrow(result)
    if table is None:
        raise NotRows(
            f"The function returned {describe(result)}. "
            "Return a dictionary, a list of dictionaries, a DataFrame or an Arrow table, or nothing."
        )
    return _from_columns(*table, key)


def describe(value):
    """`a Booster`, `the number 3`: for messages."""
    if isinstance(value, (bool, int, float)):
        return f"the value {value!r}"
    if isinstance(value, str):
        return f'the text "{value[:100]}"'
    name = type(value).__name__
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


# Dictionaries


def _from_dictionaries(rows, key):
    names = {}
    columns = {}
    keys = {name.lower(): name for name in key}
    for i, row in enumerate(rows):
        for name, value in row.items():
            if type(name) is not str:
                name = _text_name(name)
            known = keys.get(name.lower())
            if known is not None:
                _check_key(name, value, known, key[known], i)
                continue
            column = columns.get(name)
            if column is None:
                _check_name(name, names, i)
                column = columns[name] = Column(None, [None] * i)
            values = column.values
            if len(values) > i:
                raise InvalidResult(f'Row {i} has the column "{name}" twice. Rename one.')
            kind, taken = _cell(value, name, i)
            if kind is not None and kind != column.kind:
                column.kind = _joined_in_partition(column, kind, taken, name, i)
            values.append(taken)
        for column in columns.values():
            if len(column.values) <= i:
                column.values.append(None)
    for name, column in columns.items():
        if column.kind == "DOUBLE":
            _check_exact(name, column.values)
    return Rows(len(rows), columns)


def _joined_in_partition(column, kind, value, name, row):
    if column.kind is None:
        return kind
    joined = joined_kind(column.kind, kind)
    if joined is None:
        first = next(i for i, each in enumerate(column.values) if each is not None)
        raise InvalidResult(
            f'The column "{name}" is {_word(column.kind)} in row {first} and {_word(kind)} in row {row}. '
            "Return one type per column."
        )
    return joined


def _check_exact(name, values):
    """A column of fractions stores integers as floats."""
    for i, value in enumerate(values):
        if type(value) is int and not -_EXACT_FLOAT <= value <= _EXACT_FLOAT and int(float(value)) != value:
            raise InvalidResult(
                f'The column "{name}" has fractions and, in row {i}, {value}, an integer that would lose digits next '
                "to them. Return text, or leave out the fractions."
            )


def _cell(value, name, row):
    """The kind and the stored value; the kind of NULL is None."""
    take_it = _BY_TYPE.get(type(value))
    if take_it is not None:
        return take_it(value, name, row)
    return _other_cell(value, name, row)


def _int(value, name, row):
    if -_INT64 <= value < _INT64:
        return "BIGINT", value
    if -_DIGITS_38 < value < _DIGITS_38:
        return "DECIMAL(38,0)", value
    raise InvalidResult(f"{_at(name, row)} is an integer of more than 38 digits. Return it as text.")


def _float(value, name, row):
    return (None, None) if value != value else ("DOUBLE", value)


def _str(value, name, row):
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise InvalidResult(
                f"{_at(name, row)} contains a lone surrogate (half of a character), which UTF-8 cannot represent."
            ) from None
    return "VARCHAR", value


def _decimal(value, name, row):
    if not value.is_finite():
        if value.is_nan():
            return None, None
        raise InvalidResult(f"{_at(name, row)} is {value}, which no DECIMAL holds. Return a float, or None.")
    _, digits, exponent = value.as_tuple()
    scale = max(0, -exponent)
    whole = max(len(digits) + exponent, 0)
    if whole + scale > 38:
        raise InvalidResult(f"{_at(name, row)} has more than 38 digits. Round it, or return it as text.")
    return ("DECIMAL", whole, scale), value


def _datetime(value, name, row):
    if value.tzinfo is None:
        return "TIMESTAMP", value
    return "TIMESTAMP WITH TIME ZONE", value.astimezone(datetime.timezone.utc)


def _time(value, name, row):
    if value.tzinfo is not None:
        raise InvalidResult(f"{_at(name, row)} is a time with a time zone. Return a datetime, or a time without one.")
    return "TIME", value


def _json(value, name, row):
    try:
        return "JSON", json.dumps(value, ensure_ascii=False, allow_nan=False, default=_json_value).encode().decode()
    except (TypeError, ValueError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidResult(
            f"{_at(name, row)} cannot be stored as JSON: {error}. Convert it, or leave it out."
        ) from None


def _json_value(value):
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return value.tolist()
    if isinstance(value, decimal.Decimal):
        # Without a detour over a float, which would round it.
        return _Digits(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{describe(value)} is not JSON")


class _Digits(float):
    """A number that JSON shows with all of its digits."""

    def __new__(cls, value):
        self = super().__new__(cls, value)
        self.text = format(value, "f")
        return self

    def __repr__(self):
        return self.text


_BY_TYPE = {
    type(None): lambda value, name, row: (None, None),
    bool: lambda value, name, row: ("BOOLEAN", value),
    int: _int,
    float: _float,
    str: _str,
    bytes: lambda value, name, row: ("BLOB", value),
    decimal.Decimal: _decimal,
    datetime.datetime: _datetime,
    datetime.date: lambda value, name, row: ("DATE", value),
    datetime.time: _time,
    uuid.UUID: lambda value, name, row: ("UUID", str(value)),
    dict: _json,
    list: _json,
    tuple: _json,
}


def _other_cell(value, name, row):
    """Values of packages, and subclasses."""
    module = type(value).__module__.split(".")[0]
    if module == "numpy":
        return _numpy_cell(value, name, row)
    if module == "pandas":
        return _pandas_cell(value, name, row)
    if isinstance(value, (enum.Enum, os.PathLike)):
        raise InvalidResult(f"{_at(name, row)} is {describe(value)}. Return its value as text.")
    if isinstance(value, (bytearray, memoryview)):
        return "BLOB", bytes(value)
    for known in (bool, int, float, str, decimal.Decimal, datetime.datetime, datetime.date, dict, list, tuple):
        if isinstance(value, known):
            return _BY_TYPE[known](value, name, row)
    raise InvalidResult(f"{_at(name, row)} is {describe(value)}, which cannot be stored. {_instead(value)}")


def _instead(value):
    if isinstance(value, datetime.timedelta):
        return "Return its seconds (.total_seconds())."
    return "Return numbers, text, booleans, dates, bytes, dictionaries or lists."


def _numpy_cell(value, name, row):
    if getattr(value, "shape", None) == ():
        kind = value.dtype.kind
        if kind in "biuf":
            return (
                _BY_TYPE[type(value.item())](value.item(), name, row)
                if kind != "f"
                else _float(float(value), name, row)
            )
        if kind == "M":
            return _numpy_time(value, name, row)
        if kind in "US":
            return _cell(value.item(), name, row)
    elif hasattr(value, "tolist") and value.dtype.kind in "biufUO":
        return _json(value.tolist(), name, row)
    raise InvalidResult(f"{_at(name, row)} is {describe(value)}, which cannot be stored. {_numpy_instead(value)}")


def _numpy_instead(value):
    if getattr(getattr(value, "dtype", None), "kind", "") == "m":
        return "Return its seconds: value / numpy.timedelta64(1, 's')."
    return "Convert it to numbers, text or lists."


def _numpy_time(value, name, row):
    import numpy

    if numpy.isnat(value):
        return None, None
    micros = value.astype("datetime64[us]")
    if value.dtype != micros.dtype and micros.astype(value.dtype) != value:
        raise InvalidResult(f"{_at(name, row)} has nanoseconds, which a TIMESTAMP does not hold. Round it.")
    taken = micros.item()
    if not isinstance(taken, datetime.datetime):
        raise InvalidResult(f"{_at(name, row)} is {value}, which is outside the years 1 to 9999. Return text.")
    return "TIMESTAMP", taken


def _pandas_cell(value, name, row):
    import pandas

    if value is pandas.NA or value is pandas.NaT:
        return None, None
    if isinstance(value, pandas.Timestamp):
        if value.nanosecond != 0:
            raise InvalidResult(f"{_at(name, row)} has nanoseconds, which a TIMESTAMP does not hold. Round it.")
        return _datetime(value.to_pydatetime(), name, row)
    if isinstance(value, pandas.Timedelta):
        raise InvalidResult(
            f"{_at(name, row)} is a Timedelta, which cannot be stored. Return its seconds (.total_seconds())."
        )
    raise InvalidResult(f"{_at(name, row)} is {describe(value)}, which cannot be stored. Convert it first.")


# Frames and tables


def _as_arrow(result):
    """Names, Arrow arrays and the number of rows, or None if the result is no table."""
    module, name = type(result).__module__.split(".")[0], type(result).__name__
    if module == "pandas" and name == "DataFrame":
        return _of_frame(result)
    if module == "pandas" and name == "Series":
        return _of_frame(result.to_frame().T.infer_objects())
    if module == "polars" and name in ("DataFrame", "LazyFrame"):
        table = (result.collect() if name == "LazyFrame" else result).to_arrow()
        return table.column_names, table.columns, table.num_rows
    if module == "pyarrow" and name in ("Table", "RecordBatch"):
        return result.schema.names, result.columns, result.num_rows
    return None


def _of_frame(frame):
    names, arrays = [], []
    if any(each is not None for each in frame.index.names):
        frame = frame.reset_index()
    for position, name in enumerate(frame.columns):
        series = frame.iloc[:, position]
        name = "_".join(str(part) for part in name if part != "") if isinstance(name, tuple) else name
        names.append(name if isinstance(name, str) else _text_name(name))
        arrays.append(array_of_series(series, names[-1]))
    return names, arrays, len(frame)


def array_of_series(series, name):
    """An Arrow array, or a list of Python objects that are looked at one by one."""
    import pyarrow as pa

    kind = getattr(series.dtype, "kind", "O")
    if str(series.dtype).startswith(("period", "interval", "Sparse")) or kind in "mc":
        instead = "its seconds (.dt.total_seconds())" if kind == "m" else "numbers or text"
        raise InvalidResult(
            f'The column "{name}" has the type {series.dtype}, which cannot be stored. Return {instead}.'
        )
    if kind == "O" and not str(series.dtype).startswith(("str", "category")):
        return series.tolist()
    array = pa.array(series, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _from_columns(names, arrays, count, key):
    keys = {name.lower(): name for name in key}
    spelled = {}
    columns = {}
    for name, values in zip(names, arrays):
        known = keys.get(name.lower())
        if known is not None:
            listed = values if isinstance(values, list) else values.to_pylist()
            for i, value in enumerate(listed):
                _check_key(name, value, known, key[known], i)
            continue
        if name in columns:
            raise InvalidResult(f'The result has the column "{name}" twice. Rename one.')
        _check_name(name, spelled, 0)
        columns[name] = _listed_column(values, name) if isinstance(values, list) else _arrow_column(values, name)
    return Rows(count, columns)


def _listed_column(values, name):
    column = Column(None, [])
    for i, value in enumerate(values):
        kind, taken = _cell(value, name, i)
        if kind is not None and kind != column.kind:
            column.kind = _joined_in_partition(column, kind, taken, name, i)
        column.values.append(taken)
    if column.kind == "DOUBLE":
        _check_exact(name, column.values)
    return column


def _arrow_column(values, name):
    import pyarrow as pa

    kind = values.type
    if pa.types.is_null(kind) or values.null_count == len(values):
        return Column(None, [None] * len(values))
    if pa.types.is_decimal(kind):
        if kind.precision > 38:
            values = _narrow_decimal(values, name)
        return Column(("DECIMAL", values.type.precision - values.type.scale, values.type.scale), values)
    if pa.types.is_duration(kind) or pa.types.is_interval(kind):
        raise InvalidResult(f'The column "{name}" has the type {kind}, which cannot be stored. Return its seconds.')
    if pa.types.is_large_string(kind) or str(kind) == "string_view":
        values = values.cast(pa.string())
    elif pa.types.is_large_binary(kind):
        values = values.cast(pa.binary())
    elif pa.types.is_dictionary(kind):
        return _arrow_column(values.cast(kind.value_type), name)
    elif pa.types.is_float16(kind):
        values = values.cast(pa.float32())
    elif pa.types.is_timestamp(kind):
        values = _micros(values, name)
    return Column(_KINDS.get(str(values.type), values.type), values)


def _micros(values, name):
    """pandas holds times in nanoseconds, also those without any."""
    import pyarrow as pa

    zone = values.type.tz
    try:
        return values.cast(pa.timestamp("us", "UTC" if zone is not None else None))
    except pa.ArrowInvalid:
        if zone is None and values.type.unit == "ns":
            return values
        raise InvalidResult(
            f'The column "{name}" has times with nanoseconds, which a TIMESTAMP WITH TIME ZONE does not hold. '
            "Round them."
        ) from None


def _narrow_decimal(values, name):
    import pyarrow as pa

    try:
        return values.cast(pa.decimal128(38, values.type.scale))
    except pa.ArrowInvalid:
        raise InvalidResult(f'The column "{name}" has values of more than 38 digits. Return text.') from None


#: Arrow types that are those of Python's values.
_KINDS = {
    "bool": "BOOLEAN",
    "int64": "BIGINT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "timestamp[us]": "TIMESTAMP",
    "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE",
    "date32[day]": "DATE",
    "time64[us]": "TIME",
    "binary": "BLOB",
}


def arrow_type(kind):
    """The Arrow type that stores a kind."""
    import pyarrow as pa

    if isinstance(kind, tuple):
        _, whole, scale = kind
        return pa.decimal128(max(1, whole + scale), scale)
    if isinstance(kind, SourceKind):
        return kind.stored
    if not isinstance(kind, str):
        return kind
    return {
        "BOOLEAN": pa.bool_(),
        "BIGINT": pa.int64(),
        "DECIMAL(38,0)": pa.decimal128(38, 0),
        "DOUBLE": pa.float64(),
        "TIMESTAMP": pa.timestamp("us"),
        "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
        "DATE": pa.date32(),
        "TIME": pa.time64("us"),
        "BLOB": pa.binary(),
    }.get(kind, pa.string())


def arrow_array(column):
    """The column's values as an Arrow array of its kind."""
    import pyarrow as pa

    kind = arrow_type(column.kind)
    if isinstance(column.values, list):
        values = column.values
        if column.kind == "DECIMAL(38,0)":
            values = [None if each is None else decimal.Decimal(each) for each in values]
        elif column.kind == "DOUBLE":
            values = [None if each is None else float(each) for each in values]
        return pa.array(values, kind)
    return column.values if column.values.type == kind else column.values.cast(kind)


def joined_kind(a, b):
    """The kind that holds the values of both, or None if there is none."""
    if a == b or b is None:
        return a
    if a is None:
        return b
    if isinstance(a, tuple) and isinstance(b, tuple):
        whole, scale = max(a[1], b[1]), max(a[2], b[2])
        return ("DECIMAL", whole, scale) if whole + scale <= 38 else None
    numbers = ("BIGINT", "DECIMAL(38,0)", "DOUBLE")
    if a in numbers and b in numbers:
        return numbers[max(numbers.index(a), numbers.index(b))]
    return None


def _word(kind):
    if isinstance(kind, tuple):
        return "a Decimal"
    return {
        "BOOLEAN": "a boolean",
        "BIGINT": "a number",
        "DECIMAL(38,0)": "a number",
        "DOUBLE": "a number",
        "VARCHAR": "text",
        "BLOB": "bytes",
        "JSON": "a dictionary or list",
        "DATE": "a date",
        "TIME": "a time",
        "TIMESTAMP": "a datetime without a time zone",
        "TIMESTAMP WITH TIME ZONE": "a datetime with a time zone",
    }.get(kind, str(kind))


def _at(name, row):
    return f'The column "{name}" of row {row}'


def _text_name(name):
    """Names of columns that are not text, such as the numbers of a frame without names."""
    if isinstance(name, (bool, int)) or type(name).__module__ == "numpy":
        return str(name)
    raise InvalidResult(f"A column is named by {describe(name)}. Name columns by text.")


def _check_name(name, spelled, row):
    known = spelled.setdefault(name.lower(), name)
    if known != name:
        raise InvalidResult(
            f'Row {row} has the column "{name}", but there is also "{known}": column names are not case-sensitive. '
            "Rename one."
        )
    problem = None
    if name == "":
        problem = "an empty name"
    elif name.lower().startswith("__partwise_"):
        problem = f'a name that is reserved for Partwise, "{name}"'
    elif "\0" in name:
        problem = f"a NUL in its name, {name!r}, which SQL does not allow"
    else:
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            problem = f"a lone surrogate in its name, {name!r}"
    if problem is not None:
        raise InvalidResult(f"Row {row} has a column with {problem}. Rename it.")


def _check_key(name, value, key_name, key_value, row):
    if value is None and key_value is not None:
        return
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if value == key_value or (isinstance(value, float) and math.isnan(value)) or str(value) == str(key_value):
        return
    raise InvalidResult(
        f"Row {row} has {name} = {value!r}, but this is the partition where {key_name} = {key_value!r}. "
        f'Key columns are added automatically: leave "{name}" out, or rename it.'
    )


def preview(rows, limit=20, size=1024):
    """The first kibibyte of the rows as JSON text, or None if there is nothing to show."""
    if rows.count == 0:
        return None
    shown = min(rows.count, limit)
    listed = {
        name: (column.values if isinstance(column.values, list) else column.values.slice(0, shown).to_pylist())
        for name, column in rows.columns.items()
    }
    objects = [{name: values[i] for name, values in listed.items()} for i in range(shown)]
    text = json.dumps(objects[0] if rows.count == 1 else objects, ensure_ascii=False, default=str)
    content = text.encode("utf-8", "replace")
    if len(content) <= size:
        return content.decode("utf-8")
    return content[: size - 3].decode("utf-8", "ignore") + "…"
