"""Every make of client in groups of its own on three brokers: sharing, coming and going, and a coordinator that is killed.
What a member is and tells stands in tests/clients/README.md."""

import itertools

import pytest

from conftest import or_skip
from harness import makes
from harness.members import Group
from test_groups import coordinator_of

PARTITIONS = 6
_numbers = itertools.count(1)


@pytest.fixture
def new_group(cluster, programs, workspace):
    """Makes groups on topics of their own."""
    with_groups = []

    def make():
        topic = f"shared-{next(_numbers)}"
        cluster.create(topic, partitions=PARTITIONS)
        with_groups.append(Group(cluster, programs, workspace / "members", topic, PARTITIONS))
        return with_groups[-1]

    yield make
    for group in with_groups:
        group.end()


@pytest.mark.parametrize("make", makes.NAMES)
def test_members_come_and_go_and_every_record_is_seen_once(new_group, programs, make):
    """Two share, a third joins and one leaves, all of it while nothing is uncommitted; then another process goes on."""
    or_skip(lambda: programs.have(make))
    group = new_group()
    first, second = group.join(make), group.join(make)
    group.wait_shared()
    group.produce(5)
    group.wait_settled()
    third = group.join(make)
    group.wait_shared()
    group.produce(5)
    group.wait_settled()
    group.leave(first)
    group.wait_shared()
    group.produce(5)
    group.wait_settled()
    group.leave(second, third)
    group.produce(5)
    group.join(make)
    group.wait_shared()
    group.wait_seen()
    group.leave(*group.members)
    group.wait_done()
    group.check(once=True)


@pytest.mark.parametrize("make", makes.NAMES)
def test_members_go_on_when_their_coordinator_is_killed(cluster, new_group, programs, make):
    """It is killed while they read and commit. What was committed is not seen again."""
    or_skip(lambda: programs.have(make))
    group = new_group()
    session_ms = 6000 if makes.MAKES[make].comes_back_as_another else group.session_ms
    for _ in range(2):
        group.join(make, session_ms=session_ms)
    group.wait_shared()
    group.produce(5)
    group.wait_done()
    killed = coordinator_of(cluster, group.name)
    group.produce(50)
    killed.kill()
    group.produce(5)
    group.wait_done()
    group.wait_shared()
    assert coordinator_of(cluster, group.name) is not killed
    group.leave(*group.members)
    group.check(once=False, quiet=False)
