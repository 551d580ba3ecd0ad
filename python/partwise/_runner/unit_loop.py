"""Calls the function for each partition of a unit, one after the other."""

import datetime
import os

import pyarrow as pa
import pyarrow.parquet as pq

from .._context import PartitionContext, dpf_partition_id
from .._data import DataConnector
from .._results import NO_ROWS, NotRows, preview, take
from .call import Call
from .segments import Segments
from .snapshot import Index, Snapshot, SnapshotUnreadable, restored_table

#: Before a partition this large, ended ones are handed over: it may take long, or kill the process.
LARGE_PARTITION = 100_000


class UnitLoop:
    """One unit, from `unit` to `unitDone`."""

    def __init__(self, unit, definition, worker, control):
        self._unit = unit
        self._control = control
        self._definition = definition
        self._worker = worker
        self._index = Index(unit["index"], unit["keyColumns"], unit["ordinals"])
        self._segments = Segments(unit, worker.channel, self._index)
        self._snapshot = (
            Snapshot(unit["snapshot"], unit["columns"], unit["ordinals"], self._index) if unit["snapshot"] else None
        )
        #: The declared columns, or None.
        self._output = _declared_output(definition, self._index)
        self._unreadable = None
        #: Whether an abort may interrupt the function: it is running now, and not in the middle of a message.
        self._is_interruptible = False

    def run(self):
        """Returns the ordinals that were not run."""
        left = list(reversed(self._unit["ordinals"]))
        try:
            while left and not self._control.is_draining and not self._control.is_cancelled:
                partition = self._index[left[-1]]
                if partition.rows >= LARGE_PARTITION or self._segments.is_due:
                    self._segments.hand_over()
                left.pop()
                self._run(partition)
                if self._unreadable is not None:
                    self._segments.hand_over()
                    raise self._unreadable
            self._segments.hand_over()
            return list(reversed(left))
        finally:
            if self._snapshot is not None:
                self._snapshot.close()

    def interrupt(self):
        """In the thread that calls functions: raises in the function if it must end."""
        call = self._control.call
        if self._is_interruptible and call is not None and call.cancelled.is_set():
            self._is_interruptible = False
            raise call.abort_error()

    def uninterrupted(self, work):
        """Does something in a call that must not stop halfway, such as sending a message."""
        was_interruptible, self._is_interruptible = self._is_interruptible, False
        try:
            return work()
        finally:
            self._is_interruptible = was_interruptible
            self.interrupt()

    def tick(self):
        """Hands over what has ended while a call lasts."""
        self._segments.hand_over_if_due()

    def _run(self, partition):
        unit, worker = self._unit, self._worker
        attempt = unit["priorCalls"] + unit.get("extraCalls", {}).get(str(partition.ordinal), 0) + 1
        call = Call(unit, partition, attempt, worker, self._segments)
        rows, raised = NO_ROWS, None
        self._control.call = call
        worker.begin_call()
        try:
            self._is_interruptible = True
            # It may have been aborted before.
            self.interrupt()
            returned = self._definition.call(*self._arguments(partition, call))
            self._is_interruptible = False
            rows = self._taken(returned, partition)
        except SnapshotUnreadable as error:
            self._unreadable = error
        except BaseException as error:
            raised = error
        self._is_interruptible = False
        call.end()
        self._control.call = None
        worker.end_call()
        if self._unreadable is not None and not self._control.is_cancelled:
            return
        self._unreadable = None
        self._record(call, rows, raised)

    def _record(self, call, rows, raised):
        segments = self._segments
        if call.timeout_ms is not None:
            error = {
                "type": "Timeout",
                "message": f"The function was still running after {call.timeout_ms / 1000:g} s, its timeout. "
                'Make it faster, or raise "timeout".',
                "stack": None,
            }
            segments.record_interrupted(call, "INTERNAL_ERROR", error)
        elif raised is None:
            shown = None if self._unit["isBatch"] else preview(rows)
            segments.record_done(call, rows, shown, call.artifacts)
        elif self._control.is_cancelled:
            segments.record_interrupted(call, "CANCELLED", None)
        else:
            segments.record_raised(call, raised, call.artifacts)

    def _taken(self, returned, partition):
        try:
            return take(returned, self._index.key(partition), self._output)
        except NotRows as error:
            if self._definition.returns_rows:
                raise
            # DPF ignores what functions return.
            print(f"What the function returned was not kept: it is no table. {error}")
            return NO_ROWS

    def _arguments(self, partition, call):
        unit = self._unit
        key = self._index.key(partition)
        facts = {
            "id": partition.id,
            "key": key,
            "partition_id": dpf_partition_id(key, partition.id),
            "params": unit["params"],
            "run_id": unit["runId"],
            "attempt": call.attempt,
            "snapshot_time": _time(unit["snapshotTime"]),
            "scheduled_time": _time(unit["scheduledTime"]),
            "scheduled_date": unit.get("scheduledDate"),
            "cancelled": call.cancelled,
        }
        data = DataConnector(PartitionRows(self, partition, call), unit["columns"])
        return data, PartitionContext(call, facts)

    # Rows

    def rows_of(self, partition, call):
        """The partition's rows as an Arrow table, in a run without a snapshot."""
        file = call.rows_file()
        try:
            return self.read_rows(file)
        finally:
            os.remove(file)

    def read_rows(self, file):
        try:
            return restored_table(pq.read_table(file, use_threads=False), self._unit["columns"])
        except (OSError, pa.ArrowException) as error:
            raise SnapshotUnreadable(f"The rows cannot be read: {error}") from error

    def held_out(self, call, file):
        """Positions of the rows that the run holds out."""
        found = call.held_out_file(file)
        try:
            # Opening a data set would take ten times as long.
            with pq.ParquetFile(found) as opened:
                return opened.read(use_threads=False)["position"]
        finally:
            os.remove(found)

    def reading(self, read):
        """Reads rows for a function: a file that cannot be read is not the function's fault."""
        try:
            return read()
        except SnapshotUnreadable as error:
            self._unreadable = error
            raise

    @property
    def snapshot(self):
        return self._snapshot

    @property
    def columns(self):
        return self._unit["columns"]


def _declared_output(definition, index):
    declared = definition.settings.get("output")
    if declared is None:
        return None
    from .._declared import Output

    return Output(declared, index.key_names)


class PartitionRows:
    """The rows of one partition, for its `DataConnector`."""

    def __init__(self, loop, partition, call):
        self._loop = loop
        self._partition = partition
        self._call = call
        self._queried = None

    @property
    def count(self):
        return self._partition.rows

    def table(self):
        snapshot = self._loop.snapshot
        if snapshot is None:
            if self._queried is None:
                self._queried = self._loop.reading(lambda: self._loop.rows_of(self._partition, self._call))
            return self._queried
        return self._loop.reading(lambda: snapshot.window(self._partition).slice(self._partition.ordinal))

    def frame(self):
        snapshot = self._loop.snapshot
        if snapshot is None:
            from .._frames import to_frame

            return to_frame(self.table(), self._loop.columns)
        return self._loop.reading(lambda: snapshot.window(self._partition).frame(self._partition.ordinal))

    def held_out(self, condition):
        """Positions of the rows that meet the run's condition."""
        return self._loop.reading(lambda: self._held_out())

    def _held_out(self):
        if self._loop.snapshot is not None:
            return self._loop.held_out(self._call, None)
        # The rows that are split must be those that the condition was evaluated on.
        file = self._call.rows_file()
        try:
            positions = self._loop.held_out(self._call, file)
            self._queried = self._loop.read_rows(file)
            return positions
        finally:
            os.remove(file)

    def batches(self):
        snapshot = self._loop.snapshot
        if snapshot is None or self._partition.rows <= LARGE_PARTITION:
            yield self.table()
            return
        batches = snapshot.batches(self._partition)
        while True:
            table = self._loop.reading(lambda: next(batches, None))
            if table is None:
                return
            yield table


def _time(text):
    return None if text is None else datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
