"""What the process, its native code and its children print: the files on descriptors 1 and 2.

A call owns what the files grew by while it ran, which also survives the process. `sys.stdout` and `sys.stderr` write
to the files line by line, and are replaced before the user's code is imported: logging handlers keep the stream that
they find.
"""

import ctypes
import os
import sys

#: More than this in both files is dropped between calls.
MAX_KEPT_BYTES = 8 * 1024 * 1024


class Output:
    def __init__(self, channel):
        self._channel = channel
        self._reported = (0, 0)
        self._libc = ctypes.CDLL(None)
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

    def sizes(self):
        return os.fstat(1).st_size, os.fstat(2).st_size

    def flush(self):
        """Writes what Python and C still hold. The user may have replaced or closed the streams."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                pass
        self._libc.fflush(None)

    def report(self, call):
        """Tells the worker that what was printed since the last report belongs to a call, or to none (None)."""
        sizes = self.sizes()
        if sizes != self._reported:
            message = {"type": "printed", "call": call, "from": list(self._reported), "to": list(sizes)}
            self._channel.send_later(message)
            self._reported = sizes

    @property
    def is_full(self):
        return sum(self._reported) > MAX_KEPT_BYTES

    def truncate(self):
        """Empties both files, once the worker has read them."""
        os.ftruncate(1, 0)
        os.ftruncate(2, 0)
        self._reported = (0, 0)
