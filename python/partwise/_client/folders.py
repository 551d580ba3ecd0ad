"""Folders of files that are needed for a while, below `.partwise` of a project."""

import contextlib
import os
import time

from .._errors import PartwiseError


def private_folder(project, name, days):
    """The path of a folder that only its owner can enter. Files that have not been used for `days` are removed."""
    # As the worker makes it: `.partwise` itself is private too.
    place = os.path.join(project, name)
    try:
        os.makedirs(os.path.join(project, ".partwise"), mode=0o700, exist_ok=True)
        os.makedirs(place, mode=0o700, exist_ok=True)
    except OSError as error:
        raise PartwiseError(
            f'The folder "{place}" cannot be created: {error.strerror}. Use a project folder that you can write to.'
        ) from None
    oldest = time.time() - days * 24 * 3600
    for entry in os.scandir(place):
        # Another program may have removed it.
        with contextlib.suppress(FileNotFoundError):
            if entry.stat().st_mtime < oldest:
                os.remove(entry.path)
    return place
