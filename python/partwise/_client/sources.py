"""What a run reads: the `source` of its input, from what a program has."""

import contextlib
import glob
import os
import tempfile

from .errors import StartRefused
from .folders import private_folder
from .frames import table_of

#: Where frames are kept until the run that was started with them has been planned.
_FOLDER = os.path.join(".partwise", "inputs")
#: In days, for frames of programs that ended before.
_KEPT = 7


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
    source = _place_of(data)
    if source is not None:
        yield source
        return
    path = _written(table_of(data), folder)
    try:
        yield {"files": path}
    except StartRefused as refused:
        os.remove(path)
        raise refused.naming(path, f"the {type(data).__name__}") from None
    except Exception:
        os.remove(path)
        raise
    # After Ctrl-C, the run may still be planned.
    os.remove(path)


def reads_warehouse(data):
    """Whether the rows come from the warehouse itself, not from a frame or files."""
    source = _place_of(data)
    return source is not None and "files" not in source


def _place_of(data):
    """The source for rows that are elsewhere, or None for frames."""
    if type(data).__module__ == "partwise._snowpark":
        return data.source
    if isinstance(data, dict):
        return data
    if isinstance(data, (str, os.PathLike)):
        return _named(os.fspath(data))
    query = _snowpark_query(data)
    return None if query is None else {"query": query}


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


def _written(table, folder):
    """The path of a Parquet file with the table's rows."""
    import pyarrow.parquet as pq

    place = private_folder(folder, _FOLDER, _KEPT)
    handle, path = tempfile.mkstemp(prefix="rows-", suffix=".parquet", dir=place)
    os.close(handle)
    try:
        pq.write_table(table.replace_schema_metadata(None), path)
        return path
    except BaseException:
        os.remove(path)
        raise
