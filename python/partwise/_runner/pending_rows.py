"""Rows of several partitions, which become one Parquet file (docs/runner-protocol.md, "The segment")."""

import json

import pyarrow as pa
import pyarrow.parquet as pq

from .._columns import Column, arrow_array, arrow_type, has_exact_floats, joined_kind, named_type
from .._errors import InvalidResult
from .._types import needs_cast, storable


class Written:
    """Calls whose rows could not be written, with the error of each; and whether no others had rows."""

    __slots__ = ("calls", "is_empty")

    def __init__(self, calls, is_empty):
        self.calls = calls
        self.is_empty = is_empty


class PendingRows:
    def __init__(self):
        self.count = 0
        self._parts = []
        self._kinds = {}
        self._spelled = {}
        #: Columns of integers that floats cannot represent.
        self._inexact = set()

    def fits(self, rows):
        """Whether the rows can go into the same file without losing anything."""
        kinds = self._kinds
        if self.count > 0:
            for name, column in rows.columns.items():
                # Most are as those before.
                if (name not in kinds or kinds[name] != column.kind) and not self._fits(name, column):
                    return False
        return True

    def _fits(self, name, column):
        if self._spelled.get(name.lower(), name) != name:
            return False
        known = self._kinds.get(name)
        if known is None or column.kind is None:
            return True
        joined = joined_kind(known, column.kind)
        # Integers next to fractions become floats. Where these do not hold them, `combine` decides.
        return joined is not None and (joined != "DOUBLE" or (name not in self._inexact and has_exact_floats(column)))

    def add(self, call, rows):
        if rows.count == 0:
            return
        kinds = self._kinds
        for name, column in rows.columns.items():
            if name not in kinds or kinds[name] != column.kind:
                self._spelled.setdefault(name.lower(), name)
                kinds[name] = joined_kind(kinds.get(name), column.kind)
            if name not in self._inexact and not has_exact_floats(column):
                self._inexact.add(name)
        self._parts.append((call, rows))
        self.count += rows.count

    def write(self, file, index, key_columns):
        """Writes Parquet: `__partwise_ord`, `__partwise_row`, the key columns, then the function's.

        Rows that cannot be written harm no other partition (I5): halves are tried until it is known whose they are.
        """
        refused = {}
        is_whole = False

        def search(parts):
            nonlocal is_whole
            try:
                self._write(parts, file, index, key_columns)
                is_whole = len(parts) == len(self._parts)
                return
            except OSError:
                # Nobody's rows: the disk is full.
                raise
            except Exception as error:
                if len(parts) == 1:
                    refused[id(parts[0])] = InvalidResult(f"The returned rows cannot be stored: {error}")
                    return
            middle = len(parts) // 2
            search(parts[:middle])
            search(parts[middle:])

        if self._parts:
            search(self._parts)
        kept = [part for part in self._parts if id(part) not in refused]
        if kept and not is_whole:
            self._write(kept, file, index, key_columns)
        calls = [(part[0], refused[id(part)]) for part in self._parts if id(part) in refused]
        return Written(calls, is_empty=not kept)

    def _write(self, parts, file, index, key_columns):
        counts = [rows.count for _, rows in parts]
        ordinals = pa.array([call.partition.ordinal for call, _ in parts], pa.int32())
        places = pa.array([i for i, count in enumerate(counts) for _ in range(count)], pa.int64())
        positions = pa.array([i for count in counts for i in range(count)], pa.int64())
        names, columns = ["__partwise_ord", "__partwise_row"], [ordinals.take(places), positions]
        types = {}
        entries = pa.array([call.partition.position for call, _ in parts], pa.int64())
        for i, key in enumerate(key_columns):
            names.append(key["name"])
            columns.append(storable(index.table[f"key_{i}"], key["type"]).take(entries).take(places))
            if needs_cast(key["type"]):
                types[key["name"]] = key["type"]
        for name, kind in self._kinds.items():
            if kind is None:
                continue
            names.append(name)
            columns.append(self._column(parts, name, kind))
            named = named_type(kind)
            if named is not None:
                types[name] = named
        listed = [*(key["name"] for key in key_columns), *self._kinds]
        metadata = {"partwise_columns": json.dumps(listed), "partwise_types": json.dumps(types)}
        table = pa.table(columns, names=names).replace_schema_metadata(metadata)
        # Without its own schema, pyarrow drops the metadata too.
        pq.write_table(table, file, compression="snappy", store_schema=True)

    def _column(self, parts, name, kind):
        """Neighbours whose values are lists share an Arrow array: one for each partition would be dear."""
        wanted = arrow_type(kind)
        chunks = []
        listed = []
        for _, rows in parts:
            column = rows.columns.get(name)
            if column is None or column.kind is None:
                listed.extend([None] * rows.count)
            elif isinstance(column.values, list):
                listed.extend(column.values)
            else:
                if listed:
                    chunks.append(arrow_array(Column(kind, listed)))
                    listed = []
                chunks.append(arrow_array(Column(kind, column.values)))
        if listed or not chunks:
            chunks.append(arrow_array(Column(kind, listed)))
        return pa.chunked_array(chunks, wanted)
