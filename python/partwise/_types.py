"""DuckDB's types of columns, and how the files of a run store them (docs/runner-protocol.md)."""

import re

#: Stored as their text in DuckDB.
AS_TEXT = ("HUGEINT", "UHUGEINT", "INTERVAL", "TIME WITH TIME ZONE", "BIT", "BIGNUM")
#: Stored as TIMESTAMP, by Arrow's name of their unit.
AS_TIMESTAMP = {"TIMESTAMP_S": "s", "TIMESTAMP_MS": "ms"}
#: Types whose values are integers that may not fit into 64 bits.
WIDE_INTEGERS = ("HUGEINT", "UHUGEINT")

_STORED = re.compile(
    r"\b(HUGEINT|UHUGEINT|INTERVAL|TIME WITH TIME ZONE|BIT|BIGNUM|TIMESTAMP_S|TIMESTAMP_MS|UUID|JSON)\b|\[\d+\]"
)


def needs_cast(declared):
    """Whether a file that stores the column must name its type, so that a reader casts to it."""
    return _STORED.search(declared) is not None


def restored(column, declared):
    """A stored Arrow column in Arrow's own type for it. Types that Arrow lacks stay text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if declared in AS_TIMESTAMP:
        return column.cast(pa.timestamp(AS_TIMESTAMP[declared]))
    if declared in WIDE_INTEGERS:
        return pc.cast(column, pa.decimal256(39, 0))
    if declared == "UUID":
        return _texts_of_uuids(column)
    if declared == "JSON":
        return plain_text(column)
    return column


def stored(column, declared):
    """The inverse of `restored`: a column as files store it."""
    import pyarrow as pa

    if declared in AS_TIMESTAMP:
        return column.cast(pa.timestamp("us"))
    if declared in WIDE_INTEGERS:
        texts = [None if each is None else str(int(each)) for each in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return column


def plain_text(column):
    """A column of text, which pyarrow may read as an extension type (JSON) or as bytes."""
    import pyarrow as pa

    storage = getattr(column.type, "storage_type", None)
    return column.cast(pa.string() if storage is None else storage).cast(pa.string())


def _texts_of_uuids(column):
    import uuid

    import pyarrow as pa

    if pa.types.is_string(column.type):
        return column
    storage = getattr(column.type, "storage_type", None)
    values = (column if storage is None else column.cast(storage)).to_pylist()
    return pa.chunked_array(
        [pa.array([None if each is None else str(uuid.UUID(bytes=each)) for each in values], pa.string())]
    )


def python_values(column, declared):
    """A stored column as Python's values: those of `context.key` and of `data.rows()`."""
    if declared in (*WIDE_INTEGERS, "BIGNUM"):
        return [None if each is None else int(each) for each in plain_text(column).to_pylist()]
    values = restored(column, declared)
    return values.to_pylist(**_maps_as_dictionaries()) if "MAP(" in declared else values.to_pylist()


def _maps_as_dictionaries():
    """Older versions of pyarrow only return lists of pairs."""
    import inspect

    import pyarrow as pa

    known = inspect.signature(pa.ChunkedArray.to_pylist).parameters
    return {"maps_as_pydicts": "strict"} if "maps_as_pydicts" in known else {}
