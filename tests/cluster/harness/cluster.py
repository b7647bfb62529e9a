"""Several brokers, of one make or mixed, on one chroot of a ZooKeeper server."""

import json
import os

from . import replicas
from .broker import Broker
from .wait import wait_until


# Errors that a broker is right to log when others, or it itself, were killed.
EXPECTED_ERRORS = ("storage unclean_stop ",)


class Cluster:
    """kinds: one entry per broker, "barnabas", "kafka" or "kafka-2.6" (None: the make that the run tests)."""

    def __init__(self, folder, zookeeper, chroot, kinds, config=None, log_dirs=1):
        self.zookeeper = zookeeper
        self.chroot = chroot
        self.connect_string = zookeeper.address + chroot
        self.brokers = [
            Broker(
                os.path.join(str(folder), f"broker-{number}"),
                self.connect_string,
                kind=kind,
                broker_id=number,
                config=config,
                log_dirs=log_dirs,
            )
            for number, kind in enumerate(kinds)
        ]
        self.mark_logs()

    # --- life -------------------------------------------------------------------------------------

    def start(self, deadline_s=90):
        for broker in self.brokers:
            if not broker.running:
                broker.launch()
        for broker in self.brokers:
            broker.wait_serving(deadline_s)
        self.wait_members([broker.id for broker in self.brokers], deadline_s)
        return self

    def heal(self, deadline_s=90):
        """Everything runs again and knows the others. A broker that died by itself is a failure."""
        complaints = self.complaints()
        assert not complaints, "; ".join(complaints)
        if self.zookeeper.process.paused:
            self.zookeeper.resume()
        if not self.zookeeper.process.running:
            self.zookeeper.start()
        for broker in self.brokers:
            if broker.process.paused:
                broker.resume()
        self.start(deadline_s)

    def stop(self):
        for broker in self.brokers:
            if broker.running:
                broker.process.kill()

    def complaints(self):
        return [complaint for broker in self.brokers for complaint in broker.complaints()]

    def mark_logs(self):
        """logged_errors() tells of what comes after this."""
        self.marks = {broker.id: len(broker.process.log_text()) for broker in self.brokers}

    def logged_errors(self):
        lines = [
            f"broker {broker.id}: {line}"
            for broker in self.brokers
            for line in broker.process.log_text()[self.marks[broker.id] :].splitlines()
        ]
        return [line for line in lines if " ERROR " in line and not any(known in line for known in EXPECTED_ERRORS)]

    # --- who is who -------------------------------------------------------------------------------

    @property
    def awake(self):
        return [broker for broker in self.brokers if broker.awake]

    def others(self, broker):
        return [other for other in self.brokers if other is not broker]

    def wait_members(self, ids, deadline_s=60):
        """Until every broker that is awake knows exactly these members."""

        def agreed():
            for broker in self.awake:
                with broker.connect() as client:
                    known = {member["id"] for member in client.metadata([])["brokers"]}
                if known != set(ids):
                    return False
            return True

        wait_until(agreed, deadline_s, f"all brokers know the members {sorted(ids)}")

    def controller(self):
        for broker in self.awake:
            with broker.connect() as client:
                controller = client.metadata([])["controller_id"]
            return self.brokers[controller]
        raise AssertionError("no broker runs")

    @property
    def bootstrap(self):
        return ",".join(broker.address for broker in self.brokers)

    @property
    def address(self):
        """So that clients take a cluster where they take a broker."""
        return self.bootstrap

    # --- ZooKeeper --------------------------------------------------------------------------------

    def znode(self, path):
        """A znode's JSON, or None."""
        data = self.zookeeper.read(self.chroot + path)
        return None if data is None else json.loads(data)

    def state(self, topic, partition=0):
        return self.znode(f"/brokers/topics/{topic}/partitions/{partition}/state")

    def wait_controller(self, without=None, deadline_s=30):
        """Until ZooKeeper names a controller, another one than `without`; returns it."""

        def named():
            found = self.znode("/controller")
            broker = self.brokers[found["brokerid"]] if found else None
            return broker if broker is not without else None

        return wait_until(named, deadline_s, "a controller", poll_s=0.1)

    # --- topics and partitions --------------------------------------------------------------------

    def partitions(self, topic, broker=None):
        with (broker or self.awake[0]).connect() as client:
            (found,) = client.metadata([topic])["topics"]
        assert found["error"] == 0, f"metadata of {topic}: error {found['error']}"
        return found["partitions"]

    def leader(self, topic, partition=0):
        def led():
            number = self.partitions(topic)[partition]["leader"]
            return self.brokers[number] if number >= 0 else None

        return wait_until(led, 30, f"a leader of {topic}-{partition}")

    def followers(self, topic, partition=0):
        return self.others(self.leader(topic, partition))

    def create(self, topic, partitions=1, replication=3, configs=None, assignment=None):
        """assignment: {partition: [ids]}. Returns when every broker that is awake shows all of it in sync."""
        wanted = {"name": topic, "partitions": partitions, "replication": replication, "configs": configs or {}}
        if assignment:
            wanted.update(partitions=-1, replication=-1, assignment=assignment)
            partitions = len(assignment)

        def made():
            with self.controller().connect() as client:
                answer = client.create_topics([wanted])[topic]
            assert answer["error"] in (0, 36), answer
            return True

        wait_until(made, 30, f"{topic} is created")
        self.wait_whole([topic], partitions=partitions)
        return topic

    def delete(self, topic, deadline_s=40):
        """Returns when no broker has files of it and it is gone from ZooKeeper."""

        def asked():
            with self.controller().connect() as client:
                return client.delete_topics([topic])[topic] in (0, 3)

        wait_until(asked, deadline_s, f"{topic} may be deleted")
        wait_until(lambda: self.znode(f"/brokers/topics/{topic}") is None, deadline_s, f"{topic} is deleted")

    def wait_whole(self, topics, deadline_s=60, partitions=None):
        """Until every broker that is awake says of each partition that it is led and all its replicas are in sync."""

        def whole():
            shown = [[self._shown(broker, topic) for topic in topics] for broker in self.awake]
            whole_topics = all(
                p["leader"] in p["replicas"] and sorted(p["isr"]) == sorted(p["replicas"])
                for topic in shown[0]
                for p in topic
            )
            counts = partitions is None or all(len(topic) == partitions for topic in shown[0])
            return whole_topics and counts and all(other == shown[0] for other in shown)

        try:
            wait_until(whole, deadline_s, f"{', '.join(topics)} whole and the same on all brokers", poll_s=0.05)
        except AssertionError as problem:
            raise AssertionError(f"{problem}\n{self.describe(topics)}") from None

    def _shown(self, broker, topic):
        """Without what brokers may see differently for a while after all is well."""
        keys = ("partition", "leader", "epoch", "replicas", "isr")
        return [{key: p[key] for key in keys} for p in self.partitions(topic, broker)]

    def describe(self, topics):
        """What each broker and ZooKeeper say of some topics, for a failure's text."""
        lines = []
        for topic in topics:
            for broker in self.awake:
                try:
                    lines.append(f"broker {broker.id}: {topic}: {self._shown(broker, topic)}")
                except Exception as problem:  # noqa: BLE001 - it is shown
                    lines.append(f"broker {broker.id}: {topic}: {problem!r}")
        return "\n".join(lines)

    # --- replicas ---------------------------------------------------------------------------------

    def wait_same(self, topic, partition, deadline_s=40):
        """Until all replicas hold the same bytes; returns them."""
        ids = self.partitions(topic)[partition]["replicas"]
        return replicas.wait_same([self.brokers[number] for number in ids], topic, partition, deadline_s)
