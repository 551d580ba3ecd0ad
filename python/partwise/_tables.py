"""Tables that functions return, of pandas, polars and Arrow, as names with Arrow arrays or lists of Python's values."""

from ._cells import describe
from ._errors import InvalidResult


def table_parts(result):
    """Names, columns and the number of rows, or None if the result is no table."""
    module, name = type(result).__module__.split(".")[0], type(result).__name__
    if module == "pyarrow" and name in ("Table", "RecordBatch"):
        return result.schema.names, result.columns, result.num_rows
    if module == "polars" and name in ("DataFrame", "LazyFrame"):
        table = _of_polars(result.collect() if name == "LazyFrame" else result)
        return table.column_names, table.columns, table.num_rows
    frame = _pandas_frame(result)
    return None if frame is None else _of_pandas(frame)


def _pandas_frame(result):
    """The result, or a subclass of pandas' types, as a DataFrame."""
    import sys

    pandas = sys.modules.get("pandas")
    if pandas is None:
        return None
    if isinstance(result, pandas.Series):
        return result.to_frame().T.infer_objects()
    return result if isinstance(result, pandas.DataFrame) else None


def _of_polars(frame):
    import polars
    import pyarrow as pa

    for name, kind in frame.schema.items():
        if kind == polars.Object:
            raise InvalidResult(f'The column "{name}" has the type Object, which cannot be stored. Convert it first.')
    # Arrow has no integers of 128 bits.
    wide = [name for name, kind in frame.schema.items() if str(kind) in ("Int128", "UInt128")]
    table = frame.with_columns(polars.col(name).cast(polars.String) for name in wide).to_arrow()
    for name in wide:
        integers = table[name].cast(pa.string()).cast(pa.decimal256(39, 0))
        table = table.set_column(table.column_names.index(name), name, integers)
    return table


def _of_pandas(frame):
    if any(each is not None for each in frame.index.names):
        try:
            frame = frame.reset_index()
        except ValueError as error:
            raise InvalidResult(
                f"The index of the DataFrame cannot become columns: {error}. Drop it with "
                "reset_index(drop=True), or rename it."
            ) from None
    names, columns = [], []
    for position, name in enumerate(frame.columns):
        if isinstance(name, tuple):
            name = "_".join(str(part) for part in name if part != "")
        names.append(name if isinstance(name, str) else text_name(name))
        columns.append(_of_series(frame.iloc[:, position], names[-1]))
    return names, columns, len(frame)


def text_name(name):
    """Names of columns that are not text, such as the numbers of a frame without names."""
    if isinstance(name, (bool, int)) or type(name).__module__ == "numpy":
        return str(name)
    raise InvalidResult(f"A column is named by {describe(name)}. Name columns by text.")


def _of_series(series, name):
    import pandas
    import pyarrow as pa

    dtype = series.dtype
    if isinstance(dtype, getattr(pandas, "ArrowDtype", ())):
        return _arrow_of(series, name)
    _refuse_type(dtype, name)
    if str(dtype) == "object":
        return series.tolist()
    array = _arrow_of(series, name)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    # numpy's integers and floats are those of Python.
    if pa.types.is_integer(array.type):
        return _bigints(array)
    return array.cast(pa.float64()) if pa.types.is_floating(array.type) else array


def _refuse_type(dtype, name):
    """Raises `InvalidResult` for a type whose values would become those of another one."""
    # Of categories, that of their values.
    dtype = getattr(getattr(dtype, "categories", None), "dtype", dtype)
    kind = getattr(dtype, "kind", "O")
    if kind in "mc" or str(dtype).startswith(("period", "interval", "Sparse")):
        instead = "its seconds (.dt.total_seconds())" if kind == "m" else "numbers or text"
        raise InvalidResult(f'The column "{name}" has the type {dtype}, which cannot be stored. Use {instead}.')


def _arrow_of(series, name):
    import pyarrow as pa

    try:
        array = pa.array(series, from_pandas=True)
    except (pa.ArrowException, UnicodeEncodeError) as error:
        raise InvalidResult(
            f'The column "{name}" has the type {series.dtype}, which cannot be stored: {error}. Convert it first.'
        ) from None
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _bigints(array):
    import pyarrow as pa

    try:
        return array.cast(pa.int64())
    except pa.ArrowInvalid:
        return array.cast(pa.decimal128(38, 0))
