"""The power of a whole room: every machine goes down at once, and comes back without what it had not synced."""

import glob
import os
import random
import shutil
import signal

import pytest

from conftest import or_skip
from harness import records, replicas
from harness.cluster import Cluster
from harness.crash import let_run
from harness.mounts import LoopExt4
from harness.ports import free_port
from harness.power import as_if_rebooted
from harness.wait import wait_until
from harness.workload import Workload, read_value
from test_crash import rounds, seed_of
from test_metrics import Scrape

NONE = 0
CONFIG = {
    "replica.lag.time.max.ms": "3000",
    "zookeeper.session.timeout.ms": "3000",
    "auto.leader.rebalance.enable": "false",
}
TOPIC = "t"
_numbers = iter(range(1, 1000))


@pytest.fixture
def cluster(zk, tmp_path):
    chroot = zk.make_chroot(f"/power-{next(_numbers)}")
    made = Cluster(tmp_path, zk, chroot, ["barnabas"] * 3, CONFIG)
    made.start()
    yield made
    made.stop()


def produce(cluster, count, start=0):
    """One batch a record."""
    with cluster.leader(TOPIC).connect() as client:
        for number in range(start, start + count):

            def put(client=client, number=number):
                batch = records.batch([(b"k", b"v%d" % number)])
                return client.produce(TOPIC, batch, timeout_ms=20000)["error"] == NONE

            wait_until(put, 20, f"record {number} is taken")


def numbered(count):
    return [b"v%d" % number for number in range(count)]


def values(broker):
    with broker.connect() as client:
        got = records.read(client.fetch(TOPIC, offset=0, partition_max_bytes=1 << 20)["records"])
    return [record["value"] for record in got]


def cut_tail(broker, share):
    """Keeps a share of the log; returns how many batches are left whole."""
    as_if_rebooted(broker)
    (segment,) = glob.glob(os.path.join(broker.partition_folder(TOPIC), "*.log"))
    os.truncate(segment, int(os.path.getsize(segment) * share))
    return len(list(replicas.batches(replicas.log_bytes(broker, TOPIC))))


def wait_dealt_with(cluster, broker):
    def same():
        found = [cluster.znode(f"/barnabas/{of}/{broker.id}") for of in ("trusted", "brokers")]
        return all(found) and found[0]["incarnation"] == found[1]["incarnation"]

    wait_until(same, 40, f"the controller knows which data broker {broker.id} has")


def said(cluster, text):
    return any(text in broker.process.log_text() for broker in cluster.brokers)


@pytest.mark.parametrize("order", ((0, 1, 2), (1, 2, 0), (2, 1, 0)), ids=str)
def test_longest_log_leads_when_the_last_is_back(cluster, order):
    cluster.create(TOPIC, configs={"min.insync.replicas": "2"})
    produce(cluster, 60)
    for broker in cluster.brokers:
        broker.kill()
    kept = [cut_tail(broker, share) for broker, share in zip(cluster.brokers, (0.5, 0.9, 0.7), strict=True)]
    assert 20 < kept[0] < kept[2] < kept[1] < 60, kept
    for number in order[:-1]:
        cluster.brokers[number].start()
        wait_dealt_with(cluster, cluster.brokers[number])
        assert cluster.state(TOPIC)["leader"] == -1
        assert sorted(cluster.state(TOPIC)["isr"]) == [0, 1, 2]
    assert not said(cluster, "longest_log_elected")
    cluster.brokers[order[-1]].start()
    cluster.wait_whole([TOPIC])
    assert cluster.state(TOPIC)["leader"] == 1
    assert said(cluster, "longest_log_elected")
    assert cluster.znode(f"/barnabas/standing/{TOPIC}-0") is None
    cluster.wait_same(TOPIC, 0)
    assert values(cluster.brokers[1]) == numbered(kept[1])
    produce(cluster, 10, start=kept[1])
    cluster.wait_same(TOPIC, 0)
    assert values(cluster.brokers[1]) == numbered(kept[1] + 10)


def test_longest_log_leads_when_everything_comes_back_at_once(cluster):
    """ZooKeeper was in the same room. Its sessions outlive their machines for a while."""
    cluster.create(TOPIC, configs={"min.insync.replicas": "2"})
    produce(cluster, 60)
    for broker in cluster.brokers:
        broker.kill()
    cluster.zookeeper.kill()
    kept = [cut_tail(broker, share) for broker, share in zip(cluster.brokers, (0.5, 0.7, 0.9), strict=True)]
    cluster.zookeeper.start()
    cluster.start()
    cluster.wait_whole([TOPIC])
    assert cluster.state(TOPIC)["leader"] == 2
    cluster.wait_same(TOPIC, 0)
    assert values(cluster.brokers[2]) == numbered(kept[2])


def test_machine_that_stayed_up_is_waited_for_and_has_everything(cluster):
    """One process was killed and its page cache is there; the other machines went down."""
    cluster.create(TOPIC, configs={"min.insync.replicas": "2"})
    produce(cluster, 40)
    whole, *down = cluster.brokers
    for broker in cluster.brokers:
        broker.kill()
    for broker in down:
        cut_tail(broker, 0.5)
        broker.start()
        wait_dealt_with(cluster, broker)
    assert cluster.state(TOPIC)["leader"] == -1
    assert said(cluster, "kept_offline")
    whole.start()
    cluster.wait_whole([TOPIC])
    assert cluster.state(TOPIC)["leader"] == whole.id
    assert not said(cluster, "longest_log_elected")
    cluster.wait_same(TOPIC, 0)
    assert values(whole) == numbered(40)


def test_lost_disk_is_not_waited_for_and_gets_everything_again(cluster):
    """Power and, in one machine, the disk: the two others lost their tails."""
    cluster.create(TOPIC, configs={"min.insync.replicas": "2"})
    produce(cluster, 40)
    empty, *down = cluster.brokers
    for broker in cluster.brokers:
        broker.kill()
    kept = [cut_tail(broker, share) for broker, share in zip(down, (0.6, 0.8), strict=True)]
    for folder in empty.log_dirs:
        os.rename(folder, folder + ".lost")
    for broker in cluster.brokers:
        broker.start()
        wait_dealt_with(cluster, broker)
    cluster.wait_whole([TOPIC])
    assert cluster.state(TOPIC)["leader"] == down[1].id
    cluster.wait_same(TOPIC, 0)
    assert values(down[1]) == numbered(kept[1])


def one_leaves_before_the_power_fails(cluster):
    """The ISR is at its minimum without it; it has what the members had not synced."""
    cluster.create(TOPIC, configs={"min.insync.replicas": "2"})
    produce(cluster, 40)
    cluster.wait_same(TOPIC, 0)
    first, *members = cluster.brokers
    first.kill()
    wait_until(lambda: sorted(cluster.state(TOPIC)["isr"]) == [1, 2], 40, "the first has left the ISR")
    for broker in members:
        broker.kill()
    kept = [cut_tail(broker, share) for broker, share in zip(members, (0.4, 0.6), strict=True)]
    assert max(kept) < 40
    for broker in members:
        broker.start()
        wait_dealt_with(cluster, broker)
    return first, members, kept


def test_replica_that_left_the_isr_before_is_waited_for(cluster):
    first, *_ = one_leaves_before_the_power_fails(cluster)
    wait_until(lambda: said(cluster, "log_ends_asked"), 40, "somebody is waited for")
    assert cluster.state(TOPIC)["leader"] == -1
    assert not said(cluster, "longest_log_elected")
    first.start()
    cluster.wait_whole([TOPIC])
    assert cluster.state(TOPIC)["leader"] == first.id
    cluster.wait_same(TOPIC, 0)
    assert values(first) == numbered(40)


def test_it_is_not_waited_for_for_ever(cluster):
    for broker in cluster.brokers:
        broker.config["barnabas.longest.log.wait.ms"] = "2000"
    first, members, kept = one_leaves_before_the_power_fails(cluster)
    wait_until(lambda: cluster.state(TOPIC)["leader"] == members[1].id, 40, "the longest log leads without it")
    assert said(cluster, "longest_log_elected")
    first.start()
    cluster.wait_whole([TOPIC])
    cluster.wait_same(TOPIC, 0)
    assert values(members[1]) == numbered(kept[1])


# --- with flush.messages=1: a real cut, under load ------------------------------------------------

PARTITIONS = 3


class Room:
    """Three brokers, each with its log directory on ext4 whose power can be cut, and with metrics."""

    def __init__(self, cluster, mounts, folder):
        self.cluster = cluster
        self.disks = []
        for broker in cluster.brokers:
            disk = mounts(LoopExt4, folder / f"disk-{broker.id}", folder / f"disk-{broker.id}.img", size_mb=128)
            broker.log_dirs = [os.path.join(disk.path, "logs")]  # not the root: lost+found is no partition
            broker.config["log.dirs"] = broker.log_dirs[0]
            self.disks.append(disk)
            broker.metrics_port = free_port()
            broker.config["barnabas.metrics.listener"] = f"127.0.0.1:{broker.metrics_port}"

    def cut(self, *brokers):
        """All, or these, stop where they are, no disk takes anything any more, and every process is gone. They are stopped
        first because nobody is told anything after a cut, while ext4 may say of a sync that was under way when it
        was shut down that it succeeded."""
        for broker in brokers or self.cluster.brokers:
            broker.process.expected_death = True
            os.kill(broker.process.popen.pid, signal.SIGSTOP)
        for broker in brokers or self.cluster.brokers:
            broker.pause()
        for broker in brokers or self.cluster.brokers:
            or_skip(self.disks[broker.id].cut_power)
        for broker in brokers or self.cluster.brokers:
            broker.kill()

    def repower(self, *brokers):
        for broker in brokers or self.cluster.brokers:
            self.disks[broker.id].repower()
            as_if_rebooted(broker)


@pytest.fixture
def room(zk, tmp_path, mounts):
    chroot = zk.make_chroot(f"/power-{next(_numbers)}")
    made = Cluster(tmp_path, zk, chroot, ["barnabas"] * 3, {**CONFIG, "log.segment.bytes": str(2 << 20)})
    room = Room(made, mounts, tmp_path)
    made.start()
    yield room
    made.stop()


def stored(broker, topic, partition):
    """{offset: (producer, number)} of what is on a disk, up to the first batch that is not whole."""
    data, found = replicas.log_bytes(broker, topic, partition), {}
    for place, _, size, _ in replicas.batches(data):
        try:
            got = records.read(data[place : place + size])
        except AssertionError:  # torn: it was being written
            break
        found.update({record["offset"]: read_value(record["value"])[1:] for record in got})
    return found


def missing_on_disks(cluster, topic, acknowledged):
    """What was acknowledged and is not on the disk of a member of the ISR."""
    missing = []
    for partition in range(PARTITIONS):
        for number in cluster.state(topic, partition)["isr"]:
            has = stored(cluster.brokers[number], topic, partition)
            lacks = [
                offset
                for record, (at, offset) in acknowledged.items()
                if at == partition and offset is not None and has.get(offset) != record
            ]
            if lacks:
                missing.append(f"broker {number} lacks {len(lacks)} of partition {partition}, the first at {min(lacks)}")
    return missing


@pytest.mark.parametrize("disks", ("kept", "one lost"))
def test_nothing_acknowledged_is_lost_where_each_message_is_synced(room, request, disks):
    """Every member of the ISR has on its disk what is acknowledged; and it is there, once, after every cut."""
    draw = random.Random(seed_of(request))
    cluster = room.cluster
    topic = cluster.create(
        "synced", partitions=PARTITIONS, configs={"min.insync.replicas": "2", "flush.messages": "1"}
    )
    with Workload(cluster, topic, PARTITIONS, seed=draw.random()) as load:
        for number in range(rounds(request, 3)):
            load.progress()
            let_run(cluster.brokers[0], draw.uniform(0, 1))
            room.cut()
            acknowledged = {
                (producer.who, record): place
                for producer in load.producers
                for record, place in list(producer.acknowledged.items())
            }
            room.repower()
            missing = missing_on_disks(cluster, topic, acknowledged)
            assert not missing, "; ".join(missing)
            if disks == "one lost":
                shutil.rmtree(draw.choice(cluster.brokers).log_dirs[0])
            order = draw.sample(cluster.brokers, 3)
            for broker in order:
                broker.launch()
            cluster.start()
            cluster.wait_whole([topic])
            print(f"round {number + 1}: {len(acknowledged)} acknowledged before the cut")
        load.finish()


# --- without syncs: one after the other -----------------------------------------------------------


def flushes(broker):
    return Scrape(broker.metrics_port).value("kafka_log_logflushstats_logflushrateandtimems_count")


def test_last_one_in_sync_has_what_was_acknowledged_on_its_disk(room):
    """The follower's machine goes down with its page cache, the controller shortens the ISR; then the leader's does."""
    cluster = room.cluster
    cluster.create(TOPIC, assignment={0: [1, 2]}, configs={"min.insync.replicas": "2"})
    produce(cluster, 50)
    leader = cluster.leader(TOPIC)
    (follower,) = (broker for broker in cluster.brokers[1:] if broker is not leader)
    before = flushes(leader)
    room.cut(follower)
    wait_until(lambda: cluster.state(TOPIC)["isr"] == [leader.id], 30, "the follower has left the ISR")
    wait_until(lambda: flushes(leader) > before, 30, "the leader has synced what it has")
    room.cut(leader)
    room.repower(follower, leader)
    for broker in (follower, leader):
        broker.start()
        wait_dealt_with(cluster, broker)
    cluster.wait_whole([TOPIC])
    assert cluster.state(TOPIC)["leader"] == leader.id
    assert values(leader) == numbered(50)
