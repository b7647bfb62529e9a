"""`barnabas groups --reset-offsets` and `--delete-offsets` beside kafka-consumer-groups.sh, on our broker and on a
real Kafka: the same bytes, and the same offsets afterwards."""

import confluent_kafka
import pytest

from conftest import make_topic, or_skip
from harness import environment, tools
from harness.consumers import Member, committed, produce, wait_read

PARTITIONS = 3
GROUP = "billing"
LONG = "a-topic-whose-name-is-longer-than-two-dozen"


@pytest.fixture(scope="module", autouse=True)
def _programs():
    or_skip(environment.barnabas_tool)
    or_skip(environment.java)
    or_skip(lambda: environment.jars("kafka-3.9.1"))


def reach(broker):
    """How a tool finds the broker, and that it waits for it: Java's is slow to begin on a machine that is busy."""
    return ("--bootstrap-server", broker.address, "--timeout", 60000)


def commit(broker, group, offsets):
    """offsets: {(topic, partition): offset}."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.address, "group.id": group, "log_level": 0})
    places = [confluent_kafka.TopicPartition(*place, offset) for place, offset in offsets.items()]
    try:
        assert all(done.error is None for done in consumer.commit(offsets=places, asynchronous=False))
    finally:
        consumer.close()


@pytest.fixture(scope="module", params=("barnabas", "kafka"))
def broker(request, module_broker):
    """Two topics, five records in each partition; a group that stands in some of them, and one more."""
    made = module_broker(kind=request.param)
    for topic in ("orders", LONG):
        make_topic(made, partitions=PARTITIONS, name=topic)
        produce(made.address, topic, 5, PARTITIONS)
    make_topic(made, partitions=1, name="empty")
    commit(made, GROUP, {("orders", 0): 2, ("orders", 1): 4, (LONG, 2): 1})
    commit(made, "other", {("orders", 2): 3})
    return made


def run_both(broker, *arguments, status=0):
    """Standard output of both is the same to the byte."""
    arguments = (*reach(broker), *arguments)
    wanted, got = tools.kafkas("groups", *arguments), tools.ours("groups", *arguments)
    assert got.out == wanted.out, f"Kafka's:\n{wanted.out}\n{wanted.err}\nours:\n{got.out}\n{got.err}"
    assert got.status == status, got
    warned = [[line for line in done.err.splitlines() if line.startswith("WARN: ")] for done in (wanted, got)]
    assert warned[0] == warned[1]
    return got


RESET = ("--reset-offsets", "--group", GROUP)
ORDERS = ("--topic", "orders")


@pytest.mark.parametrize(
    "arguments",
    (
        (*RESET, *ORDERS, "--to-earliest"),
        (*RESET, *ORDERS, "--to-latest", "--dry-run"),
        (*RESET, *ORDERS, "--to-current", "--dry-run"),
        (*RESET, *ORDERS, "--to-offset", "3", "--dry-run"),
        (*RESET, *ORDERS, "--to-offset", "99", "--dry-run"),
        (*RESET, *ORDERS, "--to-offset", "-1", "--dry-run"),
        (*RESET, "--all-topics", "--shift-by", "-1", "--dry-run"),
        (*RESET, "--all-topics", "--shift-by", "100", "--dry-run"),
        (*RESET, "--topic", "orders:0,2", "--topic", LONG, "--to-earliest", "--dry-run"),
        (*RESET, "--topic", LONG, "--topic", "orders", "--topic", "empty", "--to-latest", "--dry-run"),
        (*RESET, *ORDERS, "--to-datetime", "2020-01-01T00:00:00.000", "--dry-run"),
        (*RESET, *ORDERS, "--to-datetime", "2020-01-01T00:00:00.000+02:00", "--dry-run"),
        (*RESET, "--topic", "empty", "--topic", "orders", "--to-datetime", "2090-01-01T00:00:00.000Z", "--dry-run"),
        (*RESET, *ORDERS, "--by-duration", "P1D", "--dry-run"),
        (*RESET, *ORDERS, "--by-duration", "-P1D", "--dry-run"),
        (*RESET, "--all-topics", "--to-current", "--export", "--dry-run"),
        (*RESET, "--topic", LONG, "--to-latest", "--export", "--dry-run"),
        ("--reset-offsets", "--all-groups", "--all-topics", "--to-earliest", "--dry-run"),
        ("--reset-offsets", "--group", GROUP, "--group", "other", "--all-topics", "--to-latest", "--export"),
        ("--reset-offsets", "--group", "never-seen", *ORDERS, "--to-latest", "--dry-run"),
        ("--reset-offsets", "--group", "never-seen", "--all-topics", "--to-latest", "--dry-run"),
        ("--reset-offsets", "--group", "never-seen", "--all-topics", "--to-latest", "--dry-run", "--export"),
    ),
    ids=" ".join,
)
def test_plans_are_kafkas(broker, arguments):
    assert run_both(broker, *arguments).out.strip() or "--export" in arguments


@pytest.mark.parametrize(
    "arguments",
    (
        (*RESET, "--topic", "no-such-topic", "--to-latest", "--dry-run"),
        (*RESET, *ORDERS, "--to-datetime", "yesterday", "--dry-run"),
        (*RESET, *ORDERS, "--to-datetime", "2020-13-01T00:00:00.000", "--dry-run"),
        (*RESET, *ORDERS, "--to-datetime", "2020-01-01T00:00:00", "--dry-run"),
        (*RESET, *ORDERS, "--by-duration", "a while", "--dry-run"),
        (*RESET, *ORDERS, "--by-duration", "PT", "--dry-run"),
        (*RESET, "--topic", "orders:x", "--to-latest", "--dry-run"),
        (*RESET, "--topic", "orders:0:1", "--to-latest", "--dry-run"),
        (*RESET, *ORDERS, "--shift-by", "1", "--dry-run"),
        (*RESET, "--to-latest", "--dry-run"),
        (*RESET, *ORDERS, "--dry-run", "--execute"),
        (*RESET, *ORDERS, "--to-latest", "--to-earliest"),
        ("--reset-offsets", *ORDERS, "--to-latest", "--dry-run"),
    ),
    ids=" ".join,
)
def test_refuses_as_kafka_does(broker, arguments):
    """The same words wherever Kafka's come from the tool itself; our status tells of the failure."""
    whole = (*reach(broker), *arguments)
    wanted, got = tools.kafkas("groups", *whole), tools.ours("groups", *whole)
    assert got.out == wanted.out and got.status == 1, f"Kafka's:\n{wanted}\nours:\n{got}"
    if wanted.status == 1 and "[all-groups]" not in got.err:
        assert got.err.splitlines()[0] == wanted.err.splitlines()[0]


def test_lines_end_where_somebody_reads_them(broker):
    arguments = (*reach(broker), *RESET, *ORDERS, "--to-earliest", "--dry-run")
    piped, shown = tools.ours("groups", *arguments).out, tools.at_terminal("groups", *arguments)
    assert len(piped.splitlines()) == 2 and shown.replace("\n", "") == piped.replace("\n", "")
    header, *rows = shown.splitlines()[1:]
    assert header.split() == ["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"]
    assert sorted(row.split() for row in rows) == [[GROUP, "orders", str(p), "0"] for p in range(PARTITIONS)]


def test_what_is_executed_is_committed(broker):
    commit(broker, "mover", {("orders", 0): 5, ("orders", 1): 5})
    for tool in (tools.ours, tools.kafkas):
        reset = (*reach(broker), "--reset-offsets", "--group", "mover", "--execute")
        assert tool("groups", *reset, "--topic", "orders:0", "--to-offset", 1).status == 0
        assert committed(broker.address, "mover", "orders", 2) == {0: 1, 1: 5}
        assert tool("groups", *reset, "--all-topics", "--shift-by", 3).status == 0
        assert committed(broker.address, "mover", "orders", 2) == {0: 4, 1: 5}
        assert tool("groups", *reset, "--all-topics", "--to-latest").status == 0
        assert committed(broker.address, "mover", "orders", 2) == {0: 5, 1: 5}


def test_a_plan_is_not_carried_out_without_execute(broker):
    commit(broker, "planner", {("orders", 0): 4})
    run_both(broker, "--reset-offsets", "--group", "planner", "--all-topics", "--to-earliest")
    assert committed(broker.address, "planner", "orders", 1) == {0: 4}


def test_csv_goes_from_either_tool_to_the_other(broker, tmp_path):
    wanted = {("orders", 0): 2, ("orders", 2): 5, (LONG, 1): 3}
    commit(broker, "copied", wanted)
    for number, (writer, reader) in enumerate(((tools.ours, tools.kafkas), (tools.kafkas, tools.ours))):
        connect = (*reach(broker), "--reset-offsets")
        exported = writer("groups", *connect, "--group", "copied", "--all-topics", "--to-current", "--export")
        file = tmp_path / f"{number}.csv"
        file.write_text(exported.out.rstrip("\n"))
        target = f"copy-{number}"
        read = reader("groups", *connect, "--group", target, "--from-file", file, "--execute")
        assert "NEW-OFFSET" in read.out, read
        for (topic, partition), offset in wanted.items():
            assert committed(broker.address, target, topic, PARTITIONS)[partition] == offset


def test_files_are_read_as_kafka_reads_them(broker, tmp_path):
    file = tmp_path / "plan.csv"
    for text in ("orders,0,1\norders,1,99\n", f"{GROUP},orders,0,1\nother,orders,2,0", '"orders",0,0\n\n'):
        file.write_text(text)
        run_both(broker, *RESET, "--from-file", file, "--dry-run")
    file.write_text("else,orders,0,1\n")
    run_both(broker, *RESET, "--from-file", file, "--dry-run")
    file.write_text(f"{GROUP},orders,0,1\nother,orders,2,0\n")
    run_both(broker, "--reset-offsets", "--all-groups", "--from-file", file, "--dry-run", "--export")


def test_bad_files_are_named_with_the_line(broker, tmp_path):
    file = tmp_path / "plan.csv"
    connect = (*reach(broker), *RESET, "--from-file", file, "--execute")
    for text, words in (
        ("orders,0,1\norders,zero,1\n", "line 2: 'zero' is no partition"),
        ("orders,0\n", "line 1: topic,partition,offset is expected"),
        ("orders,0,1\n\norders,1,1\n", "line 2: topic,partition,offset is expected"),
        ('orders,0,1\n"orders,1,1\n', "line 2: a quote is not closed"),
        ("orders,0,1,2,3\n", "line 1: topic,partition,offset is expected, and more than 4 columns"),
        ("orders,0,1e3\n", "line 1: '1e3' is no offset"),
    ):
        file.write_text(text)
        done = tools.ours("groups", *connect)
        assert done.status == 1 and words in done.out, done
    missing = tools.ours("groups", *reach(broker), *RESET, "--from-file", tmp_path / "none")
    assert missing.status == 1 and "No such file" in missing.out


def test_groups_with_members_are_left_alone(broker):
    member = Member(broker.address, "busy", "orders")
    try:
        wait_read([member], 5 * PARTITIONS)
        run_both(broker, "--reset-offsets", "--group", "busy", *ORDERS, "--to-earliest", "--execute")
        run_both(broker, "--delete-offsets", "--group", "busy", *ORDERS)
    finally:
        member.close()
    assert set(committed(broker.address, "busy", "orders", PARTITIONS).values()) == {5}


def test_deletes_offsets(broker):
    for tool in (tools.ours, tools.kafkas):
        commit(broker, "gone", {("orders", 0): 2, ("orders", 1): 4, (LONG, 0): 1})
        done = tool("groups", *reach(broker), "--delete-offsets", "--group", "gone",
                    "--topic", "orders:1", "--topic", LONG)  # fmt: skip
        assert done.lines[0] == f"Request succeed for deleting offsets with topic orders:1, {LONG} group gone"
        assert committed(broker.address, "gone", "orders", 2) == {0: 2, 1: -1001}
        assert committed(broker.address, "gone", LONG, 1) == {0: -1001}


@pytest.mark.parametrize(
    "arguments",
    (
        ("--group", GROUP, "--topic", "empty"),
        ("--group", GROUP, "--topic", "empty", "--topic", "no-such-topic"),
        ("--group", "never-seen", "--topic", "orders", "--topic", "empty:0"),
    ),
    ids=" ".join,
)
def test_tells_of_deletion_as_kafka_does(broker, arguments):
    run_both(broker, "--delete-offsets", *arguments)
