"""Messages between the runner and its worker, on descriptor 3 (docs/runner-protocol.md)."""

import json
import os
import socket
import struct
import threading

CHANNEL_FD = 3
#: Exit code of a runner whose descriptors were closed or replaced (docs/runner-protocol.md).
CLOSED_EXIT_CODE = 95
_LENGTHS = struct.Struct("<II")


class OwnDescriptor:
    """One of the runner's descriptors, which functions can close, and open files of their own under its number."""

    def __init__(self, number):
        self._number = number
        self._identity = identity_of(number)

    def check(self):
        """Ends the process if it is another one: what is written to it would go into a file of the user's."""
        if identity_of(self._number) != self._identity:
            os._exit(CLOSED_EXIT_CODE)


def identity_of(descriptor):
    """What is open under a descriptor, or None."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


class Channel:
    """Sends and receives messages. Any thread may send; one receives."""

    def __init__(self):
        self._descriptor = OwnDescriptor(CHANNEL_FD)
        self._socket = socket.socket(fileno=CHANNEL_FD)
        self._lock = threading.RLock()
        #: Messages that wait for the next one.
        self._delayed = []

    def send(self, message, body=b""):
        """Sends delayed messages, then this one."""
        encoded = _encode(message, body)
        with self._lock:
            self._delayed.append(encoded)
            self.flush()

    def send_later(self, message):
        """Sends with the next message, or when `flush` is called: for what the worker can wait for."""
        encoded = _encode(message, b"")
        with self._lock:
            self._delayed.append(encoded)

    def flush(self):
        with self._lock:
            if self._delayed:
                self._descriptor.check()
                self._socket.sendall(b"".join(self._delayed))
                self._delayed.clear()

    def check(self):
        self._descriptor.check()

    def receive(self):
        """Returns the next message. Ends the process when the worker has closed the channel."""
        self._descriptor.check()
        header, body = _LENGTHS.unpack(self._exactly(_LENGTHS.size))
        message = json.loads(self._exactly(header))
        if body > 0:
            self._exactly(body)
        return message

    def _exactly(self, count):
        parts = bytearray()
        while len(parts) < count:
            try:
                part = self._socket.recv(min(count - len(parts), 1 << 20))
            except OSError:
                part = b""
            if part == b"":
                os._exit(0)
            parts += part
        return bytes(parts)


class WorkerError(Exception):
    """The worker could not do what a context asked for."""


def value_of(reply):
    """The value of a `reply`. Raises an error with the name that the worker gives it."""
    if "error" not in reply:
        return reply.get("value")
    error = reply["error"]
    raised = type(error["type"], (WorkerError,), {})(error["message"])
    raised.non_retryable = error.get("nonRetryable", False)
    raise raised


def _encode(message, body):
    # ASCII, so a lone surrogate of the user's text is escaped and not refused.
    header = json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii")
    return _LENGTHS.pack(len(header), len(body)) + header + body
