"""Serves a worker: describes a functions file, or runs units, one at a time."""

import faulthandler
import gc
import io
import itertools
import math
import os
import queue
import resource
import signal
import sys
import threading

from .._code.pinned import load_functions_module
from .._define import functions_of
from .._errors import FunctionsFileError, NoTerminal, describe_raised
from .call_record import CALLS_FD, CallRecord
from .channel import CHANNEL_FD, Channel, value_of
from .control import UnitControl
from .output import Output
from .process_state import ProcessState

PROTOCOL_VERSION = 1
#: How often ended partitions and output of a long call are looked after.
TICK_SECONDS = 0.25
#: Address space for data that a runner may add to what it has after loading, in relation to its memory: also memory
#: that is never touched counts.
DATA_SHARE = 2


class Runner:
    def __init__(self, memory_bytes):
        self.memory_bytes = memory_bytes
        self.channel = Channel()
        self._output = Output(self.channel)
        self._calls = CallRecord()
        #: What only the main thread handles: descriptions and units.
        self._work = queue.SimpleQueue()
        self._replies = {}
        self._ids = itertools.count(1)
        self._files = itertools.count(1)
        self._control = None
        self._loop = None
        self._definitions = {}
        self._is_limited = False
        self._main = threading.main_thread().ident
        self._state = ProcessState(self._output)
        #: In a child process that the function has forked.
        self._is_child = False

    def serve(self):
        """Never returns."""
        # The worker's signals, not the terminal's, end a runner.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._say_where()
        sys.breakpointhook = _refuse_terminal
        sys.stdin = _NoInput()
        os.register_at_fork(after_in_child=self._leave)
        self.channel.send({"type": "ready", "protocol": PROTOCOL_VERSION})
        threading.Thread(target=self._read, name="partwise-reader", daemon=True).start()
        threading.Thread(target=self._watch, name="partwise-watch", daemon=True).start()
        while True:
            work = self._work.get()
            if work["type"] == "describe":
                self._describe(work["bundle"])
            else:
                self._run_unit(work["unit"], work["control"])

    def _say_where(self):
        """Writes the Python line to the call record on a crash of native code, and when the guard asks.

        Also while the interpreter's lock is held: these are handlers in C.
        """
        faulthandler.enable(file=CALLS_FD, all_threads=False)
        faulthandler.register(signal.SIGUSR1, file=CALLS_FD, all_threads=False, chain=False)

    def _leave(self):
        """In a forked child of the user's: two processes that write messages would garble them."""
        self._is_child = True
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (CHANNEL_FD, CALLS_FD):
            os.dup2(nothing, descriptor)
        os.close(nothing)

    # Called by the loop

    def send(self, message):
        """Sends all of a message: a function that is interrupted in the middle would garble the next one."""
        loop = self._loop
        if loop is None or threading.get_ident() != self._main:
            self.channel.send(message)
        else:
            loop.uninterrupted(lambda: self.channel.send(message))

    def ask(self, request):
        """Sends a request, and waits for its reply."""
        if self._is_child:
            raise RuntimeError(
                f"context cannot {request['type']} in a child process of the function. "
                "Return what the child has made, and use context in the function itself."
            )
        id = next(self._ids)
        reply = self._replies[id] = queue.SimpleQueue()
        self.send({**request, "id": id})
        try:
            answer = reply.get()
        except BaseException:
            # The call must end: the worker need not finish its query.
            self._replies.pop(id, None)
            if request["type"] in ("query", "rows", "heldOut"):
                self.channel.send({"type": "cancelQueries", "ids": [id]})
            raise
        return value_of(answer)

    def next_file(self):
        return next(self._files)

    def begin_call(self):
        # enforces I5
        self._state.restore()
        # What was printed since the last call belongs to none.
        self._output.report(None)
        if self._output.is_full:
            self.ask({"type": "readOutput"})
            self._output.truncate()
        self._calls.begin(self._output.sizes)

    def end_call(self, is_timed_out):
        self._output.flush()
        if self._is_child:
            # A child that the function has forked, and that returned from it.
            os._exit(0)
        self.channel.check()
        self._calls.check()
        self._calls.end()
        if is_timed_out:
            # The guard asked where it was, but the function has ended.
            self._calls.clear_where()
        self._output.report(self._calls.started - 1)

    # Main thread

    def _describe(self, bundle):
        try:
            found = functions_of(load_functions_module(bundle))
            functions = [_description(each) for each in found.values()]
            self._answer_description(functions, None)
        except BaseException as error:
            described = describe_raised(error)["error"]
            if isinstance(error, FunctionsFileError):
                described["type"] = "FunctionsFileError"
            self._answer_description([], described)

    def _answer_description(self, functions, error):
        self._output.flush()
        self.channel.send({"type": "functions", "functions": functions, "error": error})

    def _run_unit(self, unit, control):
        # Loaded with the first unit: describing functions needs no pyarrow.
        from .snapshot import SnapshotUnreadable
        from .unit_loop import UnitLoop

        try:
            self._state.before_loading()
            definition = self._definition(unit)
            # Libraries may have taken the signals.
            self._say_where()
            signal.signal(signal.SIGUSR2, self._on_interrupt)
            self._state.save()
            self._loop = UnitLoop(unit, definition, self, control)
            # After the rows' library has reserved what it keeps.
            self._limit_data()
            left = self._loop.run()
            self.channel.send({"type": "unitDone", "left": left, "reusable": True})
        except SnapshotUnreadable as error:
            self._fail_unit({"type": "SnapshotUnreadable", "message": str(error), "stack": None}, True)
        except BaseException as error:
            described = describe_raised(error)
            self._fail_unit(described["error"], described["retryable"])
        finally:
            self._loop = None

    def _fail_unit(self, error, retryable):
        self._output.report(None)
        self.channel.send({"type": "unitFailed", "error": error, "retryable": retryable})

    def _definition(self, unit):
        name, bundle = unit["function"]["name"], unit["bundle"]
        if bundle not in self._definitions:
            self._definitions[bundle] = functions_of(load_functions_module(bundle))
            # What is loaded stays: looking through it again and again would cost a tenth of a batch.
            gc.collect()
            gc.freeze()
        found = self._definitions[bundle]
        if name not in found:
            raise FunctionMissing(f'This worker has no function "{name}". It has: {", ".join(found)}.')
        return found[name]

    def _limit_data(self):
        """Makes a wild allocation a MemoryError, with the line, before it is a process that must be killed."""
        # Devices are mapped into a process in sizes that say nothing about its memory.
        if self._is_limited or sys.platform != "linux" or os.environ.get("CUDA_VISIBLE_DEVICES"):
            return
        self._is_limited = True
        with open("/proc/self/statm", "rb") as statm:
            data = int(statm.read().split()[5]) * resource.getpagesize()
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = data + DATA_SHARE * self.memory_bytes
        if most == resource.RLIM_INFINITY or wanted < most:
            resource.setrlimit(resource.RLIMIT_DATA, (wanted, most))

    def _on_interrupt(self, number, frame):
        loop = self._loop
        if loop is not None:
            loop.interrupt()

    # Other threads

    def _read(self):
        _leave_signals_to_main()
        while True:
            message = self.channel.receive()
            kind, control = message["type"], self._control
            if kind == "describe":
                self._work.put(message)
            elif kind == "unit":
                self._control = UnitControl()
                self._work.put({**message, "control": self._control})
            elif kind == "ping":
                self.channel.send({"type": "pong"})
            elif kind == "reply":
                waiting = self._replies.pop(message["id"], None)
                if waiting is not None:
                    waiting.put(message)
            elif kind == "drain" and control is not None:
                control.drain()
            elif kind == "abort" and control is not None and control.abort(message):
                # Wakes the main thread from whatever it waits for.
                signal.pthread_kill(self._main, signal.SIGUSR2)

    def _watch(self):
        _leave_signals_to_main()
        ticks = threading.Event()
        while True:
            ticks.wait(TICK_SECONDS)
            loop = self._loop
            if loop is not None:
                loop.tick()
            self.channel.flush()


class FunctionMissing(Exception):
    """The worker was started with other code. Another one may have the function."""


def _description(definition):
    described = {"name": definition.name, **_tagged(definition.settings)}
    return described if definition.model is None else {**described, "model": definition.model}


def _tagged(settings):
    """Settings as tagged values: JSON has no infinity."""
    tagged = {}
    for name, value in settings.items():
        if isinstance(value, float) and not math.isfinite(value):
            value = {"$": "number", "value": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
        elif isinstance(value, dict) and name != "output":
            value = _tagged(value)
        tagged[name] = value
    return tagged


def _leave_signals_to_main():
    """Where this thread is, is of no interest."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGUSR2})


def _refuse_terminal(*args, **kwargs):
    raise NoTerminal(
        "pdb and input() need a terminal, which a run does not have. Remove the breakpoint or the question, or call "
        "the function with partwise debug."
    )


class _NoInput(io.TextIOBase):
    """Standard input: whoever reads it waits for a person, as `pdb.set_trace()` and `input()` do."""

    readline = read = _refuse_terminal
