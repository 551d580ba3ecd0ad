"""Columns of results: their types, and how those of several partitions are joined where nothing is lost."""

import decimal

import pyarrow as pa
import pyarrow.compute as pc

from ._cells import Column, cell
from ._errors import InvalidResult
from ._types import needs_cast

#: Integers up to this size are exact as floats.
EXACT_FLOAT = 2**53


class DeclaredKind:
    """A type that the function declares: DuckDB's name, and Arrow's type that stores it."""

    __slots__ = ("name", "arrow")

    def __init__(self, name, arrow):
        self.name = name
        self.arrow = arrow

    def __eq__(self, other):
        return isinstance(other, DeclaredKind) and other.name == self.name

    def __hash__(self):
        return hash(self.name)


#: Kinds that Arrow's types stand for, by name.
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
_ARROW_TYPES = {
    "BOOLEAN": pa.bool_(),
    "BIGINT": pa.int64(),
    "DECIMAL(38,0)": pa.decimal128(38, 0),
    "DOUBLE": pa.float64(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "BLOB": pa.binary(),
}
#: Kinds that files store as text, and name in their metadata.
NAMED_KINDS = ("JSON", "UUID", "HUGEINT", "UHUGEINT", "INTERVAL", "TIME WITH TIME ZONE", "BIT")
_WHOLE_NUMBERS = ("BIGINT", "DECIMAL(38,0)")


def arrow_type(kind):
    """The Arrow type that stores a kind."""
    if isinstance(kind, tuple):
        _, whole, scale = kind
        return pa.decimal128(max(1, whole + scale), scale)
    if isinstance(kind, DeclaredKind):
        return kind.arrow
    return _ARROW_TYPES.get(kind, pa.string()) if isinstance(kind, str) else kind


def named_type(kind):
    """The type that a file must name, because it stores it as another one; or None."""
    if isinstance(kind, DeclaredKind):
        return kind.name if needs_cast(kind.name) else None
    return kind if kind in NAMED_KINDS else None


def arrow_array(column):
    """The column's values as an Arrow array of its kind."""
    kind, values = arrow_type(column.kind), column.values
    if not isinstance(values, list):
        return values if values.type == kind else values.cast(kind)
    if pa.types.is_decimal(kind):
        values = [None if each is None else decimal.Decimal(each) for each in values]
    elif column.kind == "DOUBLE":
        values = [None if each is None else float(each) for each in values]
    return pa.array(values, kind)


def joined_kind(a, b):
    """The kind that holds the values of both, or None if there is none."""
    if a == b or b is None:
        return a
    if a is None:
        return b
    numbers = (*_WHOLE_NUMBERS, "DOUBLE")
    if a in numbers and b in numbers:
        return numbers[max(numbers.index(a), numbers.index(b))]
    digits = [_digits(kind) for kind in (a, b)]
    if None in digits or (a in _WHOLE_NUMBERS and b in _WHOLE_NUMBERS):
        return None
    whole, scale = (max(each) for each in zip(*digits))
    return ("DECIMAL", whole, scale) if whole + scale <= 38 else None


def _digits(kind):
    """The digits before and after the point that a decimal needs for the kind's values, or None."""
    if isinstance(kind, tuple):
        return kind[1:]
    return {"BIGINT": (19, 0), "DECIMAL(38,0)": (38, 0)}.get(kind) if isinstance(kind, str) else None


def has_exact_floats(column):
    """Whether a column of integers keeps its values as floats."""
    if column.kind not in _WHOLE_NUMBERS:
        return True
    if isinstance(column.values, list):
        return all(map(is_exact_float, column.values))
    bounds = pc.min_max(column.values).as_py()
    return bounds["min"] is None or (bounds["min"] >= -EXACT_FLOAT and bounds["max"] <= EXACT_FLOAT)


def is_exact_float(value):
    return type(value) is not int or -EXACT_FLOAT <= value <= EXACT_FLOAT or int(float(value)) == value


def word_of(kind):
    """`text`, `a number`: for messages."""
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
        "UUID": "a UUID",
        "DATE": "a date",
        "TIME": "a time",
        "TIMESTAMP": "a datetime without a time zone",
        "TIMESTAMP WITH TIME ZONE": "a datetime with a time zone",
    }.get(kind, str(kind))


class ColumnBuilder:
    """A column of Python's values, taken one after the other."""

    __slots__ = ("name", "kind", "values", "_time_of")

    def __init__(self, name, nulls=0, time_of=None):
        """`time_of` is of `SourceTypes`."""
        self.name = name
        self.kind = None
        self.values = [None] * nulls
        self._time_of = time_of

    def add(self, value, row):
        odd = self._time_of(value) if self._time_of is not None and type(value) is str else None
        kind, taken = cell(value, self.name, row) if odd is None else odd
        if kind is not None and kind != self.kind:
            joined = joined_kind(self.kind, kind)
            if joined is None:
                first = next(i for i, each in enumerate(self.values) if each is not None)
                raise InvalidResult(
                    f'The column "{self.name}" is {word_of(self.kind)} in row {first} and {word_of(kind)} in row '
                    f"{row}. Use one type per column."
                )
            self.kind = joined
        self.values.append(taken)

    def column(self):
        if self.kind == "DOUBLE":
            for row, value in enumerate(self.values):
                if not is_exact_float(value):
                    raise InvalidResult(
                        f'The column "{self.name}" has fractions and, in row {row}, {value}, an integer that would '
                        "lose digits next to them. Use text, or leave out the fractions."
                    )
        return Column(self.kind, self.values)


def listed_column(values, name, time_of=None):
    builder = ColumnBuilder(name, time_of=time_of)
    for row, value in enumerate(values):
        builder.add(value, row)
    return builder.column()


# Arrow


def arrow_column(values, name):
    """A column of an Arrow array, whose type is kept where files can hold it. Raises `InvalidResult`."""
    try:
        return _arrow_column(_copied(values), name)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise _unstorable(name, values.type, f"{_first_line(error)} Convert it first.") from None


def _copied(values):
    """The values in memory of their own: Arrow may share that of numpy, which a later call may change."""
    chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    if not chunks:
        return pa.array([], values.type)
    # Of one array alone, Arrow makes no copy.
    return pa.concat_arrays([*chunks, chunks[0].slice(0, 0)])


def _arrow_column(values, name):
    kind = values.type
    if values.null_count == len(values) or pa.types.is_null(kind):
        return Column(None, [None] * len(values))
    if isinstance(kind, pa.BaseExtensionType):
        named = {"arrow.uuid": "UUID", "arrow.json": "JSON"}.get(getattr(kind, "extension_name", None))
        if named == "UUID":
            return listed_column(values.to_pylist(), name)
        stored = _arrow_column(values.storage, name)
        return stored if named is None else Column(named, stored.values)
    if pa.types.is_dictionary(kind):
        return _arrow_column(values.dictionary_decode(), name)
    if pa.types.is_decimal256(kind) and kind.scale == 0:
        return _wide_integers(values, name)
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        values = _from_nanoseconds(values, name)
    wanted = stored_type(values.type, name)
    values = values if wanted == values.type else values.cast(wanted)
    if pa.types.is_decimal(wanted):
        return Column(("DECIMAL", wanted.precision - wanted.scale, wanted.scale), values)
    return Column(_KINDS.get(str(wanted), wanted), values)


def _wide_integers(values, name):
    """Of HUGEINT and UHUGEINT, which Arrow has as decimals of 39 digits."""
    bounds = pc.min_max(values).as_py()
    kind = "HUGEINT" if bounds["max"] < 2**127 and bounds["min"] >= -(2**127) else "UHUGEINT"
    if kind == "UHUGEINT" and (bounds["max"] >= 2**128 or bounds["min"] < 0):
        raise _unstorable(name, values.type, "It has integers of more than 128 bits. Use text.")
    return Column(kind, values.cast(pa.string()))


def _from_nanoseconds(values, name):
    """pandas holds times in nanoseconds, also those without any."""
    zone = values.type.tz
    try:
        return values.cast(pa.timestamp("us", zone))
    except pa.ArrowInvalid:
        if zone is None:
            return values
        raise InvalidResult(
            f'The column "{name}" has times with nanoseconds, which a TIMESTAMP WITH TIME ZONE does not hold. '
            "Round them."
        ) from None


def stored_type(kind, name):
    """The Arrow type with which Parquet and DuckDB keep the values of a type."""
    is_type = pa.types
    if is_type.is_duration(kind) or is_type.is_interval(kind):
        raise _unstorable(name, kind, "Use its seconds.")
    if is_type.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        if not fields:
            raise _unstorable(name, kind, "Leave it out.")
        return pa.struct([pa.field(field.name, stored_type(field.type, name)) for field in fields])
    if is_type.is_map(kind):
        return pa.map_(stored_type(kind.key_type, name), stored_type(kind.item_type, name))
    if is_type.is_list(kind) or is_type.is_large_list(kind) or is_type.is_fixed_size_list(kind):
        return pa.list_(stored_type(kind.value_type, name))
    if is_type.is_dictionary(kind):
        return stored_type(kind.value_type, name)
    if is_type.is_decimal(kind):
        return pa.decimal128(min(38, kind.precision), kind.scale)
    if is_type.is_timestamp(kind):
        return pa.timestamp("ns" if kind.unit == "ns" and kind.tz is None else "us", kind.tz and "UTC")
    if is_type.is_time(kind):
        return pa.time64("us")
    if is_type.is_date(kind):
        return pa.date32()
    if is_type.is_float16(kind):
        return pa.float32()
    # All items are NULL.
    if is_type.is_large_string(kind) or is_type.is_null(kind) or str(kind) == "string_view":
        return pa.string()
    if is_type.is_large_binary(kind) or is_type.is_fixed_size_binary(kind) or str(kind) == "binary_view":
        return pa.binary()
    if is_type.is_primitive(kind) or is_type.is_string(kind) or is_type.is_binary(kind):
        return kind
    raise _unstorable(name, kind, "Convert it first.")


def _unstorable(name, kind, instead):
    return InvalidResult(f'The column "{name}" has the type {kind}, which cannot be stored. {instead}')


def _first_line(error):
    return str(error).split("\n")[0].rstrip(".") + "."
