"""The running call, in the file on descriptor 5, which its worker reads even after this process has died.

After the record, faulthandler writes where the process was when it crashed, or when its guard asked.
"""

import os
import struct
import time

from .channel import OwnDescriptor

CALLS_FD = 5
_FIELDS = struct.Struct("<7d")


class CallRecord:
    def __init__(self):
        self._version = 0.0
        #: Number of calls started by this process, in all units.
        self.started = 0
        self._descriptor = OwnDescriptor(CALLS_FD)
        self.clear_where()

    def check(self):
        self._descriptor.check()

    def clear_where(self):
        os.ftruncate(CALLS_FD, _FIELDS.size)
        os.lseek(CALLS_FD, _FIELDS.size, os.SEEK_SET)

    def begin(self, offsets):
        """Records that a call starts, with the lengths of both output files."""
        self.started += 1
        self._write(1.0, time.monotonic() * 1000, offsets)

    def end(self):
        self._write(0.0, 0.0, (0, 0))

    def _write(self, running, started_at, offsets):
        self._version += 1
        fields = (self._version, self.started, running, started_at, *offsets, self._version)
        os.pwrite(CALLS_FD, _FIELDS.pack(*fields), 0)
