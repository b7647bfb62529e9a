"""`barnabas groups` beside kafka-consumer-groups.sh on the same groups: the same lines."""

import pytest

from conftest import make_topic
from harness import schema, tools
from harness.consumers import Member, committed, produce, wait_read, wait_shared
from harness.wait import wait_until

PARTITIONS = 3


@pytest.fixture(scope="module")
def live(module_broker):
    """Groups of two members that have read everything, of four that have unequal shares, of none, and one that
    only commits."""
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
    other = make_topic(broker, partitions=14, name="shipments")
    wide = Member(broker.address, "wide-group", [topic, other], **{"group.instance.id": "fixed"})
    idle = [Member(broker.address, "wide-group", topic) for _ in range(PARTITIONS)]
    members += [wide, *idle]
    described = ("--bootstrap-server", broker.address, "--describe", "--group", "wide-group", "--state")
    wait_until(
        lambda: tools.ours("groups", *described).lines[-1].split()[-2:] == ["Stable", str(PARTITIONS + 1)],
        60, "the wide group stands",
    )  # fmt: skip
    wait_until(
        lambda: set(committed(broker.address, "wide-group", topic, PARTITIONS).values()) == {5}, 30, "all is committed"
    )
    yield broker
    for member in members:
        member.close()


def run_both(broker, *arguments):
    """Standard output of both is the same to the byte. Java's is slow to begin on a machine that is busy."""
    arguments = ("--bootstrap-server", broker.address, "--timeout", 60000, *arguments)
    wanted, got = tools.kafkas("groups", *arguments), tools.ours("groups", *arguments)
    assert got.status == 0, got
    assert got.out == wanted.out, f"Kafka's:\n{wanted.out}\n{wanted.err}\nours:\n{got.out}\n{got.err}"
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
        ["--describe", "--group", "empty-group", "--members"],
        ["--describe", "--group", "no-group", "--members"],
        ["--describe", "--all-groups"],
        ["--describe", "--group", "wide-group", "--offsets"],
        ["--describe", "--group", "wide-group", "--members", "--verbose"],
        ["--describe", "--group", "a-group-with-a-name-that-is-wider-than-its-column", "--state"],
    ),
    ids=" ".join,
)
def test_prints_what_kafkas_tool_prints(live, arguments):
    run_both(live, *arguments)


def test_does_not_delete_groups_with_members(live):
    run_both(live, "--delete", "--group", "live-group", "--group", "no-group")


def only_commits(broker, *groups):
    with broker.connect() as client:
        partition = {"partition_index": 0, "committed_offset": 2, "committed_metadata": ""}
        topics = [{"name": "orders", "partitions": [partition]}]
        for group in groups:
            schema.ask(client, "OffsetCommit", 7, group_id=group, topics=topics)


def test_deletes_groups_without_members(live):
    told = []
    for tool in (tools.kafkas, tools.ours):
        for groups in (("one", "two"), ("three", "no-group", "four")):
            only_commits(live, *(group for group in groups if group != "no-group"))
            named = [word for group in groups for word in ("--group", group)]
            told.append(tool("groups", "--bootstrap-server", live.address, "--timeout", 60000, "--delete", *named).out)
    assert told[:2] == told[2:]
    assert told[0].startswith("Deletion of requested consumer groups (")
    listed = tools.ours("groups", "--bootstrap-server", live.address, "--list").lines
    assert not {"one", "two", "three", "four"} & set(listed)


def test_lists_only_states_and_types_that_there_are(live):
    for arguments in (("--state", "sleeping"), ("--type", "share"), ("--state", "Stable,,Empty")):
        whole = ("--bootstrap-server", live.address, "--list", *arguments)
        wanted, got = tools.kafkas("groups", *whole), tools.ours("groups", *whole)
        assert (got.status, got.out, got.err.splitlines()[0]) == (1, "", wanted.err.splitlines()[0]), (wanted, got)


def test_says_what_is_wrong_with_the_command_line(live):
    for arguments, words in (
        ((), "exactly one action"),
        (("--list", "--describe"), "exactly one action"),
        (("--describe",), "[all-groups], [group]"),
        (("--describe", "--group", "g", "--state", "Stable"), "does not take a value"),
        (("--describe", "--group", "g", "--members", "--offsets"), "takes at most one"),
        (("--list", "--verbose"), "[verbose] are unavailable"),
        (("--delete", "--group", "g", "--topic", "t"), "does not support topic-specific offset deletion"),
        (("--delete-offsets", "--group", "g"), "[delete-offsets] takes the following options"),
        (("--reset-offsets", "--group", "g", "--all-groups"), "can't be used with option"),
    ):
        done = tools.ours("groups", "--bootstrap-server", live.address, *arguments)
        assert done.status == 1 and words in done.err, done
