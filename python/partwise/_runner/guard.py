"""The guard: the parent process of a runner, which imports nothing but the standard library.

It reports the runner's memory, and kills the process group when the worker is gone or has not renewed the lease. A
thread of the runner could not do that: native code that keeps the interpreter's lock stops every thread.

As the parent it is invisible to the user's code, and it ends exactly as its child did.
"""

import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time

#: Connects the guard with the worker.
GUARD_FD = 4
#: Functions can fill memory at a gigabyte per second.
POLL_SECONDS = 0.05
#: A guard that slept longer was itself suspended, together with its worker: that time does not count.
MAX_STEP_SECONDS = 1.0
REPORT_CHANGE = 0.01


def run_guarded(worker_pid, main):
    """Runs `main` in a child process, and does not return."""
    child = os.fork()
    if child == 0:
        os.close(GUARD_FD)
        _die_with_parent()
        main()
        os._exit(0)
    for descriptor in (1, 2, 3, 5):
        os.close(descriptor)
    _Guard(worker_pid, child).watch()


def _die_with_parent():
    """Linux ends this process with the guard, whoever kills that."""
    if sys.platform != "linux":
        return
    import ctypes

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class _Guard:
    def __init__(self, worker_pid, child):
        self.worker_pid = worker_pid
        self.child = child
        self.socket = socket.socket(fileno=GUARD_FD)
        self.socket.setblocking(False)
        self.rest = b""
        self.reported = 0
        #: Seconds left of the lease, or None without one.
        self.left = None
        self.looked_at = time.monotonic()

    def watch(self):
        watched = [self.socket, *_ends_with(self.child)]
        while True:
            ready, _, _ = select.select(watched, [], [], POLL_SECONDS)
            if self.socket in ready:
                self._receive()
            self._check_lease()
            self._report()
            pid, status = os.waitpid(self.child, os.WNOHANG)
            if pid != 0:
                _end_as(status)

    def _receive(self):
        try:
            received = self.socket.recv(4096)
        except OSError:
            received = b""
        if received == b"":
            _kill_group()
        *lines, self.rest = (self.rest + received).split(b"\n")
        for line in lines:
            self.left = None if line == b"idle" else float(line) / 1000

    def _check_lease(self):
        # The runners of a lost worker do not keep running.
        if os.getppid() != self.worker_pid:
            _kill_group()
        now = time.monotonic()
        if self.left is not None:
            self.left -= min(now - self.looked_at, MAX_STEP_SECONDS)
            # Another worker may be running the partition by now.
            if self.left <= 0:
                _kill_group()
        self.looked_at = now

    def _report(self):
        resident = _resident_bytes(self.child)
        if resident is None or abs(resident - self.reported) <= self.reported * REPORT_CHANGE:
            return
        try:
            self.socket.send(b"%d\n" % resident)
            self.reported = resident
        except OSError:
            # The worker has not read the previous reports.
            pass


def _ends_with(pid):
    """Descriptors that become readable when the process ends, where the system has them."""
    try:
        return [os.pidfd_open(pid)]
    except (AttributeError, OSError):
        return []


def _resident_bytes(pid):
    try:
        with open(f"/proc/{pid}/statm", "rb") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except OSError:
        if sys.platform == "linux":
            return None
    try:
        shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True)
        return int(shown.stdout) * 1024
    except (OSError, ValueError):
        return None


def _kill_group():
    os.killpg(0, signal.SIGKILL)
    time.sleep(60)


def _end_as(status):
    """Ends this process like the child: the worker explains a death by the exit code or the signal."""
    if not os.WIFSIGNALED(status):
        os._exit(os.WEXITSTATUS(status))
    number = os.WTERMSIG(status)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    time.sleep(60)
