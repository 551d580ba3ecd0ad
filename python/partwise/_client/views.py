"""What the host answers, with Python's names for attributes."""

import enum
import re


class View(dict):
    """JSON of the library whose fields are attributes too: `state.ended_at` is `state["endedAt"]`."""

    def __getattr__(self, name):
        key = re.sub(r"_([a-z])", lambda match: match.group(1).upper(), name)
        try:
            value = self[key]
        except KeyError:
            raise AttributeError(f"There is no {name}; there is {', '.join(self)}.") from None
        return view(value)


def view(value):
    if isinstance(value, dict):
        return View(value)
    return [view(each) for each in value] if isinstance(value, list) else value


class _Status(str, enum.Enum):
    """Equal to its text: `run.status == "SUCCESS"`. f-strings print the same on every version of Python."""

    __str__ = enum.Enum.__str__

    def __format__(self, spec):
        return format(str(self), spec)


class RunStatus(_Status):
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESS = "SUCCESS"
    #: Ended within the tolerated failures.
    PARTIAL_FAILURE = "PARTIAL_FAILURE"
    FAILURE = "FAILURE"
    CANCELLED = "CANCELLED"


class PartitionStatus(_Status):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    #: Ran out of memory or time, was killed, or lost its worker.
    INTERNAL_ERROR = "INTERNAL_ERROR"
    SKIPPED = "SKIPPED"
