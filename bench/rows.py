"""The rows of the table: what each one does to a system, and what is read from it.

Three kinds:
  LOADS     one run of bench/load against systems that stay up, in turn
  LIVES     a broker's life from an empty directory on: start, topics, stop, start, memory
  SPECIALS  the others, each a function of a fresh broker
"""

import glob
import json
import os
import statistics
import subprocess
import threading
import time

from compaction import run_compact
from systems import load_argv, tool


class Sizes:
    """How long and how much; --quick makes everything smaller."""

    def __init__(self, quick):
        self.seconds = 2 if quick else 6
        self.big_requests = 500 if quick else 2000
        self.fetch_batches = 2500 if quick else 10000  # of 100 KB
        self.warm_requests = 30000 if quick else 60000
        self.life_partitions = 1000
        self.many_partitions = 1000 if quick else 5000
        self.idle_connections = 1000
        self.idle_seconds = 8 if quick else 30
        self.producer_ids = 100000 if quick else 1000000
        self.paced_seconds = 4 if quick else 10
        self.cold_turns = 3
        self.compact_records = 250000 if quick else 1000000  # of 1 KB


# name: (title, kind of load, options, partitions)
def loads(sizes):
    s = sizes.seconds
    return {
        "produce-1": ("Produce 1 x 100 B, 1 in flight", "produce", dict(in_flight=1, seconds=s)),
        "produce-16": ("Produce 1 x 100 B, 16 in flight", "produce", dict(in_flight=16, seconds=s)),
        "produce-80": ("Produce 80 x 100 B, 5 in flight", "produce", dict(records=80, in_flight=5, seconds=s)),
        "produce-40": (
            "Produce 40 x 200 B, 5 in flight",
            "produce",
            dict(records=40, record_bytes=200, in_flight=5, seconds=s),
        ),
        "produce-big": (
            "Produce 900 x 1 KB (0.93 MB), 2 in flight",
            "produce",
            dict(records=900, record_bytes=1024, in_flight=2, requests=sizes.big_requests),
        ),
        "fetch": ("Fetch, 1 MB answers", "fetch", dict(in_flight=1, seconds=s)),
        "paced-2000": (
            "paced 2 000 requests/s of 1 KB",
            "produce",
            dict(record_bytes=1024, in_flight=256, rate=2000, seconds=sizes.paced_seconds),
        ),
        "paced-5000": (
            "paced 5 000 requests/s of 1 KB",
            "produce",
            dict(record_bytes=1024, in_flight=256, rate=5000, seconds=sizes.paced_seconds),
        ),
        "flush": (
            "flush.messages=1, 64 producers of 1 KB",
            "produce",
            dict(record_bytes=1024, connections=64, in_flight=1, seconds=s),
        ),
    }


PARTITIONS = 4
FETCH_RECORDS = 100  # of 1 KB per batch: answers of 1 MB hold ten


def run_load(system, name, sizes, number):
    """One run of a load row on a topic of its own, which is gone afterwards."""
    _, kind, options = loads(sizes)[name]
    topic = f"{name}-{number}"
    configs = {"flush.messages": "1"} if name == "flush" else {}
    system.create_topic(topic, PARTITIONS, configs)
    common = dict(topic=topic, partitions=PARTITIONS)
    if name == "fetch":
        per_partition = sizes.fetch_batches // PARTITIONS
        fill = dict(records=FETCH_RECORDS, record_bytes=1024, in_flight=2, requests=per_partition * PARTITIONS)
        system.load("produce", **fill, **common)
        span = per_partition * FETCH_RECORDS - 2000
        options = dict(options, step=1000, count=span // 1000)
    else:
        warm_in_flight = min(options["in_flight"], 5)
        warm = dict(options, rate=None, seconds=None, requests=400, in_flight=warm_in_flight)
        system.load(kind, **warm, **common)
    report = system.load(kind, **options, **common)
    system.delete_topic(topic)
    os.sync()
    return report


def warm_up(system, sizes):
    """Compiles what a JVM compiles; harmless for the others."""
    system.create_topic("warm", PARTITIONS)
    common = dict(topic="warm", partitions=PARTITIONS)
    system.load("produce", in_flight=16, requests=sizes.warm_requests, **common)
    system.load("produce", in_flight=1, requests=sizes.warm_requests // 2, **common)
    system.load("produce", records=80, in_flight=5, requests=sizes.warm_requests // 2, **common)
    system.load("fetch", requests=2000, step=100, count=100, **common)
    system.delete_topic("warm")


# --- a broker's life -------------------------------------------------------------------------------


def run_life(system, sizes):
    """start_s, create_s, created_s, stop_s, restart_s, and memory at three moments."""
    found = {"start_s": system.start()}
    time.sleep(2)
    found.update({f"idle_{key}": value for key, value in system.memory().items()})
    found["create_s"], found["created_s"] = system.create_topic("thousand", sizes.life_partitions)
    time.sleep(2)
    found.update({f"thousand_{key}": value for key, value in system.memory().items()})
    found["stop_s"] = system.stop()
    begin = time.monotonic()
    found["restart_s"] = system.start()
    system.wait_leaders("thousand", sizes.life_partitions)
    found["leads_s"] = time.monotonic() - begin
    return found


# --- the others ------------------------------------------------------------------------------------


def run_many(system, sizes):
    """Producing to N partitions in turn against producing to 1, and idling with them."""
    system.start()
    system.create_topic("many", sizes.many_partitions)
    common = dict(topic="many", in_flight=16, seconds=sizes.seconds)
    system.load("produce", topic="many", in_flight=16, partitions=sizes.many_partitions, in_turn=True,
                requests=max(20000, 4 * sizes.many_partitions))
    one = system.load("produce", partitions=1, **common)
    turn = system.load("produce", partitions=sizes.many_partitions, in_turn=True, **common)
    found = {
        "one_per_s": one["requests_per_s"],
        "turn_per_s": turn["requests_per_s"],
        "loss": max(0.0, 1 - turn["requests_per_s"] / one["requests_per_s"]),
        "one_cpu_us": one["cpu_us"],
        "turn_cpu_us": turn["cpu_us"],
        "cpu_loss": max(0.0, 1 - one["cpu_us"] / turn["cpu_us"]),
    }
    found["idle_cpu"] = idle_cpu(system, sizes)
    return found


def idle_cpu(system, sizes):
    argv = load_argv(system.port, "hold", dict(connections=sizes.idle_connections))
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hold:
        assert hold.stdout.readline() == "ready\n", f"{system.name} took not {sizes.idle_connections} connections"
        time.sleep(5)
        before = system.cpu_s()
        time.sleep(sizes.idle_seconds)
        used = system.cpu_s() - before
        hold.stdin.close()
        hold.wait()
    return used / sizes.idle_seconds


def run_producer_ids(system, sizes):
    system.start()
    system.create_topic("ids", PARTITIONS)
    time.sleep(2)
    before = system.memory()
    system.load("produce", topic="ids", partitions=PARTITIONS, in_flight=16, producer_ids=100000,
                requests=sizes.producer_ids)
    after = system.memory()
    return {
        "anonymous_mb": after["anonymous_mb"],
        "resident_mb": after["resident_mb"],
        "grown_mb": after["anonymous_mb"] - before["anonymous_mb"],
    }


def drop_page_cache(folder):
    for path in glob.glob(os.path.join(folder, "*.log")):
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


MEGABYTE = 1 << 20


def read_outside(folder, megabytes_per_s, end):
    """Reads a partition's segments as a paced reader of the broker does, without the broker."""
    done = 0
    begin = time.monotonic()
    for path in sorted(glob.glob(os.path.join(folder, "*.log"))):
        with open(path, "rb", buffering=0) as log:
            while log.readinto(bytearray(MEGABYTE)):
                done += 1
                due = begin + done / megabytes_per_s
                if due > end:
                    return
                time.sleep(max(0, due - time.monotonic()))


def run_cold(system, sizes):
    """p99 of paced producers alone, beside one reader of what is on the disk only, and while somebody else reads
    the same bytes at the same pace: what the machine itself does to the producers. In turn, several times."""
    system.start()
    system.create_topic("cold", 1)
    system.create_topic("hot", PARTITIONS)
    batches = sizes.fetch_batches
    seconds = sizes.paced_seconds
    system.load("produce", topic="cold", records=FETCH_RECORDS, record_bytes=1024, in_flight=2, requests=batches)
    hot = dict(topic="hot", partitions=PARTITIONS, record_bytes=1024, in_flight=256, rate=5000)
    system.load("produce", **dict(hot, seconds=2))
    folder = system.partition_folder("cold")
    answers = (batches - 20) * FETCH_RECORDS // 1000  # of 1 MB: once through the log, no byte twice
    pace = answers // seconds
    reader = load_argv(
        system.port,
        "fetch",
        dict(topic="cold", connections=1, step=1000, count=answers, rate=pace, in_flight=2, seconds=seconds),
    )
    p99 = {"alone": [], "beside": [], "outside": []}

    def make_cold():
        """Before each of them, with a rest: what it leaves behind slows the first writes down."""
        os.sync()
        drop_page_cache(folder)
        time.sleep(1)

    for _ in range(sizes.cold_turns):
        make_cold()
        p99["alone"].append(system.load("produce", **hot, seconds=seconds)["p99_us"])
        make_cold()
        with subprocess.Popen(reader, stdout=subprocess.PIPE, text=True) as reading:
            p99["beside"].append(system.load("produce", **hot, seconds=seconds)["p99_us"])
            report = json.loads(reading.stdout.read())
        assert not report["errors"], f"the cold reader had error {report['first_error']}"
        make_cold()
        outside = threading.Thread(target=read_outside, args=(folder, pace, time.monotonic() + seconds))
        outside.start()
        p99["outside"].append(system.load("produce", **hot, seconds=seconds)["p99_us"])
        outside.join()
    found = {f"{name}_p99_us": statistics.median(values) for name, values in p99.items()}
    found["raised"] = found["beside_p99_us"] / found["alone_p99_us"]
    found["machine_raised"] = found["outside_p99_us"] / found["alone_p99_us"]
    found["raised_by_us"] = found["beside_p99_us"] / max(found["alone_p99_us"], found["outside_p99_us"])
    return found


LOOKUP_FROM_MS = 1700000000000
LOGS_GB = {"small": 1, "large": 100}


def make_sparse_log(folder, segments):
    """Replaces the log in a stopped broker's partition directory; the number of batches in the new one."""
    for extension in ("log", "index", "timeindex", "snapshot"):
        for path in glob.glob(os.path.join(folder, "*." + extension)):
            os.unlink(path)
    argv = [tool("sparse_log"), folder, str(segments), str(LOOKUP_FROM_MS)]
    return int(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


def run_lookup(system, sizes):
    """CPU and median time of finding one batch by its offset and by its time, in a log of 1 GB and of 100 GB."""
    system.start()
    for name in LOGS_GB:
        system.create_topic(name, 1, {"retention.ms": "-1"})
    system.stop()
    batches = {name: make_sparse_log(system.partition_folder(name), gb) for name, gb in LOGS_GB.items()}
    system.start()
    found = {}
    for name in LOGS_GB:
        system.wait_leaders(name, 1)
        common = dict(topic=name, scatter=True, count=batches[name], step=1000)
        for kind, start, more in (
            ("fetch", 999, dict(fetch_bytes=64)),
            ("list-offsets", LOOKUP_FROM_MS, {}),
        ):
            options = {"from": start, **more, **common}
            system.load(kind, requests=batches["large"], **options)  # each place once: from here on all is cached
            report = system.load(kind, seconds=sizes.seconds, **options)
            key = f"{name}_{'offset' if kind == 'fetch' else 'time'}"
            found[f"{key}_us"] = report["cpu_us"]
            found[f"{key}_p50_us"] = report["p50_us"]
    found["offset_ratio"] = found["large_offset_us"] / found["small_offset_us"]
    found["time_ratio"] = found["large_time_us"] / found["small_time_us"]
    return found


SPECIALS = {"many": run_many, "producer-ids": run_producer_ids, "cold": run_cold, "lookup": run_lookup,
            "compact": run_compact}
