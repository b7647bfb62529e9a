"""`barnabas groups` beside kafka-consumer-groups.sh on the same groups: the same lines."""

import pytest

from conftest import make_topic
from harness import schema, tools
from harness.consumers import Member, committed, produce, wait_read, wait_shared
from harness.wait import wait_until

PARTITIONS = 3


@pytest.fixture(scope="module")
def live(module_broker):
    """One group of two members that have read everything, one that is empty, one that only commits."""
    broker = module_broker()
    topic = make_topic(broker, partitions=PARTITIONS, name="orders")
    produce(broker.address, topic, 5, PARTITIONS)
    gone = Member(broker.address, "empty-group", topic)
    wait_read([gone], 5 * PARTITIONS)
    gone.close()
    members = [Member(broker.address, "live-group", topic, **{"client.id": f"client-{n}"}) for n in range(2)]
    wait_shared(members, PARTITIONS)
    wait_read(members, 5 * PARTITIONS)
    wait_until(
        lambda: set(committed(broker.address, "live-group", topic, PARTITIONS).values()) == {5}, 30, "all is committed"
    )
    with broker.connect() as client:
        partition = {"partition_index": 0, "committed_offset": 2, "committed_metadata": ""}
        topics = [{"name": topic, "partitions": [partition]}]
        schema.ask(client, "OffsetCommit", 7, group_id="simple-group", topics=topics)
    yield broker
    for member in members:
        member.close()


def run_both(broker, *arguments):
    """Standard output of both, rows in any order: Kafka's come as its hash tables have them."""
    wanted = tools.kafkas("groups", "--bootstrap-server", broker.address, *arguments)
    got = tools.ours("groups", "--bootstrap-server", broker.address, *arguments)
    assert got.status == 0, got
    rows = [[line.rstrip() for line in done.out.splitlines() if line.strip()] for done in (wanted, got)]
    head = 1 if rows[0][:1] and rows[0][0].startswith("GROUP") else 0
    same = rows[1][:head] == rows[0][:head] and sorted(rows[1]) == sorted(rows[0])
    assert same, f"Kafka's:\n{wanted.out}\n{wanted.err}\nours:\n{got.out}\n{got.err}"
    notes = [[line for line in done.err.splitlines() if "onsumer group" in line] for done in (wanted, got)]
    assert notes[1] == notes[0]
    return got


@pytest.mark.parametrize(
    "arguments",
    (
        ["--list"],
        ["--list", "--state"],
        ["--list", "--type"],
        ["--list", "--state", "--type"],
        ["--list", "--state", "empty"],
        ["--describe", "--group", "live-group"],
        ["--describe", "--group", "empty-group"],
        ["--describe", "--group", "simple-group"],
        ["--describe", "--group", "no-group"],
        ["--describe", "--group", "live-group", "--members"],
        ["--describe", "--group", "live-group", "--members", "--verbose"],
        ["--describe", "--group", "live-group", "--state"],
        ["--describe", "--group", "empty-group", "--state"],
    ),
    ids=" ".join,
)
def test_prints_what_kafkas_tool_prints(live, arguments):
    run_both(live, *arguments)


def test_does_not_delete_groups_with_members(live):
    arguments = ("--bootstrap-server", live.address, "--delete", "--group", "live-group", "--group", "no-group")
    kafkas, ours = tools.kafkas("groups", *arguments).lines, tools.ours("groups", *arguments).lines
    assert ours[:2] == kafkas[:2] == ["", "Error: Deletion of some consumer groups failed:"]
    reasons = {line.split("'")[1]: line.rsplit(": ", 1)[1] for line in kafkas[2:4]}
    assert {line.split("'")[1]: line.rsplit(": ", 1)[1] for line in ours[2:]} == reasons


def test_deletes_groups_without_members(live):
    with live.connect() as client:
        partition = {"partition_index": 0, "committed_offset": 2, "committed_metadata": ""}
        topics = [{"name": "orders", "partitions": [partition]}]
        for group in ("one", "two"):
            schema.ask(client, "OffsetCommit", 7, group_id=group, topics=topics)
    bootstrap = ("--bootstrap-server", live.address)
    done = tools.ours("groups", *bootstrap, "--delete", "--group", "one", "--group", "two")
    assert done.lines == ["Deletion of requested consumer groups ('one', 'two') was successful."]
    listed = tools.ours("groups", *bootstrap, "--list").lines
    assert "one" not in listed and "two" not in listed


def test_says_what_is_wrong_with_the_command_line(live):
    for arguments, words in (
        ((), "exactly one action"),
        (("--list", "--describe"), "exactly one action"),
        (("--describe",), "[all-groups], [group]"),
        (("--describe", "--group", "g", "--state", "Stable"), "does not take a value"),
    ):
        done = tools.ours("groups", "--bootstrap-server", live.address, *arguments)
        assert done.status == 1 and words in done.err, done
