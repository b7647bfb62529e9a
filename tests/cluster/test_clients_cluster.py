"""Every client against three brokers and topics of three replicas; test_clients.py has each codec with each acks."""

import itertools

import pytest

from conftest import or_skip
from harness import clients as real
from harness.wait import wait_until
from test_clients import _check, _produce, _seeds

_names = itertools.count(1)
WAYS = (("none", "1"), ("gzip", "all"), ("lz4", "idempotent"))


@pytest.fixture
def make_replicated(cluster):
    """Makes topics of three replicas, led by the same broker, which is not the controller."""
    made = []

    def make():
        controller = cluster.wait_controller()
        leader = cluster.others(controller)[0]
        order = [leader.id, *(other.id for other in cluster.others(leader))]
        made.append(cluster.create(f"replicated-{next(_names)}", assignment={0: order}))
        return made[-1]

    yield make
    cluster.heal()
    for name in made:
        cluster.delete(name)


@pytest.mark.parametrize("name", real.NAMES)
@pytest.mark.parametrize(("codec", "acks"), WAYS, ids=["-".join(way) for way in WAYS])
def test_round_trip(cluster, make_replicated, clients, name, codec, acks):
    client = or_skip(lambda: clients.get(name))
    topic = make_replicated()
    seed = f"c{next(_seeds)}"
    offsets = _produce(client, cluster, topic, seed, codec, acks)
    _check(client, client, cluster, topic, seed, offsets, leader=cluster.leader(topic))
    cluster.wait_same(topic, 0)


@pytest.mark.parametrize("name", real.NAMES)
def test_a_client_goes_on_when_the_leader_is_another(cluster, make_replicated, clients, name):
    """What it wrote before is read from the new leader, and what it writes goes there."""
    client = or_skip(lambda: clients.get(name))
    before, after = make_replicated(), make_replicated()
    seed, later = f"c{next(_seeds)}", f"c{next(_seeds)}"
    offsets = _produce(client, cluster, before, seed, "none", "idempotent")
    old = cluster.leader(before)
    old.stop()
    wait_until(lambda: cluster.leader(before) is not old, 20, "another leads")
    _check(client, client, cluster, before, seed, offsets, leader=cluster.leader(before))
    offsets = _produce(client, cluster, after, later, "none", "idempotent")
    _check(client, client, cluster, after, later, offsets, leader=cluster.leader(after))
    old.start()
    for topic in (before, after):
        cluster.wait_whole([topic])
        cluster.wait_same(topic, 0)


def test_spring_template(cluster, make_replicated, clients):
    client = or_skip(lambda: clients.get("spring-2.2.7"))
    topic = make_replicated()
    seed = f"c{next(_seeds)}"
    offsets = _produce(client, cluster, topic, seed, "lz4", "all", way="callback")
    _check(client, client, cluster, topic, seed, offsets, leader=cluster.leader(topic))
