"""Three brokers under load, of which one or all are stopped, killed, paused, emptied or cut from ZooKeeper: what was
acknowledged is there, once, in order, and all replicas end with the same bytes (harness/workload.py)."""

import itertools
import os
import shutil
import time

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from harness import records, schema, sessions
from harness.wait import wait_until
from harness.workload import Workload

PARTITIONS = 3
NONE, UNKNOWN_TOPIC, LEADER_NOT_AVAILABLE, NOT_LEADER = 0, 3, 5, 6
_names = itertools.count(1)


class Stage:
    """A topic of which one broker leads every partition or none, and which is gone behind the test."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.made = []

    def topic(self, leader=None, configs=None, assignment=None):
        name = f"t-{next(_names)}"
        if leader is not None:
            order = [leader.id, *(other.id for other in self.cluster.others(leader))]
            assignment = dict.fromkeys(range(PARTITIONS), order)
        self.made.append(name)
        return self.cluster.create(name, PARTITIONS, configs=configs, assignment=assignment)

    def victim(self, role):
        """A broker in a role, and a topic in which it has that role everywhere."""
        controller = self.cluster.wait_controller()
        others = self.cluster.others(controller)
        victim, leader = {
            "leader": (others[0], others[0]),
            "follower": (others[0], others[1]),
            "controller": (controller, others[0]),
            "leading-controller": (controller, controller),
        }[role]
        return victim, self.topic(leader)

    def clear(self):
        for name in self.made:
            self.cluster.delete(name)


@pytest.fixture
def stage(cluster):
    made = Stage(cluster)
    yield made
    cluster.heal()
    made.clear()


def registration(cluster, broker):
    return cluster.znode(f"/brokers/ids/{broker.id}")


def wait_unregistered(cluster, broker):
    wait_until(lambda: registration(cluster, broker) is None, 30, f"broker {broker.id} is taken for gone", poll_s=0.1)


def let_pass(seconds):
    """For faults that last: nothing but the fault depends on it."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, seconds + 5, "the time of a fault")


# --- one broker, in each role ---------------------------------------------------------------------


def stopped(cluster, victim, load):
    victim.stop()
    load.progress()
    victim.start()


def killed(cluster, victim, load):
    victim.kill()
    wait_unregistered(cluster, victim)
    load.progress()
    victim.start()


def killed_and_started_at_once(cluster, victim, load):
    victim.kill()
    victim.start()
    load.progress()


def paused_for_a_moment(cluster, victim, load):
    victim.pause()
    let_pass(1)
    victim.resume()
    load.progress()


def paused_beyond_its_session(cluster, victim, load):
    victim.pause()
    wait_unregistered(cluster, victim)
    load.progress()
    victim.resume()
    wait_until(lambda: registration(cluster, victim), 30, f"broker {victim.id} registers again")


def session_ended(cluster, victim, load):
    if victim.kind == "kafka":
        pytest.skip("Kafka keeps no record of its session")
    before = registration(cluster, victim)["timestamp"]
    sessions.end(victim, cluster.zookeeper)

    def registered():
        found = registration(cluster, victim)
        return found and found["timestamp"] != before

    wait_until(registered, 30, f"broker {victim.id} registers again")
    load.progress()


FAULTS = (
    stopped,
    killed,
    killed_and_started_at_once,
    paused_for_a_moment,
    paused_beyond_its_session,
    session_ended,
)


ROLES = ("leader", "follower", "controller", "leading-controller")
CASES = [
    (fault, role)
    for fault in FAULTS
    for role in ROLES
    # Nothing in it that the other roles do not have.
    if fault not in (stopped, paused_for_a_moment) or role != "leading-controller"
]


@pytest.mark.parametrize(("fault", "role"), CASES, ids=[f"{fault.__name__}-{role}" for fault, role in CASES])
def test_one_broker(cluster, stage, role, fault):
    victim, topic = stage.victim(role)
    with Workload(cluster, topic, PARTITIONS) as load:
        fault(cluster, victim, load)
        cluster.wait_whole([topic])
        load.progress()
        load.finish()


def test_controlled_shutdown_moves_leaders_before_the_broker_ends(cluster, stage):
    victim, topic = stage.victim("leader")
    with Workload(cluster, topic, PARTITIONS) as load:
        before = [cluster.state(topic, partition) for partition in range(PARTITIONS)]
        victim.stop()
        after = [cluster.state(topic, partition) for partition in range(PARTITIONS)]
        for old, new in zip(before, after, strict=True):
            assert old["leader"] == victim.id != new["leader"]
            assert victim.id not in new["isr"]
        assert os.path.exists(os.path.join(victim.log_dirs[0], ".kafka_cleanshutdown"))
        seen = len(victim.process.log_text())
        victim.start()
        assert "unclean_stop" not in victim.process.log_text()[seen:]
        load.progress()
        load.finish()


# --- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ("stop", "kill"))
def test_all_brokers_in_turn(cluster, stage, end):
    topic = stage.topic()
    with Workload(cluster, topic, PARTITIONS) as load:
        for broker in cluster.brokers:
            getattr(broker, end)()
            load.progress()
            broker.start()
            cluster.wait_whole([topic])
        load.finish()


@pytest.mark.parametrize("order", ((0, 1, 2), (2, 1, 0)), ids=("first-first", "last-first"))
def test_all_brokers_killed_at_once(cluster, stage, order):
    topic = stage.topic()
    with Workload(cluster, topic, PARTITIONS) as load:
        for broker in cluster.brokers:
            broker.process.popen.kill()
        for broker in cluster.brokers:
            broker.kill()
        for number in order:
            cluster.brokers[number].start()
        load.progress()
        load.finish()


# --- ZooKeeper ------------------------------------------------------------------------------------


def test_zookeeper_restarts(cluster, stage):
    topic = stage.topic()
    with Workload(cluster, topic, PARTITIONS) as load:
        cluster.zookeeper.restart()
        load.progress()
        load.finish()


def test_without_zookeeper_the_leaders_go_on(cluster, stage):
    """For longer than the sessions last: who leads goes on, and nothing moves when it is back."""
    topic = stage.topic()
    with Workload(cluster, topic, PARTITIONS) as load:
        cluster.zookeeper.kill()
        try:
            end = time.monotonic() + 5
            while time.monotonic() < end:
                load.progress()
        finally:
            cluster.zookeeper.start()
        wait_until(lambda: all(registration(cluster, broker) for broker in cluster.brokers), 30, "all are registered")
        load.progress()
        load.finish()


# --- topics ---------------------------------------------------------------------------------------


def test_the_number_of_fetchers_changes_while_somebody_writes(cluster, stage):
    if cluster.brokers[0].kind == "kafka":
        pytest.skip("the line in the log is ours")
    topic = stage.topic()

    def said(broker, number):
        return broker.process.log_text().count(f"fetchers number={number} ")

    def set_number(number):
        edit = {"name": "num.replica.fetchers", "config_operation": 0, "value": str(number)}
        resource = {"resource_type": 4, "resource_name": "", "configs": [edit]}
        with cluster.controller().connect() as client:
            answer = schema.ask(client, "IncrementalAlterConfigs", 1, resources=[resource], validate_only=False)
        assert answer["responses"][0]["error_code"] == NONE, answer

    with Workload(cluster, topic, PARTITIONS) as load:
        load.progress()
        for number in (2, 1):
            before = {broker.id: said(broker, number) for broker in cluster.brokers}
            set_number(number)
            wait_until(
                lambda before=before, number=number: all(said(b, number) > before[b.id] for b in cluster.brokers),
                20,
                f"every broker has {number} fetchers",
            )
            load.progress()
        cluster.wait_whole([topic])
        load.finish()


def test_topics_are_made_described_and_deleted_through_any_broker(cluster):
    for broker in cluster.brokers:
        admin = AdminClient({"bootstrap.servers": broker.address, "log_level": 0})
        name = f"admin-{broker.id}"
        admin.create_topics([NewTopic(name, 4, 3)], operation_timeout=30)[name].result(60)
        cluster.wait_whole([name], partitions=4)
        for other in cluster.brokers:
            found = AdminClient({"bootstrap.servers": other.address, "log_level": 0}).list_topics(name, 30).topics[name]
            assert {p.id for p in found.partitions.values()} == set(range(4))
            assert all(sorted(p.replicas) == [0, 1, 2] for p in found.partitions.values())
        leaders = [p["leader"] for p in cluster.partitions(name)]
        assert set(leaders) == {0, 1, 2}, "the leaders of four partitions are on all three brokers"
        admin.delete_topics([name], operation_timeout=30)[name].result(60)

        def gone(broker, name=name):
            with broker.connect() as client:
                (found,) = client.metadata([name])["topics"]
            return found["error"] == UNKNOWN_TOPIC and not files_of(broker, name)

        wait_until(lambda: all(gone(each) for each in cluster.brokers), 40, f"{name} and its files are gone")


def test_a_topic_on_demand_comes_through_a_broker_that_is_not_controller(cluster, stage):
    controller = cluster.wait_controller()
    name = f"demand-{next(_names)}"
    stage.made.append(name)
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": cluster.others(controller)[0].address, "acks": "all", "log_level": 0}
    )
    told = []
    producer.produce(name, b"v", on_delivery=lambda problem, record: told.append((problem, record)))
    assert producer.flush(60) == 0
    assert told[0][0] is None
    cluster.wait_whole([name], partitions=1)
    assert sorted(cluster.partitions(name)[0]["replicas"]) == [0, 1, 2]


def ask_controller(cluster, api, version, **fields):
    """Until the controller answers without an error as a whole: it may have just taken over."""

    def answered():
        with cluster.controller().connect(timeout_s=60) as client:
            answer = schema.ask(client, api, version, **fields)
        assert answer["error_code"] == NONE, answer
        return answer

    return wait_until(answered, 60, f"the controller answers {api}")


def move(cluster, topic, replicas):
    """All partitions of a topic to these brokers; returns when they are there."""
    partitions = [{"partition_index": number, "replicas": replicas} for number in range(PARTITIONS)]
    ask_controller(cluster, "AlterPartitionReassignments", 0, topics=[{"name": topic, "partitions": partitions}])
    wait_until(lambda: is_on(cluster, topic, replicas), 60, f"{topic} is on {replicas}", poll_s=0.1)


def files_of(broker, topic):
    return [name for name in os.listdir(broker.log_dirs[0]) if name.startswith(f"{topic}-")]


def is_on(cluster, topic, replicas):
    znode = cluster.znode(f"/brokers/topics/{topic}")
    still = znode["adding_replicas"] or znode["removing_replicas"]
    return not still and all(found == replicas for found in znode["partitions"].values())


def test_partitions_move_while_topics_come_and_go(cluster, stage):
    topic = stage.topic(assignment=dict.fromkeys(range(PARTITIONS), [0, 1]))
    with Workload(cluster, topic, PARTITIONS) as load:
        for number, replicas in enumerate(([1, 2], [2, 0], [0, 1, 2], [2, 1, 0], [1, 0])):
            other = cluster.create(f"guest-{number}", 3)
            move(cluster, topic, replicas)
            load.progress()
            cluster.delete(other)
        cluster.wait_whole([topic])
        load.finish()
        wait_until(lambda: not files_of(cluster.brokers[2], topic), 40, "who has no replica any more has no files of it")


@pytest.mark.parametrize("role", ("leader", "controller"))
def test_a_move_survives_the_death_of_a_broker(cluster, stage, role):
    """The replicas go to another order with a fresh one among them, and one of those concerned is killed."""
    controller = cluster.wait_controller()
    first, second = cluster.others(controller)
    topic = stage.topic(assignment=dict.fromkeys(range(PARTITIONS), [first.id, second.id]))
    wanted = [second.id, controller.id, first.id]
    victim = first if role == "leader" else controller
    with Workload(cluster, topic, PARTITIONS) as load:
        partitions = [{"partition_index": number, "replicas": wanted} for number in range(PARTITIONS)]
        ask_controller(cluster, "AlterPartitionReassignments", 0, topics=[{"name": topic, "partitions": partitions}])
        victim.kill()
        victim.start()
        wait_until(lambda: is_on(cluster, topic, wanted), 60, f"{topic} is on {wanted}", poll_s=0.1)
        cluster.wait_whole([topic])
        load.progress()
        load.finish()


@pytest.mark.parametrize("what", ("create", "delete"))
def test_a_controller_killed_in_the_middle_of_a_topics_creation_or_deletion(cluster, stage, what):
    """The next controller finishes or undoes it: the topic is whole everywhere or nowhere."""
    victim = cluster.wait_controller()
    name = f"half-{next(_names)}"
    if what == "delete":
        cluster.create(name, 30)
    with victim.connect() as client:
        if what == "create":
            fields = {"name": name, "num_partitions": 30, "replication_factor": 3}
            schema.send(client, "CreateTopics", 5, topics=[fields], timeout_ms=20000)
        else:
            schema.send(client, "DeleteTopics", 4, topic_names=[name], timeout_ms=20000)
        trace = f"/brokers/topics/{name}" if what == "create" else f"/admin/delete_topics/{name}"
        with cluster.zookeeper.client(cluster.chroot) as znodes:
            wait_until(lambda: znodes.exists(trace), 20, f"{trace} is there", poll_s=0.001)
        victim.kill()
    cluster.wait_controller(without=victim)
    victim.start()
    if what == "create":
        cluster.wait_whole([name], partitions=30)
        cluster.delete(name)
    wait_until(lambda: cluster.znode(f"/brokers/topics/{name}") is None, 40, f"{name} is gone from ZooKeeper")
    for broker in cluster.brokers:
        wait_until(lambda broker=broker: not files_of(broker, name), 40, f"broker {broker.id} has no files of {name}")


def test_preferred_leaders_come_back(cluster, stage):
    victim, topic = stage.victim("leader")
    with Workload(cluster, topic, PARTITIONS) as load:
        victim.kill()
        wait_until(
            lambda: all(p["leader"] not in (-1, victim.id) for p in cluster.partitions(topic)), 30, "others lead meanwhile"
        )
        victim.start()
        cluster.wait_whole([topic])
        wait_until(
            lambda: [p["leader"] for p in cluster.partitions(topic)] == [victim.id] * PARTITIONS,
            60,
            "the preferred leaders lead again",
        )
        load.progress()
        load.finish()


# --- disks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ("leader", "follower"))
@pytest.mark.parametrize("end", ("stop", "kill"))
def test_a_broker_with_an_emptied_disk_catches_up(cluster, stage, role, end):
    """Started at once: it must not lead with nothing."""
    victim, topic = stage.victim(role)
    with Workload(cluster, topic, PARTITIONS) as load:
        load.progress(100)
        getattr(victim, end)()
        for folder in victim.log_dirs:
            shutil.rmtree(folder)
        victim.start()
        cluster.wait_whole([topic])
        load.progress()
        load.finish()


# --- nobody in sync is left -----------------------------------------------------------------------


def put(cluster, topic, value, broker):
    """Until a leader that may have just been elected takes it; returns the offset."""

    def taken():
        with broker.connect() as client:
            answer = client.produce(topic, records.batch([(b"k", value)]))
        return [answer["base_offset"]] if answer["error"] == NONE else None

    return wait_until(taken, 30, f"broker {broker.id} takes a record")[0]


def values(cluster, topic):
    with cluster.leader(topic).connect() as client:
        answer = client.fetch(topic, 0)
    assert answer["error"] == NONE, answer
    return [record["value"] for record in records.read(answer["records"])]


def wait_state(cluster, topic, leader, isr):
    def is_so():
        state = cluster.state(topic)
        return state["leader"] == leader and sorted(state["isr"]) == sorted(isr)

    wait_until(is_so, 30, f"{topic} is led by {leader} with {isr} in sync", poll_s=0.1)


def left_behind(cluster, stage, unclean):
    """A topic of two replicas: one was away when the other acknowledged alone, and is there when the other is away."""
    controller = cluster.wait_controller()
    last, behind = cluster.others(controller)
    name = f"unclean-{next(_names)}"
    stage.made.append(name)
    cluster.create(
        name,
        assignment={0: [last.id, behind.id]},
        configs={"min.insync.replicas": "1", "unclean.leader.election.enable": unclean},
    )
    put(cluster, name, b"both", last)
    behind.stop()
    wait_state(cluster, name, last.id, [last.id])
    put(cluster, name, b"alone", last)
    last.kill()
    behind.start()
    return name, last, behind


def test_nobody_leads_whom_the_acknowledged_records_never_reached(cluster, stage):
    topic, last, behind = left_behind(cluster, stage, "false")
    wait_state(cluster, topic, -1, [last.id])
    with behind.connect() as client:
        answer = client.produce(topic, records.batch([(b"k", b"refused")]))
        assert answer["error"] in (LEADER_NOT_AVAILABLE, NOT_LEADER), answer
    last.start()
    wait_state(cluster, topic, last.id, [last.id, behind.id])
    put(cluster, topic, b"again", last)
    assert values(cluster, topic) == [b"both", b"alone", b"again"]
    cluster.wait_same(topic, 0)


def test_with_unclean_elections_the_one_left_behind_leads_and_the_other_follows_it(cluster, stage):
    topic, last, behind = left_behind(cluster, stage, "true")
    wait_state(cluster, topic, behind.id, [behind.id])
    assert put(cluster, topic, b"instead", behind) == 1
    last.start()
    cluster.wait_whole([topic])
    assert values(cluster, topic) == [b"both", b"instead"]
    cluster.wait_same(topic, 0)
