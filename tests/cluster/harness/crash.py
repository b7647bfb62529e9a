"""A producer that counts on what it was told, a broker that is killed under it, and the reckoning."""

import threading
import time

import confluent_kafka

from . import records
from .wait import wait_until


class Producer(threading.Thread):
    """Idempotent, acks=all, over all partitions of a topic, until stopped. Each record's value is its
    number; acknowledged[number] is the (partition, offset) that the broker gave."""

    def __init__(self, address, topic, partitions, codec="none"):
        super().__init__(daemon=True)
        self.topic = topic
        self.partitions = partitions
        self.acknowledged = {}
        self.failed = []
        self.sent = 0
        self.stopping = threading.Event()
        self.producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": address,
                "acks": "all",
                "enable.idempotence": True,
                "compression.codec": codec,
                "linger.ms": 1,
                "message.timeout.ms": 120000,
                "reconnect.backoff.ms": 20,
                "reconnect.backoff.max.ms": 200,
                "retry.backoff.ms": 20,
                "queue.buffering.max.messages": 2000,
                "log_level": 0,
            }
        )

    def _delivered(self, number):
        def call(problem, record):
            if problem is not None:
                self.failed.append((number, str(problem)))
            else:
                self.acknowledged[number] = (record.partition(), record.offset())

        return call

    def run(self):
        while not self.stopping.is_set():
            try:
                self.producer.produce(
                    self.topic,
                    value=b"%d" % self.sent,
                    partition=self.sent % self.partitions,
                    on_delivery=self._delivered(self.sent),
                )
                self.sent += 1
                self.producer.poll(0)
            except BufferError:
                self.producer.poll(0.05)

    def finish(self, deadline_s=120):
        self.stopping.set()
        self.join()
        left = self.producer.flush(deadline_s)
        assert left == 0, f"{left} records were never acknowledged nor refused"
        assert not self.failed, f"{len(self.failed)} records failed, the first: {self.failed[0]}"
        assert len(self.acknowledged) == self.sent


def kill_at_random(broker, producer, draw, restart):
    """Waits for progress and for a drawn fraction of time, then kills; restart(broker) brings it back."""
    seen = len(producer.acknowledged)
    wait_until(lambda: len(producer.acknowledged) > seen + 20, 60, "acknowledgements before the kill", poll_s=0.002)
    let_run(broker, draw.uniform(0, 0.25))
    broker.kill()
    restart(broker)


def let_run(broker, seconds):
    """Until the broker has run so much longer, or has ended by itself."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end or not broker.running, seconds + 5, "the drawn moment", poll_s=0.001)


def read_partition(client, topic, partition):
    found, offset, end = [], 0, client.end_offset(topic, partition)
    while offset < end:
        answer = client.fetch(topic, offset=offset, partition=partition, partition_max_bytes=8 << 20)
        assert answer["error"] == 0, f"fetch of {topic}-{partition} at {offset}: error {answer['error']}"
        got = [record for record in records.read(answer["records"]) if record["offset"] >= offset]
        assert got, f"nothing at offset {offset} of {topic}-{partition}, whose end is {end}"
        found += got
        offset = got[-1]["offset"] + 1
    return found


def reckon(client, producer):
    """Every acknowledged record is there, once, at its offset; within a partition in the order of sending."""
    wrong, places = [], {}
    for partition in range(producer.partitions):
        found = read_partition(client, producer.topic, partition)
        offsets = [record["offset"] for record in found]
        if offsets != list(range(len(offsets))):
            wrong.append(f"partition {partition}: offsets have gaps")
        numbers = [int(record["value"]) for record in found]
        if numbers != sorted(numbers):
            wrong.append(f"partition {partition}: records are out of order")
        for record in found:
            places.setdefault(int(record["value"]), []).append((partition, record["offset"]))
    for number, place in producer.acknowledged.items():
        if places.get(number) != [place]:
            wrong.append(f"record {number} was acknowledged at {place} and is at {places.get(number)}")
    assert not wrong, f"{len(wrong)} wrongs:\n" + "\n".join(wrong[:10])
