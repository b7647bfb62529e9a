#!/usr/bin/env python3
"""Measures Barnabas beside a real Kafka and a bare floor program, in turn, and prints the ratios.

  bench/run.py                      one broker, everything: some forty minutes
  bench/run.py --cluster --rounds 1 three brokers, everything: some forty minutes
  bench/run.py --groups --rounds 1  consumer groups, everything: a quarter of an hour
  bench/run.py --quick              smaller and shorter: a few minutes; ratios are rough
  bench/run.py --rows produce-1,fetch --rounds 3
  bench/run.py --without-kafka      only ours and the floor
  bench/run.py --resume FILE        what FILE (bench/results/*.jsonl of a run that was broken off) has is not run again

BARNABAS_BUILD names the build tree (default: build) in which `make bench` was run; KAFKA_CLASSPATH is Kafka's
class path, else the jars of `scripts/fetch-test-jars.sh kafka-3.9.1` are used. The results are also written to
bench/results/. bench/README.md says what the rows mean.
"""

import argparse
import collections
import os
import shutil
import sys
import tempfile
import time

import cluster_rows
import group_rows
import rows
from cluster_table import cluster_lines
from clusters import Cluster
from group_table import group_lines
from runner import Results, Runner, commit, machine, results_path, say, warm_page_cache
from systems import KINDS, ZooKeeper, environment
from table import build_table, format_table, lines


SHOWN = {"requests_per_s", "cpu_us", "cpu_s_per_gb", "p50_us", "p99_us", "p999_us"}


def run_single(options, sizes, folder, zookeeper, results):
    brokers = ["ours"] if options.without_kafka else ["ours", "kafka"]

    def runner(kinds):
        return Runner(folder, kinds, lambda kind, at: KINDS[kind](at, zookeeper), results, options.rounds, SHOWN)

    def prepare(system):
        system.start()
        rows.warm_up(system, sizes)

    loads = {
        name: lambda system, number, n=name: rows.run_load(system, n, sizes, number)
        for name in rows.loads(sizes)
        if name in options.rows
    }
    standing = runner([*brokers, "floor"])

    def remember_memory(kind, system):
        if kind in brokers and standing.lacks("loaded", kind, 0):
            standing.note("loaded", kind, system.memory)

    standing.run_standing(loads, prepare, at_end=remember_memory, without={("flush", "floor")})
    fresh = runner(brokers)
    rounds = min(3, options.rounds)
    if "life" in options.rows:
        fresh.run_fresh("life", lambda system: rows.run_life(system, sizes), rounds, keep_files=True)
    for name, measure in rows.SPECIALS.items():
        if name in options.rows:
            fresh.run_fresh(name, lambda system, m=measure: m(system, sizes), rounds)


def run_cluster(options, sizes, folder, zookeeper, results):
    kinds = ("ours",) if options.without_kafka else ("ours", "kafka")
    runner = Runner(folder, kinds, lambda kind, at: Cluster(kind, at, zookeeper), results, options.rounds)
    # First, and their files stay: see keep_files.
    for name, measure in cluster_rows.FRESH.items():
        if name in options.rows:
            rounds = min(3, options.rounds)
            runner.run_fresh(name, lambda cluster, m=measure: m(cluster, sizes), rounds, keep_files=True)
    standing = {
        name: lambda cluster, number, m=measure: m(cluster, sizes, number)
        for name, measure in cluster_rows.STANDING.items()
        if name in options.rows
    }
    runner.run_standing(standing, lambda cluster: cluster_rows.start_and_warm(cluster, sizes))


def run_groups(options, sizes, folder, zookeeper, results):
    kinds = ("ours",) if options.without_kafka else ("ours", "kafka")
    rounds = min(3, options.rounds)

    def single(settings=None, also=()):
        make = lambda kind, at: KINDS[kind](at, zookeeper, settings)  # noqa: E731
        return Runner(folder, (*kinds, *also), make, results, options.rounds)

    def three(settings):
        make = lambda kind, at: Cluster(kind, at, zookeeper, settings)  # noqa: E731
        return Runner(folder, kinds, make, results, options.rounds)

    def wanted(table):
        return {name: row for name, row in table.items() if name in options.rows}

    def standing(runner, table, prepare, without=()):
        found = {name: lambda system, number, m=row: m(system, sizes, number) for name, row in wanted(table).items()}
        runner.run_standing(found, lambda system: prepare(system, sizes), without=without)

    def fresh(make_runner, table):
        for name, (row, settings) in wanted(table).items():
            make_runner(settings).run_fresh(name, lambda system, m=row: m(system, sizes), rounds)

    without = {(name, "floor") for name in group_rows.STANDING.keys() - group_rows.REQUESTS.keys()}
    standing(single(also=("floor",)), group_rows.STANDING, group_rows.start_and_warm, without)
    fresh(single, group_rows.FRESH)
    fresh(three, group_rows.CLUSTER_FRESH)
    cluster = three(group_rows.CLUSTER_SETTINGS)
    standing(cluster, group_rows.CLUSTER_STANDING, group_rows.start_and_warm_cluster)


# What is measured together: names of its rows, how they are run, the table's lines, who is compared, its sizes.
Set = collections.namedtuple("Set", "names run lines kinds sizes")
SETS = {
    "": Set(
        [*rows.loads(rows.Sizes(False)), "life", *rows.SPECIALS],
        run_single,
        lines,
        ("ours", "kafka", "floor"),
        rows.Sizes,
    ),
    "cluster": Set(
        [*cluster_rows.STANDING, *cluster_rows.FRESH],
        run_cluster,
        cluster_lines,
        ("ours", "kafka"),
        cluster_rows.Sizes,
    ),
    "groups": Set(group_rows.NAMES, run_groups, group_lines, ("ours", "kafka", "floor"), group_rows.Sizes),
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--cluster", action="store_const", dest="set", const="cluster", help="the rows of three brokers")
    which.add_argument("--groups", action="store_const", dest="set", const="groups", help="the rows of consumer groups")
    named = "; ".join(f"{'--' if name else ''}{name} {', '.join(one.names)}".strip() for name, one in SETS.items())
    parser.add_argument("--rows", help=f"of: {named}")
    parser.add_argument("--rounds", type=int, help="of every row; 5, or 1 with --quick")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--without-kafka", action="store_true")
    parser.add_argument("--warm-gb", type=int, default=None, help="page cache to touch first (8, or 2 with --quick)")
    parser.add_argument("--folder", help="where the systems keep their logs (default: a new one under /var/tmp)")
    parser.add_argument("--resume", metavar="FILE", help="go on with the run that wrote this .jsonl")
    parser.add_argument("--no-results", action="store_true", help="write nothing to bench/results")
    parser.set_defaults(set="")
    options = parser.parse_args()
    names = SETS[options.set].names
    options.rows = options.rows.split(",") if options.rows else names
    unknown = set(options.rows) - set(names)
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if options.resume and not os.path.isfile(options.resume):
        parser.error(f"--resume: there is no file {options.resume}")
    if options.rounds is None:
        options.rounds = 1 if options.quick else 5
    if options.warm_gb is None:
        options.warm_gb = 2 if options.quick else 8
    return options


def measure(options, sizes, folder, results):
    if options.warm_gb > 0:
        warm_page_cache(folder, options.warm_gb)
    zookeeper = ZooKeeper(os.path.join(folder, "zookeeper"))
    zookeeper.start()
    try:
        SETS[options.set].run(options, sizes, folder, zookeeper, results)
    finally:
        zookeeper.stop()


def report(options, sizes, results, load_before):
    chosen = SETS[options.set]
    text = (
        f"# Benchmark of {time.strftime('%Y-%m-%d %H:%M')}\n\n"
        f"* Machine: {machine()}; load average before: {load_before:.1f}\n"
        f"* Tree: {commit()}\n"
        f"* Command: `bench/run.py {' '.join(sys.argv[1:])}`, {options.rounds} rounds, medians\n\n"
        + format_table(*build_table(chosen.lines(sizes), results.medians(), chosen.kinds))
    )
    if results.problems:
        text += "\nNot measured:\n\n" + "".join(f"* {problem}\n" for problem in results.problems)
    return text


def main():
    options = parse_arguments()
    folder = tempfile.mkdtemp(prefix="barnabas-bench-", dir=options.folder or "/var/tmp")
    load_before = os.getloadavg()[0]
    kept = None if options.no_results else options.resume or results_path(".jsonl")
    results = Results(kept, options.resume)
    sizes = SETS[options.set].sizes(options.quick)
    try:
        try:
            measure(options, sizes, folder, results)
        except KeyboardInterrupt:
            say("interrupted: what was measured so far follows")
        text = report(options, sizes, results, load_before)
        print(text, flush=True)
        if kept:
            path = kept.removesuffix(".jsonl") + ".md"
            with open(path, "w") as out:
                out.write(text)
            say(f"written to {os.path.relpath(path)}")
    except environment.Missing as problem:
        sys.exit(f"run.py: {problem}")
    finally:
        say(f"deleting {folder}")
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if results.problems else 0


if __name__ == "__main__":
    sys.exit(main())
