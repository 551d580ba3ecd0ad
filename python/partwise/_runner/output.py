"""What the process, its native code and its children print: the files on descriptors 1 and 2.

A call owns what the files grew by while it ran, which also survives the process. `sys.stdout` and `sys.stderr` write
to the files line by line, and are replaced before the user's code is imported: logging handlers keep the stream that
they find.
"""

import ctypes
import os
import sys

from .channel import identity_of

#: More than this in both files is dropped between calls.
MAX_KEPT_BYTES = 8 * 1024 * 1024


class Output:
    def __init__(self, channel):
        self._channel = channel
        self._reported = (0, 0)
        self._libc = ctypes.CDLL(None)
        self._fflush = self._libc.fflush
        #: The files, under numbers that functions do not close or replace.
        self._files = (os.dup(1), os.dup(2))
        self._identities = [identity_of(file) for file in self._files]
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            # Lone surrogates and the like must not raise in the user's code.
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
        self._silence_c_buffers()

    def _silence_c_buffers(self):
        """C's own buffer of stdout would lose what it holds when the process crashes."""
        try:
            line_buffered = 1
            stdout = ctypes.c_void_p.in_dll(self._libc, "stdout")
            self._libc.setvbuf(stdout, None, line_buffered, ctypes.c_size_t(0))
        except ValueError:
            # The name is another one on this system: `flush` still writes the buffer after each call.
            pass

    @property
    def sizes(self):
        """Of both files, when they were last looked at."""
        return self._reported

    def restore(self):
        """Puts the files back on descriptors 1 and 2, where a function closed them or put others."""
        for number, identity in enumerate(self._identities, 1):
            if identity_of(number) != identity:
                os.dup2(self._files[number - 1], number)

    def flush(self):
        """Writes what Python and C still hold. The user may have replaced or closed the streams."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                pass
        self._fflush(None)

    def report(self, call):
        """Tells the worker that what was printed since the last report belongs to a call, or to none (None)."""
        stdout, stderr = self._files
        sizes = (os.lseek(stdout, 0, os.SEEK_END), os.lseek(stderr, 0, os.SEEK_END))
        if sizes != self._reported:
            # A child may have emptied a file: `echo > /dev/stderr`.
            start = [0 if size < before else before for size, before in zip(sizes, self._reported)]
            self._channel.send_later({"type": "printed", "call": call, "from": start, "to": list(sizes)})
            self._reported = sizes

    @property
    def is_full(self):
        stdout, stderr = self._reported
        return stdout + stderr > MAX_KEPT_BYTES

    def truncate(self):
        """Empties both files, once the worker has read them."""
        for file in self._files:
            os.ftruncate(file, 0)
        self._reported = (0, 0)
