"""Arrow tables as pandas frames, with the types that Snowflake's `DataConnector.to_pandas` gives (docs/python.md)."""

import datetime

import pyarrow as pa
import pyarrow.compute as pc

from ._types import listed_values, parse_type

_INT64 = (-(2**63), 2**63 - 1)
_EPOCH = datetime.date(1970, 1, 1).toordinal()
#: The dates that Python has, in days since 1970.
_DATES = (datetime.date.min.toordinal() - _EPOCH, datetime.date.max.toordinal() - _EPOCH)
#: DuckDB has 24:00:00 too, in microseconds.
_TIMES = (0, 86_400 * 10**6 - 1)
#: The years whose times pandas can hold in nanoseconds, in seconds since 1970: 1678 to 2261.
_NANOSECONDS = (-9_214_560_000, 9_214_646_399)
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6}


def to_frame(table, columns, exact_decimals=False, types_mapper=None):
    """Converts a table whose columns have DuckDB's types `columns`.

    The result depends on the values of the whole table: see `signatures`.
    """
    arrays, listed = [], {}
    for i, (column, declared) in enumerate(zip(table.columns, columns)):
        if not _is_convertible(column, declared["type"]):
            listed[i] = _objects(listed_values(column, declared["type"]))
            column = pa.nulls(len(column))
        elif pa.types.is_list(column.type):
            column = _without_others(column)
        elif pa.types.is_timestamp(column.type):
            column = _nanoseconds(column)
        elif not exact_decimals:
            column = _decimals(column)
        arrays.append(column)
    frame = pa.table(arrays, names=table.column_names).to_pandas(
        types_mapper=types_mapper, ignore_metadata=True, use_threads=False
    )
    for i, values in listed.items():
        frame.isetitem(i, values)
    return frame


def _is_convertible(column, declared):
    """Whether pyarrow converts it without an error, and without making fractions of integers inside of values."""
    kind = column.type
    if pa.types.is_date32(kind):
        return _is_within(column.cast(pa.int32()), _DATES)
    if pa.types.is_time64(kind) and kind.unit == "us":
        return _is_within(column.cast(pa.int64()), _TIMES)
    if pa.types.is_time64(kind):
        return False
    if not pa.types.is_nested(kind):
        return True
    if not pa.types.is_list(kind) or parse_type(declared).fields[0].kind != "plain":
        return False
    item = kind.value_type
    if pa.types.is_integer(item) or pa.types.is_boolean(item):
        return not _has_null_items(column)
    return pa.types.is_floating(item) or pa.types.is_string(item)


def _objects(values):
    """A column of Python objects; lists are numpy's arrays, as pyarrow makes them."""
    import numpy
    import pandas

    for i, value in enumerate(values):
        if type(value) is list:
            values[i] = numpy.empty(len(value), object)
            values[i][:] = value
    objects = numpy.empty(len(values), object)
    objects[:] = values
    return pandas.Series(objects, dtype=object)


def _without_others(column):
    """pyarrow decides by all items of an array, also by those outside of a slice of it."""
    if all(chunk.values.null_count == 0 for chunk in column.chunks):
        return column
    return column.take(pa.array(range(len(column)), pa.int64()))


def _has_null_items(column):
    return any(chunk.flatten().null_count > 0 for chunk in column.chunks)


def _nanoseconds(column):
    """pandas' own unit where it holds all values; else they keep theirs."""
    return column.cast(pa.timestamp("ns", column.type.tz)) if _fits_nanoseconds(column) else column


def _decimals(column):
    """Decimals with a fraction are floats; those without are integers, or Decimals where 64 bits are too few."""
    if not pa.types.is_decimal(column.type):
        return column
    if column.type.scale > 0:
        return pa.chunked_array([_floats(chunk) for chunk in column.chunks], pa.float64())
    return column.cast(pa.int64()) if _fits_int64(column) else column


#: Larger integers, and larger powers of ten, are not exact as floats.
_EXACT_INTEGER, _EXACT_POWER = 2**53, 22


def _floats(decimals):
    """The nearest float of each decimal. Arrow's own conversion is off in the last digit for many, such as 0.7."""
    import numpy

    scale = decimals.type.scale
    if pa.types.is_decimal128(decimals.type) and scale <= _EXACT_POWER and len(decimals) > 0:
        words = numpy.frombuffer(decimals.buffers()[1], numpy.int64)
        words = words[2 * decimals.offset : 2 * (decimals.offset + len(decimals))]
        low, high = words[::2], words[1::2]
        # A division of exact numbers is rounded once.
        if ((high == low >> 63) & (low <= _EXACT_INTEGER) & (low >= -_EXACT_INTEGER)).all():
            nulls = decimals.is_null().to_numpy(zero_copy_only=False) if decimals.null_count > 0 else None
            return pa.array(low / 10.0**scale, mask=nulls)
    return decimals.cast(pa.string()).cast(pa.float64())


def _fits_int64(column):
    return column.type.precision <= 18 or _is_within(column, _INT64)


def _fits_nanoseconds(column):
    if not pa.types.is_timestamp(column.type) or column.type.unit == "ns":
        return True
    per_second = _PER_SECOND[column.type.unit]
    return _is_within(column.cast(pa.int64()), tuple(bound * per_second for bound in _NANOSECONDS))


def _is_within(column, bounds):
    found = pc.min_max(column).as_py()
    return found["min"] is None or (found["min"] >= bounds[0] and found["max"] <= bounds[1])


def depends_on_neighbours(table):
    """Whether partitions that are converted together may get types that they would not get alone."""
    return any(_kind_of(column) is not None for column in table.columns)


def _kind_of(column):
    """A function from a slice of the column to what decides about its type in pandas, or None if nothing does."""
    kind = column.type
    if (pa.types.is_integer(kind) or pa.types.is_boolean(kind)) and column.null_count > 0:
        return _has_null
    if pa.types.is_decimal(kind) and kind.scale == 0:
        if column.null_count > 0 or not _fits_int64(column):
            return lambda part: (part.null_count > 0, _fits_int64(part))
        return None
    if pa.types.is_list(kind) and _has_null_items(column):
        return _has_null_items
    if not _fits_nanoseconds(column):
        return _fits_nanoseconds
    return None


def _has_null(part):
    return part.null_count > 0


def signatures(table, spans):
    """For each span of rows, what decides about the types of its frame: equal ones can be converted together."""
    kinds = [(column, kind) for column in table.columns for kind in [_kind_of(column)] if kind is not None]
    return [tuple(kind(column.slice(start, stop - start)) for column, kind in kinds) for start, stop in spans]
