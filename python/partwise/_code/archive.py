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


#: What rows are read with: a local module of that name would break it, or never be imported.
READERS = frozenset(("numpy", "pandas", "pyarrow"))


def main(file, folder):
    entry = os.path.abspath(file)
    base = os.path.dirname(entry)
    sources, problems = collect(entry, base)
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


def collect(entry, base):
    """The functions file and, transitively, the local modules that it imports; and why some cannot be archived.

    What is imported only inside of `try` is archived as it is: its import fails where plain Python's would.
    """
    sources, problems = {}, []
    seen, needed, optional = set(), [entry], []
    while needed or optional:
        is_needed = len(needed) > 0
        file = (needed or optional).pop()
        if file in seen:
            continue
        seen.add(file)
        name = os.path.relpath(file, base).replace(os.sep, "/")
        top = name.split("/")[0].split(".")[0]
        if top in READERS and name in (f"{top}.py", f"{top}/__init__.py"):
            problems.append(
                f"{file}: Partwise reads rows with the package {top}, which this file would hide. Rename it."
            )
            continue
        try:
            with open(file, "rb") as opened:
                sources[name] = opened.read()
            found = list(_imports(ast.parse(sources[name], file), name))
        except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
            if is_needed:
                problems.append(_problem(file, error))
            continue
        for module, may_fail in found:
            (needed if is_needed and not may_fail else optional).extend(_local_files(module, base))
    return sources, problems


def _problem(file, error):
    if isinstance(error, OSError):
        return f"{file}: It cannot be read: {error.strerror}."
    if isinstance(error, (RecursionError, MemoryError)):
        return f"{file}: An expression in it is nested too deeply for Python's parser. Split it."
    line = getattr(error, "lineno", None) or 1
    column = getattr(error, "offset", None) or 1
    reason = getattr(error, "msg", None) or str(error)
    end = "" if reason.endswith("?") else "."
    return f"{file}:{line}:{column}: {reason[:1].upper()}{reason[1:]}{end}"


def imports(tree, name):
    """The absolute names of modules that may be imported: `from a import b` may mean the module `a.b`."""
    return (module for module, _ in _imports(tree, name))


def _imports(tree, name):
    """The same, each with whether its import may fail."""
    package = name.split("/")[:-1]
    nodes = [(tree, False)]
    while nodes:
        node, may_fail = nodes.pop()
        tried = node.body if isinstance(node, _TRIES) and node.handlers else ()
        nodes.extend((child, may_fail or child in tried) for child in ast.iter_child_nodes(node))
        for module in _imported_by(node, package):
            yield module, may_fail


#: `try` of exception groups is another node, which Python has since 3.11.
_TRIES = (ast.Try, *([ast.TryStar] if hasattr(ast, "TryStar") else []))


def _imported_by(node, package):
    """The names of modules that a statement imports, or that a call of `import_module` does."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.Call) and _is_import_module(node):
        return [node.args[0].value]
    if not isinstance(node, ast.ImportFrom) or node.level > len(package) + 1:
        return []
    parents = package[: len(package) - (node.level - 1)] if node.level else []
    module = ".".join([*parents, *([node.module] if node.module else [])])
    names = [f"{module}.{alias.name}" if module else alias.name for alias in node.names]
    return [module, *names] if module else names


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
