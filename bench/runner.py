"""What every run has in common: systems made and taken down, rows repeated in turn, failures named, results kept."""

import contextlib
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time

from systems import HERE, SOURCE

_numbers = itertools.count(1)


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def warm_page_cache(folder, gigabytes):
    """A fresh virtual machine pays for every page that was never touched; pay before the first row."""
    say(f"touching {gigabytes} GB of page cache")
    path = os.path.join(folder, "warm")
    block = bytes(1 << 20)
    with open(path, "wb", buffering=0) as out:
        for _ in range(gigabytes * 1024):
            out.write(block)
    os.unlink(path)
    os.sync()


class Results:
    """row -> system -> what each round found; every one is written down at once, so that a run can go on where
    another one ended."""

    def __init__(self, path=None, earlier=None):
        self.found = {}
        self.problems = []
        self.out = None
        if earlier:
            with open(earlier) as lines:
                for line in lines:
                    entry = json.loads(line)
                    self._take(entry["row"], entry["system"], entry["found"])
        if path:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self.out = open(path, "a")  # noqa: SIM115 - for the whole run

    def _take(self, row, kind, found):
        self.found.setdefault(row, {}).setdefault(kind, []).append(found)

    def add(self, row, kind, found):
        self._take(row, kind, found)
        if self.out:
            self.out.write(json.dumps({"row": row, "system": kind, "found": found}) + "\n")
            self.out.flush()

    def rounds(self, row, kind):
        return len(self.found.get(row, {}).get(kind, []))

    def medians(self):
        return {
            (row, kind): {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            for row, kinds in self.found.items()
            for kind, runs in kinds.items()
        }


class Runner:
    """make(kind, folder) gives a system; `shown` are the figures that are said as they come."""

    def __init__(self, folder, kinds, make, results, rounds, shown=()):
        self.folder = folder
        self.kinds = kinds
        self.make = make
        self.results = results
        self.rounds = rounds
        self.shown = shown

    def new(self, kind):
        """A folder's name is also that of the chroot, which stays: no two of a run are the same."""
        return self.make(kind, os.path.join(self.folder, f"{kind}-{next(_numbers)}"))

    def note(self, row, kind, measure):
        """Runs one measurement; a failure is noted and the others go on. Whether it succeeded."""
        try:
            found = measure()
        except Exception as problem:  # noqa: BLE001 - reported in the table's notes
            first = str(problem).strip().splitlines()[0] if str(problem).strip() else repr(problem)
            say(f"  {row} {kind}: FAILED: {first}")
            self.results.problems.append(f"{row}, {kind}: {first}")
            return False
        self.results.add(row, kind, found)
        shown = {k: v for k, v in found.items() if k in self.shown or len(found) < 14}
        say(f"  {row} {kind}: " + ", ".join(f"{k} {v:.4g}" for k, v in shown.items()))
        return True

    def lacks(self, row, kind, number):
        return self.results.rounds(row, kind) <= number

    def run_standing(self, rows, prepare, at_end=None, without=()):
        """rows: name -> measure(system, round), in turn on systems that stay up. prepare(system) starts and warms
        one; a system that failed a row is made anew. without: (row, kind) pairs that there are not."""
        standing = {}
        with contextlib.ExitStack() as cleanup:

            def stand(kind):
                if kind not in standing:
                    say(f"starting and warming {kind}")
                    system = self.new(kind)
                    cleanup.callback(system.destroy)
                    try:
                        prepare(system)
                    except BaseException:
                        system.destroy()
                        raise
                    standing[kind] = system
                return standing[kind]

            for name, measure in rows.items():
                for number in range(self.rounds):
                    wanted = [k for k in self.kinds if (name, k) not in without and self.lacks(name, k, number)]
                    if wanted:
                        say(f"{name}, round {number + 1}")
                    for kind in wanted:
                        if not self.note(name, kind, lambda k=kind, m=measure, n=number: m(stand(k), n)):
                            failed = standing.pop(kind, None)
                            if failed:
                                failed.destroy()
            for kind, system in standing.items():
                if at_end:
                    at_end(kind, system)

    def run_fresh(self, row, measure, rounds, keep_files=False, without=()):
        """measure(system) on a new system each time, which it starts itself. keep_files: until the end of the run.
        On an ext4 without a journal a thousand new files cost seconds of the kernel's time for some minutes after
        thousands were deleted (it passes over inodes that were freed lately)."""
        for number in range(rounds):
            wanted = [k for k in self.kinds if k not in without and self.lacks(row, k, number)]
            if wanted:
                say(f"{row}, round {number + 1}")
            for kind in wanted:
                system = self.new(kind)
                try:
                    self.note(row, kind, lambda s=system: measure(s))
                finally:
                    if keep_files:
                        system.end()
                    else:
                        system.destroy()
                os.sync()


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
    with open("/proc/meminfo") as info:
        memory = int(info.readline().split()[1]) / (1 << 20)
    return f"{os.cpu_count()} x {model}, {memory:.0f} GB, Linux {platform.release()}"


def commit():
    done = subprocess.run(["git", "-C", SOURCE, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def results_path(ending):
    return os.path.join(HERE, "results", time.strftime("%Y-%m-%d-%H%M%S") + ending)
