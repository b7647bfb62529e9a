"""Groups whose members are of several makes of client, one after the other and together; static members; and
rebalances in which only what moves is given up."""

import itertools

import pytest

from conftest import or_skip
from harness import makes
from harness.members import Group

PARTITIONS = 6
_numbers = itertools.count(1)

MIXED = ("java-2.8", "java-4", "confluent", "kafka-python", "kcat", "franz-go", "sarama")
COOPERATIVE = ("java-2.8", "java-3.9", "java-4", "confluent", "kcat", "franz-go")
STATIC = [name for name in makes.NAMES if makes.MAKES[name].static]


@pytest.fixture
def new_group(cluster, programs, workspace):
    """Makes groups on topics of their own."""
    made = []

    def make(partitions=PARTITIONS):
        topic = f"mixed-{next(_numbers)}"
        cluster.create(topic, partitions=partitions)
        made.append(Group(cluster, programs, workspace / "members", topic, partitions))
        return made[-1]

    yield make
    for group in made:
        group.end()


def test_every_make_goes_on_where_another_left_off(new_group, programs):
    group = new_group()
    for make in or_skip(lambda: chain(programs)):
        group.produce(2)
        group.join(make)
        group.wait_shared()
        group.wait_settled()
        group.leave(*group.members)
    group.wait_done()
    group.check(once=True)


def chain(programs):
    """All makes that are there, each before and after another one."""
    there = programs.there(makes.NAMES)
    programs.have("java-3.9", "confluent")
    return [*there, there[0]]


def is_range(shares):
    """Each has neighbours. Who has one more than another is not the same with every make that leads."""
    sizes = {len(share) for share in shares}
    return sum(sorted(shares), []) == list(range(PARTITIONS)) and max(sizes) - min(sizes) <= 1


def is_round_robin(shares):
    """Each has every n-th."""
    count = len(shares)
    return sorted(shares) == [list(range(first, PARTITIONS, count)) for first in range(count)]


@pytest.mark.parametrize(("assignor", "holds"), (("range", is_range), ("roundrobin", is_round_robin)))
def test_makes_share_one_group(new_group, programs, assignor, holds):
    """The first to join leads and leaves first, so that several makes assign for the others."""
    there = programs.there(MIXED)[:PARTITIONS]
    if len(there) < 2:
        pytest.skip(f"of {MIXED} only {there} can be had")
    group = new_group()
    for make in there:
        group.join(make, assignor=assignor)
    group.wait_shared()
    while group.members:
        group.produce(2)
        group.wait_settled()
        assert holds(group.shares()), group.shares()
        group.leave(group.members[0])
        if group.members:
            group.wait_shared()
    group.wait_done()
    group.check(once=True)


def moved(group, before):
    """What a rebalance took from members that are still there, by member; nothing that came back to the same."""
    taken = {m.name: m.ledger.revoked[len(before[m.name][1]) :] for m in group.members if m.name in before}
    for member in group.members:
        if member.name in before:
            assert sorted(taken[member.name]) == sorted(before[member.name][0] - member.owned), member.name
    return sum(taken.values(), [])


def standing(group):
    return {member.name: (set(member.owned), list(member.ledger.revoked)) for member in group.members}


@pytest.mark.parametrize("names", [(name,) * 3 for name in COOPERATIVE] + [("java-3.9", "confluent", "franz-go")], ids="-".join)
def test_cooperative_members_give_up_only_what_moves(new_group, programs, names):
    or_skip(lambda: programs.have(*names))
    group = new_group()
    for make in names[:2]:
        group.join(make, assignor="cooperative-sticky")
        group.wait_shared()
    group.produce(3)
    group.wait_settled()
    before = standing(group)
    third = group.join(names[2], assignor="cooperative-sticky")
    group.wait_shared()
    group.produce(3)
    group.wait_settled()
    assert sorted(moved(group, before)) == sorted(third.owned) and len(third.owned) == 2
    before = standing(group)
    group.leave(third)
    group.wait_shared()
    assert not moved(group, before), "who leaves takes nothing from the others"
    group.produce(3)
    group.wait_settled()
    group.leave(*group.members)
    group.wait_done()
    group.check(once=True)


@pytest.mark.parametrize("make", STATIC)
def test_a_static_member_that_starts_again_disturbs_nobody(new_group, programs, make):
    """First the one that leads, then the other."""
    or_skip(lambda: programs.have(make))
    group = new_group()
    for instance in ("one", "two"):
        group.join(make, instance=instance)
        group.wait_shared()
    group.produce(3)
    group.wait_settled()
    for again in list(group.members):
        (other,) = [member for member in group.members if member is not again]
        before, had = list(other.ledger.revoked), set(again.owned)
        group.leave(again)
        back = group.join(make, instance=again.instance)
        group.wait_shared()
        group.produce(3)
        group.wait_settled()
        assert back.owned == had
        assert other.ledger.revoked == before, "the other had to give something up"
    group.leave(*group.members)
    group.wait_done()
    group.check(once=True)
