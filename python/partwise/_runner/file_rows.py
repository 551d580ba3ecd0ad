"""The rows of a Parquet file that the worker made for one request."""

import functools
import os

import pyarrow as pa
import pyarrow.parquet as pq

from .snapshot import SnapshotUnreadable, restored_table


class FileRows:
    """Reads the file as `DataConnector` does a partition, and removes it when it is no longer needed."""

    def __init__(self, file, columns, count=None):
        """`count` is the number of rows that the file must have."""
        self._columns = columns
        self._table = None
        try:
            self._file = pq.ParquetFile(file, memory_map=True)
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(error) from error
        finally:
            # Open files can be read on.
            os.remove(file)
        self.count = self._file.metadata.num_rows
        if count is not None and self.count != count:
            raise SnapshotUnreadable(
                f"The partition has {self.count} rows, but the run was planned with {count}. Start a new run."
            )

    def table(self):
        if self._table is None:
            self._table = self._restored(self._file.read)
        return self._table

    def frame(self):
        from .._frames import to_frame

        return to_frame(self.table(), self._columns)

    def batches(self):
        """Tables of which one at a time is in memory."""
        if self._table is not None or self._file.num_row_groups == 0:
            yield self.table()
            return
        for group in range(self._file.num_row_groups):
            yield self._restored(functools.partial(self._file.read_row_group, group))

    def _restored(self, read):
        try:
            return restored_table(read(use_threads=False), self._columns)
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(error) from error


def _unreadable(error):
    return SnapshotUnreadable(f"The rows cannot be read: {error}")
