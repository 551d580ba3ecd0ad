"""Partition functions in Python that read rows and query the warehouse, for tests."""

import datetime
import decimal
import os


def read_all(data, context):
    """What the function sees, as text; `swallow` handles the error of a file that was changed."""
    try:
        rows = data.rows()
    except Exception as error:
        if not context.params.get("swallow"):
            raise
        return {"n": 0, "error": type(error).__name__}
    frame = data.to_pandas()
    batches = sum(len(batch) for batch in data.iter_batches(batch_size=2))
    assert len(data) == len(rows) == len(frame) == batches
    types = " ".join(f"{each['name']}:{each['type']}" for each in data.schema)
    queried = repr(context.query(context.params["query"], context.id)) if "query" in context.params else None
    return {"n": len(rows), "queried": queried, "types": types, "rows": repr(rows), "dtypes": " ".join(map(str, frame.dtypes))}


def query(data, context):
    rows = context.query(
        "SELECT k, amount, day, big FROM sales WHERE day >= ? AND amount > ? ORDER BY k",
        datetime.date(2024, 1, 1),
        decimal.Decimal("0.10"),
    )
    assert rows[0]["amount"] == decimal.Decimal("1.10"), rows
    assert rows[0]["day"] == datetime.date(2024, 1, 2), rows
    assert rows[0]["big"] == 2**127 - 1, rows
    return {"rows": len(rows), "key": rows[0]["k"]}


def session(data, context):
    def use(session):
        (row,) = session.sql("SELECT count(*) AS n, sum(amount) AS total FROM sales WHERE k = ?", [context.id]).collect()
        assert row[0] == row.n == row["N"] == row.as_dict()["n"] == 1, row
        frame = session.table("sales").to_pandas()
        assert list(frame.columns) == ["k", "amount", "day", "big"], frame
        return {"n": row["n"], "total": row["TOTAL"], "all": len(frame)}

    return context.with_session(use)


def refused(data, context):
    problems = {}
    for name, sql in context.params["sql"].items():
        try:
            context.query(sql)
        except Exception as error:
            problems[name] = f"{type(error).__name__}: {error}"
    for name, use in {
        "attribute": lambda session: session.create_dataframe([1]),
        "method": lambda session: session.table("sales").filter("x"),
    }.items():
        try:
            context.with_session(use)
        except AttributeError as error:
            problems[name] = str(error)
    return problems


def stream(data, context):
    """Reads many rows in batches; returns how much more memory the process then has, in MB."""
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20

    import pyarrow.compute as pc

    before, most, total, rows = resident(), 0, 0, 0
    for batch in data.iter_batches():
        total += pc.sum(batch["amount"]).as_py()
        rows += len(batch)
        most = max(most, resident())
    return {"n": rows, "total": total, "mb": most - before}


def slow_query(data, context):
    print("it queries", flush=True)
    context.query("SELECT count(*) FROM range(10_000_000_000) a, range(1000) b")
