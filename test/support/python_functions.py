"""Partition functions in Python, for tests."""

import ctypes
import json
import locale
import logging
import multiprocessing
import os
import pdb
import random
import re
import signal
import subprocess
import sys
import time
import warnings

import numpy
from python_helper import double

numpy.random.seed(7)
logging.basicConfig(format="%(message)s")


def process_sales_data(data_connector, context):
    df = data_connector.to_pandas()
    print(f"Processing {context.partition_id}")
    summary = {"total_sales": float(df["amount"].sum()), "record_count": len(df)}
    context.upload_to_stage(
        summary, "sales_summary.json", write_function=lambda obj, path: json.dump(obj, open(path, "w"))
    )
    return summary


def helped(data, context):
    from python_helper_inside import triple

    return {"n": double(len(data)) + triple(0)}


def talking(data, context):
    """Prints lines of seven kinds. Only every tenth partition starts a process, which takes milliseconds."""
    number = int(context.id[1:])
    print(f"print {context.id}")
    logging.warning("logging %s", context.id)
    sys.stderr.write(f"stderr {context.id}\n")
    ctypes.CDLL(None).printf(f"printf {context.id}\n".encode())
    os.write(1, f"write {context.id}\n".encode())
    for percent in range(0, 101, 20):
        sys.stderr.write(f"\r{percent}% of {context.id}")
    sys.stderr.write("\n")
    if number % 10 == 0:
        subprocess.run(["echo", f"child {context.id}"])
    else:
        print(f"child {context.id}")


def state(data, context):
    """Returns the state of the process, and changes it in k1."""
    found = {
        "folder": os.getcwd(),
        "umask": os.umask(0o22),
        "path": "PATH" in os.environ,
        "left": os.environ.get("LEFT"),
        "locale": locale.setlocale(locale.LC_ALL),
        "filters": len(warnings.filters),
        "alarm": signal.getsignal(signal.SIGALRM) is signal.SIG_DFL,
        "timer": signal.getitimer(signal.ITIMER_REAL)[0],
        "stdout": sys.stdout is sys.__stdout__ and not sys.stdout.closed,
        "random": random.random(),
        "numpy": numpy.random.random(),
    }
    print(context.id)
    if context.id == "k1":
        os.chdir("/")
        os.umask(0o77)
        os.environ["LEFT"] = "here"
        del os.environ["PATH"]
        locale.setlocale(locale.LC_ALL, "C")
        warnings.simplefilter("error")
        signal.signal(signal.SIGALRM, lambda number, frame: os.abort())
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 3600)
        random.seed(1)
        os.environ = {}
        sys.stdout = open(os.devnull, "w")
        os.dup2(sys.stdout.fileno(), 1)
        os.close(2)
    return found


def misbehaving(data, context):
    """What it does in each partition is in the parameters."""
    does = context.params.get(context.id, "nothing")
    if does == "raise":
        raise ValueError("é 漢 😀")
    if does == "SIGSEGV":
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(60)
    if does == "os._exit":
        os._exit(3)
    if does == "sys.exit":
        sys.exit("no")
    if does == "killpg":
        os.killpg(0, signal.SIGKILL)
        time.sleep(60)
    if does == "show the GPUs":
        print("it has started", flush=True)
        return {"n": os.environ["CUDA_VISIBLE_DEVICES"]}
    if does == "show the environment":
        shown = [json.dumps(dict(os.environ))]
        for process in ("self", os.getppid()):
            with open(f"/proc/{process}/environ") as environment:
                shown.append(environment.read())
        return {"n": " ".join(shown)}
    if does == "wait to be killed":
        with open("pids", "w") as pids:
            pids.write(f"{os.getpid()} {os.getppid()}\n")
        print("waiting", flush=True)
        time.sleep(1e9)
    if does == "wait with the lock":
        with open("pids", "w") as pids:
            pids.write(f"{os.getpid()} {os.getppid()}\n")
        print("waiting", flush=True)
        re.match(r"(a|a)+$", "a" * 64 + "b")
    if does == "abort":
        os.abort()
    if does == "crash":
        print("the last words")
        ctypes.string_at(0)
    if does == "hold the lock":
        re.match(r"(a|a)+$", "a" * 64 + "b")
    if does == "sleep on":
        time.sleep(1e9)
    if does == "swallow":
        while True:
            try:
                time.sleep(1e9)
            except:  # noqa: E722
                pass
    if does == "ask for 6 GB":
        return {"n": len(b"x" * 6_000_000_000)}
    if does == "fill 1.9 GB":
        return {"n": len(b"x" * 1_900_000_000)}
    if does == "print 100,000 lines":
        print("\n".join(map(str, range(100_000))))
    if does in ("fork", "spawn"):
        child = multiprocessing.get_context(does).Process(target=print, args=(f"from a {does}",))
        child.start()
        child.join()
    if does == "return from a fork":
        if os.fork() != 0:
            os.wait()
    if does == "programming error":
        return None.foo
    if does == "breakpoint":
        breakpoint()
    if does == "pdb":
        pdb.set_trace()
    if does == "replace stdin":
        sys.stdin = open(os.devnull)
    if does == "input":
        input("Continue? ")
    if does == "close descriptor 3":
        os.close(3)
    if does == "close all descriptors":
        os.closerange(3, 100)
        kept = [open(f"kept-{i}", "w") for i in range(3)]
        for file in kept:
            file.write("the user's" * 100)
            file.flush()
    if does == "object":
        return {"n": object()}
    if does == "sleep":
        print("it sleeps", flush=True)
        try:
            time.sleep(600)
        finally:
            print("it was woken")
    if does == "print":
        print("é 漢 😀")
        print("an error", file=sys.stderr)
        os.write(1, b"written directly\n")
        os.system("echo from a child")
    return {"n": len(data)}
