"""A `partwise host` process: requests and answers are JSON, a line each (docs/host-protocol.md)."""

import collections
import contextlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading

from .errors import HostError, raised

PROTOCOL = 1
#: In seconds: it needs about one, on a busy machine several.
START_TIMEOUT = 60
#: In seconds, for a host whose input has been closed.
END_TIMEOUT = 5
_COLOR = re.compile(r"\x1b\[[0-9;]*m")


class Host:
    """Answers requests as long as this process lives: its input ends with it."""

    def __init__(self, arguments=()):
        command = [*find_cli(), "host", *arguments]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Ctrl-C is for the program that waits, not for its host.
                start_new_session=True,
            )
        except OSError as error:
            raise HostError(f"Partwise could not be started with {command[0]}: {error.strerror}.") from None
        self._lock = threading.Lock()
        self._last_id = 0
        #: Answers of requests in progress, by id.
        self._answers = {}
        self._has_ended = False
        self._is_closed = False
        #: A forked process has the pipes, but not the threads that read from them.
        self._owner = os.getpid()
        #: The last lines it printed for people.
        self._said = collections.deque(maxlen=20)
        self._ready = queue.Queue()
        threading.Thread(target=self._read_answers, daemon=True, name="partwise-host").start()
        self._messages = threading.Thread(target=self._read_messages, daemon=True, name="partwise-host-messages")
        self._messages.start()
        self._check_ready()

    def _check_ready(self):
        try:
            ready = self._ready.get(timeout=START_TIMEOUT)
        except queue.Empty:
            self.close()
            raise HostError(f"partwise host did not start within {START_TIMEOUT} s.{self._last_words()}") from None
        if ready is None:
            raise HostError(f"partwise host ended before it was ready.{self._last_words()}")
        if ready.get("protocol") != PROTOCOL:
            self.close()
            from .. import __version__

            raise HostError(
                f"The Python package partwise {__version__} speaks protocol {PROTOCOL}, but the Node package "
                f"{ready.get('version')} speaks {ready.get('protocol')}. Install the same version of both: "
                "partwise doctor prints the pip command."
            )

    @property
    def pid(self):
        return self._process.pid

    def ask(self, operation, params=None, on_event=None):
        """The result of an operation; `on_event` gets what it sends before. Raises its error."""
        with contextlib.closing(self.events(operation, params)) as events:
            while True:
                try:
                    event = next(events)
                except StopIteration as end:
                    return end.value
                if on_event is not None:
                    on_event(event)

    def events(self, operation, params=None):
        """Iterates over what an operation sends before its result, which is returned. Raises its error.

        Closing it, or an exception while waiting, such as KeyboardInterrupt, cancels the request, not the run.
        """
        if os.getpid() != self._owner:
            raise HostError("This process was forked from the one that connected. Connect here too: Partwise().")
        answers = queue.Queue()
        with self._lock:
            self._last_id += 1
            id = self._last_id
            self._answers[id] = answers
        try:
            self._write({"id": id, "operation": operation, "params": params or {}})
            while True:
                answer = answers.get()
                if answer is None:
                    raise HostError(f"partwise host ended during the operation {operation!r}.{self._last_words()}")
                if "event" in answer:
                    yield answer["event"]
                elif "error" in answer:
                    raise raised(answer["error"])
                else:
                    return answer["result"]
        except BaseException:
            if id in self._answers:
                self._cancel(id)
            raise
        finally:
            self._answers.pop(id, None)

    def _cancel(self, id):
        try:
            self._write({"cancel": id})
        except HostError:
            # It has ended, and so has the request.
            pass

    def _write(self, message):
        try:
            line = json.dumps(message, allow_nan=False).encode() + b"\n"
        except (TypeError, ValueError) as error:
            raise TypeError(f"{message['operation']} takes values of JSON: {error}. Convert them first.") from None
        if self._is_closed:
            raise HostError("This connection is closed. Ask its runs before it is, or inside of the with block.")
        if self._has_ended:
            raise HostError(f"partwise host has ended.{self._last_words()}")
        try:
            with self._lock:
                self._process.stdin.write(line)
                self._process.stdin.flush()
        except (OSError, ValueError):
            raise HostError(f"partwise host has ended.{self._last_words()}") from None

    def _read_answers(self):
        for line in self._process.stdout:
            answer = json.loads(line)
            if answer.get("ready"):
                self._ready.put(answer)
                continue
            waiting = self._answers.get(answer.get("id"))
            if waiting is not None:
                waiting.put(answer)
        self._ready.put(None)
        self._has_ended = True
        for waiting in list(self._answers.values()):
            waiting.put(None)

    def _read_messages(self):
        for line in self._process.stderr:
            # Notebooks set FORCE_COLOR.
            self._said.append(_COLOR.sub("", line.decode("utf-8", "replace")).rstrip())
            # Such as that a Temporal server is being downloaded.
            print(self._said[-1], file=sys.stderr, flush=True)

    def _last_words(self):
        self._messages.join(timeout=1)
        return "".join(f"\n{line}" for line in self._said)

    def close(self):
        """Ends the host. Runs continue."""
        self._is_closed = True
        try:
            self._process.stdin.close()
        except OSError:
            # What could not be written is for a host that has ended.
            pass
        try:
            self._process.wait(timeout=END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def find_cli():
    """The command that starts Partwise's Node side, as a list.

    The environment variable PARTWISE_CLI; the package in the nearest `node_modules` above the working directory, or
    around it, as in a clone; the package that has this Python package; a command `partwise` on PATH.
    """
    named = os.environ.get("PARTWISE_CLI")
    if named:
        if not os.path.isfile(named):
            raise HostError(f'PARTWISE_CLI is "{named}", which is not a file. Name the file of the partwise command.')
        return _runnable(named)
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    for place in (*_upwards(os.getcwd()), package):
        for installed in (os.path.join(place, "node_modules", "partwise"), place):
            script = os.path.join(installed, "dist", "cli", "main.js")
            if os.path.isfile(script) and _is_partwise(installed):
                return _runnable(script)
    command = shutil.which("partwise")
    if command is not None:
        return [command]
    raise HostError(
        "The Node package of Partwise was not found: not in a node_modules folder above "
        f'"{os.getcwd()}", and there is no command partwise. '
        "Install it there with npm install (the README says how), or set PARTWISE_CLI to its file dist/cli/main.js."
    )


def _is_partwise(folder):
    try:
        with open(os.path.join(folder, "package.json"), encoding="utf-8") as file:
            return json.load(file).get("name") == "partwise"
    except (OSError, ValueError, AttributeError):
        return False


def _runnable(script):
    if not script.endswith(".js"):
        return [script]
    node = shutil.which("node")
    if node is None:
        raise HostError("Partwise needs Node 20.3 or newer, but there is no command node. Install it from nodejs.org.")
    return [node, script]


def _upwards(folder):
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above
