"""The zygote: `python zygote.py SOCKET`. A worker has one; Linux only.

It imports the packages of functions files once, and forks a runner for each guard that asks for one: that takes
milliseconds, and importing pandas takes a second. It never runs the user's code, so what it has in memory is the same
for every runner. It ends with its worker, and its runners end with it.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import warnings

#: Packages that may be imported before a fork. Not torch, tensorflow or jax: they start threads and open devices.
SAFE_PACKAGES = frozenset(
    ("numpy", "pandas", "pyarrow", "scipy", "sklearn", "statsmodels", "polars", "duckdb", "lightgbm", "xgboost")
)
#: What rows are converted with, which functions need not import themselves.
CONVERSIONS = {b"to_pandas": "pandas", b"to_polars": "polars", b"to_arrow": "pyarrow"}
#: The answer to a guard, instead of a pid, that it starts an interpreter itself.
NO_FORK = b"0\n"
#: A guard writes its request at once.
REQUEST_SECONDS = 2.0


def main(place):
    # Instead of this file's folder, whose modules would hide others of the same name.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Under its own name only once it listens, so a connection that is refused means that it has closed.
    listener.bind(f"{place}.new")
    listener.listen(256)
    os.rename(f"{place}.new", place)
    # Ctrl-C in a terminal is for the worker, which ends its runners.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _import("partwise._runner.unit_loop")
    _import("partwise._runner.runner")
    request = _Zygote(listener, place).wait()
    # In a forked runner.
    from partwise._runner.runner import Runner

    Runner(int(request["memory"])).serve()


class _Zygote:
    def __init__(self, listener, place):
        self.pid = os.getpid()
        self.place = place
        self.listener = listener
        #: Guards by the pid of their runner.
        self.guards = {}
        #: Names of the user's own modules, by archive.
        self.archives = {}
        self.ended, wake = os.pipe()
        for descriptor in (self.ended, wake):
            os.set_blocking(descriptor, False)
        self.wake = wake
        self.is_closing = False
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, self._close)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def wait(self):
        """Forks runners. Returns a guard's request in each of them, and never in the zygote."""
        while True:
            if self.is_closing:
                self.listener.close()
                if not self.guards:
                    self._remove_place()
                    os._exit(0)
            watched = [0, self.ended, *self.guards.values()]
            if not self.is_closing:
                watched.append(self.listener)
            ready, _, _ = select.select(watched, [], [])
            if 0 in ready and os.read(0, 1) == b"":
                # The worker is gone.
                for pid in self.guards:
                    _kill(pid)
                self._remove_place()
                os._exit(0)
            if self.ended in ready:
                os.read(self.ended, 4096)
                self._reap()
            for pid, guard in list(self.guards.items()):
                # A guard sends nothing after its request.
                if guard in ready and self.guards.get(pid) is guard:
                    _kill(pid)
            if self.listener in ready and not self.is_closing:
                request = self._accept()
                if request is not None:
                    return request

    def _close(self, number, frame):
        """Takes no more runners, and ends with the last one."""
        self.is_closing = True

    def _remove_place(self):
        try:
            os.remove(self.place)
            os.rmdir(os.path.dirname(self.place))
        except OSError:
            # The worker has removed it.
            pass

    def _reap(self):
        for pid, guard in list(self.guards.items()):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            # What it has started ends too, and before its pid is free for another process.
            _kill(pid)
            _, status = os.waitpid(pid, 0)
            del self.guards[pid]
            try:
                guard.sendall(b"%d\n" % status)
            except OSError:
                pass
            guard.close()

    def _accept(self):
        guard, _ = self.listener.accept()
        descriptors = []
        try:
            _, uid, _ = struct.unpack("3i", guard.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            if uid != os.getuid():
                raise PermissionError
            guard.settimeout(REQUEST_SECONDS)
            length, descriptors, _, _ = socket.recv_fds(guard, 4, 4)
            request = json.loads(_exactly(guard, struct.unpack("<I", length)[0]))
            self._import_packages(request["archive"])
            if not self.archives[request["archive"]].isdisjoint(sys.modules):
                # A package of the same name is loaded here: in a new interpreter, the user's module comes first.
                guard.sendall(NO_FORK)
                guard.close()
                return None
            with warnings.catch_warnings():
                # Python 3.12 warns of every fork next to a library's thread.
                warnings.simplefilter("ignore")
                pid = os.fork()
        except (OSError, ValueError, struct.error):
            guard.close()
            return None
        finally:
            if os.getpid() == self.pid:
                for descriptor in descriptors:
                    os.close(descriptor)
        if pid == 0:
            self._become(request, guard, descriptors)
            return request
        self.guards[pid] = guard
        return None

    def _import_packages(self, archive):
        if archive in self.archives:
            return
        self.archives[archive] = frozenset()
        try:
            self.archives[archive], names = modules_of(archive)
        except Exception:
            # All runners would end with the zygote. What is wrong is reported when the functions file is loaded.
            return
        for name in names:
            _import(name)
        # What is loaded is shared: looking through it would copy its pages into every runner.
        gc.collect()
        gc.freeze()

    def _become(self, request, guard, descriptors):
        """Makes this forked process what `__main__` would be."""
        from partwise._runner.parent import end_with_parent

        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        end_with_parent(self.pid)
        for number in (self.ended, self.wake):
            os.close(number)
        for other in self.guards.values():
            other.close()
        self.listener.close()
        guard.settimeout(REQUEST_SECONDS)
        guard.sendall(b"%d\n" % os.getpid())
        guard.close()
        # First out of the way of the numbers that they get.
        moved = [_above(each) for each in descriptors]
        for descriptor, number in zip(moved, (1, 2, 3, 5)):
            os.dup2(descriptor, number)
            os.close(descriptor)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["cwd"])
        if "numpy.random" in sys.modules:
            # Otherwise all runners would draw the same numbers. Python's own `random` does it itself.
            sys.modules["numpy.random"].seed()


def modules_of(archive):
    """The names of the user's modules in an archive, and the modules of safe packages that they import.

    Nothing is executed.
    """
    import ast
    import zipfile

    from partwise._code.archive import imports
    from partwise._code.pinned import own_modules

    found = {}
    with zipfile.ZipFile(archive) as opened:
        sources = {name: opened.read(name) for name in opened.namelist() if name.endswith(".py")}
    for name, source in sources.items():
        try:
            modules = list(imports(ast.parse(source), name))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            # Its import may fail.
            continue
        found.update(dict.fromkeys(modules))
        found.update((package, None) for word, package in CONVERSIONS.items() if word in source)
    own = frozenset(name.split(".")[0] for name in own_modules(sources))
    return own, [each for each in found if each.split(".")[0] in SAFE_PACKAGES - own]


def _import(name):
    try:
        importlib.import_module(name)
    except Exception:
        # `from a import b`: b may be a value. What is really missing is reported when the functions file is loaded.
        pass


def _exactly(connection, count):
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if part == b"":
            raise OSError("The guard has ended.")
        parts += part
    return bytes(parts)


def _above(descriptor):
    import fcntl

    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved


def _kill(pid):
    """Kills a runner and its process group, which it may not lead yet."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            pass


if __name__ == "__main__":
    main(sys.argv[1])
