"""Handles of a run, its partitions and their artifacts."""

import os
import pickle
import tempfile

from .inputs import changes_of
from .progress import Progress
from .views import PartitionStatus, RunStatus, view

_PAGE = 1_000


class Run:
    """A run, running or ended. Every method asks the host."""

    def __init__(self, host, run_id, execution=None):
        self._host = host
        self.run_id = run_id
        #: Temporal's run id of the execution that was started; None: whichever is the run's current one.
        self.execution = execution

    def __repr__(self):
        return f"<Run {self.run_id}>"

    def _of_run(self, operation, on_event=None, **params):
        return self._host.ask(operation, self._params(params), on_event)

    def _params(self, others):
        return {"run": self.run_id, "execution": self.execution, **others}

    def wait(self, show_progress=False, timeout=None):
        """Waits for the end and returns the final state, whatever the status.

        `timeout` is in seconds: after that, raises `WaitTimeout`, and the run continues; so it does after Ctrl-C.
        """
        progress = Progress() if show_progress else None
        params = {} if timeout is None else {"timeoutMs": timeout * 1000}
        try:
            return view(self._of_run("wait", progress.show if progress else None, **params))
        finally:
            if progress is not None:
                progress.close()

    def state(self):
        """The state now: `status`, `counts`, `error`, `started_at`, …, as `partwise status --json` prints it."""
        return view(self._of_run("status"))

    @property
    def status(self):
        return RunStatus(self.state().status)

    def partitions(self, status=None):
        """Iterates over the partitions in the order of their keys, read by pages."""
        after = {}
        while True:
            page = self._of_run("partitions", status=status, limit=_PAGE, **after)
            for each in page["partitions"]:
                yield Partition(self._of_run, self.run_id, each["id"], view(each))
            if page["next"] is None:
                return
            after = {"after": page["next"]}

    def partition(self, id):
        """One partition by its id. Raises `NoSuchPartition`."""
        return Partition(self._of_run, self.run_id, id, view(self._of_run("partition", partition=id)))

    def failures(self):
        """The failed partitions in groups of one cause, largest first.

        `group.failed_with` is for `retry(failed_with=…)`; `group.ordinals` is text such as `"3,7-9"`.
        """
        return view(self._of_run("failures"))

    def compare(self, other, examples=20):
        """How this run (a) and another (b) differ, partition by partition, and what has changed.

        Either may be an execution: `partwise.run(run_id, execution=1)`. `examples` is how many partitions are listed.
        Raises `CannotCompare` if a run has not been planned, or if their key columns differ.
        """
        others = {"other": other.run_id, "otherExecution": other.execution, "examples": examples}
        return view(self._of_run("compare", **others))

    def results(self, to="pandas"):
        """The rows that the functions returned, of all partitions, key columns first.

        `to` is `"pandas"`, `"arrow"`, `"polars"` or `"rows"` (dictionaries). Types are those of `data_connector`.
        """
        if to not in _FORMS:
            raise ValueError(f"to is {to!r}; use one of {', '.join(map(repr, _FORMS))}.")
        from .._data import DataConnector
        from .._runner.file_rows import FileRows

        with tempfile.TemporaryDirectory(prefix="partwise-") as folder:
            path = os.path.join(folder, "results.parquet")
            columns = self._of_run("saveResults", file=path)["columns"]
            return _FORMS[to](DataConnector(FileRows(path, columns), columns))

    def logs(self, partition=None):
        """Iterates over the lines that the functions printed, as `at`, `partition`, `attempt`, `stream`, `text`."""
        for line in self._host.events("logs", self._params({"partition": partition})):
            yield view(line)

    def cancel(self):
        """Asks the run to end. What is done keeps its results, logs and artifacts; `wait` waits for the end."""
        self._of_run("cancel")

    def pause(self):
        """No partition is started until `unpause`; those that are running finish."""
        self._of_run("pause")

    def unpause(self):
        self._of_run("unpause")

    def set(self, *, max_concurrency=None, tolerated_failures=None):
        """Changes settings of a run in progress."""
        self._of_run("set", maxConcurrency=max_concurrency, toleratedFailures=tolerated_failures)

    def skip(self, *partitions, ordinals=None, generation=None):
        """Skips partitions that have not ended, by id or by number (`ordinals="3,7-9"`): all of them, or none."""
        self._of_run("skip", **_selection(partitions, ordinals, generation))

    def preview_skip(self, *partitions, ordinals=None, generation=None):
        """What `skip` would skip, as `partitions` (a number) and `ordinals` (`"3,7-9"`). Changes nothing."""
        return view(self._of_run("previewSkip", **_selection(partitions, ordinals, generation)))

    def retry(self, **changes):
        """Runs the partitions that are not DONE again, on the same rows.

        Some of them: `only=[…]` by id, `failed_with="RateLimited"` by cause, `ordinals="3,7-9"` by number.
        """
        started = self._of_run("retry", changes=changes_of(changes))
        return Run(self._host, started["run"], started["execution"])

    def preview_retry(self, **changes):
        """What `retry` would run, as `partitions` (a number) and `ordinals` (`"3,7-9"`). Starts nothing."""
        return view(self._of_run("previewRetry", changes=changes_of(changes)))


def _selection(partitions, ordinals, generation):
    if bool(partitions) == (ordinals is not None):
        raise TypeError("Name the partitions to skip, or select them by number with ordinals=, but not both.")
    return {"partitions": list(partitions)} if partitions else {"ordinals": ordinals, "generation": generation}


_FORMS = {
    "pandas": lambda data: data.to_pandas(),
    "arrow": lambda data: data.to_arrow(),
    "polars": lambda data: data.to_polars(),
    "rows": lambda data: data.rows(),
}


class Partition:
    """One partition of a run, as it was when it was read."""

    def __init__(self, of_run, run_id, id, seen):
        self._of_run = of_run
        self.run_id = run_id
        self.id = id
        self._seen = seen
        self.artifacts = Artifacts(self._of_partition)

    def __repr__(self):
        return f"<Partition {self.id} of {self.run_id}: {self._seen.status}>"

    def _of_partition(self, operation, **params):
        return self._of_run(operation, partition=self.id, **params)

    @property
    def key(self):
        return self._seen["key"]

    @property
    def status(self):
        return PartitionStatus(self._seen.status)

    @property
    def attempts(self):
        return self._seen.attempts

    @property
    def error(self):
        """`type`, `message` and `stack` of what it failed with, or None."""
        return self._seen.error

    @property
    def logs(self):
        """What it printed, as one text, of all attempts."""
        return "".join(f"{line['text']}\n" for line in self._of_partition("partitionLogs"))

    def log_page(self, **page):
        """Some `lines` of its log, without reading the rest: the end of it, unless `after=` or `before=` a position.

        `limit=`, `search=`, `stream=`, `attempt=` and `execution=` select lines; `previous` and `next` of the answer
        are positions for the pages before and after it.
        """
        return view(self._of_partition("partitionLogPage", page=page))


class Artifacts:
    """What a partition uploaded."""

    def __init__(self, of_partition):
        self._of_partition = of_partition

    def list(self):
        """Their names."""
        return [each["name"] for each in self._of_partition("artifacts")]

    def download(self, name, local_dir):
        """Writes an artifact to a folder, and returns the file's path."""
        folder = os.path.abspath(local_dir)
        os.makedirs(folder, exist_ok=True)
        return self._of_partition("downloadArtifact", name=name, folder=folder)["file"]

    def get(self, name, read_function=None):
        """What `read_function(path)` reads from an artifact; by default, it is unpickled as DPF does."""
        with tempfile.TemporaryDirectory(prefix="partwise-") as folder:
            path = self.download(name, folder)
            if read_function is not None:
                return read_function(path)
            with open(path, "rb") as file:
                return pickle.load(file)
