"""Shows a run that is waited for on standard error: with tqdm where it is installed, else a line of its form."""

import sys
import time

_ENDED = ("DONE", "FAILED", "CANCELLED", "INTERNAL_ERROR", "SKIPPED")
#: In seconds, between lines where standard error is not a terminal.
_PAUSE = 30


class Progress:
    """Gets the events of `wait`. Quiet until the number of partitions is known."""

    def __init__(self, stream=None):
        self._stream = sys.stderr if stream is None else stream
        self._bar = None

    def show(self, event):
        state = event.get("state")
        if state is None:
            return
        counts = state["counts"]
        if self._bar is None and counts["total"] > 0:
            self._bar = _bar(counts["total"], self._stream)
        if self._bar is None:
            return
        failed = counts["FAILED"] + counts["INTERNAL_ERROR"]
        self._bar.update_to(sum(counts[status] for status in _ENDED), f"{failed} failed" if failed else "")

    def close(self):
        if self._bar is not None:
            self._bar.close()


def _bar(total, stream):
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _Line(total, stream)
    return _Tqdm(tqdm(total=total, desc="Processing partitions", unit="partition", file=stream))


class _Tqdm:
    def __init__(self, bar):
        self._bar = bar

    def update_to(self, ended, note):
        if note:
            self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(ended - self._bar.n)

    def close(self):
        self._bar.close()


class _Line:
    """A live line on a terminal and in a notebook, otherwise a line now and then and one at the end."""

    def __init__(self, total, stream):
        self._total = total
        self._stream = stream
        # A notebook shows `\r` as a terminal does.
        self._is_live = stream.isatty() or "ipykernel" in sys.modules
        self._started = time.monotonic()
        self._shown = None
        self._shown_at = -_PAUSE
        self._last = ""
        self._width = 0

    def update_to(self, ended, note):
        now = time.monotonic()
        self._last = self._text(ended, note, now - self._started)
        if self._is_live:
            self._stream.write(f"\r{self._last:<{self._width}}")
            self._width = len(self._last)
            self._stream.flush()
        elif now - self._shown_at >= _PAUSE:
            self._print(now)

    def _text(self, ended, note, elapsed):
        part = ended / self._total
        filled = int(part * 10)
        rest = _clock(elapsed / ended * (self._total - ended)) if ended else "?"
        each = f"{elapsed / ended:.2f}s/partition" if ended else "?s/partition"
        bar = "█" * filled + " " * (10 - filled)
        counted = f"{ended}/{self._total} [{_clock(elapsed)}<{rest}, {each}]"
        return f"Processing partitions: {part:4.0%}|{bar}| {counted}{f', {note}' if note else ''}"

    def _print(self, now):
        self._stream.write(f"{self._last}\n")
        self._shown, self._shown_at = self._last, now

    def close(self):
        if self._is_live:
            self._stream.write("\n")
        elif self._last and self._last != self._shown:
            self._print(time.monotonic())


def _clock(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
