"""Errors of Partwise, and what is recorded of errors that functions raise."""

import linecache
import os
import traceback

TYPE_BYTES = 200
MESSAGE_BYTES = 1024
STACK_BYTES = 4096
MAX_CAUSES = 5
MAX_TEXT = 100_000


class PartwiseError(Exception):
    """The base of Partwise's own errors."""


class FunctionsFileError(Exception):
    """A functions file that cannot be used; the message is for its author."""


class NonRetryable(PartwiseError):
    """Raise this, or a subclass, when another attempt would fail in the same way."""

    non_retryable = True


class NoTerminal(NonRetryable):
    """A debugger or `input()` was called in a run."""


class ExpectationFailed(NonRetryable):
    """Raised by `context.expect`."""


class InvalidResult(NonRetryable):
    """The function returned something that a table cannot store."""


class InvalidArtifact(NonRetryable):
    """An artifact's name or value cannot be stored."""


class InvalidProgress(NonRetryable):
    """The progress given to `context.heartbeat` is not short JSON."""


class Aborted(BaseException):
    """Raised in a call that must end: not an Exception, so that `except Exception` does not stop it."""


#: Errors of the program, which every attempt would meet again.
PROGRAM_ERRORS = (
    NameError,
    SyntaxError,
    ImportError,
    TypeError,
    AttributeError,
    NotImplementedError,
    RecursionError,
)

_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


def describe_raised(error, non_retryable_types=()):
    """Returns what is recorded: `error`, `retryable` and `retryDelayMs`. Never raises.

    Reading an error may run the user's code, and an error of one partition must not affect others.
    """
    names = _names(error)
    return {
        "error": {
            "type": _cut(names[0], TYPE_BYTES),
            "message": _cut(_message(error), MESSAGE_BYTES),
            "stack": _stack(error),
        },
        "retryable": _is_retryable(error) and not any(name in non_retryable_types for name in names),
        "retryDelayMs": _delay_ms(error),
    }


def _names(error):
    """The names of the error's class and its base classes."""
    try:
        return [str(each.__name__) for each in type(error).__mro__]
    except BaseException:
        return ["Exception"]


def _text(error):
    try:
        text = str(error)
        return text[:MAX_TEXT] if isinstance(text, str) else ""
    except BaseException:
        return ""


def _peek(error, name):
    try:
        return getattr(error, name, None)
    except BaseException:
        return None


def _message(error):
    name = _names(error)[0]
    text = _text(error)
    if isinstance(error, KeyError) and len(error.args) == 1:
        text = f"there is no key {text}"
    message = text or f"{name} without a message"
    cause = _cause(error)
    for _ in range(MAX_CAUSES):
        if cause is None:
            break
        caused = _text(cause)
        if caused == "" or caused not in message:
            message += f" (caused by {_names(cause)[0]}: {caused})"
        cause = _cause(cause)
    return message


def _cause(error):
    cause = _peek(error, "__cause__")
    return cause if isinstance(cause, BaseException) else None


def _is_retryable(error):
    if _peek(error, "non_retryable") is True:
        return False
    if not isinstance(error, PROGRAM_ERRORS):
        return True
    # A library may wrap what the world did: a connection that broke, a file that is not there yet.
    around = [_peek(error, "__cause__"), _peek(error, "__context__")]
    return any(isinstance(each, OSError) for each in around)


def _delay_ms(error):
    delay = _peek(error, "next_retry_delay")
    try:
        seconds = delay.total_seconds() if hasattr(delay, "total_seconds") else float(delay)
    except BaseException:
        return None
    return seconds * 1000 if 0 <= seconds < float("inf") else None


def _stack(error):
    """Python's traceback without frames of Partwise and of the interpreter's start.

    Its last line counts most, so it is cut from the front.
    """
    try:
        shown = traceback.TracebackException.from_exception(error, limit=-50, lookup_lines=False)
        _leave_out_own(shown)
        text = "".join(shown.format()).rstrip("\n")
    except BaseException:
        return None
    if '  File "' not in text:
        return None
    data = text[-MAX_TEXT:].encode("utf-8", "replace")
    if len(data) <= STACK_BYTES:
        return data.decode("utf-8")
    return "…" + data[-(STACK_BYTES - 3) :].decode("utf-8", "ignore")


def _leave_out_own(shown):
    seen = set()
    while shown is not None and id(shown) not in seen:
        seen.add(id(shown))
        kept = [frame for frame in shown.stack if not _is_own(frame.filename)]
        shown.stack[:] = kept
        for frame in kept:
            linecache.getline(frame.filename, frame.lineno or 0)
        if shown.__context__ is not None:
            _leave_out_own(shown.__context__)
        shown = shown.__cause__


def _is_own(filename):
    return filename.startswith((_OWN_FOLDER, "<frozen "))


def _cut(text, size):
    data = text[: size + 1].encode("utf-8", "replace")
    if len(data) <= size:
        return data.decode("utf-8")
    return data[: size - 3].decode("utf-8", "ignore") + "…"
