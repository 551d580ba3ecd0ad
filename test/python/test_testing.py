"""`partwise.testing` calls functions as a run does."""

import datetime
import decimal
import json
import os
import tempfile
import unittest

import pandas as pd
from partwise import InvalidArtifact, InvalidResult, partition_function
from partwise._define import definition_of
from partwise.testing import run_partition_function


def write_json(value, path):
    with open(path, "w") as file:
        json.dump(value, file)


def summary(data, context):
    df = data.to_pandas()
    print(f"Processing {context.partition_id}")
    totals = {"total": float(df["amount"].sum()), "orders": len(df)}
    context.upload("summary.json", totals)
    context.upload_to_stage(totals, "dpf.json", write_function=write_json)
    context.heartbeat({"done": 1})
    return totals


class RunPartitionFunction(unittest.TestCase):
    def test_hands_over_rows_and_returns_what_the_function_did(self):
        call = run_partition_function(
            summary, [{"amount": 10.0}, {"amount": 32.5}], key={"region": "New York"}
        )
        self.assertEqual(
            call.rows, [{"region": "New York", "total": 42.5, "orders": 2}]
        )
        self.assertEqual(call.uploads["summary.json"], {"total": 42.5, "orders": 2})
        self.assertEqual(
            json.loads(call.uploads["dpf.json"]), {"total": 42.5, "orders": 2}
        )
        self.assertEqual(call.logs, ["Processing New York"])
        self.assertEqual(call.heartbeats, [{"done": 1}])

    def test_hands_over_only_the_rows_of_the_key(self):
        rows = pd.DataFrame(
            {"region": ["North", "South", "North"], "amount": [1.0, 2.0, 4.0]}
        )
        call = run_partition_function(summary, rows, key={"region": "North"})
        self.assertEqual(call.rows, [{"region": "North", "total": 5.0, "orders": 2}])

    def test_reads_files(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "rows.csv")
            with open(path, "w") as file:
                file.write("region,amount\nNorth,1.5\nSouth,2\n")
            call = run_partition_function(summary, path, key={"region": "South"})
        self.assertEqual(call.rows, [{"region": "South", "total": 2.0, "orders": 1}])

    def test_refuses_what_a_run_would_refuse(self):
        declared = partition_function(lambda data, context: 3, name="three")
        with self.assertRaisesRegex(InvalidResult, "returned the value 3"):
            run_partition_function(declared)
        with self.assertRaisesRegex(
            InvalidResult, 'column "a" is a number in row 0 and text in row 1'
        ):
            run_partition_function(lambda data, context: [{"a": 1}, {"a": "x"}])
        with self.assertRaisesRegex(InvalidArtifact, "contains a slash"):
            run_partition_function(lambda data, context: context.upload("a/b", 1))

    def test_declares_settings_in_the_names_of_python(self):
        retry = {
            "maximum_attempts": 5,
            "initial_interval": 0.5,
            "by_error_type": {"KeyError": {"maximum_interval": "2m"}},
        }
        declare = partition_function(
            name="f", timeout=90, retry=retry, big_task_queue="big"
        )
        self.assertEqual(
            definition_of(declare(lambda data, context: None)).settings,
            {
                "timeout": 90_000,
                "retry": {
                    "maximumAttempts": 5,
                    "initialInterval": 500,
                    "byErrorType": {"KeyError": {"maximumInterval": "2m"}},
                },
                "bigTaskQueue": "big",
            },
        )

    def test_keeps_what_is_no_table_of_a_plain_function_out_of_the_rows(self):
        call = run_partition_function(lambda data, context: object())
        self.assertEqual(call.rows, [])

    def test_keeps_digits_and_types_of_returned_values(self):
        row = {
            "id": 2**62 + 1,
            "wide": 10**37,
            "amount": decimal.Decimal("1.10"),
            "day": datetime.date(2026, 11, 29),
            "at": datetime.datetime(2026, 11, 29, 12, 0, 0, 1),
            "content": b"\x00\xff",
            "nothing": None,
            "nan": float("nan"),
        }
        call = run_partition_function(lambda data, context: row)
        self.assertEqual(call.rows, [{**row, "nan": None}])

    def test_finds_artifacts_and_answers_queries(self):
        def reads(data, context):
            return {
                "n": context.download("n.json"),
                "m": context.query("SELECT ?", 4)[0]["m"],
            }

        call = run_partition_function(
            reads, artifacts={"n.json": 3}, query=lambda sql, m: [{"m": m}]
        )
        self.assertEqual(call.rows, [{"n": 3, "m": 4}])
        with self.assertRaisesRegex(FileNotFoundError, 'no artifact "n.json"'):
            run_partition_function(reads)


if __name__ == "__main__":
    unittest.main()
