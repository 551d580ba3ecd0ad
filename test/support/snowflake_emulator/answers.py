"""Rows and errors in the driver's format: a missing or malformed field makes it hang or crash."""

from __future__ import annotations

import datetime as dt
import decimal
import gzip
import json
import os

import snowflake.connector.errors as sferr

INLINE_ROWS = int(os.environ.get("EMULATOR_INLINE", 1000))
CHUNK_ROWS = 5000
CHUNKED_ANSWERS_KEPT = 50
EPOCH = dt.datetime(1970, 1, 1)
MICROSECOND = dt.timedelta(microseconds=1)

chunks: dict[str, list[bytes]] = {}


def sql_error(code: int, state: str, message: str) -> sferr.ProgrammingError:
    return sferr.ProgrammingError(msg=message, errno=code, sqlstate=state)


def text_columns(*names: str) -> list[dict]:
    size = 16777216
    shared = {"nullable": True, "precision": None, "scale": None, "database": "", "schema": "", "table": "", "collation": None}
    return [{"name": name, "type": "text", "length": size, "byteLength": size, **shared} for name in names]


def number_columns(*names: str) -> list[dict]:
    number = {"type": "fixed", "precision": 38, "scale": 0, "length": None, "byteLength": None}
    return [{**column, **number} for column in text_columns(*names)]


def cell(value) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return timestamp_cell(value)
    if isinstance(value, dt.date):
        return str((value - EPOCH.date()).days)
    if isinstance(value, dt.time):
        return f"{value.hour * 3600 + value.minute * 60 + value.second}.{value.microsecond:06d}000"
    if isinstance(value, (bytes, bytearray)):
        return value.hex().upper()
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return {"inf": "inf", "-inf": "-inf", "nan": "NaN"}.get(str(value), repr(value))
    return json.dumps(value, default=str) if isinstance(value, (list, dict)) else str(value)


def timestamp_cell(value: dt.datetime) -> str:
    offset = value.utcoffset() or dt.timedelta()
    micros = (value.replace(tzinfo=None) - offset - EPOCH) // MICROSECOND
    seconds = f"{'-' if micros < 0 else ''}{abs(micros) // 10**6}.{abs(micros) % 10**6:06d}000"
    return f"{seconds} {1440 + int(offset.total_seconds() // 60)}" if value.tzinfo else seconds


def rows_answer(session, query_id: str, rowtype: list[dict], rows: list[list], statement_type: int) -> dict:
    inline = rows[:INLINE_ROWS]
    data = {
        "parameters": [{"name": name, "value": value} for name, value in session.params.items()],
        "rowtype": rowtype,
        "rowset": inline,
        "total": len(rows),
        "returned": len(rows),
        "queryId": query_id,
        "statementTypeId": statement_type,
        "version": 1,
        "queryResultFormat": "json",
        "finalDatabaseName": session.conn.database,
        "finalSchemaName": session.conn.schema,
        "finalWarehouseName": session.warehouse,
        "finalRoleName": session.role,
        "sqlState": None,
    }
    if len(rows) > len(inline):
        data["chunks"] = chunks_of(query_id, rows[len(inline) :])
        data["chunkHeaders"] = {"x-emulator-chunk": "1"}
    return {"data": data, "code": None, "message": None, "success": True}


def chunks_of(query_id: str, rows: list[list]) -> list[dict]:
    parts = [rows[i : i + CHUNK_ROWS] for i in range(0, len(rows), CHUNK_ROWS)]
    raw = [json.dumps(part)[1:-1].encode() for part in parts]  # rows WITHOUT the outer brackets
    chunks[query_id] = [gzip.compress(each, 1) for each in raw]
    while len(chunks) > CHUNKED_ANSWERS_KEPT:
        chunks.pop(next(iter(chunks)))
    return [
        {
            "url": f"{{base}}/chunk/{query_id}/{i}",
            "rowCount": len(part),
            "uncompressedSize": len(raw[i]),
            "compressedSize": len(chunks[query_id][i]),
        }
        for i, part in enumerate(parts)
    ]


def error_answer(query_id: str, code: str, state: str, message: str) -> dict:
    """Always HTTP 200: the driver retries other responses, and resends the statement if there is no state."""
    data = {"internalError": False, "errorCode": code, "sqlState": state, "queryId": query_id, "type": "COMPILATION"}
    return {"data": data, "code": code, "message": message, "success": False}
