"""Reads the partitions of a unit from the run's files: the partition index and the snapshot."""

import bisect

import pyarrow as pa
import pyarrow.parquet as pq

from .._frames import depends_on_neighbours, signatures, to_frame
from .._types import python_values, restored

ORDINAL = "__partwise_ord"
#: Partitions are read together up to this number of rows.
WINDOW_ROWS = 65_536
#: So many frames of a window are made at once.
AHEAD = 32


class SnapshotUnreadable(BaseException):
    """A file of the run is damaged or gone: not the function's fault, and its `except Exception` must not hide it."""


class Partition:
    """An entry of the index."""

    __slots__ = ("ordinal", "id", "rows", "position")

    def __init__(self, ordinal, id, rows, position):
        self.ordinal = ordinal
        self.id = id
        self.rows = rows
        #: In the table of the unit's entries.
        self.position = position


class Index:
    """The unit's partitions."""

    def __init__(self, file, key_columns, ordinals):
        try:
            with pq.ParquetFile(file, memory_map=True) as opened:
                groups = row_groups(opened, "ord", min(ordinals), max(ordinals))
                table = opened.read_row_groups(groups, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise SnapshotUnreadable(f"The partition index cannot be read: {error}") from error
        wanted = pa.array(sorted(ordinals), table.schema.field("ord").type)
        self.table = table.filter(pa.compute.is_in(table["ord"], value_set=wanted)).combine_chunks()
        names, rows = self.table["id"].to_pylist(), self.table["rows"].to_pylist()
        self._entries = {
            ordinal: Partition(ordinal, names[i], rows[i], i) for i, ordinal in enumerate(self.table["ord"].to_pylist())
        }
        self.key_names = [column["name"] for column in key_columns]
        self._keys = [python_values(self.table[f"key_{i}"], column["type"]) for i, column in enumerate(key_columns)]

    def __getitem__(self, ordinal):
        entry = self._entries.get(ordinal)
        if entry is None:
            raise SnapshotUnreadable(f"The partition index has no partition number {ordinal}. Start a new run.")
        return entry

    def get(self, ordinal):
        return self._entries.get(ordinal)

    def key(self, partition):
        """The partition key, by column."""
        return {name: values[partition.position] for name, values in zip(self.key_names, self._keys)}


class Snapshot:
    """The rows of a unit's partitions. Neighbours are read together, and cut apart."""

    def __init__(self, files, columns, ordinals, index):
        self._columns = columns
        self._index = index
        self._ordinals = sorted(ordinals)
        self._place = {ordinal: i for i, ordinal in enumerate(self._ordinals)}
        self._files = [_opened(file) for file in files]
        self._groups = []
        for file in self._files:
            for group, (low, high) in enumerate(bounds_of(file, ORDINAL)):
                if high >= self._ordinals[0] and low <= self._ordinals[-1]:
                    self._groups.append((file, group, low, high))
        self._decoded = (None, None)
        self._window = None

    def close(self):
        for file in self._files:
            file.close()

    def window(self, partition):
        """The window that has all rows of the partition."""
        if self._window is None or partition.ordinal not in self._window.spans:
            # Two windows must not be in memory at once.
            self._window = None
            self._window = self._read(partition)
        return self._window

    def _read(self, partition):
        chosen = [partition.ordinal]
        rows = partition.rows
        for ordinal in self._ordinals[self._place[partition.ordinal] + 1 :]:
            rows += self._index[ordinal].rows
            if rows > WINDOW_ROWS:
                break
            chosen.append(ordinal)
        table = pa.concat_tables(list(self._tables(chosen)))
        return Window(table, self._columns, [self._index[ordinal] for ordinal in chosen])

    def batches(self, partition):
        """The rows of one partition as tables, of which one at a time is in memory."""
        count = 0
        for table in self._tables([partition.ordinal]):
            count += table.num_rows
            yield restored_table(table.drop([ORDINAL]), self._columns)
        _check_count(partition, count)

    def _tables(self, ordinals):
        """The rows of some ordinals, which ascend."""
        first, last = ordinals[0], ordinals[-1]
        is_range = last - first + 1 == len(ordinals)
        found = False
        for file, group, low, high in self._groups:
            if high < first or low > last:
                continue
            table = self._group(file, group)
            column = table[ORDINAL]
            wanted = (
                pa.compute.is_in(column, value_set=pa.array(ordinals, column.type))
                if not is_range
                else pa.compute.and_(pa.compute.greater_equal(column, first), pa.compute.less_equal(column, last))
                if low < first or high > last
                else None
            )
            found = True
            yield table if wanted is None else table.filter(wanted)
        if not found:
            raise SnapshotUnreadable(f"The snapshot has no rows for partition number {first}. Start a new run.")

    def _group(self, file, group):
        """The last one is kept: the next window may begin in it."""
        known, table = self._decoded
        if known == (file, group):
            return table
        self._decoded = (None, None)
        try:
            table = file.read_row_group(group, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise SnapshotUnreadable(f"The snapshot cannot be read: {error}") from error
        self._decoded = ((file, group), table)
        return table


class Window:
    """Some partitions in one table."""

    def __init__(self, table, columns, partitions):
        ordinals = table[ORDINAL].to_numpy()
        self._columns = columns
        self.table = restored_table(table.drop([ORDINAL]), columns)
        self.spans = {}
        starts = ordinals.searchsorted([each.ordinal for each in partitions], "left")
        stops = ordinals.searchsorted([each.ordinal for each in partitions], "right")
        for partition, start, stop in zip(partitions, starts.tolist(), stops.tolist()):
            _check_count(partition, stop - start)
            self.spans[partition.ordinal] = (start, stop)
        self._frames = None
        #: Frames of the next partitions, by ordinal.
        self._ahead = {}
        self._ordinals = list(self.spans)

    def slice(self, ordinal):
        start, stop = self.spans[ordinal]
        return self.table.slice(start, stop - start)

    def frame(self, ordinal):
        """The partition's frame, which does not depend on its neighbours' values."""
        if self._frames is None:
            self._frames = self._make_frames()
        if ordinal not in self._ahead:
            self._cut_ahead(ordinal)
        return self._ahead.pop(ordinal)

    def _cut_ahead(self, ordinal):
        """Cuts the next frames at once: with a function between each two of them, it takes twice as long."""
        from pandas import RangeIndex

        place = bisect.bisect_left(self._ordinals, ordinal)
        self._ahead = {}
        for each in self._ordinals[place : place + AHEAD]:
            frame, start, stop = self._frames[each]
            part = frame.iloc[start:stop]
            # A slice numbers its rows like its window.
            part.index = RangeIndex(stop - start)
            if "_is_copy" in part.__dict__:
                # Older versions of pandas warn when it is changed.
                part._is_copy = None
            self._ahead[each] = part

    def _make_frames(self):
        if not depends_on_neighbours(self.table):
            frame = to_frame(self.table, self._columns)
            return {ordinal: (frame, start, stop) for ordinal, (start, stop) in self.spans.items()}
        alike = {}
        for ordinal, signature in zip(self.spans, signatures(self.table, self.spans.values())):
            alike.setdefault(signature, []).append(ordinal)
        frames = {}
        for ordinals in alike.values():
            parts = [self.slice(ordinal) for ordinal in ordinals]
            frame = to_frame(pa.concat_tables(parts), self._columns)
            start = 0
            for ordinal, part in zip(ordinals, parts):
                frames[ordinal] = (frame, start, start + part.num_rows)
                start += part.num_rows
        return frames


def restored_table(table, columns):
    """The table with the columns of the unit in their order and types."""
    arrays = [restored(table[each["name"]], each["type"]) for each in columns]
    return pa.table(arrays, names=[each["name"] for each in columns])


def _check_count(partition, count):
    if count != partition.rows:
        raise SnapshotUnreadable(
            f"The snapshot has {count} rows for partition number {partition.ordinal}, but its index says "
            f"{partition.rows}: one of the files was changed. Start a new run."
        )


def _opened(file):
    try:
        return pq.ParquetFile(file, memory_map=True)
    except (OSError, pa.ArrowException) as error:
        raise SnapshotUnreadable(f"The snapshot cannot be read: {error}") from error


def row_groups(file, column, first, last):
    """The row groups with values of an integer column between two bounds, by their statistics."""
    bounds = bounds_of(file, column)
    return [group for group, (low, high) in enumerate(bounds) if high >= first and low <= last]


def bounds_of(file, column):
    """The least and greatest value of an integer column in each row group."""
    groups = [file.metadata.row_group(group) for group in range(file.metadata.num_row_groups)]
    if not groups:
        return []
    # Parquet counts the columns inside of nested ones too.
    places = range(groups[0].num_columns)
    place = next(i for i in places if groups[0].column(i).path_in_schema == column)
    return [_bounds(group.column(place).statistics) for group in groups]


def _bounds(statistics):
    if statistics is None or not statistics.has_min_max:
        return 0, 2**63
    return statistics.min, statistics.max
