"""A broker that stops, cleanly or not, and comes back."""

import json
import threading
import time

import pytest

from conftest import make_topic, or_skip, wait_leaders
from harness import environment, records
from harness.messages import differences
from harness.rawclient import Closed
from harness.wait import wait_until

# A killed Kafka's old registration keeps it out until its session of 18 s expires; ours must not wait for that. Far
# above what it takes, far below the session: machines are noisy.
QUICK_S = 9


def test_clean_restart_keeps_records_and_ids(new_broker, clients):
    broker = new_broker()
    topic = make_topic(broker, partitions=2)
    client = or_skip(lambda: clients.get("confluent"))
    offsets = client.produce(broker, topic, 100, "r", codec="zstd")
    with broker.connect() as raw:
        before = raw.metadata([topic], version=12)
    broker.stop()
    broker.start()
    with broker.connect() as raw:
        wait_leaders(raw, topic, 2)
        after = raw.metadata([topic], version=12)
    assert (after["cluster_id"], after["topics"][0]["id"]) == (before["cluster_id"], before["topics"][0]["id"])
    for old, new in zip(before["topics"][0]["partitions"], after["topics"][0]["partitions"], strict=True):
        assert new["epoch"] >= old["epoch"], "leader epochs never go backwards"
    assert not differences("r", 100, offsets, client.consume(broker, topic, 100), client, client)


def test_clean_stop_removes_the_registration(new_broker, zk):
    broker = new_broker()
    assert zk.read(broker.chroot + "/brokers/ids/0") is not None
    broker.stop()
    assert zk.read(broker.chroot + "/brokers/ids/0") is None
    assert zk.read(broker.chroot + "/controller") is None


def test_registration_is_kafkas(new_broker, zk):
    broker = new_broker()
    node = json.loads(zk.read(broker.chroot + "/brokers/ids/0"))
    assert node["version"] == 5
    assert (node["host"], node["port"]) == ("127.0.0.1", broker.port)
    assert node["endpoints"] == [f"PLAINTEXT://127.0.0.1:{broker.port}"]
    assert node["listener_security_protocol_map"] == {"PLAINTEXT": "PLAINTEXT"}
    assert node["features"] == {} and node["jmx_port"] == -1
    assert str(int(node["timestamp"])) == node["timestamp"]
    controller = json.loads(zk.read(broker.chroot + "/controller"))
    assert (controller["version"], controller["brokerid"]) == (2, 0)


def test_killed_broker_started_at_once_serves_at_once(new_broker):
    """The session timeout is far longer than the time allowed: nothing may wait for it."""
    broker = new_broker(config={"zookeeper.session.timeout.ms": "18000"})
    if broker.kind == "kafka":
        pytest.skip("Kafka dies of its old ephemeral node until the session has expired")
    topic = make_topic(broker)
    with broker.connect() as client:
        assert client.produce(topic, records.batch([(b"k", b"v0")]))["error"] == 0
    for number in range(1, 4):
        broker.kill()
        began = time.monotonic()
        broker.start(deadline_s=QUICK_S)
        with broker.connect() as client:

            def acknowledged(client=client, number=number):
                return client.produce(topic, records.batch([(b"k", b"v%d" % number)]))["base_offset"] == number

            wait_until(acknowledged, QUICK_S, "the first record after the kill is acknowledged")
        assert time.monotonic() - began < QUICK_S


def test_killed_broker_comes_back_with_what_it_acknowledged(new_broker, clients):
    broker = new_broker()
    topic = make_topic(broker)
    client = or_skip(lambda: clients.get("confluent"))
    offsets = client.produce(broker, topic, 500, "k", codec="lz4", idempotence=True)
    broker.kill()
    restart_killed(broker)
    with broker.connect() as raw:
        wait_leaders(raw, topic, 1)
    assert not differences("k", 500, offsets, client.consume(broker, topic, 500), client, client)


def restart_killed(broker, deadline_s=60):
    """Starts a broker after a kill. Kafka is started again and again until its old session has expired."""
    if broker.kind == "barnabas":
        broker.start(deadline_s)
        return

    def started():
        if not broker.running:
            broker.launch()
        broker.process.expected_death = True
        broker.process.must_run()
        with broker.connect(timeout_s=5) as client:
            return client.metadata([])["controller_id"] == broker.id

    wait_until(started, deadline_s, f"{broker.process.name} serves again", poll_s=0.2)
    broker.process.expected_death = False


def test_zookeeper_away_for_a_while_changes_nothing_for_producers(new_broker, zk):
    broker = new_broker(config={"zookeeper.session.timeout.ms": "20000"})
    topic = make_topic(broker)
    zk.kill()
    try:
        with broker.connect() as client:
            for number in range(10):
                assert client.produce(topic, records.batch([(b"k", b"v")]))["base_offset"] == number
    finally:
        zk.start()
    with broker.connect() as client:
        wait_until(
            lambda: client.create_topics([{"name": "afterwards"}])["afterwards"]["error"] in (0, 36),
            30,
            "topics can be created again",
        )


def test_a_session_that_expired_comes_back_by_itself(new_broker, zk):
    broker = new_broker(config={"zookeeper.session.timeout.ms": "2000"})
    topic = make_topic(broker)
    with zk.client(broker.chroot) as client:
        _, stat = client.get("/brokers/ids/0")
    broker.pause()
    wait_until(lambda: zk.read(broker.chroot + "/brokers/ids/0") is None, 20, "the session expired")
    broker.resume()

    def registered_anew():
        with zk.client(broker.chroot) as client:
            return client.get("/brokers/ids/0")[1].czxid > stat.czxid

    wait_until(registered_anew, 30, "a new registration")
    with broker.connect() as client:
        wait_until(lambda: client.produce(topic, records.batch([(b"k", b"v")]))["error"] == 0, 30, "produce works")


def test_broker_that_was_told_of_nobody_names_nobody(new_broker):
    """Not even an empty list of brokers: librdkafka takes it for "there are none", and never asks again."""
    if environment.broker_kind() == "kafka":
        pytest.skip("a Kafka answers with an empty list")
    broker = new_broker(start=False)
    with broker.zk.client(broker.chroot) as znodes:
        # A controller that never says a word. Nobody suspects it: it is not registered.
        znodes.ensure_path("/brokers/ids")
        znodes.create("/controller", b'{"version":1,"brokerid":9,"timestamp":"1"}', ephemeral=True)
        broker.launch()
        wait_until(lambda: znodes.exists(f"/brokers/ids/{broker.id}"), 60, "it is registered")
        wait_until(broker.connect, 60, "it takes connections").close()
        with broker.connect() as client, pytest.raises(Closed):
            client.metadata([])
        with broker.connect() as client:
            found = []
            asking = threading.Thread(target=lambda: found.append(client.metadata([])))
            asking.start()
            znodes.delete("/controller")
            asking.join(60)
        assert [b["id"] for b in found[0]["brokers"]] == [broker.id]
