"""Snowflake's distributed partition functions (DPF) on Partwise: change the import lines, and the code runs here.

::

    from partwise.dpf import DPF, DPFRun, ExecutionOptions, PartitionContext, PartitionStatus, RunStatus

    dpf = DPF(process_sales_data, "analytics_stage")
    run = dpf.run(partition_by="region", snowpark_dataframe="sales.csv", run_id="regional_2024")
    run.wait()
    for region, details in run.partition_details.items():
        print(region, details.status, details.logs)

What differs from Snowflake's is in docs/from-snowflake.md.
"""

import os
import re
import warnings
from collections.abc import ItemsView, Mapping, ValuesView
from dataclasses import dataclass
from typing import Optional
from urllib.parse import quote

from ._client.errors import NoSuchPartition, NoSuchRun, StartRefused
from ._client.views import PartitionStatus, RunStatus
from ._context import PartitionContext, dpf_partition_id
from ._define import Definition, attach, sendable_name
from ._snowflake_names import with_snowflake_names

__all__ = [
    "DPF",
    "DPFRun",
    "ExecutionOptions",
    "PartitionContext",
    "PartitionStatus",
    "RunStatus",
    "scale_cluster",
]


@dataclass
class ExecutionOptions:
    """How a run is executed.

    - `num_cpus_per_worker`: CPUs of one call: the threads of its libraries, and so how many calls a machine runs.
    - `num_gpus_per_worker`: GPUs of one call, also a share of one.
    - `max_retries`: further calls after a bad end. Default: 2.
    - `fail_fast`: whether the first failed partition ends the run.
    - `loading_wh`: on Snowflake, the warehouse that reads the rows.
    - `use_head_node`: ignored, with a warning: workers are chosen by their task queue.
    """

    use_head_node: Optional[bool] = None
    loading_wh: Optional[str] = None
    num_cpus_per_worker: Optional[int] = None
    num_gpus_per_worker: Optional[float] = None
    max_retries: int = 2
    fail_fast: bool = False


class DPF:
    """A function for each partition of a table, and the stage that keeps what it makes.

    `stage_name` is a folder of that name in the project's stage. If that is a stage on Snowflake, it is the stage of
    that name in the same schema. A path with a slash, and `@…` and `s3://…`, are taken as they are. `project` is the
    project's folder.
    """

    def __init__(self, func, stage_name, project=None):
        if not callable(func):
            raise TypeError(f"DPF: func is {func!r}. Pass a function with the parameters data_connector and context.")
        self._func = func
        self._stage_name = stage_name
        self._project = project

    def run(
        self,
        partition_by,
        snowpark_dataframe,
        run_id,
        on_existing_artifacts="error",
        execution_options=None,
    ):
        """Starts a run for each value of `partition_by`, a column or a list of columns, and returns its `DPFRun`.

        `snowpark_dataframe` is a Snowpark DataFrame of one query, a pandas or polars DataFrame, an Arrow table, the
        name of a table, a file, or `query:SELECT …`. `on_existing_artifacts` is `"error"`, `"overwrite"`, or
        `"resume"`: run what an earlier run of this id has left.
        """
        return self._start(
            snowpark_dataframe, partition_by, run_id, on_existing_artifacts, execution_options, only=None
        )

    def run_from_stage(
        self,
        stage_location,
        run_id,
        file_pattern="*.parquet",
        partition_ids=None,
        on_existing_artifacts="error",
        execution_options=None,
    ):
        """Starts a run for each file that matches below a folder, `@DB.SCHEMA.STAGE/path` or `s3://bucket/prefix`; `partition_ids` chooses some of them."""
        if "://" in stage_location or stage_location.startswith("@"):
            folder = stage_location
        else:
            folder = os.path.abspath(stage_location)
        source = {"files": folder, "pattern": file_pattern}
        return self._start(source, None, run_id, on_existing_artifacts, execution_options, only=partition_ids)

    def _start(self, source, by, run_id, on_existing, options, only):
        policies = {"error": "error", "overwrite": "overwrite", "resume": "retry"}
        if on_existing not in policies:
            raise ValueError(f"on_existing_artifacts is {on_existing!r}; it takes {', '.join(map(repr, policies))}.")
        client = _client_of(self._project, self._stage_name)
        if on_existing == "resume" and _exists(client, run_id):
            return self._handle(client.run(run_id).retry())
        settings = _settings(options or ExecutionOptions())
        adapted = _Adapted(self._adapt(self._func), client._has_snowflake_names(source))
        gpus = {} if options is None or options.num_gpus_per_worker is None else {"gpus": options.num_gpus_per_worker}
        attach(adapted, Definition(sendable_name(self._func), adapted, gpus, returns_rows=False))
        try:
            started = client.start(
                adapted,
                source,
                by=by,
                run_id=run_id,
                on_existing="error" if on_existing == "resume" else on_existing,
                only=None if only is None else list(only),
                **settings,
            )
        except StartRefused as refused:
            if refused.reason != "RunExists" or on_existing == "overwrite":
                raise
            raise StartRefused(
                f'The run "{run_id}" already exists. on_existing_artifacts="overwrite" runs all of it again, "resume" '
                "what it has left, and DPFRun.restore_from reads it."
            ) from None
        return self._handle(started)

    def _adapt(self, function):
        """What is called for each partition."""
        return function

    def _handle(self, run):
        return DPFRun(run)


class DPFRun:
    """A run, in progress or ended."""

    def __init__(self, run):
        self._run = run
        #: The partitions by their text: `partition_details["North"]`, also by Partwise's ids.
        self.partition_details = _Details(run)

    @classmethod
    def restore_from(cls, run_id, stage_name, project=None):
        """The handle of a run that was started elsewhere or earlier. It can wait, cancel and retry, too."""
        run = _client_of(project, stage_name).run(run_id)
        # A misspelt id is found here, as in DPF.
        run.state()
        return cls(run)

    def __repr__(self):
        return f"<DPFRun {self.run_id}>"

    @property
    def run_id(self):
        return self._run.run_id

    @property
    def status(self):
        return self._run.status

    def wait(self, show_progress=True):
        """Waits for the end, with a progress bar on standard error, and returns the status."""
        return RunStatus(self._run.wait(show_progress=show_progress).status)

    def cancel(self):
        """Ends the run. Partitions that are done keep their results, logs and artifacts."""
        self._run.cancel()

    def get_progress(self):
        """The partitions by status: `{"DONE": [details, …], …}`."""
        found = {}
        for details in self.partition_details.values():
            found.setdefault(details.status, []).append(details)
        return found

    def retry_failed(self):
        """Runs the partitions that are not done again, on the same rows. Returns the run."""
        return DPFRun(self._run.retry())

    def results(self):
        """The rows that the function returned, as a pandas DataFrame. DPF has none: functions upload there."""
        return self._run.results()

    def pause(self):
        self._run.pause()

    def unpause(self):
        self._run.unpause()

    def set(self, *, max_concurrency=None, tolerated_failures=None):
        """Changes settings of the run in progress."""
        self._run.set(max_concurrency=max_concurrency, tolerated_failures=tolerated_failures)


class PartitionDetails:
    """A partition of a run: `status`, `logs`, `partition_id`, and its artifacts."""

    def __init__(self, partition):
        self._partition = partition
        #: What the function has as `context.partition_id`.
        self.partition_id = dpf_partition_id(partition.key, partition.id)
        self.stage_artifacts_manager = partition.artifacts

    def __repr__(self):
        return f"<PartitionDetails {self.partition_id}: {self.status}>"

    @property
    def status(self):
        return self._partition.status

    @property
    def logs(self):
        """What the partition printed, of all attempts, and the traceback of the error that it failed with."""
        printed, error = self._partition.logs, self._partition.error
        return printed if error is None else f"{printed}{error.stack or f'{error.type}: {error.message}'}\n"

    @property
    def error(self):
        return self._partition.error


class _Details(Mapping):
    """`partition_details`: reads pages as it is iterated, and single partitions by their text."""

    def __init__(self, run):
        self._run = run

    def __repr__(self):
        return f"<partition_details of {self._run.run_id}: {len(self)} partitions>"

    def __getitem__(self, text):
        for id in _ids_of(str(text)):
            try:
                return PartitionDetails(self._run.partition(id))
            except NoSuchPartition as error:
                problem = error
        raise problem

    def __iter__(self):
        return (text for text, _ in self.items())

    def __len__(self):
        return self._run.state().counts["total"]

    def items(self):
        return _Items(self)

    def values(self):
        return _Values(self)


class _Items(ItemsView):
    def __iter__(self):
        for partition in self._mapping._run.partitions():
            details = PartitionDetails(partition)
            yield details.partition_id, details


class _Values(ValuesView):
    def __iter__(self):
        return (details for _, details in self._mapping.items())


def _ids_of(text):
    """The ids that a text may mean, the likeliest first."""
    special = {"None": ["%-"], "": ["%_"], "True": ["true"], "False": ["false"]}.get(text, [])
    # What `encodeURIComponent` leaves as it is.
    return list(dict.fromkeys([quote(text, safe="!'()*"), *special, text]))


def scale_cluster(expected_cluster_size, **_):
    """Snowflake's clusters have a size. Here, more machines are more workers: says so, and returns False."""
    warnings.warn(
        f"scale_cluster({expected_cluster_size}) does nothing: start `partwise worker` on as many machines as you "
        "like, for the same Temporal server; runs use them at once.",
        stacklevel=2,
    )
    return False


#: Clients by process, folder, project and stage, kept for the life of the program.
_clients = {}


def _client_of(project, stage_name):
    """The client for runs on the stage that DPF calls by this name."""
    from ._client.client import Partwise

    # Not inherited: a forked process must not write to its parent's host.
    place = (os.getpid(), os.getcwd(), project, stage_name)
    if place not in _clients:
        with Partwise(project) as configured:
            stage = _stage(stage_name, configured.stage)
        _clients[place] = Partwise(project, stage=stage)
    return _clients[place]


def _exists(client, run_id):
    try:
        client.run(run_id).state()
        return True
    except NoSuchRun:
        return False


_PART = r'(?:"(?:[^"]|"")*"|[^."/]+)'
#: `@DATABASE.SCHEMA.` of a stage on Snowflake, and its name.
_ON_SNOWFLAKE = re.compile(rf"(?:snowflake://[^/]*/)?(@{_PART}\.{_PART}\.){_PART}(?:/|$)")


def _stage(name, project_stage):
    """Where Partwise keeps what DPF keeps in a stage of this name."""
    if name.startswith("@") or "/" in name:
        return name
    on_snowflake = _ON_SNOWFLAKE.match(project_stage)
    if on_snowflake is None:
        return f"{project_stage.rstrip('/')}/{name}"
    # A name of three parts is that of another schema.
    return f"@{name}" if re.fullmatch(rf"{_PART}\.{_PART}\.{_PART}", name) else f"{on_snowflake.group(1)}{name}"


def _settings(options):
    """The settings of a run for DPF's options."""
    if options.use_head_node is not None:
        warnings.warn(
            "ExecutionOptions.use_head_node is ignored: there is no head node. To run on certain machines, start "
            "their workers with a task queue of their own.",
            stacklevel=4,
        )
    settings = {
        "retry": {"maximum_attempts": options.max_retries + 1},
        "fail_fast": options.fail_fast,
    }
    if options.num_cpus_per_worker is not None:
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        settings["max_concurrency"] = max(1, cpus // options.num_cpus_per_worker)
    if options.loading_wh is not None:
        settings["warehouse_options"] = {"loadingWarehouse": options.loading_wh}
    return settings


class _Adapted:
    """A function as DPF calls it: with columns in Snowflake's case, and with any return value."""

    def __init__(self, function, has_snowflake_names):
        self._function = function
        self._has_snowflake_names = has_snowflake_names

    def __call__(self, data_connector, context):
        from ._errors import InvalidResult
        from ._results import take

        if self._has_snowflake_names:
            data_connector = with_snowflake_names(data_connector)
        returned = self._function(data_connector, context)
        try:
            # DPF ignores what a function returns. Here, `results()` has it if it is rows.
            return take(returned, context.key)
        except InvalidResult as problem:
            print(f"What the function returned is not kept. {problem}")
            return None
