"""One call of a partition function, and what its context can ask the worker for."""

import datetime
import decimal
import os
import threading
import time
import uuid

from .._data import DataConnector
from .._errors import Aborted, InvalidResult
from .file_rows import FileRows
from .kept_models import KeptModels
from .room import until_room, write_file
from .snapshot import SnapshotUnreadable

#: Larger artifacts get their own files.
MAX_PACKED_BYTES = 64 * 1024
#: Outside a batch, a partition gets this many separate files for artifacts; the rest is packed.
MAX_FILES = 100
#: Progress is for people, who would not notice more frequent changes.
HEARTBEAT_SECONDS = 0.2

_kept_models = KeptModels()


class Call:
    """Facts of one call; also the host of its context."""

    def __init__(self, unit, partition, attempt, worker, segments):
        self.partition = partition
        self.attempt = attempt
        #: Milliseconds since 1970.
        self.started_at = time.time() * 1000
        self._began = time.monotonic()
        self.duration_ms = 0.0
        self.is_aborted = False
        #: Set by the worker's `abort`: the timeout in milliseconds.
        self.timeout_ms = None
        #: Why the worker refused to read the rows, even if the function handled it: the call has failed.
        self.rows_error = None
        self._unit = unit
        self._worker = worker
        self._segments = segments
        self._uploads = []
        self._files = 0
        self._beat_at = 0.0

    @property
    def cancelled(self):
        """Made when it is asked for, which few functions do."""
        # One for all threads.
        event = vars(self).setdefault("_event", threading.Event())
        # The thread that aborts may have looked before it was there.
        if self.is_aborted:
            event.set()
        return event

    def abort(self):
        self.is_aborted = True
        event = vars(self).get("_event")
        if event is not None:
            event.set()

    def end(self):
        self.duration_ms = round((time.monotonic() - self._began) * 1000)

    def outcome(self, status):
        at = datetime.datetime.fromtimestamp(self.started_at / 1000, datetime.timezone.utc)
        return {
            "ordinal": self.partition.ordinal,
            "id": self.partition.id,
            "status": status,
            "attempts": self.attempt,
            "rows": self.partition.rows,
            "startedAt": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z",
            "durationMs": self.duration_ms,
            "preview": None,
            "outputRows": 0,
            "error": None,
            "reused": False,
        }

    def artifacts(self):
        """The artifacts of the ended call; small ones go into the segment's file."""
        return [
            [name, codec, 0, ref["bytes"], ref["sha256"], ref["path"]]
            if content is None
            else self._segments.pack(name, codec, content)
            for name, codec, content, ref in self._uploads
        ]

    # What the context asks for

    def upload(self, name, content, codec):
        is_many = self._unit["isBatch"] or self._files >= MAX_FILES
        if is_many and len(content) <= MAX_PACKED_BYTES:
            self._uploads.append((name, codec, content, None))
            return
        self._files += 1
        file = os.path.join(self._unit["scratch"], f"upload-{os.getpid()}-{self._worker.next_file()}")
        try:
            until_room(self._worker, lambda: write_file(file, [content]))
            ref = self._ask(
                {"type": "upload", "ordinal": self.partition.ordinal, "name": name, "file": file, "codec": codec}
            )
        finally:
            # The worker may have moved it.
            try:
                os.remove(file)
            except FileNotFoundError:
                pass
        self._uploads.append((name, codec, None, ref))

    def forget(self, name):
        self._uploads = [each for each in self._uploads if each[0] != name]

    def download(self, name, partition, run):
        found = self._worker.ask({"type": "download", "name": name, "partition": partition, "run": run})
        with open(found["file"], "rb") as file:
            return file.read(), found["codec"]

    def query(self, sql, params):
        """The rows of a query, as a `DataConnector`."""
        if self._unit.get("access") != "worker":
            raise NotImplementedError("context.query needs a run: there is no worker that could query the warehouse.")
        binds = [_bind(value, i) for i, value in enumerate(params)]
        answer = self._ask({"type": "query", "sql": sql, "binds": binds, "as": "file"})
        return DataConnector(FileRows(answer["file"], answer["columns"]), answer["columns"])

    def rows_file(self):
        """The partition's rows as a Parquet file, in a run without a snapshot."""
        request = {"type": "rows", "ordinal": self.partition.ordinal, "rows": self.partition.rows}
        try:
            return self._ask(request)["file"]
        except Exception as error:
            self.rows_error = error
            raise

    def held_out(self, file):
        """Positions of the rows that the run holds out. `file`: see `rows_file`, or None for the snapshot's."""
        partition = self.partition
        request = {"type": "heldOut", "ordinal": partition.ordinal, "rows": partition.rows, "file": file}
        try:
            found = self._worker.ask(request)["file"]
        except Exception as error:
            if type(error).__name__ == SnapshotUnreadable.__name__:
                raise SnapshotUnreadable(str(error)) from None
            raise
        return FileRows(found, [{"name": "position", "type": "BIGINT"}]).table()["position"]

    @property
    def model_settings(self):
        """The run's settings for models."""
        return self._unit.get("model") or {}

    def load_model(self, partition, filename, read):
        """A partition's model, or None if it has none. `read(content, trained_with)` decodes it."""
        models = self._unit.get("models")
        if models is None:
            return None
        return _kept_models.get(
            (models["root"]["sha256"], filename, partition), lambda: self._load_model(partition, filename, read)
        )

    def _load_model(self, partition, filename, read):
        found = self._worker.ask({"type": "model", "partition": partition})
        if found is None:
            return None
        with open(found["file"], "rb") as file:
            content = file.read()
        os.remove(found["file"])
        if found["name"] != filename:
            raise InvalidResult(
                f'The model of "{partition}" is stored as "{found["name"]}", but this function reads "{filename}". '
                "Train it again, or use the serde that wrote it."
            )
        return read(content, found.get("trainedWith")), len(content)

    def heartbeat(self, progress):
        now = time.monotonic()
        if now - self._beat_at >= HEARTBEAT_SECONDS:
            self._beat_at = now
            self._worker.send({"type": "heartbeat", "ordinal": self.partition.ordinal, "progress": progress})

    def _ask(self, request):
        return self._worker.ask({**request, "partitionId": self.partition.id, "attempt": self.attempt})

    def abort_error(self):
        if self.timeout_ms is not None:
            return Aborted(f"The call is over its timeout of {self.timeout_ms / 1000:g} s.")
        return Aborted("The run was cancelled.")


def _bind(value, i):
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, float)):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if isinstance(value, (datetime.date, datetime.time, decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if hasattr(value, "item"):
        return _bind(value.item(), i)
    raise TypeError(
        f"Value {i + 1} of query is a {type(value).__name__}, which cannot be bound. "
        "Pass text, numbers, booleans, dates, bytes (bound as hexadecimal text) or None."
    )
