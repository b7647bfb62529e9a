"""Free ports, from below the range that the kernel gives to outgoing connections: a port chosen here
stays free until its server binds it, and again while that server is being restarted. Test processes that run
side by side (pytest-xdist) take theirs from ranges of their own."""

import os
import random
import socket


def _range():
    low, high = 15000, 32000
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    share = (high - low) // workers
    return low + number * share, low + (number + 1) * share


_LOW, _HIGH = _range()
_random = random.Random(os.getpid() * 7919 + int.from_bytes(os.urandom(4), "big"))
_given = set()


def free_port():
    for _ in range(1000):
        port = _random.randrange(_LOW, _HIGH)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise RuntimeError(f"no free port between {_LOW} and {_HIGH}")
