"""Python's values as columns store them: the kind of each, and a copy of it.

A kind is DuckDB's name of a type, or `("DECIMAL", digits before the point, digits after it)`.
"""

import datetime
import decimal
import enum
import json
import os
import re
import uuid

from ._errors import InvalidResult

_INT64 = 2**63
_DIGITS_38 = 10**38


class Column:
    """Values of one column.

    `kind` is the type: one of those above, or an Arrow type that is kept as it is; None: all values are NULL.
    `values` is a list, or an Arrow array, neither of which anybody else can change.
    """

    __slots__ = ("kind", "values")

    def __init__(self, kind, values):
        self.kind = kind
        self.values = values


def describe(value):
    """`a Booster`, `the value 3`: for messages."""
    if isinstance(value, (bool, int, float)):
        return f"the value {value!r}"
    if isinstance(value, str):
        return f'the text "{value[:100]}"'
    name = type(value).__name__
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


def at(name, row):
    return f'The column "{name}" of row {row}'


def cell(value, name, row):
    """The kind and the stored value; the kind of NULL is None. Raises `InvalidResult`."""
    take_it = _BY_TYPE.get(type(value))
    if take_it is not None:
        return take_it(value, name, row)
    return _other_cell(value, name, row)


def _int(value, name, row):
    if -_INT64 <= value < _INT64:
        return "BIGINT", value
    if -_DIGITS_38 < value < _DIGITS_38:
        return "DECIMAL(38,0)", value
    raise InvalidResult(f"{at(name, row)} is an integer of more than 38 digits. Use text.")


def _float(value, name, row):
    return (None, None) if value != value else ("DOUBLE", value)


def _str(value, name, row):
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise InvalidResult(
                f"{at(name, row)} contains a lone surrogate (half of a character), which UTF-8 cannot represent."
            ) from None
    return "VARCHAR", value


def _decimal(value, name, row):
    if not value.is_finite():
        if value.is_nan():
            return None, None
        raise InvalidResult(f"{at(name, row)} is {value}, which no DECIMAL holds. Use a float, or None.")
    _, digits, exponent = value.as_tuple()
    scale = max(0, -exponent)
    whole = max(len(digits) + exponent, 0)
    if whole + scale > 38:
        raise InvalidResult(f"{at(name, row)} has more than 38 digits. Round it, or use text.")
    return ("DECIMAL", whole, scale), value


def _datetime(value, name, row):
    if value.tzinfo is None:
        return "TIMESTAMP", value
    try:
        return "TIMESTAMP WITH TIME ZONE", value.astimezone(datetime.timezone.utc)
    except OverflowError:
        raise InvalidResult(f"{at(name, row)} is {value}, which is outside the years 1 to 9999 in UTC.") from None


def _time(value, name, row):
    if value.tzinfo is not None:
        raise InvalidResult(f"{at(name, row)} is a time with a time zone. Use a datetime, or a time without one.")
    return "TIME", value


# JSON

#: Stands before the digits of a Decimal in JSON, until these are written without quotes.
_DIGITS = f"partwise-{uuid.uuid4().hex}:"
_QUOTED_DIGITS = re.compile(f'"{_DIGITS}([^"]*)"')


def _json(value, name, row):
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_json_value)
        if _DIGITS in text:
            text = _QUOTED_DIGITS.sub(r"\1", text)
        text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidResult(
            f"{at(name, row)} cannot be stored as JSON: {error}. Convert it, or leave it out."
        ) from None
    return "JSON", text


def _json_value(value):
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if kind is not None and hasattr(value, "tolist") and kind in "biufUO":
        return value.tolist()
    if kind == "M" and type(value).__module__ == "numpy":
        # As numbers, nobody could tell their unit.
        return value.astype(str).tolist()
    if _is_missing(value):
        return None
    if isinstance(value, decimal.Decimal) and value.is_finite():
        # A float would round it.
        return _DIGITS + format(value, "f")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{describe(value)} is not JSON")


def _is_missing(value):
    """Whether it is pandas' NA or NaT."""
    return type(value).__name__ in ("NAType", "NaTType") and type(value).__module__.startswith("pandas.")


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


# Packages and subclasses


def _other_cell(value, name, row):
    module = type(value).__module__.split(".")[0]
    if module == "numpy":
        return _numpy_cell(value, name, row)
    if module == "pandas":
        return _pandas_cell(value, name, row)
    if isinstance(value, (enum.Enum, os.PathLike)):
        raise InvalidResult(f"{at(name, row)} is {describe(value)}. Use its value as text.")
    if isinstance(value, (bytearray, memoryview)):
        return "BLOB", bytes(value)
    for known in (bool, int, float, str, decimal.Decimal, datetime.datetime, datetime.date, dict, list, tuple):
        if isinstance(value, known):
            return _BY_TYPE[known](value, name, row)
    raise InvalidResult(f"{at(name, row)} is {describe(value)}, which cannot be stored. {_instead(value)}")


def _instead(value):
    if isinstance(value, datetime.timedelta):
        return "Use its seconds (.total_seconds())."
    return "Use numbers, text, booleans, dates, bytes, dictionaries or lists."


def _numpy_cell(value, name, row):
    kind = value.dtype.kind if hasattr(value, "dtype") else None
    if getattr(value, "shape", None) == ():
        if kind in "biu":
            # From now on without a detour.
            _BY_TYPE[type(value)] = _numpy_item
            return _numpy_item(value, name, row)
        if kind == "f":
            if value.dtype.itemsize > 8 and value == value and type(value)(float(value)) != value:
                raise InvalidResult(f"{at(name, row)} is {value!r}, which a DOUBLE does not hold. Round it.")
            if value.dtype.itemsize <= 8:
                _BY_TYPE[type(value)] = _numpy_float
            return _numpy_float(value, name, row)
        if kind == "M":
            return _numpy_time(value, name, row)
        if kind in "USO":
            return cell(value.item(), name, row)
    elif kind is not None and kind in "biufUO" and hasattr(value, "tolist"):
        return _json(value.tolist(), name, row)
    instead = "Use its seconds: value / numpy.timedelta64(1, 's')." if kind == "m" else _CONVERT
    raise InvalidResult(f"{at(name, row)} is {describe(value)}, which cannot be stored. {instead}")


def _numpy_item(value, name, row):
    return cell(value.item(), name, row)


def _numpy_float(value, name, row):
    return _float(float(value), name, row)


_CONVERT = "Convert it to numbers, text or lists."


def _numpy_time(value, name, row):
    import numpy

    if numpy.isnat(value):
        return None, None
    micros = value.astype("datetime64[us]")
    if value.dtype != micros.dtype and micros.astype(value.dtype) != value:
        raise InvalidResult(f"{at(name, row)} has nanoseconds, which a TIMESTAMP does not hold. Round it.")
    taken = micros.item()
    if not isinstance(taken, datetime.datetime):
        raise InvalidResult(f"{at(name, row)} is {value}, which is outside the years 1 to 9999. Use text.")
    return "TIMESTAMP", taken


def _pandas_cell(value, name, row):
    import pandas

    if _is_missing(value):
        return None, None
    if isinstance(value, pandas.Timestamp):
        if value.nanosecond != 0:
            raise InvalidResult(f"{at(name, row)} has nanoseconds, which a TIMESTAMP does not hold. Round it.")
        return _datetime(value.to_pydatetime(), name, row)
    instead = "Use its seconds (.total_seconds())." if isinstance(value, pandas.Timedelta) else "Convert it first."
    raise InvalidResult(f"{at(name, row)} is {describe(value)}, which cannot be stored. {instead}")
