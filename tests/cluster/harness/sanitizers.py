"""Reports of sanitizers: every program that the tests start writes them to files of one folder, so that none
is lost, whoever reads the program's output, and each fails the test during which it appeared."""

import functools
import os

from . import environment

# Set by the run before the first program is started.
_folder = None
_seen = {}


def report_to(folder):
    """Reports go to files of this folder from now on."""
    global _folder
    _folder = str(folder)
    os.makedirs(_folder, exist_ok=True)
    _seen.clear()


def settings():
    """Environment for a program that may be built with a sanitizer. What the caller of the tests set for a
    sanitizer stands before ours, which win where both name an option."""
    ours = {
        # The shims of LD_PRELOAD stand before the runtime, and only pass calls on to it.
        "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:verify_asan_link_order=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": "halt_on_error=0:second_deadlock_stack=1:history_size=4",
    }
    if _folder is not None:
        ours = {name: f"{text}:log_path={_folder}/report" for name, text in ours.items()}
    return {name: ":".join(filter(None, (os.environ.get(name), text))) for name, text in ours.items()}


@functools.cache
def _is_sanitized(path):
    with open(path, "rb") as program:
        text = program.read()
    return b"__asan_init" in text or b"__tsan_init" in text


def memory_tells(broker):
    """True where the memory of the broker's process says something of us: not of Kafka's, nor where most of it
    is a sanitizer's."""
    return broker.kind == "barnabas" and not _is_sanitized(environment.barnabas_server())


def of_threads():
    """True where the broker is built with ThreadSanitizer: then it is without jemalloc, and its tools, which use
    librdkafka, do not run."""
    with open(environment.barnabas_server(), "rb") as program:
        return b"__tsan_init" in program.read()


def fresh():
    """What was reported since the last call: one text for each process, or an empty list."""
    found = []
    for name in sorted(os.listdir(_folder)):
        with open(os.path.join(_folder, name), encoding="utf-8", errors="replace") as report:
            text = report.read()
        if text[_seen.get(name, 0) :].strip():
            found.append(f"{name}:\n{text[_seen.get(name, 0):]}")
        _seen[name] = len(text)
    return found
