"""What trained a model: the version of Python, and of the packages that the stored model names.

Libraries promise little about files of other versions: sklearn warns, and others give wrong predictions.
"""

import sys

from ._code.archive import standard_modules

#: Of a stored model, this many bytes are searched for packages: their names come before large arrays.
_SEARCHED_BYTES = 4 * 2**20


def trained_with(model, content):
    """Such as `Python 3.11.7, numpy 2.4.6, sklearn 1.9.1`; packages by the names that they are imported by."""
    head = content[:_SEARCHED_BYTES]
    own = type(model).__module__.split(".")[0]
    found = []
    for name, module in sorted(sys.modules.items()):
        if "." in name or name.startswith("_") or name in standard_modules():
            continue
        version = _declared_version(module)
        if isinstance(version, str) and (name == own or _names(head, name)):
            found.append(f"{name} {version}")
    return ", ".join([f"Python {_python()}", *found])


def _names(content, name):
    """Whether a pickle names a module or package: with its length before it, or a submodule after it."""
    text = name.encode()
    return bytes([0x8C, len(text)]) + text in content or text + b"." in content


def differences(text):
    """How this process differs: pairs of what trained a model and of what is here."""
    pairs = []
    for part in text.split(", "):
        name, _, version = part.rpartition(" ")
        if name == "Python":
            here = _python()
            # Patches of Python do not change how anything is stored.
            is_same = here.split(".")[:2] == version.split(".")[:2]
        else:
            here = _version_of(name)
            is_same = here == version
        if not is_same:
            pairs.append((part, f"no {name}" if here is None else f"{name} {here}"))
    return pairs


def _version_of(name):
    import importlib

    try:
        return _declared_version(importlib.import_module(name))
    except ImportError:
        return None


def _declared_version(module):
    # Not by getattr, which makes some packages load more.
    return getattr(module, "__dict__", {}).get("__version__")


def _python():
    return ".".join(map(str, sys.version_info[:3]))
