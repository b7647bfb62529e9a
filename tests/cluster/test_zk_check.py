"""`barnabas zk check` on trees that real brokers wrote: a Kafka that uses all that Kafka keeps in ZooKeeper has
nothing wrong in it, nor has ours, and what is spoiled by hand is found."""

import json

import pytest

from conftest import make_topic, or_skip, wait_leaders
from harness import environment, zkcheck
from harness.cluster import Cluster
from harness.tools import kafkas, ours
from harness.wait import wait_until

AUTHORIZER = {
    "authorizer.class.name": "kafka.security.authorizer.AclAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
    "super.users": "User:ANONYMOUS",
}


def connect_of(broker):
    return broker.config["zookeeper.connect"]


def run(tool, broker, *arguments):
    done = kafkas(tool, "--bootstrap-server", broker.address, *arguments)
    assert done.status == 0, done
    return done


def sound(connect):
    """The report of a tree without errors."""
    found = zkcheck.report(connect)
    assert found is not None
    assert not found.errors, found.errors
    return found


@pytest.fixture(scope="module", autouse=True)
def _program():
    or_skip(environment.barnabas_tool)


# --- what brokers write -----------------------------------------------------------------------------


def test_a_broker_that_just_started_is_sound(new_broker):
    found = sound(connect_of(new_broker()))
    assert found.findings == []


def test_topics_come_grow_and_go_without_a_trace(broker):
    names = [make_topic(broker, partitions=3, configs={"retention.ms": "100000"}) for _ in range(3)]
    sound(connect_of(broker))
    assert ours("topics", "--bootstrap-server", broker.address, "--alter", "--topic", names[0],
                "--partitions", 5).status == 0  # fmt: skip
    assert ours("configs", "--bootstrap-server", broker.address, "--alter", "--entity-type", "topics",
                "--entity-name", names[1], "--add-config", "cleanup.policy=compact").status == 0  # fmt: skip
    sound(connect_of(broker))
    with broker.connect() as client:
        client.delete_topics([names[2]])
    found = sound(connect_of(broker))
    assert not [path for _, path in found.rules() if names[2] in path]


def test_a_broker_that_was_killed_leaves_notes_and_no_errors(new_broker, zk):
    broker = new_broker(config={"zookeeper.session.timeout.ms": "2000"})
    make_topic(broker, name="left")
    broker.kill()

    def gone():
        with zk.client(broker.chroot) as client:
            return client.exists("/brokers/ids/0") is None

    wait_until(gone, 20, "the session's end")
    found = sound(connect_of(broker))
    assert ("replica-not-registered", "/brokers/ids/0") in found.rules()


@pytest.mark.slow
def test_all_that_kafka_keeps_in_zookeeper_is_known(new_broker, clients, zk):
    kafka = new_broker(kind="kafka", config=AUTHORIZER)
    topic = make_topic(kafka, partitions=2, configs={"retention.ms": "100000"})
    run("configs", kafka, "--alter", "--entity-type", "users", "--entity-name", "al ice*",
        "--add-config", "SCRAM-SHA-256=[password=secret],SCRAM-SHA-512=[password=secret]")  # fmt: skip
    run("configs", kafka, "--alter", "--entity-type", "users", "--entity-default",
        "--entity-type", "clients", "--entity-name", "c", "--add-config", "producer_byte_rate=1000")  # fmt: skip
    run("configs", kafka, "--alter", "--entity-type", "clients", "--entity-default",
        "--add-config", "request_percentage=50")  # fmt: skip
    run("configs", kafka, "--alter", "--entity-type", "ips", "--entity-name", "127.0.0.9",
        "--add-config", "connection_creation_rate=100")  # fmt: skip
    run("configs", kafka, "--alter", "--entity-type", "brokers", "--entity-default",
        "--add-config", "log.cleaner.threads=2")  # fmt: skip
    run("acls", kafka, "--add", "--allow-principal", "User:alice", "--operation", "All", "--topic", topic,
        "--group", "*", "--cluster")  # fmt: skip
    run("acls", kafka, "--add", "--deny-principal", "User:bob", "--operation", "DescribeConfigs", "--topic", "pre",
        "--resource-pattern-type", "prefixed")  # fmt: skip
    assert kafkas("produce", "--bootstrap-server", kafka.address, "--topic", topic, stdin=b"one\n").status == 0
    assert kafkas("consume", "--bootstrap-server", kafka.address, "--topic", topic, "--group", "g",
                  "--from-beginning", "--max-messages", 1).status == 0  # fmt: skip
    found = sound(connect_of(kafka))
    assert found.findings == []
    printed = json.loads(ours("zk", "tree", "--zookeeper", connect_of(kafka), "--format", "json").out)
    paths = {node["path"] for node in printed}
    for path in (f"/kafka-acl/Topic/{topic}", "/kafka-acl-extended/prefixed/Topic/pre", "/config/users/al%20ice%2A",
                 "/config/users/<default>/clients/c", "/config/clients/<default>", "/config/ips/127.0.0.9",
                 "/config/brokers/<default>", "/brokers/topics/__consumer_offsets"):  # fmt: skip
        assert path in paths
    assert len(paths) == found.znodes


@pytest.mark.slow
def test_a_reassignment_and_a_deletion_under_way_are_sound(workspace, zk, chroot):
    """The broker that is not controller stands still and is not given up: what needs it waits."""
    cluster = Cluster(workspace / "zk-check", zk, chroot, ["kafka", "kafka"],
                      config={"zookeeper.session.timeout.ms": "60000"})  # fmt: skip
    try:
        or_skip(cluster.start)
        controller = cluster.controller()
        (other,) = [broker for broker in cluster.brokers if broker is not controller]
        with controller.connect() as client:
            made = client.create_topics([{"name": "doomed", "partitions": 2, "replication": 2},
                                         {"name": "moving", "partitions": -1, "replication": -1,
                                          "assignment": {0: [controller.id]}}])  # fmt: skip
            assert [topic["error"] for topic in made.values()] == [0, 0], made
            wait_leaders(client, "doomed", 2)
        sound(cluster.connect_string)
        other.pause()
        with zk.client(chroot) as client:
            move = {"version": 1, "partitions": [{"topic": "moving", "partition": 0, "replicas": [other.id]}]}
            client.create("/admin/reassign_partitions", json.dumps(move).encode())
            client.create("/admin/delete_topics/doomed")

            def begun():
                return json.loads(client.get("/brokers/topics/moving")[0])["adding_replicas"] == {"0": [other.id]}

            wait_until(begun, 30, "the reassignment has begun")
        assert sound(cluster.connect_string).findings == []
        other.resume()

        def ended():
            with zk.client(chroot) as client:
                return not client.exists("/admin/reassign_partitions") and not client.get_children(
                    "/admin/delete_topics"
                )

        wait_until(ended, 60, "the reassignment and the deletion have ended")
        assert sound(cluster.connect_string).findings == []
    finally:
        cluster.stop()


# --- what somebody spoiled --------------------------------------------------------------------------


@pytest.mark.spoils_zookeeper
def test_what_is_spoiled_is_found_and_told(new_broker, zk):
    broker = new_broker()
    make_topic(broker, name="a")
    state = "/brokers/topics/a/partitions/0/state"
    with zk.client(broker.chroot) as client:
        kept = json.loads(client.get(state)[0])
        client.set(state, json.dumps({**kept, "isr": [7]}).encode())
        client.create("/config/topics/none", b'{"version":1,"config":{}}')
        client.create("/brokers/ids/9", b"{}")
        client.create("/unknown/below", b"x", makepath=True)
    done = ours("zk", "check", "--zookeeper", connect_of(broker))
    assert done.status == 1, done
    lines = done.lines
    assert any(line.startswith(f"error {state}: its leader 0 is not in its isr [7]; ") for line in lines), done
    assert any(line.startswith(f"error {state}: its isr [7] is not within its replicas [0]; ") for line in lines)
    assert any(line.startswith("error /config/topics/none: there is no such topic; ") for line in lines)
    assert "error /brokers/ids/9: is persistent, should be ephemeral; restart the broker, it registers again" in lines
    assert any(line.startswith("note /unknown: is not of this cluster") for line in lines)
    assert not [line for line in lines if "/unknown/below" in line]
    assert lines[-1].startswith("7 errors, 1 note in "), done


def test_where_there_is_nothing_to_check_it_says_so(zk, chroot):
    done = ours("zk", "check", "--zookeeper", zk.address + chroot)
    assert (done.status, done.out) == (2, "")
    assert f"There is no /brokers at {zk.address}{chroot}" in done.err
    done = ours("zk", "check", "--zookeeper", "127.0.0.1:1")
    assert (done.status, done.out) == (2, "")
    assert "127.0.0.1:1" in done.err
    for arguments in ((), ("check",), ("chekc", "--zookeeper", zk.address), ("check", "--zookeeper"),
                      ("check", "--zookeeper", zk.address, "--format", "xml")):  # fmt: skip
        done = ours("zk", *arguments)
        assert (done.status, done.out) == (2, ""), done
        assert "Usage: barnabas zk COMMAND" in done.err
