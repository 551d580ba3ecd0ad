"""What has ended in a unit, handed over about once a second (docs/runner-protocol.md, "The segment")."""

import array
import hashlib
import json
import os
import threading
import time

import pyarrow as pa
import pyarrow.parquet as pq

from .._errors import describe_raised
from .._results import Column, SourceKind, arrow_array, arrow_type, joined_kind
from .._types import needs_cast, plain_text

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

    def __init__(self, unit, channel, index):
        self._unit = unit
        self._channel = channel
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
            self._rows.add(call.partition, rows)
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
        rows = pack = None
        if self._rows.count > 0:
            rows = os.path.join(scratch, f"rows-{name}.parquet")
            self._rows.write(rows, self._index, self._unit["keyColumns"])
        if self._pack_bytes > 0:
            pack = os.path.join(scratch, f"pack-{name}")
            with open(pack, "wb") as file:
                file.writelines(self._pack)
        head, body = self._done_columns()
        self._channel.send(
            {"type": "segment", "done": head, "outcomes": self._outcomes, "rows": rows, "pack": pack}, body
        )
        self._clear()

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


class PendingRows:
    """Rows of several partitions, which become one Parquet file."""

    def __init__(self):
        self.count = 0
        self._parts = []
        self._kinds = {}
        self._spelled = {}

    def fits(self, rows):
        """Whether the rows can go into the same file without losing anything."""
        return self.count == 0 or all(self._fits(name, column) for name, column in rows.columns.items())

    def _fits(self, name, column):
        if self._spelled.get(name.lower(), name) != name:
            return False
        known = self._kinds.get(name)
        if known is None or column.kind is None or known == column.kind:
            return True
        joined = joined_kind(known, column.kind)
        # Integers next to fractions become floats, which may not hold them: `combine` decides about those.
        return joined is not None and joined != "DOUBLE"

    def add(self, partition, rows):
        if rows.count == 0:
            return
        for name, column in rows.columns.items():
            self._spelled.setdefault(name.lower(), name)
            self._kinds[name] = joined_kind(self._kinds.get(name), column.kind)
        self._parts.append((partition, rows))
        self.count += rows.count

    def write(self, file, index, key_columns):
        """Writes Parquet: `__partwise_ord`, `__partwise_row`, the key columns, then the function's."""
        counts = [rows.count for _, rows in self._parts]
        ordinals = pa.array([partition.ordinal for partition, _ in self._parts], pa.int32())
        places = pa.array([i for i, count in enumerate(counts) for _ in range(count)], pa.int64())
        positions = pa.array([i for count in counts for i in range(count)], pa.int64())
        names, columns = ["__partwise_ord", "__partwise_row"], [ordinals.take(places), positions]
        types = {}
        entries = pa.array([partition.position for partition, _ in self._parts], pa.int64())
        for i, key in enumerate(key_columns):
            values = index.table[f"key_{i}"]
            if key["type"] in ("JSON", "UUID"):
                values = _as_text(values, key["type"])
            names.append(key["name"])
            columns.append(values.take(entries).take(places))
            if needs_cast(key["type"]):
                types[key["name"]] = key["type"]
        for name, kind in self._kinds.items():
            if kind is None:
                continue
            names.append(name)
            columns.append(self._column(name, kind))
            declared = kind.declared if isinstance(kind, SourceKind) else kind
            if isinstance(declared, str) and needs_cast(declared):
                types[name] = declared
        listed = [*(key["name"] for key in key_columns), *self._kinds]
        metadata = {"partwise_columns": json.dumps(listed), "partwise_types": json.dumps(types)}
        table = pa.table(columns, names=names).replace_schema_metadata(metadata)
        pq.write_table(table, file, compression="snappy", store_schema=False)

    def _column(self, name, kind):
        """Neighbours whose values are lists share an Arrow array: one for each partition would be dear."""
        wanted = arrow_type(kind)
        chunks = []
        listed = []
        for _, rows in self._parts:
            column = rows.columns.get(name)
            if column is None or column.kind is None:
                listed.extend([None] * rows.count)
            elif isinstance(column.values, list):
                listed.extend(column.values)
            else:
                if listed:
                    chunks.append(arrow_array(Column(kind, listed)))
                    listed = []
                chunk = column.values.cast(wanted) if column.values.type != wanted else column.values
                chunks.extend(chunk.chunks if isinstance(chunk, pa.ChunkedArray) else [chunk])
        if listed or not chunks:
            chunks.append(arrow_array(Column(kind, listed)))
        return pa.chunked_array(chunks, wanted)


def _as_text(values, declared):
    from .._types import restored

    return restored(values, declared) if declared == "UUID" else plain_text(values)
