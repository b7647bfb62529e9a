"""What a broker hears from others that are not as they should be: requests of a time that is over, of topics that do not
exist, of versions that Kafka 2.x speaks; followers that claim absurd things; a broker that answers its controller with
garbage, or never; znodes that contradict each other. Each gets the error that Kafka gives, and the cluster goes on."""

import base64
import contextlib
import itertools
import json
import socket
import threading

import pytest

from harness import rawclient, records, schema
from harness.cluster import Cluster
from harness.wait import wait_until

NONE, OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC, NOT_LEADER = 0, 1, 3, 6
UNKNOWN_SERVER_ERROR = -1
STALE_CONTROLLER_EPOCH, INVALID_REQUEST = 11, 42
FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, STALE_BROKER_EPOCH = 74, 75, 77
UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID = 100, 103
INVALID_UPDATE_VERSION, BROKER_ID_NOT_REGISTERED = 95, 102
NOBODY = 777
UNKNOWN_ID = bytes(range(16))
CONFIG = {"auto.leader.rebalance.enable": "false", "replica.lag.time.max.ms": "3000"}
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def cluster(zk, workspace):
    """Brokers 0 and 1; 0 is the controller."""
    chroot = zk.make_chroot("/bad-brokers")
    made = Cluster(workspace / "bad-brokers", zk, chroot, [None, None], CONFIG)
    made.brokers[0].start()
    made.start()
    made.zk = zk
    yield made
    made.stop()


@pytest.fixture
def znodes(cluster):
    with cluster.zk.client(cluster.chroot) as client:
        yield client


@pytest.fixture
def topic(cluster):
    """Broker 1 leads it, broker 0 follows."""
    name = cluster.create(f"t{next(_numbers)}", assignment={0: [1, 0]})
    put(cluster, name)
    return name


@pytest.fixture(autouse=True)
def goes_on(cluster):
    """Whatever happened: both live in the sessions they had, and a topic can be made, written and deleted."""
    before = [cluster.zookeeper.read(f"{cluster.chroot}/brokers/ids/{broker.id}") for broker in cluster.brokers]
    yield
    for broker in cluster.brokers:
        broker.process.must_run()
    name = cluster.create(f"after{next(_numbers)}", assignment={0: [0, 1], 1: [1, 0]})
    for partition in (0, 1):
        put(cluster, name, partition)
    cluster.delete(name)
    after = [cluster.zookeeper.read(f"{cluster.chroot}/brokers/ids/{broker.id}") for broker in cluster.brokers]
    assert before == after


def try_put(cluster, topic, partition=0, timeout_ms=1000):
    with cluster.leader(topic, partition).connect() as client:
        answer = client.produce(topic, records.batch([(b"k", b"v")]), partition=partition, timeout_ms=timeout_ms)
    return answer["error"] == NONE


def put(cluster, topic, partition=0):
    assert try_put(cluster, topic, partition, 20000)


def epochs(cluster, znodes, broker=1):
    """Of the controller, and of a broker's registration."""
    return int(znodes.get("/controller_epoch")[0]), znodes.get(f"/brokers/ids/{broker}")[1].czxid


def wait_said(cluster, text, since=None):
    """Only our logs are looked at. An answer may be there before the line."""
    if {broker.kind for broker in cluster.brokers} != {"kafka"}:
        marks = since or dict.fromkeys((broker.id for broker in cluster.brokers), 0)
        logs = [(broker.process, marks[broker.id]) for broker in cluster.brokers]
        wait_until(lambda: any(text in process.log_text()[mark:] for process, mark in logs), 20, f"{text} is logged")


def ask(broker, name, version, **fields):
    with broker.connect(timeout_s=20) as client:
        return schema.ask(client, name, version, **fields)


def role(cluster, topic, version, **changes):
    """A LeaderAndIsr that makes broker 1 lead `topic`, but for `changes`; (fields of the request) without epochs."""
    state = cluster.state(topic) or {"leader_epoch": 0, "isr": [1, 0], "leader": 1}
    partition = {
        "partition_index": 0,
        "controller_epoch": state.get("controller_epoch", 1),
        "leader": 1,
        "leader_epoch": state["leader_epoch"],
        "isr": state["isr"],
        "partition_epoch": 0,
        "replicas": [1, 0],
    }
    if version <= 1:
        partition["topic_name"] = topic
    topic_id = changes.pop("topic_id", None)
    partition.update(changes)
    if version <= 1:
        return {"ungrouped_partition_states": [partition]}
    states = {"topic_name": topic, "partition_states": [partition]}
    if version >= 5:
        states["topic_id"] = topic_id or topic_id_of(cluster, topic)
    return {"topic_states": [states]}


def topic_id_of(cluster, topic):
    text = cluster.znode(f"/brokers/topics/{topic}")["topic_id"]
    return base64.urlsafe_b64decode(text + "==")


def still_leads(cluster, topic):
    assert cluster.leader(topic).id == 1
    put(cluster, topic)
    cluster.wait_whole([topic])


# --- the controller's requests ------------------------------------------------------------------------------------

CONTROLS = ("LeaderAndIsr", "StopReplica", "UpdateMetadata")


def versions_with(name, field):
    (found,) = [f for f in schema.api(name).request.root.fields if f.name == field]
    return [version for version in schema.versions(name) if version >= found.versions[0]]


def takes_leadership(cluster, topic, name, version):
    """What would take the leadership of `topic` from broker 1, if it were obeyed."""
    if name == "LeaderAndIsr":
        return role(cluster, topic, version, leader=0, leader_epoch=99)
    if name == "StopReplica" and version >= 3:
        partition = {"partition_index": 0, "leader_epoch": 99, "delete_partition": True}
        return {"topic_states": [{"topic_name": topic, "partition_states": [partition]}]}
    return {}


@pytest.mark.parametrize("name", CONTROLS)
def test_request_of_an_older_controller_is_refused(cluster, znodes, topic, name):
    controller, registration = epochs(cluster, znodes)
    for version in schema.versions(name):
        answer = ask(
            cluster.brokers[1],
            name,
            version,
            controller_id=0,
            controller_epoch=controller - 1,
            broker_epoch=registration,
            **takes_leadership(cluster, topic, name, version),
        )
        assert answer["error_code"] == STALE_CONTROLLER_EPOCH, (version, answer)
    wait_said(cluster, "STALE_CONTROLLER_EPOCH")
    still_leads(cluster, topic)


@pytest.mark.parametrize("name", CONTROLS)
def test_request_meant_for_an_earlier_registration_is_refused(cluster, znodes, topic, name):
    controller, registration = epochs(cluster, znodes)
    for version in versions_with(name, "broker_epoch"):
        answer = ask(
            cluster.brokers[1],
            name,
            version,
            controller_id=0,
            controller_epoch=controller,
            broker_epoch=registration - 1,
            **takes_leadership(cluster, topic, name, version),
        )
        assert answer["error_code"] == STALE_BROKER_EPOCH, (version, answer)
    wait_said(cluster, "STALE_BROKER_EPOCH")
    still_leads(cluster, topic)


@pytest.mark.parametrize("name", CONTROLS)
def test_what_an_earlier_connection_of_the_controller_brings_is_not_obeyed(cluster, znodes, topic, name):
    """The controller has one connection to a broker at a time: whoever comes by an earlier one is late."""
    broker = cluster.brokers[1]
    if broker.kind == "kafka":
        pytest.skip("it obeys both, and takes old news of brokers for new")
    controller, registration = epochs(cluster, znodes)
    sender = {"controller_id": 0, "controller_epoch": controller, "broker_epoch": registration}
    version = schema.versions(name)[-1]
    with broker.connect(timeout_s=20) as earlier, broker.connect(timeout_s=20) as later:
        nothing = schema.ask(later, "StopReplica", 3, **sender, topic_states=[])
        assert nothing["error_code"] == NONE
        with pytest.raises(rawclient.Closed):
            schema.ask(earlier, name, version, **sender, **takes_leadership(cluster, topic, name, version))
    wait_said(cluster, "CONNECTION_REPLACED")
    still_leads(cluster, topic)


@pytest.mark.parametrize(
    ("changes", "error"),
    (
        ({"leader_epoch": -1}, STALE_CONTROLLER_EPOCH),
        ({"leader_epoch": 99, "topic_id": UNKNOWN_ID}, INCONSISTENT_TOPIC_ID),
        ({"leader_epoch": 99, "replicas": [0]}, UNKNOWN_TOPIC),
    ),
    ids=("older leader epoch", "another topic id", "not a replica"),
)
def test_role_that_cannot_be_is_refused(cluster, znodes, topic, changes, error):
    controller, registration = epochs(cluster, znodes)
    version = 7
    answer = ask(
        cluster.brokers[1],
        "LeaderAndIsr",
        version,
        controller_id=0,
        controller_epoch=controller,
        broker_epoch=registration,
        type=0,
        **role(cluster, topic, version, **{"leader": 0, **changes}),
    )
    assert answer["error_code"] == NONE
    assert [p["error_code"] for t in answer["topics"] for p in t["partition_errors"]] == [error]
    still_leads(cluster, topic)


# --- requests to the controller -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ("AlterPartition", "ControlledShutdown", "AllocateProducerIds"))
@pytest.mark.parametrize("who", ("an earlier registration", "nobody"))
def test_request_of_a_broker_that_is_not_registered_so_is_refused(cluster, znodes, topic, name, who):
    _, registration = epochs(cluster, znodes)
    broker_id, epoch = (1, registration - 1) if who != "nobody" else (NOBODY, 1)
    for version in versions_with(name, "broker_epoch"):
        answer = ask(cluster.brokers[0], name, version, broker_id=broker_id, broker_epoch=epoch)
        unknown = {"AllocateProducerIds": BROKER_ID_NOT_REGISTERED, "ControlledShutdown": UNKNOWN_SERVER_ERROR}
        error = unknown.get(name, STALE_BROKER_EPOCH) if who == "nobody" else STALE_BROKER_EPOCH
        assert answer["error_code"] == error, (version, answer)
    still_leads(cluster, topic)


def alter(cluster, znodes, topic, version=3, **changes):
    state, stat = znodes.get(f"/brokers/topics/{topic}/partitions/0/state")
    _, registration = epochs(cluster, znodes)
    wanted = {
        "partition_index": 0,
        "leader_epoch": json.loads(state)["leader_epoch"],
        "new_isr_with_epochs": [{"broker_id": 1, "broker_epoch": registration}],
        "partition_epoch": stat.version,
    }
    asking = changes.pop("asking", 1)
    topic_id = changes.pop("topic_id", None) or topic_id_of(cluster, topic)
    wanted.update(changes)
    answer = ask(
        cluster.brokers[0],
        "AlterPartition",
        version,
        broker_id=asking,
        broker_epoch=epochs(cluster, znodes, asking)[1],
        topics=[{"topic_id": topic_id, "partitions": [wanted]}],
    )
    assert answer["error_code"] == NONE, answer
    (found,) = [partition["error_code"] for t in answer["topics"] for partition in t["partitions"]]
    return found


@pytest.mark.parametrize(
    ("changes", "error"),
    (
        ({"leader_epoch": -1}, FENCED_LEADER_EPOCH),
        ({"partition_epoch": -1}, INVALID_UPDATE_VERSION),
        ({"topic_id": UNKNOWN_ID}, UNKNOWN_TOPIC_ID),
        ({"partition_index": 5}, UNKNOWN_TOPIC),
        ({"new_isr_with_epochs": []}, INVALID_REQUEST),
        ({"new_isr_with_epochs": [{"broker_id": 0, "broker_epoch": -1}]}, INVALID_REQUEST),
    ),
    ids=("older leader epoch", "older version", "unknown topic", "unknown partition", "empty", "without the leader"),
)
def test_change_of_an_isr_that_cannot_be_is_refused(cluster, znodes, topic, changes, error):
    if cluster.brokers[0].kind == "kafka" and error == INVALID_REQUEST:
        pytest.skip("Kafka's controller trusts its leaders")
    assert alter(cluster, znodes, topic, **changes) == error
    assert cluster.state(topic)["isr"] == [1, 0]
    still_leads(cluster, topic)


def test_change_of_an_isr_by_who_does_not_lead_is_refused(cluster, znodes, topic):
    if cluster.brokers[0].kind == "kafka":
        pytest.skip("Kafka's controller trusts its brokers")
    assert alter(cluster, znodes, topic, asking=0) == INVALID_REQUEST
    still_leads(cluster, topic)


# --- followers ----------------------------------------------------------------------------------------------------


def follow(broker, topic, version=11, replica=0, topic_id=None, **changes):
    """One Fetch as broker 0 would send it; (error, high watermark)."""
    partition = {"partition": 0, "current_leader_epoch": -1, "fetch_offset": 0, "partition_max_bytes": 1 << 20}
    partition.update(changes)
    named = {"topic": topic} if version < 13 else {"topic_id": topic_id}
    who = {"replica_id": replica} if version < 15 else {"replica_state": {"replica_id": replica, "replica_epoch": -1}}
    topics = [{**named, "partitions": [partition]}]
    answer = ask(broker, "Fetch", version, max_wait_ms=0, min_bytes=0, topics=topics, **who)
    if answer.get("error_code"):
        return answer["error_code"], None
    (found,) = [p for t in answer["responses"] for p in t["partitions"]]
    return found["error_code"], found["high_watermark"]


@pytest.mark.parametrize("offset", (-(2**62), -5, 2, 1000, 2**62, 2**63 - 1), ids=str)
def test_follower_that_claims_an_absurd_offset_moves_nothing(cluster, topic, offset):
    """The log ends at 1."""
    leader = cluster.brokers[1]
    for version in (4, 11, 12):
        error, _ = follow(leader, topic, version, fetch_offset=offset)
        assert error == OFFSET_OUT_OF_RANGE, version
    assert follow(leader, topic) == (NONE, 1)
    put(cluster, topic)
    still_leads(cluster, topic)


@pytest.mark.parametrize(("epoch", "error"), ((-1000, NONE), (0, NONE), (77, UNKNOWN_LEADER_EPOCH)), ids=str)
def test_follower_of_another_leader_epoch_is_told_so(cluster, topic, epoch, error):
    if epoch == -1000:
        epoch = -1  # it does not say
    assert follow(cluster.brokers[1], topic, current_leader_epoch=epoch)[0] == error


def test_follower_of_an_older_leader_epoch_is_fenced(cluster, topic):
    moved = cluster.brokers[0]
    with cluster.controller().connect() as client:
        schema.ask(client, "AlterPartitionReassignments", 0, timeout_ms=20000, topics=[
            {"name": topic, "partitions": [{"partition_index": 0, "replicas": [0, 1]}]}])
        answer = schema.ask(client, "ElectLeaders", 2, election_type=0, timeout_ms=20000, topic_partitions=[
            {"topic": topic, "partitions": [0]}])
    assert answer["error_code"] == NONE, answer
    wait_until(lambda: cluster.leader(topic) is moved, 20, "the other one leads")
    assert cluster.state(topic)["leader_epoch"] > 0
    assert follow(moved, topic, replica=1, current_leader_epoch=0)[0] == FENCED_LEADER_EPOCH


def test_follower_of_what_does_not_exist_is_told_so(cluster, topic):
    leader = cluster.brokers[1]
    assert follow(leader, "no-such-topic", 12)[0] == UNKNOWN_TOPIC
    assert follow(leader, topic, partition=9)[0] == UNKNOWN_TOPIC
    assert follow(leader, topic, 13, topic_id=UNKNOWN_ID)[0] == UNKNOWN_TOPIC_ID
    assert follow(leader, topic, 17, topic_id=UNKNOWN_ID)[0] == UNKNOWN_TOPIC_ID
    assert follow(leader, topic, 13, topic_id=topic_id_of(cluster, topic), replica=NOBODY)[0] in (NOT_LEADER, UNKNOWN_LEADER_EPOCH)


def test_epochs_that_nobody_knows_end_nowhere(cluster, topic):
    def end_of(version=4, current=-1, epoch=0, name=topic):
        wanted = {"partition": 0, "current_leader_epoch": current, "leader_epoch": epoch}
        topics = [{"topic": name, "partitions": [wanted]}]
        answer = ask(cluster.brokers[1], "OffsetForLeaderEpoch", version, replica_id=0, topics=topics)
        (found,) = [p for t in answer["topics"] for p in t["partitions"]]
        return found["error_code"], found["end_offset"]

    assert end_of() == (NONE, 1)
    assert end_of(epoch=2**31 - 1) == (NONE, -1)
    assert end_of(epoch=-1) == (NONE, -1)
    assert end_of(epoch=-(2**31)) == (NONE, 0), "before the first that is known"
    assert end_of(current=77)[0] == UNKNOWN_LEADER_EPOCH
    assert end_of(name="no-such-topic")[0] == UNKNOWN_TOPIC


# --- a broker that is none ----------------------------------------------------------------------------------------


class Impostor:
    """Registered as broker 7, and what answers there is no broker."""

    def __init__(self, znodes, how):
        self.how = how
        self.asked = 0
        self.open = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        host, port = address.split(":")
        value = {
            "listener_security_protocol_map": {"PLAINTEXT": "PLAINTEXT"},
            "endpoints": [f"PLAINTEXT://{address}"],
            "jmx_port": -1,
            "features": {},
            "host": host,
            "timestamp": "1600000000000",
            "port": int(port),
            "version": 5,
        }
        znodes.create("/brokers/ids/7", json.dumps(value).encode(), ephemeral=True)

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.open.append(connection)
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with contextlib.suppress(OSError):
            while head := connection.recv(1 << 16):
                self.asked += 1
                if self.how == "garbage":
                    connection.sendall(bytes(range(256)))
                elif self.how == "cut":
                    connection.sendall((20).to_bytes(4, "big") + head[8:12])
                    connection.close()
                elif self.how == "empty":
                    connection.sendall((4).to_bytes(4, "big") + head[8:12])
                elif self.how == "huge":
                    connection.sendall((2**31 - 1).to_bytes(4, "big") + head[8:12])
                elif self.how == "wrong correlation":
                    connection.sendall((10).to_bytes(4, "big") + bytes(10))

    def end(self, znodes):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for connection in self.open:
            connection.close()
        znodes.delete("/brokers/ids/7")


@pytest.mark.parametrize("how", ("garbage", "cut", "empty", "huge", "wrong correlation", "never"))
def test_broker_that_answers_its_controller_with_nonsense_holds_nobody_up(cluster, znodes, topic, how):
    impostor = Impostor(znodes, how)
    try:
        wait_until(lambda: impostor.asked > 0, 30, "the controller has asked it")
        name = f"with-{next(_numbers)}"
        with cluster.controller().connect() as client:
            answer = client.create_topics(
                [{"name": name, "partitions": -1, "replication": -1, "assignment": {0: [1, 7]}}]
            )[name]
        assert answer["error"] in (NONE, 7), answer  # 7: not all of its brokers have said that it is there
        wait_until(lambda: try_put(cluster, name), 60, "who answers nothing leaves the ISR")
        still_leads(cluster, topic)
    finally:
        impostor.end(znodes)
    put(cluster, name)


# --- znodes by hand -----------------------------------------------------------------------------------------------

STATES = {
    "leader_not_in_isr": {"leader": 1, "isr": [0]},
    "isr_of_strangers": {"leader": 1, "isr": [1, 7, 8]},
    "isr_twice": {"leader": 1, "isr": [1, 1, 0]},
    "isr_empty": {"leader": 1, "isr": []},
    "leader_is_no_replica": {"leader": 7, "isr": [7]},
    "older_leader_epoch": {"leader": 1, "isr": [1, 0], "leader_epoch": -3},
    "later_controller": {"leader": 1, "isr": [1, 0], "controller_epoch": 1 << 30},
}


@pytest.mark.spoils_zookeeper
@pytest.mark.parametrize("name", [name for name in STATES if name != "later_controller"])
def test_contradictory_state_hinders_only_its_partition(cluster, znodes, topic, name):
    """Read by the next controller; mended by hand, the partition is as it was."""
    path = f"/brokers/topics/{topic}/partitions/0/state"
    good = json.loads(znodes.get(path)[0])
    znodes.set(path, json.dumps({**good, **STATES[name]}).encode())
    znodes.delete("/controller")
    cluster.wait_controller()
    other = cluster.create(f"beside{next(_numbers)}", assignment={0: [1, 0]})
    put(cluster, other)
    state = json.loads(znodes.get(path)[0])
    znodes.set(path, json.dumps({**good, "leader_epoch": max(state["leader_epoch"], good["leader_epoch"]) + 1}).encode())
    znodes.delete("/controller")
    cluster.wait_controller()
    wait_until(lambda: cluster.leader(topic).id == 1, 30, "it is led again")
    put(cluster, topic)
    cluster.wait_whole([topic])
    cluster.delete(other)


MOVES = {
    "no_json": b"nothing",
    "empty": b"",
    "list": b"[]",
    "no_partitions": b'{"version":1}',
    "unknown_topic": b'{"version":1,"partitions":[{"topic":"no-such-topic","partition":0,"replicas":[0]}]}',
    "unknown_partition": b'{"version":1,"partitions":[{"topic":"TOPIC","partition":9,"replicas":[0]}]}',
    "nobody": b'{"version":1,"partitions":[{"topic":"TOPIC","partition":0,"replicas":[]}]}',
    "twice": b'{"version":1,"partitions":[{"topic":"TOPIC","partition":0,"replicas":[0,0]}]}',
    "negative": b'{"version":1,"partitions":[{"topic":"TOPIC","partition":0,"replicas":[-1]}]}',
    "text": b'{"version":1,"partitions":[{"topic":"TOPIC","partition":"x","replicas":"y"}]}',
}


@pytest.mark.spoils_zookeeper
@pytest.mark.parametrize("name", MOVES)
def test_reassignment_that_cannot_be_is_named_and_removed(cluster, znodes, topic, name):
    if cluster.brokers[0].kind == "kafka":
        pytest.skip("Kafka leaves some of these")
    marks = {broker.id: len(broker.process.log_text()) for broker in cluster.brokers}
    znodes.create("/admin/reassign_partitions", MOVES[name].replace(b"TOPIC", topic.encode()))
    try:
        wait_until(lambda: not znodes.exists("/admin/reassign_partitions"), 20, "it is removed")
    finally:
        if znodes.exists("/admin/reassign_partitions"):
            znodes.delete("/admin/reassign_partitions")
    wait_said(cluster, "reassign", marks)
    still_leads(cluster, topic)
    assert cluster.partitions(topic)[0]["replicas"] == [1, 0]


CONFIGS = {
    "no_json": b"nothing",
    "list": b"[]",
    "no_config": b'{"version":1}',
    "config_is_text": b'{"version":1,"config":"x"}',
    "unknown_setting": b'{"version":1,"config":{"no.such.setting":"1"}}',
    "not_a_number": b'{"version":1,"config":{"min.insync.replicas":"x","retention.ms":"soon"}}',
    "out_of_range": b'{"version":1,"config":{"min.insync.replicas":"-7","segment.bytes":"1"}}',
    "number_for_text": b'{"version":1,"config":{"min.insync.replicas":1}}',
}


@pytest.mark.spoils_zookeeper
@pytest.mark.parametrize("name", CONFIGS)
def test_settings_that_cannot_be_are_named_and_what_was_goes_on(cluster, znodes, topic, name):
    if cluster.brokers[0].kind == "kafka":
        pytest.skip("Kafka falls back to other settings")
    marks = {broker.id: len(broker.process.log_text()) for broker in cluster.brokers}
    znodes.set(f"/config/topics/{topic}", CONFIGS[name])
    notice = json.dumps({"version": 2, "entity_path": f"topics/{topic}"}).encode()
    znodes.create("/config/changes/config_change_", notice, sequence=True)
    for broker in cluster.brokers:
        wait_until(
            lambda broker=broker: topic in broker.process.log_text()[marks[broker.id] :], 20, f"{broker.id} names it"
        )
    still_leads(cluster, topic)
    znodes.set(f"/config/topics/{topic}", b'{"version":1,"config":{}}')
