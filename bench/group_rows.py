"""The rows of consumer groups: what each one does to a system, and what is read from it.

Kinds, each a function of a system:
  STANDING          on single brokers that stay up, in turn; the requests also on the floor
  FRESH             on a new broker with these settings, which the row starts itself
  CLUSTER_STANDING  on three brokers that stay up, in turn
  CLUSTER_FRESH     on three new brokers with these settings, which the row starts itself
"""

import re
import subprocess
import time

import cluster_rows
from clusters import Running, settle
from rows import warm_up
from systems import tool
from harness import schema
from harness.rawclient import Closed
from harness.wait import wait_until

NONE = 0
PARTITIONS = 16
TOPIC = "orders"
OFFSETS_TOPIC = "__consumer_offsets"


class Sizes(cluster_rows.Sizes):
    """How long and how much; --quick makes everything smaller."""

    def __init__(self, quick):
        super().__init__(quick)
        self.single_seconds = 2 if quick else 6
        self.fetch_batches = 2500
        self.warm_requests = 30_000 if quick else 100_000
        self.members = 1000
        self.rebalances = 5 if quick else 15
        self.warm_rebalances = 5 if quick else 15
        self.groups = 10_000
        self.loaded_groups = 1000
        self.loaded_offsets = 1_000_000
        # As a consumer commits them: what it reads of a topic.
        self.offsets_per_commit = 50
        self.warm_records = 500_000 if quick else 1_000_000
        self.records = 1_000_000 if quick else 5_000_000


# --- coordinators ----------------------------------------------------------------------------------


def coordinator_of(system, group):
    """The id of the broker that coordinates the group, when it says so."""

    def found():
        with system.client() as client:
            answer = schema.ask(client, "FindCoordinator", 3, key=group)
            return answer if answer["error_code"] == NONE else None

    return wait_until(found, 90, f"{system.name}: a coordinator of {group}")["node_id"]


def committed(client, group, partitions):
    """{partition: offset}, or None while this broker does not serve the group."""
    topics = [{"name": TOPIC, "partition_indexes": list(partitions)}]
    answer = schema.ask(client, "OffsetFetch", 5, group_id=group, topics=topics)
    if answer["error_code"] != NONE:
        return None
    return {p["partition_index"]: p["committed_offset"] for p in answer["topics"][0]["partitions"]}


def wait_serves(system, group):
    coordinator_of(system, group)

    def serves():
        with system.client() as client:
            return committed(client, group, [0]) is not None

    wait_until(serves, 90, f"{system.name}: {group} is served", poll_s=0.01)


def join_alone(system, group):
    """The only member of a new group: its id and generation."""
    wait_serves(system, group)
    fields = dict(group_id=group, session_timeout_ms=300_000, rebalance_timeout_ms=300_000, protocol_type="consumer")
    fields["protocols"] = [{"name": "range", "metadata": b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"}]
    with system.client() as client:
        joined = schema.ask(client, "JoinGroup", 3, **fields)
        assert joined["error_code"] == NONE, f"{system.name}: JoinGroup: error {joined['error_code']}"
        who = {"member_id": joined["member_id"], "generation_id": joined["generation_id"]}
        given = [{"member_id": who["member_id"], "assignment": b"everything"}]
        synced = schema.ask(client, "SyncGroup", 2, group_id=group, assignments=given, **who)
        assert synced["error_code"] == NONE, f"{system.name}: SyncGroup: error {synced['error_code']}"
    return {"member": who["member_id"], "generation": who["generation_id"]}


# --- single requests -------------------------------------------------------------------------------


def member_of(system, group):
    """The floor has no groups, and answers whoever asks."""
    return join_alone(system, group) if system.broker else {"member": "x" * 42, "generation": 1}


def start_and_warm(system, sizes):
    """Compiles what a JVM compiles; harmless for the others."""
    system.start()
    warm_up(system, sizes)
    system.create_topic(TOPIC, PARTITIONS)
    who = member_of(system, "warm")
    for kind in ("heartbeat", "offset-commit"):
        for connections, in_flight in ((1, 1), (16, 1)):
            load_of_member(system, kind, "warm", who, connections, in_flight, requests=sizes.warm_requests // 2)


def load_of_member(system, kind, group, who, connections, in_flight, **until):
    """Connection i commits for partition i."""
    load = dict(group=group, topic=TOPIC, partitions=PARTITIONS, connections=connections, in_flight=in_flight)
    return system.load(kind, step=1, count=1_000_000_000, **{"from": 1}, **load, **who, **until)


def request_row(kind, connections, in_flight):
    def row(system, sizes, number):
        group = f"{kind}-{connections}-{in_flight}-{number}"
        who = member_of(system, group)
        report = load_of_member(system, kind, group, who, connections, in_flight, seconds=sizes.single_seconds)
        return {key: report[key] for key in ("requests_per_s", "cpu_us", "p50_us", "p99_us")}

    return row


# --- many members, many groups ---------------------------------------------------------------------


class Prepared(Running):
    """A program that says that it is ready and goes on when told."""

    stdin = subprocess.PIPE

    def __init__(self, argv):
        super().__init__(argv)
        said = self.popen.stdout.readline()
        if said != "ready\n":
            out, err = self.popen.communicate()
            raise AssertionError(f"{' '.join(argv)}: {(err or said + out).strip()}")

    def report(self):
        """Goes on; what it found."""
        self.popen.stdin.write("go\n")
        self.popen.stdin.flush()
        return super().report()


def members(system, **options):
    argv = [tool("members"), "--port", str(system.port)]
    for key, value in options.items():
        argv += [f"--{key}", str(value)]
    return Prepared(argv)


def run_rebalance(system, sizes, number):
    """All members of a stable group want something else, and join again."""
    cluster_rows.raise_descriptors(cluster_rows.DESCRIPTORS)
    group = f"large-{number}"
    wait_serves(system, f"{group}-0")
    rounds = dict(warm=sizes.warm_rebalances, rounds=sizes.rebalances)
    with members(system, group=group, members=sizes.members, **rounds) as ready:
        before = system.cpu_s()
        report = ready.report()
        used = system.cpu_s() - before
    found = {key: report[key] for key in ("best_ms", "median_ms", "worst_ms")}
    return {**found, "cpu_ms": used * 1000 / sizes.rebalances}


def run_groups(system, sizes):
    """Groups of one member on few connections."""
    system.start()
    wait_serves(system, "first-0")
    with members(system, group="first", groups=200, connections=50) as first:
        first.report()
    time.sleep(2)
    before = system.memory()["anonymous_mb"]
    with members(system, group="many", groups=sizes.groups, connections=50) as ready:
        time.sleep(2)
        after = system.memory()["anonymous_mb"]
        ready.report()
    return {"grown_mb": after - before, "anonymous_mb": after}


# --- coordinators that load ------------------------------------------------------------------------


def group_name(number):
    return f"loaded-{number:06d}"


def fill(system, sizes, load):
    """Commits of many groups in turn, in one partition of the offsets' topic."""
    partitions = sizes.loaded_offsets // sizes.loaded_groups
    requests = sizes.loaded_offsets // sizes.offsets_per_commit
    options = dict(group="loaded", groups=sizes.loaded_groups, topic=TOPIC, partitions=partitions)
    options.update(offsets=sizes.offsets_per_commit, step=1, count=1_000_000_000, connections=8)
    load("offset-commit", requests=requests, **{"from": 1}, **options)
    return partitions


def check_filled(client, sizes, partitions):
    for number in (0, sizes.loaded_groups - 1):
        found = committed(client, group_name(number), range(partitions))
        assert found and min(found.values()) >= 0, f"{group_name(number)} lacks offsets"


# Ours, and Kafka's.
_LOADED = (
    re.compile(rf"partition={OFFSETS_TOPIC}-0 end=\d+ records=\d+ .* ms=(\d+)"),
    re.compile(rf"Finished loading offsets and group metadata from {OFFSETS_TOPIC}-0 in (\d+) milliseconds"),
)


def loads_in(path):
    """Milliseconds of each time that the offsets' only partition was loaded, as the broker's log has it."""
    with open(path, errors="replace") as log:
        return [int(found.group(1)) for line in log for one in _LOADED if (found := one.search(line))]


def load_figures(broker, before, sizes):
    def loaded():
        return loads_in(broker.process.log_path)[before:]

    (took_ms,) = wait_until(loaded, 20, f"{broker.name} says how long it loaded")[-1:]
    return {"load_ms": took_ms, "load_per_s": sizes.loaded_offsets / (max(took_ms, 1) / 1000)}


def run_restart(system, sizes):
    """A broker is started that has all groups to load."""
    system.start()
    system.create_topic(TOPIC, sizes.loaded_offsets // sizes.loaded_groups)
    wait_serves(system, group_name(0))
    partitions = fill(system, sizes, system.load)
    with system.client() as client:
        check_filled(client, sizes, partitions)
    system.stop()
    before = len(loads_in(system.process.log_path))
    begin = time.monotonic()
    system.process.start()
    wait_served_by([system], begin)
    found = {"serves_s": time.monotonic() - begin, **load_figures(system, before, sizes)}
    with system.client() as client:
        check_filled(client, sizes, partitions)
    return {**found, "anonymous_mb": system.memory()["anonymous_mb"]}


def wait_served_by(brokers, begin, deadline_s=120):
    """The broker that first answers for the groups; asked again and again, each on a connection that is kept."""
    clients = {}
    while time.monotonic() < begin + deadline_s:
        for broker in brokers:
            try:
                if broker not in clients:
                    clients[broker] = broker.client(timeout_s=10)
                found = committed(clients[broker], group_name(0), [0])
                if found is not None:
                    assert found[0] >= 0, f"{broker.name}: an offset that was committed is not known"
                    return broker
            except (OSError, Closed):
                broker.process.must_run()
                clients.pop(broker, None)
        time.sleep(0.002)
    raise AssertionError(f"no {brokers[0].name} serves the groups {deadline_s} s after their coordinator went")


def run_failover(cluster, sizes):
    """The leader of the offsets' only partition, which is not the controller, gets SIGKILL."""
    cluster.start()
    victim = (cluster.controller() + 1) % len(cluster.brokers)
    survivors = [cluster.brokers[number] for number in cluster.others(victim)]
    configs = {"cleanup.policy": "compact", "segment.bytes": "104857600", "compression.type": "producer"}
    replicas = [victim, *cluster.others(victim)]
    cluster.create_topic(OFFSETS_TOPIC, assignment={0: replicas}, configs=configs)
    cluster.create_topic(TOPIC, sizes.loaded_offsets // sizes.loaded_groups)
    coordinator = cluster.brokers[victim]
    wait_serves(coordinator, group_name(0))
    assert coordinator_of(coordinator, group_name(0)) == victim
    partitions = fill(cluster, sizes, lambda kind, **o: cluster.load(victim, kind, **o).report())
    with coordinator.client() as client:
        check_filled(client, sizes, partitions)
    cluster.wait_ready([OFFSETS_TOPIC], 1, whole=True)
    before = {broker: len(loads_in(broker.process.log_path)) for broker in survivors}
    begin = time.monotonic()
    coordinator.process.kill()
    successor = wait_served_by(survivors, begin)
    found = {"serves_s": time.monotonic() - begin, **load_figures(successor, before[successor], sizes)}
    with successor.client() as client:
        check_filled(client, sizes, partitions)
    return found


# --- LinkedIn's table with real groups -------------------------------------------------------------


def start_and_warm_cluster(cluster, sizes):
    cluster.start()
    coordinator_of(cluster.brokers[0], "warm")
    with cluster_rows.topic_of(cluster, "warm", cluster_rows.PARTITIONS, len(cluster.brokers)) as topic:
        cluster.client("produce", topic, records=sizes.warm_records, acks=1).report()
        read_together(cluster, topic, "warm", 3, sizes.warm_records)


def read_together(cluster, topic, group, consumers, records):
    """records/s from the first one on, and CPU seconds of all brokers per million from when the group is stable until
    it is left."""
    argv = [tool("consumers"), "--bootstrap", cluster.bootstrap, "--topic", topic, "--group", group]
    argv += ["--consumers", str(consumers), "--records", str(records), "--partitions", str(cluster_rows.PARTITIONS)]
    with Prepared(argv) as ready:
        before = cluster.cpu_s()
        report = ready.report()
    settle()
    used = cluster.cpu_s() - before
    return {"records_per_s": report["records_per_s"], "cpu_s": used * 1e6 / records}


def run_consume(cluster, sizes, number):
    """A group of one consumer, then a group of three that share the partitions."""
    found = {}
    with cluster_rows.topic_of(cluster, f"consume-{number}", cluster_rows.PARTITIONS, len(cluster.brokers)) as topic:
        load = dict(record_bytes=cluster_rows.RECORD_BYTES, partitions=cluster_rows.PARTITIONS, acks=-1)
        cluster.client("produce", topic, records=sizes.records, **load).report()
        for consumers in (1, 3):
            group = f"consume-{number}-{consumers}"
            for key, value in read_together(cluster, topic, group, consumers, sizes.records).items():
                found[f"{key}_{consumers}"] = value
    return found


REQUESTS = {
    "commit-1": request_row("offset-commit", 1, 1),
    "commit-16": request_row("offset-commit", 16, 1),
    "heartbeat-1": request_row("heartbeat", 1, 1),
    "heartbeat-16": request_row("heartbeat", 16, 1),
}

STANDING = {**REQUESTS, "rebalance": run_rebalance}

# Groups are made one after the other: none waits for more members.
_NO_DELAY = {"group.initial.rebalance.delay.ms": "0"}
_ONE_PARTITION = {"offsets.topic.num.partitions": "1"}

FRESH = {
    "groups": (run_groups, _NO_DELAY),
    "load-restart": (run_restart, _ONE_PARTITION),
}

CLUSTER_STANDING = {"consume-groups": run_consume}

_REPLICATED = {"offsets.topic.replication.factor": "3"}
CLUSTER_SETTINGS = _REPLICATED

CLUSTER_FRESH = {"load-failover": (run_failover, {**_REPLICATED, **_ONE_PARTITION})}

NAMES = [*STANDING, *FRESH, *CLUSTER_STANDING, *CLUSTER_FRESH]
