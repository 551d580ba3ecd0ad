"""Folders of files that are needed for a while, below `.partwise` of a project."""

import contextlib
import os
import time


def private_folder(project, name, days):
    """The path of a folder that only its owner can enter. Files that have not been used for `days` are removed."""
    # As the worker makes it: `.partwise` itself is private too.
    os.makedirs(os.path.join(project, ".partwise"), mode=0o700, exist_ok=True)
    place = os.path.join(project, name)
    os.makedirs(place, mode=0o700, exist_ok=True)
    oldest = time.time() - days * 24 * 3600
    for entry in os.scandir(place):
        # Another program may have removed it.
        with contextlib.suppress(FileNotFoundError):
            if entry.stat().st_mtime < oldest:
                os.remove(entry.path)
    return place
