"""A member of a consumer group: kafka-python (tests/clients/README.md says what members do)."""

import kafka
import lines
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from kafka.errors import KafkaError

ASSIGNORS = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
    "sticky": StickyPartitionAssignor,
}


class Member(kafka.ConsumerRebalanceListener):
    def __init__(self, asked):
        settings = {
            "bootstrap_servers": asked["bootstrap"].split(","),
            "group_id": asked["group"],
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "metadata_max_age_ms": 2000,
            "reconnect_backoff_max_ms": 500,
            "fetch_max_wait_ms": 200,
        }
        for name, argument in (("session_timeout_ms", "session_ms"), ("heartbeat_interval_ms", "heartbeat_ms")):
            if argument in asked:
                settings[name] = int(asked[argument])
        if "instance" in asked:
            settings["group_instance_id"] = asked["instance"]
        if "assignor" in asked:
            settings["partition_assignment_strategy"] = [ASSIGNORS[asked["assignor"]]]
        self.uncommitted = {}
        self.consumer = kafka.KafkaConsumer(**settings)
        self.consumer.subscribe([asked["topic"]], listener=self)

    def serve(self):
        while not lines.leaving.is_set():
            for partition, records in self.consumer.poll(timeout_ms=100).items():
                for record in records:
                    lines.record(record.partition, record.offset, record.value)
                    self.uncommitted[partition] = record.offset + 1
            self.commit()
        self.consumer.close(autocommit=False)

    def commit(self):
        """What was refused is tried again after the next poll."""
        if not self.uncommitted:
            return
        try:
            self.consumer.commit({p: offset(at) for p, at in self.uncommitted.items()})
        except KafkaError as problem:
            lines.error(problem)
            return
        lines.tell("committed", offsets={p.partition: at for p, at in self.uncommitted.items()})
        self.uncommitted.clear()

    def on_partitions_assigned(self, assigned):
        lines.tell("assigned", partitions=[p.partition for p in assigned])

    def on_partitions_revoked(self, revoked):
        self.commit()
        for partition in revoked:
            self.uncommitted.pop(partition, None)
        lines.tell("revoked", partitions=[p.partition for p in revoked])


def offset(at):
    return kafka.OffsetAndMetadata(at, "", -1)


Member(lines.arguments()).serve()
