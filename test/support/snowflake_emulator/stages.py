"""PUT, GET, LIST and REMOVE on internal stages, which are folders: the driver's LOCAL_FS copies files between them and its own."""

from __future__ import annotations

import hashlib
import os
import re
from email.utils import formatdate

from fakesnow.transforms import stage

from answers import number_columns, sql_error, text_columns

# A stage or a local path, with or without quotes.
PLACE = r"'@(?:[^']|'')*'|@\S+"
LOCAL = r"'file://(?:[^']|'')*'|file://[^\s']+"
PATTERN = r"(?:\s+PATTERN\s*=\s*'((?:[^']|'')*)')?"
LIST_OR_REMOVE = re.compile(rf"(LIST|LS|REMOVE|RM)\s+({PLACE}){PATTERN}\s*$", re.I | re.S)
PUT = re.compile(rf"PUT\s+({LOCAL})\s*({PLACE})(.*)$", re.I | re.S)
GET = re.compile(rf"GET\s+({PLACE})\s+({LOCAL})(.*)$", re.I | re.S)


def unquote(text: str) -> str:
    return text[1:-1].replace("''", "'") if text.startswith("'") else text


def stage_root(session, place: str) -> tuple[str, str, str]:
    """'@[db.][schema.]stage[/path]' -> (root directory, path inside it, prefix of names in results)."""
    stage_name, _, path = unquote(place)[1:].partition("/")
    if stage_name == "~":
        root = f"{stage.LOCAL_BUCKET_PATH}/_user/{session.user}/~/"
        os.makedirs(root, exist_ok=True)
        return root, path, ""
    db, schema, name = stage.parts_from_var(stage_name, session.conn.database, session.conn.schema)
    lookup = stage.stage_lookup_sql(db, schema, name, session.conn.table_stages)
    row = session.conn._duck_conn.cursor().execute(lookup).fetchone()
    if not row:
        raise stage.not_found_error(f"{db}.{schema}.{name}")
    root = stage.internal_dir(row[0])
    os.makedirs(root, exist_ok=True)
    stage.internal_dir(row[0], path)  # refuses a path that leaves the stage
    return root, path, "" if name.startswith("%") else name.lower() + "/"


def stage_files(root: str, path: str) -> list[str]:
    """A path is a PREFIX here, like a key of cloud storage: `run1` also matches `run10/`."""
    found = [os.path.relpath(os.path.join(folder, file), root) for folder, _, files in os.walk(root) for file in files]
    return sorted(file for file in found if file.startswith(path))


def transfer(session, sql: str) -> dict:
    """The response that makes the driver copy files."""
    if put := PUT.match(sql):
        root, path, _ = stage_root(session, put[2])
        options = {name.upper(): value.upper() for name, value in re.findall(r"(\w+)\s*=\s*(\w+)", put[3])}
        return {
            "command": "UPLOAD",
            "src_locations": [unquote(put[1])[7:]],
            "parallel": int(options.get("PARALLEL", 4)),
            "autoCompress": options.get("AUTO_COMPRESS", "TRUE") == "TRUE",
            "overwrite": options.get("OVERWRITE", "FALSE") == "TRUE",
            "sourceCompression": options.get("SOURCE_COMPRESSION", "AUTO_DETECT").lower(),
            "statementTypeId": None,
            "stageInfo": stage_info(os.path.join(root, path.rstrip("/")) + "/", path),
        }
    get = GET.match(sql)
    if not get:
        raise sql_error(1003, "42000", "SQL compilation error:\nsyntax error in PUT or GET")
    root, path, _ = stage_root(session, get[1])
    return {
        "command": "DOWNLOAD",
        "src_locations": stage_files(root, path),
        "parallel": 10,
        "localLocation": unquote(get[2])[7:],
        "statementTypeId": None,
        "stageInfo": stage_info(root, path),
    }


def stage_info(location: str, path: str) -> dict:
    return {"locationType": "LOCAL_FS", "location": location, "path": path, "creds": {}, "region": None}


def list_or_remove(session, match: re.Match) -> tuple[list, list]:
    root, path, prefix = stage_root(session, match[2])
    pattern = match[3] and match[3].replace("''", "'").replace("\\\\", "\\")
    files = [file for file in stage_files(root, path) if not pattern or re.fullmatch(pattern, prefix + file)]
    if match[1].upper() in ("REMOVE", "RM"):
        for file in files:
            os.remove(os.path.join(root, file))
        return text_columns("name", "result"), [[prefix + file, "removed"] for file in files]
    columns = [*text_columns("name"), *number_columns("size"), *text_columns("md5", "last_modified")]
    return columns, [[prefix + file, *facts(os.path.join(root, file))] for file in files]


def facts(file: str) -> tuple[str, str, str]:
    with open(file, "rb") as content:
        digest = hashlib.md5(content.read()).hexdigest()
    return str(os.path.getsize(file)), digest, formatdate(os.path.getmtime(file), usegmt=True)
