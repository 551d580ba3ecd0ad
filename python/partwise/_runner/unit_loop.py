"""Calls the function for each partition of a unit, one after the other."""

import datetime

from .._context import PartitionContext, dpf_partition_id
from .._data import DataConnector
from .._errors import describe_raised
from .._results import NO_ROWS, NotRows, preview, take
from .._source_types import SourceTypes
from .call import Call
from .file_rows import FileRows
from .segments import Segments
from .snapshot import Index, Snapshot, SnapshotUnreadable

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
        self._segments = Segments(unit, worker, self._index)
        self._snapshot = (
            Snapshot(unit["snapshot"], unit["columns"], unit["ordinals"], self._index) if unit["snapshot"] else None
        )
        self.columns = unit["columns"]
        #: What the contexts of all partitions have in common.
        self._facts = {
            "params": unit["params"],
            "run_id": unit["runId"],
            "snapshot_time": _time(unit["snapshotTime"]),
            "scheduled_time": _time(unit["scheduledTime"]),
            "scheduled_date": unit.get("scheduledDate"),
        }
        #: The declared columns, or None.
        self._output = _declared_output(definition, self._index)
        self._source = SourceTypes(unit["columns"])
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
        if self._is_interruptible and call is not None and call.is_aborted:
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
            # enforces I1: what is made without the planned rows is no result.
            if call.rows_error is not None:
                raise call.rows_error
        except SnapshotUnreadable as error:
            self._unreadable = error
        except BaseException as error:
            raised = error
        self._is_interruptible = False
        call.end()
        self._control.call = None
        worker.end_call(call.timeout_ms is not None)
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
                "stack": None if raised is None else describe_raised(raised)["error"]["stack"],
            }
            segments.record_interrupted(call, "INTERNAL_ERROR", error)
        elif raised is None:
            shown = None if self._unit["isBatch"] else preview(rows)
            segments.record_done(call, rows, shown, call.artifacts)
        elif self._control.is_cancelled:
            segments.record_interrupted(call, "CANCELLED", None)
        elif isinstance(raised, MemoryError):
            segments.record_interrupted(call, "INTERNAL_ERROR", self._out_of_memory(raised))
        else:
            segments.record_raised(call, raised, call.artifacts)

    def _out_of_memory(self, raised):
        """As the worker says it of a process that it killed: another call may get more memory."""
        described = describe_raised(raised)["error"]
        megabytes = f"{round(self._worker.memory_bytes / 1e6):,} MB"
        what = f" ({described['message'].rstrip('.')})" if str(raised) else ""
        return {
            "type": "OutOfMemory",
            "message": f"The function asked for more memory than there is{what}; the limit is {megabytes}. "
            'Read the rows in batches (data_connector.iter_batches()), or raise "memory".',
            "stack": described["stack"],
        }

    def _taken(self, returned, partition):
        if returned is None:
            return NO_ROWS
        try:
            return take(returned, self._index.key(partition), self._output, self._source)
        except NotRows as error:
            if self._definition.returns_rows:
                raise
            # DPF ignores what functions return.
            print(f"What the function returned was not kept: it is no table. {error}")
            return NO_ROWS

    def _arguments(self, partition, call):
        key = self._index.key(partition)
        facts = {
            **self._facts,
            "id": partition.id,
            "key": key,
            "partition_id": dpf_partition_id(key, partition.id),
            "attempt": call.attempt,
        }
        data = DataConnector(PartitionRows(self, partition, call), self.columns)
        return data, PartitionContext(call, facts)

    # Rows

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
        self._file = None

    @property
    def count(self):
        return self._partition.rows

    def table(self):
        return self._loop.reading(lambda: self._rows().table())

    def frame(self):
        return self._loop.reading(lambda: self._rows().frame())

    def held_out(self, condition):
        """Positions of the rows that meet the run's condition."""
        return self._loop.reading(self._held_out)

    def _held_out(self):
        if self._loop.snapshot is not None:
            return self._call.held_out(None)
        # The rows that are split must be those that the condition was evaluated on.
        file = self._call.rows_file()
        positions = self._call.held_out(file)
        self._file = FileRows(file, self._loop.columns, self._partition.rows)
        return positions

    def batches(self):
        batches = self._loop.reading(lambda: self._rows().batches())
        while True:
            table = self._loop.reading(lambda: next(batches, None))
            if table is None:
                return
            yield table

    def _rows(self):
        snapshot = self._loop.snapshot
        if snapshot is not None:
            return _SnapshotRows(snapshot, self._partition)
        if self._file is None:
            self._file = FileRows(self._call.rows_file(), self._loop.columns, self._partition.rows)
        return self._file


class _SnapshotRows:
    def __init__(self, snapshot, partition):
        self._snapshot = snapshot
        self._partition = partition

    def table(self):
        return self._snapshot.window(self._partition).slice(self._partition.ordinal)

    def frame(self):
        return self._snapshot.window(self._partition).frame(self._partition.ordinal)

    def batches(self):
        if self._partition.rows > LARGE_PARTITION:
            return self._snapshot.batches(self._partition)
        return iter([self.table()])


def _time(text):
    return None if text is None else datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
