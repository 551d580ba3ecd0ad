"""Results of functions as files of rows. With `PARTWISE_VALUES`, files are written there, which DuckDB then reads."""

import datetime
import json
import os
import tempfile
import unittest
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from partwise import InvalidResult
from partwise._context import dpf_partition_id
from partwise._declared import Output, output_problems
from partwise._results import preview, take
from partwise._source_types import SourceTypes
from partwise._runner.call import Call
from partwise._runner.pending_rows import PendingRows
from partwise._runner.segments import Segments
from partwise._runner.snapshot import Partition

try:
    import polars as pl
except ModuleNotFoundError:
    pl = None

UUID = uuid.UUID("12345678-1234-5678-1234-567812345678")
UTC = datetime.timezone.utc
WIDE = 2**127 - 1


def exact(arrow):
    """pandas' frame with Arrow's types."""
    return pa.table(arrow).to_pandas(types_mapper=pd.ArrowDtype)


#: Results, and what DuckDB finds: type and text of the values of each column.
STORED = {
    "python": (
        [
            {
                "i": 1, "big": 2**63, "f": 1.5, "nan": float("nan"), "inf": float("-inf"), "b": True, "s": "é\0漢",
                "d": Decimal("1.10"), "day": datetime.date(2024, 1, 2), "t": datetime.time(1, 2, 3, 4),
                "at": datetime.datetime(2024, 1, 2, 3, 4, 5, 6), "zoned": datetime.datetime(2024, 1, 2, tzinfo=UTC),
                "bytes": b"\0\xff", "u": UUID, "j": {"a": [1, Decimal("1.10")], "n": None, "t": pd.NaT},
                "l": [1, "x"], "none": None, "mixed": 1,
            },
            {"d": 7, "mixed": 0.5, "late": bytearray(b"x"), "f": np.float32(0.5), "i": np.int8(3), "b": np.bool_(False)},
        ],
        {
            "i": ("BIGINT", ["1", "3"]), "big": ("DECIMAL(38,0)", [str(2**63), None]), "f": ("DOUBLE", ["1.5", "0.5"]),
            "nan": ("VARCHAR", [None, None]), "inf": ("DOUBLE", ["-inf", None]), "b": ("BOOLEAN", ["true", "false"]),
            "s": ("VARCHAR", ["é\0漢", None]), "d": ("DECIMAL(21,2)", ["1.10", "7.00"]),
            "day": ("DATE", ["2024-01-02", None]), "t": ("TIME", ["01:02:03.000004", None]),
            "at": ("TIMESTAMP", ["2024-01-02 03:04:05.000006", None]),
            "zoned": ("TIMESTAMP WITH TIME ZONE", ["2024-01-02 00:00:00+00", None]),
            "bytes": ("BLOB", ["\\x00\\xFF", None]), "u": ("UUID", [str(UUID), None]),
            "j": ("JSON", ['{"a": [1, 1.10], "n": null, "t": null}', None]), "l": ("JSON", ['[1, "x"]', None]),
            "none": ("VARCHAR", [None, None]), "mixed": ("DOUBLE", ["1.0", "0.5"]), "late": ("BLOB", [None, "x"]),
        },
    ),
    "numpy": (
        {
            "a": np.int64(-1), "u": np.uint64(2**64 - 1), "m": np.datetime64("2024-01-02T03:04:05.000006"),
            "nat": np.datetime64("NaT"), "x": np.array([1, 2]), "s": np.str_("t"),
            "j": {"when": np.array(["2024-01-02"], "M8[D]"), "n": np.float64(0.1), "i": np.int64(2**62)},
        },
        {
            "a": ("BIGINT", ["-1"]), "u": ("DECIMAL(38,0)", [str(2**64 - 1)]),
            "m": ("TIMESTAMP", ["2024-01-02 03:04:05.000006"]), "nat": ("VARCHAR", [None]), "x": ("JSON", ["[1, 2]"]),
            "s": ("VARCHAR", ["t"]), "j": ("JSON", ['{"when": ["2024-01-02"], "n": 0.1, "i": %d}' % 2**62]),
        },
    ),
    "pandas": (
        pd.DataFrame(
            {
                "i": np.array([1, 2], "int32"), "u": np.array([1, 2**64 - 1], "uint64"), "f": [1.5, float("nan")],
                "at": pd.to_datetime(["2024-01-02", None]), "zoned": pd.to_datetime(["2024-01-02", None], utc=True),
                "ns": pd.to_datetime(["2024-01-02 00:00:00.000000001", None]),
                "c": pd.Categorical(["a", None]), "n": pd.array([2**53 + 1, None], "Int64"),
                "b": pd.array([True, None], "boolean"), "s": ["x", None], 0: [1, 2],
                "o": pd.Series([{"a": 1}, None], dtype=object), "days": pd.Series([datetime.date(2024, 1, 2), None]),
                "none": [None, None], "d": pd.Series([Decimal("0.10"), Decimal("12")], dtype=object),
            }
        ),
        {
            "i": ("BIGINT", ["1", "2"]), "u": ("DECIMAL(38,0)", ["1", str(2**64 - 1)]), "f": ("DOUBLE", ["1.5", None]),
            "at": ("TIMESTAMP", ["2024-01-02 00:00:00", None]),
            "zoned": ("TIMESTAMP WITH TIME ZONE", ["2024-01-02 00:00:00+00", None]),
            "ns": ("TIMESTAMP_NS", ["2024-01-02 00:00:00.000000001", None]), "c": ("VARCHAR", ["a", None]),
            "n": ("BIGINT", [str(2**53 + 1), None]), "b": ("BOOLEAN", ["true", None]), "s": ("VARCHAR", ["x", None]),
            "0": ("BIGINT", ["1", "2"]), "o": ("JSON", ['{"a": 1}', None]), "days": ("DATE", ["2024-01-02", None]),
            "none": ("VARCHAR", [None, None]), "d": ("DECIMAL(4,2)", ["0.10", "12.00"]),
        },
    ),
    "pandas with names": (
        pd.DataFrame({"g": ["a", "a", "b"], "h": [1, 2, 3], "v": [1.0, 2.0, 3.0]})
        .groupby(["g"])
        .agg({"v": ["sum", "max"]}),
        {"g": ("VARCHAR", ["a", "b"]), "v_sum": ("DOUBLE", ["3.0", "3.0"]), "v_max": ("DOUBLE", ["2.0", "3.0"])},
    ),
    "a Series": (
        pd.Series({"n": 1, "s": "x", "f": 0.5, "day": datetime.date(2024, 1, 2)}),
        {"n": ("BIGINT", ["1"]), "s": ("VARCHAR", ["x"]), "f": ("DOUBLE", ["0.5"]), "day": ("DATE", ["2024-01-02"])},
    ),
    "pandas with Arrow's types": (
        exact({"f": pa.array([float("nan"), None]), "l": pa.array([[1], None]), "d": pa.array([Decimal("1.10"), None])}),
        {"f": ("DOUBLE", ["nan", None]), "l": ("BIGINT[]", ["[1]", None]), "d": ("DECIMAL(3,2)", ["1.10", None])},
    ),
    "Arrow": (
        pa.table(
            {
                "i8": pa.array([1, None], pa.int8()), "u64": pa.array([2**64 - 1, None], pa.uint64()),
                "f": pa.array([0.5, None], pa.float32()),
                "nan": pa.array([float("nan"), None]), "d": pa.array([Decimal("1.10"), None], pa.decimal128(12, 2)),
                "d256": pa.array([Decimal("1.10"), None], pa.decimal256(50, 2)),
                "wide": pa.array([Decimal(WIDE), None], pa.decimal256(39, 0)),
                "day": pa.array([2**31 - 1, None], pa.int32()).cast(pa.date32()),
                "d64": pa.array([datetime.date(2024, 1, 2), None], pa.date64()),
                "s": pa.array([1, None], pa.timestamp("s")), "ns": pa.array([1, None], pa.timestamp("ns")),
                "z": pa.array([0, None], pa.timestamp("ms", "Europe/Berlin")),
                "t": pa.array([1, None], pa.time32("s")), "l": pa.array([[1, None], None], pa.large_list(pa.int32())),
                "a": pa.array([[1, 2], None], pa.list_(pa.int32(), 2)),
                "st": pa.array([{"a": 1, "b": "x"}, None], pa.struct([("a", pa.int16()), ("b", pa.large_string())])),
                "m": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
                "e": pa.array([[], None], pa.list_(pa.null())), "n": pa.nulls(2),
                "c": pa.array(["x", None]).dictionary_encode(), "b": pa.array([b"\0", None], pa.binary(1)),
            }
        ),
        {
            "i8": ("TINYINT", ["1", None]), "u64": ("UBIGINT", [str(2**64 - 1), None]), "f": ("FLOAT", ["0.5", None]),
            "nan": ("DOUBLE", ["nan", None]), "d": ("DECIMAL(12,2)", ["1.10", None]),
            "d256": ("DECIMAL(38,2)", ["1.10", None]), "wide": ("HUGEINT", [str(WIDE), None]),
            "day": ("DATE", ["infinity", None]), "d64": ("DATE", ["2024-01-02", None]),
            "s": ("TIMESTAMP", ["1970-01-01 00:00:01", None]),
            "ns": ("TIMESTAMP_NS", ["1970-01-01 00:00:00.000000001", None]),
            "z": ("TIMESTAMP WITH TIME ZONE", ["1970-01-01 00:00:00+00", None]), "t": ("TIME", ["00:00:01", None]),
            "l": ("INTEGER[]", ["[1, NULL]", None]), "a": ("INTEGER[]", ["[1, 2]", None]),
            "st": ("STRUCT(a SMALLINT, b VARCHAR)", ["{'a': 1, 'b': x}", None]),
            "m": ("MAP(VARCHAR, BIGINT)", ["{a=1}", None]), "e": ("VARCHAR[]", ["[]", None]),
            "n": ("VARCHAR", [None, None]), "c": ("VARCHAR", ["x", None]), "b": ("BLOB", ["\\x00", None]),
        },
    ),
    "a key column, left out": (pa.table({"K": ["k0"], "n": [1]}), {"n": ("BIGINT", ["1"])}),
}
if pl is not None:
    STORED["polars"] = (
        pl.DataFrame(
            {"i": [1, None], "f": [float("nan"), None], "s": ["x", None], "l": [[1.5], None], "d": [Decimal("1.10"), None]},
        ).with_columns(pl.col("s").cast(pl.Categorical).alias("c")),
        {
            "i": ("BIGINT", ["1", None]), "f": ("DOUBLE", ["nan", None]), "s": ("VARCHAR", ["x", None]),
            "l": ("DOUBLE[]", ["[1.5]", None]), "d": (None, ["1.10", None]), "c": ("VARCHAR", ["x", None]),
        },
    )

_OTHER = "which cannot be stored"
#: Results that no table stores, and what the message says.
REFUSED = [
    ({"n": 10**38}, 'The column "n" of row 0 is an integer of more than 38 digits. Use text.'),
    ({"n": Decimal("inf")}, 'The column "n" of row 0 is Infinity, which no DECIMAL holds'),
    ({"n": Decimal("1E-39")}, "has more than 38 digits"),
    ({"n": "\ud800"}, "contains a lone surrogate"),
    ({"n": object()}, 'The column "n" of row 0 is an object, ' + _OTHER),
    ({"n": datetime.timedelta(1)}, "Use its seconds (.total_seconds())."),
    ({"n": pd.Timedelta(1)}, "Use its seconds (.total_seconds())."),
    ({"n": np.timedelta64(1, "s")}, "Use its seconds: value / numpy.timedelta64(1, 's')."),
    ({"n": pd.Timestamp("2024-01-01 00:00:00.000000001")}, "has nanoseconds, which a TIMESTAMP does not hold"),
    ({"n": datetime.time(tzinfo=UTC)}, "is a time with a time zone"),
    ({"n": datetime.datetime.min.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=1)))}, "years 1 to 9999"),
    ({"n": 1j}, 'is a complex, ' + _OTHER),
    ({"n": {"a": float("nan")}}, "cannot be stored as JSON"),
    ({"n": {"a": {1}}}, "cannot be stored as JSON: a set is not JSON"),
    ({"n": [np.timedelta64(1, "s")]}, "cannot be stored as JSON: a timedelta64 is not JSON"),
    ([{"n": 1}, {"n": "x"}], 'The column "n" is a number in row 0 and text in row 1. Use one type per column.'),
    ([{"n": None}, {"n": b"x"}, {"n": "x"}], "is bytes in row 1 and text in row 2"),
    ([{"n": datetime.date.min}, {"n": datetime.datetime.min}], "is a date in row 0 and a datetime without a time zone"),
    ([{"n": Decimal(1)}, {"n": 0.5}], "is a Decimal in row 0 and a number in row 1"),
    ([{"n": 2**53 + 1}, {"n": 0.5}], f"has fractions and, in row 0, {2**53 + 1}, an integer that would lose digits"),
    ([{"n": 1}, {"N": 1}], 'Row 1 has the column "N", but there is also "n"'),
    ({"": 1}, "a column with an empty name"),
    ({"__partwise_x": 1}, 'a name that is reserved for Partwise, "__partwise_x"'),
    ({"a\0": 1}, "a NUL in its name"),
    ({1: 1, "1": 2}, 'Row 0 has the column "1" twice'),
    ({None: 1}, "A column is named by a NoneType. Name columns by text."),
    ({"k": "other"}, "Row 0 has k = 'other', but this is the partition where k = 'k0'"),
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), 'has the column "a" twice'),
    (pd.DataFrame([[1, 2]], columns=[0, "0"]), 'has the column "0" twice'),
    (pd.DataFrame({"a": pd.to_timedelta([1])}), "Use its seconds (.dt.total_seconds())."),
    (pd.DataFrame({"a": pd.period_range("2024", periods=1, freq="M")}), 'The column "a" has the type period'),
    (pd.DataFrame({"a": pd.interval_range(0, 1)}), 'The column "a" has the type interval'),
    (pd.DataFrame({"a": pd.cut([1.0], 1)}), 'The column "a" has the type interval'),
    (pd.DataFrame({"a": [1j]}), "has the type complex128"),
    (pd.DataFrame({"a": pd.arrays.SparseArray([1.0])}), 'The column "a" has the type Sparse'),
    (pd.DataFrame({"a": pd.Series(["x", b"x"], dtype=object)}), 'The column "a" is text in row 0 and bytes in row 1'),
    (pd.DataFrame({"a": [1]}, index=pd.Index([1], name="a")), "The index of the DataFrame cannot become"),
    (pd.DataFrame({"k": ["k0", "x"]}), "Row 1 has k = 'x', but this is the partition where k = 'k0'"),
    (pa.table({"a": pa.array([1], pa.duration("s"))}), 'The column "a" has the type duration[s], ' + _OTHER),
    (pa.table({"a": pa.array([[1]], pa.list_(pa.duration("s")))}), 'The column "a" has the type duration[s], ' + _OTHER),
    (pa.table({"a": pa.array([(1, 2, 3)], pa.month_day_nano_interval())}), "month_day_nano_interval"),
    (pa.table({"a": pa.array([Decimal("1e40")], pa.decimal256(60, 5))}), 'The column "a" has the type decimal256(60, 5)'),
    (pa.table({"a": pa.array([1], pa.timestamp("ns", "UTC"))}), "has times with nanoseconds"),
    (pa.table([[1], [2]], names=["a", "a"]), 'has the column "a" twice'),
    (3, "The function returned the value 3. Return a dictionary"),
    ([{"a": 1}, 3], "The function returned a list whose item 1 is the value 3"),
]

DECLARED = {
    "n": "int", "d": "decimal(5, 2)", "s": "text", "day": "DATE", "at": "timestamp", "z": "timestamptz", "u": "uuid",
    "j": "json", "h": "HUGEINT", "f": "float", "b": "bool", "x": "blob", "t": "time", "v": "interval", "l": "integer[]",
    "st": 'STRUCT(a INTEGER, "b c" DATE[])', "m": "MAP(VARCHAR, UTINYINT)", "sec": "timestamp_s",
}


def written(parts):
    """The file with several results' rows, and the refusals."""
    ids = [f"k{i}" for i in range(len(parts))]
    index = type("Index", (), {"table": pa.table({"key_0": ids})})
    pending = PendingRows()
    for i, rows in enumerate(parts):
        partition = type("Partition", (), {"ordinal": i, "position": i, "id": ids[i]})
        pending.add(type("Call", (), {"partition": partition}), rows)
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "rows.parquet")
        end = pending.write(file, index, [{"name": "k", "type": "VARCHAR"}])
        if end.is_empty:
            return None, end.calls
        with open(file, "rb") as opened:
            return opened.read(), end.calls


class Results(unittest.TestCase):
    def keep(self, name, parts, expected):
        """Writes a file for the test in TypeScript."""
        content, refused = written(parts)
        self.assertEqual(refused, [])
        folder = os.environ.get("PARTWISE_VALUES")
        if folder is not None:
            with open(os.path.join(folder, f"{name}.rows.parquet"), "wb") as file:
                file.write(content)
            with open(os.path.join(folder, f"{name}.rows.json"), "w", encoding="utf-8") as file:
                json.dump(expected, file)

    def test_every_type_is_stored_as_it_is(self):
        for name, (result, expected) in STORED.items():
            with self.subTest(result=name):
                rows = take(result, {"k": "k0"})
                self.assertEqual(list(rows.columns), list(expected))
                self.assertIsNotNone(preview(rows))
                self.keep(name, [rows], expected)

    def test_a_key_column_may_have_the_text_of_the_partition_id_as_in_functions_of_dpf(self):
        utc = datetime.timezone.utc
        keys = {
            "7": 7,
            "%-": None,
            "true": True,
            "1.50": Decimal("1.50"),
            "2024-01-02": datetime.date(2024, 1, 2),
            "2024-01-02%2003%3A04%3A05.5%2B00": datetime.datetime(2024, 1, 2, 3, 4, 5, 500_000, utc),
            "03%3A04%3A05.5": datetime.time(3, 4, 5, 500_000),
            # A FLOAT.
            "0.1": 0.10000000149011612,
        }
        for id, key in keys.items():
            with self.subTest(key=key):
                text = dpf_partition_id({"k": key}, id)
                self.assertEqual(list(take({"k": text, "n": 1}, {"k": key}).columns), ["n"])
                self.assertEqual(list(take(pd.DataFrame({"K": [text], "n": [1]}), {"k": key}).columns), ["n"])
                with self.assertRaises(InvalidResult):
                    take({"k": "other"}, {"k": key})

    def test_what_cannot_be_stored_is_refused_with_its_column_and_row(self):
        for result, message in REFUSED:
            with self.subTest(message=message):
                with self.assertRaises(InvalidResult) as raised:
                    take(result, {"k": "k0"})
                self.assertIn(message, str(raised.exception))

    def test_results_may_be_empty(self):
        for result in (None, [], pd.DataFrame(), pd.DataFrame({"a": []}), pa.table({"a": pa.array([], pa.int64())})):
            rows = take(result, {})
            self.assertEqual(rows.count, 0)
            self.assertIsNone(preview(rows))
        self.assertIsNone(written([take([], {}), take(pd.DataFrame({"a": []}), {})])[0])
        self.assertEqual(take([{}, {}], {}).count, 2)

    def test_later_changes_have_no_effect(self):
        numbers = np.array([1, 2])
        items = [1]
        frame = pd.DataFrame({"n": numbers})
        taken = [take(each, {}) for each in (frame, pa.table({"n": numbers}), {"n": items}, pa.table({"n": numbers})[:1])]
        numbers[:] = 9
        frame.loc[:, "n"] = 9
        items.append(9)
        columns = [each.columns["n"].values for each in taken]
        self.assertEqual([each if isinstance(each, list) else each.to_pylist() for each in columns], [[1, 2], [1, 2], ["[1]"], [1]])

    def test_partitions_with_other_types_are_joined_where_nothing_is_lost(self):
        one, half, wide, text = (take({"n": each}, {}) for each in (1, 0.5, 2**53 + 1, "x"))
        for first, second, fits in [(one, half, True), (half, one, True), (wide, half, False), (half, wide, False), (one, text, False)]:
            pending = PendingRows()
            pending.add(None, first)
            self.assertEqual(pending.fits(second), fits)
        self.keep("joined", [one, half, take(pd.DataFrame({"n": [2]}), {}), take({"m": "x"}, {})],
                  {"n": ("DOUBLE", ["1.0", "0.5", "2.0", None]), "m": ("VARCHAR", [None, None, None, "x"])})
        self.keep("decimals", [take({"n": Decimal("0.5")}, {}), take({"n": 2}, {}), take({"n": Decimal("100.25")}, {})],
                  {"n": ("DECIMAL(21,2)", ["0.50", "2.00", "100.25"])})

    def test_rows_that_cannot_be_written_harm_no_other_partition(self):
        bad = take({"n": 1}, {})
        bad.columns["n"].values[0] = "not a number"
        content, refused = written([take({"n": 1}, {}), bad, take({"n": 3}, {}), bad])
        self.assertEqual([call.partition.ordinal for call, _ in refused], [1, 3])
        self.assertIsInstance(refused[0][1], InvalidResult)
        self.assertEqual(pq.read_table(pa.BufferReader(content))["n"].to_pylist(), [1, 3])
        self.assertEqual([call.partition.ordinal for call, _ in written([bad])[1]], [0])

    def test_many_rows_are_taken(self):
        count = 50_000
        for result in (pd.DataFrame({"n": range(count)}), [{"n": i} for i in range(count)]):
            self.assertEqual(pq.read_table(pa.BufferReader(written([take(result, {})])[0])).num_rows, count)


class Source(unittest.TestCase):
    """Columns that functions return under the names of the source's columns."""

    def test_keep_the_types_that_python_has_as_text(self):
        types = {"i": "INTERVAL", "u": "UUID", "j": "JSON", "z": "TIME WITH TIME ZONE", "day": "DATE", "at": "TIMESTAMP",
                 "zoned": "TIMESTAMP WITH TIME ZONE", "b": "BIT", "s": "VARCHAR"}
        source = SourceTypes([{"name": name, "type": kind} for name, kind in types.items()])
        rows = [
            {"i": "1 month", "u": str(UUID), "j": "[1]", "z": "12:00:00+01", "day": "infinity", "at": "-infinity",
             "zoned": "10000-01-01 00:00:00.5+00", "b": "01", "s": "infinity"},
            {"day": datetime.date(2024, 1, 2), "at": datetime.datetime(2024, 1, 2), "zoned": datetime.datetime(2024, 1, 2, tzinfo=UTC)},
            {"day": "0044-03-15 (BC)", "at": "0001-12-31 (BC) 23:59:59.000001"},
        ]
        text = [[str(UUID), None, None], ["infinity", "2024-01-02", "0044-03-15 (BC)"]]
        expected = {
            "i": ("INTERVAL", ["1 month", None, None]), "u": ("UUID", text[0]), "j": ("JSON", ["[1]", None, None]),
            "z": ("TIME WITH TIME ZONE", ["12:00:00+01", None, None]), "day": ("DATE", text[1]),
            "at": ("TIMESTAMP", ["-infinity", "2024-01-02 00:00:00", "0001-12-31 (BC) 23:59:59.000001"]),
            "zoned": ("TIMESTAMP WITH TIME ZONE", ["10000-01-01 00:00:00.5+00", "2024-01-02 00:00:00+00", None]),
            "b": ("BIT", ["01", None, None]), "s": ("VARCHAR", ["infinity", None, None]),
        }
        Results.keep(self, "source", [take(rows, {}, None, source)], expected)
        frame = pd.DataFrame({"i": ["1 month", None], "u": [str(UUID), "none"], "day": ["infinity", "-infinity"]})
        Results.keep(
            self,
            "source frame",
            [take(frame, {}, None, source)],
            {"i": ("INTERVAL", ["1 month", None]), "u": ("VARCHAR", [str(UUID), "none"]), "day": ("DATE", ["infinity", "-infinity"])},
        )
        output = Output({"day": "DATE", "at": "TIMESTAMP", "zoned": "TIMESTAMPTZ"}, [])
        Results.keep(
            self,
            "source declared",
            [take([{each: row.get(each) for each in ("day", "at", "zoned")} for row in rows], {}, output)],
            {each: expected[each] for each in ("day", "at", "zoned")},
        )


class HandedOver(unittest.TestCase):
    def test_partitions_whose_rows_cannot_be_written_fail_alone(self):
        for is_batch in (True, False):
            with self.subTest(is_batch=is_batch), tempfile.TemporaryDirectory() as scratch:
                unit = {"isBatch": is_batch, "scratch": scratch, "keyColumns": [], "nonRetryableErrorTypes": []}
                sent = []
                channel = type("Channel", (), {"send": lambda self, message, body: sent.append((message, body))})()
                worker = type("Worker", (), {"channel": channel})
                segments = Segments(unit, worker, type("Index", (), {"table": pa.table({"ord": [0, 1, 2]})}))
                for ordinal in range(3):
                    entry = Partition(ordinal, f"k{ordinal}", 1, ordinal)
                    rows = take({"n": ordinal}, {})
                    if ordinal == 1:
                        rows.columns["n"].values[0] = "not a number"
                    call = Call({**unit, "ordinals": []}, entry, 1, None, segments)
                    packed = [segments.pack("a.txt", "text", b"x")]
                    segments.record_done(call, rows, None, lambda packed=packed: packed)
                segments.hand_over()
                ((message, body),) = sent
                ended = {each["outcome"]["ordinal"]: each for each in message["outcomes"]}
                done = [] if message["done"] is None else np.frombuffer(body, "int32")[8:10].tolist()
                self.assertEqual(done, [0, 2] if is_batch else [])
                self.assertEqual(sorted(ended), [1] if is_batch else [0, 1, 2])
                failed = ended[1]
                self.assertEqual(failed["outcome"]["status"], "FAILED")
                self.assertEqual(failed["outcome"]["error"]["type"], "InvalidResult")
                self.assertIn("The returned rows cannot be stored", failed["outcome"]["error"]["message"])
                self.assertFalse(failed["retryable"])
                self.assertEqual(len(failed["artifacts"]), 1)
                self.assertEqual(pq.read_table(message["rows"])["n"].to_pylist(), [0, 2])


class DeclaredOutput(unittest.TestCase):
    def take(self, result, output=DECLARED):
        return take(result, {"k": "k0"}, Output(output, ["k"]))

    def test_has_the_declared_columns_and_types(self):
        self.assertEqual(output_problems(DECLARED), [])
        rows = [
            {
                "n": 1.0, "d": "1.1", "s": "x", "day": datetime.datetime(2024, 1, 2), "at": pd.Timestamp("2024-01-02"),
                "z": datetime.datetime(2024, 1, 2, tzinfo=UTC), "u": UUID, "j": "x", "h": WIDE, "f": 0.5, "b": np.bool_(True),
                "x": b"x", "t": "01:02:03", "v": datetime.timedelta(days=-1), "l": np.array([1, 2]),
                "st": {"a": 1, "b c": ["2024-01-02"]}, "m": {"a": 255}, "sec": "2024-01-02",
            },
            {"n": pd.NA, "d": 0.1 + 0.2, "f": float("nan"), "j": {"a": [1]}, "k": "k0"},
        ]
        expected = {
            "n": ("INTEGER", ["1", None]), "d": ("DECIMAL(5,2)", ["1.10", "0.30"]), "s": ("VARCHAR", ["x", None]),
            "day": ("DATE", ["2024-01-02", None]), "at": ("TIMESTAMP", ["2024-01-02 00:00:00", None]),
            "z": ("TIMESTAMP WITH TIME ZONE", ["2024-01-02 00:00:00+00", None]), "u": ("UUID", [str(UUID), None]),
            "j": ("JSON", ['"x"', '{"a": [1]}']), "h": ("HUGEINT", [str(WIDE), None]), "f": ("FLOAT", ["0.5", None]),
            "b": ("BOOLEAN", ["true", None]), "x": ("BLOB", ["x", None]), "t": ("TIME", ["01:02:03", None]),
            "v": ("INTERVAL", ["-24:00:00", None]), "l": ("INTEGER[]", ["[1, 2]", None]),
            "st": ('STRUCT(a INTEGER, "b c" DATE[])', ["{'a': 1, 'b c': [2024-01-02]}", None]),
            "m": ("MAP(VARCHAR, UTINYINT)", ["{a=255}", None]), "sec": ("TIMESTAMP_S", ["2024-01-02 00:00:00", None]),
        }
        taken = self.take(rows)
        self.assertEqual(list(taken.columns), list(DECLARED))
        Results.keep(self, "declared", [taken], expected)
        frame = pd.DataFrame({"n": [1.0, float("nan")], "d": [0.1, 0.2], "day": pd.to_datetime(["2024-01-02", None])})
        Results.keep(
            self,
            "declared frame",
            [self.take(frame), self.take(pa.table({"n": pa.array([2], pa.int32()), "h": pa.array([7])}))],
            {
                **{name: (kind, [None] * 3) for name, (kind, _) in expected.items()},
                "n": ("INTEGER", ["1", None, "2"]), "d": ("DECIMAL(5,2)", ["0.10", "0.20", None]),
                "day": ("DATE", ["2024-01-02", None, None]), "h": ("HUGEINT", [None, None, "7"]),
            },
        )

    def test_refuses_other_columns_and_values(self):
        for result, message in [
            ({"other": 1}, 'Row 0 has a column "other" that the function\'s "output" does not declare: it has n, d, s'),
            (pd.DataFrame({"N": [1]}), 'a column "N" that the function\'s "output" does not declare'),
            ({"n": 1.5}, 'The column "n" of row 0 is 1.5, which is not a value of INTEGER, the type that'),
            ({"n": 2**31}, "is 2147483648, which is not a value of INTEGER"),
            ({"n": True}, "is True, which is not a value of INTEGER"),
            ({"n": "1"}, "is '1', which is not a value of INTEGER"),
            ({"d": 1000}, "is 1000, which is not a value of DECIMAL(5,2)"),
            ({"d": Decimal("0.125")}, "is a Decimal (Decimal('0.125')), which is not a value of DECIMAL(5,2)"),
            ({"d": 0.125}, "is 0.125, which is not a value of DECIMAL(5,2)"),
            ({"s": 1}, "is 1, which is not a value of VARCHAR"),
            ({"f": 0.1}, "is 0.1, which is not a value of FLOAT"),
            ({"day": datetime.datetime(2024, 1, 2, 3)}, "is not a value of DATE"),
            ({"at": datetime.datetime(2024, 1, 2, tzinfo=UTC)}, "is not a value of TIMESTAMP,"),
            ({"z": datetime.datetime(2024, 1, 2)}, "is not a value of TIMESTAMP WITH TIME ZONE"),
            ({"sec": datetime.datetime(2024, 1, 2, 0, 0, 0, 1)}, "is not a value of TIMESTAMP_S"),
            ({"l": [1, "x"]}, "is not a value of INTEGER[]"),
            ({"st": {"z": 1}}, "is not a value of STRUCT"),
            ({"m": {"a": 256}}, "is not a value of MAP(VARCHAR, UTINYINT)"),
            ([{"n": 1}, {"n": "x"}], 'The column "n" of row 1 is \'x\''),
            (pa.table({"n": ["x"]}), 'The column "n" of row 0 is \'x\''),
        ]:
            with self.subTest(message=message):
                with self.assertRaises(InvalidResult) as raised:
                    self.take(result)
                self.assertIn(message, str(raised.exception))

    def test_of_types_that_python_cannot_check_is_refused_by_name(self):
        given = {"a": "BIT", "b": "UNION(x INTEGER)", "c": "nonsense", "d": "TIME WITH TIME ZONE", "e": "STRUCT(a BIT)", "f": "DECIMAL(39,0)"}
        problems = output_problems(given)
        self.assertEqual(len(problems), len(given))
        self.assertIn('"output" declares "a" as BIT, which functions in Python cannot return.', problems[0])


if __name__ == "__main__":
    unittest.main()
