"""Starts a runner: `python __main__.py WORKER_PID`.

A guard stays, and its child calls functions. The `if` matters: `multiprocessing` imports this file in the processes
that it spawns.
"""

import os
import sys

if __name__ == "__main__":
    # Instead of this file's folder, whose modules would hide others of the same name.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from partwise._runner.guard import run_guarded

    def call_functions():
        from partwise._runner.runner import Runner

        Runner().serve()

    run_guarded(int(sys.argv[1]), call_functions)
