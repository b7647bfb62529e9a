"""Three brokers with ZooKeeper's usual session timeout of 18 s: how long a producer that wants every
acknowledgement waits when one of them is killed, and that nothing moves that need not."""

import time

import pytest

from conftest import or_skip
from harness.failover import LIMIT_S, Pacer, Three, begin, check_nothing_lost, end, report, under_load
from harness.wait import wait_until


@pytest.fixture
def start(request, workspace, patient_zk):
    made = []

    def make(config=None, **more):
        name = request.node.name.translate(str.maketrans("[ ", "--", "]"))
        three = Three(workspace, patient_zk, name, config, **more)
        made.append(three)
        return three

    yield make
    end(made)


def test_leader_is_replaced_long_before_its_session_ends(start):
    three = start()
    leader, other, pacer = under_load(three)
    leader.kill()
    pacer.wait_acks(100)
    three.check_registered(leader)
    gap = pacer.finish()
    state = three.state()
    assert state["leader"] != leader.id
    assert leader.id not in state["isr"]
    assert three.exists(f"/barnabas/suspects/{leader.id}")
    three.wait_gone(leader)
    wait_until(lambda: not three.exists(f"/barnabas/suspects/{leader.id}"), 10, "the suspicion is taken back")
    assert three.state()["leader_epoch"] == state["leader_epoch"] == 1, "leadership moved more than once"
    check_nothing_lost(three, pacer)
    leader.start()
    three.wait_isr(three.cluster.brokers)
    report("leader killed", gap)


def test_follower_that_is_killed_holds_nobody_up(start):
    three = start()
    leader, follower, pacer = under_load(three)
    follower.kill()
    pacer.wait_acks(100)
    three.check_registered(follower)
    gap = pacer.finish()
    assert three.state()["leader"] == leader.id
    assert follower.id not in three.state()["isr"]
    check_nothing_lost(three, pacer)
    report("follower killed", gap)


@pytest.mark.parametrize("leads", ("controller leads", "another leads"))
def test_controller_is_replaced_long_before_its_session_ends(start, leads):
    three = start()
    first, second = three.others
    three.topic([three.controller, first, second] if leads == "controller leads" else [first, three.controller, second])
    epoch = three.controller_epoch()
    pacer = begin(three)
    three.controller.kill()
    pacer.wait_acks(100)
    wait_until(lambda: three.controller.id not in three.state()["isr"], LIMIT_S, "the dead one has left the ISR")
    three.check_registered(three.controller)
    gap = pacer.finish()
    assert three.controller_epoch() == epoch + 1
    assert three.state()["leader_epoch"] == 1, "leadership moved more than once"
    assert three.state()["leader"] == first.id
    check_nothing_lost(three, pacer)
    three.controller.start()
    three.wait_isr(three.cluster.brokers)
    assert three.controller_epoch() == epoch + 1
    report(f"controller killed, {leads}", gap)


def test_broker_that_is_back_at_once_catches_up(start):
    three = start()
    leader, other, pacer = under_load(three)
    leader.kill()
    leader.start()
    pacer.wait_acks(100)
    three.wait_isr(three.cluster.brokers)
    gap = pacer.finish()
    assert not three.exists(f"/barnabas/suspects/{leader.id}")
    check_nothing_lost(three, pacer)
    report("leader killed and started again at once", gap)


@pytest.mark.parametrize("who", ("leader", "controller"))
def test_short_pause_moves_nothing(start, who):
    three = start({"barnabas.broker.suspect.silent.ms": "12000"})
    leader, other, pacer = under_load(three)
    epoch = three.controller_epoch()
    paused = leader if who == "leader" else three.controller
    paused.pause()
    time.sleep(3)
    paused.resume()
    pacer.wait_acks(100)
    pacer.finish()
    assert three.state()["leader"] == leader.id
    assert three.state()["leader_epoch"] == 0
    assert three.controller_epoch() == epoch
    assert not three.exists(f"/barnabas/suspects/{paused.id}")
    check_nothing_lost(three, pacer)


def test_switched_off_it_waits_for_the_session(start):
    session_s = 6
    three = start(
        {"barnabas.broker.suspect.enable": "false", "zookeeper.session.timeout.ms": str(session_s * 1000)}
    )
    leader, other, pacer = under_load(three)
    leader.kill()
    at = time.monotonic()
    wait_until(lambda: three.state()["leader"] != leader.id, 60, "leadership moves")
    assert time.monotonic() - at > session_s / 2
    pacer.wait_acks(50)
    pacer.finish()
    assert not three.exists("/barnabas/suspects")
    check_nothing_lost(three, pacer)


def test_wrong_suspicion_loses_nothing_and_ends_when_the_broker_answers(start):
    """The leader lives, and clients reach it, but no other broker does."""
    three = start(behind_doors=True)
    leader, other = three.others
    three.topic([leader, other, three.controller])
    pacer = Pacer([leader])
    pacer.find_leader = lambda: leader.connect(timeout_s=3)
    pacer.start()
    pacer.wait_acks(50)
    three.doors[leader.id].shut()
    wait_until(lambda: three.state()["leader"] == other.id, LIMIT_S, "another leads")
    time.sleep(2)  # it goes on being asked
    elsewhere = Pacer(three.cluster.brokers, ask=[other])
    elsewhere.start()
    elsewhere.wait_acks(50)
    assert leader.running and three.is_registered(leader)
    elsewhere.finish()
    pacer.over.set()
    three.doors[leader.id].open()
    three.wait_isr(three.cluster.brokers)
    pacer.finish()
    wait_until(lambda: not three.exists(f"/barnabas/suspects/{leader.id}"), 10, "the suspicion is taken back")
    assert three.state()["leader"] == other.id
    assert three.state()["leader_epoch"] == 1
    assert any("registration suspected" in line for line in open(leader.process.log_path)), "it was not told"
    check_nothing_lost(three, pacer)
    check_nothing_lost(three, elsewhere)


def test_controller_deposed_alive_resigns_and_its_broker_catches_up(start):
    three = start(behind_doors=True)
    first, second = three.others
    deposed = three.controller
    three.topic([deposed, first, second])
    epoch = three.controller_epoch()
    pacer = Pacer(three.cluster.brokers, ask=[first])
    pacer.start()
    pacer.wait_acks(50)
    three.doors[deposed.id].shut()
    wait_until(lambda: three.controller_epoch() == epoch + 1, LIMIT_S, "another is controller")
    wait_until(lambda: three.state()["leader"] == first.id, LIMIT_S, "another leads")
    pacer.wait_acks(50)
    assert three.is_registered(deposed)
    three.doors[deposed.id].open()
    three.wait_isr(three.cluster.brokers)
    pacer.finish()
    assert three.controller_epoch() == epoch + 1
    assert three.state()["leader_epoch"] == 1
    check_nothing_lost(three, pacer)


def test_rolling_restart_suspects_nobody_who_stops_in_order(start):
    three = start()
    three.topic([*three.others, three.controller])
    pacer = begin(three)
    for broker in [*three.others, three.controller]:
        broker.stop()
        broker.start()
        three.wait_isr(three.cluster.brokers)
        pacer.wait_acks(20)
    gap = pacer.finish()
    for broker in three.cluster.brokers:
        suspected = [line for line in open(broker.process.log_path) if "controller broker_suspected" in line]
        assert not suspected, suspected
    check_nothing_lost(three, pacer)
    report("rolling restart", gap)


def test_kafka_that_is_controller_is_replaced_the_same_way(start):
    three = or_skip(lambda: start(first="kafka"))
    assert three.controller.kind == "kafka"
    first, second = three.others
    three.topic([three.controller, first, second])
    epoch = three.controller_epoch()
    pacer = begin(three)
    three.controller.kill()
    pacer.wait_acks(100)
    three.check_registered(three.controller)
    gap = pacer.finish()
    assert three.controller_epoch() == epoch + 1
    assert three.state()["leader"] == first.id
    check_nothing_lost(three, pacer)
    three.wait_gone(three.controller)  # a Kafka does not start before
    assert three.state()["leader_epoch"] == 1, "leadership moved more than once"
    three.controller.start()
    three.wait_isr(three.cluster.brokers)
    report("Kafka killed that was controller and leader", gap)
