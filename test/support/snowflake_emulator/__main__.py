"""Snowflake for tests: fakesnow (a Snowflake on DuckDB) behind an HTTP interface that the real Node driver understands.

Run: python snowflake_emulator            prints its port; serves 127.0.0.1 from memory until standard input closes
Env: EMULATOR_USERS    {"U": {"password": "p"}, "K": {"public_key": "<PEM>"}}; without it, any login is accepted
     EMULATOR_INLINE   rows in an answer itself, before there are chunks (default 1000)
     EMULATOR_ANSWER_S seconds before a statement that runs on is answered with "in progress" (default 45)

What it adds to fakesnow:
    api.py          sessions over HTTP: login, renewal, expiry, statements, chunks, cancel, and the controls of tests
    statements.py   one statement: what fakesnow does not know, transactions that survive a failed statement, errors as the service's
    stages.py       PUT, GET, LIST and REMOVE, on folders that this process and the driver share
    unload.py       COPY INTO @stage
    time_travel.py  AT(…), by a copy of the table for each version: keep tables small
    dialect.py      38-digit numbers, HASH_AGG
    answers.py      rows and errors in the driver's form

A green run here shows the driver's behaviour and the shape of our SQL. It is no evidence about the service: docs/snowflake.md lists
what only a real account can show.
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
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
