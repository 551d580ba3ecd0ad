"""Prints what an interpreter is and which packages it has, as JSON. Imports none of them."""

import json
import platform
import sys
from importlib import metadata

PACKAGES = ("pyarrow", "pandas", "numpy", "polars", "duckdb", "cloudpickle", "debugpy")


def versions():
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    return found


if __name__ == "__main__":
    print(
        json.dumps(
            {
                "executable": sys.executable,
                "version": platform.python_version(),
                "implementation": platform.python_implementation(),
                "packages": versions(),
            }
        )
    )
