"""Imports a functions file from its archive: the code that was there when the run was planned.

Modules have the paths of the user's own files, so tracebacks, `__file__` and breakpoints refer to them, but the
text of the archive: an edit after planning changes nothing. Data files next to the code are read live.
"""

import importlib
import importlib.abc
import importlib.util
import json
import linecache
import os
import sys
import zipfile

from .archive import MANIFEST, standard_modules

#: Modules by archive: a process loads one, once.
_loaded = {}


def load_functions_module(archive):
    """Imports the functions file of an archive, once for each process."""
    if archive not in _loaded:
        _loaded[archive] = _load(archive)
    return _loaded[archive]


def _load(archive):
    with zipfile.ZipFile(archive) as opened:
        sources = {name: opened.read(name) for name in opened.namelist()}
    manifest = json.loads(sources.pop(MANIFEST))
    base = os.path.normpath(os.path.join(os.path.dirname(archive), manifest["base"]))
    name = _entry_name(manifest["entry"])
    finder = PinnedFinder(base, sources, {name: manifest["entry"]})
    _load_readers(finder.names)
    # Before the finder of files on disk, and after those of the interpreter's own modules.
    position = next((i for i, each in enumerate(sys.meta_path) if _is_path_finder(each)), len(sys.meta_path))
    sys.meta_path.insert(position, finder)
    # Last, so that a file of the user does not hide a package's module of the same name.
    sys.path.append(base)
    return importlib.import_module(name)


def _load_readers(names):
    """Loads what rows are read with, if the user has modules named like packages that it may need, such as `pytz`.

    It then has the packages, and the user's code has the modules.
    """
    own = {name.split(".")[0] for name in names}
    if all(importlib.util.find_spec(name) is None for name in own):
        return
    for reader in ("pyarrow", "pandas"):
        try:
            importlib.import_module(reader)
        except ImportError:
            # Functions may do without pandas.
            pass
    for name in list(sys.modules):
        if name.split(".")[0] in own:
            del sys.modules[name]


def _entry_name(file):
    """The name that other modules would import the functions file by, unless it is taken."""
    stem = file[: -len(".py")]
    return f"partwise_{stem}" if _is_taken(stem) else stem


def _is_taken(name):
    return name in standard_modules() or name in ("partwise", "__main__")


def _is_path_finder(finder):
    return getattr(finder, "__name__", type(finder).__name__) == "PathFinder"


class PinnedFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and loads the modules of an archive."""

    def __init__(self, base, sources, entry):
        self.base = base
        self.sources = sources
        self.names = {**own_modules(sources), **entry}

    def find_spec(self, fullname, path=None, target=None):
        name = self.names.get(fullname)
        if name is None:
            return None
        place = os.path.join(self.base, *name.split("/"))
        is_package = name.endswith("/__init__.py")
        spec = importlib.util.spec_from_file_location(
            fullname,
            place,
            loader=self,
            submodule_search_locations=[os.path.dirname(place)] if is_package else None,
        )
        spec.cached = None
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        place = module.__spec__.origin
        source = self.sources[self.names[module.__name__]]
        # First, since its errors are those of plain Python.
        code = compile(source, place, "exec", dont_inherit=True)
        text = importlib.util.decode_source(source)
        # So that tracebacks show the line that ran, whatever is on disk now.
        linecache.cache[place] = (len(text), None, text.splitlines(True), place)
        exec(code, module.__dict__)

    def get_source(self, fullname):
        return importlib.util.decode_source(self.sources[self.names[fullname]])


def own_modules(sources):
    """The files of an archive by the names that they are imported by."""
    modules = {_module_name(name): name for name in sources}
    # A functions file that is named like a module of the standard library does not hide it.
    return {name: file for name, file in modules.items() if not _is_taken(name)}


def _module_name(name):
    parts = name[: -len(".py")].split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
