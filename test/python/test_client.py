"""What programs send to runs: frames with their types, and functions by value."""

import datetime
import os
import sys
import tempfile
import types
import unittest
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa

from partwise._client.by_value import functions_file, pickled_by_value
from partwise._client.folders import private_folder
from partwise._client.frames import table_of

STAMP = datetime.datetime(2026, 1, 2, 3, 4, 5, 6)
READ = {
    "an index with a name is a column": (
        pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="k")),
        {"k": ("string", ["x", "y"]), "a": ("int64", [1, 2])},
    ),
    "one without is not": (pd.DataFrame({"a": [1]}, index=["x"]), {"a": ("int64", [1])}),
    "numbers are names": (pd.DataFrame([[1, "x"]]), {"0": ("int64", [1]), "1": ("string", ["x"])}),
    "NaN is NULL": (pd.DataFrame({"a": [1.5, np.nan]}), {"a": ("double", [1.5, None])}),
    "a column without values keeps its type": (
        pd.DataFrame({"a": [np.nan], "b": [None], "c": pd.to_datetime([None])}),
        {"a": ("double", [None]), "b": ("string", [None]), "c": ("timestamp[us]", [None])},
    ),
    "objects have one type": (
        pd.DataFrame({"a": pd.Series([1, 2.5, None], dtype=object), "b": [2**64, 1, None]}),
        {"a": ("double", [1, 2.5, None]), "b": ("decimal128(38, 0)", [Decimal(2**64), Decimal(1), None])},
    ),
    "categories are their values": (
        pd.DataFrame({"a": pd.Categorical(["x", None])}),
        {"a": ("string", ["x", None])},
    ),
    "times of a zone are in UTC": (
        pd.DataFrame({"a": pd.to_datetime([STAMP]).tz_localize("Asia/Tokyo")}),
        {"a": ("timestamp[us, tz=UTC]", [(STAMP - datetime.timedelta(hours=9)).replace(tzinfo=datetime.timezone.utc)])},
    ),
    "nanoseconds stay": (
        pd.DataFrame({"a": pd.to_datetime(["2026-01-01 00:00:00.123456789"])}),
        {"a": ("timestamp[ns]", [pd.Timestamp("2026-01-01 00:00:00.123456789")])},
    ),
    "lists and dictionaries are LIST and STRUCT": (
        pd.DataFrame({"a": [[1, 2], None], "b": [{"c": 1}, {"c": None}], "d": [np.array([0.5]), np.array([])]}),
        {
            "a": ("list<item: int64>", [[1, 2], None]),
            "b": ("struct<c: int64>", [{"c": 1}, {"c": None}]),
            "d": ("list<item: double>", [[0.5], []]),
        },
    ),
    "Arrow keeps its types": (
        pa.table({"a": pa.array([1], pa.int16()), "b": pa.array([Decimal("1.10")], pa.decimal256(50, 2))}),
        {"a": ("int16", [1]), "b": ("decimal128(38, 2)", [Decimal("1.10")])},
    ),
    "there may be no rows": (pd.DataFrame({"a": pd.Series([], dtype="int64")}), {"a": ("int64", [])}),
}
REFUSED = [
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), ValueError, 'two columns "a", and column names are not case-sens'),
    (pd.DataFrame([[1, 2]], columns=["a", "A"]), ValueError, 'the columns "a" and "A"'),
    (pd.DataFrame({"a": [1, "x"]}), ValueError, 'The column "a" is a number in row 0 and text in row 1.'),
    (pd.DataFrame({"a": [b"x", "x"]}), ValueError, 'The column "a" is bytes in row 0 and text in row 1.'),
    (pd.DataFrame({"a": pd.Series([STAMP.date(), STAMP], dtype=object)}), ValueError, "is a date in row 0"),
    (pd.DataFrame({"a": pd.to_timedelta([1])}), ValueError, "timedelta64[ns], which cannot be stored. Use its seconds"),
    (pd.DataFrame({"a": [{"b": 1}, {"c": 1}]}), ValueError, "dictionaries with different keys"),
    (pd.DataFrame({"a": [[{"b": 1}], [{"c": 1}]]}), ValueError, "dictionaries with different keys"),
    (pa.table({"a": pa.array([10**38], pa.decimal256(40, 0))}), ValueError, "numbers of more than 38 digits"),
    (pa.table({"a": pa.array([1], pa.duration("s"))}), ValueError, 'The Table cannot be read by a run. The column "a"'),
    (pd.Series([1]), TypeError, "A run cannot read a Series."),
    ([1, 2], TypeError, "A run cannot read a list."),
]


class Frames(unittest.TestCase):
    def test_rows_keep_their_values_and_types(self):
        for name, (frame, columns) in READ.items():
            with self.subTest(name):
                table = table_of(frame)
                read = {field.name: (str(field.type), table[field.name].to_pylist()) for field in table.schema}
                self.assertEqual(read, columns)

    def test_what_would_be_changed_is_refused_by_name(self):
        for frame, error, message in REFUSED:
            with self.subTest(message), self.assertRaises(error) as raised:
                table_of(frame)
            self.assertIn(message, str(raised.exception))


class Functions(unittest.TestCase):
    def test_several_threads_may_send_functions_that_use_local_modules(self):
        local = types.ModuleType("local")
        local.__file__ = os.path.join(tempfile.gettempdir(), "local.py")
        exec("def add(x): return x + 1", local.__dict__)
        sys.modules["local"] = local
        try:
            with ThreadPoolExecutor(8) as pool:
                sent = list(pool.map(lambda _: pickled_by_value(local.add, "add"), range(64)))
        finally:
            del sys.modules["local"]
        # By reference, they would only name the module.
        self.assertTrue(all(len(each) > 200 for each in sent))

    def test_only_lines_of_the_function_are_sent(self):
        def totals(data, context):
            return {"total": 1}

        with tempfile.TemporaryDirectory() as folder:
            with open(functions_file({"totals": totals}, folder), encoding="utf-8") as file:
                content = file.read()
        self.assertIn('return {\\"total\\": 1}', content)
        self.assertNotIn("test_only_lines", content.split("_FUNCTIONS")[0])

    def test_files_that_were_not_used_for_long_are_removed(self):
        with tempfile.TemporaryDirectory() as folder:
            place = private_folder(folder, ".partwise/code", 30)
            self.assertEqual(os.stat(place).st_mode & 0o777, 0o700)
            for name, days in (("old.py", 31), ("new.py", 29)):
                path = os.path.join(place, name)
                open(path, "w").close()
                then = datetime.datetime.now().timestamp() - days * 24 * 3600
                os.utime(path, (then, then))
            private_folder(folder, ".partwise/code", 30)
            self.assertEqual(os.listdir(place), ["new.py"])


if __name__ == "__main__":
    unittest.main()
