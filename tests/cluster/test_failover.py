"""Three brokers with ZooKeeper's usual session timeout of 18 s: how long a producer that wants every
acknowledgement waits when one of them is killed, and that nothing moves that need not."""

import json
import socket
import threading
import time

import pytest

from conftest import or_skip
from harness import records, zkcheck
from harness.cluster import Cluster
from harness.ports import free_port
from harness.rawclient import Closed
from harness.wait import wait_until
from harness.zookeeper import ZooKeeper

NONE = 0
SESSION_MS = 18000
# Far above what it takes (about a second), far below the session: machines are noisy.
LIMIT_S = 9
PACE_S = 0.02
TOPIC = "t"
CONFIG = {
    "zookeeper.session.timeout.ms": str(SESSION_MS),
    "auto.leader.rebalance.enable": "false",
    "barnabas.log.level": "DEBUG",
}


@pytest.fixture(scope="module")
def patient_zk(workspace):
    """Of ticks long enough for a session of 18 s."""
    server = or_skip(lambda: ZooKeeper(workspace / "patient-zookeeper", tick_ms=2000))
    server.start()
    yield server
    server.stop()


class Three:
    """A cluster whose controller is known and whose topic has one partition, led by a broker of choice."""

    def __init__(self, folder, zk, name, config=None, behind_doors=False, first="barnabas"):
        self.zk = zk
        self.chroot = zk.make_chroot(f"/failover-{name}")
        kinds = [first, "barnabas", "barnabas"]
        self.cluster = Cluster(folder / name, zk, self.chroot, kinds, {**CONFIG, **(config or {})})
        self.doors = {}
        for broker in self.cluster.brokers if behind_doors else ():
            door = self.doors[broker.id] = Door(broker.port)
            broker.config["advertised.listeners"] = f"PLAINTEXT://127.0.0.1:{door.port}"
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
            if not broker.running:
                continue
            try:
                with broker.connect(timeout_s=1) as client:
                    (topic,) = client.metadata([TOPIC])["topics"]
                leaders = [partition["leader"] for partition in topic["partitions"]]
                leader = leaders[0] if leaders else -1  # one that has just started knows nothing yet
                if leader >= 0 and self.brokers[leader].running:
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


@pytest.fixture
def start(request, workspace, patient_zk):
    made = []

    def make(config=None, **more):
        name = request.node.name.translate(str.maketrans("[ ", "--", "]"))
        three = Three(workspace, patient_zk, name, config, **more)
        made.append(three)
        return three

    yield make
    found = [zkcheck.errors(three.cluster.connect_string) for three in made]
    for three in made:
        three.stop()
    assert not any(found), f"unsound in ZooKeeper: {found}"


def begin(three):
    pacer = Pacer(three.cluster.brokers)
    pacer.start()
    pacer.wait_acks(50)
    return pacer


def report(what, gap):
    print(f"\nlongest gap between acknowledgements, {what}: {gap * 1000:.0f} ms")
    assert gap < LIMIT_S, f"{gap:.1f} s without an acknowledgement"


def test_leader_is_replaced_long_before_its_session_ends(start):
    three = start()
    leader, other = three.others
    three.topic([leader, other, three.controller])
    pacer = begin(three)
    leader.kill()
    pacer.wait_acks(100)
    assert three.is_registered(leader), "its session ended: nothing was shown"
    gap = pacer.finish()
    state = three.state()
    assert state["leader"] != leader.id
    assert leader.id not in state["isr"]
    assert three.exists(f"/barnabas/suspects/{leader.id}")
    three.wait_gone(leader)
    wait_until(lambda: not three.exists(f"/barnabas/suspects/{leader.id}"), 10, "the suspicion is taken back")
    assert three.state()["leader_epoch"] == state["leader_epoch"] == 1, "leadership moved more than once"
    check_nothing_lost(three, pacer)
    leader.start()
    three.wait_isr(three.cluster.brokers)
    report("leader killed", gap)


def test_follower_that_is_killed_holds_nobody_up(start):
    three = start()
    leader, follower = three.others
    three.topic([leader, follower, three.controller])
    pacer = begin(three)
    follower.kill()
    pacer.wait_acks(100)
    assert three.is_registered(follower), "its session ended: nothing was shown"
    gap = pacer.finish()
    assert three.state()["leader"] == leader.id
    assert follower.id not in three.state()["isr"]
    check_nothing_lost(three, pacer)
    report("follower killed", gap)


@pytest.mark.parametrize("leads", ("controller leads", "another leads"))
def test_controller_is_replaced_long_before_its_session_ends(start, leads):
    three = start()
    first, second = three.others
    three.topic([three.controller, first, second] if leads == "controller leads" else [first, three.controller, second])
    epoch = three.controller_epoch()
    pacer = begin(three)
    three.controller.kill()
    pacer.wait_acks(100)
    wait_until(lambda: three.controller.id not in three.state()["isr"], LIMIT_S, "the dead one has left the ISR")
    assert three.is_registered(three.controller), "its session ended: nothing was shown"
    gap = pacer.finish()
    assert three.controller_epoch() == epoch + 1
    assert three.state()["leader_epoch"] == 1, "leadership moved more than once"
    assert three.state()["leader"] == first.id
    check_nothing_lost(three, pacer)
    three.controller.start()
    three.wait_isr(three.cluster.brokers)
    assert three.controller_epoch() == epoch + 1
    report(f"controller killed, {leads}", gap)


def test_broker_that_is_back_at_once_catches_up(start):
    three = start()
    leader, other = three.others
    three.topic([leader, other, three.controller])
    pacer = begin(three)
    leader.kill()
    leader.start()
    pacer.wait_acks(100)
    three.wait_isr(three.cluster.brokers)
    gap = pacer.finish()
    assert not three.exists(f"/barnabas/suspects/{leader.id}")
    check_nothing_lost(three, pacer)
    report("leader killed and started again at once", gap)


@pytest.mark.parametrize("who", ("leader", "controller"))
def test_short_pause_moves_nothing(start, who):
    three = start()
    leader, other = three.others
    three.topic([leader, other, three.controller])
    epoch = three.controller_epoch()
    pacer = begin(three)
    paused = leader if who == "leader" else three.controller
    paused.pause()
    time.sleep(3)
    paused.resume()
    pacer.wait_acks(100)
    pacer.finish()
    assert three.state()["leader"] == leader.id
    assert three.state()["leader_epoch"] == 0
    assert three.controller_epoch() == epoch
    assert not three.exists(f"/barnabas/suspects/{paused.id}")
    check_nothing_lost(three, pacer)


def test_switched_off_it_waits_for_the_session(start):
    session_s = 6
    three = start(
        {"barnabas.broker.suspect.enable": "false", "zookeeper.session.timeout.ms": str(session_s * 1000)}
    )
    leader, other = three.others
    three.topic([leader, other, three.controller])
    pacer = begin(three)
    leader.kill()
    at = time.monotonic()
    wait_until(lambda: three.state()["leader"] != leader.id, 60, "leadership moves")
    assert time.monotonic() - at > session_s / 2
    pacer.wait_acks(50)
    pacer.finish()
    assert not three.exists("/barnabas/suspects")
    check_nothing_lost(three, pacer)


def test_wrong_suspicion_loses_nothing_and_ends_when_the_broker_answers(start):
    """The leader lives, and clients reach it, but no other broker does."""
    three = start(behind_doors=True)
    leader, other = three.others
    three.topic([leader, other, three.controller])
    pacer = Pacer([leader])
    pacer.find_leader = lambda: leader.connect(timeout_s=3)
    pacer.start()
    pacer.wait_acks(50)
    three.doors[leader.id].shut()
    wait_until(lambda: three.state()["leader"] == other.id, LIMIT_S, "another leads")
    time.sleep(2)  # it goes on being asked
    elsewhere = Pacer(three.cluster.brokers, ask=[other])
    elsewhere.start()
    elsewhere.wait_acks(50)
    assert leader.running and three.is_registered(leader)
    elsewhere.finish()
    pacer.over.set()
    three.doors[leader.id].open()
    three.wait_isr(three.cluster.brokers)
    pacer.finish()
    wait_until(lambda: not three.exists(f"/barnabas/suspects/{leader.id}"), 10, "the suspicion is taken back")
    assert three.state()["leader"] == other.id
    assert three.state()["leader_epoch"] == 1
    assert any("registration suspected" in line for line in open(leader.process.log_path)), "it was not told"
    check_nothing_lost(three, pacer)
    check_nothing_lost(three, elsewhere)


def test_controller_deposed_alive_resigns_and_its_broker_catches_up(start):
    three = start(behind_doors=True)
    first, second = three.others
    deposed = three.controller
    three.topic([deposed, first, second])
    epoch = three.controller_epoch()
    pacer = Pacer(three.cluster.brokers, ask=[first])
    pacer.start()
    pacer.wait_acks(50)
    three.doors[deposed.id].shut()
    wait_until(lambda: three.controller_epoch() == epoch + 1, LIMIT_S, "another is controller")
    wait_until(lambda: three.state()["leader"] == first.id, LIMIT_S, "another leads")
    pacer.wait_acks(50)
    assert three.is_registered(deposed)
    three.doors[deposed.id].open()
    three.wait_isr(three.cluster.brokers)
    pacer.finish()
    assert three.controller_epoch() == epoch + 1
    assert three.state()["leader_epoch"] == 1
    check_nothing_lost(three, pacer)


def test_rolling_restart_suspects_nobody_who_stops_in_order(start):
    three = start()
    three.topic([*three.others, three.controller])
    pacer = begin(three)
    for broker in [*three.others, three.controller]:
        broker.stop()
        broker.start()
        three.wait_isr(three.cluster.brokers)
        pacer.wait_acks(20)
    gap = pacer.finish()
    for broker in three.cluster.brokers:
        suspected = [line for line in open(broker.process.log_path) if "controller broker_suspected" in line]
        assert not suspected, suspected
    check_nothing_lost(three, pacer)
    report("rolling restart", gap)


def test_kafka_that_is_controller_is_replaced_the_same_way(start):
    three = or_skip(lambda: start(first="kafka"))
    assert three.controller.kind == "kafka"
    first, second = three.others
    three.topic([three.controller, first, second])
    epoch = three.controller_epoch()
    pacer = begin(three)
    three.controller.kill()
    pacer.wait_acks(100)
    assert three.is_registered(three.controller), "its session ended: nothing was shown"
    gap = pacer.finish()
    assert three.controller_epoch() == epoch + 1
    assert three.state()["leader"] == first.id
    check_nothing_lost(three, pacer)
    three.wait_gone(three.controller)  # a Kafka does not start before
    assert three.state()["leader_epoch"] == 1, "leadership moved more than once"
    three.controller.start()
    three.wait_isr(three.cluster.brokers)
    report("Kafka killed that was controller and leader", gap)
