"""`context`, the second argument of a partition function."""

import copy
import json
import os
import tempfile

from . import _artifacts
from ._errors import ExpectationFailed, InvalidArtifact, InvalidProgress

#: In characters: every heartbeat includes the progress.
MAX_PROGRESS = 2_048


class PartitionContext:
    """What a partition function gets in addition to its rows.

    - `partition_id`: the key as text, as in Snowflake's DPF: `"New York"`; of several columns, as `id`.
    - `id`: Partwise's partition id, which can be converted back to the key: `"New%20York"`.
    - `key`: the partition key by column: `{"region": "North"}`.
    - `params`: the run's parameters.
    - `run_id`, `attempt` (1 for the partition's first call in this run).
    - `snapshot_time`: when the run's rows were pinned.
    - `scheduled_time`, `scheduled_date`: what the run is for, or None.
    - `cancelled`: an Event that is set when the call must end; the process is killed two seconds later.
    """

    def __init__(self, host, facts):
        self._host = host
        self._names = set()
        self.id = facts["id"]
        self.key = facts["key"]
        self.partition_id = facts["partition_id"]
        params = facts["params"]
        self.params = copy.deepcopy(params) if params else {}
        self.run_id = facts["run_id"]
        self.attempt = facts["attempt"]
        self.snapshot_time = facts["snapshot_time"]
        self.scheduled_time = facts["scheduled_time"]
        self.scheduled_date = facts["scheduled_date"]

    @property
    def cancelled(self):
        return self._host.cancelled

    def upload(self, name, value, *, write=None):
        """Stores a value as an artifact of this partition.

        Text and bytes are stored as they are; rows, DataFrames and Arrow tables as a table if the name ends in
        `.csv` or `.parquet`; anything else as JSON. `write(value, path)` writes it in a form of its own. Raises
        `InvalidArtifact` for a value that cannot be written, and for a name that this call has used.
        """
        _artifacts.check_name(name)
        if name in self._names:
            raise InvalidArtifact(
                f'The artifact "{name}" was uploaded twice in one call. Give each artifact a unique name.'
            )
        encoded = _artifacts.encode(name, value) if write is None else _artifacts.encode_with(name, value, write)
        self._names.add(name)
        self._host.upload(name, *encoded)

    def upload_to_stage(self, obj, filename, write_function=None):
        """Stores an object as DPF does: `write_function(obj, path)` writes it, by default with pickle.

        Of two objects with one name, the last is kept.
        """
        _artifacts.check_name(filename)
        encoded = (
            _artifacts.encode_pickle(obj)
            if write_function is None
            else _artifacts.encode_with(filename, obj, write_function)
        )
        if filename in self._names:
            self._host.forget(filename)
        self._names.add(filename)
        self._host.upload(filename, *encoded)

    def download(self, name, *, partition=None, run=None, read=None):
        """Reads an artifact of a recorded partition, by default of this partition in another run.

        Tables are returned as Arrow tables. `read(content)` decodes the bytes in a way of its own.
        """
        _artifacts.check_name(name)
        content, codec = self._host.download(name, self.id if partition is None else partition, run)
        return _artifacts.decode(content, codec) if read is None else read(content)

    def download_from_stage(self, filename, stage_path=None, read_function=None):
        """Reads an artifact as DPF does: `read_function(path)` reads it, by default with pickle.

        `stage_path` is `@stage/run/partition`. Default: this partition of this run.
        """
        import pickle

        _artifacts.check_name(filename)
        run, partition = _place_on_stage(stage_path)
        content, codec = self._host.download(filename, self.id if partition is None else partition, run)
        if read_function is None:
            return pickle.loads(content) if codec == "custom" else _artifacts.decode(content, codec)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, filename)
            with open(path, "wb") as file:
                file.write(content)
            return read_function(path)

    def query(self, sql, *params):
        """The rows of a query in the run's warehouse, as dictionaries; `params` are bound to its `?`.

        Queries read the warehouse's current state, with the rights of the worker, and return at most 100,000 rows.
        They are single SELECT statements. On DuckDB they read no files: only what is in the warehouse.
        """
        return self._host.query(sql, params).rows()

    def with_session(self, function):
        """Calls `function(session)`, as DPF does, and returns its result.

        The session has `sql(query, params)` and `table(name)`, whose results have `collect()` and `to_pandas()`; the
        worker runs the queries of `query`. A Snowpark session would need the worker's credentials.
        """
        from ._session import Session

        return function(Session(self._host))

    def log(self, *values):
        """Prints to the partition's log."""
        print(*values)

    def heartbeat(self, progress):
        """Reports progress: any JSON of up to 2,048 characters, shown with the running partition."""
        try:
            text = json.dumps(progress, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InvalidProgress(f"The progress given to context.heartbeat is not JSON: {error}.") from None
        if len(text) > MAX_PROGRESS:
            raise InvalidProgress(
                f"The progress given to context.heartbeat is {len(text):,} characters of JSON; at most "
                f"{MAX_PROGRESS:,} are allowed. Upload anything larger as an artifact."
            )
        self._host.heartbeat(json.loads(text))

    def expect(self, condition, message):
        """Raises `ExpectationFailed`, which is not retried, unless the condition is true."""
        if not condition:
            raise ExpectationFailed(message)


def host_of(context):
    """What a context asks for its answers: for partition models, which are functions too."""
    return context._host


def dpf_partition_id(key, id):
    """The text that DPF gives as the partition id: `str` of the value. Of several columns, Partwise's id.

    `key` may have the values as JSON, as clients have them: the id decides.
    """
    values = list(key.values())
    if len(values) != 1:
        return id
    if values[0] is None or isinstance(values[0], bool):
        return str(values[0])
    if "%" not in id:
        return id
    from urllib.parse import unquote

    return "" if id == "%_" else unquote(id)


def _place_on_stage(stage_path):
    if stage_path is None:
        return None, None
    parts = [part for part in str(stage_path).split("/") if part]
    if len(parts) < 3:
        raise InvalidArtifact(f"stage_path is {stage_path!r}. Name a run and a partition: @stage/run/partition.")
    return parts[-2], parts[-1]
