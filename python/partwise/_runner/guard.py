"""The guard: `python -I -S guard.py WORKER_PID MEMORY_BYTES [ZYGOTE_PID ZYGOTE_SOCKET ARCHIVE]`.

A small process that imports nothing but the standard library, watches one runner, and ends exactly as that did. It
reports the runner's memory, asks it where it is, and kills it when the worker is gone or has not renewed the lease.
A thread of the runner could not do that: native code that keeps the interpreter's lock stops every thread.

The runner is a child of the zygote, if there is one: a process that has imported the packages already. Else, and if
the zygote declines or does not answer, it is a new interpreter and a child of the guard.
"""

import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time

#: Connects the guard with the worker.
GUARD_FD = 4
#: What the runner inherits: its output, the channel and the call record.
RUNNER_FDS = (1, 2, 3, 5)
ENTRY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
#: Functions can fill memory at a gigabyte per second.
POLL_SECONDS = 0.05
#: A guard that slept longer was itself suspended, together with its worker: that time does not count.
MAX_STEP_SECONDS = 1.0
REPORT_CHANGE = 0.01
#: A zygote that takes longer is given up: it imports packages, which takes seconds on a busy machine.
ZYGOTE_SECONDS = 15.0
#: At most, for writing down the Python line of a runner that is over its memory, before it is stopped. On a busy
#: machine its main thread waits for a processor, and does not grow meanwhile.
WHERE_SECONDS = 0.5
#: The same where the system does not show whether the line is written, as on macOS.
UNSEEN_WHERE_SECONDS = 0.02


def main(worker_pid, memory_bytes, *zygote):
    runner = None
    if zygote:
        runner = _Prepared.of(*zygote)
    if runner is None:
        runner = _Started(memory_bytes)
    for descriptor in RUNNER_FDS:
        os.close(descriptor)
    _Guard(int(worker_pid), int(memory_bytes), runner).watch()


class _Started:
    """A runner in a new interpreter, in the guard's own process group."""

    def __init__(self, memory_bytes):
        arguments = [sys.executable, "-X", "utf8", ENTRY, str(os.getpid()), memory_bytes]
        self.pid = os.posix_spawn(
            sys.executable, arguments, os.environ, file_actions=[(os.POSIX_SPAWN_CLOSE, GUARD_FD)]
        )
        self.group = None
        try:
            self.watched = [os.pidfd_open(self.pid)]
        except (AttributeError, OSError):
            self.watched = []

    def status(self):
        """How it ended, as `waitpid` says, or None while it runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return None if pid == 0 else status


class _Prepared:
    """A runner forked by the zygote, which leads its own process group."""

    @classmethod
    def of(cls, zygote_pid, place, archive):
        """Returns None if the zygote does not answer, or declines."""
        until = time.monotonic() + ZYGOTE_SECONDS
        try:
            connection = _connected(int(zygote_pid), place, until)
            request = {
                "archive": archive,
                "memory": sys.argv[2],
                "cwd": os.getcwd(),
                "environment": dict(os.environ),
            }
            content = json.dumps(request).encode("ascii")
            socket.send_fds(connection, [struct.pack("<I", len(content))], RUNNER_FDS)
            connection.sendall(content)
            connection.settimeout(max(0.1, until - time.monotonic()))
            lines = connection.makefile("rb")
            pid = int(lines.readline())
            if pid == 0:
                return None
            connection.settimeout(None)
            return cls(pid, connection, lines)
        except (OSError, ValueError):
            # It hangs, is slow or has crashed. It takes no more runners, and keeps those that it has.
            try:
                os.kill(int(zygote_pid), signal.SIGTERM)
            except OSError:
                pass
            # One that hangs does not end: without this, every runner would wait for it.
            os.write(GUARD_FD, b"no zygote\n")
            return None

    def __init__(self, pid, connection, lines):
        self.pid = self.group = pid
        self.watched = [connection]
        self._lines = lines

    def status(self):
        ready, _, _ = select.select(self.watched, [], [], 0)
        if not ready:
            return None
        # Without a zygote, nobody knows how it ended; the zygote's end was its own.
        return int(self._lines.readline() or signal.SIGKILL)


def _connected(zygote_pid, place, until):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    while True:
        try:
            connection.connect(place)
            break
        except FileNotFoundError:
            # It is being started. One that refuses takes no more.
            os.kill(zygote_pid, 0)
            if time.monotonic() > until:
                raise
            time.sleep(0.005)
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if uid != os.getuid():
        raise ConnectionRefusedError("The socket belongs to another user.")
    return connection


class _Guard:
    def __init__(self, worker_pid, memory_bytes, runner):
        self.worker_pid = worker_pid
        self.memory_bytes = memory_bytes
        self.runner = runner
        self.socket = socket.socket(fileno=GUARD_FD)
        self.rest = b""
        self.reported = 0
        self.is_stopped = False
        #: Seconds left of the lease, or None without one.
        self.left = None
        self.looked_at = time.monotonic()

    def watch(self):
        if self.runner.group is not None:
            self.socket.sendall(b"group %d\n" % self.runner.group)
        self.socket.setblocking(False)
        watched = [self.socket, *self.runner.watched]
        while True:
            ready, _, _ = select.select(watched, [], [], POLL_SECONDS)
            if self.socket in ready:
                self._receive()
            self._check_lease()
            self._report()
            status = self.runner.status()
            if status is not None:
                _end_as(status)

    def _receive(self):
        try:
            received = self.socket.recv(4096)
        except OSError:
            received = b""
        if received == b"":
            self._kill_all()
        *lines, self.rest = (self.rest + received).split(b"\n")
        for line in lines:
            if line == b"where":
                self._ask_where()
            else:
                self.left = None if line == b"idle" else float(line) / 1000

    def _check_lease(self):
        # The runners of a lost worker do not keep running.
        if os.getppid() != self.worker_pid:
            self._kill_all()
        now = time.monotonic()
        if self.left is not None:
            self.left -= min(now - self.looked_at, MAX_STEP_SECONDS)
            # enforces I4: another worker may be running the partition by now.
            if self.left <= 0:
                self._kill_all()
        self.looked_at = now

    def _report(self):
        resident = _resident_bytes(self.runner.pid)
        if resident is None or abs(resident - self.reported) <= self.reported * REPORT_CHANGE:
            return
        if resident > self.memory_bytes and not self.is_stopped:
            # It does not grow until the worker kills it.
            self.is_stopped = True
            self._ask_where()
            self._await_where()
            self._signal(signal.SIGSTOP)
        try:
            self.socket.send(b"%d\n" % resident)
            self.reported = resident
        except OSError:
            # The worker has not read the previous reports.
            pass

    def _ask_where(self):
        """Asks the main thread, which runs the function; any other would say where it is itself.

        A signal to the process goes to another thread if the main one has not yet handled one before, such as that
        of an abort on a busy machine: 740 of 1,500 did, with six busy processes on two cores.
        """
        # Few guards ever ask.
        import ctypes

        try:
            ctypes.CDLL(None).tgkill(self.runner.pid, self.runner.pid, signal.SIGUSR1)
        except (AttributeError, OSError):
            # The C library does not have it (glibc has since 2.30).
            self._signal(signal.SIGUSR1)

    def _await_where(self):
        if sys.platform != "linux":
            # Nobody says when it has answered, and meanwhile it grows.
            time.sleep(UNSEEN_WHERE_SECONDS)
            return
        until = time.monotonic() + WHERE_SECONDS
        while time.monotonic() < until and _is_asked(self.runner.pid):
            time.sleep(0.001)

    def _signal(self, number):
        try:
            os.kill(self.runner.pid, number)
        except OSError:
            pass

    def _kill_all(self):
        if self.runner.group is not None:
            try:
                os.killpg(self.runner.group, signal.SIGKILL)
            except OSError:
                pass
        os.killpg(0, signal.SIGKILL)
        time.sleep(60)


def _is_asked(pid):
    """Whether the main thread has SIGUSR1 still to handle: pending, or blocked as in its handler."""
    bit = 1 << (signal.SIGUSR1 - 1)
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            masks = dict(line.split(b":", 1) for line in status)
        return any(int(masks[name], 16) & bit for name in (b"SigPnd", b"ShdPnd", b"SigBlk"))
    except (OSError, KeyError):
        # It has ended.
        return False


def _resident_bytes(pid):
    try:
        with open(f"/proc/{pid}/statm", "rb") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except OSError:
        if sys.platform == "linux":
            return None
    import subprocess

    try:
        shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True)
        return int(shown.stdout) * 1024
    except (OSError, ValueError):
        return None


def _end_as(status):
    """Ends this process like the runner: the worker explains a death by the exit code or the signal."""
    if not os.WIFSIGNALED(status):
        os._exit(os.WEXITSTATUS(status))
    number = os.WTERMSIG(status)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    time.sleep(60)


if __name__ == "__main__":
    main(*sys.argv[1:])
