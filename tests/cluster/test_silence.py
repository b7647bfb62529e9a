"""Brokers that stand still or are cut off, with ZooKeeper's usual session timeout of 18 s: how long a producer that
wants every acknowledgement waits, and that nothing moves that need not, or twice."""

import time

import pytest

from conftest import or_skip
from harness import records
from harness.failover import LIMIT_S, NONE, TOPIC, Pacer, Three, begin, check_nothing_lost, end, patient_zookeeper, report, under_load
from harness.network import Network
from harness.wait import wait_until

OFFSET_OUT_OF_RANGE = 1
NOT_LEADER_OR_FOLLOWER = 6
# Where it does not matter how long it takes, which is all but the tests that measure.
QUICK = {"barnabas.broker.suspect.silent.ms": "1500"}
SESSION_S = 16


@pytest.fixture
def start(request, workspace, patient_zk):
    made = []

    def make(config=None, **more):
        name = request.node.name.translate(str.maketrans("[ ", "--", "]"))
        three = Three(workspace, patient_zk, name, config, **more)
        made.append(three)
        return three

    yield make
    for three in made:
        for broker in three.cluster.brokers:
            if broker.process.paused:
                broker.resume()
    end(made)


def is_suspected(three, broker):
    return three.exists(f"/barnabas/suspects/{broker.id}")


def wait_trusted(three, broker):
    wait_until(lambda: not is_suspected(three, broker), 20, "the suspicion is taken back")


def check_moved_once(three, leader_epoch=1):
    assert three.state()["leader_epoch"] == leader_epoch, "leadership moved more than once"


# --- processes that stand still -----------------------------------------------------------------------------------


def test_leader_that_stands_still_is_replaced_and_does_not_mislead_consumers_when_it_wakes(start):
    three = start()
    leader, other, pacer = under_load(three)
    with leader.connect() as consumer:
        leader.pause()
        pacer.wait_acks(100)
        three.check_registered(leader)
        position = pacer.acked[-1][1] + 1
        leader.resume()
        answer = consumer.fetch(TOPIC, offset=position, max_wait_ms=100)
        assert answer["error"] != OFFSET_OUT_OF_RANGE, "a consumer would give up its position"
    three.wait_isr(three.cluster.brokers)
    gap = pacer.finish()
    wait_trusted(three, leader)
    assert three.state()["leader"] == other.id
    check_moved_once(three)
    check_nothing_lost(three, pacer)
    report("leader stands still", gap)


def test_follower_that_stands_still_leaves_the_isr(start):
    three = start(QUICK)
    leader, follower, pacer = under_load(three)
    follower.pause()
    pacer.wait_acks(100)
    three.check_registered(follower)
    assert three.state()["leader"] == leader.id
    assert follower.id not in three.state()["isr"]
    follower.resume()
    three.wait_isr(three.cluster.brokers)
    gap = pacer.finish()
    check_moved_once(three)
    check_nothing_lost(three, pacer)
    report("follower stands still", gap)


def test_controller_that_stands_still_is_replaced_and_wakes_as_one_of_many(start):
    three = start(QUICK)
    first, second = three.others
    three.topic([three.controller, first, second])
    epoch = three.controller_epoch()
    pacer = begin(three)
    three.controller.pause()
    pacer.wait_acks(100)
    three.check_registered(three.controller)
    three.controller.resume()
    three.wait_isr(three.cluster.brokers)
    gap = pacer.finish()
    wait_trusted(three, three.controller)
    assert three.controller_epoch() == epoch + 1
    assert three.state()["leader"] == first.id
    check_moved_once(three)
    check_nothing_lost(three, pacer)
    report("controller and leader stands still", gap)


def test_two_of_five_that_stand_still_lose_nothing(start):
    three = start(QUICK, count=5)
    leader, follower, last = three.others[:3]
    three.topic([leader, follower, last, three.controller])
    pacer = begin(three)
    for broker in (leader, follower):
        broker.pause()
    pacer.wait_acks(100)
    assert three.state()["leader"] in (last.id, three.controller.id)
    for broker in (leader, follower):
        three.check_registered(broker)
        broker.resume()
    three.wait_isr([leader, follower, last, three.controller])
    gap = pacer.finish()
    check_nothing_lost(three, pacer)
    report("leader and follower of five stand still", gap)


def test_one_of_two_that_stands_still_moves_nothing(start):
    three = start(QUICK, count=2)
    (leader,) = three.others
    three.topic([leader, three.controller])
    epoch = three.controller_epoch()
    pacer = begin(three)
    for broker in (leader, three.controller):
        broker.pause()
        time.sleep(3)
        broker.resume()
        pacer.wait_acks(20)
    pacer.finish()
    assert three.controller_epoch() == epoch
    assert three.state()["leader"] == leader.id
    check_moved_once(three, 0)
    assert not is_suspected(three, leader) and not is_suspected(three, three.controller)


def test_switched_off_who_stands_still_moves_nothing(start):
    three = start({**QUICK, "barnabas.broker.suspect.enable": "false"})
    leader, other, pacer = under_load(three)
    epoch = three.controller_epoch()
    leader.pause()
    time.sleep(4)
    leader.resume()
    pacer.wait_acks(20)
    pacer.finish()
    assert three.controller_epoch() == epoch
    check_moved_once(three, 0)
    assert not three.exists("/barnabas/silent") and not three.exists("/barnabas/suspects")
    check_nothing_lost(three, pacer)


# --- networks that fail -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network():
    made = or_skip(lambda: Network(3))
    yield made
    made.down()


@pytest.fixture(scope="module")
def home_zk(workspace, network):
    server = or_skip(lambda: patient_zookeeper(workspace / "home", host=network.home))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def start_apart(request, workspace, network, home_zk):
    """Three brokers, each on a machine of its own."""
    made = []

    def make(config=None):
        three = Three(workspace, home_zk, request.node.name, config, network=network)
        made.append(three)
        return three

    yield make
    network.heal()
    end(made)


def cut_from(network, one, others):
    for other in others:
        network.cut(one.host, other.host)


def test_machine_that_is_cut_off_is_replaced_and_comes_back(start_apart, network):
    three = start_apart()
    leader, other = three.others
    three.topic([leader, other, three.controller])
    pacer = Pacer(three.cluster.brokers, ask=[other, three.controller])
    pacer.start()
    pacer.wait_acks(50)
    cut_from(network, leader, [other, three.controller])
    network.cut(leader.host, network.home)
    pacer.wait_acks(100)
    three.check_registered(leader)
    assert three.state()["leader"] == other.id
    network.heal()
    three.wait_isr(three.cluster.brokers)
    gap = pacer.finish()
    wait_trusted(three, leader)
    check_moved_once(three)
    check_nothing_lost(three, pacer)
    report("machine of the leader cut off", gap, SESSION_S)


def test_leader_that_answers_all_but_the_controller_goes_on_leading(start_apart, network):
    three = start_apart(QUICK)
    leader, other = three.others
    three.topic([leader, other])
    epoch = three.controller_epoch()
    pacer = Pacer(three.cluster.brokers, ask=[other])
    pacer.start()
    pacer.wait_acks(50)
    network.drop(leader.host, three.controller.host)
    wait_until(lambda: three.exists(f"/barnabas/silent/{three.controller.id}"), LIMIT_S, "the controller says so")
    time.sleep(2)
    pacer.wait_acks(50)
    assert not is_suspected(three, leader)
    network.heal()
    wait_until(lambda: not three.exists(f"/barnabas/silent/{three.controller.id}"), 20, "it hears the leader again")
    pacer.finish()
    assert three.controller_epoch() == epoch
    assert three.state()["leader"] == leader.id
    check_moved_once(three, 0)
    check_nothing_lost(three, pacer)


def test_controller_cut_off_from_the_brokers_gives_up_what_it_led_on_what_zookeeper_says(start_apart, network):
    """It has ZooKeeper, and clients reach it; nobody else can tell it anything."""
    three = start_apart(QUICK)
    first, second = three.others
    deposed = three.controller
    three.topic([deposed, first, second])
    epoch = three.controller_epoch()
    pacer = Pacer(three.cluster.brokers, ask=[first, second])
    pacer.start()
    pacer.wait_acks(50)
    cut_from(network, deposed, [first, second])
    pacer.wait_acks(50)
    three.check_registered(deposed)
    assert three.controller_epoch() == epoch + 1
    assert three.state()["leader"] == first.id

    def steps_down():
        with deposed.connect(timeout_s=3) as client:
            answer = client.produce(TOPIC, records.batch([(None, b"late")]), acks=1, timeout_ms=500)
        assert answer["error"] in (NONE, NOT_LEADER_OR_FOLLOWER), answer
        return answer["error"] == NOT_LEADER_OR_FOLLOWER

    wait_until(steps_down, LIMIT_S, "it leads no more")
    assert is_suspected(three, deposed)
    with deposed.connect(timeout_s=3) as client:
        (topic,) = client.metadata([TOPIC])["topics"]
    assert topic["partitions"][0]["leader"] == first.id, "clients that ask it find nobody else"
    network.heal()
    three.wait_isr(three.cluster.brokers)
    wait_trusted(three, deposed)
    gap = pacer.finish()
    assert three.controller_epoch() == epoch + 1
    check_moved_once(three)
    check_nothing_lost(three, pacer)
    report("controller and leader cut off from the brokers", gap, SESSION_S)
