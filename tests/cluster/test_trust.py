"""The last replica in sync comes back with less than it had acknowledged: nobody follows it, records stay."""

import glob
import json
import os
import shutil

import pytest

from harness import records, tools
from harness.cluster import Cluster
from harness.power import as_if_rebooted
from harness.wait import wait_until

NONE = 0
CONTROLLER, FIRST, LAST = 0, 1, 2
CONFIG = {
    "replica.lag.time.max.ms": "3000",
    "zookeeper.session.timeout.ms": "3000",
    "auto.leader.rebalance.enable": "false",
}
_numbers = iter(range(1, 1000))


@pytest.fixture
def cluster(zk, tmp_path):
    """Broker 0 is the controller and holds no replica."""
    chroot = zk.make_chroot(f"/trust-{next(_numbers)}")
    made = Cluster(tmp_path, zk, chroot, ["barnabas"] * 3, CONFIG)
    made.brokers[CONTROLLER].start()
    for broker in made.brokers[1:]:
        broker.start()
    made.wait_members(range(3))
    yield made
    made.stop()


def create(cluster, min_isr):
    """A topic on brokers 1 and 2."""
    with cluster.brokers[CONTROLLER].connect() as client:
        answer = client.create_topics(
            [
                {
                    "name": "t",
                    "partitions": -1,
                    "replication": -1,
                    "assignment": {0: [FIRST, LAST]},
                    "configs": {"min.insync.replicas": str(min_isr)},
                }
            ]
        )
    assert answer["t"]["error"] == NONE, answer
    wait_state(cluster, isr=[FIRST, LAST])


def znode(cluster, path):
    with cluster.zookeeper.client(cluster.chroot) as client:
        return json.loads(client.get(path)[0]) if client.exists(path) else None


def state(cluster):
    return znode(cluster, "/brokers/topics/t/partitions/0/state")


def standing(cluster):
    """Who is lost, who is eligible."""
    found = znode(cluster, "/barnabas/standing/t-0") or {"lost": [], "eligible": []}
    return [[member["broker"] for member in found[key]] for key in ("lost", "eligible")]


def incarnation(cluster, broker):
    return znode(cluster, f"/barnabas/brokers/{broker.id}")["incarnation"]


def trusted(cluster, broker):
    return znode(cluster, f"/barnabas/trusted/{broker.id}")["incarnation"]


def wait_state(cluster, leader=None, isr=None):
    def reached():
        found = state(cluster)
        return (
            found is not None
            and leader in (None, found["leader"])
            and (isr is None or sorted(found["isr"]) == sorted(isr))
        )

    wait_until(reached, 40, f"leader {leader}, ISR {isr}")


def leader_of(cluster):
    return cluster.brokers[state(cluster)["leader"]]


def wait_served(broker):
    def served():
        with broker.connect() as client:
            return client.list_offset("t", -1)["error"] == NONE

    wait_until(served, 20, f"broker {broker.id} serves")


def produce(cluster, count, start=0):
    leader = leader_of(cluster)
    wait_served(leader)
    with leader.connect() as client:
        for number in range(start, start + count):
            answer = client.produce("t", records.batch([(b"k", b"v%d" % number)]), timeout_ms=20000)
            assert answer["error"] == NONE, answer


def values(broker):
    wait_served(broker)
    with broker.connect() as client:
        got = records.read(client.fetch("t", offset=0, partition_max_bytes=1 << 20)["records"])
    return [record["value"] for record in got]


def numbered(count):
    return [b"v%d" % number for number in range(count)]


def replace_folder(folder, source=None):
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    if source:
        shutil.copytree(source, folder, dirs_exist_ok=True)


class Emptied:
    """The disk was replaced."""

    def before(self, broker, tmp_path):
        pass

    def after(self, broker):
        replace_folder(broker.log_dirs[0])


class RolledBack:
    """The volume is what it was before the last start."""

    def before(self, broker, tmp_path):
        self.copy = str(tmp_path / "snapshot")
        broker.stop()
        shutil.copytree(broker.log_dirs[0], self.copy)
        broker.start()

    def after(self, broker):
        replace_folder(broker.log_dirs[0], self.copy)


class PowerCut:
    """The machine went down; the last records were not on the disk."""

    def before(self, broker, tmp_path):
        pass

    def after(self, broker):
        as_if_rebooted(broker)
        (segment,) = glob.glob(os.path.join(broker.partition_folder("t"), "*.log"))
        os.truncate(segment, os.path.getsize(segment) // 2)


def harms(*which):
    return pytest.mark.parametrize("harm", which, ids=lambda harm: type(harm).__name__)


HARM = harms(Emptied(), RolledBack(), PowerCut())
LOST_DISK = harms(Emptied(), RolledBack())


def go_down_to_last(cluster, harm, tmp_path, more=0):
    """Ten records on both; then broker 2 is the only one in sync, takes `more`, and comes back harmed."""
    last = cluster.brokers[LAST]
    harm.before(last, tmp_path)
    wait_state(cluster, isr=[FIRST, LAST])
    produce(cluster, 10)
    old = incarnation(cluster, last)
    cluster.brokers[FIRST].kill()
    wait_state(cluster, leader=LAST, isr=[LAST])
    if more:
        produce(cluster, more, start=10)
    last.kill()
    wait_state(cluster, leader=-1)
    harm.after(last)
    last.start()
    assert incarnation(cluster, last) != old
    wait_until(lambda: trusted(cluster, last) == incarnation(cluster, last), 20, "the controller has dealt with it")
    assert state(cluster)["leader"] == -1
    assert "data_may_be_missing" in last.process.log_text()


@HARM
def test_one_that_left_below_the_minimum_leads_and_every_record_is_there(cluster, harm, tmp_path):
    create(cluster, min_isr=2)
    go_down_to_last(cluster, harm, tmp_path)
    assert standing(cluster) == [[LAST], [FIRST]]
    cluster.brokers[FIRST].start()
    wait_state(cluster, leader=FIRST, isr=[FIRST, LAST])
    assert standing(cluster) == [[], []]
    assert values(cluster.brokers[FIRST]) == numbered(10)
    produce(cluster, 5, start=10)
    assert values(cluster.brokers[FIRST]) == numbered(15)
    assert "eligible_elected" in cluster.brokers[CONTROLLER].process.log_text()


@LOST_DISK
def test_nobody_leads_until_an_operator_accepts_the_loss(cluster, harm, tmp_path):
    create(cluster, min_isr=1)
    go_down_to_last(cluster, harm, tmp_path, more=10)
    assert standing(cluster) == [[LAST], []]
    cluster.brokers[FIRST].start()
    cluster.wait_members(range(3))
    assert state(cluster)["leader"] == -1
    assert "kept_offline" in cluster.brokers[CONTROLLER].process.log_text()
    done = tools.ours(
        "elect-leaders",
        "--bootstrap-server",
        cluster.brokers[CONTROLLER].address,
        "--election-type",
        "unclean",
        "--topic",
        "t",
        "--partition",
        "0",
    )
    assert done.status == 0, done
    wait_state(cluster, isr=[FIRST, LAST])
    assert standing(cluster) == [[], []]
    kept = values(leader_of(cluster))
    assert kept == numbered(len(kept)) and len(kept) >= 10


def test_last_one_that_lost_its_tail_waits_for_whoever_may_have_more(cluster, tmp_path):
    """With a minimum of 1 nobody knows who has what; the longest log leads when both are there."""
    create(cluster, min_isr=1)
    go_down_to_last(cluster, PowerCut(), tmp_path)  # what it lost, broker 1 has
    assert standing(cluster) == [[LAST], []]
    cluster.brokers[FIRST].start()
    wait_state(cluster, leader=FIRST, isr=[FIRST, LAST])
    assert standing(cluster) == [[], []]
    assert values(cluster.brokers[FIRST]) == numbered(10)
    assert "longest_log_elected" in cluster.brokers[CONTROLLER].process.log_text()


def test_killed_process_is_elected_as_ever(cluster):
    create(cluster, min_isr=2)
    last = cluster.brokers[LAST]
    produce(cluster, 10)
    old = incarnation(cluster, last)
    cluster.brokers[FIRST].kill()
    wait_state(cluster, leader=LAST, isr=[LAST])
    assert standing(cluster) == [[], [FIRST]]
    last.kill()
    wait_state(cluster, leader=-1)
    last.start()
    wait_state(cluster, leader=LAST)
    assert incarnation(cluster, last) == old
    cluster.brokers[FIRST].start()
    wait_state(cluster, isr=[FIRST, LAST])
    assert values(last) == numbered(10)
    assert standing(cluster) == [[], []]


def test_controller_that_lost_its_own_data_does_not_elect_itself(cluster):
    """All of it in one: broker 2 is the last in sync, and controller when it is back."""
    create(cluster, min_isr=2)
    produce(cluster, 10)
    last = cluster.brokers[LAST]
    cluster.brokers[FIRST].kill()
    wait_state(cluster, leader=LAST, isr=[LAST])
    last.kill()
    cluster.brokers[CONTROLLER].kill()
    replace_folder(last.log_dirs[0])
    last.start()
    wait_until(lambda: trusted(cluster, last) == incarnation(cluster, last), 40, "it has dealt with itself")
    assert state(cluster)["leader"] == -1
    assert standing(cluster) == [[LAST], [FIRST]]
    cluster.brokers[FIRST].start()
    wait_state(cluster, leader=FIRST, isr=[FIRST, LAST])
    assert values(cluster.brokers[FIRST]) == numbered(10)


def test_data_is_registered_in_the_transaction_of_the_registration(cluster):
    """Also when somebody deletes both while the broker runs."""
    broker = cluster.brokers[FIRST]
    old = incarnation(cluster, broker)

    def in_one(client):
        paths = [f"/brokers/ids/{FIRST}", f"/barnabas/brokers/{FIRST}"]
        if not all(client.exists(path) for path in paths):
            return False
        registered, data = (client.get(path)[1] for path in paths)
        return registered.czxid == data.mzxid

    with cluster.zookeeper.client(cluster.chroot) as client:
        assert in_one(client)
        client.delete(f"/barnabas/brokers/{FIRST}")
        client.delete(f"/brokers/ids/{FIRST}")
        wait_until(lambda: in_one(client), 20, "it has registered again, with its data")
    assert incarnation(cluster, broker) == old == trusted(cluster, broker)
