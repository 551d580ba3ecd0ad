"""A function of a notebook or a script as a functions file: importing the script itself would run it again."""

import base64
import contextlib
import dis
import functools
import glob
import hashlib
import importlib.util
import io
import json
import linecache
import os
import pickletools
import re
import sys
import sysconfig
import textwrap
import threading
import types

from .folders import private_folder

#: In the project's folder.
_FOLDER = os.path.join(".partwise", "code")
#: In days since a run was last started with a file: a retry needs it until then.
_KEPT = 30


def functions_file(definitions, folder):
    """Writes partition functions, by their names in the file, and returns the file's path.

    Each is pickled with everything that it uses of the script and of local modules; packages are imported by the
    workers' Python, which must be of the same minor version.
    """
    content = _content(definitions)
    place = private_folder(folder, _FOLDER, _KEPT)
    path = os.path.join(place, f"by_value_{hashlib.sha256(content.encode()).hexdigest()[:16]}.py")
    # Also if it exists: it may be damaged, and its time says when it was last used.
    unfinished = f"{path}.{os.getpid()}.{threading.get_ident()}"
    with open(unfinished, "w", encoding="utf-8") as file:
        file.write(content)
    os.replace(unfinished, path)
    return path


def _content(definitions):
    sources = {}
    payload = pickled_by_value(definitions, ", ".join(definitions), sources)
    packages = _packages_of(payload)
    lines = [
        "# Written by Partwise: functions of a script or notebook, by value.",
        "from partwise._by_value import load",
        "",
    ]
    if packages:
        # Never run: it tells Partwise which packages to load before it starts runners.
        lines += ["if False:", *(f"    import {name}" for name in packages), ""]
    encoded = "\n".join(textwrap.wrap(base64.b64encode(payload).decode(), 100))
    lines += [
        f"_SOURCES = {_as_json(sources)}",
        f"_FUNCTIONS = load({sys.version_info[:2]}, _SOURCES, '''",
        encoded,
        "''')",
        # Names of functions need not be those of variables.
        *(f"function_{i} = _FUNCTIONS[{name!r}]" for i, name in enumerate(definitions, 1)),
        "",
    ]
    return "\n".join(lines)


def pickled_by_value(value, what, sources=None):
    """The pickle of a value with everything that it uses of the script and of local modules. `what` names it.

    `sources` gets the lines of its code by their numbers, by file: tracebacks show them.
    """
    try:
        import cloudpickle
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "Functions of scripts and notebooks are sent by value, which needs cloudpickle: pip install cloudpickle. "
            "Or name a function of a file: 'functions.py:summarise'.",
            name="cloudpickle",
        ) from None
    buffer = io.BytesIO()
    try:
        with _REGISTERING, _local_by_value(cloudpickle):
            _pickler_of(cloudpickle, {} if sources is None else sources)(buffer, protocol=5).dump(value)
    except Exception as error:
        why = str(error).rstrip(".")
        raise TypeError(
            f"{what} cannot be sent to other processes: {why}. A function may use modules, values that can be pickled, "
            "and other functions; create connections, locks and open files inside of it."
        ) from error
    return buffer.getvalue()


#: cloudpickle has one list of modules for all threads.
_REGISTERING = threading.Lock()


@contextlib.contextmanager
def _local_by_value(cloudpickle):
    own = cloudpickle.list_registry_pickle_by_value()
    registered = [module for module in _local_modules() if module.__name__ not in own]
    for module in registered:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in registered:
            cloudpickle.unregister_pickle_by_value(module)


def _pickler_of(cloudpickle, sources):
    class Pickler(cloudpickle.Pickler):
        """Keeps the file of code, which errors and tracebacks name; cloudpickle leaves it out."""

        def reducer_override(self, obj):
            if type(obj) is not types.CodeType:
                return super().reducer_override(obj)
            _refuse_local_imports(obj)
            file = _shown_file(obj.co_filename)
            sources.setdefault(file, {}).update(_lines_of(obj))
            build, arguments, *rest = self.dispatch_table[types.CodeType](obj)
            return (build, tuple(file if each == "<dynamic-code>" else each for each in arguments), *rest)

    return Pickler


def _shown_file(file):
    """The file of code; of a notebook's cell, its name: `Cell In[3]`."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    cells = getattr(getattr(shell, "compile", None), "_filename_map", {})
    return f"Cell In[{cells[file]}]" if file in cells else file


def _lines_of(code):
    """The lines of a function, by their numbers: the rest of the file may have secrets."""
    numbers = [line for _, line in dis.findlinestarts(code) if line]
    span = range(min(numbers, default=1), max(numbers, default=0) + 1)
    return {line: linecache.getline(code.co_filename, line).rstrip("\r\n") for line in span}


def _as_json(sources):
    """Also a literal of Python: `Project.source` reads it. Half surrogate pairs are escaped in both alike."""
    text = json.dumps(sources, ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)


def _refuse_local_imports(code):
    """What a function imports when it is called is not part of its pickle."""
    for each in dis.get_instructions(code):
        if each.opname != "IMPORT_NAME":
            continue
        name = each.argval.partition(".")[0]
        try:
            spec = sys.modules[name].__spec__ if name in sys.modules else importlib.util.find_spec(name)
        except (ImportError, ValueError):
            continue
        places = [getattr(spec, "origin", None), *(getattr(spec, "submodule_search_locations", None) or ())]
        if any(_is_local(place) for place in places if isinstance(place, str) and os.path.exists(place)):
            raise TypeError(
                f"{code.co_name} imports the local module {each.argval} when it is called, which other processes do "
                f"not have ({code.co_filename}:{code.co_firstlineno}). Import it at the top of the program"
            )


def _local_modules():
    """Loaded modules of the user's own files: workers cannot import them."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name != "__main__" and isinstance(file, str) and file.endswith(".py") and _is_local(file):
            yield module


def _is_local(file):
    """Whether a file is the user's own, and not of an installed package."""
    path = os.path.realpath(file)
    is_installed = path.startswith(_installed_places(tuple(sys.path)))
    return not is_installed and "site-packages" not in path and "dist-packages" not in path


@functools.lru_cache(maxsize=1)
def _installed_places(import_path):
    paths = sysconfig.get_paths()
    places = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    # This package's, and those that `pip install --target` fills.
    places.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    places += [place for place in import_path if glob.glob(os.path.join(glob.escape(place or "."), "*.dist-info"))]
    return tuple(os.path.realpath(place) + os.sep for place in places)


def _packages_of(payload):
    """Names of installed packages that the pickle refers to."""
    found = set()
    for _, argument, _ in pickletools.genops(payload):
        if not isinstance(argument, str) or argument not in sys.modules:
            continue
        top = argument.partition(".")[0]
        if re.fullmatch(r"[A-Za-z_]\w*", top) and top not in ("partwise", "cloudpickle", "builtins", "__main__"):
            found.add(top)
    standard = getattr(sys, "stdlib_module_names", ())
    return sorted(name for name in found if name not in standard)
