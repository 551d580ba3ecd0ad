"""`python -m partwise driver.py`: runs a driver for Snowflake's partition tools unchanged."""

import os
import runpy
import sys

_USAGE = """usage: python -m partwise DRIVER [ARGUMENT ...]

Runs a Python program that imports Snowflake's DPF, many models, custom models or model registry. Where these are not
installed, Partwise's own take their place: partwise.dpf, partwise.many_model, partwise.custom_model,
partwise.registry."""


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE, file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    driver = arguments[0]
    if not os.path.isfile(driver):
        print(f'python -m partwise: there is no file "{driver}".', file=sys.stderr)
        return 2
    from ._shims import install

    install()
    sys.argv = arguments
    # As `python driver.py` does.
    sys.path[0] = os.path.dirname(os.path.abspath(driver))
    runpy.run_path(os.path.abspath(driver), run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
