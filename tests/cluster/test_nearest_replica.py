"""Consumers read from the replica in their rack (KIP-392): leaders say which it is, followers serve, and a client of
another make goes there and survives its death."""

import contextlib
import itertools
import urllib.request

import confluent_kafka
import pytest

from conftest import or_skip
from harness import records
from harness.cluster import Cluster
from harness.ports import free_port
from harness.wait import wait_until

SELECTOR = "org.apache.kafka.common.replica.RackAwareReplicaSelector"
RACKS = ("a", "b", "c")
OUT_OF_RANGE, UNKNOWN_LEADER_EPOCH = 1, 75

_numbers = itertools.count(1)


@pytest.fixture
def racks(zk, tmp_path):
    """A cluster whose brokers stand in racks a, b, c."""
    with contextlib.ExitStack() as stack:

        def make(*kinds, selector=SELECTOR):
            chroot = zk.make_chroot(f"/racks-{next(_numbers)}")
            config = {
                "replica.selector.class": selector,
                "auto.leader.rebalance.enable": "false",
                "replica.fetch.wait.max.ms": "100",
                "replica.lag.time.max.ms": "4000",
            }
            cluster = or_skip(lambda: Cluster(tmp_path / "cluster", zk, chroot, kinds, config))
            stack.callback(cluster.stop)
            for broker, rack in zip(cluster.brokers, RACKS, strict=False):
                broker.config["broker.rack"] = rack
                if broker.kind == "barnabas":
                    broker.metrics_port = free_port()
                    broker.config["barnabas.metrics.listener"] = f"127.0.0.1:{broker.metrics_port}"
            return cluster.start()

        yield make


def create(cluster, replicas, name="t"):
    wanted = {"name": name, "partitions": -1, "replication": -1, "assignment": {0: replicas}, "configs": {}}
    with cluster.controller().connect() as client:
        answer = client.create_topics([wanted])
    assert answer[name]["error"] == 0, answer
    leader = cluster.brokers[replicas[0]]

    def ready():
        with leader.connect() as client:
            (partition,) = client.metadata([name])["topics"][0]["partitions"]
        return partition["leader"] == replicas[0] and sorted(partition["isr"]) == sorted(replicas)

    wait_until(ready, 40, f"{name} is in sync")
    return leader


def batch(number):
    return records.batch([(b"k", b"%d" % (10 * number + i)) for i in range(10)])


def produce(leader, number, name="t"):
    with leader.connect() as client:
        assert client.produce(name, batch(number))["error"] == 0


def bytes_out(broker, name="t"):
    with urllib.request.urlopen(f"http://127.0.0.1:{broker.metrics_port}/metrics", timeout=10) as page:
        text = page.read().decode()
    for line in text.splitlines():
        if line.startswith("kafka_server_brokertopicmetrics_bytesout_total{") and f'topic="{name}"' in line:
            return float(line.rsplit(" ", 1)[1])
    return 0


@pytest.mark.parametrize(
    "kinds, leads", [(("barnabas", "barnabas"), 0), (("kafka", "barnabas"), 0), (("kafka", "barnabas"), 1)]
)
def test_leader_sends_a_consumer_to_the_replica_in_its_rack_which_serves_it(racks, kinds, leads):
    cluster = racks(*kinds)
    near = 1 - leads
    leader, follower = create(cluster, [leads, near]), cluster.brokers[near]
    produce(leader, 0)
    with leader.connect() as client:

        def hinted():
            answer = client.fetch("t", 0, rack=RACKS[near])
            assert answer["error"] == 0, answer
            if answer["preferred"] == -1:  # the follower has not said yet that it has the records
                return False
            assert answer["preferred"] == near and answer["records"] == b"" and answer["high_watermark"] == 10
            return True

        wait_until(hinted, 20, "the leader prefers the follower")
        for rack in ("", "z", RACKS[leads]):
            answer = client.fetch("t", 0, rack=rack)
            assert answer["preferred"] == -1 and len(records.read(answer["records"])) == 10, rack
        assert records.read(client.fetch("t", 0, version=10)["records"])
        assert client.fetch("t", 11, rack=RACKS[near])["error"] == OUT_OF_RANGE
    with follower.connect() as client:

        def served():
            answer = client.fetch("t", 0, rack=RACKS[near])
            assert answer["error"] == 0 and answer["preferred"] == -1, answer
            return len(records.read(answer["records"])) == 10

        wait_until(served, 20, "the follower serves what is committed")
        assert client.fetch("t", 10, rack=RACKS[near], max_wait_ms=1)["records"] == b""
        assert client.fetch("t", 11, rack=RACKS[near])["error"] == OUT_OF_RANGE
        assert client.fetch("t", 0, leader_epoch=7)["error"] == UNKNOWN_LEADER_EPOCH


def test_without_the_selector_everybody_reads_from_the_leader(racks):
    cluster = racks("barnabas", "barnabas", selector="org.apache.kafka.common.replica.LeaderSelector")
    leader = create(cluster, [0, 1])
    produce(leader, 0)
    with cluster.brokers[1].connect() as client:
        wait_until(lambda: client.fetch("t", 0)["records"], 20, "the follower has the records")
    with leader.connect() as client:
        answer = client.fetch("t", 0, rack="b")
        assert answer["preferred"] == -1 and records.read(answer["records"])


def test_consumer_reads_in_its_rack_and_survives_the_death_of_that_replica(racks):
    cluster = racks("barnabas", "barnabas", "barnabas")
    leader = create(cluster, [0, 1, 2])
    near = cluster.brokers[1]
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": cluster.bootstrap,
            "group.id": "nobody",
            "enable.auto.commit": False,
            "client.rack": "b",
            "auto.offset.reset": "error",
            "topic.metadata.refresh.interval.ms": 1000,
            "reconnect.backoff.max.ms": 500,
        }
    )
    consumer.assign([confluent_kafka.TopicPartition("t", 0, 0)])
    got = []

    def take(count):
        def taken():
            record = consumer.poll(1)
            if record is not None and not record.error():
                got.append(int(record.value()))
            return len(got) >= count

        wait_until(taken, 60, f"{count} records came")

    def comes_from_the_rack():
        number = len(got) // 10
        before = bytes_out(near)
        produce(leader, number)
        take(10 * (number + 1))
        return bytes_out(near) > before

    try:
        wait_until(comes_from_the_rack, 60, "the consumer reads in its rack")
        number, of_leader = len(got) // 10, bytes_out(leader)
        for more in range(number, number + 20):
            produce(leader, more)
        take(10 * (number + 20))
        assert bytes_out(leader) == of_leader, "the leader served what the rack has"
        near.kill()
        for more in range(number + 20, number + 40):
            produce(leader, more)
        take(10 * (number + 40))
        near.start()
        wait_until(comes_from_the_rack, 60, "the consumer reads in its rack again")
        assert got == list(range(len(got)))
    finally:
        consumer.close()


def test_other_selectors_are_refused_at_start(zk, tmp_path):
    cluster = or_skip(lambda: Cluster(tmp_path, zk, zk.make_chroot("/racks-refused"), ["barnabas"]))
    broker = cluster.brokers[0]
    broker.config["replica.selector.class"] = "com.example.Mine"
    broker.launch()
    assert broker.process.wait_ended(20) != 0
    text = broker.process.log_text()
    assert "replica.selector.class" in text and "a JVM class cannot be loaded" in text, text
