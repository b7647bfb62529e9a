"""Replication that is throttled: a move takes as long as its rate says, and members of the ISR are not slowed. Only
lower bounds of times are asserted: a slow machine makes no difference."""

import contextlib
import itertools
import json
import time
import urllib.request

import pytest

from conftest import or_skip
from harness import records, schema, tools
from harness.cluster import Cluster
from harness.ports import free_port
from harness.wait import wait_until

CHUNK = 65536  # what one Fetch brings
VALUE = 10_000
BATCH = 5 * VALUE
CONFIG = {
    "auto.leader.rebalance.enable": "false",
    "replica.fetch.max.bytes": str(CHUNK),
    "replica.fetch.backoff.ms": "100",
}
LEADER, FOLLOWER = "leader.replication.throttled", "follower.replication.throttled"

_numbers = itertools.count(1)


class Throttled:
    def __init__(self, cluster, znodes, folder):
        self.cluster = cluster
        self.znodes = znodes
        self.folder = folder

    def topic(self, replicas, config=None):
        name = f"throttled-{next(_numbers)}"
        assignment = [{"partition_index": 0, "broker_ids": replicas}]
        settings = [{"name": key, "value": value} for key, value in (config or {}).items()]
        with self.cluster.controller().connect() as client:
            wanted = {
                "name": name,
                "num_partitions": -1,
                "replication_factor": -1,
                "assignments": assignment,
                "configs": settings,
            }
            answer = schema.ask(client, "CreateTopics", 5, topics=[wanted], timeout_ms=20000)
        assert answer["topics"][0]["error_code"] == 0, answer
        return name

    def state(self, topic):
        return json.loads(self.znodes.get(f"/brokers/topics/{topic}/partitions/0/state")[0])

    def assigned(self, topic):
        return json.loads(self.znodes.get(f"/brokers/topics/{topic}")[0])["partitions"]["0"]

    def is_moved(self, topic, replicas):
        return self.assigned(topic) == replicas and sorted(self.state(topic)["isr"]) == sorted(replicas)

    def produce(self, topic, batches):
        """With acks=all; what is not compressed, so that bytes are what was sent."""
        leader = self.cluster.brokers[self.state(topic)["leader"]]
        data = records.batch([(b"k", bytes(VALUE)) for _ in range(5)])

        def taken(client):
            return client.produce(topic, data)["error"] == 0

        with leader.connect() as client:
            for _ in range(batches):
                wait_until(lambda: taken(client), 30, f"{topic} takes records")

    def wait_end(self, topic, offset):
        """A broker that leads since a moment may not know yet that it does."""

        def has_all():
            with self.cluster.brokers[self.state(topic)["leader"]].connect() as client:
                return client.end_offset(topic) == offset

        wait_until(has_all, 30, f"{topic} ends at {offset}")

    def set_config(self, name, config):
        path = f"/config/{name}"
        self.znodes.ensure_path(path)
        self.znodes.set(path, json.dumps({"version": 1, "config": config}).encode())
        notice = json.dumps({"version": 2, "entity_path": name}).encode()
        self.znodes.create("/config/changes/config_change_", notice, sequence=True)

    def move(self, topic, replicas, *arguments):
        plan = self.folder / f"moves-{next(_numbers)}.json"
        partitions = [{"topic": topic, "partition": 0, "replicas": replicas}]
        plan.write_text(json.dumps({"version": 1, "partitions": partitions}))
        done = tools.ours(
            "reassign", "--bootstrap-server", self.cluster.bootstrap,
            "--execute", "--reassignment-json-file", plan, *arguments,
        )  # fmt: skip
        assert done.status == 0, done
        return plan

    def wait_moved(self, topic, replicas, deadline_s=120):
        wait_until(lambda: self.is_moved(topic, replicas), deadline_s, f"{topic} is on {replicas}")


@pytest.fixture
def throttled(zk, tmp_path):
    with contextlib.ExitStack() as stack:

        def make(*kinds):
            chroot = zk.make_chroot(f"/throttle-{next(_numbers)}")
            cluster = or_skip(lambda: Cluster(tmp_path / "cluster", zk, chroot, kinds, config=CONFIG))
            stack.callback(cluster.stop)
            for broker in cluster.brokers:
                broker.config["barnabas.metrics.listener"] = f"127.0.0.1:{free_port()}"
            cluster.start()
            return Throttled(cluster, stack.enter_context(zk.client(chroot)), tmp_path)

        yield make


def check_takes_as_long_as_the_rate_says(throttled, topic, batches, rate, begun, replicas):
    throttled.wait_moved(topic, replicas)
    took = time.monotonic() - begun
    least = (batches * BATCH - 2 * CHUNK) / rate
    assert took >= least, (took, least)


def test_a_throttled_move_takes_as_long_as_its_rate_says(throttled):
    throttled = throttled("barnabas", "barnabas", "barnabas")
    topic = throttled.topic([0])
    throttled.produce(topic, 30)
    begun = time.monotonic()
    plan = throttled.move(topic, [1, 2], "--throttle", 300_000)
    check_takes_as_long_as_the_rate_says(throttled, topic, 30, 300_000, begun, [1, 2])
    throttled.wait_end(topic, 150)
    done = tools.ours(
        "reassign", "--bootstrap-server", throttled.cluster.bootstrap, "--verify", "--reassignment-json-file", plan
    )
    assert "Clearing topic-level throttles" in done.out, done
    assert json.loads(throttled.znodes.get("/config/brokers/1")[0])["config"] == {}


@pytest.mark.parametrize("side", [LEADER, FOLLOWER])
def test_either_side_alone_keeps_to_the_rate_beside_kafka(throttled, side):
    """Ours is broker 1: it sends to a Kafka as leader, or receives from one as follower."""
    throttled = throttled("kafka", "barnabas")
    source, target = ([1], [0]) if side == LEADER else ([0], [1])
    topic = throttled.topic(source)
    throttled.produce(topic, 30)
    throttled.set_config("brokers/1", {f"{side}.rate": "300000"})
    throttled.set_config(f"topics/{topic}", {f"{side}.replicas": "0:1"})
    wait_rate(throttled, f"{side}.rate", "300000")
    begun = time.monotonic()
    throttled.move(topic, target)
    check_takes_as_long_as_the_rate_says(throttled, topic, 30, 300_000, begun, target)
    rates = shown_rates(throttled.cluster.brokers[1])
    assert {name for name, rate in rates.items() if rate > 0} == {side}, rates
    throttled.wait_end(topic, 150)


def shown_rates(broker):
    """What the metrics say of the last seconds."""
    with urllib.request.urlopen(f"http://{broker.config['barnabas.metrics.listener']}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    names = {LEADER: "kafka_server_leaderreplication_byte_rate", FOLLOWER: "kafka_server_followerreplication_byte_rate"}
    return {side: int(line.split()[1]) for side, name in names.items() for line in lines if line.startswith(name + " ")}


def wait_rate(throttled, name, value):
    """Notifications are carried out in their order; the log tells when the topic's, which is the last, was."""
    ours = throttled.cluster.brokers[1]

    def told():
        with open(ours.process.log_path, errors="replace") as log:
            text = log.read()
        return "topic_config_changed" in text and "dynamic_settings" in text

    wait_until(told, 30, f"{name} is {value}")


def test_members_of_the_isr_are_not_slowed(throttled):
    """At a byte a second a lagging follower gets a piece in some ten seconds: its move does not end by itself."""
    throttled = throttled("barnabas", "barnabas", "barnabas")
    lists = {f"{LEADER}.replicas": "*", f"{FOLLOWER}.replicas": "*"}
    steady = throttled.topic([0, 1], lists)
    moving = throttled.topic([0])
    throttled.produce(steady, 1)
    throttled.produce(moving, 30)
    plan = throttled.move(moving, [0, 1], "--throttle", 1)
    throttled.produce(steady, 100)
    throttled.wait_end(steady, 505)
    assert sorted(throttled.state(steady)["isr"]) == [0, 1]
    assert throttled.state(moving)["isr"] == [0]
    tools.ours(
        "reassign", "--bootstrap-server", throttled.cluster.bootstrap, "--execute", "--additional",
        "--reassignment-json-file", plan, "--throttle", 1_000_000_000,
    )  # fmt: skip
    throttled.wait_moved(moving, [0, 1])
