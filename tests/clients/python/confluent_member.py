"""A member of a consumer group: librdkafka by confluent-kafka (tests/clients/README.md says what members do)."""

import confluent_kafka
import lines


def settings(asked):
    wanted = {
        "bootstrap.servers": asked["bootstrap"],
        "group.id": asked["group"],
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "topic.metadata.refresh.interval.ms": 1000,
        "reconnect.backoff.max.ms": 500,
        "fetch.wait.max.ms": 200,
        "log_level": 0,
    }
    for name, argument in (
        ("group.instance.id", "instance"),
        ("session.timeout.ms", "session_ms"),
        ("heartbeat.interval.ms", "heartbeat_ms"),
        ("partition.assignment.strategy", "assignor"),
    ):
        if argument in asked:
            wanted[name] = asked[argument]
    wanted.update({name: value for name, value in asked.items() if "." in name})
    return wanted


class Member:
    def __init__(self, asked):
        self.uncommitted = {}
        self.consumer = confluent_kafka.Consumer(settings(asked))
        self.consumer.subscribe(
            [asked["topic"]], on_assign=self.on_assign, on_revoke=self.on_revoke, on_lost=self.on_lost
        )

    def serve(self):
        while not lines.leaving.is_set():
            for record in self.consumer.consume(100, 0.1):
                if record.error():
                    lines.tell("error", text=str(record.error()))
                    continue
                lines.record(record.partition(), record.offset(), record.value())
                self.uncommitted[record.partition()] = confluent_kafka.TopicPartition(
                    record.topic(), record.partition(), record.offset() + 1
                )
            self.commit()
        self.consumer.close()

    def commit(self):
        """What was refused is tried again after the next poll."""
        if not self.uncommitted:
            return
        try:
            done = self.consumer.commit(offsets=list(self.uncommitted.values()), asynchronous=False)
        except confluent_kafka.KafkaException as problem:
            lines.error(problem)
            return
        lines.tell("committed", offsets={p.partition: p.offset for p in done if p.error is None})
        for refused in (p for p in done if p.error is not None):
            lines.tell("error", text=str(refused))
        self.uncommitted.clear()

    def on_assign(self, _consumer, partitions):
        lines.tell("assigned", partitions=[p.partition for p in partitions])

    def on_revoke(self, consumer, partitions):
        self.commit()
        self.on_lost(consumer, partitions)

    def on_lost(self, _consumer, partitions):
        gone = [p.partition for p in partitions]
        for partition in gone:
            self.uncommitted.pop(partition, None)
        lines.tell("revoked", partitions=gone)


Member(lines.arguments()).serve()
