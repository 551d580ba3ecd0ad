"""`data_connector`, the first argument of a partition function: the rows of one partition."""

from ._types import python_values

#: Rows of a batch by default.
BATCH_ROWS = 65_536


class DataConnector:
    """The rows of one partition, in the snapshot's order. Nothing is read before it is asked for.

    ::

        df = data_connector.to_pandas()
        for batch in data_connector.iter_batches():  # Arrow tables, one at a time in memory
            ...

    Types in pandas are those of Snowflake's `DataConnector.to_pandas`: DECIMAL with a fraction is float64, without
    int64; integers and booleans with NULL are float64 and object; times are datetime64[ns] where that holds them;
    DATE, LIST, STRUCT and MAP are Python objects; UUID, JSON and INTERVAL are text.
    """

    def __init__(self, rows, columns):
        self._rows = rows
        self._columns = columns
        self._is_frame_taken = False

    def __len__(self):
        """Number of rows, known without reading them."""
        return self._rows.count

    @property
    def schema(self):
        """Names and warehouse types of the columns, including the key columns: `[{"name", "type"}]`."""
        return [dict(each) for each in self._columns]

    def to_pandas(self, limit=None, *, decimals="float", dtype_backend=None):
        """All rows, or the first `limit`, as a pandas DataFrame.

        - `decimals`: `"float"`, or `"exact"` for Decimal objects.
        - `dtype_backend`: `"pyarrow"` keeps every type and tells NULL from NaN; `"numpy_nullable"` keeps integers
          with NULL. Default: numpy's types.
        """
        if decimals not in ("float", "exact"):
            raise ValueError(f'decimals is {decimals!r}; use "float" or "exact".')
        _need("pandas", "to_pandas")
        if dtype_backend is not None:
            return _with_backend(self._limited(limit), dtype_backend)
        if limit is None and decimals == "float" and not self._is_frame_taken:
            # The caller may change it, so a second call makes a new one.
            self._is_frame_taken = True
            return self._rows.frame()
        from ._frames import to_frame

        return to_frame(self._limited(limit), exact_decimals=decimals == "exact")

    def to_arrow(self):
        """All rows as an Arrow table."""
        return self._rows.table()

    def to_polars(self):
        """All rows as a polars DataFrame."""
        return _need("polars", "to_polars").from_arrow(self._rows.table())

    def columns(self):
        """All rows as one list of Python values for each column."""
        table = self._rows.table()
        return {each["name"]: python_values(table[each["name"]], each["type"]) for each in self._columns}

    def rows(self):
        """All rows as dictionaries of Python values."""
        columns = self.columns()
        names = list(columns)
        return [dict(zip(names, values)) for values in zip(*columns.values())]

    def iter_batches(self, batch_size=BATCH_ROWS):
        """Arrow tables of up to `batch_size` rows, of which one at a time is in memory."""
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"batch_size is {batch_size!r}; use a positive number of rows.")
        for table in self._rows.batches():
            for start in range(0, table.num_rows, batch_size):
                yield table.slice(start, batch_size)

    def __iter__(self):
        """pandas DataFrames of up to 65,536 rows, of which one at a time is in memory."""
        from ._frames import to_frame

        _need("pandas", "iteration")
        for table in self.iter_batches():
            yield to_frame(table)

    def sql(self, query, *params):
        """Runs a query over `data`, a view of these rows, in DuckDB. `params` are bound to its `?`.

        Returns DuckDB's relation: `.df()`, `.fetchall()`, `.arrow()`.
        """
        duckdb = _need("duckdb", "sql")
        connection = duckdb.connect(config={"threads": 1})
        connection.register("data", self._rows.table())
        return connection.sql(query, params=list(params) if params else None)

    def _limited(self, limit):
        table = self._rows.table()
        return table if limit is None else table.slice(0, limit)


class TableRows:
    """Rows that are in memory, for a `DataConnector`."""

    def __init__(self, table):
        self._table = table
        self.count = table.num_rows

    def table(self):
        return self._table

    def frame(self):
        from ._frames import to_frame

        return to_frame(self._table)

    def batches(self):
        yield self._table


def split(data, condition):
    """The rows that do not meet an SQL condition, those that do, and the positions of the latter.

    The condition is evaluated once for each row, so that no row is in both.
    """
    import numpy
    import pyarrow as pa

    positions = data._rows.held_out(condition)
    mask = numpy.zeros(len(data), dtype=bool)
    mask[positions.to_numpy()] = True
    table = data._rows.table()
    rest, held_out = (table.filter(pa.array(chosen)) for chosen in (~mask, mask))
    return DataConnector(TableRows(rest), data._columns), DataConnector(TableRows(held_out), data._columns), positions


def _with_backend(table, backend):
    import pandas
    import pyarrow as pa

    if backend == "pyarrow":
        return table.to_pandas(types_mapper=pandas.ArrowDtype, ignore_metadata=True)
    if backend != "numpy_nullable":
        raise ValueError(f'dtype_backend is {backend!r}; use "pyarrow", "numpy_nullable" or None.')
    nullable = {
        pa.int8(): pandas.Int8Dtype(),
        pa.int16(): pandas.Int16Dtype(),
        pa.int32(): pandas.Int32Dtype(),
        pa.int64(): pandas.Int64Dtype(),
        pa.uint8(): pandas.UInt8Dtype(),
        pa.uint16(): pandas.UInt16Dtype(),
        pa.uint32(): pandas.UInt32Dtype(),
        pa.uint64(): pandas.UInt64Dtype(),
        pa.bool_(): pandas.BooleanDtype(),
        pa.float32(): pandas.Float32Dtype(),
        pa.float64(): pandas.Float64Dtype(),
        pa.string(): pandas.StringDtype(),
    }
    return table.to_pandas(types_mapper=nullable.get, ignore_metadata=True)


def _need(package, what):
    """Imports a package that only some functions need."""
    import importlib

    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ModuleNotFoundError(
            f"data_connector.{what} needs {package}, which this Python does not have: pip install {package}.",
            name=package,
        ) from None
