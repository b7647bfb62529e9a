"""The rows of three brokers: what each one does to a cluster, and what is read from it.

Two kinds, each a function of a cluster:
  STANDING  on clusters that stay up, in turn
  FRESH     on a new cluster, which the row starts itself
"""

import contextlib
import os
import resource
import signal
import statistics
import time

from clusters import BROKERS, reports, settle
from pacer import Pacer

PARTITIONS = 6
RECORD_BYTES = 100
REPLICATED = {"min.insync.replicas": "2"}


class Sizes:
    """How long and how much; --quick makes everything smaller."""

    def __init__(self, quick):
        self.warm_records = 500_000 if quick else 2_000_000
        self.records = 1_000_000 if quick else 5_000_000
        self.each_of_three = 500_000 if quick else 3_000_000
        self.latency_rate = 2000
        self.latency_seconds = 5 if quick else 15
        self.flush_seconds = 3 if quick else 6
        self.terms = 1 if quick else 3
        self.topic_partitions = 1000
        self.many_topics = 4
        self.most_topics = 4 if quick else 20
        self.rejoin_mb = 200 if quick else 1000
        self.rejoin_rate = 1000


def start_and_warm(cluster, sizes):
    """Compiles what a JVM compiles; harmless for the others."""
    cluster.start()
    with topic_of(cluster, "warm", PARTITIONS, BROKERS) as topic:
        cluster.client("produce", topic, records=sizes.warm_records, acks=-1).report()
        cluster.client("produce", topic, records=sizes.warm_records, acks=1).report()
        cluster.client("consume", topic, records=2 * sizes.warm_records).report()


@contextlib.contextmanager
def topic_of(cluster, name, partitions=1, replication=1, **more):
    cluster.create_topic(name, partitions, replication, **more)
    yield name
    cluster.delete_topic(name)


# --- LinkedIn's table ------------------------------------------------------------------------------


def together(cluster, clients, records=None):
    """records/s and CPU seconds of all brokers per million records, of clients that began together."""
    before = cluster.cpu_s()
    found = reports([client() for client in clients])
    settle()
    used = cluster.cpu_s() - before
    if records is None:
        records = sum(report["records"] for report in found)
    took = max(report["end"] for report in found) - min(report["begin"] for report in found)
    return {"records_per_s": records / took, "cpu_s": used * 1e6 / records}


def produce_row(name, producers, replication, acks):
    def row(cluster, sizes, number):
        records = sizes.records if producers == 1 else sizes.each_of_three
        with topic_of(cluster, f"{name}-{number}", PARTITIONS, replication) as topic:
            one = dict(record_bytes=RECORD_BYTES, partitions=PARTITIONS, acks=acks)
            cluster.client("produce", topic, records=sizes.warm_records // 5, **one).report()
            return together(cluster, [lambda: cluster.client("produce", topic, records=records, **one)] * producers)

    return row


def run_consume(cluster, sizes, number):
    """One consumer, then three that read everything each."""
    found = {}
    with topic_of(cluster, f"consume-{number}", PARTITIONS, BROKERS) as topic:
        fill = dict(record_bytes=RECORD_BYTES, partitions=PARTITIONS, acks=-1)
        cluster.client("produce", topic, records=sizes.records, **fill).report()
        for consumers in (1, 3):
            one = lambda: cluster.client("consume", topic, records=sizes.records, partitions=PARTITIONS)  # noqa: E731
            for key, value in together(cluster, [one] * consumers).items():
                found[f"{key}_{consumers}"] = value
    return found


def run_mixed(cluster, sizes, number):
    """One producer, three replicas, acks=1, and one consumer of the same topic at once; a record counts once."""
    with topic_of(cluster, f"mixed-{number}", PARTITIONS, BROKERS) as topic:
        common = dict(records=sizes.records, partitions=PARTITIONS)
        return together(
            cluster,
            [
                lambda: cluster.client("consume", topic, **common),
                lambda: cluster.client("produce", topic, record_bytes=RECORD_BYTES, acks=1, **common),
            ],
            sizes.records,
        )


# --- latency, flush --------------------------------------------------------------------------------


def run_latency(cluster, sizes, number):
    """From when a record was due until the consumer has it."""
    with topic_of(cluster, f"latency-{number}", PARTITIONS, BROKERS, configs=REPLICATED) as topic:
        timed = dict(partitions=PARTITIONS, acks=-1, linger_ms=0, record_bytes=RECORD_BYTES)
        timed.update(rate=sizes.latency_rate, seconds=sizes.latency_seconds)
        # Single small records take other ways through a JVM than what warmed it.
        cluster.client("latency", topic, **timed).report()
        before = cluster.cpu_s()
        report = cluster.client("latency", topic, **timed).report()
        used = cluster.cpu_s() - before
        return {**{key: report[key] for key in ("p50_us", "p99_us", "p999_us")}, "cpu_s": used}


FLUSH_PRODUCERS = (22, 21, 21)  # by the broker that leads


def run_flush(cluster, sizes, number):
    """Every replica syncs what it appends before it counts; 64 producers, one request in flight each."""
    configs = {"flush.messages": "1", **REPLICATED}
    with contextlib.ExitStack() as topics:
        clients = []
        for leader, producers in enumerate(FLUSH_PRODUCERS):
            replicas = [leader, *cluster.others(leader)]
            assignment = {partition: replicas for partition in range(2)}
            topic = topics.enter_context(
                topic_of(cluster, f"flush-{leader}-{number}", assignment=assignment, configs=configs)
            )
            load = dict(topic=topic, partitions=2, record_bytes=1024, acks=-1, connections=producers)
            clients.append(lambda at=leader, o=load: cluster.load(at, "produce", seconds=sizes.flush_seconds, **o))
        found = reports([client() for client in clients])
    return {"acks_per_s": sum(report["requests_per_s"] for report in found)}


# --- a broker that goes ----------------------------------------------------------------------------


def gap_when(cluster, name, victim, act):
    """Longest time without an acknowledgement around act(process) of the broker that leads the only partition."""
    replicas = [victim, *cluster.others(victim)]
    cluster.create_topic(name, assignment={0: replicas}, configs=REPLICATED)
    cluster.wait_ready([name], 1, whole=True)
    with Pacer(cluster, name, victim) as pacer:
        pacer.wait_acks(1)
        begin = time.monotonic()
        act(cluster.brokers[victim].process)
        pacer.wait_acks(2, without=victim)
    return pacer.longest_gap(begin)


def other_than_controller(cluster):
    return (cluster.controller() + 1) % BROKERS


def run_kill(cluster, sizes, number, name="kill", victim_of=other_than_controller):
    victim = victim_of(cluster)
    topic = f"{name}-{number}"
    found = {"gap_s": gap_when(cluster, topic, victim, lambda process: process.kill())}
    cluster.revive(victim)
    cluster.delete_topic(topic)
    return found


def run_kill_controller(cluster, sizes, number):
    return run_kill(cluster, sizes, number, "kill-controller", lambda c: c.controller())


def run_silent(cluster, sizes, number):
    victim = other_than_controller(cluster)
    topic = f"silent-{number}"
    process = cluster.brokers[victim].process
    try:
        found = {"gap_s": gap_when(cluster, topic, victim, lambda process: process.pause())}
    finally:
        process.resume()
    cluster.wait_members(range(BROKERS))
    cluster.delete_topic(topic)
    return found


def run_term(cluster, sizes, number):
    gaps = []
    for turn in range(sizes.terms):
        victim = other_than_controller(cluster)
        topic = f"term-{number}-{turn}"
        process = cluster.brokers[victim].process
        gaps.append(gap_when(cluster, topic, victim, lambda process: process.popen.send_signal(signal.SIGTERM)))
        process.stop(60)
        cluster.revive(victim)
        cluster.delete_topic(topic)
    return {"gap_s": statistics.median(gaps), "worst_s": max(gaps)}


# --- many partitions -------------------------------------------------------------------------------


DESCRIPTORS = 200_000


def many_row(topics_of):
    def row(cluster, sizes):
        """Creation, memory, and a new controller, with thousands of partitions of two replicas."""
        topics = [f"many-{n}" for n in range(topics_of(sizes))]
        partitions = len(topics) * sizes.topic_partitions
        found = {"descriptors": raise_descriptors(DESCRIPTORS)}
        cluster.start()
        begin = time.monotonic()
        for topic in topics:
            cluster.ask_topic(topic, sizes.topic_partitions, 2)
        found["created_s"] = cluster.wait_ready(topics, partitions, deadline_s=300) - begin
        cluster.wait_ready(topics, partitions, whole=True, deadline_s=120)
        time.sleep(2)
        found["anonymous_mb"] = cluster.most_anonymous_mb()
        victim = cluster.controller()
        begin = time.monotonic()
        cluster.brokers[victim].process.kill()
        live = cluster.others(victim)
        found["takeover_s"] = cluster.wait_ready(topics, partitions, live=live, deadline_s=180) - begin
        return found

    return row


def raise_descriptors(wanted):
    """As far as it may be, for the brokers that are started from here on; what it is then. Kafka keeps a file of every
    replica open, ours closes what is quiet."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (max(wanted, hard), hard):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(wanted, most)), most))
            break
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


# --- coming back -----------------------------------------------------------------------------------

# A p99 of less says nothing.
LEAST_PACED_S = 3


def run_rejoin(cluster, sizes, number):
    """A follower that was away catches up while producers go on: from its start until it is in every ISR again."""
    victim = other_than_controller(cluster)
    (leader,) = [n for n in cluster.others(victim) if n != cluster.controller()]
    partitions = 4
    replicas = [leader, *cluster.others(leader)]
    assignment = {partition: replicas for partition in range(partitions)}
    with topic_of(cluster, f"rejoin-{number}", assignment=assignment, configs=REPLICATED) as topic:
        cluster.brokers[victim].process.stop(60)
        cluster.wait_members(cluster.others(victim))
        common = dict(topic=topic, partitions=partitions, record_bytes=1024)
        fill = dict(records=900, in_flight=2, requests=sizes.rejoin_mb)
        cluster.load(leader, "produce", acks=-1, **fill, **common).report()
        os.sync()
        paced = dict(acks=-1, in_flight=256, rate=sizes.rejoin_rate, seconds=600)
        with cluster.load(leader, "produce", **paced, **common) as producers:
            begin = time.monotonic()
            cluster.brokers[victim].process.start()
            back = cluster.wait_ready([topic], partitions, live=cluster.others(victim), whole=True)
            time.sleep(max(0, begin + LEAST_PACED_S - time.monotonic()))
            producers.signal(signal.SIGINT)
            report = producers.report()
        cluster.brokers[victim].wait_answer()
        cluster.wait_members(range(BROKERS))
    return {"rejoin_s": back - begin, "p99_us": report["p99_us"], "p50_us": report["p50_us"]}


STANDING = {
    "produce-plain": produce_row("produce-plain", 1, 1, 1),
    "produce-acks-1": produce_row("produce-acks-1", 1, BROKERS, 1),
    "produce-acks-all": produce_row("produce-acks-all", 1, BROKERS, -1),
    "produce-three": produce_row("produce-three", 3, BROKERS, 1),
    "mixed": run_mixed,
    "consume": run_consume,
    "latency": run_latency,
    "flush": run_flush,
    "kill": run_kill,
    "kill-controller": run_kill_controller,
    "silent": run_silent,
    "term": run_term,
    "rejoin": run_rejoin,
}

FRESH = {
    "many": many_row(lambda sizes: sizes.many_topics),
    "most": many_row(lambda sizes: sizes.most_topics),
}
