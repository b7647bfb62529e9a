"""A cluster in which somebody goes: who leads and who is controller is known, and a producer that wants every
acknowledgement measures how long it waits."""

import json
import socket
import threading
import time

from . import records, zkcheck
from .cluster import Cluster
from .ports import free_port
from .rawclient import Closed
from .wait import wait_until
from .zookeeper import ZooKeeper

NONE = 0
SESSION_MS = 18000
# Far above what it takes (seconds), far below the session: machines are noisy.
LIMIT_S = 9
PACE_S = 0.02
TOPIC = "t"
CONFIG = {
    "zookeeper.session.timeout.ms": str(SESSION_MS),
    "auto.leader.rebalance.enable": "false",
    "barnabas.log.level": "DEBUG",
}


def patient_zookeeper(folder, host="127.0.0.1"):
    """Of ticks long enough for a session of 18 s."""
    return ZooKeeper(folder / "patient-zookeeper", tick_ms=2000, host=host)


class Three:
    """A cluster whose controller is known and whose topic has one partition, led by a broker of choice. Three brokers,
    where nothing else is said."""

    def __init__(self, folder, zk, name, config=None, behind_doors=False, first="barnabas", count=3, network=None):
        self.zk = zk
        self.chroot = zk.make_chroot(f"/failover-{name}")
        kinds = [first] + ["barnabas"] * (count - 1)
        self.cluster = Cluster(folder / name, zk, self.chroot, kinds, {**CONFIG, **(config or {})})
        self.doors = {}
        for broker in self.cluster.brokers if behind_doors else ():
            door = self.doors[broker.id] = Door(broker.port)
            broker.config["advertised.listeners"] = f"PLAINTEXT://127.0.0.1:{door.port}"
        for broker in self.cluster.brokers if network else ():
            broker.move_to(network, broker.id + 1)
        if first != "barnabas":
            self.cluster.brokers[0].start()
        self.cluster.start()
        self.controller = self.cluster.controller()
        self.others = [broker for broker in self.cluster.brokers if broker is not self.controller]

    def topic(self, replicas):
        with self.controller.connect() as client:
            answer = client.create_topics(
                [
                    {
                        "name": TOPIC,
                        "partitions": -1,
                        "replication": -1,
                        "assignment": {0: [broker.id for broker in replicas]},
                        "configs": {"min.insync.replicas": "2"},
                    }
                ]
            )
        assert answer[TOPIC]["error"] == NONE, answer
        self.wait_isr(replicas)

    def state(self):
        with self.zk.client(self.chroot) as client:
            return json.loads(client.get(f"/brokers/topics/{TOPIC}/partitions/0/state")[0])

    def exists(self, path):
        with self.zk.client(self.chroot) as client:
            return client.exists(path) is not None

    def controller_epoch(self):
        with self.zk.client(self.chroot) as client:
            return int(client.get("/controller_epoch")[0])

    def wait_isr(self, members, deadline_s=60):
        ids = sorted(broker.id for broker in members)
        wait_until(lambda: sorted(self.state()["isr"]) == ids, deadline_s, f"the ISR is {ids}")

    def wait_gone(self, broker, deadline_s=60):
        wait_until(lambda: not self.exists(f"/brokers/ids/{broker.id}"), deadline_s, "the session is over")

    def is_registered(self, broker):
        return self.exists(f"/brokers/ids/{broker.id}")

    def check_registered(self, broker):
        assert self.is_registered(broker), "its session ended: nothing was shown"

    def stop(self):
        self.cluster.stop()


class Door:
    """The address that a broker advertises: passes connections on to its port, until it is shut. Shut it refuses
    and resets, as if the process were gone."""

    def __init__(self, target):
        self.target = target
        self.port = free_port()
        self.pairs = []
        self.listener = None
        self.open()

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self.pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass_on(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def shut(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for pair in self.pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []


class Pacer(threading.Thread):
    """Produces one record after the other with acks=all, at a steady pace, each until it is acknowledged."""

    def __init__(self, brokers, ask=None):
        super().__init__(daemon=True)
        self.brokers = brokers
        self.ask = ask or brokers  # who leads
        self.acked = []  # (time, offset, value)
        self.over = threading.Event()
        self.failure = None
        self.client = None

    def find_leader(self):
        for broker in self.ask:
            if not broker.awake:
                continue
            try:
                with broker.connect(timeout_s=1) as client:
                    (topic,) = client.metadata([TOPIC])["topics"]
                leaders = [partition["leader"] for partition in topic["partitions"]]
                leader = leaders[0] if leaders else -1  # one that has just started knows nothing yet
                if leader >= 0 and self.brokers[leader].awake:
                    return self.brokers[leader].connect(timeout_s=2)
            except (OSError, Closed, socket.timeout):
                continue
        return None

    def send(self, value):
        if self.client is None:
            self.client = self.find_leader()
        if self.client is None:
            return None
        try:
            answer = self.client.produce(TOPIC, records.batch([(None, value)]), timeout_ms=1500)
        except (OSError, Closed, socket.timeout):
            answer = None
        if answer is not None and answer["error"] == NONE:
            return answer["base_offset"]
        self.client.close()
        self.client = None
        return None

    def run(self):
        try:
            number = 0
            while not self.over.is_set():
                value = b"v%d" % number
                offset = self.send(value)
                if offset is not None:
                    self.acked.append((time.monotonic(), offset, value))
                    number += 1
                time.sleep(PACE_S)
        except Exception as failure:  # told in finish
            self.failure = failure

    def wait_acks(self, more, deadline_s=60):
        wanted = len(self.acked) + more
        wait_until(lambda: self.failure or len(self.acked) >= wanted, deadline_s, f"{more} more acknowledgements")

    def finish(self):
        """The longest pause between two acknowledgements, in seconds."""
        self.over.set()
        self.join(30)
        if self.client is not None:
            self.client.close()
        if self.failure:
            raise self.failure
        times = [at for at, _, _ in self.acked]
        return max(later - sooner for sooner, later in zip(times, times[1:]))


def check_nothing_lost(three, pacer):
    leader = three.cluster.brokers[three.state()["leader"]]
    found = {}
    with leader.connect() as client:
        offset, end = 0, client.end_offset(TOPIC)
        while offset < end:
            answer = client.fetch(TOPIC, offset=offset, max_wait_ms=100)
            assert answer["error"] == NONE, answer
            for record in records.read(answer["records"]):
                found[record["offset"]] = record["value"]
                offset = record["offset"] + 1
    lost = [(offset, value) for _, offset, value in pacer.acked if found.get(offset) != value]
    assert not lost, f"acknowledged and not there: {lost[:5]}"


def begin(three):
    pacer = Pacer(three.cluster.brokers)
    pacer.start()
    pacer.wait_acks(50)
    return pacer


def under_load(three):
    """A topic on two others and the controller, written to; (its leader, the other one, the pacer)."""
    leader, other = three.others
    three.topic([leader, other, three.controller])
    return leader, other, begin(three)


def report(what, gap, limit_s=LIMIT_S):
    print(f"\nlongest gap between acknowledgements, {what}: {gap * 1000:.0f} ms")
    assert gap < limit_s, f"{gap:.1f} s without an acknowledgement"


def end(made):
    """Of a fixture: what it made stops; what it leaves in ZooKeeper is sound."""
    found = [zkcheck.errors(three.cluster.connect_string) for three in made]
    for three in made:
        three.stop()
    assert not any(found), f"unsound in ZooKeeper: {found}"
