"""Loads the functions that `_client.by_value` has written."""

import base64
import linecache
import sys
from functools import partial

from ._define import Definition, FunctionsFileError, attach, definitions_of


def load(version, sources, encoded):
    """The pickled functions, by name, each declared. `version` is that of the Python that pickled them.

    `sources` has the lines of their code, by file and number, for tracebacks.
    """
    if tuple(version) != sys.version_info[:2]:
        raise FunctionsFileError(
            f"The function was sent by Python {version[0]}.{version[1]}, and this worker runs Python "
            f"{sys.version_info[0]}.{sys.version_info[1]}, which cannot load its code. Start the run with the same "
            "version, or put the function into a file and name it: 'functions.py:summarise'."
        )
    try:
        import cloudpickle
    except ModuleNotFoundError:
        raise FunctionsFileError(
            "The function was sent by value, and this worker's Python does not have cloudpickle: "
            "pip install cloudpickle."
        ) from None
    for file, texts in sources.items():
        numbered = {int(number): text for number, text in texts.items()}
        lines = [f"{numbered.get(i, '')}\n" for i in range(1, max(numbered, default=0) + 1)]
        # Without a time, the file itself is not looked at: it may have changed, or be another one here.
        linecache.cache[file] = (0, None, lines, file)
    functions = cloudpickle.loads(base64.b64decode(encoded))
    for name, function in functions.items():
        if not definitions_of(function):
            # Methods have no attributes of their own.
            functions[name] = attach(partial(function), Definition(name, function, returns_rows=False))
    return functions
