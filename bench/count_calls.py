"""Counts the system calls (strace) and allocations (malloc_count.so) of the broker per request."""

import argparse
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

from systems import Barnabas, Floor, ZooKeeper, environment, tool

CASES = (
    ("Produce 1 x 100 B, 1 in flight", "produce", dict(in_flight=1)),
    ("Produce 1 x 100 B, 16 in flight", "produce", dict(in_flight=16)),
    ("Produce 80 x 100 B, 5 in flight", "produce", dict(records=80, in_flight=5)),
    ("Produce 900 x 1 KB, 2 in flight", "produce", dict(records=900, record_bytes=1024, in_flight=2)),
    *(
        (f"Produce 80 x 100 B, {codec}", "produce", dict(records=80, in_flight=5, codec=codec))
        for codec in ("gzip", "snappy", "lz4", "zstd")
    ),
    ("Fetch of 1 KB", "fetch", dict(fetch_bytes=1024, step=80, count=1000)),
    ("Fetch of 8.8 KB", "fetch", dict(fetch_bytes=8800, step=80, count=1000)),
    ("Fetch of 1 MB", "fetch", dict(fetch_bytes=1 << 20, step=80, count=1000)),
)

# "% time  seconds  usecs/call  calls  [errors]  name"
_STRACE_LINE = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:(\d+)\s+)?(\w+)$")


def requests_of(kind, options):
    big = options.get("records", 1) >= 900 or options.get("fetch_bytes", 0) >= 1 << 20
    return 1000 if big else 20000


class Counted(Barnabas):
    def env(self):
        return dict(os.environ, LD_PRELOAD=tool("malloc_count.so"), MALLOC_COUNT_FILE=self.counters)

    @property
    def counters(self):
        return os.path.join(self.folder, "mallocs")

    def allocations(self):
        with open(self.counters, "rb") as counted:
            allocated, resized, _, _ = struct.unpack("=4Q", counted.read(32))
        return allocated + resized


def prepare(system, topic):
    system.start()
    system.create_topic(topic, 4)
    system.load("produce", topic=topic, partitions=4, records=80, in_flight=5, requests=8000)
    for _, kind, options in CASES:
        system.load(kind, topic=topic, partitions=4, requests=500, **options)


def traced(system, topic, kind, options, folder):
    summary = os.path.join(folder, "strace")
    argv = ["strace", "-c", "-f", "-o", summary, "-p", str(system.process.pid)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as strace:
        strace.stderr.readline()  # "attached"
        time.sleep(0.5)
        count = requests_of(kind, options)
        system.load(kind, topic=topic, partitions=4, requests=count, **options)
        strace.send_signal(signal.SIGINT)
        strace.stderr.read()
    found = {}
    with open(summary) as lines:
        for line in lines:
            match = _STRACE_LINE.match(line)
            if match and match.group(3) != "total":
                found[match.group(3)] = int(match.group(1)) / count
    return found


def count_system_calls(kinds, zookeeper, folder):
    print("| system calls per request | in all | of which |\n|---|---|---|")
    for kind in kinds:
        system = kind(os.path.join(folder, f"{kind.name}-strace"), zookeeper)
        try:
            prepare(system, "calls")
            for title, what, options in CASES:
                found = traced(system, "calls", what, options, folder)
                main = {name: each for name, each in found.items() if each >= 0.005}
                parts = ", ".join(f"{name} {each:.2f}" for name, each in sorted(main.items(), key=lambda x: -x[1]))
                print(f"| {kind.name}: {title} | {sum(found.values()):.2f} | {parts} |", flush=True)
        finally:
            system.destroy()


def count_allocations(zookeeper, folder):
    print("\n| allocations per request | |\n|---|---|")
    system = Counted(os.path.join(folder, "ours-mallocs"), zookeeper)
    try:
        prepare(system, "calls")
        for title, kind, options in CASES:
            count = requests_of(kind, options)
            before = system.allocations()
            system.load(kind, topic="calls", partitions=4, requests=count, **options)
            print(f"| ours: {title} | {(system.allocations() - before) / count:.4f} |", flush=True)
    finally:
        system.destroy()


def main():
    parser = argparse.ArgumentParser(prog="count-syscalls.sh", description=__doc__)
    parser.add_argument("--no-floor", action="store_true")
    parser.add_argument("--allocations-only", action="store_true")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="barnabas-count-", dir="/var/tmp")
    zookeeper = None
    try:
        zookeeper = ZooKeeper(os.path.join(folder, "zookeeper"))
        zookeeper.start()
        if not options.allocations_only:
            environment.program("strace")
            count_system_calls([Barnabas] if options.no_floor else [Barnabas, Floor], zookeeper, folder)
        count_allocations(zookeeper, folder)
    except environment.Missing as problem:
        sys.exit(f"count-syscalls.sh: {problem}")
    finally:
        if zookeeper:
            zookeeper.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
