"""A runner in a new interpreter: `python __main__.py GUARD_PID MEMORY_BYTES`.

The `if` matters: `multiprocessing` imports this file in the processes that it spawns.
"""

import os
import sys

if __name__ == "__main__":
    # Instead of this file's folder, whose modules would hide others of the same name.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from partwise._runner.parent import end_with_parent
    from partwise._runner.runner import Runner

    end_with_parent(int(sys.argv[1]))
    Runner(int(sys.argv[2])).serve()
