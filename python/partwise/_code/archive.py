"""Archives a functions file with the local modules that it imports: `python archive.py FILE FOLDER`.

Prints JSON: `{"digest", "path"}` or `{"problems"}`, and `"interpreter"` as `probe.py` does. Nothing of the
user's is executed: imports are found in the syntax tree, also those inside functions. Packages stay where they are
installed.

The archive is a zip without compression and with fixed dates, so the same code has the same digest on every
version of Python.
"""

import ast
import hashlib
import io
import json
import os
import sys
import sysconfig
import zipfile

MANIFEST = "partwise.json"
ENDING = ".pyz"


def main(file, folder):
    entry = os.path.abspath(file)
    base = os.path.dirname(entry)
    problems = []
    sources = {}
    _collect(entry, base, sources, problems)
    if problems:
        return {"problems": problems}
    manifest = {
        "entry": os.path.basename(entry),
        # Relative, so that the digest does not depend on where the project is.
        "base": os.path.relpath(base, folder).replace(os.sep, "/"),
    }
    content = _zip({MANIFEST: json.dumps(manifest).encode(), **sources})
    digest = hashlib.sha256(content).hexdigest()
    path = os.path.join(folder, digest + ENDING)
    if not _holds(path, digest):
        os.makedirs(folder, exist_ok=True)
        _replace(path, content)
    return {"digest": digest, "path": path}


def _holds(path, digest):
    """An existing file of that name may be corrupt, for example after a power loss."""
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest() == digest
    except OSError:
        return False


def _replace(path, content):
    unfinished = f"{path}.{os.getpid()}"
    with open(unfinished, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def _zip(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o600 << 16
            archive.writestr(info, files[name])
    return buffer.getvalue()


def _collect(file, base, sources, problems):
    """Adds a file and, transitively, the local modules that it imports."""
    name = os.path.relpath(file, base).replace(os.sep, "/")
    if name in sources:
        return
    with open(file, "rb") as opened:
        content = opened.read()
    sources[name] = content
    try:
        tree = ast.parse(content, file)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        column = getattr(error, "offset", None) or 1
        reason = getattr(error, "msg", None) or str(error)
        problems.append(f"{file}:{line}:{column}: {reason[:1].upper()}{reason[1:]}.")
        return
    for module in imports(tree, name):
        for found in _local_files(module, base):
            _collect(found, base, sources, problems)


def imports(tree, name):
    """The absolute names of modules that may be imported: `from a import b` may mean the module `a.b`."""
    package = name.split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            if node.level > len(package) + 1:
                continue
            parents = package[: len(package) - (node.level - 1)] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            if module:
                yield module
            for alias in node.names:
                yield f"{module}.{alias.name}" if module else alias.name
        elif isinstance(node, ast.Call) and _is_import_module(node):
            yield node.args[0].value


def _is_import_module(node):
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    return (
        called == "import_module"
        and len(node.args) > 0
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
        and not node.args[0].value.startswith(".")
    )


def _local_files(module, base):
    """The files below the folder that importing the module would load: its packages' `__init__.py` and itself."""
    parts = module.split(".")
    if parts[0] in standard_modules():
        return
    for depth in range(1, len(parts) + 1):
        place = os.path.join(base, *parts[:depth])
        for candidate in (os.path.join(place, "__init__.py"), place + ".py"):
            if os.path.isfile(candidate):
                yield candidate
                break


def standard_modules():
    """The names of the standard library's modules, which local files never replace."""
    names = getattr(sys, "stdlib_module_names", None)
    if names is not None:
        return names
    # Python 3.9
    library = sysconfig.get_paths()["stdlib"]
    listed = {name.split(".")[0] for name in os.listdir(library) if name != "site-packages"}
    dynamic = os.path.join(library, "lib-dynload")
    if os.path.isdir(dynamic):
        listed |= {name.split(".")[0] for name in os.listdir(dynamic)}
    return listed | set(sys.builtin_module_names)


if __name__ == "__main__":
    # A script, so its folder is on the path.
    from probe import interpreter

    print(json.dumps({"interpreter": interpreter(), **main(sys.argv[1], sys.argv[2])}))
