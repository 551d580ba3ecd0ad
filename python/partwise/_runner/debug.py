"""Calls a function on one partition in the terminal, for `partwise debug`: `python debug.py [--pdb]`.

It has the terminal and its Ctrl-C, no guard, no limits and no threads of its own, so `breakpoint()` and pdb work as in
a script. The unit comes over descriptor 3, and what the function asks for is answered there.
"""

import bdb
import dataclasses
import inspect
import itertools
import os
import socket
import sys

#: debugpy's own port, and how many more are tried.
PORT = 5678
PORTS = 100


def main(is_post_mortem):
    # Instead of this file's folder, whose modules would hide others of the same name.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from partwise._code.pinned import load_functions_module
    from partwise._define import functions_of
    from partwise._errors import describe_raised
    from partwise._runner.channel import Channel
    from partwise._runner.control import UnitControl
    from partwise._runner.unit_loop import UnitLoop

    channel = Channel()
    unit = channel.receive()["unit"]
    try:
        debugger = _debugpy() if unit.get("pause") else None
        definition = functions_of(load_functions_module(unit["bundle"]))[unit["function"]["name"]]
        call = _watched(definition.call, debugger, is_post_mortem)
        definition = dataclasses.replace(definition, call=call)
        left = UnitLoop(unit, definition, _Terminal(channel), UnitControl()).run()
        channel.send({"type": "unitDone", "left": left, "reusable": False})
    except BaseException as error:
        described = describe_raised(error)
        channel.send({"type": "unitFailed", "error": described["error"], "retryable": False})


class DebuggerMissing(Exception):
    """debugpy is not installed."""


def _watched(function, debugger, is_post_mortem):
    def call(data, context):
        if debugger is not None:
            _stop_in(function, debugger)
        try:
            return function(data, context)
        except bdb.BdbQuit:
            raise bdb.BdbQuit("The debugger was quit.") from None
        except KeyboardInterrupt as error:
            error.args = error.args or ("Ctrl-C was pressed.",)
            raise
        except Exception as error:
            if is_post_mortem:
                import pdb
                import traceback

                traceback.print_exception(type(error), error, error.__traceback__.tb_next)
                pdb.post_mortem(error.__traceback__.tb_next)
            raise

    return call


def _debugpy():
    """Waits until an editor has attached."""
    try:
        import debugpy
    except ImportError:
        raise DebuggerMissing(
            f"--inspect needs the package debugpy, and {sys.executable} has none: "
            f"run `{sys.executable} -m pip install debugpy`, or call breakpoint() in the function and omit --inspect."
        ) from None
    port = next(each for each in range(PORT, PORT + PORTS) if _is_free(each))
    debugpy.listen(("127.0.0.1", port))
    print(
        f'Waiting for a debugger at 127.0.0.1:{port} (debugpy; "Python: Remote Attach" in an editor).', file=sys.stderr
    )
    debugpy.wait_for_client()
    return debugpy


def _is_free(port):
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _stop_in(function, debugger):
    """Stops at the first line of the function, which no breakpoint needs to be set for."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        debugger.breakpoint()
        return

    def trace(frame, event, argument):
        if event == "call" and frame.f_code is code:
            import pydevd

            sys.setprofile(None)
            pydevd.settrace(suspend=True, trace_only_current_thread=True, stop_at_frame=frame)

    sys.setprofile(trace)


class _Terminal:
    """What a loop asks of its worker."""

    memory_bytes = 0

    def __init__(self, channel):
        self.channel = channel
        self._ids = itertools.count(1)
        self._files = itertools.count(1)

    def send(self, message):
        self.channel.send(message)

    def ask(self, request):
        from partwise._runner.channel import value_of

        id = next(self._ids)
        self.channel.send({**request, "id": id})
        while True:
            answer = self.channel.receive()
            if answer["type"] == "reply" and answer["id"] == id:
                break
        return value_of(answer)

    def next_file(self):
        return next(self._files)

    def begin_call(self):
        pass

    def end_call(self, is_timed_out):
        sys.stdout.flush()


if __name__ == "__main__":
    main("--pdb" in sys.argv[1:])
