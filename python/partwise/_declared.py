"""The columns that a function declares with `output`: DuckDB's types, and Python's values in them."""

import datetime
import decimal
import re
import struct
import uuid

from ._cells import at, cell, describe
from ._errors import InvalidResult
from ._types import days_of, microseconds_of, parse_type

_ALIASES = {
    "BOOLEAN": "BOOL LOGICAL",
    "TINYINT": "INT1",
    "SMALLINT": "INT2 INT16 SHORT",
    "INTEGER": "INT INT4 INT32 SIGNED",
    "BIGINT": "INT8 INT64 LONG",
    "HUGEINT": "INT128",
    "UTINYINT": "UINT8",
    "USMALLINT": "UINT16",
    "UINTEGER": "UINT32",
    "UBIGINT": "UINT64",
    "UHUGEINT": "UINT128",
    "FLOAT": "FLOAT4 REAL",
    "DOUBLE": "FLOAT8",
    "VARCHAR": "CHAR BPCHAR TEXT STRING NVARCHAR",
    "BLOB": "BYTEA BINARY VARBINARY",
    "DATE": "",
    "TIME": "",
    "TIMESTAMP": "DATETIME TIMESTAMP_US",
    "TIMESTAMP_S": "",
    "TIMESTAMP_MS": "",
    "TIMESTAMP_NS": "",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
    "UUID": "GUID",
    "JSON": "",
    "INTERVAL": "",
}
_NAMES = {name: known for known, others in _ALIASES.items() for name in (known, *others.split())}


class _Type:
    """A declared type. `store(value)` returns what Arrow's type for it takes, or raises `_Misfit`."""

    def __init__(self, name, arrow, store):
        #: As DuckDB writes it.
        self.name = name
        #: Makes Arrow's type that stores it: pyarrow is loaded when the first rows are returned.
        self.arrow = arrow
        self.store = store


class _Misfit(Exception):
    """The type does not hold the value."""


class _Null(Exception):
    """The value is NaN, NaT or NA: NULL."""


def output_problems(output):
    """Sentences about declared types that Python's values cannot be checked against."""
    return [
        f'"output" declares "{name}" as {given}, which functions in Python cannot return. Declare another type, such '
        'as "DATE", "DECIMAL(12,2)", "VARCHAR[]" or "JSON".'
        for name, given in output.items()
        if _type_of(given) is None
    ]


class Output:
    """The declared columns of a function."""

    def __init__(self, output, key_names):
        keys = {name.lower() for name in key_names}
        self._types = {name: _type_of(given) for name, given in output.items() if name.lower() not in keys}

    def check_name(self, name, row):
        if name not in self._types:
            raise InvalidResult(
                f'Row {row} has a column "{name}" that the function\'s "output" does not declare: it has '
                f"{', '.join(self._types)}. Declare it, or leave it out."
            )

    def builder(self, name, nulls):
        return _Builder(name, self._types[name], nulls)

    def column(self, name, values, listed):
        """A column of an Arrow array or a list; `listed` makes a list of an array."""
        from ._columns import arrow_column

        kind = self._types[name]
        if not isinstance(values, list):
            taken = arrow_column(values, name)
            # NaN stays NaN in Arrow.
            if not isinstance(taken.values, list) and taken.values.type == kind.arrow() and not _is_named(kind):
                return _declared_column(kind, taken.values)
        builder = self.builder(name, 0)
        for row, value in enumerate(listed(values)):
            builder.add(value, row)
        return builder.column()

    def completed(self, columns, count):
        """All declared columns, in their order."""
        if count == 0:
            return {}
        return {name: columns.get(name) or _declared_column(kind, [None] * count) for name, kind in self._types.items()}


class _Builder:
    """Like `ColumnBuilder`, for a declared type."""

    __slots__ = ("name", "values", "_type")

    def __init__(self, name, declared, nulls):
        self.name = name
        self.values = [None] * nulls
        self._type = declared

    def add(self, value, row):
        try:
            self.values.append(_stored(self._type, value, self.name, row))
        except (_Misfit, OverflowError):
            raise InvalidResult(
                f"{at(self.name, row)} is {_shortly(value)}, which is not a value of {self._type.name}, the type that "
                'the function\'s "output" declares. Convert it, or declare another type.'
            ) from None

    def column(self):
        return _declared_column(self._type, self.values)


def _declared_column(kind, values):
    import pyarrow as pa

    from ._columns import Column, DeclaredKind

    array = values if isinstance(values, pa.Array) else pa.array(values, kind.arrow())
    return Column(DeclaredKind(kind.name, kind.arrow()), array)


def _is_named(kind):
    from ._types import needs_cast

    return needs_cast(kind.name)


def _shortly(value):
    text = repr(value)
    text = text if len(text) <= 100 else f"{text[:100]}…"
    return text if isinstance(value, (int, float, str, type(None))) else f"{describe(value)} ({text})"


def _stored(kind, value, name="", row=0):
    """The value as Arrow's type takes it; None for NULL."""
    if value is None:
        return None
    try:
        return kind.store(value, name, row)
    except _Null:
        return None


def _type_of(given):
    """The declared type, or None if there is no such type here."""
    try:
        return _type(parse_type(given.strip()))
    except TypeError:
        # A text that only begins like a type.
        return None


def _type(parsed):
    if parsed.kind == "plain":
        return _plain_type(" ".join(parsed.name.upper().split()))
    inside = [_type(each) for each in parsed.fields]
    if None in inside or (parsed.kind == "map" and len(inside) != 2):
        return None
    if parsed.kind == "list":
        return _list_type(*inside)
    return _map_type(*inside) if parsed.kind == "map" else _struct_type(parsed.names, inside)


def _list_type(item):
    def store(value, name, row):
        if hasattr(value, "tolist") and getattr(value, "ndim", 0) > 0:
            value = value.tolist()
        if not isinstance(value, (list, tuple)):
            raise _Misfit
        return [_stored(item, each, name, row) for each in value]

    return _Type(f"{item.name}[]", lambda: _pa().list_(item.arrow()), store)


def _struct_type(names, types):
    fields = dict(zip(names, types))

    def store(value, name, row):
        if not isinstance(value, dict) or not all(each in fields for each in value):
            raise _Misfit
        return {field: _stored(kind, value.get(field), name, row) for field, kind in fields.items()}

    shown = ", ".join('"{}" {}'.format(field.replace('"', '""'), kind.name) for field, kind in fields.items())
    return _Type(
        f"STRUCT({shown})",
        lambda: _pa().struct([_pa().field(field, kind.arrow()) for field, kind in fields.items()]),
        store,
    )


def _map_type(key, item):
    def store(value, name, row):
        if not isinstance(value, dict):
            raise _Misfit
        return [(_stored(key, each, name, row), _stored(item, value[each], name, row)) for each in value]

    return _Type(f"MAP({key.name}, {item.name})", lambda: _pa().map_(key.arrow(), item.arrow()), store)


def _plain_type(text):
    decimal_type = re.fullmatch(r"(?:DECIMAL|NUMERIC|DEC)(?: ?\( ?(\d+) ?(?:, ?(\d+) ?)?\))?", text)
    if decimal_type is not None:
        # DuckDB's defaults.
        precision = int(decimal_type[1] or 18)
        scale = int(decimal_type[2] or (0 if decimal_type[1] else 3))
        return _decimal_type(precision, scale) if 1 <= precision <= 38 and scale <= precision else None
    name = _NAMES.get(re.sub(r" ?\(\d+\)$", "", text) if text.startswith(("VARCHAR", "CHAR")) else text)
    if name is None:
        return None
    if name in _INTEGERS:
        return _Type(name, lambda: _arrow("string" if "HUGE" in name else _INTEGERS[name][2]), _integers(name))
    arrow, store = _PLAIN[name]
    return _Type(name, lambda: _arrow(arrow), store)


def _pa():
    """Loaded with the first rows: describing a functions file needs no pyarrow."""
    import pyarrow

    return pyarrow


def _arrow(name):
    pa = _pa()
    return {
        "timestamp": lambda: pa.timestamp("us"),
        "timestamp_ns": lambda: pa.timestamp("ns"),
        "timestamp_tz": lambda: pa.timestamp("us", "UTC"),
        "time": lambda: pa.time64("us"),
    }.get(name, getattr(pa, name, None))()


_INTEGERS = {
    **{
        name: (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, f"int{bits}")
        for name, bits in [("TINYINT", 8), ("SMALLINT", 16), ("INTEGER", 32), ("BIGINT", 64), ("HUGEINT", 128)]
    },
    **{
        name: (0, 2**bits - 1, f"uint{bits}")
        for name, bits in [("UTINYINT", 8), ("USMALLINT", 16), ("UINTEGER", 32), ("UBIGINT", 64), ("UHUGEINT", 128)]
    },
}


def _plain(value, name, row):
    """The value without its package's type."""
    if type(value) is int:
        return value
    kind, taken = cell(value, name, row)
    if kind is None:
        raise _Null
    if kind == "JSON":
        raise _Misfit
    return taken


def _whole(value):
    """An integer that has another type, as pandas gives those next to NULL."""
    if isinstance(value, bool) or not isinstance(value, (int, float, decimal.Decimal)):
        raise _Misfit
    if isinstance(value, float) and abs(value) > 2**53 or value != value // 1:
        raise _Misfit
    return int(value)


def _integers(type_name):
    least, most, _ = _INTEGERS[type_name]

    def store(value, name, row):
        integer = _whole(_plain(value, name, row))
        if not least <= integer <= most:
            raise _Misfit
        return str(integer) if "HUGE" in type_name else integer

    return store


#: Above this, neighbouring floats differ by more than the last digit of a DECIMAL.
_EXACT_DIGITS = 15


def _decimal_type(precision, scale):
    exact = decimal.Context(prec=precision, traps=[decimal.Inexact, decimal.InvalidOperation])
    unit = decimal.Decimal(1).scaleb(-scale)

    def store(value, name, row):
        value = _plain(value, name, row)
        if isinstance(value, bool) or not isinstance(value, (int, float, str, decimal.Decimal)):
            raise _Misfit
        if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value) is None:
            raise _Misfit
        if isinstance(value, float):
            # What arithmetic with floats leaves in the sixteenth digit (0.1 + 0.2) is not a digit of the value.
            text = f"{value:.{scale}f}"
            if float(text) != float(f"{value:.{_EXACT_DIGITS}g}") or len(text.strip("-0.")) > _EXACT_DIGITS + 1:
                raise _Misfit
            value = text
        try:
            return exact.quantize(decimal.Decimal(value), unit)
        except decimal.DecimalException:
            raise _Misfit from None

    return _Type(f"DECIMAL({precision},{scale})", lambda: _pa().decimal128(precision, scale), store)


def _of_kind(wanted):
    def store(value, name, row):
        kind, taken = cell(value, name, row)
        if kind not in (wanted, None):
            raise _Misfit
        return taken

    return store


def _float(value, name, row):
    value = _plain(value, name, row)
    if isinstance(value, bool) or not isinstance(value, (int, float, decimal.Decimal)) or float(value) != value:
        raise _Misfit
    return float(value)


def _float32(value, name, row):
    number = _float(value, name, row)
    if struct.unpack("f", struct.pack("f", number))[0] != number:
        raise _Misfit
    return number


def _date(value, name, row):
    value = _plain(value, name, row)
    if isinstance(value, str):
        return _ticks(days_of, value)
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None or value.time() != datetime.time():
            raise _Misfit
        return value.date()
    if not isinstance(value, datetime.date):
        raise _Misfit
    return value


def _ticks(read, text):
    found = read(text)
    if found is None:
        raise _Misfit
    return found


def _time_of_text(text, has_zone):
    try:
        return datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    except ValueError:
        # What `data.rows()` has for times that Python's values do not have.
        if ("+00" in text) != has_zone and "infinity" not in text:
            raise _Misfit from None
        return _ticks(microseconds_of, text)


def _parsed(parse, text):
    try:
        return parse(text)
    except ValueError:
        raise _Misfit from None


def _timestamps(has_zone, step=1):
    def store(value, name, row):
        value = _plain(value, name, row)
        if isinstance(value, str):
            value = _time_of_text(value, has_zone)
            if isinstance(value, int):
                return value
        if type(value) is datetime.date and not has_zone:
            value = datetime.datetime.combine(value, datetime.time())
        if not isinstance(value, datetime.datetime) or (value.tzinfo is not None) != has_zone:
            raise _Misfit
        if value.microsecond % step != 0:
            raise _Misfit
        return value.astimezone(datetime.timezone.utc) if has_zone else value

    return store


def _time(value, name, row):
    value = _plain(value, name, row)
    if isinstance(value, str):
        value = _parsed(datetime.time.fromisoformat, value)
    if not isinstance(value, datetime.time) or value.tzinfo is not None:
        raise _Misfit
    return value


def _uuid(value, name, row):
    value = _plain(value, name, row)
    if not isinstance(value, str):
        raise _Misfit
    return str(_parsed(uuid.UUID, value))


def _json(value, name, row):
    kind, text = cell([value], name, row)
    return text[1:-1]


_INTERVAL = re.compile(r"(?=[-\d])(-?\d+ years? ?)?(-?\d+ months? ?)?(-?\d+ days? ?)?(-?\d+:\d\d:\d\d(\.\d+)?)?")


def _interval(value, name, row):
    if isinstance(value, datetime.timedelta) and type(value) is datetime.timedelta:
        ticks = (value.days * 86_400 + value.seconds) * 10**6 + value.microseconds
        seconds, micros = divmod(abs(ticks), 10**6)
        sign = "-" if ticks < 0 else ""
        return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{micros:06d}"
    if not isinstance(value, str) or _INTERVAL.fullmatch(value) is None:
        raise _Misfit
    return value


_PLAIN = {
    "BOOLEAN": ("bool_", _of_kind("BOOLEAN")),
    "VARCHAR": ("string", _of_kind("VARCHAR")),
    "BLOB": ("binary", _of_kind("BLOB")),
    "FLOAT": ("float32", _float32),
    "DOUBLE": ("float64", _float),
    "DATE": ("date32", _date),
    "TIME": ("time", _time),
    "TIMESTAMP": ("timestamp", _timestamps(False)),
    "TIMESTAMP_S": ("timestamp", _timestamps(False, step=10**6)),
    "TIMESTAMP_MS": ("timestamp", _timestamps(False, step=10**3)),
    "TIMESTAMP_NS": ("timestamp_ns", _timestamps(False)),
    "TIMESTAMP WITH TIME ZONE": ("timestamp_tz", _timestamps(True)),
    "UUID": ("string", _uuid),
    "JSON": ("string", _json),
    "INTERVAL": ("string", _interval),
}
