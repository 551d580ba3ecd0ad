"""What a run reads: the `source` of its input, from what a program has."""

import contextlib
import glob
import os
import tempfile
import time

#: Where frames are kept until the run that was started with them has been planned.
_FOLDER = os.path.join(".partwise", "inputs")
#: In seconds, for frames of programs that ended before.
_KEPT = 7 * 24 * 3600


@contextlib.contextmanager
def source_of(data, folder):
    """The source, while a run is planned, for a table's name, a query, a path or pattern of files, or a frame.

    - text: a path or pattern of files that exist, relative to the working directory; `query:SELECT …`; else the name
      of a table of the warehouse.
    - a pandas or polars DataFrame, an Arrow table, a DuckDB relation: its rows, in a Parquet file in the project's
      folder.
    - a Snowpark DataFrame of one query: the query, which the worker runs.
    - a dictionary: the `source` of an input as it is.
    """
    data = getattr(data, "source", data) if type(data).__module__ == "partwise._snowpark" else data
    if isinstance(data, dict):
        yield data
        return
    if isinstance(data, (str, os.PathLike)):
        yield _named(os.fspath(data))
        return
    query = _snowpark_query(data)
    if query is not None:
        yield {"query": query}
        return
    path = _written(_as_arrow(data), folder)
    try:
        yield {"files": path}
    except Exception:
        os.remove(path)
        raise
    # After Ctrl-C, the run may still be planned.
    os.remove(path)


def _named(text):
    if text.startswith("query:"):
        return {"query": text[len("query:") :].strip()}
    if os.path.exists(text) or glob.glob(text, recursive=True):
        return {"files": os.path.abspath(text)}
    if "://" in text or text.lower().endswith((".csv", ".parquet", ".json", ".ndjson", ".tsv", ".gz", ".zst")):
        # A file that is not there is better refused as one than as a table.
        return {"files": text if "://" in text else os.path.abspath(text)}
    return {"table": text}


def _snowpark_query(data):
    """The one query of a Snowpark DataFrame, or None for other values."""
    queries = getattr(data, "queries", None)
    if not type(data).__module__.startswith("snowflake.snowpark") or not isinstance(queries, dict):
        return None
    if len(queries.get("queries", ())) != 1 or queries.get("post_actions"):
        raise ValueError(
            f"The Snowpark DataFrame needs {len(queries.get('queries', ()))} queries and "
            f"{len(queries.get('post_actions', ()))} actions afterwards, so a worker cannot read it with one. "
            "Save it as a table, and pass the table's name."
        )
    return queries["queries"][0]


def _as_arrow(data):
    import pyarrow as pa

    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    module = type(data).__module__.split(".")[0]
    if module == "pandas" and type(data).__name__ == "DataFrame":
        _check_names(data.columns)
        return pa.Table.from_pandas(data, preserve_index=False)
    if module == "polars":
        return (data.collect() if type(data).__name__ == "LazyFrame" else data).to_arrow()
    if module in ("duckdb", "_duckdb") and hasattr(data, "to_arrow_table"):
        return data.to_arrow_table()
    raise TypeError(
        f"A run cannot read a {type(data).__name__}. Pass a table's name, a path, query:SELECT …, a pandas or polars "
        "DataFrame, an Arrow table, a DuckDB relation, or a Snowpark DataFrame."
    )


def _check_names(columns):
    repeated = sorted({str(name) for name in columns if list(columns).count(name) > 1})
    if repeated:
        raise ValueError(f"The DataFrame has several columns named {', '.join(repeated)}. Rename them.")


def _written(table, folder):
    """The path of a Parquet file with the table's rows."""
    import pyarrow.parquet as pq

    place = os.path.join(folder, _FOLDER)
    os.makedirs(place, mode=0o700, exist_ok=True)
    _forget_old(place)
    handle, path = tempfile.mkstemp(prefix="rows-", suffix=".parquet", dir=place)
    os.close(handle)
    try:
        pq.write_table(table.replace_schema_metadata(None), path)
        return path
    except BaseException:
        os.remove(path)
        raise


def _forget_old(place):
    for entry in os.scandir(place):
        if time.time() - entry.stat().st_mtime > _KEPT:
            os.remove(entry.path)
