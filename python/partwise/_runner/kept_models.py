"""The models that this process has decoded, up to a limit: neighbouring calls often use the same one."""

from collections import OrderedDict

#: Of stored bytes; decoded models take a few times as much memory.
MAX_BYTES = 64 * 2**20


class KeptModels:
    def __init__(self, max_bytes=MAX_BYTES):
        self._max_bytes = max_bytes
        #: Least recently used first: pairs of a model and its stored bytes.
        self._kept = OrderedDict()
        self._total = 0

    def get(self, key, load):
        """The model of `key`. `load` returns it with its size, or None; that is not kept, as it costs little."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]
        loaded = load()
        if loaded is None:
            return None
        self._kept[key] = loaded
        self._total += loaded[1]
        while self._total > self._max_bytes and self._kept:
            _, (_, size) = self._kept.popitem(last=False)
            self._total -= size
        return loaded[0]
