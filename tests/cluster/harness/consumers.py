"""Members of consumer groups, real clients each on a thread of its own: what each was given, what it read."""

import threading

import confluent_kafka

from .wait import wait_until


class Member:
    """A librdkafka consumer that commits what it has read, after each record, until it is closed."""

    def __init__(self, bootstrap, group, topic, **settings):
        self.consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": 45000,  # a machine that stands still for long throws nobody out
                "heartbeat.interval.ms": 500,
                "topic.metadata.refresh.interval.ms": 1000,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
                **settings,
            }
        )
        self.read = []  # (partition, offset)
        self.assigned = set()
        self.problems = []
        self.closing = threading.Event()
        self.consumer.subscribe([topic] if isinstance(topic, str) else topic, on_assign=self._on_assign, on_revoke=self._on_revoke)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _on_assign(self, _consumer, partitions):
        self.assigned = {p.partition for p in partitions}

    def _on_revoke(self, _consumer, _partitions):
        self.assigned = set()

    def _run(self):
        while not self.closing.is_set():
            record = self.consumer.poll(0.1)
            if record is None:
                continue
            if record.error():
                self.problems.append(str(record.error()))
                continue
            self.read.append((record.partition(), record.offset()))
            try:
                self.consumer.commit(record, asynchronous=False)
            except confluent_kafka.KafkaException as problem:
                self.problems.append(str(problem))
        self.consumer.close()

    def close(self):
        self.closing.set()
        self.thread.join(60)
        assert not self.thread.is_alive(), "the consumer does not close"


def wait_shared(members, partitions, deadline_s=60):
    """Every partition has one owner, and every member a share."""

    def shared():
        owned = [partition for member in members for partition in member.assigned]
        return sorted(owned) == list(range(partitions)) and all(member.assigned for member in members)

    wait_until(shared, deadline_s, f"{partitions} partitions shared by {len(members)} members")


def wait_read(members, count, deadline_s=60):
    def distinct():
        return len({place for member in members for place in member.read})

    wait_until(lambda: distinct() >= count, deadline_s, f"{count} records read")


def committed(bootstrap, group, topic, partitions):
    """The group's offsets by partition, as a new client is told; none is -1001."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    try:
        asked = [confluent_kafka.TopicPartition(topic, number) for number in range(partitions)]
        return {found.partition: found.offset for found in consumer.committed(asked, timeout=30)}
    finally:
        consumer.close()


def produce(bootstrap, topic, each, partitions, first=0):
    """`each` records to every partition, acknowledged by all."""
    failed = []
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0})
    for number in range(first, first + each):
        for partition in range(partitions):
            producer.produce(
                topic,
                value=b"%d" % number,
                partition=partition,
                on_delivery=lambda error, _record: failed.append(error) if error else None,
            )
    assert producer.flush(60) == 0 and not failed, failed[:3]
