"""`barnabas consume --group`: a member like any other, on our broker and on a real Kafka."""

import itertools
import signal

import pytest

from conftest import make_topic, or_skip
from harness import environment, tools
from harness.consumers import committed, produce
from harness.wait import wait_until

EACH = 5
_numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def _programs():
    or_skip(environment.barnabas_tool)


@pytest.fixture(scope="module", params=("barnabas", "kafka"))
def broker(request, module_broker):
    return module_broker(kind=request.param, config={"group.initial.rebalance.delay.ms": "0"})


@pytest.fixture
def group():
    return f"readers-{next(_numbers)}"


def topic_of(broker, partitions=1, name=None):
    topic = make_topic(broker, partitions=partitions, name=name)
    produce(broker.address, topic, EACH, partitions)
    return topic


def consume(tool, broker, *arguments):
    return tool("consume", "--bootstrap-server", broker.address, *arguments)


def state_of(broker, group):
    """State and number of members."""
    done = tools.ours("groups", "--bootstrap-server", broker.address, "--describe", "--group", group, "--state")
    return tuple(done.lines[-1].split()[-2:])


def test_goes_on_where_the_group_has_committed(broker, group):
    topic = topic_of(broker)
    first = consume(tools.ours, broker, "--topic", topic, "--group", group, "--from-beginning", "--max-messages", 3)
    assert (first.status, first.lines) == (0, ["0", "1", "2"]), first
    assert first.err.splitlines()[-1] == "Processed a total of 3 messages"
    assert committed(broker.address, group, topic, 1) == {0: 3}
    rest = consume(tools.ours, broker, "--topic", topic, "--group", group, "--from-beginning", "--max-messages", 2)
    assert (rest.status, rest.lines) == (0, ["3", "4"]), rest
    assert committed(broker.address, group, topic, 1) == {0: 5}


def test_takes_turns_with_kafkas_consumer(broker, group):
    or_skip(environment.java)
    topic = topic_of(broker)
    for number, tool in enumerate((tools.kafkas, tools.ours, tools.kafkas, tools.ours)):
        done = consume(tool, broker, "--topic", topic, "--group", group, "--from-beginning", "--max-messages", 1)
        assert done.lines == [str(number)], done


def test_begins_at_the_end_without_offsets_and_without_from_beginning(broker, group, tmp_path):
    topic = topic_of(broker)
    arguments = ("--bootstrap-server", broker.address, "--topic", topic, "--group", group)
    with tools.Running(tmp_path, "consume", *arguments) as consumer:
        wait_until(lambda: state_of(broker, group) == ("Stable", "1"), 30, "it is a member")

        def read():
            produce(broker.address, topic, 1, 1, first=77)
            return consumer.lines

        wait_until(read, 30, "what comes later is read", poll_s=0.2)
        assert set(consumer.lines) == {"77"}
        assert consumer.end(signal.SIGTERM) == 128 + signal.SIGTERM


def test_commits_and_leaves_when_it_is_interrupted(broker, group, tmp_path):
    topic = topic_of(broker, partitions=2)
    arguments = ("--bootstrap-server", broker.address, "--topic", topic, "--from-beginning",
                 "--consumer-property", f"group.id={group}", "--consumer-property", "session.timeout.ms=300000",
                 "--consumer-property", "max.poll.interval.ms=300000",
                 "--consumer-property", "auto.commit.interval.ms=200000")  # fmt: skip
    with tools.Running(tmp_path, "consume", *arguments) as consumer:
        wait_until(lambda: len(consumer.lines) == 2 * EACH, 30, "all is read")
        assert state_of(broker, group) == ("Stable", "1")
        assert consumer.end(signal.SIGINT) == 128 + signal.SIGINT
    assert state_of(broker, group) == ("Empty", "0")
    assert committed(broker.address, group, topic, 2) == {0: EACH, 1: EACH}


def test_commits_nothing_when_told_so(broker, group):
    topic = topic_of(broker)
    once = ("--topic", topic, "--group", group, "--from-beginning", "--max-messages", EACH,
            "--consumer-property", "enable.auto.commit=false")  # fmt: skip
    for _ in range(2):
        assert consume(tools.ours, broker, *once).lines == [str(n) for n in range(EACH)]
    assert committed(broker.address, group, topic, 1) == {0: -1001}


def test_reads_all_topics_that_match(broker, group):
    name = f"many-{next(_numbers)}"
    for suffix in ("a", "b"):
        topic_of(broker, name=f"{name}-{suffix}")
    topic_of(broker, name=f"not-{name}")
    done = consume(tools.ours, broker, "--include", f"{name}-\\w", "--group", group, "--from-beginning",
                   "--max-messages", 2 * EACH)  # fmt: skip
    assert sorted(done.lines) == sorted(2 * [str(n) for n in range(EACH)]), done
    for suffix in ("a", "b"):
        assert committed(broker.address, group, f"{name}-{suffix}", 1) == {0: EACH}


@pytest.mark.parametrize("strategy", ("RangeAssignor", "RoundRobinAssignor", "CooperativeStickyAssignor"))
def test_members_share_the_partitions(broker, group, tmp_path, strategy):
    topic = make_topic(broker, partitions=4)
    arguments = ("--bootstrap-server", broker.address, "--topic", topic, "--group", group, "--from-beginning",
                 "--consumer-property", "partition.assignment.strategy=org.apache.kafka.clients.consumer." + strategy,
                 "--property", "print.partition=true")  # fmt: skip
    described = ("--bootstrap-server", broker.address, "--describe", "--group", group, "--members")
    with tools.Running(tmp_path, "consume", *arguments) as a, tools.Running(tmp_path, "consume", *arguments) as b:

        def shared():
            return [line.split()[-1] for line in tools.ours("groups", *described).lines[2:]] == ["2", "2"]

        wait_until(shared, 60, "each has two partitions")
        produce(broker.address, topic, EACH, 4)
        wait_until(lambda: len(a.lines) + len(b.lines) == 4 * EACH, 30, "all is read")
        assert {line.split()[0] for line in a.lines} & {line.split()[0] for line in b.lines} == set()
        assert len(set(a.lines + b.lines)) == 4 * EACH
        assert a.end(signal.SIGTERM) == b.end(signal.SIGTERM) == 128 + signal.SIGTERM


def test_ends_when_nothing_comes(broker, group):
    topic = make_topic(broker)
    done = consume(tools.ours, broker, "--topic", topic, "--group", group, "--timeout-ms", 500)
    assert (done.status, done.out) == (0, ""), done


def test_says_what_is_wrong(broker):
    for arguments, words in (
        (("--topic", "t", "--group", "a", "--consumer-property", "group.id=b"), "do not match. Detected group ids: 'a', 'b'"),
        (("--topic", "t", "--partition", 0, "--group", "a"), "Options group and partition cannot be specified together."),
        (("--topic", "t", "--group", "a", "--consumer-property", "group.protocol=consumer"), "only classic can be used"),
        (("--topic", "t", "--group", "a", "--consumer-property", "partition.assignment.strategy=Mine"),
         "there is no such assignor here"),
    ):  # fmt: skip
        done = consume(tools.ours, broker, *arguments)
        assert done.status == 1 and words in done.err, done
    done = tools.ours("consume", "--bootstrap-server", "127.0.0.1:1", "--topic", "t", "--group", "g")
    assert done.status == 1 and "127.0.0.1:1" in done.err, done
