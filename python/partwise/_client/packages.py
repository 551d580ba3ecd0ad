"""Custom models as versions of Partwise's registry: the instance, and each of its models and files, is an entry."""

import contextlib
import io
import os
import tempfile
from urllib.parse import quote

from .._errors import InvalidResult
from .._model import partition_model
from ..custom_model import ModelContext

#: The model definition with which all of them are trained, and the entry of the instance itself.
DEFINITION = "custom_model"
INSTANCE = "instance"
FILE = "model.bin"


class _Bytes:
    filename = FILE

    def serialize(self, content):
        return content

    def deserialize(self, content):
        return content


@partition_model(name=DEFINITION, serde=_Bytes())
class Package:
    """Trains nothing: a part's content is in its only row."""

    def train(self, data, context):
        return data.to_arrow().column("content")[0].as_py()

    def predict(self, model, data, context):
        raise NotImplementedError("A custom model is run with its version's run(X, partition_column=...).")


def parts_of(model):
    """The contents of a custom model by the names of its parts."""
    from .by_value import pickled_by_value

    context = model.context
    parts = {f"model:{name}": pickled_by_value(each, f"The model {name!r}") for name, each in context._models.items()}
    for name, path in context._files.items():
        with open(path, "rb") as file:
            parts[f"artifact:{name}"] = file.read()
    names = _Named(context._models, {name: os.path.basename(path) for name, path in context._files.items()})
    try:
        model.context = names
        return {INSTANCE: pickled_by_value(model, type(model).__name__), **parts}
    finally:
        model.context = context


def part_id(part):
    """The partition id of a part in the run that stored it."""
    return quote(part, safe="!'()*")


class _Named(ModelContext):
    """A context whose models and files are stored elsewhere: `fetch(part)` returns the content of one."""

    def __init__(self, models, files):
        self._models = dict.fromkeys(models)
        self._files = files
        self._fetch = None
        self._folder = None

    def attach(self, fetch, folder):
        self._fetch = fetch
        self._folder = folder

    def _model(self, name):
        import pickle

        if self._models[name] is None:
            self._models[name] = pickle.loads(self._fetch(f"model:{name}"))
        return self._models[name]

    def _file(self, name):
        path = os.path.join(self._folder, quote(name, safe=""), self._files[name])
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path))
            with open(path, "wb") as file:
                file.write(self._fetch(f"artifact:{name}"))
        return path


@contextlib.contextmanager
def loaded(content, fetch):
    """The custom model of a stored instance, while its files are needed."""
    import pickle

    model = pickle.load(io.BytesIO(content))
    with tempfile.TemporaryDirectory(prefix="partwise-") as folder:
        model.context.attach(fetch, folder)
        yield model


class Method:
    """Calls a method of a stored custom model with the rows of a partition, in a runner."""

    def __init__(self, content, method, run_id, has_snowflake_names):
        self.__name__ = method
        self._content = content
        self._run_id = run_id
        self._has_snowflake_names = has_snowflake_names

    def __call__(self, data, context):
        from .._snowflake_names import with_snowflake_names

        def fetch(part):
            return context.download(FILE, partition=part_id(part), run=self._run_id)

        rows = with_snowflake_names(data) if self._has_snowflake_names else data
        # Loaded for each partition: what a call changes in the instance must not reach the next.
        with loaded(self._content, fetch) as model:
            returned = getattr(model, self.__name__)(rows.to_pandas())
        if returned is None:
            raise InvalidResult(f"{self.__name__} returned nothing. Return a DataFrame, which may have no rows.")
        return returned
