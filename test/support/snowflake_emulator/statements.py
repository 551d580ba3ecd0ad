"""Runs one statement of a session."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading

import duckdb
import snowflake.connector.errors as sferr
from fakesnow.converter import from_binding
from fakesnow.dialect import parse, parse_one
from fakesnow.expr import normalise_ident
from fakesnow.rowtype import describe_as_rowtype
from fakesnow.statement_type import statement_type_id
from sqlglot import exp

from answers import cell, error_answer, rows_answer, sql_error, text_columns
from stages import LIST_OR_REMOVE, list_or_remove, transfer
from time_travel import ends, keep_version, key_of, now, versions
from unload import unload

DDL = (exp.Create, exp.Drop, exp.Alter, exp.Undrop)
STATUS = 0x6000

# DuckDB refuses a concurrent write immediately; Snowflake waits for the lock.
writing = threading.RLock()
# Every statement, and how it ended.
history: list[dict] = []
# Refusals that tests asked for: see api.py.
refusals: list[dict] = []


def run(session, body: dict, query_id: str) -> dict:
    sql = re.sub(r"^(?:\s+|--[^\n]*\n|/\*.*?\*/)+", "", body["sqlText"], flags=re.S).rstrip().rstrip(";").rstrip()
    sql = re.sub(r"\?::", "? ::", sql)  # sqlglot reads "?::" as another operator
    tag = (body.get("parameters") or {}).get("QUERY_TAG", session.params.get("QUERY_TAG"))
    timeout = (body.get("parameters") or {}).get("STATEMENT_TIMEOUT_IN_SECONDS")
    record = {"queryId": query_id, "sql": sql, "tag": tag, "timeout": timeout, "session": session.id, "warehouse": session.warehouse}
    record["status"] = "RUNNING"
    history.append(record)
    with session.lock:
        session.cancelled.clear()
        answer = attempt(session, sql, body, query_id)
        if not answer["success"] and not re.match(r"(COMMIT|ROLLBACK)", sql, re.I):
            redo_transaction(session)
    ends.setdefault(query_id, now())
    record["status"] = "SUCCESS" if answer["success"] else "FAILED"
    record["error"] = answer.get("message")
    return answer


def attempt(session, sql: str, body: dict, query_id: str) -> dict:
    try:
        refuse_as_told(sql)
        return execute(session, sql, body, query_id)
    except duckdb.InterruptException:
        return error_answer(query_id, "000604", "57014", "SQL execution canceled")
    except (sferr.ProgrammingError, sferr.OperationalError, sferr.DatabaseError) as error:
        message = getattr(error, "raw_msg", None) or error.msg
        if "Referenced column" in message:
            return error_answer(query_id, "000904", "42000", f"SQL compilation error: invalid identifier. {message}")
        code = f"{error.errno:06d}" if error.errno else "000603"
        return error_answer(query_id, code, error.sqlstate or "XX000", message)
    except duckdb.ConstraintException as error:
        return error_answer(query_id, "100072", "22000", f"NULL result in a non-nullable column: {error}")
    except Exception as error:  # never HTTP 500: the driver would resend the statement forever
        print(f"EMULATOR FAULT {type(error).__name__}: {error} | {sql[:300]}", file=sys.stderr, flush=True)
        return error_answer(query_id, "000603", "XX000", f"EMULATOR (not Snowflake): {type(error).__name__}: {error}")


def refuse_as_told(sql: str) -> None:
    for refusal in refusals:
        if refusal["times"] > 0 and re.search(refusal["matching"], sql, re.I | re.S):
            refusal["times"] -= 1
            raise sql_error(refusal["code"], refusal["state"], refusal["message"])


def execute(session, sql: str, body: dict, query_id: str) -> dict:
    conn = session.conn
    params = binds_of(body)

    def status(text: str = "Statement executed successfully.") -> dict:
        return rows_answer(session, query_id, text_columns("status"), [[text]], STATUS)

    if re.match(r"(PUT|GET)\s", sql, re.I):
        data = {**transfer(session, sql), "queryId": query_id, "parameters": []}
        return {"data": data, "code": None, "message": None, "success": True}
    if match := LIST_OR_REMOVE.match(sql):
        return rows_answer(session, query_id, *list_or_remove(session, match), 0x4300)
    if re.match(r"COPY\s+INTO\s+'?@", sql, re.I):
        return rows_answer(session, query_id, *unload(session, sql, list(params) if params else None, query_id), 0x3700)
    if match := re.match(r"(?:SELECT|CALL)\s+SYSTEM\$WAIT\s*\(\s*(\d+)", sql, re.I):
        if session.cancelled.wait(int(match[1])):
            raise duckdb.InterruptException("canceled")
        return rows_answer(session, query_id, text_columns("SYSTEM$WAIT"), [[f"waited {match[1]} seconds"]], 0x1000)
    if re.match(r"ALTER\s+SESSION\s+SET\s", sql, re.I):
        for name, value in re.findall(r"(\w+)\s*=\s*('(?:[^']|'')*'|[^\s,]+)", sql):
            session.params[name.upper()] = value.strip("'")
        return status()
    if re.match(r"BEGIN(\s+(WORK|TRANSACTION))?$", sql, re.I):
        if not session.in_transaction:
            conn.cursor().execute("BEGIN")
            session.in_transaction = True
        return status()
    if match := re.match(r"(COMMIT|ROLLBACK)(\s+WORK)?$", sql, re.I):
        with writing:
            end_transaction(session, match[1].upper(), query_id)
        return status()
    if ";" in sql and (n := len([each for each in parse(sql) if each])) > 1:
        raise sql_error(8, "0A000", f"Actual statement count {n} did not match the desired statement count 1.")
    return execute_translated(session, sql, params, query_id, describe_only=bool(body.get("describeOnly")))


def binds_of(body: dict) -> tuple | None:
    given = body.get("bindings")
    if not given:
        return None
    binds = [given[str(i)] for i in range(1, len(given) + 1)]
    if any(isinstance(bind["value"], list) for bind in binds):
        raise sql_error(603, "XX000", "EMULATOR: array binds are not emulated")
    return tuple(None if bind["value"] is None else from_binding(bind) for bind in binds)


def execute_translated(session, sql: str, params: tuple | None, query_id: str, describe_only: bool) -> dict:
    conn, e = session.conn, parse_one(sql)
    ddl = isinstance(e, DDL)
    if ddl and session.in_transaction:
        end_transaction(session, "COMMIT", "")  # DDL commits the open transaction, and is a separate one
    table = changed_table(e)
    if isinstance(e, exp.Create) and e.find(exp.TemporaryProperty) and table is not None:
        session.temporary.add(normalise_ident(table.this.sql(dialect="snowflake")))
    key = key_of(session, table) if table is not None else None
    cursor = conn.cursor()
    if describe_only and (described := cursor._describe_only(sql)) is not None:
        return rows_answer(session, query_id, describe_as_rowtype(described), [], statement_type_id(e))
    with contextlib.nullcontext() if table is None else writing:
        if key and key not in versions and not isinstance(e, (exp.Create, exp.Drop)) and not session.in_transaction:
            keep_version(session, key, 0)
        if key and key[0] != "temp" and isinstance(e, exp.Copy):
            forget_changed_loads(session, key)
        recreated = isinstance(e, exp.Create) and (e.args.get("replace") or not (e.args.get("exists") and key in versions))
        cursor.execute(sql, binding_params=params, server=True)
        rowtype, result = describe_as_rowtype(cursor._describe_last_sql()), cursor._arrow_table
        if key and session.in_transaction and not ddl:
            session.changed[key] = True
            session.transaction.append((sql, params))
        elif key:
            note_change(session, key, e, recreated, query_id)
    rows = [[cell(value) for value in row] for row in zip(*[column.to_pylist() for column in result.columns], strict=True)] if result else []
    if isinstance(e, exp.Copy) and len(rowtype) > 1:
        rows = [row for row in rows if row[1] != "LOAD_SKIPPED"]
        if not rows:
            rowtype, rows = text_columns("status"), [["Copy executed with 0 files processed."]]
    return rows_answer(session, query_id, rowtype, rows, statement_type_id(e))


def changed_table(e: exp.Expr) -> exp.Table | None:
    if isinstance(e, exp.TruncateTable):
        return e.expressions[0]
    if isinstance(e, exp.Drop) and e.args.get("kind") == "TABLE":
        return e.find(exp.Table)
    changes = isinstance(e, (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Copy))
    if changes or (isinstance(e, (exp.Create, exp.Alter)) and e.args.get("kind") == "TABLE"):
        table = e.this.this if isinstance(e.this, exp.Schema) else e.this
        return table if isinstance(table, exp.Table) else None
    return None


def note_change(session, key: tuple, e: exp.Expr, recreated: bool, query_id: str) -> None:
    end = ends[query_id] = now()
    if isinstance(e, exp.Drop):
        versions.pop(key, None)
        session.temporary.discard(key[2])
    elif not isinstance(e, exp.Create) or recreated:
        if isinstance(e, exp.Create):
            versions.pop(key, None)
        keep_version(session, key, end)


def end_transaction(session, verb: str, query_id: str) -> None:
    session.conn.cursor().execute(verb)
    changed, session.changed, session.in_transaction, session.transaction = session.changed, {}, False, []
    if verb == "COMMIT":
        at = ends[query_id] = now()
        for key in changed:
            keep_version(session, key, at)


def redo_transaction(session) -> None:
    """A failed statement aborts a transaction in DuckDB, but in Snowflake only that statement is undone: runs the others again."""
    if not session.in_transaction:
        return
    session.conn._duck_conn.execute("ROLLBACK")
    session.conn._duck_conn.execute("BEGIN")
    for sql, params in session.transaction:
        session.conn.cursor().execute(sql, binding_params=params, server=True)


def forget_changed_loads(session, key: tuple) -> None:
    """A staged file that changed since it was loaded counts as new; fakesnow identifies files only by their path."""
    duck, (database, schema, table) = session.conn._duck_conn, key
    loads = f"{database}._fs_information_schema._fs_load_history"
    where = "schema_name = ? AND table_name = ?"
    duck.execute(f"SELECT file_name, epoch(last_load_time) FROM {loads} WHERE {where}", [schema, table])
    for file, loaded_at in duck.fetchall():
        with contextlib.suppress(OSError):
            if os.path.getmtime(file) > loaded_at:
                duck.execute(f"DELETE FROM {loads} WHERE {where} AND file_name = ?", [schema, table, file])
