"""Free ports, from below the range that the kernel gives to outgoing connections: a port chosen here
stays free until its server binds it, and again while that server is being restarted."""

import os
import random
import socket

_LOW, _HIGH = 15000, 32000
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
