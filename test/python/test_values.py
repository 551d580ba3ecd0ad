"""Values of a run's snapshot as functions see them. `PARTWISE_VALUES` is the folder that the test in TypeScript made."""

import json
import os
import unittest
from datetime import date, datetime, time, timezone
from decimal import Decimal

import pandas
import pyarrow as pa
from pandas.testing import assert_frame_equal

from partwise._data import DataConnector
from partwise._frames import to_frame
from partwise._runner.snapshot import Index, Snapshot
from partwise._runner.unit_loop import PartitionRows

try:
    import duckdb
except ModuleNotFoundError:
    duckdb = None
try:
    import polars
except ModuleNotFoundError:
    polars = None

NAMES = {
    "D": Decimal,
    "date": date,
    "time": time,
    "datetime": datetime,
    "utc": timezone.utc,
    "NAN": float("nan"),
    "INF": float("inf"),
    "Timestamp": pandas.Timestamp,
}


class Table:
    """A pinned table, opened as a unit's loop opens it."""

    def __init__(self, name, ordinals=None):
        with open(os.path.join(os.environ["PARTWISE_VALUES"], f"{name}.json"), encoding="utf-8") as file:
            self.facts = json.load(file)
        self.columns = self.facts["columns"]
        self.ordinals = list(range(len(self.facts["ids"]))) if ordinals is None else ordinals
        self.index = Index(self.facts["index"], self.facts["keyColumns"], self.ordinals)
        self.snapshot = Snapshot(self.facts["snapshot"], self.columns, self.ordinals, self.index)

    def reading(self, read):
        return read()

    def data(self, ordinal):
        return DataConnector(PartitionRows(self, self.index[ordinal], None), self.columns)

    def close(self):
        self.snapshot.close()


def alone(name, ordinal):
    """The data of a partition whose neighbours are not read."""
    return Table(name, [ordinal]).data(ordinal)


def same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (a != a and b != b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, datetime) and isinstance(b, datetime):
        return a == b and (a.tzinfo is None) == (b.tzinfo is None)
    return a == b and type(a) is type(b)


class Types(unittest.TestCase):
    def setUp(self):
        self.table = Table("types")
        self.addCleanup(self.table.close)
        self.expected = {}
        for key, *values in self.table.facts["expected"]:
            rows = self.expected.setdefault(key, [])
            rows.append([key, *(eval(each, NAMES) for each in values)])

    def each(self):
        for ordinal in self.table.ordinals:
            id = self.table.index[ordinal].id
            yield ordinal, id, self.table.data(ordinal)

    def names(self):
        return [each["name"] for each in self.table.columns]

    def test_python_values_are_those_of_the_warehouse(self):
        for _, id, data in self.each():
            columns = data.columns()
            self.assertEqual(list(columns), self.names())
            for i, each in enumerate(self.table.columns):
                with self.subTest(id=id, type=each["type"]):
                    wanted = [row[i] for row in self.expected[id]]
                    found = columns[each["name"]]
                    self.assertTrue(same(found, wanted), f"{found} is not {wanted}")
            rows = data.rows()
            self.assertEqual(len(rows), len(data))
            self.assertEqual(list(rows[0]), self.names())

    def test_frames_do_not_depend_on_neighbours(self):
        for ordinal, id, data in self.each():
            together = data.to_pandas()
            with self.subTest(id=id):
                assert_frame_equal(together, alone("types", ordinal).to_pandas())
                # The first one may have been changed.
                assert_frame_equal(together, data.to_pandas())
                self.assertEqual(list(together.columns), self.names())
                self.assertEqual(len(together), len(data))
                assert_frame_equal(pandas.concat(list(data), ignore_index=True), together)
            for options in [{"decimals": "exact"}, {"dtype_backend": "pyarrow"}, {"dtype_backend": "numpy_nullable"}]:
                with self.subTest(id=id, **options):
                    read = data.to_pandas(**options)
                    other = alone("types", ordinal).to_pandas(**options)
                    self.assertEqual(len(data.to_pandas(1, **options)), 1)
                    self.assertEqual(read.dtypes.tolist(), other.dtypes.tolist())
                    if options == {"dtype_backend": "pyarrow"}:
                        # pandas cannot compare infinite dates.
                        self.assertTrue(pa.table(dict(read.items())).equals(pa.table(dict(other.items()))) or id == "hard")
                    else:
                        assert_frame_equal(read, other)

    def test_frames_may_be_changed(self):
        before = [alone("types", ordinal).to_pandas() for ordinal in self.table.ordinals]
        for ordinal, _, data in self.each():
            frame = data.to_pandas()
            assert_frame_equal(frame, before[ordinal])
            for name in self.names():
                frame[name] = 0
            frame.loc[:, "new"] = 1
            frame.loc[len(frame)] = frame.iloc[0]
            assert_frame_equal(data.to_pandas(), before[ordinal])

    def test_no_rows_have_the_same_columns(self):
        for _, id, data in self.each():
            for options in ({}, {"decimals": "exact"}, {"dtype_backend": "pyarrow"}, {"dtype_backend": "numpy_nullable"}):
                with self.subTest(id=id, **options):
                    self.assertEqual(list(data.to_pandas(0, **options).columns), self.names())

    def test_types_in_pandas(self):
        for _, id, data in self.each():
            if id not in ("a", "b", "d"):
                continue
            frame = data.to_pandas()
            for each, wanted in zip(self.table.columns[1:], self.table.facts["pandas"]):
                with self.subTest(id=id, type=each["type"]):
                    kind = str(frame[each["name"]].dtype)
                    if wanted is not None:
                        self.assertEqual(kind, wanted[id == "b"])
                    elif each["type"].startswith("DECIMAL") or each["type"] in ("HUGEINT", "UHUGEINT"):
                        is_float = id == "b" or not each["type"].endswith((",0)", "INT"))
                        self.assertEqual(kind, "float64" if is_float else "int64")
                    elif each["type"] in ("FLOAT", "DOUBLE"):
                        self.assertEqual(kind, {"FLOAT": "float32", "DOUBLE": "float64"}[each["type"]])
                    else:
                        self.assertIn(kind, ("object", "str"))

    def test_hard_values_in_pandas(self):
        ordinal = self.table.facts["ids"].index("hard")
        frame = self.table.data(ordinal).to_pandas()
        for i, each in enumerate(self.table.columns):
            kind = each["type"]
            wanted = [row[i] for row in self.expected["hard"] if row[i] is not None]
            found = [value for value in frame[each["name"]].tolist() if value is not None and value is not pandas.NaT]
            with self.subTest(type=kind):
                if kind in ("DATE", "TIME", "VARCHAR", "BLOB", "UUID", "JSON", "INTERVAL", "HUGEINT", "UHUGEINT"):
                    self.assertEqual([int(x) if isinstance(x, Decimal) else x for x in found if x == x], wanted)
                if kind.startswith(("STRUCT(", "MAP(")):
                    self.assertEqual([value.tolist() if hasattr(value, "tolist") else value for value in found], wanted)
                if kind == "TIMESTAMP":
                    # Its own unit, and infinity is the last value of it.
                    values = frame[each["name"]].to_numpy()
                    self.assertEqual(str(values.dtype), "datetime64[us]")
                    self.assertEqual(str(values[0]), "1677-01-01T00:00:00.000000")
                    self.assertEqual(values.view("int64")[3], 2**63 - 1)

    def test_arrow_keeps_types(self):
        table = self.table.data(0).to_arrow()
        found = {each["type"]: str(table.schema.field(each["name"]).type) for each in self.table.columns}
        for kind, wanted in {
            "DECIMAL(12,2)": "decimal128(12, 2)",
            "HUGEINT": "decimal256(39, 0)",
            "TIMESTAMP_S": "timestamp[s]",
            "UUID": "string",
            "JSON": "string",
            "VARCHAR": "string",
        }.items():
            self.assertEqual(found[kind], wanted)
        for _, id, data in self.each():
            batches = pa.concat_tables(data.iter_batches(batch_size=1))
            self.assertEqual(batches.num_rows, len(data))
            self.assertEqual(batches.schema, table.schema)

    @unittest.skipIf(duckdb is None, "duckdb is not installed")
    def test_sql_sees_the_types_of_the_warehouse(self):
        for _, id, data in self.each():
            types = data.sql("SELECT typeof(COLUMNS(*)) FROM data WHERE ? = 1 LIMIT 1", 1).fetchall()[0]
            wanted = ["VARCHAR" if each["type"].startswith("ENUM") else each["type"] for each in self.table.columns]
            # Older versions of DuckDB read it so.
            wanted = ["TIME" if kind == "TIME_NS" and "TIME_NS" not in types else kind for kind in wanted]
            self.assertEqual(list(types), wanted)
            (total,) = data.sql("SELECT count(*) FROM data").fetchall()[0]
            self.assertEqual(total, len(data))

    @unittest.skipIf(polars is None, "polars is not installed")
    def test_polars_keeps_types(self):
        for _, id, data in self.each():
            frame = data.to_polars()
            self.assertEqual(frame.columns, self.names())
            for i, each in enumerate(self.table.columns):
                if each["type"] in ("HUGEINT", "UBIGINT", "DECIMAL(38,10)", "BIGINT"):
                    wanted = [row[i] for row in self.expected[id]]
                    found = frame[each["name"]].to_list()
                    self.assertEqual([int(value) if isinstance(value, str) else value for value in found], wanted)

    def test_wrong_options_are_explained(self):
        data = self.table.data(0)
        for options, message in [
            ({"decimals": "text"}, 'decimals is \'text\'; use "float" or "exact".'),
            ({"dtype_backend": "arrow"}, 'dtype_backend is \'arrow\'; use "pyarrow", "numpy_nullable" or None.'),
            ({"limit": -1}, "limit is -1; use a number of rows, or None for all."),
            ({"limit": "x"}, "limit is 'x'; use a number of rows, or None for all."),
        ]:
            with self.assertRaises(ValueError) as raised:
                data.to_pandas(**options)
            self.assertEqual(str(raised.exception), message)


class Keys(unittest.TestCase):
    def test_of_odd_types_and_names_are_exact(self):
        table = Table("keys")
        self.addCleanup(table.close)
        names = ["ord", "rows", "id", "key_0", "__proto__", 'q"u o,te']
        uuid = "12345678-1234-5678-1234-567812345678"
        keys = {tuple(table.index.key(table.index[each]).items()) for each in table.ordinals}
        wanted = [
            (2**127 - 1, uuid, "infinity", Decimal("1.10"), True, "1 month"),
            (None,) * 6,
            (1, uuid, date(2024, 1, 1), Decimal("-0.01"), False, "1 day"),
        ]
        self.assertEqual(keys, {tuple(zip(names, each)) for each in wanted})
        for ordinal in table.ordinals:
            data = table.data(ordinal)
            self.assertEqual(len(data), 1)
            self.assertEqual([each["name"] for each in data.schema], [*names, "v.x"])
            self.assertEqual(list(data.to_pandas().columns), [*names, "v.x"])
            row = data.rows()[0]
            self.assertIn(row.pop("v.x"), [{"ord": 1}, {"ord": 2}, None])
            self.assertEqual(row, table.index.key(table.index[ordinal]))


if __name__ == "__main__":
    unittest.main()
