"""Barnabas leads, a real Kafka follows: who is in sync, what acks=all waits for, how the ISR changes.

Once with the leader itself as the controller and once with another Kafka: the first broker that starts is it."""

import os
import re
import time
import urllib.request

import pytest

from harness import records, schema
from harness.ports import free_port
from harness.wait import wait_until

NONE = 0
NOT_LEADER_OR_FOLLOWER = 6
REQUEST_TIMED_OUT = 7
NOT_ENOUGH_REPLICAS = 19
UNKNOWN_LEADER_EPOCH = 75
OURS, KAFKAS, OTHER = 1, 2, 3
LAG_S = 3
CONFIG = {
    "replica.lag.time.max.ms": str(LAG_S * 1000),
    "auto.leader.rebalance.enable": "false",
    "controlled.shutdown.max.retries": "3",
}
# Outlives the pauses below, so that it is the lag that puts a paused follower out.
PATIENT = {"zookeeper.session.timeout.ms": "10000"}
ISR_COUNTS = ("kafka_server_replicamanager_isrshrinks_total", "kafka_server_replicamanager_isrexpands_total")
_names = iter(range(1, 1000))


class Pair:
    """Broker 1 of the make under test and broker 2, a Kafka. Broker 1 is the controller, or a Kafka 3 is."""

    def __init__(self, new_broker, zk, controller):
        chroot = zk.make_chroot(f"/isr-{controller}")
        self.ids = {OURS, KAFKAS}
        if controller == "kafka":
            self.ids.add(OTHER)
            self.other = new_broker(kind="kafka", broker_id=OTHER, chroot=chroot, config=CONFIG)
        self.metrics_at = f"127.0.0.1:{free_port()}"
        self.ours = new_broker(
            kind="barnabas",
            broker_id=OURS,
            chroot=chroot,
            config={**CONFIG, "barnabas.metrics.listener": self.metrics_at},
        )
        self.kafka = new_broker(kind="kafka", broker_id=KAFKAS, chroot=chroot, config={**CONFIG, **PATIENT})
        self.controller = self.other if controller == "kafka" else self.ours
        self.wait_members()

    def wait_members(self, without=()):
        ids = self.ids - set(without)

        def agreed():
            for broker in (self.ours, self.kafka):
                if broker.id in ids:
                    with broker.connect() as client:
                        if {member["id"] for member in client.metadata([])["brokers"]} != ids:
                            return False
            return True

        wait_until(agreed, 60, f"the members are {ids}")

    def topic(self, leader=OURS, partitions=1, min_isr=1):
        """A topic of two replicas whose leader is that broker."""
        name = f"isr-{next(_names)}"
        replicas = [leader, OURS + KAFKAS - leader]
        with self.controller.connect() as client:
            answer = client.create_topics(
                [
                    {
                        "name": name,
                        "partitions": -1,
                        "replication": -1,
                        "assignment": {number: replicas for number in range(partitions)},
                        "configs": {"min.insync.replicas": str(min_isr)},
                    }
                ]
            )
        assert answer[name]["error"] == NONE, answer
        self.wait_isr(name, replicas, partitions=partitions)
        return name

    def partitions(self, topic, broker=None):
        with (broker or self.ours).connect() as client:
            (found,) = client.metadata([topic])["topics"]
        return found["partitions"]

    def wait_isr(self, topic, isr, deadline_s=30, partitions=1, broker=None):
        wait_until(
            lambda: [sorted(p["isr"]) for p in self.partitions(topic, broker)] == [sorted(isr)] * partitions,
            deadline_s,
            f"ISR of {topic} is {isr}",
        )

    def produce(self, topic, value=b"v", acks=-1, partition=0, timeout_ms=20000):
        with self.ours.connect(timeout_s=60) as client:
            return client.produce(
                topic, records.batch([(b"k", value)]), partition=partition, acks=acks, timeout_ms=timeout_ms
            )

    def high_watermark(self, topic, partition=0):
        with self.ours.connect() as client:
            answer = client.fetch(topic, 0, partition, max_wait_ms=0)
        assert answer["error"] == NONE, answer
        return answer["high_watermark"]

    def metric(self, name):
        with urllib.request.urlopen(f"http://{self.metrics_at}/metrics", timeout=20) as answer:
            text = answer.read().decode()
        return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE).group(1))

    def wait_same_log(self, topic, partition=0):
        """Both replicas hold the same bytes."""

        def bytes_of(broker):
            folder = broker.partition_folder(topic, partition)
            segments = sorted(name for name in os.listdir(folder) if name.endswith(".log"))
            return [(name, open(os.path.join(folder, name), "rb").read().rstrip(b"\0")) for name in segments]

        wait_until(lambda: bytes_of(self.ours) == bytes_of(self.kafka), 20, f"the replicas of {topic} are equal")


@pytest.fixture(scope="module", params=["barnabas", "kafka"])
def pair(module_broker, zk, request):
    return Pair(module_broker, zk, request.param)


def test_first_broker_is_the_controller(pair):
    with pair.ours.connect() as client:
        assert client.metadata([])["controller_id"] == pair.controller.id


def test_follower_is_in_sync_and_acknowledged_records_are_on_both(pair):
    topic = pair.topic(min_isr=2)
    for number in range(20):
        answer = pair.produce(topic, b"v%d" % number)
        assert answer["error"] == NONE and answer["base_offset"] == number
        assert pair.high_watermark(topic) == number + 1  # acknowledged means visible
    pair.wait_same_log(topic)


def test_acks_all_does_not_wait_for_the_followers_next_poll(pair):
    """A parked fetch of the follower is answered with the append, and its next one carries the acknowledgement."""
    topic = pair.topic(min_isr=2)
    pair.produce(topic)
    taken = []
    for _ in range(20):
        begun = time.monotonic()
        assert pair.produce(topic)["error"] == NONE
        taken.append(time.monotonic() - begun)
    # Those that wait for a poll come just after one, and wait for all of its time.
    assert sorted(taken)[4] < 0.25, f"a follower polls every 0.5 s: {taken}"


def test_many_partitions_share_one_follower(pair):
    topic = pair.topic(partitions=12, min_isr=2)
    for partition in range(12):
        assert pair.produce(topic, partition=partition)["error"] == NONE
    for partition in range(12):
        pair.wait_same_log(topic, partition)


def test_follower_that_hangs_leaves_and_comes_back(pair):
    strict = pair.topic(min_isr=2)
    lax = pair.topic(min_isr=1)
    for topic in (strict, lax):
        assert pair.produce(topic)["error"] == NONE
    counted = [pair.metric(name) for name in ISR_COUNTS]
    pair.kafka.pause()
    try:
        # In the ISR still: it is waited for.
        for topic in (strict, lax):
            assert pair.produce(topic, timeout_ms=300)["error"] == REQUEST_TIMED_OUT
            assert pair.high_watermark(topic) == 1
        # Out after the lag: the leader is the ISR, what was not acknowledged is committed now.
        for topic in (strict, lax):
            pair.wait_isr(topic, [OURS], deadline_s=LAG_S * 3)
        wait_until(lambda: pair.high_watermark(lax) == 2, 20, "the ISR of one commits what it has")
        assert pair.produce(lax)["error"] == NONE
        # Below its minimum the other one refuses, and what comes with acks=1 stays invisible.
        assert pair.produce(strict)["error"] == NOT_ENOUGH_REPLICAS
        assert pair.produce(strict, acks=1)["error"] == NONE
        assert pair.high_watermark(strict) == 1
        assert pair.metric("kafka_server_replicamanager_underreplicatedpartitions") >= 2
        assert pair.metric("kafka_server_replicamanager_underminisrpartitioncount") >= 1
    finally:
        pair.kafka.resume()
    for topic in (strict, lax):
        pair.wait_isr(topic, [OURS, KAFKAS])
    wait_until(lambda: pair.high_watermark(strict) == 3, 10, "what came below the minimum is committed")
    assert pair.produce(strict)["error"] == NONE
    pair.wait_same_log(strict)
    pair.wait_same_log(lax)
    for name, before in zip(ISR_COUNTS, counted):
        assert pair.metric(name) >= before + 2, name
    assert pair.metric("kafka_server_replicamanager_underminisrpartitioncount") == 0
    assert pair.metric("kafka_server_brokertopicmetrics_replicationbytesout_total") > 0


def test_follower_that_dies_leaves_and_comes_back(pair):
    strict = pair.topic(min_isr=2)
    lax = pair.topic(min_isr=1)
    pair.kafka.kill()
    # Put out by the lag or, when its session ends, by the controller, whoever that is then.
    for topic in (strict, lax):
        pair.wait_isr(topic, [OURS], deadline_s=40)
    assert pair.produce(lax)["error"] == NONE
    assert pair.high_watermark(lax) == 1
    assert pair.produce(strict)["error"] == NOT_ENOUGH_REPLICAS
    pair.wait_members(without=[KAFKAS])  # a Kafka does not start while its old session lives
    pair.kafka.start()
    pair.wait_members()
    for topic in (strict, lax):
        pair.wait_isr(topic, [OURS, KAFKAS])
    assert pair.produce(strict)["error"] == NONE
    pair.wait_same_log(strict)
    pair.wait_same_log(lax)


def delete_records(broker, topic, offset, timeout_ms):
    with broker.connect(timeout_s=60) as client:
        answer = schema.ask(
            client,
            "DeleteRecords",
            2,
            topics=[{"name": topic, "partitions": [{"partition_index": 0, "offset": offset}]}],
            timeout_ms=timeout_ms,
        )
    return answer["topics"][0]["partitions"][0]


def test_delete_records_waits_for_the_follower(pair):
    topic = pair.topic()
    for _ in range(5):
        assert pair.produce(topic)["error"] == NONE
    answer = delete_records(pair.ours, topic, 3, timeout_ms=20000)
    assert (answer["error_code"], answer["low_watermark"]) == (NONE, 3)
    pair.kafka.pause()
    try:
        answer = delete_records(pair.ours, topic, 4, timeout_ms=500)
        assert answer["error_code"] == REQUEST_TIMED_OUT
    finally:
        pair.kafka.resume()
    answer = delete_records(pair.ours, topic, 4, timeout_ms=20000)
    assert (answer["error_code"], answer["low_watermark"]) == (NONE, 4)


def test_producer_ids_and_topics_on_demand_come_from_the_controller(pair):
    with pair.ours.connect() as client:
        assert client.new_producer_id()["error"] == NONE
        name = f"on-demand-{pair.controller.kind}"
        client.metadata([name], auto_create=True)
        wait_until(
            lambda: client.metadata([name])["topics"][0]["error"] == NONE
            and client.metadata([name])["topics"][0]["partitions"][0]["leader"] >= 0,
            20,
            f"{name} is made",
        )


def test_fetch_of_a_replica_that_is_not_assigned_is_refused(pair):
    topic = pair.topic()
    (found,) = pair.partitions(topic)
    for epoch, error in ((-1, NOT_LEADER_OR_FOLLOWER), (found["epoch"], UNKNOWN_LEADER_EPOCH)):
        with pair.ours.connect() as client:
            answer = schema.ask(
                client,
                "Fetch",
                11,
                replica_id=7,
                topics=[{"topic": topic, "partitions": [{"partition": 0, "current_leader_epoch": epoch}]}],
            )
        assert answer["responses"][0]["partitions"][0]["error_code"] == error


def test_stopping_leader_hands_over_what_it_leads(pair):
    topic = pair.topic()
    assert pair.produce(topic)["error"] == NONE
    assert pair.ours.stop() == 0
    wait_until(
        lambda: [(p["leader"], p["isr"]) for p in pair.partitions(topic, pair.kafka)] == [(KAFKAS, [KAFKAS])],
        20,
        f"{KAFKAS} leads {topic}",
    )
    log = open(pair.ours.process.log_path).read()
    assert "controlled_shutdown_done" in log
    pair.ours.start()
    pair.wait_members()


def test_lone_broker_stops_at_once(new_broker):
    broker = new_broker(kind="barnabas")
    begun = time.monotonic()
    assert broker.stop() == 0
    assert time.monotonic() - begun < 10
    assert "controlled_shutdown_skipped" in open(broker.process.log_path).read()
