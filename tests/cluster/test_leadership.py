"""Who leads while brokers of ours come and go in order, and that the settings of it do what they say."""

import pytest

from conftest import wait_leaders
from harness import environment
from harness.cluster import Cluster
from harness.wait import wait_until

pytestmark = pytest.mark.skipif(environment.broker_kind() != "barnabas", reason="it is our controller that is judged")

REPLICAS = {0: [0, 1, 2], 1: [1, 2, 0], 2: [2, 0, 1]}


@pytest.fixture
def cluster(request, zk, workspace, chroot):
    made = Cluster(workspace / chroot[1:], zk, chroot, ["barnabas"] * 3, config=request.param)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def partitions(broker):
    with broker.connect() as client:
        (topic,) = client.metadata(["t"])["topics"]
    return topic["partitions"]


def leaders(broker):
    return {p["partition"]: p["leader"] for p in partitions(broker)}


def make_topic(cluster):
    with cluster.controller().connect() as client:
        made = client.create_topics([{"name": "t", "partitions": -1, "replication": -1, "assignment": REPLICAS}])
        assert made["t"]["error"] == 0, made
        wait_leaders(client, "t", len(REPLICAS))
    for broker in cluster.brokers:
        wait_in_sync(broker)
    assert leaders(cluster.brokers[0]) == {0: 0, 1: 1, 2: 2}


def wait_in_sync(broker):
    """A broker that has not heard of the topic yet shows no partitions of it."""
    wait_until(lambda: [len(p["isr"]) for p in partitions(broker)] == [3, 3, 3], 60, f"{broker.id} sees all in sync")


def others(cluster, broker):
    return [other for other in cluster.brokers if other is not broker]


def follower_of_controller(cluster):
    """A broker that is not the controller, so that its stop changes no controller."""
    return others(cluster, cluster.controller())[0]


REBALANCED_EACH_SECOND = {"leader.imbalance.check.interval.seconds": "1", "leader.imbalance.per.broker.percentage": "0"}
NOT_REBALANCED = {**REBALANCED_EACH_SECOND, "auto.leader.rebalance.enable": "false"}
# All that a broker should lead may be led elsewhere.
TOLERANT = {**REBALANCED_EACH_SECOND, "leader.imbalance.per.broker.percentage": "100"}


@pytest.mark.parametrize("cluster", [REBALANCED_EACH_SECOND], indirect=True)
def test_a_stop_hands_over_and_the_controller_hands_back(cluster):
    make_topic(cluster)
    broker = follower_of_controller(cluster)
    broker.stop()
    assert "controlled_shutdown_done" in broker.process.log_text()
    for other in others(cluster, broker):
        wait_until(lambda: broker.id not in leaders(other).values(), 20, "the others know that they lead")
    broker.start()
    for seen_by in cluster.brokers:
        wait_until(lambda: leaders(seen_by) == {0: 0, 1: 1, 2: 2}, 60, "each leads its own again")


@pytest.mark.slow
@pytest.mark.parametrize("cluster", [NOT_REBALANCED, TOLERANT], ids=["switched off", "within the percentage"], indirect=True)
def test_leadership_stays_where_it_went_if_the_settings_say_so(cluster):
    make_topic(cluster)
    broker = follower_of_controller(cluster)
    broker.stop()
    broker.start()
    for seen_by in cluster.brokers:
        wait_in_sync(seen_by)
    before = leaders(broker)
    assert broker.id not in before.values()
    # A new controller looks for the first time after five seconds, then each second.
    ends = []
    with pytest.raises(AssertionError):
        wait_until(lambda: ends.append(leaders(broker)) or ends[-1] != before, 7, "a leader changes")
    assert ends[-1] == before


@pytest.mark.parametrize("cluster", [{"controlled.shutdown.enable": "false"}], indirect=True)
def test_a_stop_hands_over_nothing_if_the_setting_says_so(cluster):
    make_topic(cluster)
    broker = follower_of_controller(cluster)
    broker.stop()
    said = broker.process.log_text()
    assert "controlled_shutdown_skipped" in said and "controlled_shutdown_done" not in said
    # Its session ends with it, so that the others hear of it at once, as of a death.
    for other in others(cluster, broker):
        wait_until(lambda: broker.id not in leaders(other).values(), 30, "others lead")
