"""AT(STATEMENT | TIMESTAMP): each statement that changes a table leaves a copy of it."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
import time

import duckdb
import fakesnow.server as fs
import sqlglot
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.expr import normalise_ident
from sqlglot import exp

from answers import sql_error
from dialect import hash_agg, session_functions

UTC_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)

# Per table: the start of each version, and the table that holds it.
versions: dict[tuple, list[tuple[int, str]]] = {}
# When each statement ended.
ends: dict[str, int] = {}

_clock, _last, _numbers = threading.Lock(), 0, itertools.count()
fs.shared_fs.duck_conn.execute("CREATE SCHEMA IF NOT EXISTS _fs_global._versions")


def now() -> int:
    """Nanoseconds, different for every call."""
    global _last
    with _clock:
        _last = max(_last + 1000, time.time_ns())
        return _last


def key_of(session, table: exp.Table) -> tuple:
    name = normalise_ident(table.this.sql(dialect="snowflake"))
    if not table.args.get("db") and name in session.temporary:
        return ("temp", session.id, name)

    def part(arg: str, current: str) -> str:
        given = table.args.get(arg)
        return normalise_ident(given.sql(dialect="snowflake")) if given else current

    return (part("catalog", session.conn.database), part("db", session.conn.schema), name)


def keep_version(session, key: tuple, at: int) -> None:
    name = f"v{next(_numbers)}"
    table = f'temp."{key[2]}"' if key[0] == "temp" else f'"{key[0]}"."{key[1]}"."{key[2]}"'
    try:
        session.conn._duck_conn.execute(f"CREATE TABLE _fs_global._versions.{name} AS SELECT * FROM {table}")
    except duckdb.CatalogException:
        return  # a view, or gone
    versions.setdefault(key, []).append((at, name))


def forget_versions() -> None:
    """Expires the retention time of every table."""
    for kept in versions.values():
        kept[:] = [(now(), kept[-1][1])] if kept else []


def version_at(session, table: exp.Table) -> str:
    clause, key = table.args["when"], key_of(session, table)
    kind, value = clause.args["kind"].upper(), scalar(session, clause.args["expression"])
    if kind == "STATEMENT":
        if value not in ends:
            raise sql_error(709, "02000", f"Statement {value} not found")
        point = ends[value]
    elif kind == "TIMESTAMP":
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)
        point = int((moment - UTC_EPOCH) / dt.timedelta(microseconds=1)) * 1000
    else:
        raise sql_error(603, "XX000", f"EMULATOR: AT({kind} => …) is not emulated")
    before = [name for at, name in versions.get(key, []) if at <= point]
    if not before:
        raise sql_error(
            707,
            "02000",
            f"Time travel data is not available for table {key[2]}. The requested time is either beyond the allowed time travel "
            "period or before the object creation time.",
        )
    return before[-1]


def scalar(session, e: exp.Expr):
    translated = _translate(session.conn.cursor(), sqlglot.select(e.copy()), None)
    return session.conn._duck_conn.execute(translated.sql(dialect="duckdb")).fetchone()[0]


_translate = FakeSnowflakeCursor._transform


def translate(self, e: exp.Expr, params):
    session = self._conn._session
    for table in list(e.find_all(exp.Table)):
        if table.args.get("when") is not None:
            name = f'"_fs_global"."_versions"."{version_at(session, table)}"'
            old = sqlglot.parse_one(f"SELECT * FROM {name}", read="snowflake").find(exp.Table)
            old.set("alias", table.args.get("alias") or exp.TableAlias(this=table.this.copy()))
            table.replace(old)
    session_functions(e, session)
    out = _translate(self, e, params)
    if session.in_transaction or out.find(exp.TemporaryProperty):
        # DuckDB: one transaction writes to only one attached database, and fakesnow records these in another.
        out.args.pop("table_comment", None)
        out.args.pop("text_lengths", None)
    hash_agg(out)
    return out


FakeSnowflakeCursor._transform = translate
