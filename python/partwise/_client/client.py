"""`Partwise`: the connection to a project."""

import os
import sys
import warnings

from .._define import sendable_name
from .host import Host
from .inputs import input_of
from .run import Run
from .sources import reads_warehouse, source_of
from .views import view


class Partwise:
    """Starts runs and reads them, in a project: its folder has the configuration, the stage and the server's state.

    ::

        from partwise import Partwise

        def summarise(data, context):
            df = data.to_pandas()
            return {"orders": len(df), "total": df["amount"].sum()}

        with Partwise() as partwise:
            run = partwise.start(summarise, "sales.csv", by="region")
            run.wait(show_progress=True)
            print(run.results())

    - `project`: its folder. Default: the nearest one with a configuration above the working directory, else that.
    - `stage`, `warehouse`: of the runs. Default: the project's.
    - `python`: the interpreter that functions run with. Default: this one.
    - `functions`: the file of functions that are named without a file. Default: the project's.
    - `address`, `namespace`, `profile`, `task_queue`: of a Temporal server. Default: the project's own.

    Runs continue when the program ends; `run(run_id)` is a handle of any of them.
    """

    def __init__(
        self,
        project=None,
        *,
        stage=None,
        warehouse=None,
        python=None,
        functions=None,
        address=None,
        namespace=None,
        profile=None,
        task_queue=None,
    ):
        flags = {
            "project": project,
            "stage": stage,
            "warehouse": warehouse,
            "python": sys.executable if python is None else python,
            "functions": functions,
            "address": address,
            "namespace": namespace,
            "profile": profile,
            "task-queue": task_queue,
        }
        arguments = [f"--{name}={os.fspath(value)}" for name, value in flags.items() if value is not None]
        self._host = Host(arguments)
        try:
            configured = self._host.ask("project")
        except BaseException:
            self._host.close()
            raise
        #: The project's folder, and the stage and the warehouse of its runs.
        self.project, self.stage, self.warehouse = (configured[name] for name in ("folder", "stage", "warehouse"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the connection. Runs continue."""
        self._host.close()

    def start(self, function, source, by=None, *, run_id=None, task=None, **settings):
        """Starts a run of `function` for every partition of `source`, and returns its handle once it is planned.

        - `function`: a partition function of this program, which is sent by value; or its name, as in
          `"functions.py:summarise"`.
        - `source`: see `source_of`: a table's name, a path, `query:SELECT …`, a frame.
        - `by`: the column, or the columns, whose values make the partitions. None: each file is one.
        - `task`: of a partition model: `"train"`, `"predict"` or `"fitPredict"`.
        - `settings`: those of `partwise run`, as `max_concurrency=4`, `retry={"maximum_attempts": 5}`,
          `output={"table": "summary"}`, `on_existing="overwrite"`, `params={…}`.

        Raises `StartRefused` with every problem.
        """
        named = function if isinstance(function, str) else self._sent(function)
        if task is not None:
            named = f"{named}.{task}"
        begun = []
        try:
            with source_of(source, self.project) as read:
                params = {"input": input_of(named, read, by, settings), "runId": run_id}
                started = self._host.ask("start", params, begun.append)
        except KeyboardInterrupt:
            for each in begun:
                print(f"The run {each['run']} was started, and goes on.", file=sys.stderr)
            raise
        return Run(self._host, started["run"], started["execution"])

    def run(self, run_id, execution=None):
        """The handle of any run, running or ended. Its methods raise `NoSuchRun`.

        `execution` is the number of one of its executions, as it was when it ended: 1 is the first one.
        """
        current = Run(self._host, run_id)
        if execution is None:
            return current
        known = {each["execution"]: each["workflowRunId"] for each in current.state()["executions"]}
        if execution not in known:
            raise ValueError(f"The run {run_id} has no execution {execution!r}; it has {', '.join(map(str, known))}.")
        return Run(self._host, run_id, known[execution])

    def runs(
        self,
        *,
        status=None,
        function=None,
        schedule=None,
        text=None,
        started_from=None,
        started_before=None,
        archived=None,
    ):
        """Iterates over the runs, newest first, each with `run_id`, `status`, `counts`, `rows`, `error`, ….

        - `text`: only ids that contain it.
        - `started_from`, `started_before`: datetimes with a time zone.
        - `archived`: True for those that only archives on the stage have.

        Warns of each run that cannot be read, such as one that is encrypted with a key that is not here.
        """
        filters = {"status": status, "function": function, "schedule": schedule, "text": text, "archived": archived}
        filters["startedFrom"], filters["startedBefore"] = _time(started_from), _time(started_before)
        after = {}
        while True:
            page = self._host.ask("list", {**filters, **after})
            for each in page["unread"]:
                warnings.warn(f"The run {each['runId']!r} cannot be read: {each['why']}", stacklevel=2)
            yield from view(page["runs"])
            if page["next"] is None:
                return
            after = {"after": page["next"]}

    def _has_snowflake_names(self, source):
        """Whether code for Snowflake expects other names of columns than Partwise has: upper case for plain ones."""
        return (self.warehouse or "").startswith("snowflake") and reads_warehouse(source)

    def _sent(self, function):
        from .by_value import functions_file

        name = sendable_name(function)
        return f"{functions_file({name: function}, self.project)}:{name}"


def _time(moment):
    """A datetime as ISO 8601; the host's own time zone may be another one."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone, so the moment is not known: add one, such as timezone.utc.")
    return moment.isoformat()
