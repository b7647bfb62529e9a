"""A cluster is restarted, and taken over from Kafka, broker by broker, while somebody writes with acks=all: nobody is
refused, and everything that was acknowledged is there, on every replica."""

import json
import os
import threading

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from conftest import or_skip
from harness import environment
from harness.wait import wait_until

pytestmark = pytest.mark.skipif(environment.broker_kind() != "barnabas", reason="it is ours that come in")

IDS = (0, 1, 2)
TOPIC = "rolled"
CONFIG = {"default.replication.factor": "3", "min.insync.replicas": "2"}


class Writer(threading.Thread):
    """Sends numbered messages, each when the one before was acknowledged, until told to stop."""

    def __init__(self, bootstrap):
        super().__init__(daemon=True)
        self.producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", retries=1000, retry_backoff_ms=50)
        self.acknowledged = []
        self.problem = None
        self.enough = threading.Event()

    def run(self):
        try:
            while not self.enough.is_set():
                value = b"%d" % len(self.acknowledged)
                self.producer.send(TOPIC, value, partition=len(self.acknowledged) % len(IDS)).get(60)
                self.acknowledged.append(value)
        except Exception as problem:  # noqa: BLE001 - whatever it was, the test is to tell of it
            self.problem = problem

    def more(self, count):
        """Until so many more were acknowledged."""
        before = len(self.acknowledged)
        wait_until(lambda: self.problem or len(self.acknowledged) >= before + count, 60, "writing goes on")
        assert self.problem is None, self.problem

    def end(self):
        self.enough.set()
        self.join(90)
        self.producer.close(10)
        assert self.problem is None, self.problem


def partitions(broker):
    with broker.connect() as client:
        (topic,) = client.metadata([TOPIC])["topics"]
    return topic["partitions"]


def wait_in_sync(brokers):
    def full():
        views = [partitions(broker) for broker in brokers]
        return all(len(view) == len(IDS) and all(len(p["isr"]) == len(IDS) for p in view) for view in views)

    wait_until(full, 90, "every broker sees every replica in sync")


def wait_members(brokers):
    def agreed():
        for broker in brokers:
            with broker.connect() as client:
                if {member["id"] for member in client.metadata([])["brokers"]} != set(IDS):
                    return False
        return True

    wait_until(agreed, 90, "all know of all")


def read_back(broker):
    """Everything in the topic, by partition."""
    consumer = KafkaConsumer(bootstrap_servers=broker.address, auto_offset_reset="earliest", enable_auto_commit=False)
    parts = [TopicPartition(TOPIC, number) for number in range(len(IDS))]
    consumer.assign(parts)
    ends = consumer.end_offsets(parts)
    found = {part.partition: [] for part in parts}
    while any(consumer.position(part) < ends[part] for part in parts):
        for part, records in consumer.poll(1000).items():
            found[part.partition] += [record.value for record in records]
    consumer.close()
    return found


def log_bytes(broker, partition):
    folder = broker.partition_folder(TOPIC, partition)
    segments = sorted(name for name in os.listdir(folder) if name.endswith(".log"))
    return b"".join(open(os.path.join(folder, name), "rb").read() for name in segments)


def wait_same_bytes(brokers):
    """A file that was made with its size before it is filled ends with zeroes."""

    def same():
        return all(
            len({log_bytes(broker, number).rstrip(b"\0") for broker in brokers}) == 1 for number in range(len(IDS))
        )

    wait_until(same, 60, "every replica has the same bytes")


def roll(new_broker, zk, name, first, after, config=CONFIG):
    """A cluster of the makes `first`, whose brokers give way to those of the makes in `after` one by one."""
    chroot = zk.make_chroot(f"/rolling-{name}")
    brokers = [new_broker(kind=first[number], broker_id=number, chroot=chroot, config=config, start=False) for number in IDS]
    for broker in brokers:
        broker.launch()
    for broker in brokers:
        broker.wait_serving()
    wait_members(brokers)
    with brokers[0].connect() as client:
        controller = client.metadata([])["controller_id"]
    with brokers[controller].connect() as client:
        made = client.create_topics([{"name": TOPIC, "partitions": len(IDS), "replication": len(IDS)}])
        assert made[TOPIC]["error"] == 0, made
    wait_in_sync(brokers)
    writer = Writer([broker.address for broker in brokers])
    writer.start()
    try:
        writer.more(20)
        for number, kind in after:
            brokers[number].stop()
            writer.more(20)
            brokers[number] = new_broker.like(brokers[number], kind=kind)
            wait_in_sync(brokers)
            writer.more(20)
    finally:
        writer.end()
    wait_in_sync(brokers)
    wait_same_bytes(brokers)
    found = read_back(brokers[0])
    written = [value for values in found.values() for value in values]
    assert set(writer.acknowledged) <= set(written), "acknowledged and lost"
    # A message may be there twice (a retry after an answer that was lost), never out of order.
    for values in found.values():
        numbers = list(dict.fromkeys(int(value) for value in values))
        assert numbers == sorted(numbers)
    return brokers


@pytest.mark.slow
def test_brokers_of_ours_are_restarted_one_by_one_while_somebody_writes(new_broker, zk):
    roll(new_broker, zk, "restart", ["barnabas"] * 3, [(number, "barnabas") for number in IDS])


@pytest.mark.slow
def test_a_cluster_of_kafka_is_taken_over_broker_by_broker_and_one_goes_back(new_broker, zk):
    after = [(number, "barnabas") for number in IDS] + [(1, "kafka")]
    brokers = roll(new_broker, zk, "takeover", ["kafka"] * 3, after)
    assert [broker.kind for broker in brokers] == ["barnabas", "kafka", "barnabas"]


def make_controller(zk, brokers, wanted):
    """One of `wanted` becomes controller: the others stand still while there is none."""
    others = [broker for broker in brokers if broker.id not in wanted]

    def elected():
        data = zk.read(brokers[0].chroot + "/controller")
        return data and json.loads(data)["brokerid"] in wanted

    if not elected():
        for broker in others:
            broker.pause()
        with zk.client(brokers[0].chroot) as client:
            client.delete("/controller")
        wait_until(elected, 30, f"one of {wanted} is controller")
        for broker in others:
            broker.resume()

    def known():
        for broker in brokers:
            with broker.connect() as client:
                if client.metadata([])["controller_id"] not in wanted:
                    return False
        return True

    wait_until(known, 30, "all know the controller")


def create_and_delete(zk, brokers, name):
    """A topic on all of them: made, written, and gone from every disk."""

    def of_controller(ask):
        with brokers[0].connect() as client:
            controller = client.metadata([])["controller_id"]
        with brokers[controller].connect() as client:
            return ask(client)

    made = of_controller(
        lambda client: client.create_topics([{"name": name, "partitions": 3, "replication": len(IDS)}])
    )
    assert made[name]["error"] == 0, made
    producer = KafkaProducer(bootstrap_servers=[broker.address for broker in brokers], acks="all", retries=100)
    for number in range(30):
        producer.send(name, b"%d" % number, partition=number % 3).get(30)
    producer.close(10)
    assert of_controller(lambda client: client.delete_topics([name]))[name] == 0
    wait_until(lambda: zk.read(f"{brokers[0].chroot}/brokers/topics/{name}") is None, 30, "the topic is gone")
    left = lambda: [f for b in brokers for d in b.log_dirs for f in os.listdir(d) if f.startswith(name + "-")]
    wait_until(lambda: all(f.endswith("-delete") for f in left()), 30, "and so are its logs")


@pytest.mark.slow
def test_a_cluster_of_kafka_2_6_is_taken_over_with_the_protocol_of_2_6(new_broker, zk):
    """Leaders write the ISR into ZooKeeper, followers ask where the logs part, topics have no ids."""
    old = {**CONFIG, "inter.broker.protocol.version": "2.6"}
    or_skip(lambda: environment.jars("kafka-2.6"))
    first = ["barnabas", "kafka-2.6", "kafka-2.6"]
    brokers = roll(new_broker, zk, "old", first, [(1, "barnabas")], config=old)
    assert [broker.kind for broker in brokers] == ["barnabas", "barnabas", "kafka-2.6"]
    for controllers in ((0, 1), (2,)):
        make_controller(zk, brokers, controllers)
        create_and_delete(zk, brokers, f"of-{controllers[0]}")
