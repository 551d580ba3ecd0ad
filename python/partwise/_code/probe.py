"""Prints what an interpreter is and which packages it has, as JSON. Imports none of them."""

import json
import os
import platform
import sys
import sysconfig
from importlib import metadata

PACKAGES = ("pyarrow", "pandas", "numpy", "polars", "duckdb", "cloudpickle", "debugpy")


def interpreter():
    return {
        "executable": sys.executable or "",
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "freeThreaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "packages": _versions(),
        "site": _site(),
    }


def _versions():
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    return found


def _site():
    """Changes when packages are installed or removed: their folders are then written to."""
    folders = [each for each in sys.path if os.path.basename(each) in ("site-packages", "dist-packages")]
    return " ".join(str(os.stat(each).st_mtime_ns) for each in folders if os.path.isdir(each))


if __name__ == "__main__":
    print(json.dumps({"interpreter": interpreter()}))
