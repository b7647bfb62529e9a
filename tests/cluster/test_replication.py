"""Our broker follows partitions that a real Kafka leads, in one cluster: Kafka is the controller, and what our
replica has on its disk is compared with Kafka's, byte by byte."""

import glob
import os

import pytest
from conftest import or_skip

from harness import records
from harness.cluster import Cluster
from harness.wait import wait_until

KAFKA, OURS = 0, 1


@pytest.fixture
def cluster(zk, tmp_path):
    """Broker 0 is Kafka and the controller, broker 1 is ours."""
    from conftest import _numbers

    chroot = zk.make_chroot(f"/replication-{next(_numbers)}")
    made = []

    def make(config=None, kinds=("kafka", "barnabas")):
        folder = tmp_path / f"cluster-{len(made)}"
        settings = {
            "replica.lag.time.max.ms": "4000",
            "replica.fetch.wait.max.ms": "200",
            "replica.fetch.backoff.ms": "200",
            "auto.leader.rebalance.enable": "false",
            "log.retention.check.interval.ms": "1000",
            "log.initial.task.delay.ms": "500",
            "file.delete.delay.ms": "500",
            "controlled.shutdown.max.retries": "1",
        }
        settings.update(config or {})
        cluster = or_skip(lambda: Cluster(folder, zk, chroot, kinds, settings))
        made.append(cluster)
        cluster.brokers[KAFKA].start(90)
        for broker in cluster.brokers[1:]:
            broker.start(60)
        cluster.wait_members(range(len(kinds)))
        return cluster

    yield make
    for cluster in made:
        cluster.stop()


def create(cluster, topic, partitions=1, leader=KAFKA, config=None):
    """A topic with a replica on both brokers."""
    other = OURS if leader == KAFKA else KAFKA
    with cluster.brokers[KAFKA].connect() as client:
        answer = client.create_topics(
            [
                {
                    "name": topic,
                    "partitions": -1,
                    "replication": -1,
                    "assignment": {number: [leader, other] for number in range(partitions)},
                    "configs": config or {},
                }
            ]
        )
    assert answer[topic]["error"] == 0, answer
    wait_isr(cluster, topic, [KAFKA, OURS])


def log_bytes(broker, topic, partition=0):
    """The bytes of the log's segments, one behind the other."""
    folder = broker.partition_folder(topic, partition)
    out = b""
    for path in sorted(glob.glob(os.path.join(folder, "*.log"))):
        with open(path, "rb") as file:
            out += file.read()
    return out


def wait_same(cluster, topic, partition=0, deadline_s=40, at_least=1):
    def same():
        try:
            theirs = log_bytes(cluster.brokers[KAFKA], topic, partition)
            return len(theirs) >= at_least and theirs == log_bytes(cluster.brokers[OURS], topic, partition)
        except (AssertionError, FileNotFoundError):
            return False

    wait_until(same, deadline_s, f"the replicas of {topic}-{partition} are the same")


def isr(cluster, topic, partition=0):
    with cluster.brokers[KAFKA].connect() as client:
        found = client.metadata([topic])["topics"][0]["partitions"][partition]
    return sorted(found["isr"])


def wait_isr(cluster, topic, want, partition=0, deadline_s=40):
    wait_until(lambda: isr(cluster, topic, partition) == want, deadline_s, f"the ISR of {topic} is {want}")


def produce(cluster, topic, data, partition=0, version=7, acks=-1, broker=KAFKA):
    with cluster.brokers[broker].connect() as client:
        answer = client.produce(topic, data, partition=partition, version=version, acks=acks)
    assert answer["error"] == 0, answer
    return answer


def some_batch(number, codec=records.NONE, count=20):
    return records.batch([(b"key-%d" % i, b"value-%d-%d " % (number, i) * 20) for i in range(count)], codec=codec)


def test_a_follower_has_its_leaders_bytes_whatever_codec_they_come_in(cluster):
    cluster = cluster()
    create(cluster, "t", partitions=3)
    for number, codec in enumerate([records.NONE, records.GZIP, records.SNAPPY, records.LZ4, records.ZSTD]):
        for partition in range(3):
            produce(cluster, "t", some_batch(number, codec), partition)
    for partition in range(3):
        wait_same(cluster, "t", partition)
        wait_isr(cluster, "t", [KAFKA, OURS], partition)
