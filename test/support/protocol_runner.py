"""A runner that implements docs/runner-protocol.md with only Python's standard library.

Its behaviour for each partition is in the unit's `params`: `does`, by ordinal. The standard library cannot read Parquet, so `params`
also has the partition ids.
"""

import array
import hashlib
import json
import os
import queue
import signal
import socket
import struct
import sys
import threading
import time

PROTOCOL = int(sys.argv[1])


class Aborted(Exception):
    """The worker wants the call to end."""


class Channel:
    """Messages on descriptor 3."""

    def __init__(self):
        self.socket = socket.socket(fileno=3)
        self.lock = threading.Lock()

    def send(self, message, body=b""):
        header = json.dumps(message).encode("utf-8")
        with self.lock:
            self.socket.sendall(struct.pack("<II", len(header), len(body)) + header + body)

    def receive(self):
        header, body = struct.unpack("<II", self.exactly(8))
        message = json.loads(self.exactly(header))
        self.exactly(body)
        return message

    def exactly(self, count):
        parts = b""
        while len(parts) < count:
            part = self.socket.recv(count - len(parts))
            if not part:
                os._exit(0)
            parts += part
        return parts


class Watchdog(threading.Thread):
    """Memory reports and the lease, on descriptor 4."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(fileno=4)

    def run(self):
        self.socket.settimeout(0.05)
        rest = b""
        reported = 0
        ends = None
        while True:
            try:
                received = self.socket.recv(4096)
                if not received:
                    os.killpg(0, signal.SIGKILL)
                *lines, rest = (rest + received).split(b"\n")
                for line in lines:
                    ends = None if line == b"idle" else time.monotonic() + float(line) / 1000
            except socket.timeout:
                pass
            if ends is not None and time.monotonic() > ends:
                os.killpg(0, signal.SIGKILL)
            with open("/proc/self/statm") as statm:
                resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            if resident != reported:
                self.socket.sendall(b"%d\n" % resident)
                reported = resident


class Calls:
    """The record of the running call, in the file on descriptor 5."""

    def __init__(self):
        self.version = 0.0
        self.started = 0

    def write(self, running, started=0.0, offsets=(0, 0)):
        self.version += 1
        fields = (self.version, self.started, running, started, *offsets, self.version)
        os.pwrite(5, struct.pack("<7d", *fields), 0)

    def begin(self, offsets):
        self.started += 1
        self.write(1, time.monotonic() * 1000, offsets)

    def end(self):
        self.write(0)


def output_offsets():
    return [os.fstat(1).st_size, os.fstat(2).st_size]


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Unit:
    """One unit, from `unit` to `unitDone`."""

    def __init__(self, runner, unit):
        self.runner = runner
        self.unit = unit
        self.does = unit["params"].get("does", {})
        self.drained = False
        self.cancelled = False
        self.aborted = threading.Event()
        self.ordinal = None
        self.timeout = None
        self.requests = 0
        self.replies = queue.Queue()
        self.files = 0
        self.clear()

    def clear(self):
        self.done = []
        self.outcomes = []
        self.pack = b""
        self.rows = None

    def abort(self, message):
        if message["reason"] == "cancelled":
            self.cancelled = True
        elif message["ordinal"] != self.ordinal:
            return
        else:
            self.timeout = message["timeoutMs"]
        self.aborted.set()

    def ask(self, message):
        self.requests += 1
        self.runner.channel.send({**message, "id": self.requests})
        reply = self.replies.get()
        if "error" in reply:
            raise RuntimeError(reply["error"]["message"])
        return reply.get("value")

    def run(self):
        left = list(self.unit["ordinals"])
        while left and not self.drained and not self.cancelled:
            self.call(left.pop(0))
        self.segment()
        self.runner.channel.send({"type": "unitDone", "left": left, "reusable": True})

    def call(self, ordinal):
        self.ordinal, self.timeout = ordinal, None
        self.aborted.clear()
        extra = self.unit.get("extraCalls", {}).get(str(ordinal), 0)
        self.attempt = self.unit["priorCalls"] + extra + 1
        self.artifacts = []
        status, error = "DONE", None
        began, before = time.time() * 1000, output_offsets()
        self.runner.calls.begin(before)
        try:
            self.function(self.does.get(str(ordinal), "nothing"))
        except Aborted:
            status = "INTERNAL_ERROR" if self.timeout is not None else "CANCELLED"
            if self.timeout is not None:
                error = {"type": "Timeout", "message": "It took too long.", "stack": None}
        except Exception as raised:
            status = "FAILED"
            error = {"type": type(raised).__name__, "message": str(raised), "stack": None}
        self.runner.calls.end()
        self.ordinal = None
        after = output_offsets()
        if after != before:
            number = self.runner.calls.started - 1
            self.runner.channel.send({"type": "printed", "call": number, "from": before, "to": after})
        duration = time.time() * 1000 - began
        if status == "DONE" and self.unit["isBatch"]:
            self.done.append((began, duration, ordinal, self.attempt, self.artifacts))
            return
        outcome = {
            "ordinal": ordinal,
            "id": self.unit["params"]["ids"][ordinal],
            "status": status,
            "attempts": self.attempt,
            "rows": 10,
            "startedAt": now(),
            "durationMs": duration,
            "preview": None,
            "outputRows": 0,
            "error": error,
            "reused": False,
        }
        artifacts = self.artifacts if status in ("DONE", "FAILED") else []
        retry = {"retryable": status == "FAILED", "retryDelayMs": None}
        self.outcomes.append({"outcome": outcome, "artifacts": artifacts, **retry})

    def segment(self):
        if not self.done and not self.outcomes:
            return
        body = b""
        for kind, column in (("d", 0), ("d", 1), ("i", 2), ("i", 3)):
            body += array.array(kind, [each[column] for each in self.done]).tobytes()
        body += array.array("i", [0] * len(self.done)).tobytes()
        done = None
        if self.done:
            done = {"partitions": len(self.done), "artifacts": [each[4] or None for each in self.done]}
        pack = None
        if self.pack:
            pack = self.scratch(self.pack)
        message = {"type": "segment", "done": done, "outcomes": self.outcomes, "rows": self.rows, "pack": pack}
        self.runner.channel.send(message, body)
        self.clear()

    def scratch(self, content):
        self.files += 1
        file = os.path.join(self.unit["scratch"], f"{os.getpid()}-{self.files}")
        with open(file, "wb") as opened:
            opened.write(content)
        return file

    def log(self, text):
        line = {"at": now(), "ordinal": self.ordinal, "attempt": self.attempt, "stream": "stdout", "text": text}
        self.runner.channel.send({"type": "log", "lines": [line]})

    def function(self, how):
        call = {"partitionId": self.unit["params"]["ids"][self.ordinal], "attempt": self.attempt}
        if how == "raise":
            raise ValueError("é 漢 😀")
        elif how == "exit":
            os._exit(3)
        elif how == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
            time.sleep(60)
        elif how == "wait":
            self.log("it waits")
            self.aborted.wait()
            raise Aborted()
        elif how == "ignore aborts":
            time.sleep(600)
        elif how == "grow":
            kept = []
            while True:
                kept.append(bytearray(b"x" * 10_000_000))
                time.sleep(0.02)
        elif how == "print":
            os.write(1, b"to stdout\n")
            os.write(2, b"to stderr, unfinished")
        elif how == "print and die":
            os.write(1, b"the last words")
            os._exit(3)
        elif how == "heartbeat":
            self.runner.channel.send({"type": "heartbeat", "ordinal": self.ordinal, "progress": {"rows": [1, "é"]}})
        elif how == "upload":
            file = self.scratch(b"uploaded")
            request = {"type": "upload", "ordinal": self.ordinal, "name": "a.txt", "file": file, "codec": "text"}
            ref = self.ask({**request, **call})
            self.artifacts.append(["a.txt", "text", 0, ref["bytes"], ref["sha256"], ref["path"]])
        elif how == "pack":
            content = f"packed {self.ordinal}".encode()
            digest = hashlib.sha256(content).hexdigest()
            self.artifacts.append(["b.txt", "text", len(self.pack), len(content), digest])
            self.pack += content
        elif how == "query":
            answer = self.ask({"type": "query", "sql": "SELECT ?", "binds": ["x", 1, True, None], **call})
            self.log(json.dumps(answer, sort_keys=True))
        elif how == "return rows":
            with open(self.unit["params"]["rowsFile"], "rb") as file:
                self.rows = self.scratch(file.read())


class Runner:
    def __init__(self):
        self.channel = Channel()
        self.calls = Calls()
        self.units = queue.Queue()
        self.unit = None

    def serve(self):
        self.channel.send({"type": "ready", "protocol": PROTOCOL})
        threading.Thread(target=self.read, daemon=True).start()
        while True:
            self.units.get().run()

    def read(self):
        while True:
            message = self.channel.receive()
            kind = message["type"]
            if kind == "describe":
                functions = [{"name": "answer", "timeout": {"$": "number", "value": "Infinity"}}]
                self.channel.send({"type": "functions", "functions": functions, "error": None})
            elif kind == "unit":
                self.unit = Unit(self, message["unit"])
                self.units.put(self.unit)
            elif kind == "ping":
                self.channel.send({"type": "pong"})
            elif self.unit is None:
                continue
            elif kind == "drain":
                self.unit.drained = True
            elif kind == "abort":
                self.unit.abort(message)
            elif kind == "reply":
                self.unit.replies.put(message)


Watchdog().start()
Runner().serve()
