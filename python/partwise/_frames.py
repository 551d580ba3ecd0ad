"""Arrow tables as pandas frames, with the types that Snowflake's `DataConnector.to_pandas` gives (docs/python.md)."""

import pyarrow as pa
import pyarrow.compute as pc

_INT64 = (-(2**63), 2**63 - 1)
#: The years whose times pandas can hold in nanoseconds.
_NS_FROM, _NS_TO = 1678, 2262


def to_frame(table, exact_decimals=False):
    """Converts a table. The result depends on the values of the whole table (`signatures`)."""
    columns = [column if exact_decimals else _decimals(column) for column in table.columns]
    narrow = pa.table(columns, names=table.column_names)
    fits = all(_fits_nanoseconds(column) for column in narrow.columns)
    return narrow.to_pandas(
        coerce_temporal_nanoseconds=fits, maps_as_pydicts="strict", ignore_metadata=True, use_threads=False
    )


def _decimals(column):
    """Decimals with a fraction are floats; those without are integers, or Decimals where 64 bits are too few."""
    if not pa.types.is_decimal(column.type):
        return column
    if column.type.scale > 0:
        return column.cast(pa.float64())
    return column.cast(pa.int64()) if _fits_int64(column) else column


def _fits_int64(column):
    if column.type.precision <= 18:
        return True
    bounds = pc.min_max(column).as_py()
    low, high = bounds["min"], bounds["max"]
    return low is None or (low >= _INT64[0] and high <= _INT64[1])


def _fits_nanoseconds(column):
    if not pa.types.is_timestamp(column.type) or column.type.unit == "ns":
        return True
    bounds = pc.min_max(pc.year(column)).as_py()
    return bounds["min"] is None or (bounds["min"] >= _NS_FROM and bounds["max"] < _NS_TO)


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
    if not _fits_nanoseconds(column):
        return _fits_nanoseconds
    return None


def _has_null(part):
    return part.null_count > 0


def signatures(table, spans):
    """For each span of rows, what decides about the types of its frame: equal ones can be converted together."""
    kinds = [(column, kind) for column in table.columns for kind in [_kind_of(column)] if kind is not None]
    return [tuple(kind(column.slice(start, stop - start)) for column, kind in kinds) for start, stop in spans]
