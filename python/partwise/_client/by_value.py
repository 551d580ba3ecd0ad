"""A function of a notebook or a script as a functions file: the script itself cannot be imported, it would run again."""

import base64
import hashlib
import io
import os
import pickletools
import re
import sys
import sysconfig
import textwrap
import types

#: In the project's folder.
_FOLDER = os.path.join(".partwise", "code")


def functions_file(definitions, folder):
    """Writes partition functions, by their names in the file, and returns the file's path.

    Each is pickled with everything that it uses of the script and of local modules; packages are imported by the
    workers' Python, which must be of the same minor version.
    """
    content = _content(definitions)
    place = os.path.join(folder, _FOLDER)
    os.makedirs(place, mode=0o700, exist_ok=True)
    path = os.path.join(place, f"by_value_{hashlib.sha256(content.encode()).hexdigest()[:16]}.py")
    if not os.path.exists(path):
        unfinished = f"{path}.{os.getpid()}"
        with open(unfinished, "w", encoding="utf-8") as file:
            file.write(content)
        os.replace(unfinished, path)
    return path


def _content(definitions):
    payload = pickled_by_value(definitions, ", ".join(definitions))
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
        f"_FUNCTIONS = load({sys.version_info[:2]}, '''",
        encoded,
        "''')",
        *(f"{name} = _FUNCTIONS[{name!r}]" for name in definitions),
        "",
    ]
    return "\n".join(lines)


def pickled_by_value(value, what):
    """The pickle of a value with everything that it uses of the script and of local modules. `what` names it."""
    try:
        import cloudpickle
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "Functions of scripts and notebooks are sent by value, which needs cloudpickle: pip install cloudpickle. "
            "Or name a function of a file: 'functions.py:summarise'.",
            name="cloudpickle",
        ) from None
    registered = []
    try:
        for module in _local_modules():
            cloudpickle.register_pickle_by_value(module)
            registered.append(module)
        buffer = io.BytesIO()
        _pickler_of(cloudpickle)(buffer, protocol=5).dump(value)
        return buffer.getvalue()
    except Exception as error:
        raise TypeError(
            f"{what} cannot be sent to other processes: {error}. A function may use modules, values that can be "
            "pickled, and other functions; create connections, locks and open files inside of it."
        ) from error
    finally:
        for module in registered:
            cloudpickle.unregister_pickle_by_value(module)


def _pickler_of(cloudpickle):
    class Pickler(cloudpickle.Pickler):
        """Keeps the file of code, which errors and tracebacks name; cloudpickle leaves it out."""

        def reducer_override(self, obj):
            if type(obj) is not types.CodeType:
                return super().reducer_override(obj)
            build, arguments, *rest = self.dispatch_table[types.CodeType](obj)
            return (build, tuple(obj.co_filename if each == "<dynamic-code>" else each for each in arguments), *rest)

    return Pickler


def _local_modules():
    """Loaded modules of the user's own files: workers cannot import them."""
    installed = tuple(
        os.path.realpath(place) + os.sep for place in {*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix}
    )
    own = os.path.dirname(os.path.dirname(os.path.realpath(__file__))) + os.sep
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name == "__main__" or not isinstance(file, str) or not file.endswith(".py"):
            continue
        path = os.path.realpath(file)
        if not path.startswith((*installed, own)) and "site-packages" not in path and "dist-packages" not in path:
            yield module


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
