"""ZooKeeper that is late, away or has lost a session, and znodes that somebody spoiled.

Where Kafka and Barnabas differ on purpose (a broker killed and started at once, a registration deleted by
hand) the test is for Barnabas alone."""

import json
import os
import shutil
import time

import pytest

from conftest import make_topic, or_skip, wait_leaders
from harness import records
from harness.wait import wait_until
from harness.zookeeper import ZooKeeper

NONE, TOPIC_EXISTS, LEADER_NOT_AVAILABLE = 0, 36, 5


@pytest.fixture(scope="module")
def own_zk(workspace):
    """A server that the tests of this module may stop."""
    server = or_skip(lambda: ZooKeeper(workspace / "zookeeper-of-faults"))
    server.start()
    yield server
    if server.process.running:
        server.stop()


@pytest.fixture
def running_zk(own_zk):
    """Leaves it running, whatever the test did."""
    yield own_zk
    if not own_zk.process.running:
        own_zk.start()


def on(zk, **more):
    """Arguments for new_broker of a broker on this server."""
    return {"chroot": zk.make_chroot(f"/faults-{time.monotonic_ns()}"), **more}


@pytest.fixture
def broker_on(running_zk, workspace):
    from conftest import Maker

    maker = Maker(running_zk, workspace)
    yield maker
    maker.finish()


def epoch_of(zk, broker):
    """The czxid of the broker's registration, or None."""
    with zk.client(broker.chroot) as client:
        stat = client.exists(f"/brokers/ids/{broker.id}")
    return stat.czxid if stat else None


def controller_of(zk, broker):
    data = zk.read(broker.chroot + "/controller")
    return json.loads(data)["brokerid"] if data else None


def controller_epoch(zk, broker):
    return int(zk.read(broker.chroot + "/controller_epoch"))


def put(broker, topic, value, partition=0):
    with broker.connect() as client:
        return client.produce(topic, records.batch([(b"k", value)]), partition=partition)


def wait_works_fully(broker):
    """Until a topic can be made, led, written and read: the controller does its work again."""
    name = f"works-{time.monotonic_ns()}"

    def made():
        with broker.connect() as client:
            return client.create_topics([{"name": name}])[name]["error"] in (NONE, TOPIC_EXISTS)

    wait_until(made, 30, "a topic can be created")
    with broker.connect() as client:
        wait_leaders(client, name, 1)
        wait_until(
            lambda: client.produce(name, records.batch([(b"k", b"v")]))["error"] == NONE, 20, "and be written to"
        )
    return name


# --- sessions -------------------------------------------------------------------------------------


def test_zookeeper_paused_beyond_the_session_and_back(broker_on, running_zk):
    """The server gives no answer for longer than the session lasts, then goes on with its clock advanced."""
    broker = broker_on(**on(running_zk, config={"zookeeper.session.timeout.ms": "1500"}))
    topic = make_topic(broker)
    before = epoch_of(running_zk, broker)
    running_zk.pause()
    try:
        began = time.monotonic()
        number = 0
        while time.monotonic() - began < 4 or number < 20:
            assert put(broker, topic, b"v%d" % number)["base_offset"] == number, "leaders go on without ZooKeeper"
            number += 1
    finally:
        running_zk.resume()
    wait_until(lambda: epoch_of(running_zk, broker) is not None, 30, "the broker is registered")
    wait_until(lambda: controller_of(running_zk, broker) == broker.id, 30, "a controller is elected")
    wait_works_fully(broker)
    broker.process.must_run()
    assert epoch_of(running_zk, broker) >= before
    with broker.connect() as client:
        assert client.end_offset(topic) == number


def test_broker_paused_beyond_its_session_registers_with_a_new_epoch(broker_on, running_zk):
    broker = broker_on(**on(running_zk, config={"zookeeper.session.timeout.ms": "1500"}))
    topic = make_topic(broker)
    before, term = epoch_of(running_zk, broker), controller_epoch(running_zk, broker)
    broker.pause()
    wait_until(lambda: epoch_of(running_zk, broker) is None, 20, "the session expired")
    broker.resume()
    wait_until(lambda: (epoch_of(running_zk, broker) or 0) > before, 30, "a registration with a new epoch")
    wait_until(lambda: controller_of(running_zk, broker) == broker.id, 30, "it is controller again")
    assert controller_epoch(running_zk, broker) > term
    wait_works_fully(broker)
    assert put(broker, topic, b"v")["base_offset"] == 0


def test_expired_five_times_in_a_row(broker_on, running_zk):
    broker = broker_on(**on(running_zk, config={"zookeeper.session.timeout.ms": "1000"}))
    for _ in range(5):
        before = epoch_of(running_zk, broker)
        broker.pause()
        wait_until(lambda: epoch_of(running_zk, broker) is None, 20, "the session expired")
        broker.resume()
        wait_until(
            lambda before=before: (epoch_of(running_zk, broker) or 0) > before, 30, "a registration with a new epoch"
        )
    wait_until(lambda: controller_of(running_zk, broker) == broker.id, 30, "a controller")
    wait_works_fully(broker)


def test_zookeeper_killed_and_started_with_its_sessions(broker_on, running_zk):
    broker = broker_on(**on(running_zk))
    topic = make_topic(broker)
    running_zk.kill()
    for number in range(20):
        assert put(broker, topic, b"v")["base_offset"] == number
        with broker.connect() as client:
            assert client.fetch(topic, offset=number)["error"] == NONE
    running_zk.start()
    wait_works_fully(broker)
    assert put(broker, topic, b"v")["base_offset"] == 20


def test_zookeeper_away_for_long(broker_on, running_zk):
    """Down longer than the session: leaders serve meanwhile, and all is well when it is back."""
    broker = broker_on(**on(running_zk, config={"zookeeper.session.timeout.ms": "1000"}))
    topic = make_topic(broker)
    log_before = len(broker.process.log_text())
    cpu = broker.process.cpu_seconds()
    running_zk.kill()
    end, number = time.monotonic() + 5, 0
    with broker.connect() as client:
        while time.monotonic() < end:
            assert client.produce(topic, records.batch([(b"k", b"v")]))["base_offset"] == number
            number += 1
            wait_until(lambda: client.fetch(topic, offset=number - 1)["error"] == NONE, 5, "fetch")
            client.fetch(topic, offset=number, max_wait_ms=200)
    spent = broker.process.cpu_seconds() - cpu
    if broker.kind == "barnabas":
        assert spent < 1.5, f"{spent} s of processor time in 5 s without ZooKeeper"
        lines = broker.process.log_text()[log_before:].splitlines()
        assert len(lines) < 40, f"{len(lines)} lines of log in 5 s without ZooKeeper: {lines[:5]}"
    running_zk.start()
    wait_until(lambda: controller_of(running_zk, broker) == broker.id, 30, "a controller")
    wait_works_fully(broker)
    with broker.connect() as client:
        assert client.end_offset(topic) == number


# --- start ----------------------------------------------------------------------------------------


def test_started_before_zookeeper_serves_when_it_comes(broker_on, running_zk):
    arguments = on(running_zk)
    running_zk.kill()
    broker = broker_on(start=False, **arguments, config={"zookeeper.connection.timeout.ms": "60000"})
    broker.launch()
    if broker.kind == "barnabas":
        wait_until(lambda: "ZooKeeper" in broker.process.log_text(), 20, "it says what it waits for")
    running_zk.start()
    broker.wait_serving()
    wait_works_fully(broker)


def test_started_without_zookeeper_gives_up_with_a_clear_message(broker_on, running_zk):
    broker = broker_on(start=False, config={"zookeeper.connection.timeout.ms": "1500"})
    if broker.kind != "barnabas":
        pytest.skip("the wording is Barnabas's own")
    broker.config["zookeeper.connect"] = "127.0.0.1:1/nowhere"
    broker.launch()
    assert broker.process.wait_ended(20) == 1
    said = broker.process.log_text().splitlines()[-1]
    assert "not_started" in said and "127.0.0.1:1" in said and "zookeeper.connection.timeout.ms" in said
    assert "1500 ms" in said


def test_a_name_that_does_not_resolve_gives_up_with_a_clear_message(broker_on, running_zk):
    broker = broker_on(start=False, config={"zookeeper.connection.timeout.ms": "1500"})
    if broker.kind != "barnabas":
        pytest.skip("the wording is Barnabas's own")
    broker.config["zookeeper.connect"] = "no-such-host.invalid:2181"
    broker.launch()
    assert broker.process.wait_ended(30) == 1
    assert "no-such-host.invalid:2181" in broker.process.log_text().splitlines()[-1]


@pytest.mark.parametrize("line", ("session_opened", "server identity", "logs_loaded"))
def test_a_session_that_expires_during_a_start_is_replaced(broker_on, running_zk, line):
    """The broker stands still in the middle of its start, for longer than its session lasts."""
    broker = broker_on(**on(running_zk, config={"zookeeper.session.timeout.ms": "1000"}))
    if broker.kind == "kafka":
        pytest.skip("Kafka ends with an error")
    topic = make_topic(broker)
    assert put(broker, topic, b"v")["base_offset"] == 0
    broker.stop()
    said = len(broker.process.log_text())
    broker.launch()
    wait_until(lambda: line in broker.process.log_text()[said:], 20, line, poll_s=0)
    broker.pause()
    time.sleep(2.5)  # nothing in ZooKeeper tells of a session without ephemerals
    broker.resume()
    broker.wait_serving()
    wait_until(lambda: put(broker, topic, b"v")["error"] == NONE, 20, "its partitions are led")


def test_a_start_that_waits_for_zookeeper_ends_on_sigterm(broker_on, running_zk):
    """ZooKeeper goes after the first connection: there is no limit then, but for whoever asks the broker to stop."""
    broker = broker_on(**on(running_zk, config={"zookeeper.connection.timeout.ms": "1500"}))
    if broker.kind == "kafka":
        pytest.skip("Kafka ends with an error")
    broker.stop()
    said = len(broker.process.log_text())
    broker.launch()
    # Before it, the session that makes the chroot may be the first one, and that has a limit.
    wait_until(lambda: "server identity" in broker.process.log_text()[said:], 20, "a session", poll_s=0)
    broker.pause()
    running_zk.kill()
    broker.resume()
    time.sleep(2.5)
    broker.process.must_run()
    assert broker.stop() == 0
    assert "server stopped" in broker.process.log_text()[said:]


def test_killed_and_started_at_once_five_times(broker_on, running_zk):
    """The old session would last 20 s; nothing may wait for it, and its end must not harm the new one."""
    broker = broker_on(**on(running_zk, config={"zookeeper.session.timeout.ms": "20000"}))
    if broker.kind == "kafka":
        pytest.skip("Kafka dies of its old ephemeral node until the session has expired")
    topic = make_topic(broker)
    for number in range(5):
        before = epoch_of(running_zk, broker)
        broker.kill()
        broker.start(deadline_s=10)
        with broker.connect() as client:
            wait_until(
                lambda client=client, number=number: client.produce(
                    topic, records.batch([(b"k", b"%d" % number)])
                )["base_offset"]
                == number,
                10,
                "produce works",
            )
        assert epoch_of(running_zk, broker) > before
        assert controller_of(running_zk, broker) == broker.id
    wait_works_fully(broker)


# --- copies and doubles ---------------------------------------------------------------------------


def rewrite_record(folder, **changes):
    """Changes fields of a recorded session, as a record of another machine would differ."""
    path = os.path.join(folder, "barnabas.session")
    with open(path) as record:
        lines = record.read().splitlines()
    for name, value in changes.items():
        key = name.replace("_", ".")
        assert any(line.startswith(key + "=") for line in lines), lines
        lines = [f"{key}={value}" if line.startswith(key + "=") else line for line in lines]
    with open(path, "w") as record:
        record.write("\n".join(lines) + "\n")
    os.chmod(path, 0o600)


@pytest.mark.parametrize("change", ({}, {"host": "elsewhere"}, {"boot_id": "0"}, {"host": "elsewhere", "process_id": 1}))
def test_a_copied_volume_does_not_end_the_live_brokers_session(broker_on, running_zk, change):
    """A broker on a copy of the directory, same id: the live one goes on with its session, the copy gives up."""
    broker = broker_on(**on(running_zk, config={"zookeeper.session.timeout.ms": "1500"}))
    if broker.kind == "kafka":
        pytest.skip("Kafka keeps no session")
    topic = make_topic(broker)
    before = epoch_of(running_zk, broker)
    copy = broker_on(start=False, chroot=broker.chroot)
    shutil.copytree(broker.log_dirs[0], copy.log_dirs[0])
    os.unlink(os.path.join(copy.log_dirs[0], ".lock"))
    if change:
        rewrite_record(copy.log_dirs[0], **change)
    copy.config["zookeeper.session.timeout.ms"] = "1500"
    copy.launch()
    assert copy.process.wait_ended(30) == 1
    assert "another broker with broker.id=0 is running" in copy.process.log_text()
    assert epoch_of(running_zk, broker) == before
    assert put(broker, topic, b"v")["base_offset"] == 0
    wait_works_fully(broker)


def test_a_copy_of_a_dead_brokers_volume_waits_for_its_session(broker_on, running_zk):
    """The machine is gone and its volume is used elsewhere: the old session is left to expire."""
    broker = broker_on(**on(running_zk, config={"zookeeper.session.timeout.ms": "2000"}))
    if broker.kind == "kafka":
        pytest.skip("Kafka keeps no session")
    before = epoch_of(running_zk, broker)
    broker.kill()
    rewrite_record(broker.log_dirs[0], host="elsewhere")
    broker.start()
    assert epoch_of(running_zk, broker) > before
    assert "id_is_registered" in broker.process.log_text()
    wait_works_fully(broker)


def test_a_second_broker_with_the_same_id_gives_up(broker_on, running_zk):
    broker = broker_on(**on(running_zk, config={"zookeeper.session.timeout.ms": "1500"}))
    topic = make_topic(broker)
    before = epoch_of(running_zk, broker)
    second = broker_on(start=False, chroot=broker.chroot, config={"zookeeper.session.timeout.ms": "1500"})
    second.launch()
    assert second.process.wait_ended(40) not in (0, -9, -11)
    if broker.kind == "barnabas":
        assert "another broker with broker.id=0 is running" in second.process.log_text()
    assert epoch_of(running_zk, broker) == before
    assert put(broker, topic, b"v")["base_offset"] == 0


def test_a_second_broker_at_the_same_address_gives_up(broker_on, running_zk):
    broker = broker_on(**on(running_zk))
    second = broker_on(start=False, chroot=broker.chroot, broker_id=1)
    second.config["advertised.listeners"] = f"PLAINTEXT://127.0.0.1:{broker.port}"
    second.launch()
    assert second.process.wait_ended(40) not in (0, -9, -11)
    if broker.kind == "barnabas":
        assert f"broker 0 advertises 127.0.0.1:{broker.port} already" in second.process.log_text()


# --- znodes spoiled or deleted --------------------------------------------------------------------


def test_controller_deleted_by_hand_is_elected_anew(broker_on, running_zk):
    broker = broker_on(**on(running_zk))
    term = controller_epoch(running_zk, broker)
    with running_zk.client(broker.chroot) as client:
        client.delete("/controller")
    wait_until(lambda: controller_of(running_zk, broker) == broker.id, 20, "a controller")
    wait_until(lambda: controller_epoch(running_zk, broker) > term, 20, "a new term")
    wait_works_fully(broker)


def test_registration_deleted_by_hand_is_made_again(broker_on, running_zk):
    broker = broker_on(**on(running_zk))
    if broker.kind == "kafka":
        pytest.skip("Kafka stays unregistered until it is restarted")
    topic = make_topic(broker)
    before = epoch_of(running_zk, broker)
    for _ in range(2):
        with running_zk.client(broker.chroot) as client:
            client.delete("/brokers/ids/0")
        wait_until(lambda: (epoch_of(running_zk, broker) or 0) > before, 20, "the broker registers again")
        before = epoch_of(running_zk, broker)
        with broker.connect() as client:
            wait_leaders(client, topic, 1)
    wait_works_fully(broker)
    wait_until(lambda: put(broker, topic, b"v")["error"] == NONE, 20, "its partitions have a leader again")


def test_both_deleted_by_hand(broker_on, running_zk):
    broker = broker_on(**on(running_zk))
    if broker.kind == "kafka":
        pytest.skip("Kafka stays unregistered until it is restarted")
    with running_zk.client(broker.chroot) as client:
        client.delete("/brokers/ids/0")
        client.delete("/controller")
    wait_until(lambda: epoch_of(running_zk, broker), 20, "the broker registers again")
    wait_works_fully(broker)


SPOILED_TOPICS = {
    "no_json": b"this is no JSON",
    "cut_json": b'{"version":3,"partitions":{"0":[0',
    "empty": b"",
    "list": b"[1,2,3]",
    "no_partitions": b'{"version":3,"topic_id":"AAAAAAAAAAAAAAAAAAAABQ"}',
    "empty_replicas": b'{"version":3,"topic_id":"AAAAAAAAAAAAAAAAAAAABg","partitions":{"0":[]},'
    b'"adding_replicas":{},"removing_replicas":{}}',
    "unknown_broker": b'{"version":3,"topic_id":"AAAAAAAAAAAAAAAAAAAABw","partitions":{"0":[777]},'
    b'"adding_replicas":{},"removing_replicas":{}}',
    "same_broker_twice": b'{"version":3,"topic_id":"AAAAAAAAAAAAAAAAAAAACA","partitions":{"0":[0,0]},'
    b'"adding_replicas":{},"removing_replicas":{}}',
    "negative_partition": b'{"version":3,"topic_id":"AAAAAAAAAAAAAAAAAAAACQ","partitions":{"-1":[0]},'
    b'"adding_replicas":{},"removing_replicas":{}}',
    "gap_in_partitions": b'{"version":3,"topic_id":"AAAAAAAAAAAAAAAAAAAACg","partitions":{"5":[0]},'
    b'"adding_replicas":{},"removing_replicas":{}}',
    "future_version": b'{"version":99,"partitions":{"0":[0]},"unknown":"field"}',
    "huge_number": b'{"version":3,"partitions":{"0":[99999999999999999999]}}',
    "deep": b'{"version":3,"partitions":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "binary": bytes(range(256)) * 10,
}


@pytest.mark.spoils_zookeeper
def test_spoiled_topic_znodes_hinder_nobody(broker_on, running_zk):
    """All at once on a live broker, then through a restart and a new election of the controller."""
    broker = broker_on(**on(running_zk))
    good = make_topic(broker)
    with running_zk.client(broker.chroot) as client:
        for name, data in SPOILED_TOPICS.items():
            client.create(f"/brokers/topics/spoiled_{name}", data)
        client.create("/brokers/topics/no good name", b"{}")
    wait_works_fully(broker)
    assert put(broker, good, b"v")["base_offset"] == 0
    with broker.connect() as client:
        found = {topic["name"]: topic for topic in client.metadata(None)["topics"]}
        assert found[good]["error"] == NONE
    for _ in range(2):
        broker.stop()
        broker.start(led=False)
        wait_works_fully(broker)
    wait_until(lambda: put(broker, good, b"v")["error"] == NONE, 20, "the good topic has a leader")
    with running_zk.client(broker.chroot) as client:
        client.delete("/controller")
    wait_works_fully(broker)
    with running_zk.client(broker.chroot) as client:
        assert set(client.get_children("/brokers/topics")) >= {f"spoiled_{name}" for name in SPOILED_TOPICS}


SPOILED_STATES = {
    "no_json": b"nothing",
    "empty": b"",
    "cut": b'{"controller_epoch":1,"leader":0,',
    "no_isr": b'{"controller_epoch":1,"leader":0,"version":1,"leader_epoch":0}',
    "unknown_leader": b'{"controller_epoch":1,"leader":777,"version":1,"leader_epoch":0,"isr":[777]}',
    "text_for_numbers": b'{"controller_epoch":"x","leader":"y","version":1,"leader_epoch":0,"isr":["z"]}',
    "huge": b'{"controller_epoch":1,"leader":0,"version":1,"leader_epoch":9999999999999,"isr":[0]}',
}


@pytest.mark.spoils_zookeeper
def test_spoiled_partition_states_hinder_only_their_partition(broker_on, running_zk):
    broker = broker_on(**on(running_zk))
    good = make_topic(broker)
    for name in SPOILED_STATES:
        make_topic(broker, name=f"state-{name}")
    broker.stop()
    with running_zk.client(broker.chroot) as client:
        for name, data in SPOILED_STATES.items():
            client.set(f"/brokers/topics/state-{name}/partitions/0/state", data)
    broker.start(led=False)
    wait_until(lambda: put(broker, good, b"v")["error"] == NONE, 20, "the good topic has a leader")
    wait_works_fully(broker)


def test_a_state_deleted_by_hand_is_no_loss_of_records(broker_on, running_zk):
    broker = broker_on(**on(running_zk))
    topic = make_topic(broker)
    assert put(broker, topic, b"v")["base_offset"] == 0
    with running_zk.client(broker.chroot) as client:
        client.delete(f"/brokers/topics/{topic}/partitions/0/state")
    broker.stop()
    broker.start()
    wait_until(lambda: put(broker, topic, b"v")["base_offset"] == 1, 20, "the records are there")


OTHERS = {
    "/config/topics/spoiled": b"no JSON",
    "/config/brokers/<default>": b"[]",
    "/config/changes/config_change_0000009999": b"no JSON",
    "/admin/delete_topics/no-such-topic": b"",
    "/isr_change_notification/isr_change_0000000009": b"no JSON",
    "/log_dir_event_notification/log_dir_event_0000000009": b"no JSON",
    "/brokers/ids/99": b"no JSON",
    "/brokers/ids/not-a-number": b"{}",
}


@pytest.mark.spoils_zookeeper
@pytest.mark.parametrize("when", ("live", "before_the_start"))
def test_other_spoiled_znodes_hinder_nobody(broker_on, running_zk, when):
    broker = broker_on(**on(running_zk))
    good = make_topic(broker)
    if broker.kind == "kafka":
        pytest.skip("Kafka's controller stops at some of these")
    if when != "live":
        broker.stop()
    with running_zk.client(broker.chroot) as client:
        for path, data in OTHERS.items():
            client.ensure_path(os.path.dirname(path))
            if not client.exists(path):
                client.create(path, data)
            else:
                client.set(path, data)
    if when != "live":
        broker.start(led=False)
    wait_works_fully(broker)
    wait_until(lambda: put(broker, good, b"v")["error"] == NONE, 20, "the good topic has a leader")


@pytest.mark.spoils_zookeeper
@pytest.mark.parametrize("data", (b"no JSON", b"", b'{"version":1}', b'{"version":1,"id":""}'))
def test_a_spoiled_cluster_id_is_named(broker_on, running_zk, data):
    broker = broker_on(**on(running_zk), start=False)
    with running_zk.client(broker.chroot) as client:
        client.create("/cluster/id", data, makepath=True)
    broker.launch()
    assert broker.process.wait_ended(40) not in (0, -9, -11, -6)
    if broker.kind == "barnabas":
        assert "/cluster/id" in broker.process.log_text().splitlines()[-1]


@pytest.mark.parametrize("data", (b"x", b"", b"-5"))
def test_a_spoiled_controller_epoch_is_no_crash(broker_on, running_zk, data):
    broker = broker_on(**on(running_zk))
    topic = make_topic(broker)
    with running_zk.client(broker.chroot) as client:
        client.set("/controller_epoch", data)
        client.delete("/controller")
    if broker.kind == "barnabas":
        wait_until(lambda: "controller_epoch" in broker.process.log_text(), 20, "it says what is wrong")
    assert put(broker, topic, b"v")["base_offset"] == 0, "what is led is led"
    with running_zk.client(broker.chroot) as client:
        client.set("/controller_epoch", b"50")
        if client.exists("/controller"):
            client.delete("/controller")
    wait_works_fully(broker)
