"""Partitions that move between two real Kafka brokers while our broker is controller: begun, ended, cancelled and
overridden by Kafka's own tool, and by the znode that tools before 2.4 write."""

import itertools
import json
import os
import threading

import pytest

from conftest import or_skip
from harness import records, schema, settings, tools
from harness.cluster import Cluster
from harness.wait import wait_until

CONFIG = {
    "auto.leader.rebalance.enable": "false",
    "replica.fetch.max.bytes": "1",  # a batch at a time
}
LISTED = "/admin/reassign_partitions"


class Mixed:
    """Broker 0 is ours and controller, 1 and 2 are Kafka's."""

    def __init__(self, cluster, znodes):
        self.cluster = cluster
        self.znodes = znodes  # a client of the cluster's chroot
        self.ours, self.first, self.second = cluster.brokers
        self.topics = 0

    def topic(self, *assignment, batches=1):
        """A topic with a partition for each list of replicas, and batches of 50 records in each."""
        self.topics += 1
        name = f"moving-{self.topics}"
        lists = [{"partition_index": n, "broker_ids": ids} for n, ids in enumerate(assignment)]
        with self.ours.connect() as client:
            wanted = {"name": name, "num_partitions": -1, "replication_factor": -1, "assignments": lists, "configs": []}
            answer = schema.ask(client, "CreateTopics", 5, topics=[wanted], timeout_ms=20000)
            assert answer["topics"][0]["error_code"] == 0, answer
        for partition in range(len(assignment)):
            for _ in range(batches):
                self.produce(name, partition)
        return name

    def state(self, topic, partition=0):
        return json.loads(self.znodes.get(f"/brokers/topics/{topic}/partitions/{partition}/state")[0])

    def assigned(self, topic, partition=0):
        """replicas, adding, removing"""
        znode = json.loads(self.znodes.get(f"/brokers/topics/{topic}")[0])
        key = str(partition)
        return (
            znode["partitions"][key],
            znode["adding_replicas"].get(key, []),
            znode["removing_replicas"].get(key, []),
        )

    def leader(self, topic, partition=0):
        return self.cluster.brokers[self.state(topic, partition)["leader"]]

    def produce(self, topic, partition=0):
        def taken():
            with self.leader(topic, partition).connect() as client:
                batch = records.batch([(b"k%d" % n, b"v" * 20) for n in range(50)])
                return client.produce(topic, batch, partition=partition)["error"] == 0

        wait_until(taken, 20, f"{topic}-{partition} takes records")

    def read(self, topic, partition=0):
        """Keys of all records, from whoever leads."""
        with self.leader(topic, partition).connect() as client:
            got, offset = [], 0
            while True:
                answer = client.fetch(topic, offset=offset, partition=partition, max_wait_ms=0)
                assert answer["error"] == 0, answer
                piece = [record for record in records.read(answer["records"]) if record["offset"] >= offset]
                if not piece:
                    return got
                got += [record["key"] for record in piece]
                offset = piece[-1]["offset"] + 1

    def wait_moved(self, topic, replicas, partition=0):
        wait_until(
            lambda: self.assigned(topic, partition) == (replicas, [], []), 40, f"{topic}-{partition} is on {replicas}"
        )
        state = self.state(topic, partition)
        assert state["leader"] in replicas
        assert sorted(state["isr"]) == sorted(replicas)

    def become_controller(self):
        """Ours is controller again."""

        def ours_is():
            found = self.znodes.exists("/controller") and json.loads(self.znodes.get("/controller")[0])
            if found and found["brokerid"] == self.ours.id:
                return True
            if found:
                self.znodes.delete("/controller")
            return False

        wait_until(ours_is, 60, "our broker is controller", poll_s=0.5)

    def has_log(self, broker, topic, partition=0):
        return any(os.path.exists(os.path.join(folder, f"{topic}-{partition}")) for folder in broker.log_dirs)

    def tool(self, *arguments, status=0, run=tools.kafkas):
        done = run("reassign", "--bootstrap-server", self.cluster.bootstrap, *arguments)
        assert done.status == status, done
        return done


def plan(folder, moves):
    """moves: {(topic, partition): replicas}"""
    path = folder / "moves.json"
    partitions = [{"topic": t, "partition": p, "replicas": ids} for (t, p), ids in moves.items()]
    path.write_text(json.dumps({"version": 1, "partitions": partitions}))
    return path


@pytest.fixture(scope="module")
def mixed(zk, workspace):
    chroot = zk.make_chroot("/reassignment")
    cluster = or_skip(
        lambda: Cluster(workspace / "reassignment", zk, chroot, ["barnabas", "kafka", "kafka"], config=CONFIG)
    )
    cluster.brokers[0].start()
    cluster.start()
    assert cluster.controller() is cluster.brokers[0]
    with zk.client(chroot) as znodes:
        yield Mixed(cluster, znodes)
    cluster.stop()
    for broker in cluster.brokers:
        assert not broker.complaints()


def slow_down(mixed, topic):
    """A follower gets one batch in as long as the quota's window is, some ten seconds: a move of forty does not
    end by itself."""
    for name, config in (
        (f"topics/{topic}", {"follower.replication.throttled.replicas": "*",
                             "leader.replication.throttled.replicas": "*"}),
        ("brokers/1", THROTTLE), ("brokers/2", THROTTLE),
    ):  # fmt: skip
        set_config(mixed, name, config)
    for broker in (mixed.first, mixed.second):
        settings.wait_dynamic(broker, "leader.replication.throttled.rate", "1")


def let_go(mixed, topic):
    for name in (f"topics/{topic}", "brokers/1", "brokers/2"):
        set_config(mixed, name, {})


def set_config(mixed, name, config):
    path = f"/config/{name}"
    mixed.znodes.ensure_path(path)
    mixed.znodes.set(path, json.dumps({"version": 1, "config": config}).encode())
    notice = json.dumps({"version": 2, "entity_path": name}).encode()
    mixed.znodes.create("/config/changes/config_change_", notice, sequence=True)


THROTTLE = {"follower.replication.throttled.rate": "1", "leader.replication.throttled.rate": "1"}


def begun(mixed, topic, replicas, tmp_path):
    """A move of partition 0 that is under way, slowly; its file."""
    slow_down(mixed, topic)
    moves = plan(tmp_path, {(topic, 0): replicas})
    mixed.tool("--execute", "--reassignment-json-file", moves)
    assert mixed.assigned(topic)[1]
    return moves


def test_tool_moves_partitions(mixed, tmp_path):
    topic = mixed.topic([1], [2], [1])
    moves = plan(tmp_path, {(topic, 0): [2], (topic, 1): [1, 2], (topic, 2): [2, 1]})
    done = mixed.tool("--execute", "--reassignment-json-file", moves)
    assert f"Successfully started partition reassignments for {topic}-0,{topic}-1,{topic}-2" in done.out
    mixed.wait_moved(topic, [2], 0)
    mixed.wait_moved(topic, [1, 2], 1)
    mixed.wait_moved(topic, [2, 1], 2)
    for partition in range(3):
        assert len(mixed.read(topic, partition)) == 50
    wait_until(lambda: not mixed.has_log(mixed.first, topic, 0), 20, "the log that was left is deleted")
    assert mixed.has_log(mixed.second, topic, 1) and mixed.has_log(mixed.first, topic, 2)
    done = mixed.tool("--verify", "--reassignment-json-file", moves)
    for partition in range(3):
        assert f"Reassignment of partition {topic}-{partition} is completed." in done.out
    assert "No partition reassignments found." in mixed.tool("--list").out
    mixed.produce(topic, 0)
    assert len(mixed.read(topic, 0)) == 100
    back = plan(tmp_path, {(topic, 1): [2], (topic, 2): [1]})
    mixed.tool("--execute", "--reassignment-json-file", back)
    mixed.wait_moved(topic, [2], 1)
    mixed.wait_moved(topic, [1], 2)
    wait_until(lambda: not mixed.has_log(mixed.first, topic, 1), 20, "the log that was left is deleted")
    assert len(mixed.read(topic, 1)) == 50


def test_every_member_shows_the_end_of_a_move(mixed, tmp_path):
    topic = mixed.topic([1])
    mixed.tool("--execute", "--reassignment-json-file", plan(tmp_path, {(topic, 0): [2]}))
    mixed.wait_moved(topic, [2])

    def shown(broker):
        with broker.connect() as client:
            (found,) = client.metadata([topic])["topics"][0]["partitions"]
        return (found["leader"], found["replicas"], found["isr"]) == (2, [2], [2])

    for broker in mixed.cluster.brokers:
        wait_until(lambda broker=broker: shown(broker), 20, f"broker {broker.id} shows the new replica")


def test_records_written_during_a_move_are_kept(mixed, tmp_path):
    topic = mixed.topic([1], batches=10)
    mixed.tool("--execute", "--reassignment-json-file", plan(tmp_path, {(topic, 0): [2, 1]}))
    for _ in range(20):
        mixed.produce(topic)
    mixed.wait_moved(topic, [2, 1])
    mixed.tool("--execute", "--reassignment-json-file", plan(tmp_path, {(topic, 0): [2]}))
    for _ in range(20):
        mixed.produce(topic)
    mixed.wait_moved(topic, [2])
    assert len(mixed.read(topic)) == 500 + 40 * 50


def test_move_is_shown_while_it_runs_and_may_be_cancelled(mixed, tmp_path):
    topic = mixed.topic([1], batches=40)
    moves = begun(mixed, topic, [2], tmp_path)
    assert mixed.assigned(topic) == ([2, 1], [2], [1])
    assert f"{topic}-0: replicas: 2,1. adding: 2. removing: 1." in mixed.tool("--list").out
    assert f"Reassignment of partition {topic}-0 is still in progress." in mixed.tool(
        "--verify", "--reassignment-json-file", moves
    ).out
    with mixed.ours.connect() as client:
        more = [{"name": topic, "count": 2, "assignments": None}]
        answer = schema.ask(client, "CreatePartitions", 3, topics=more, timeout_ms=5000, validate_only=False)
        assert answer["results"][0]["error_code"] == 60
    done = mixed.tool("--cancel", "--preserve-throttles", "--reassignment-json-file", moves)
    assert f"Successfully cancelled partition reassignment for: {topic}-0" in done.out
    assert mixed.assigned(topic) == ([1], [], [])
    assert mixed.state(topic)["isr"] == [1]
    wait_until(lambda: not mixed.has_log(mixed.second, topic), 20, "the log that was begun is deleted")
    done = mixed.tool("--cancel", "--preserve-throttles", "--reassignment-json-file", moves)
    assert "None of the specified partition reassignments are active." in done.out
    assert len(mixed.read(topic)) == 2000
    let_go(mixed, topic)


def test_move_goes_on_under_the_next_controller(mixed, tmp_path):
    """A real Kafka takes over in the middle, ours again later: what is in ZooKeeper is all that either needs."""
    topic = mixed.topic([1], batches=40)
    begun(mixed, topic, [2], tmp_path)
    mixed.ours.stop()
    try:
        wait_until(lambda: mixed.cluster.controller() is not mixed.ours, 30, "a Kafka is controller")
        let_go(mixed, topic)
        mixed.wait_moved(topic, [2])
    finally:
        mixed.ours.start()
    slow_down(mixed, topic)
    mixed.tool("--execute", "--reassignment-json-file", plan(tmp_path, {(topic, 0): [1]}))
    assert mixed.assigned(topic) == ([1, 2], [1], [2])
    mixed.become_controller()
    let_go(mixed, topic)
    mixed.wait_moved(topic, [1])
    assert len(mixed.read(topic)) == 2000


def test_znode_of_old_tools_moves_partitions(mixed):
    topic = mixed.topic([1], [1])
    moves = {"version": 1, "partitions": [
        {"topic": topic, "partition": 0, "replicas": [2]},
        {"topic": topic, "partition": 1, "replicas": [2, 1]},
        {"topic": topic, "partition": 7, "replicas": [1]},
        {"topic": "no-such-topic", "partition": 0, "replicas": [1]},
    ]}  # fmt: skip
    mixed.znodes.create(LISTED, json.dumps(moves).encode())
    mixed.wait_moved(topic, [2], 0)
    mixed.wait_moved(topic, [2, 1], 1)
    wait_until(lambda: mixed.znodes.exists(LISTED) is None, 20, "the znode is gone when all is done")
    mixed.znodes.create(LISTED, b"no JSON")
    wait_until(lambda: mixed.znodes.exists(LISTED) is None, 20, "what cannot be read does not stay")
    moves["partitions"] = [{"topic": topic, "partition": 1, "replicas": [1]}]
    mixed.znodes.create(LISTED, json.dumps(moves).encode())
    mixed.wait_moved(topic, [1], 1)
    for partition in range(2):
        assert len(mixed.read(topic, partition)) == 50


def test_request_takes_the_place_of_a_listed_move(mixed, tmp_path):
    topic = mixed.topic([1], batches=40)
    slow_down(mixed, topic)
    listed = {"version": 1, "partitions": [{"topic": topic, "partition": 0, "replicas": [2]}]}
    mixed.znodes.create(LISTED, json.dumps(listed).encode())
    wait_until(lambda: mixed.assigned(topic) == ([2, 1], [2], [1]), 20, "the move is under way")
    assert mixed.znodes.exists(LISTED) is not None
    mixed.tool("--cancel", "--preserve-throttles", "--reassignment-json-file", plan(tmp_path, {(topic, 0): [2]}))
    assert mixed.assigned(topic) == ([1], [], [])
    assert mixed.znodes.exists(LISTED) is None
    let_go(mixed, topic)


def test_deletion_of_a_topic_waits_for_its_move(mixed, tmp_path):
    topic = mixed.topic([1], batches=40)
    begun(mixed, topic, [2], tmp_path)
    with mixed.ours.connect() as client:
        schema.ask(client, "DeleteTopics", 5, topic_names=[topic], timeout_ms=100)
    assert mixed.assigned(topic) == ([2, 1], [2], [1])
    let_go(mixed, topic)
    wait_until(lambda: mixed.znodes.exists(f"/brokers/topics/{topic}") is None, 40, "the topic is gone")
    for broker in (mixed.first, mixed.second):
        wait_until(lambda broker=broker: not mixed.has_log(broker, topic), 20, "so are its logs")


def test_broker_of_the_target_dies_and_comes_back(mixed, tmp_path):
    topic = mixed.topic([1], batches=40)
    begun(mixed, topic, [2], tmp_path)
    mixed.second.kill()
    try:
        wait_until(lambda: mixed.znodes.exists("/brokers/ids/2") is None, 30, "the broker's session is over")
        let_go(mixed, topic)
        mixed.produce(topic)
        assert mixed.assigned(topic) == ([2, 1], [2], [1])
    finally:
        mixed.second.start(deadline_s=90)
    mixed.wait_moved(topic, [2])
    assert len(mixed.read(topic)) == 2050


def test_log_left_on_a_dead_broker_goes_when_it_starts(mixed, tmp_path):
    topic = mixed.topic([1, 2])
    mixed.second.kill()
    try:
        wait_until(lambda: mixed.znodes.exists("/brokers/ids/2") is None, 30, "the broker's session is over")
        wait_until(lambda: mixed.state(topic)["isr"] == [1], 20, "it has left the ISR")
        mixed.tool("--execute", "--reassignment-json-file", plan(tmp_path, {(topic, 0): [1]}))
        mixed.wait_moved(topic, [1])
        assert mixed.has_log(mixed.second, topic)
    finally:
        mixed.second.start(deadline_s=90)
    wait_until(lambda: not mixed.has_log(mixed.second, topic), 30, "the log is deleted")


class Writer(threading.Thread):
    """Writes records one by one with acks=all, as many as it is allowed, and remembers which were acknowledged. A
    follower takes a batch at a time: without a limit it might never catch up."""

    def __init__(self, mixed, topic):
        super().__init__(daemon=True)
        self.mixed, self.topic = mixed, topic
        self.acknowledged = []
        self.stopping = threading.Event()
        self.allowed = threading.Semaphore(0)

    def run(self):
        for number in itertools.count():
            self.allowed.acquire()
            key, taken = b"%d" % number, False
            while not taken and not self.stopping.is_set():
                try:
                    with self.mixed.leader(self.topic).connect(timeout_s=5) as client:
                        answer = client.produce(self.topic, records.batch([(key, b"v")]), acks=-1)
                    taken = answer["error"] == 0
                except Exception:  # noqa: BLE001 - whatever it was, the record is written again
                    taken = False
            if self.stopping.is_set():
                return
            self.acknowledged.append(key)

    def finish(self):
        self.stopping.set()
        self.allowed.release()
        self.join(30)
        assert not self.is_alive()


def test_nothing_acknowledged_is_lost_by_moves(mixed):
    """To and fro under load, with our controller killed in the middle of a move."""
    topic = mixed.topic([1])
    writer = Writer(mixed, topic)
    writer.start()
    try:
        for round_number in range(12):
            replicas = ([2], [1, 2], [1], [2, 1])[round_number % 4]
            moves = [{"partition_index": 0, "replicas": replicas}]
            writer.allowed.release(100)
            mixed.become_controller()
            with mixed.ours.connect() as client:
                answer = schema.ask(client, "AlterPartitionReassignments", 0, topics=[{"name": topic, "partitions": moves}])
            assert answer["responses"][0]["partitions"][0]["error_code"] == 0, answer
            if round_number == 6:
                mixed.ours.kill()
                mixed.wait_moved(topic, replicas)
                mixed.ours.start()
            mixed.wait_moved(topic, replicas)
        wait_until(lambda: len(writer.acknowledged) == 1200, 40, "all is written")
    finally:
        writer.finish()
        if not mixed.ours.running:
            mixed.ours.start()
        mixed.become_controller()
    kept = set(mixed.read(topic))
    assert not [key for key in writer.acknowledged if key not in kept]


def test_our_tool_says_what_kafkas_says_of_a_move(mixed, tmp_path):
    """Begun by ours, with a throttle; shown by both; taken back and begun again by ours."""
    topic = mixed.topic([1], batches=40)
    moves = plan(tmp_path, {(topic, 0): [2]})
    done = mixed.tool("--execute", "--reassignment-json-file", moves, "--throttle", 1, run=tools.ours)
    assert "The inter-broker throttle limit was set to 1 B/s" in done.lines
    assert done.lines[-1] == f"Successfully started partition reassignment for {topic}-0"
    assert mixed.assigned(topic) == ([2, 1], [2], [1])
    connect = ("--bootstrap-server", mixed.cluster.bootstrap)
    assert tools.same("reassign", *connect, "--list").lines[0] == "Current partition reassignments:"
    tools.same("reassign", *connect, "--verify", "--reassignment-json-file", moves)
    tools.same("reassign", *connect, "--execute", "--reassignment-json-file", moves, status=1)
    tools.same("topics", *connect, "--describe", "--topic", topic)
    done = mixed.tool("--execute", "--additional", "--reassignment-json-file", moves, "--throttle", 2, run=tools.ours)
    assert "The inter-broker throttle limit was set to 2 B/s" in done.lines
    config = json.loads(mixed.znodes.get(f"/config/topics/{topic}")[0])["config"]
    assert config["leader.replication.throttled.replicas"] == "0:1"
    assert config["follower.replication.throttled.replicas"] == "0:2"
    done = mixed.tool("--cancel", "--reassignment-json-file", moves, run=tools.ours)
    assert done.lines[0] == f"Successfully cancelled partition reassignment for: {topic}-0"
    assert "Clearing broker-level throttles on brokers 0,1,2" in done.out
    assert mixed.assigned(topic) == ([1], [], [])
    mixed.tool("--execute", "--reassignment-json-file", moves, run=tools.ours)
    mixed.wait_moved(topic, [2])
    tools.same("reassign", *connect, "--verify", "--reassignment-json-file", moves)


def test_our_tool_moves_through_zookeeper_alone(mixed, tmp_path):
    topic = mixed.topic([1])
    moves = plan(tmp_path, {(topic, 0): [2, 1]})
    done = tools.ours(
        "reassign", "--zookeeper", mixed.cluster.connect_string, "--execute", "--reassignment-json-file", moves
    )
    assert done.status == 0 and done.lines[-1] == "Successfully started reassignment of partitions."
    mixed.wait_moved(topic, [2, 1])
    wait_until(lambda: mixed.znodes.exists(LISTED) is None, 20, "the znode is gone when all is done")
    done = tools.ours(
        "reassign", "--zookeeper", mixed.cluster.connect_string, "--verify", "--reassignment-json-file", moves
    )
    assert f"Reassignment of partition {topic}-0 completed successfully" in done.lines


def test_our_tool_has_the_preferred_replica_lead(mixed, tmp_path):
    topic = mixed.topic([1, 2], [1, 2])
    mixed.tool("--execute", "--reassignment-json-file", plan(tmp_path, {(topic, 0): [2, 1]}), run=tools.ours)
    mixed.wait_moved(topic, [2, 1])
    assert mixed.state(topic)["leader"] == 1
    file = tmp_path / "elections.json"
    file.write_text(json.dumps({"partitions": [{"topic": topic, "partition": n} for n in (0, 1)]}))
    done = tools.ours(
        "elect-leaders", "--bootstrap-server", mixed.cluster.bootstrap, "--election-type", "preferred",
        "--path-to-json-file", file,
    )  # fmt: skip
    assert done.lines == [
        f"Successfully completed leader election (PREFERRED) for partitions {topic}-0",
        f"Valid replica already elected for partitions {topic}-1",
    ]
    assert mixed.state(topic)["leader"] == 2
