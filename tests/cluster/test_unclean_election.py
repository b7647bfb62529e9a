"""Partitions whose in-sync replicas are all gone, beside one that was left behind: nobody leads them until
`unclean.leader.election.enable` says that records may be lost."""

import json

import pytest

from conftest import make_topic
from harness import schema
from harness.wait import wait_until

SETTING = "unclean.leader.election.enable"
GONE = 99  # a broker that never comes back
TOPIC, BROKER = 2, 4
SET, DELETE = 0, 1


@pytest.fixture
def left_behind(new_broker):
    """A broker that holds a replica of two topics, of which only broker 99 is in sync."""
    broker = new_broker(config={"zookeeper.session.timeout.ms": "2000"})
    broker.topics = [make_topic(broker, name="one"), make_topic(broker, name="two")]
    broker.stop()
    with broker_zk(broker) as client:
        for topic in broker.topics:
            put(client, f"/brokers/topics/{topic}", lambda value: value["partitions"].update({"0": [0, GONE]}))
            put(
                client,
                f"/brokers/topics/{topic}/partitions/0/state",
                lambda value: value.update(leader=GONE, isr=[GONE], leader_epoch=7),
            )
    broker.start()
    for topic in broker.topics:
        wait_until(lambda topic=topic: is_leaderless(broker, topic), 20, f"{topic} has no leader")
    return broker


def broker_zk(broker):
    return broker.zk.client(broker.chroot)


def put(client, path, change):
    value = json.loads(client.get(path)[0])
    change(value)
    client.set(path, json.dumps(value).encode())


def state(broker, topic):
    with broker_zk(broker) as client:
        return json.loads(client.get(f"/brokers/topics/{topic}/partitions/0/state")[0])


def is_leaderless(broker, topic):
    """In ZooKeeper, and as clients see it."""
    with broker.connect() as client:
        (found,) = client.metadata([topic])["topics"]
    shown = [partition["leader"] for partition in found["partitions"]]
    return state(broker, topic)["leader"] == -1 and found["error"] == 0 and shown == [-1]


def edit(broker, kind, name, value):
    change = {"name": SETTING, "config_operation": SET if value else DELETE, "value": value}
    with broker.connect() as client:
        answer = schema.ask(
            client,
            "IncrementalAlterConfigs",
            1,
            resources=[{"resource_type": kind, "resource_name": name, "configs": [change]}],
        )
    assert answer["responses"][0]["error_code"] == 0, answer


def wait_led(broker, topic):
    """Until broker 0 leads it, alone in sync, and serves it."""
    wait_until(lambda: state(broker, topic)["leader"] == 0, 20, f"a leader of {topic}")
    found = state(broker, topic)
    assert (found["isr"], found["leader_epoch"] > 7) == ([0], True)
    assert found.get("leader_recovery_state") in (None, 0, 1)
    with broker.connect() as client:
        wait_until(lambda: client.list_offset(topic, -1)["error"] == 0, 20, f"{topic} is served")


def wait_seen(broker):
    """Until the broker has taken in every change made so far: it takes them one after the other."""
    with broker.connect() as client:
        name = make_topic(broker)
        edit(broker, TOPIC, name, "true")

        def seen():
            answer = schema.ask(
                client,
                "DescribeConfigs",
                4,
                resources=[{"resource_type": TOPIC, "resource_name": name, "configuration_keys": [SETTING]}],
                include_synonyms=False,
                include_documentation=False,
            )
            return answer["results"][0]["configs"][0]["value"] == "true"

        wait_until(seen, 20, f"the settings of {name}")


def test_topic_that_allows_it_is_led_at_once_and_no_other(left_behind):
    one, two = left_behind.topics
    edit(left_behind, TOPIC, one, "true")
    wait_led(left_behind, one)
    wait_seen(left_behind)
    assert state(left_behind, two)["leader"] == -1


def test_default_that_allows_it_is_for_all_topics_but_those_that_forbid_it(left_behind):
    one, two = left_behind.topics
    edit(left_behind, TOPIC, two, "false")
    edit(left_behind, BROKER, "", "true")
    wait_led(left_behind, one)
    assert state(left_behind, two)["leader"] == -1
    edit(left_behind, TOPIC, two, "true")
    wait_led(left_behind, two)


def test_default_that_forbids_it_again_elects_nobody_any_more(left_behind):
    one, two = left_behind.topics
    edit(left_behind, TOPIC, two, "false")
    edit(left_behind, BROKER, "", "true")
    wait_led(left_behind, one)
    edit(left_behind, BROKER, "", None)
    edit(left_behind, TOPIC, two, None)
    wait_seen(left_behind)
    assert state(left_behind, two)["leader"] == -1
