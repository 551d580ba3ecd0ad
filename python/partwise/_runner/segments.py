"""What has ended in a unit, handed over about once a second (docs/runner-protocol.md, "The segment")."""

import array
import hashlib
import os
import threading
import time

from .._errors import describe_raised
from .pending_rows import PendingRows
from .room import until_room, write_file

EVERY_SECONDS = 1.0
#: With this many pending rows, a segment is handed over early.
MAX_ROWS = 50_000
#: The same for bytes of artifacts.
MAX_BYTES = 8 * 1024 * 1024
#: In a unit that has lost a runner, this many partitions are handed over one by one, and the others at this interval.
CAUTIOUS_SEGMENTS = 20
CAUTIOUS_SECONDS = 0.1


class Segments:
    """Collects outcomes, rows and artifacts. Used by the thread that calls functions and by the one that watches."""

    def __init__(self, unit, worker, index):
        self._unit = unit
        self._worker = worker
        self._index = index
        self._lock = threading.RLock()
        self._count = 0
        self._handed_over_at = time.monotonic()
        self._failed = None
        self._clear()

    def _clear(self):
        self._done = []
        self._outcomes = []
        self._pack = []
        self._pack_bytes = 0
        self._rows = PendingRows()

    @property
    def is_due(self):
        """Whether what has ended must not be held back any longer."""
        if self._rows.count >= MAX_ROWS or self._pack_bytes >= MAX_BYTES:
            return True
        is_cautious = self._unit.get("cautious", False)
        if is_cautious and self._count < CAUTIOUS_SEGMENTS:
            return True
        interval = CAUTIOUS_SECONDS if is_cautious else EVERY_SECONDS
        return time.monotonic() - self._handed_over_at >= interval

    def pack(self, name, codec, content):
        """Adds a small artifact to the file that a segment's artifacts share."""
        with self._lock:
            packed = [name, codec, self._pack_bytes, len(content), hashlib.sha256(content).hexdigest()]
            self._pack.append(content)
            self._pack_bytes += len(content)
            return packed

    def record_done(self, call, rows, preview, artifacts):
        with self._lock:
            if not self._rows.fits(rows):
                self._hand_over()
            self._rows.add(call, rows)
            if self._unit["isBatch"]:
                self._done.append((call, rows.count, artifacts() or None))
                return
            outcome = {**call.outcome("DONE"), "preview": preview, "outputRows": rows.count}
            self._end(outcome, artifacts(), {"retryable": False, "retryDelayMs": None})

    def record_raised(self, call, error, artifacts):
        described = describe_raised(error, self._unit["nonRetryableErrorTypes"])
        with self._lock:
            self._end({**call.outcome("FAILED"), "error": described.pop("error")}, artifacts(), described)

    def record_interrupted(self, call, status, error):
        """The call was cancelled or timed out: its artifacts are dropped."""
        with self._lock:
            self._end({**call.outcome(status), "error": error}, [], {"retryable": False, "retryDelayMs": None})

    def _end(self, outcome, artifacts, retry):
        self._outcomes.append({"outcome": outcome, "artifacts": artifacts, **retry})

    def hand_over(self):
        with self._lock:
            if self._failed is not None:
                raise self._failed
            self._hand_over()

    def hand_over_if_due(self):
        """For the watching thread: an error is raised by the next `hand_over`."""
        with self._lock:
            try:
                if self._failed is None and self.is_due:
                    self._hand_over()
            except Exception as error:
                self._failed = error

    def _hand_over(self):
        self._handed_over_at = time.monotonic()
        if not self._done and not self._outcomes:
            return
        self._count += 1
        name = f"{os.getpid()}-{self._count}"
        scratch = self._unit["scratch"]
        rows = os.path.join(scratch, f"rows-{name}.parquet")
        refused = until_room(self._worker, lambda: self._rows.write(rows, self._index, self._unit["keyColumns"]))
        if refused.is_empty:
            rows = None
        for call, error in refused.calls:
            self._refuse(call, error)
        pack = None
        if self._pack_bytes > 0:
            pack = os.path.join(scratch, f"pack-{name}")
            until_room(self._worker, lambda: write_file(pack, self._pack))
        head, body = self._done_columns()
        self._worker.channel.send(
            {"type": "segment", "done": head, "outcomes": self._outcomes, "rows": rows, "pack": pack}, body
        )
        self._clear()

    def _refuse(self, call, error):
        """Its rows cannot be written: it failed, and keeps its artifacts as a call that raised does."""
        artifacts = [each[2] or [] for each in self._done if each[0] is call]
        self._done = [each for each in self._done if each[0] is not call]
        for each in self._outcomes:
            if each["outcome"]["ordinal"] == call.partition.ordinal:
                artifacts.append(each["artifacts"])
        self._outcomes = [each for each in self._outcomes if each["outcome"]["ordinal"] != call.partition.ordinal]
        self.record_raised(call, error, lambda: artifacts[0])

    def _done_columns(self):
        if not self._done:
            return None, b""
        calls = [call for call, _, _ in self._done]
        columns = (
            array.array("d", [call.started_at for call in calls]),
            array.array("d", [call.duration_ms for call in calls]),
            array.array("i", [call.partition.ordinal for call in calls]),
            array.array("i", [call.attempt for call in calls]),
            array.array("i", [count for _, count, _ in self._done]),
        )
        artifacts = [each for _, _, each in self._done]
        some = artifacts if any(each is not None for each in artifacts) else None
        return {"partitions": len(calls), "artifacts": some}, b"".join(each.tobytes() for each in columns)
