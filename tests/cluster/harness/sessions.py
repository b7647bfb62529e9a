"""A broker's ZooKeeper session, ended by somebody else while the broker runs."""

import os
import socket
import struct

_CLOSE_SESSION = -11
_TIMEOUT_MS = 5000


def _record(broker):
    """Fields of the record that a broker keeps of its session."""
    with open(os.path.join(broker.log_dirs[0], "barnabas.session")) as file:
        lines = [line.strip() for line in file if "=" in line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def _frame(payload):
    return struct.pack(">i", len(payload)) + payload


def end(broker, zookeeper):
    """As if it had expired. The broker stands still meanwhile: it comes back to its session as soon as somebody else has
    connected to it, and the server keeps the latest connection only."""
    record = _record(broker)
    session, password = int(record["session.id"]), bytes.fromhex(record["session.password"])
    hello = struct.pack(">iqiqi", 0, 0, _TIMEOUT_MS, session, len(password)) + password + b"\x00"
    broker.pause()
    try:
        with socket.create_connection(("127.0.0.1", zookeeper.port), timeout=10) as sock:
            sock.sendall(_frame(hello) + _frame(struct.pack(">ii", 1, _CLOSE_SESSION)))
            while sock.recv(4096):  # the server closes when it is done
                pass
    finally:
        broker.resume()
