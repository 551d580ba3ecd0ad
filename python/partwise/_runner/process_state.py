"""What belongs to the process and a function may change, so that the next partition would see it.

Before each call these have their values after the functions file was loaded: the working directory, the environment,
umask, locale, warnings filters, signal handlers and timers, `sys.stdin`, `sys.stdout` and `sys.stderr`, descriptors 1
and 2. Modules and globals are shared.

Random numbers: if the functions file seeds `random` or `numpy.random` while it is loaded, every call starts from that
seed. After a function that has seeded them they are seeded anew, from the system.
"""

import faulthandler
import os
import random
import signal
import sys
import warnings

# Ten times as fast as `signal` and `locale`, which make enumerations and tuples of what these return.
from _locale import LC_ALL, setlocale
from _signal import getsignal

#: The signals that functions and libraries handle. SIGSEGV and the like are faulthandler's.
_SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGALRM,
    signal.SIGCHLD,
    signal.SIGPIPE,
    signal.SIGUSR1,
    signal.SIGUSR2,
)


class ProcessState:
    def __init__(self, output):
        self._output = output
        self._generators = []
        self._saved = None

    def before_loading(self):
        """Called before the functions file is imported, whose seeds count."""
        if self._saved is None:
            self._generators = [_Generator(random, random.seed, random.getstate, random.setstate)]
            if "numpy.random" in sys.modules:
                numpy = sys.modules["numpy.random"]
                self._generators.append(_Generator(numpy, numpy.seed, numpy.get_state, numpy.set_state))

    def save(self):
        """Saves the state, once: a process runs the functions of one file."""
        if self._saved is not None:
            return
        for generator in self._generators:
            generator.save()
        self._stdin = sys.stdin
        self._streams = (sys.stdout, sys.stderr)
        self._environ = os.environ
        umask = os.umask(0)
        os.umask(umask)
        self._saved = {
            "folder": _folder(),
            "umask": umask,
            "environment": dict(os.environ._data),
            "locale": setlocale(LC_ALL, None),
            "filters": list(warnings.filters),
            "handlers": [getsignal(number) for number in _SIGNALS],
        }
        self._handlers = [*map(id, self._saved["handlers"])]

    def restore(self):
        """Undoes what the last call has changed. Looks before it writes: it runs for every partition."""
        saved = self._saved
        os.umask(saved["umask"])
        folder = saved["folder"]
        if folder is not None and _folder() != folder:
            try:
                os.chdir(folder)
            except OSError:
                # It has been removed meanwhile, for all processes.
                pass
        self._restore_environment(saved["environment"])
        if setlocale(LC_ALL, None) != saved["locale"]:
            setlocale(LC_ALL, saved["locale"])
        if warnings.filters != saved["filters"]:
            warnings.filters[:] = saved["filters"]
            # Registries remember what the other filters decided.
            warnings.filterwarnings("default", append=True)
            warnings.filters[:] = saved["filters"]
        signal.setitimer(signal.ITIMER_REAL, 0)
        # By identity: functions have handlers of their own.
        if [*map(id, map(getsignal, _SIGNALS))] != self._handlers:
            for number, handler in zip(_SIGNALS, saved["handlers"]):
                if getsignal(number) is not handler:
                    self._restore_handler(number, handler)
        self._output.restore()
        self._restore_streams()
        for generator in self._generators:
            generator.restore()

    def _restore_environment(self, saved):
        if os.environ is not self._environ:
            os.environ = self._environ  # noqa: B003 (the original, and what it holds is restored next)
        environment = os.environ._data
        if environment == saved:
            return
        for name in [name for name in environment if name not in saved]:
            del os.environ[os.environ.decodekey(name)]
        for name, value in saved.items():
            if environment.get(name) != value:
                os.environ[os.environ.decodekey(name)] = os.environ.decodevalue(value)

    def _restore_handler(self, number, handler):
        if number == signal.SIGUSR1:
            from .call_record import CALLS_FD

            signal.signal(number, signal.SIG_DFL)
            faulthandler.unregister(number)
            faulthandler.register(number, file=CALLS_FD, all_threads=False, chain=False)
        elif handler is not None:
            # None: it was not set from Python.
            signal.signal(number, handler)

    def _restore_streams(self):
        sys.stdin = self._stdin
        if sys.stdout is not self._streams[0] or sys.stderr is not self._streams[1]:
            sys.stdout, sys.stderr = self._streams
        if sys.stdout is not None and sys.stdout.closed or sys.stderr is not None and sys.stderr.closed:
            self._streams = tuple(_opened(number) for number in (1, 2))
            sys.stdout, sys.stderr = self._streams


class _Generator:
    """The random numbers of a module: `seed` of the module is replaced, to know when it was called."""

    def __init__(self, module, seed, get_state, set_state):
        self._seed = seed
        self._get_state = get_state
        self._set_state = set_state
        self._is_seeded = False
        self._loaded = None

        def noted(*args, **options):
            self._is_seeded = True
            return seed(*args, **options)

        noted.__name__, noted.__doc__ = "seed", seed.__doc__
        module.seed = noted

    def save(self):
        self._loaded = self._get_state() if self._is_seeded else None
        self._is_seeded = False

    def restore(self):
        if self._loaded is not None:
            self._set_state(self._loaded)
        elif self._is_seeded:
            self._seed()
            self._is_seeded = False


def _folder():
    try:
        return os.getcwd()
    except OSError:
        return None


def _opened(number):
    return open(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
