"""How a member in Python is told what to do and tells what happens to it (tests/clients/README.md)."""

import json
import sys
import threading

leaving = threading.Event()
_writing = threading.Lock()


def arguments():
    """Also begins to listen for the word to leave."""

    def listen():
        sys.stdin.readline()
        leaving.set()

    threading.Thread(target=listen, daemon=True).start()
    return dict(word.split("=", 1) for word in sys.argv[1:])


def tell(event, **fields):
    with _writing:
        sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
        sys.stdout.flush()


def record(partition, offset, value):
    tell("record", partition=partition, offset=offset, value=value.decode())


def error(problem):
    tell("error", text=f"{type(problem).__name__}: {problem}")
