"""Rounds of faults drawn at random under load. What is drawn depends on the seed alone; when it strikes does not,
and that is meant: no two runs of a seed meet the same moments."""

import os
import shutil
import time

from . import schema, sessions
from .wait import wait_until

PARTITIONS = 4
_LONGEST_WAIT_S = 4  # a session lasts three


class Round:
    """Draws steps and does them; each step says what it did, for the story of a round that failed."""

    def __init__(self, cluster, draw, say):
        self.cluster, self.draw, self.say = cluster, draw, say
        self.topic = None
        self.guests = 0

    # --- steps: each returns its description, or None when it makes no sense now ------------------

    def _awake(self):
        return self.draw.choice(self.cluster.awake) if self.cluster.awake else None

    def kill(self):
        broker = self._awake()
        if broker:
            broker.kill()
            return f"kill {broker.id}"
        return None

    def kill_controller(self):
        found = self.cluster.znode("/controller") if self.cluster.zookeeper.process.running else None
        broker = self.cluster.brokers[found["brokerid"]] if found else None
        if broker and broker.awake:
            broker.kill()
            return f"kill the controller {broker.id}"
        return None

    def kill_and_start(self):
        broker = self._awake()
        if broker:
            broker.kill()
            broker.launch()
            return f"kill and start {broker.id}"
        return None

    def kill_all(self):
        for broker in self.cluster.brokers:
            if broker.running:
                broker.process.expected_death = True
                broker.process.popen.kill()
        for broker in self.cluster.brokers:
            broker.kill()
        return "kill all"

    def stop(self):
        broker = self._awake()
        if broker:
            broker.stop()
            return f"stop {broker.id}"
        return None

    def pause(self):
        broker = self._awake()
        if broker:
            broker.pause()
            return f"pause {broker.id}"
        return None

    def bring_back(self):
        """What is paused or ended: the likeliest step, so that not all are away for most of the time."""
        away = [broker for broker in self.cluster.brokers if not broker.awake]
        if not away or not self.cluster.zookeeper.process.running:
            return None
        broker = self.draw.choice(away)
        if broker.running:
            broker.resume()
            return f"resume {broker.id}"
        broker.launch()
        return f"start {broker.id}"

    def empty_disk(self):
        """Only while all replicas are in sync: the promise is for records that others have, too."""
        if len(self.cluster.awake) < len(self.cluster.brokers) or not self.cluster.zookeeper.process.running:
            return None
        self.cluster.heal()
        self.cluster.wait_whole([self.topic])
        broker = self._awake()
        self.say(f"  broker {broker.id} is killed, emptied and started")
        broker.kill()
        for folder in broker.log_dirs:
            shutil.rmtree(folder)
        self.cluster.heal()
        self.cluster.wait_whole([self.topic])
        return f"broker {broker.id} is whole again"

    def end_session(self):
        broker = self._awake()
        record = broker and os.path.exists(os.path.join(broker.log_dirs[0], "barnabas.session"))
        if record and self.cluster.zookeeper.process.running:
            sessions.end(broker, self.cluster.zookeeper)
            return f"end the session of {broker.id}"
        return None

    def restart_zookeeper(self):
        if not self.cluster.zookeeper.process.running:
            return None
        self.cluster.zookeeper.kill()
        self.wait()
        self.cluster.zookeeper.start()
        return "ZooKeeper killed and started"

    def reorder(self):
        """Another order of the replicas, by the controller that there is; refusals are not of interest."""
        order = [0, 1, 2]
        self.draw.shuffle(order)
        partitions = [{"partition_index": number, "replicas": order} for number in range(PARTITIONS)]
        self._ask("AlterPartitionReassignments", 0, topics=[{"name": self.topic, "partitions": partitions}])
        return f"replicas in the order {order}"

    def prefer(self):
        wanted = [{"topic": self.topic, "partitions": list(range(PARTITIONS))}]
        self._ask("ElectLeaders", 2, election_type=0, topic_partitions=wanted, timeout_ms=1000)
        return "preferred leaders asked for"

    def guest(self):
        """A topic comes, another goes."""
        self.guests += 1
        name = f"{self.topic}-guest-{self.guests}"
        wanted = {"name": name, "num_partitions": 3, "replication_factor": -1}
        self._ask("CreateTopics", 5, topics=[wanted], timeout_ms=1000)
        if self.guests > 1:
            self._ask("DeleteTopics", 4, topic_names=[f"{self.topic}-guest-{self.guests - 1}"], timeout_ms=1000)
        return f"topic {name} asked for"

    def _ask(self, api, version, **fields):
        broker = self._awake()
        if broker is None:
            return
        try:
            with broker.connect(timeout_s=5) as client:
                number = client.metadata([])["controller_id"]
            if number >= 0 and self.cluster.brokers[number].awake:
                with self.cluster.brokers[number].connect(timeout_s=5) as client:
                    schema.ask(client, api, version, **fields)
        except Exception:  # noqa: BLE001 - who is asked may be starting, ending or no controller any more
            return

    # --- the whole --------------------------------------------------------------------------------

    STEPS = (
        (kill, 4),
        (kill_controller, 3),
        (kill_and_start, 4),
        (kill_all, 1),
        (stop, 3),
        (pause, 4),
        (bring_back, 12),
        (empty_disk, 1),
        (end_session, 3),
        (restart_zookeeper, 1),
        (reorder, 2),
        (prefer, 1),
        (guest, 2),
    )

    def wait(self):
        """A drawn time; short ones are likelier."""
        end = time.monotonic() + self.draw.random() ** 3 * _LONGEST_WAIT_S
        wait_until(lambda: time.monotonic() >= end, _LONGEST_WAIT_S + 5, "the drawn moment", poll_s=0.005)

    def run(self, topic, steps):
        self.topic = topic
        done = 0
        while done < steps:
            (step,) = self.draw.choices([s for s, _ in self.STEPS], [weight for _, weight in self.STEPS])
            said = step(self)
            if said is None:
                continue
            self.say(f"  {time.strftime('%H:%M:%S', time.gmtime())} {said}")
            done += 1
            self.wait()
        return done
