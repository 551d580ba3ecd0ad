"""`data_connector`, the first argument of a partition function: the rows of one partition."""

import sys

from ._types import WIDE_INTEGERS, listed_values, needs_cast, parse_type, with_text_integers

#: Rows of a batch by default.
BATCH_ROWS = 65_536
_POLARS_INTEGERS = {"HUGEINT": "Int128", "UHUGEINT": "UInt128"}


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
        #: Relations that `sql` returned end with their connections.
        self._connections = []

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
        if limit is not None and (not isinstance(limit, int) or limit < 0):
            raise ValueError(f"limit is {limit!r}; use a number of rows, or None for all.")
        if dtype_backend not in (None, "pyarrow", "numpy_nullable"):
            raise ValueError(f'dtype_backend is {dtype_backend!r}; use "pyarrow", "numpy_nullable" or None.')
        pandas = _need("pandas", "to_pandas")
        if limit is None and decimals == "float" and dtype_backend is None and not self._is_frame_taken:
            # The caller may change it, so a second call makes a new one.
            self._is_frame_taken = True
            return self._rows.frame()
        table = self._rows.table() if limit is None else self._rows.table().slice(0, limit)
        if dtype_backend == "pyarrow":
            return table.to_pandas(types_mapper=pandas.ArrowDtype, ignore_metadata=True)
        from ._frames import to_frame

        mapper = _nullable_types() if dtype_backend == "numpy_nullable" else None
        return to_frame(table, self._columns, exact_decimals=decimals == "exact", types_mapper=mapper)

    def to_arrow(self):
        """All rows as an Arrow table."""
        return self._rows.table()

    def to_polars(self):
        """All rows as a polars DataFrame. HUGEINT is Int128; inside of other types, and in older versions, text."""
        polars = _need("polars", "to_polars")
        table, wide = self._rows.table(), {}
        for i, each in enumerate(self._columns):
            if parse_type(each["type"]).has(WIDE_INTEGERS):
                table = table.set_column(i, each["name"], with_text_integers(table.column(i), each["type"]))
                wide[each["name"]] = getattr(polars, _POLARS_INTEGERS.get(each["type"], ""), polars.String)
        frame = polars.from_arrow(table)
        return frame.cast({name: kind for name, kind in wide.items() if frame[name].dtype == polars.String})

    def columns(self):
        """All rows as one list of Python values for each column."""
        table = self._rows.table()
        return {each["name"]: listed_values(column, each["type"]) for each, column in zip(self._columns, table.columns)}

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
            yield to_frame(table, self._columns)

    def sql(self, query, *params):
        """Runs a query over `data`, a view of these rows, in DuckDB. `params` are bound to its `?`.

        Columns have the warehouse's types. Returns DuckDB's relation: `.df()`, `.fetchall()`, `.arrow()`.
        """
        duckdb = _need("duckdb", "sql")
        connection = duckdb.connect(config={"threads": 1})
        self._connections.append(connection)
        connection.execute("SET TimeZone = 'UTC'")
        table, casts = self._rows.table(), []
        for i, each in enumerate(self._columns):
            if needs_cast(each["type"]):
                table = table.set_column(i, each["name"], with_text_integers(table.column(i), each["type"]))
                name = '"{}"'.format(each["name"].replace('"', '""'))
                casts.append(f"CAST({name} AS {each['type']}) AS {name}")
        connection.register("__partwise_rows", table)
        replaced = f" REPLACE ({', '.join(casts)})" if casts else ""
        connection.execute(f"CREATE TEMP VIEW data AS SELECT *{replaced} FROM __partwise_rows")
        return connection.sql(query, params=list(params) if params else None)


class TableRows:
    """Rows that are in memory, for a `DataConnector`."""

    def __init__(self, table, columns):
        self._table = table
        self._columns = columns
        self.count = table.num_rows

    def table(self):
        return self._table

    def frame(self):
        from ._frames import to_frame

        return to_frame(self._table, self._columns)

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
    table, columns = data._rows.table(), data._columns
    rest, held_out = (
        DataConnector(TableRows(table.filter(pa.array(chosen)), columns), columns) for chosen in (~mask, mask)
    )
    return rest, held_out, positions


def _nullable_types():
    import pandas
    import pyarrow as pa

    types = {
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
    return types.get


def _need(package, what):
    """Imports a package that only some functions need."""
    known = sys.modules.get(package)
    if known is not None:
        return known
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
