"""The service over HTTP, and the endpoints with which tests control it.

POST /test/expire {"how": "session" | "master" | "gone" | "vanished"}   ends every session:
      session: the driver renews it; master: it cannot; gone: the service reports it; vanished: the token is unknown
POST /test/refuse {"matching": regex, "code": n, "state": "…", "message": "…", "times": n}   refuses matching statements
POST /test/forget {}     expires the retention time of all tables
GET  /test/history       every statement with its tag, timeout, session and end
GET  /test/sessions      the number of open sessions
"""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import gzip
import hashlib
import json
import os
import re
import threading
import uuid

import fakesnow.server as fs
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from fakesnow.expr import normalise_ident
from fakesnow.transforms import SERVER_VERSION
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from answers import chunks
from statements import history, refusals, run, writing
from time_travel import forget_versions

ANSWER_WITHIN = float(os.environ.get("EMULATOR_ANSWER_S", 45))
USERS = json.loads(os.environ.get("EMULATOR_USERS", "null"))
# Without some of them the driver gives empty dates or throws.
PARAMETERS = {
    "TIMEZONE": "Etc/UTC",
    "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
    "TIME_OUTPUT_FORMAT": "HH24:MI:SS",
    "TIMESTAMP_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3",
    "TIMESTAMP_LTZ_OUTPUT_FORMAT": "",
    "TIMESTAMP_TZ_OUTPUT_FORMAT": "",
    "BINARY_OUTPUT_FORMAT": "HEX",
    "CLIENT_SESSION_KEEP_ALIVE": False,
    "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY": 3600,
    "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 65280,
    "JS_TREAT_INTEGER_AS_BIGINT": False,
    "QUERY_TAG": "",
}
GONE = "Session no longer exists. New login required to access the service."


class Session:
    def __init__(self, conn, user: str, warehouse: str | None, role: str | None, params: dict):
        self.conn, self.user, self.warehouse, self.role = conn, user, warehouse, role or "SYSADMIN"
        self.params = {**PARAMETERS, **params}
        self.id = uuid.uuid4().int >> 75
        self.lock, self.cancelled = threading.RLock(), threading.Event()
        self.temporary: set[str] = set()
        # The tables that the open transaction changed, and its statements.
        self.in_transaction, self.changed, self.transaction = False, {}, []
        self.expired = self.master_expired = self.gone = False
        conn._session = self
        self.master = uuid.uuid4().hex
        self.renew()

    def renew(self) -> None:
        self.token, self.expired = uuid.uuid4().hex, False
        sessions[self.token] = self

    def tokens(self) -> dict:
        return {
            "token": self.token,
            "sessionToken": self.token,
            "masterToken": self.master,
            "validityInSeconds": 3600,
            "masterValidityInSeconds": 14400,
            "validityInSecondsST": 3600,
            "validityInSecondsMT": 14400,
            "sessionId": self.id,
        }


class Job:
    """A running or finished statement."""

    def __init__(self, session: Session, body: dict):
        self.session = session
        self.query_id = f"01{uuid.uuid4().hex[:6]}-{str(uuid.uuid4())[9:]}"
        self.answer = workers.submit(run, session, body, self.query_id)


workers = concurrent.futures.ThreadPoolExecutor(32)
# By token; a renewed session has several.
sessions: dict[str, Session] = {}
jobs: dict[str, Job] = {}
# A retry of the same request gets the answer of the first; the statement does not run twice.
by_request: dict[str, Job] = {}


async def body_of(request) -> dict:
    raw = await request.body()
    if request.headers.get("content-encoding") == "gzip":
        raw = gzip.decompress(raw)
    return json.loads(raw or b"{}")


def done(data=None) -> JSONResponse:
    return JSONResponse({"data": data, "code": None, "message": None, "success": True})


def refused(code: str, message: str, status: int = 200, data=None) -> JSONResponse:
    return JSONResponse({"data": data, "code": code, "message": message, "success": False, "headers": None}, status_code=status)


def token_of(request) -> str | None:
    match = re.match(r'Snowflake Token="(.*)"', request.headers.get("authorization", ""))
    return match[1] if match else None


def session_of(request) -> tuple[Session | None, JSONResponse | None]:
    token = token_of(request)
    session = sessions.get(token)
    if session is None:
        return None, refused("390104", GONE, 401)
    if session.gone:
        return None, refused("390111", GONE)
    if session.expired or session.token != token:
        return None, refused("390112", "Your session has expired. Please login again.")
    return session, None


def refused_login(login: dict) -> str | None:
    """The code of the error."""
    if USERS is None:
        return None
    user = USERS.get(login.get("LOGIN_NAME", "").upper(), {})
    if login.get("AUTHENTICATOR") == "SNOWFLAKE_JWT":
        return None if is_signed(login, user.get("public_key")) else "390144"
    if login.get("AUTHENTICATOR") in ("PROGRAMMATIC_ACCESS_TOKEN", "OAUTH"):
        return None if login.get("TOKEN") == user.get("token") else "390303"
    return None if login.get("PASSWORD") is not None and login["PASSWORD"] == user.get("password") else "390100"


def is_signed(login: dict, public_key: str | None) -> bool:
    def bytes_of(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    try:
        header, payload, signature = login["TOKEN"].split(".")
        key = serialization.load_pem_public_key(public_key.encode())
        key.verify(bytes_of(signature), f"{header}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA256())
        der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        fingerprint = base64.b64encode(hashlib.sha256(der).digest()).decode()
        who = f"{login['ACCOUNT_NAME'].upper()}.{login['LOGIN_NAME'].upper()}"
        claims = json.loads(bytes_of(payload))
        return claims["iss"] == f"{who}.SHA256:{fingerprint}" and claims["sub"] == who
    except Exception:
        return False


async def login(request):
    data = (await body_of(request))["data"]
    if code := refused_login(data):
        message = "JWT token is invalid." if code == "390144" else "Incorrect username or password was specified."
        return refused(code, message, data={"nextAction": "RETRY_LOGIN", "authnMethod": "USERNAME_PASSWORD", "signInOptions": {}})
    query = request.query_params
    database, schema = (normalise_ident(query[name]) if query.get(name) else None for name in ("databaseName", "schemaName"))
    with writing:
        # The service never creates them; tests need them to start.
        conn = fs.shared_fs.connect(database, schema)
    params = {name: value for name, value in (data.get("SESSION_PARAMETERS") or {}).items() if value is not None}
    session = Session(conn, data.get("LOGIN_NAME", "U").upper(), query.get("warehouse"), query.get("roleName"), params)
    info = {"databaseName": conn.database, "schemaName": conn.schema, "warehouseName": session.warehouse, "roleName": session.role}
    return done(
        {
            **session.tokens(),
            "serverVersion": SERVER_VERSION,
            "displayUserName": session.user,
            "parameters": [{"name": name, "value": value} for name, value in session.params.items()],
            "sessionInfo": info,
        }
    )


async def renew(request):
    master = token_of(request)
    session = next((each for each in sessions.values() if each.master == master), None)
    if session is None or session.master_expired or session.gone:
        return refused("390114", "Authentication token has expired. The user must authenticate again.")
    session.renew()
    return done(session.tokens())


async def session_request(request):
    """Heartbeat, and the end of the session, which rolls back and drops temporary tables."""
    session, error = session_of(request)
    if error:
        return error
    if request.query_params.get("delete"):
        drop(session)
        with session.lock:
            session.conn.close()
    return done()


def drop(session: Session) -> None:
    for token in [token for token, each in sessions.items() if each is session]:
        sessions.pop(token)


async def answer_of(job: Job, request):
    try:
        answer = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(job.answer)), ANSWER_WITHIN)
    except asyncio.TimeoutError:
        later = {"queryId": job.query_id, "getResultUrl": f"/queries/{job.query_id}/result", "queryAbortsAfterSecs": 300}
        return JSONResponse({"code": "333334", "message": "Query executed asynchronously.", "success": True, "data": later})
    base = f"{request.url.scheme}://{request.headers['host']}"
    return Response(json.dumps(answer).replace("{base}/chunk", f"{base}/chunk"), media_type="application/json")


async def query(request):
    session, error = session_of(request)
    if error:
        return error
    body, request_id = await body_of(request), request.query_params.get("requestId", "")
    job = by_request.get(request_id)
    if job is None:
        job = by_request[request_id] = Job(session, body)
        jobs[job.query_id] = job
    return await answer_of(job, request)


async def result(request):
    _, error = session_of(request)
    if error:
        return error
    return await answer_of(jobs[request.path_params["query_id"]], request)


async def abort(request):
    _, error = session_of(request)
    if error:
        return error
    query_id = request.path_params.get("query_id")
    job = jobs.get(query_id) if query_id else by_request.get((await body_of(request)).get("requestId", ""))
    if job is None or job.answer.done():
        return refused("000605", "Identified SQL statement is not currently executing.", data={"sqlState": "02000"})
    job.session.cancelled.set()
    job.session.conn._duck_conn.interrupt()
    return done()


async def chunk(request):
    content = chunks[request.path_params["query_id"]][request.path_params["i"]]
    return Response(content, media_type="binary/octet-stream", headers={"content-encoding": "gzip"})


async def control(request):
    what, body = request.path_params["what"], await body_of(request)
    if what == "history":
        return JSONResponse(history)
    if what == "sessions":
        return JSONResponse(len({session.id for session in sessions.values()}))
    if what == "refuse":
        refusals.append({"times": 1, **body})
    if what == "forget":
        forget_versions()
    if what == "expire":
        expire(body["how"])
    return done()


def expire(how: str) -> None:
    for session in {each.id: each for each in sessions.values()}.values():
        session.expired = True
        session.master_expired, session.gone = how == "master", how == "gone"
        if how == "vanished":
            drop(session)


async def telemetry(_request):
    return done()


app = Starlette(
    routes=[
        Route("/session/v1/login-request", login, methods=["POST"]),
        Route("/session/token-request", renew, methods=["POST"]),
        Route("/session/heartbeat", session_request, methods=["POST"]),
        Route("/session", session_request, methods=["POST"]),
        Route("/queries/v1/query-request", query, methods=["POST"]),
        Route("/queries/v1/abort-request", abort, methods=["POST"]),
        Route("/queries/{query_id}/abort-request", abort, methods=["POST"]),
        Route("/queries/{query_id}/result", result, methods=["GET"]),
        Route("/chunk/{query_id}/{i:int}", chunk, methods=["GET"]),
        Route("/telemetry/send", telemetry, methods=["POST"]),
        Route("/test/{what}", control, methods=["GET", "POST"]),
    ]
)
