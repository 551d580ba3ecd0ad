"""S3 for tests: moto on a loopback port.

Run: python s3_server                     prints its port; serves 127.0.0.1 from memory until standard input closes
"""

from __future__ import annotations

import logging
import os
import sys
import threading

from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

logging.getLogger("werkzeug").setLevel(logging.ERROR)

# S3 serialises conditional writes of one key; moto checks and then writes.
one_at_a_time = threading.Lock()
answer = DomainDispatcherApplication.__call__


def answer_in_turn(self, environ, start_response):
    with one_at_a_time:
        return answer(self, environ, start_response)


DomainDispatcherApplication.__call__ = answer_in_turn

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
os._exit(0)
