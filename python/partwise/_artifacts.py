"""Artifacts: their names, and their values as bytes."""

import io
import json
import math
import os
import pickle
import sys
import tempfile

from ._errors import InvalidArtifact

#: In UTF-8: file systems allow 255 bytes, and a file has a longer name while it is being written.
MAX_NAME_BYTES = 200


def check_name(name):
    """Raises `InvalidArtifact` unless the name is a valid file name on every system."""
    problem = _name_problem(name)
    if problem is not None:
        raise InvalidArtifact(f'The artifact name {name!r} {problem}. Use a plain file name such as "summary.json".')


def _name_problem(name):
    if not isinstance(name, str):
        return "is not a string"
    if name == "":
        return "is empty"
    try:
        size = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        return "contains a lone surrogate (half of a character)"
    if size > MAX_NAME_BYTES:
        return f"has {size} bytes in UTF-8; at most {MAX_NAME_BYTES} are allowed"
    if "/" in name or "\\" in name:
        return "contains a slash: artifacts cannot be in folders"
    if name.startswith("..") or name == ".":
        return "starts like a path"
    if any(ord(character) < 32 for character in name):
        return "contains a control character"
    return None


def encode(name, value):
    """The value as bytes, with the name of its form: text, bytes, a table (by the name's ending), or JSON."""
    if isinstance(value, str):
        return _utf8(name, value), "text"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value), "bytes"
    ending = os.path.splitext(name)[1].lower()
    if ending in (".csv", ".parquet"):
        return _table(name, value, ending), ending[1:]
    return _json(name, value), "json"


def encode_with(name, value, write):
    """The value as `write(value, path)` writes it to a file, which may also return text or bytes instead."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        written = write(value, path)
        if isinstance(written, str) and not os.path.exists(path):
            return _utf8(name, written), "custom"
        if isinstance(written, (bytes, bytearray)) and not os.path.exists(path):
            return bytes(written), "custom"
        try:
            with open(path, "rb") as file:
                return file.read(), "custom"
        except FileNotFoundError:
            raise InvalidArtifact(
                f'The write function of artifact "{name}" wrote no file. Write to the path that it gets as its '
                "second argument."
            ) from None


def encode_pickle(value):
    """What `upload_to_stage` writes without a `write_function`, as DPF does."""
    return pickled(value), "custom"


def pickled(value):
    """The pickle of a value. Classes that came to this process by value are pickled by value, too.

    Raises pickle's own error.
    """
    try:
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, AttributeError, TypeError):
        # Only a program that sent its function has classes in `__main__`.
        if "partwise._by_value" not in sys.modules:
            raise
        import cloudpickle

        return cloudpickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def decode(content, codec):
    """The inverse of `encode`."""
    if codec == "json":
        return json.loads(content)
    if codec == "text":
        return content.decode("utf-8")
    if codec == "parquet":
        import pyarrow.parquet as pq

        return pq.read_table(io.BytesIO(content))
    if codec == "csv":
        import pyarrow.csv

        return pyarrow.csv.read_csv(io.BytesIO(content))
    return content


def _utf8(name, text):
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidArtifact(
            f'The artifact "{name}" contains a lone surrogate (half of a character), which UTF-8 cannot represent.'
        ) from None


def _json(name, value):
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2, default=_plain)
    except (TypeError, ValueError) as error:
        raise InvalidArtifact(
            f'The artifact "{name}" cannot be written as JSON: {error}. Convert the value, or pass write=.'
        ) from None
    return _utf8(name, text + "\n")


def _plain(value):
    """numpy's scalars and arrays as Python's values."""
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        plain = value.tolist()
        if isinstance(plain, float) and not math.isfinite(plain):
            raise ValueError(f"{plain} is not JSON")
        return plain
    raise TypeError(f"{type(value).__name__} is not JSON")


def _table(name, value, ending):
    import pyarrow as pa

    try:
        table = as_table(value)
        if table is None:
            raise InvalidArtifact(
                f'The artifact "{name}" cannot be written from a {type(value).__name__}. '
                "Pass rows (a list of dictionaries), a DataFrame, an Arrow table, the content of the file as text "
                "or bytes, or write=."
            )
        buffer = io.BytesIO()
        if ending == ".parquet":
            import pyarrow.parquet as pq

            pq.write_table(table, buffer)
        else:
            import pyarrow.csv

            pyarrow.csv.write_csv(table, buffer)
        return buffer.getvalue()
    except pa.ArrowException as error:
        raise InvalidArtifact(f'The artifact "{name}" cannot be written: {error}') from None


def as_table(value):
    import pyarrow as pa

    if isinstance(value, pa.Table):
        return value
    if isinstance(value, dict):
        return pa.Table.from_pylist([value])
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return pa.Table.from_pylist(value)
    module = type(value).__module__.split(".")[0]
    if module == "pandas" and type(value).__name__ == "DataFrame":
        return pa.Table.from_pandas(value, preserve_index=False)
    if module == "polars" and type(value).__name__ == "DataFrame":
        return value.to_arrow()
    return None
