"""`barnabas verifiable-producer` and `verifiable-consumer` beside Kafka's own: the same events, field by field and
in the same order, on our broker and on a real Kafka."""

import itertools
import json
import re
import signal

import pytest

from conftest import make_topic, or_skip
from harness import environment, tools
from harness.consumers import committed, produce
from harness.wait import wait_until

_numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def _programs():
    or_skip(environment.barnabas_tool)
    or_skip(environment.java)
    or_skip(lambda: environment.jars("kafka-3.9.1"))


@pytest.fixture(scope="module", params=("barnabas", "kafka"))
def broker(request, module_broker):
    return module_broker(kind=request.param, config={"group.initial.rebalance.delay.ms": "0"})


@pytest.fixture
def group():
    return f"checked-{next(_numbers)}"


def shape(line):
    """The line with what differs from run to run taken out: times, rates, and whose numbers they are."""
    line = re.sub(r'"timestamp":\d{13}', '"timestamp":T', line)
    return re.sub(r'"avg_throughput":\d+\.\d+(E-?\d+)?', '"avg_throughput":R', line)


def events(lines, name=None):
    found = [json.loads(line) for line in lines]
    return [event for event in found if name in (None, event["name"])]


def both(command, broker, topics, *arguments):
    """What Kafka's and ours print, each of a topic of its own with the name taken out."""
    done = []
    for tool, topic in zip((tools.kafkas, tools.ours), topics):
        ran = tool(command, "--bootstrap-server", broker.address, "--topic", topic, *arguments)
        assert ran.status == 0, ran
        done.append([shape(line.replace(topic, "TOPIC")) for line in ran.lines])
    return done


@pytest.mark.parametrize(
    "arguments",
    (
        (),
        ("--acks", 0),
        ("--acks", 1, "--value-prefix", 7),
        ("--repeating-keys", 3),
        ("--throughput", 1000, "--message-create-time", 1500000000000),
    ),
    ids=lambda arguments: " ".join(map(str, arguments)) or "plain",
)
def test_producers_tell_the_same(broker, arguments):
    topics = [make_topic(broker) for _ in range(2)]
    kafkas, ours = both("verifiable-producer", broker, topics, "--max-messages", 5, *arguments)
    assert ours == kafkas


def test_what_was_not_sent_is_told(broker):
    kafkas, ours = both("verifiable-producer", broker, ("bad/name", "bad/name"), "--max-messages", 1)
    assert ours == kafkas
    assert ours[1].split('"name":')[1].startswith('"producer_send_error"')


@pytest.mark.parametrize("repeated", (False, True))
def test_times_and_keys_are_those_asked_for(broker, repeated):
    topic = make_topic(broker)
    more = ("--repeating-keys", 2) if repeated else ("--message-create-time", 1500000000000)
    sent = tools.ours("verifiable-producer", "--bootstrap-server", broker.address, "--topic", topic,
                      "--max-messages", 3, *more)  # fmt: skip
    assert len(events(sent.lines, "producer_send_success")) == 3
    read = tools.ours("consume", "--bootstrap-server", broker.address, "--topic", topic, "--from-beginning",
                      "--max-messages", 3, "--property", "print.key=true", "--property", "print.timestamp=true")  # fmt: skip
    rows = [line.split("\t") for line in read.lines]
    assert [row[1] for row in rows] == (["0", "1", "0"] if repeated else ["null"] * 3)
    if not repeated:
        times = [int(row[0].split(":")[1]) for row in rows]
        assert times[0] == 1500000000000 and times == sorted(times) and times[-1] < 1500000000000 + 60_000


def test_producer_ends_with_a_summary_when_told_to(broker, tmp_path):
    topic = make_topic(broker)
    arguments = ("--bootstrap-server", broker.address, "--topic", topic, "--throughput", 50)
    with tools.Running(tmp_path, "verifiable-producer", *arguments) as producer:
        wait_until(lambda: len(producer.lines) > 10, 30, "messages were sent")
        assert producer.end(signal.SIGTERM) == 128 + signal.SIGTERM
    told = events(producer.lines)
    assert [event["name"] for event in told[-2:]] == ["shutdown_complete", "tool_data"]
    acked = events(producer.lines, "producer_send_success")
    assert told[-1]["sent"] == told[-1]["acked"] == len(acked)
    assert [event["value"] for event in acked] == [str(n) for n in range(len(acked))]


def test_producer_keeps_to_the_throughput(broker):
    """Eleven messages of ten in a second take a second at least; that they do not take much longer is not asked."""
    topic = make_topic(broker)
    done = tools.ours("verifiable-producer", "--bootstrap-server", broker.address, "--topic", topic,
                      "--throughput", 10, "--max-messages", 11)  # fmt: skip
    told = events(done.lines)
    assert told[-1]["timestamp"] - told[0]["timestamp"] >= 950
    assert told[-1]["target_throughput"] == 10


@pytest.mark.parametrize(
    "arguments",
    (
        (),
        ("--verbose",),
        ("--enable-autocommit",),
        ("--group-protocol", "classic", "--session-timeout", 10000, "--reset-policy", "earliest"),
        ("--assignment-strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"),
        ("--assignment-strategy", "org.apache.kafka.clients.consumer.RoundRobinAssignor"),
    ),
    ids=lambda arguments: " ".join(map(str, arguments)) or "plain",
)
def test_consumers_tell_the_same(broker, group, arguments):
    topics = [make_topic(broker) for _ in range(2)]
    for topic in topics:
        produce(broker.address, topic, 5, 1)
    kafkas, ours = both("verifiable-consumer", broker, topics, "--group-id", group, "--max-messages", 5, *arguments)
    assert whole(ours) == whole(kafkas)
    assert committed(broker.address, group, topics[1], 1) == {0: 5}


def whole(lines):
    """Reads that came in several answers made one: how many there were is the network's matter."""
    reads = [line for line in lines if '"records_consumed"' in line]
    commits = [line for line in lines if '"offsets_committed"' in line]
    total = sum(json.loads(line.replace(":T", ":0"))["count"] for line in reads)
    kept = [line for line in lines if line not in reads[:-1] and line not in commits[:-1]]
    return [re.sub(r'"count":\d+|"minOffset":\d+', "", line) for line in kept] + [total]


def test_consumer_commits_and_leaves_when_told_to(broker, group, tmp_path):
    topic = make_topic(broker, partitions=2)
    produce(broker.address, topic, 5, 2)
    arguments = ("--bootstrap-server", broker.address, "--topic", topic, "--group-id", group)
    with tools.Running(tmp_path, "verifiable-consumer", *arguments) as consumer:
        wait_until(
            lambda: sum(event["count"] for event in events(consumer.lines, "records_consumed")) == 10, 30, "all is read"
        )
        assert consumer.end(signal.SIGTERM) == 128 + signal.SIGTERM
    told = events(consumer.lines)
    assert [event["name"] for event in told[:2]] == ["startup_complete", "partitions_assigned"]
    assert [event["name"] for event in told[-2:]] == ["partitions_revoked", "shutdown_complete"]
    assert all(event["success"] for event in events(consumer.lines, "offsets_committed"))
    assert committed(broker.address, group, topic, 2) == {0: 5, 1: 5}
    state = tools.ours("groups", "--bootstrap-server", broker.address, "--describe", "--group", group, "--state")
    assert state.lines[-1].split()[-2:] == ["Empty", "0"]


def test_static_member_keeps_its_place(broker, group, tmp_path):
    topic = make_topic(broker)
    produce(broker.address, topic, 1, 1)
    arguments = ("--bootstrap-server", broker.address, "--topic", topic, "--group-id", group,
                 "--group-instance-id", "first", "--session-timeout", 45000)  # fmt: skip
    with tools.Running(tmp_path, "verifiable-consumer", *arguments) as consumer:
        wait_until(lambda: events(consumer.lines, "offsets_committed"), 30, "it has committed")
        consumer.end(signal.SIGTERM)
    members = tools.ours("groups", "--bootstrap-server", broker.address, "--describe", "--group", group, "--members")
    assert "first" in members.lines[2].split()


def test_says_what_is_wrong():
    connect = ("--bootstrap-server", "127.0.0.1:1", "--topic", "t")
    for command, arguments, words in (
        ("verifiable-producer", ("--topic", "t"), "one of the arguments --bootstrap-server --broker-list is required"),
        ("verifiable-producer", ("--bootstrap-server", "h:1"), "argument --topic is required"),
        ("verifiable-producer", (*connect, "--broker-list", "h:1"), "argument --broker-list: not allowed with argument"),
        ("verifiable-producer", (*connect, "--acks", 2), "argument --acks: invalid choice: '2'"),
        ("verifiable-producer", (*connect, "--nope"), "nope"),
        ("verifiable-consumer", connect, "argument --group-id is required"),
        ("verifiable-consumer", (*connect, "--group-id", "g", "--group-protocol", "consumer"), "only classic"),
        ("verifiable-consumer", (*connect, "--group-id", "g", "--reset-policy", "middle"), "middle"),
        ("verifiable-consumer", (*connect, "--group-id", "g", "--consumer.config", "/no/such"), "No such file"),
    ):
        done = tools.ours(command, *arguments)
        assert (done.status, done.out) == (1, "") and words in done.err, done
    for command in ("verifiable-producer", "verifiable-consumer"):
        assert tools.ours(command).status == tools.kafkas(command).status == 0
        for flag in ("-h", "--help"):
            done = tools.ours(command, flag)
            assert done.status == tools.kafkas(command, flag).status and "--topic" in done.out
