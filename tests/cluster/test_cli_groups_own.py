"""What `barnabas groups` has of its own: rebalances, and offsets that old consumers left in ZooKeeper."""

import itertools
import re

import pytest

from conftest import make_topic, or_skip
from harness import environment, schema, tools
from harness.consumers import Member, committed, produce, wait_read, wait_shared
from harness.wait import wait_until

PARTITIONS = 2
_numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def _programs():
    or_skip(environment.barnabas_tool)


@pytest.fixture(scope="module")
def broker(module_broker):
    return module_broker(kind="barnabas", config={"group.initial.rebalance.delay.ms": "0"})


@pytest.fixture
def group():
    return f"told-{next(_numbers)}"


# --- rebalances -------------------------------------------------------------------------------------


def history(broker, group):
    """The columns of each rebalance: cause, outcome, generation, members, the three phases, who and why."""
    done = tools.ours("groups", "--bootstrap-server", broker.address, "--describe", "--group", group, "--history")
    assert done.status == 0, done
    if not done.lines:
        return []
    assert done.lines[1].split()[:4] == ["GROUP", "BEGAN", "CAUSE", "OUTCOME"]
    rows = [line.split(maxsplit=9) for line in done.lines[2:]]
    for row in rows:
        assert row[0] == group and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row[1])
    return [row[2:] for row in rows]


def test_history_tells_who_caused_each_rebalance_and_why(broker, group):
    topic = make_topic(broker, partitions=PARTITIONS)
    first = Member(broker.address, group, topic, **{"client.id": "first"})
    wait_shared([first], PARTITIONS)
    second = Member(broker.address, group, topic, **{"client.id": "second"})
    wait_shared([first, second], PARTITIONS)
    second.close()
    wait_shared([first], PARTITIONS)
    first.close()
    wait_until(lambda: history(broker, group)[-1][1] == "empty", 30, "the group is empty")
    rows = history(broker, group)
    told = [(cause, outcome, int(generation), int(members), who.split("-")[0])
            for cause, outcome, generation, members, _, _, _, who in rows]  # fmt: skip
    assert told[0] == ("join", "stable", 1, 1, "first")
    assert ("join", "stable", 2, 2, "second") in told
    assert ("leave", "stable", 3, 1, "second") in told
    assert told[-1] == ("leave", "empty", 4, 0, "first")
    for row in rows[:-1]:
        assert all(int(ms) >= 0 for ms in row[4:7]), row
    assert rows[-1][5:7] == ["-", "-"], "a group that became empty was not assigned anything"


def test_each_rebalance_is_a_line_of_the_brokers_log(broker, group):
    topic = make_topic(broker)
    member = Member(broker.address, group, topic, **{"client.id": "lonely"})
    wait_shared([member], 1)
    member.close()

    def lines():
        log = broker.process.log_text().splitlines()
        return [line for line in log if " rebalanced " in line and f'group="{group}"' in line]

    wait_until(lambda: len(lines()) == 2, 30, "both rebalances are in the log")
    joined, left = lines()
    for words in ("outcome=stable", "generation=1", "members=1", "cause=join", 'by="lonely-', "join_ms=", "assign_ms=",
                  "write_ms="):  # fmt: skip
        assert words in joined, joined
    assert "outcome=empty" in left and "cause=leave" in left


def test_history_of_a_group_that_only_commits_is_empty(broker, group):
    topic = make_topic(broker)
    produce(broker.address, topic, 1, 1)
    member = Member(broker.address, group, topic)
    wait_read([member], 1)
    member.close()
    broker.stop()
    broker.start()
    with broker.connect():
        done = tools.ours("groups", "--bootstrap-server", broker.address, "--describe", "--group", group, "--history",
                          "--timeout", 30000)  # fmt: skip
    assert (done.status, done.out) == (0, ""), done
    assert f"Broker {broker.id} has seen no rebalance of consumer group '{group}'." in done.err


def test_kafkas_broker_is_said_to_remember_nothing(kafka_broker, group):
    topic = make_topic(kafka_broker)
    member = Member(kafka_broker.address, group, topic)
    wait_shared([member], 1)
    try:
        done = tools.ours("groups", "--bootstrap-server", kafka_broker.address, "--describe", "--group", group,
                          "--history")  # fmt: skip
        assert done.status == 1 and "remembers no rebalances" in done.out, done
    finally:
        member.close()


def test_history_is_only_for_who_asks_for_it(broker, group):
    topic = make_topic(broker)
    member = Member(broker.address, group, topic)
    wait_shared([member], 1)
    with broker.connect() as client:
        for wanted in (False, True):
            answer = schema.ask(client, "DescribeGroups", 5, groups=[group], rebalances_wanted=wanted)
            assert (answer["groups"][0]["rebalances"] is not None) == wanted, answer
    member.close()


def test_a_group_that_does_not_exist_has_no_history(broker):
    done = tools.ours("groups", "--bootstrap-server", broker.address, "--describe", "--group", "nobody", "--history")
    assert done.out == "\nError: Consumer group 'nobody' does not exist.\n"


# --- offsets in ZooKeeper -----------------------------------------------------------------------------


@pytest.fixture
def old(broker):
    """Znodes of an old group; gives its name."""
    name = f"old-{next(_numbers)}"
    topic = make_topic(broker, partitions=PARTITIONS)
    produce(broker.address, topic, 5, PARTITIONS)
    with broker.zk.client(broker.chroot) as zk:
        for partition, offset in ((0, b"3"), (1, b"4")):
            zk.create(f"/consumers/{name}/offsets/{topic}/{partition}", offset, makepath=True)
        yield name, topic, zk
        zk.delete(f"/consumers/{name}", recursive=True)


def export(broker, *arguments):
    return tools.ours("groups", "--zookeeper", broker.zk.address + broker.chroot, "--export", *arguments)


def test_old_offsets_become_new_ones(broker, old, tmp_path):
    name, topic, _ = old
    exported = export(broker, "--group", name)
    assert (exported.status, exported.out, exported.err) == (0, f"{topic},0,3\n{topic},1,4\n", ""), exported
    file = tmp_path / "old.csv"
    file.write_text(exported.out)
    done = tools.ours("groups", "--bootstrap-server", broker.address, "--reset-offsets", "--group", name,
                      "--from-file", file, "--execute")  # fmt: skip
    assert done.status == 0, done
    assert committed(broker.address, name, topic, PARTITIONS) == {0: 3, 1: 4}
    everything = export(broker, "--all-groups")
    assert everything.out == f"{name},{topic},0,3\n{name},{topic},1,4\n"


def test_what_is_odd_in_zookeeper_is_named_and_the_rest_exported(broker, old):
    name, topic, zk = old
    zk.create(f"/consumers/{name}/ids/consumer-1", b"{}", makepath=True, ephemeral=True)
    zk.create(f"/consumers/{name}/owners/{topic}/0", b"consumer-1", makepath=True, ephemeral=True)
    zk.set(f"/consumers/{name}/offsets/{topic}/1", b"many")
    done = export(broker, "--group", name)
    assert (done.status, done.out) == (1, f"{topic},0,3\n"), done
    assert f"/consumers/{name}/offsets/{topic}/1: 'many' is no offset; skipped" in done.err
    assert f"Group {name}: 1 consumers registered, 1 partitions owned; passed over" in done.err
    zk.set(f"/consumers/{name}/offsets/{topic}/1", b"4")


def test_export_says_what_is_wrong(broker):
    done = export(broker, "--group", "nobody")
    assert (done.status, done.out) == (1, "") and "there is no /consumers/nobody" in done.err
    nowhere = tools.ours("groups", "--zookeeper", broker.zk.address + "/no-such-chroot", "--export", "--all-groups")
    assert (nowhere.status, nowhere.out) == (1, ""), nowhere
    closed = tools.ours("groups", "--zookeeper", "127.0.0.1:1", "--export", "--all-groups")
    assert closed.status == 1 and "127.0.0.1:1" in closed.err
    for arguments in (("--all-groups",), ("--export",), ("--export", "--list", "--all-groups")):
        assert tools.ours("groups", "--zookeeper", "h:1", *arguments).status == 1
