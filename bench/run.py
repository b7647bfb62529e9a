#!/usr/bin/env python3
"""Measures Barnabas beside a real Kafka and a bare floor program, in turn, and prints the ratios.

  bench/run.py                      everything: some forty minutes
  bench/run.py --quick              smaller and shorter: a few minutes; ratios are rough
  bench/run.py --rows produce-1,fetch --rounds 3
  bench/run.py --without-kafka      only ours and the floor

BARNABAS_BUILD names the build tree (default: build) in which `make bench` was run; KAFKA_CLASSPATH is Kafka's
class path, else the jars of `scripts/fetch-test-jars.sh kafka-3.9.1` are used. The results are also written to
bench/results/. bench/README.md says what the rows mean.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import rows
from systems import HERE, KINDS, SOURCE, ZooKeeper, environment
from table import build_table, format_table


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [*rows.loads(rows.Sizes(False)), "life", *rows.SPECIALS]
    parser.add_argument("--rows", help="of: " + ", ".join(names))
    parser.add_argument("--rounds", type=int, help="of every row; 5, or 1 with --quick")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--without-kafka", action="store_true")
    parser.add_argument("--warm-gb", type=int, default=None, help="page cache to touch first (8, or 2 with --quick)")
    parser.add_argument("--folder", help="where the systems keep their logs (default: a new one under /var/tmp)")
    parser.add_argument("--no-results", action="store_true", help="write nothing to bench/results")
    options = parser.parse_args()
    options.rows = options.rows.split(",") if options.rows else names
    unknown = set(options.rows) - set(names)
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if options.rounds is None:
        options.rounds = 1 if options.quick else 5
    if options.warm_gb is None:
        options.warm_gb = 2 if options.quick else 8
    return options


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


class Bench:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.sizes = rows.Sizes(options.quick)
        self.brokers = ["ours"] if options.without_kafka else ["ours", "kafka"]
        self.results = {}  # row -> system -> list of dicts
        self.problems = []
        self.zookeeper = ZooKeeper(os.path.join(folder, "zookeeper"))
        self.made = 0

    def new(self, kind):
        self.made += 1
        return KINDS[kind](os.path.join(self.folder, f"{kind}-{self.made}"), self.zookeeper)

    def note(self, row, kind, measure):
        """Runs one measurement; a failure is noted and the others go on."""
        try:
            found = measure()
        except Exception as problem:  # noqa: BLE001 - reported in the table's notes
            first = str(problem).strip().splitlines()[0] if str(problem).strip() else repr(problem)
            say(f"  {row} {kind}: FAILED: {first}")
            self.problems.append(f"{row}, {kind}: {first}")
            return
        self.results.setdefault(row, {}).setdefault(kind, []).append(found)
        shown = {k: v for k, v in found.items() if k in SHOWN or len(found) < 14}
        say(f"  {row} {kind}: " + ", ".join(f"{k} {v:.4g}" for k, v in shown.items()))

    def run_loads(self):
        wanted = [name for name in rows.loads(self.sizes) if name in self.options.rows]
        if not wanted:
            return
        systems = {kind: self.new(kind) for kind in [*self.brokers, "floor"]}
        try:
            for kind, system in systems.items():
                say(f"starting and warming {kind}")
                system.start()
                rows.warm_up(system, self.sizes)
            for name in wanted:
                for number in range(self.options.rounds):
                    say(f"{name}, round {number + 1}")
                    for kind, system in systems.items():
                        if name == "flush" and kind == "floor":
                            continue
                        self.note(name, kind, lambda s=system, n=number: rows.run_load(s, name, self.sizes, n))
            for kind in self.brokers:
                self.note("loaded", kind, systems[kind].memory)
        finally:
            for system in systems.values():
                system.destroy()

    def run_fresh(self, row, measure, rounds, keep_files=False):
        made = []
        try:
            for number in range(rounds):
                say(f"{row}, round {number + 1}")
                for kind in self.brokers:
                    made.append(self.new(kind))
                    self.note(row, kind, lambda s=made[-1]: measure(s, self.sizes))
                    made[-1].end()
                    if not keep_files:
                        made.pop().destroy()
                    os.sync()
        finally:
            for system in made:
                system.destroy()

    def run(self):
        self.zookeeper.start()
        try:
            self.run_loads()
            if "life" in self.options.rows:
                # On an ext4 without a journal a thousand new files cost seconds of the kernel's time for some
                # minutes after thousands were deleted (it passes over inodes that were freed lately).
                self.run_fresh("life", rows.run_life, min(3, self.options.rounds), keep_files=True)
            for name, measure in rows.SPECIALS.items():
                if name in self.options.rows:
                    self.run_fresh(name, measure, min(3, self.options.rounds))
        finally:
            self.zookeeper.stop()

    def medians(self):
        found = {}
        for row, kinds in self.results.items():
            for kind, runs in kinds.items():
                found[row, kind] = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        return found


SHOWN = {"requests_per_s", "cpu_us", "cpu_s_per_gb", "p50_us", "p99_us", "p999_us"}


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


def write_results(text):
    folder = os.path.join(HERE, "results")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, time.strftime("%Y-%m-%d-%H%M%S.md"))
    with open(path, "w") as out:
        out.write(text)
    say(f"written to {os.path.relpath(path)}")


def main():
    options = parse_arguments()
    folder = tempfile.mkdtemp(prefix="barnabas-bench-", dir=options.folder or "/var/tmp")
    load_before = os.getloadavg()[0]
    try:
        if options.warm_gb > 0:
            warm_page_cache(folder, options.warm_gb)
        bench = Bench(options, folder)
        bench.run()
    except KeyboardInterrupt:
        say("interrupted: what was measured so far follows")
    except environment.Missing as problem:
        sys.exit(f"run.py: {problem}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = (
        f"# Benchmark of {time.strftime('%Y-%m-%d %H:%M')}\n\n"
        f"* Machine: {machine()}; load average before: {load_before:.1f}\n"
        f"* Tree: {commit()}\n"
        f"* Command: `bench/run.py {' '.join(sys.argv[1:])}`, {options.rounds} rounds, medians\n\n"
        + format_table(build_table(bench.medians(), bench.sizes))
    )
    if bench.problems:
        text += "\nNot measured:\n\n" + "".join(f"* {problem}\n" for problem in bench.problems)
    print(text)
    if not options.no_results:
        write_results(text)
    return 1 if bench.problems else 0


if __name__ == "__main__":
    sys.exit(main())
