"""Snowflake for tests: fakesnow (a Snowflake on DuckDB) behind an HTTP interface that the real Node driver understands.

Run: python snowflake_emulator            prints its port; serves 127.0.0.1 from memory until standard input closes
Env: EMULATOR_USERS    {"U": {"password": "p"}, "K": {"public_key": "<PEM>"}}; without it, any login is accepted
     EMULATOR_INLINE   number of rows in the response itself, before chunks are used (default 1000)
     EMULATOR_ANSWER_S seconds before a running statement is answered with "in progress" (default 45)

What it adds to fakesnow:
    api.py          sessions over HTTP: login, renewal, expiry, statements, chunks, cancel, and the endpoints for tests
    statements.py   one statement: what fakesnow lacks, transactions that survive a failed statement, errors like the service's
    stages.py       PUT, GET, LIST and REMOVE, on folders that this process and the driver share
    unload.py       COPY INTO @stage
    time_travel.py  AT(…), with a copy of the table per version: keep tables small
    dialect.py      38-digit numbers, HASH_AGG
    answers.py      rows and errors in the driver's form

A passing run shows the driver's behaviour and the shape of our SQL. It proves nothing about the service: docs/snowflake.md lists what
only a real account can show.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

import uvicorn

from api import app


def end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=end_with_parent, daemon=True).start()
print(listener.getsockname()[1], flush=True)
# By default, a connection is closed after five idle seconds: while its client sends the next request, perhaps.
# The driver repeats a statement then, but not what ends a session.
config = uvicorn.Config(app, log_level="warning", timeout_keep_alive=3_600)
uvicorn.Server(config).run(sockets=[listener])
