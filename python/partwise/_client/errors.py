"""Errors that the library reports, by the names of its classes."""

from .._errors import PartwiseError


class StartRefused(PartwiseError):
    """A run was not started: `problems` has every reason. Nothing was started.

    `reason` is `"InvalidInput"`, `"RunExists"`, or another of the library's.
    """

    problems = ()
    reason = None

    def naming(self, path, name):
        """The same about something that the program knows by another name."""
        renamed = StartRefused(str(self).replace(f'"{path}"', name))
        renamed.problems = tuple(problem.replace(f'"{path}"', name) for problem in self.problems)
        renamed.reason = self.reason
        return renamed


class NoSuchRun(PartwiseError):
    """There is no run with this id."""


class NoSuchPartition(PartwiseError, KeyError):
    """The run has no partition with this id."""

    # KeyError would show its message in quotes.
    __str__ = PartwiseError.__str__


class NoSuchArtifact(PartwiseError):
    """The partition has no artifact with this name."""


class NoResults(PartwiseError):
    """The run has no rows, because it was not planned."""


class RunEnded(PartwiseError):
    """The run has ended, so there is nothing left to change."""


class UpdateRefused(PartwiseError):
    """A run in progress refused a change."""


class CannotCompare(PartwiseError):
    """Two runs cannot be compared: one has not been planned, or their key columns differ."""


class WaitTimeout(PartwiseError, TimeoutError):
    """The run did not end in time. It continues."""


class HostError(PartwiseError):
    """The Node side of Partwise was not found, could not be started, or ended."""


_BY_NAME = {
    error.__name__: error
    for error in (
        StartRefused,
        NoSuchRun,
        NoSuchPartition,
        NoSuchArtifact,
        NoResults,
        RunEnded,
        UpdateRefused,
        CannotCompare,
        WaitTimeout,
    )
}


def raised(answered):
    """The exception for an error that the host answered with: `{"type", "message", "problems"}`."""
    known = _BY_NAME.get(answered["type"])
    if known is None:
        # One class for each name, so that programs can tell them apart.
        known = _BY_NAME[answered["type"]] = type(str(answered["type"]), (PartwiseError,), {})
    error = known(answered["message"])
    if "problems" in answered:
        error.problems = tuple(answered["problems"])
        error.reason = answered.get("reason")
    return error
