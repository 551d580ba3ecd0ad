"""The functions of the benchmark python-20k."""


def noop(data, context):
    return None


def columns(data, context):
    amounts = sorted(data.columns()["amount"])
    middle = len(amounts) // 2
    return {"n": len(amounts), "total": sum(amounts), "median": (amounts[middle - 1] + amounts[middle]) / 2}


def summarize(df):
    return {"n": len(df), "total": df["amount"].sum(), "median": df["amount"].median()}


def pandas(data, context):
    return summarize(data.to_pandas())
