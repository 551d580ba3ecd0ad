"""Work that finds the disk of the scratch folder full, and waits for room (docs/runner-protocol.md, `room`)."""

import errno

#: What a retry needs. Doubled each time that it was not enough, since the size is unknown.
FIRST_BYTES = 1024 * 1024


def until_room(worker, work):
    """Repeats the work when the worker says that there is room, so that nothing is computed again."""
    size = FIRST_BYTES
    while True:
        try:
            return work()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        worker.ask({"type": "room", "bytes": size})
        size *= 2


def write_file(path, parts):
    with open(path, "wb") as file:
        file.writelines(parts)
