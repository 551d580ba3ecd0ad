"""Calls a partition function on a few rows, in this process: for tests with pytest or unittest.

::

    from partwise.testing import run_partition_function
    from functions import process_sales_data

    def test_adds_up_the_orders_of_a_region():
        call = run_partition_function(
            process_sales_data,
            [{"amount": 10.0, "customer_id": 1}, {"amount": 32.0, "customer_id": 2}],
            key={"region": "North"},
        )
        assert call.rows == [{"region": "North", "total_sales": 42.0}]
        assert json.loads(call.uploads["sales_summary.json"])["total_sales"] == 42.0

Rows, frames and results are converted and checked as in a run. Nothing else is needed: no server, no Node.
"""

import contextlib
import datetime
import io
import os
import sys
import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional

from . import _artifacts
from ._context import PartitionContext, dpf_partition_id
from ._data import DataConnector, TableRows
from ._define import definition_of
from ._results import NO_ROWS, NotRows, take

__all__ = ["TestCall", "run_partition_function"]


@dataclass
class TestCall:
    """What a call did."""

    #: pytest must not collect this class.
    __test__ = False

    #: What the function returned.
    result: Any = None
    #: The rows that become the run's output, with the key columns.
    rows: List[Dict[str, Any]] = field(default_factory=list)
    #: Artifacts by name: text, JSON values and Arrow tables; bytes of what a `write` function wrote.
    uploads: Dict[str, Any] = field(default_factory=dict)
    #: Lines that the function printed.
    logs: List[str] = field(default_factory=list)
    #: What it reported by `context.heartbeat`, in order.
    heartbeats: List[Any] = field(default_factory=list)


def run_partition_function(
    function: Callable[[Any, Any], Any],
    data: Any = (),
    *,
    key: Optional[Mapping[str, Any]] = None,
    params: Optional[Mapping[str, Any]] = None,
    attempt: int = 1,
    run_id: str = "test",
    scheduled_time: Optional[datetime.datetime] = None,
    scheduled_date: Optional[str] = None,
    artifacts: Optional[Mapping[str, Any]] = None,
    task: Optional[str] = None,
    model: Optional[Mapping[str, Any]] = None,
    models: Optional[Mapping[str, Any]] = None,
    query: Optional[Callable[..., List[Dict[str, Any]]]] = None,
) -> TestCall:
    """Calls a partition function, and returns what it did. What the function raises is raised here.

    - `data`: rows as dictionaries, a DataFrame, an Arrow table, or the path of a Parquet, CSV or JSON-lines file. Of
      rows that have the columns of `key`, only those of that key are handed over.
    - `key`: the partition key by column. Default: no key columns.
    - `artifacts`: what `context.download` returns, by name.
    - `task`: of a partition model: "train", "predict" or "fitPredict".
    - `model`: of a partition model: the run's settings, such as `{"holdout": "day >= '2024-03-01'"}`; a holdout needs
      duckdb in this Python.
    - `models`: for "predict": trained models by partition id.
    - `query`: called as `query(sql, *params)` for `context.query`; returns rows.
    """
    definition = definition_of(function, task)
    key = dict(key or {})
    table = _of_key(_as_table(data), key)
    call = TestCall()
    host = _Host(call, dict(artifacts or {}), query, dict(model or {}), dict(models or {}))
    id = "/".join(_encoded(value) for value in key.values())
    facts = {
        "id": id,
        "key": dict(key),
        "partition_id": dpf_partition_id(key, id),
        "params": dict(params or {}),
        "run_id": run_id,
        "attempt": attempt,
        "snapshot_time": datetime.datetime.now(datetime.timezone.utc),
        "scheduled_time": scheduled_time,
        "scheduled_date": scheduled_date,
    }
    printed = _Printed(call.logs)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            call.result = definition.call(_connector(table), PartitionContext(host, facts))
        finally:
            printed.end()
    call.rows = _taken_rows(call.result, key, definition)
    if definition.model is not None:
        # What came of what the model's methods returned.
        call.result = call.rows
    call.uploads = {name: _artifacts.decode(content, codec) for name, (content, codec) in host.uploads.items()}
    return call


def _connector(table):
    columns = [{"name": each.name, "type": _type_name(each.type)} for each in table.schema]
    return DataConnector(_Rows(table, columns), columns)


def _taken_rows(result, key, definition):
    try:
        rows = take(result, key)
    except NotRows:
        if definition.returns_rows:
            raise
        rows = NO_ROWS
    from ._columns import arrow_array

    names = [*key, *rows.columns]
    values = [[value] * rows.count for value in key.values()]
    for column in rows.columns.values():
        # A column without a kind has no value.
        values.append([None] * rows.count if column.kind is None else arrow_array(column).to_pylist())
    return [dict(zip(names, row)) for row in zip(*values)] if names else [{} for _ in range(rows.count)]


def _as_table(data):
    import pyarrow as pa

    if isinstance(data, (str, os.PathLike)):
        return _read(os.fspath(data))
    table = _artifacts.as_table(list(data) if isinstance(data, tuple) else data)
    if table is None:
        raise TypeError(
            f"data is a {type(data).__name__}. Pass rows (dictionaries), a DataFrame, an Arrow table, or a file's path."
        )
    return table.replace_schema_metadata(None) if isinstance(table, pa.Table) else table


def _read(path):
    ending = os.path.splitext(path)[1].lower()
    if ending == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_table(path)
    if ending == ".csv":
        import pyarrow.csv

        return pyarrow.csv.read_csv(path)
    if ending in (".json", ".jsonl", ".ndjson"):
        import pyarrow.json

        return pyarrow.json.read_json(path)
    raise ValueError(f'The file "{path}" is no .parquet, .csv, .json, .jsonl or .ndjson file.')


def _of_key(table, key):
    import pyarrow as pa
    import pyarrow.compute as pc

    for name, value in key.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.array([value] * table.num_rows))
        elif value is None:
            table = table.filter(pc.is_null(table[name]))
        else:
            table = table.filter(pc.equal(table[name], pa.scalar(value)))
    return table


def _encoded(value):
    from urllib.parse import quote

    if value is None:
        return "%-"
    return quote(str(value), safe="!'()*-._~") or "%_"


def _type_name(kind):
    """DuckDB's name of an Arrow type, for `data_connector.schema`."""
    import pyarrow as pa

    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"{_type_name(kind.value_type)}[]"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz is None else "TIMESTAMP WITH TIME ZONE"
    if pa.types.is_struct(kind):
        fields = ", ".join(f'"{each.name}" {_type_name(each.type)}' for each in kind)
        return f"STRUCT({fields})"
    names = {
        "bool": "BOOLEAN",
        "int8": "TINYINT",
        "int16": "SMALLINT",
        "int32": "INTEGER",
        "int64": "BIGINT",
        "uint8": "UTINYINT",
        "uint16": "USMALLINT",
        "uint32": "UINTEGER",
        "uint64": "UBIGINT",
        "float": "FLOAT",
        "double": "DOUBLE",
        "date32[day]": "DATE",
        "time64[us]": "TIME",
        "binary": "BLOB",
        "large_binary": "BLOB",
    }
    return names.get(str(kind), "VARCHAR")


class _Rows(TableRows):
    """The rows of the call's partition."""

    def held_out(self, condition):
        import pyarrow as pa

        try:
            import duckdb
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "In a test, a holdout condition is evaluated by duckdb, which this Python does not have: "
                "pip install duckdb. (In a run, the worker evaluates it.)",
                name="duckdb",
            ) from None
        connection = duckdb.connect(config={"threads": 1})
        connection.register("rows", self.table())
        query = (
            "SELECT position FROM (SELECT row_number() OVER () - 1 AS position, * FROM rows) AS data "
            f"WHERE ({condition}\n) ORDER BY 1"
        )
        return pa.array([position for (position,) in connection.execute(query).fetchall()], pa.int64())


class _Host:
    """What the context asks for, in memory."""

    def __init__(self, call, artifacts, query, model_settings, models):
        self._call = call
        self._models = models
        self.model_settings = model_settings
        self._artifacts = artifacts
        self._query = query
        self.uploads = {}
        self.cancelled = threading.Event()

    def upload(self, name, content, codec):
        self.uploads[name] = (content, codec)

    def forget(self, name):
        del self.uploads[name]

    def download(self, name, partition, run):
        if name not in self._artifacts:
            known = ", ".join(self._artifacts) or "none"
            raise FileNotFoundError(f'There is no artifact "{name}": pass it in artifacts= (it has: {known}).')
        return _artifacts.encode(name, self._artifacts[name])

    def query(self, sql, params):
        if self._query is None:
            raise NotImplementedError("context.query has no warehouse in a test: pass query= to answer it.")
        return _connector(_as_table(self._query(sql, *params)))

    def load_model(self, partition, filename, read):
        return self._models.get(partition)

    def heartbeat(self, progress):
        self._call.heartbeats.append(progress)


class _Printed(io.TextIOBase):
    """Collects lines, and shows them, so that pytest's own capture has them too."""

    def __init__(self, lines):
        self._lines = lines
        self._rest = ""
        self._shown = sys.stdout

    def writable(self):
        return True

    def write(self, text):
        self._shown.write(text)
        *lines, self._rest = (self._rest + text).split("\n")
        self._lines.extend(lines)
        return len(text)

    def end(self):
        if self._rest:
            self._lines.append(self._rest)
            self._rest = ""
