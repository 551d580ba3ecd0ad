"""Partition functions in Python, for tests."""

import ctypes
import json
import multiprocessing
import os
import re
import signal
import sys
import time

from python_helper import double


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
