"""COPY INTO @stage FROM (SELECT …) PARTITION BY … FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE.

Like the service: the path is never cleaned, file names contain the query id, no rows give no file, and TIMESTAMP_TZ is refused.
Unlike it: one file per partition unless it exceeds MAX_FILE_SIZE, in row order; physical types follow the columns.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile

from fakesnow.dialect import parse_one

from answers import number_columns, sql_error, text_columns
from stages import stage_root

TOKEN = re.compile(r"\s+|--[^\n]*|/\*.*?\*/|('(?:[^']|'')*')|(\"(?:[^\"]|\"\")*\")|([()=])|([^\s()=]+)", re.S)
OPTIONS = {"PARTITION", "FILE_FORMAT", "MAX_FILE_SIZE", "DETAILED_OUTPUT", "HEADER"}


def tokens_of(sql: str) -> list[tuple[str, int, int]]:
    """Top-level tokens (text, start, end); a parenthesised group is one token."""
    out, depth, start = [], 0, 0
    for match in TOKEN.finditer(sql):
        token = match[0]
        if not any(match.groups()):
            continue
        if token == "(":
            start = match.start() if depth == 0 else start
            depth += 1
        elif token == ")":
            depth -= 1
            if depth == 0:
                out.append((sql[start : match.end()], start, match.end()))
        elif depth == 0:
            out.append((token, match.start(), match.end()))
    return out


def options_of(sql: str, tokens: list[tuple[str, int, int]]) -> tuple[dict[str, str], str | None]:
    """The options, and the expression after PARTITION BY."""
    options, partition_by, i = {}, None, 0
    while i < len(tokens):
        word = tokens[i][0].upper()
        if word == "PARTITION":
            last = i + 2
            while last < len(tokens) and tokens[last][0].upper() not in OPTIONS:
                last += 1
            partition_by, i = sql[tokens[i + 2][1] : tokens[last - 1][2]], last
        elif word in OPTIONS and i + 2 < len(tokens) and tokens[i + 1][0] == "=":
            options[word], i = tokens[i + 2][0], i + 3
        else:
            raise sql_error(1003, "42000", f"SQL compilation error:\nsyntax error unexpected '{tokens[i][0]}'.")
    return options, partition_by


def unload(session, sql: str, params: list | None, query_id: str) -> tuple[list[dict], list[list]]:
    tokens = tokens_of(sql)
    root, path, _ = stage_root(session, tokens[2][0])
    query = tokens[4][0][1:-1]
    options, partition_by = options_of(sql, tokens[5:])
    if not re.search(r"TYPE\s*=\s*PARQUET", options.get("FILE_FORMAT", ""), re.I) or options.get("HEADER", "").upper() != "TRUE":
        raise sql_error(603, "XX000", "EMULATOR: unloads are FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE")
    part = "NULL" if partition_by is None else f"CAST(({partition_by}) AS VARCHAR)"
    select = parse_one(f'SELECT *, {part} AS "__PART" FROM ({query}) AS "__Q"')
    duck = session.conn._duck_conn
    translated = session.conn.cursor()._transform(select, params).sql(dialect="duckdb")
    duck.execute(f"CREATE OR REPLACE TEMP TABLE __unload AS {translated}", params)
    try:
        columns = [(row[0], row[1]) for row in duck.execute("DESCRIBE __unload").fetchall()][:-1]
        for name, kind in columns:
            if kind == "TIMESTAMP WITH TIME ZONE":
                raise sql_error(100321, "22000", f"TIMESTAMP_TZ and LTZ types are not supported for unloading to Parquet. value get: {name}")
        files = []
        for (value,) in duck.execute("SELECT DISTINCT __PART FROM __unload ORDER BY 1 NULLS FIRST").fetchall():
            folder = os.path.join(path, "" if partition_by is None else "__NULL__" if value is None else value)
            files += write_partition(duck, columns, value, int(options.get("MAX_FILE_SIZE", 16777216)), folder, query_id)
        for written, target, _, _ in files:
            os.makedirs(os.path.dirname(os.path.join(root, target)), exist_ok=True)
            shutil.move(written, os.path.join(root, target))
        if options.get("DETAILED_OUTPUT", "FALSE").upper() == "TRUE":
            header = [*text_columns("FILE_NAME"), *number_columns("FILE_SIZE", "ROW_COUNT")]
            return header, [[target, str(size), str(rows)] for _, target, size, rows in files]
        total = [sum(rows for *_, rows in files), *[sum(size for _, _, size, _ in files)] * 2]
        return number_columns("rows_unloaded", "input_bytes", "output_bytes"), [[str(n) for n in total]]
    finally:
        duck.execute("DROP TABLE IF EXISTS temp.__unload")


def write_partition(duck, columns, value: str | None, max_size: int, folder: str, query_id: str) -> list[tuple[str, str, int, int]]:
    """(file, path on the stage, bytes, rows) of each file."""
    made = tempfile.mkdtemp(prefix="unload_")
    # DuckDB would write HUGEINT as DOUBLE.
    casts = {"JSON": "VARCHAR", "HUGEINT": "DECIMAL(38,0)"}
    select = ", ".join(f'CAST("{name}" AS {casts.get(kind, kind)}) AS "{name}"' for name, kind in columns)
    literal = "NULL" if value is None else "'" + value.replace("'", "''") + "'"
    duck.execute(
        f"COPY (SELECT {select} FROM __unload WHERE __PART IS NOT DISTINCT FROM {literal}) TO '{made}/files' "
        f"(FORMAT parquet, ROW_GROUP_SIZE 20480, COMPRESSION snappy, FILE_SIZE_BYTES {max_size})"
    )
    written = sorted((os.path.join(at, file) for at, _, files in os.walk(made) for file in files), key=lambda name: (len(name), name))
    out = []
    for n, file in enumerate(written):
        rows = duck.execute(f"SELECT count(*) FROM read_parquet('{file}')").fetchone()[0]
        if rows > 0:
            out.append((file, os.path.join(folder, f"data_{query_id}_006_{n}_0.snappy.parquet"), os.path.getsize(file), rows))
    return out
