"""`barnabas reassign` and `barnabas elect-leaders` held against Kafka's own tools, on one broker of either make. What
takes several brokers is in test_reassignment.py."""

import itertools
import json

import pytest

from conftest import make_topic, or_skip
from harness import environment
from harness.tools import kafkas, ours, same
from harness.wait import wait_until

_numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def _programs():
    or_skip(environment.barnabas_tool)
    or_skip(environment.java)
    or_skip(lambda: environment.jars("kafka-3.9.1"))


@pytest.fixture(scope="module", params=("kafka", "barnabas"))
def broker(request, module_broker, zk):
    made = module_broker(kind=request.param)
    made.zk = zk
    return made


@pytest.fixture(scope="module")
def kafka(module_broker, zk):
    made = module_broker(kind="kafka")
    made.zk = zk
    return made


@pytest.fixture(scope="module")
def topics(broker):
    """Two topics, of three and of two partitions."""
    number = next(_numbers)
    return make_topic(broker, partitions=3, name=f"a-{number}"), make_topic(broker, partitions=2, name=f"b-{number}")


@pytest.fixture
def write(tmp_path):
    def written(content):
        path = tmp_path / f"input-{next(_numbers)}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return written


def moves(*items):
    return {"version": 1, "partitions": [{"topic": t, "partition": p, "replicas": r} for t, p, r in items]}


def same_failure(command, *arguments):
    """Both fail; ours says what Kafka's says first, and leaves out where in its source that is."""
    wanted, got = kafkas(command, *arguments), ours(command, *arguments)
    assert wanted.status == got.status == 1, (wanted, got)
    said = (wanted.lines or wanted.err.splitlines())[0]
    assert said == (got.lines or got.err.splitlines())[0], (wanted, got)
    return said


def config_of(broker, entity):
    with broker.zk.client(broker.chroot) as client:
        path = f"/config/{entity}"
        return json.loads(client.get(path)[0])["config"] if client.exists(path) else {}


# --- reassign ----------------------------------------------------------------------------------------


NOBODY = "127.0.0.1:1"  # what is wrong is seen before anybody is asked


@pytest.mark.parametrize(
    "flags",
    (
        ("--list",),
        ("--bootstrap-server", NOBODY),
        ("--bootstrap-server", NOBODY, "--list", "--verify"),
        ("--bootstrap-server", NOBODY, "--list", "--additional"),
        ("--bootstrap-server", NOBODY, "--verify", "--reassignment-json-file", "x", "--throttle", "5"),
        ("--bootstrap-server", NOBODY, "--execute"),
        ("--bootstrap-server", NOBODY, "--generate"),
    ),
)
def test_wrong_options_of_reassign(flags):
    same_failure("reassign", *flags)


@pytest.mark.parametrize(
    "content",
    (
        [], {}, {"version": 2, "partitions": []}, {"version": "1", "partitions": []},
        {"version": 1, "partitions": [{"topic": "t"}]},
        {"version": 1, "partitions": [{"topic": "t", "partition": 0, "replicas": ["1"]}]},
        moves(("t", 0, [])), moves(("t", 0, [0]), ("t", 0, [0])), moves(("t", 0, [0, 0]), ("u", 0, [0, 0])),
    ),
    ids=("list", "empty", "version", "text", "fields", "ids", "nowhere", "twice", "twice_in_a_list"),
)  # fmt: skip
def test_files_that_say_nothing_sensible(kafka, write, content):
    said = same_failure(
        "reassign", "--bootstrap-server", kafka.address, "--execute", "--reassignment-json-file", write(content)
    )
    assert said.startswith("Error: ")


def test_files_that_are_none(kafka, write):
    for path, said in (
        (write("{"), "Error: The input string is not a valid JSON"),
        (write(""), "Error: The input string is not a valid JSON"),
        ("/no/such/file", "Error: Unable to read file /no/such/file"),
    ):
        done = ours("reassign", "--bootstrap-server", kafka.address, "--execute", "--reassignment-json-file", path)
        assert done.status == 1 and done.out.startswith(said), done


def test_moves_of_what_is_not_there(broker, topics, write):
    a, _ = topics
    for content in (moves((a, 0, [9])), moves((a, 9, [0])), moves((a, 0, [0]), ("missing", 0, [0]))):
        same_failure(
            "reassign", "--bootstrap-server", broker.address, "--execute", "--reassignment-json-file", write(content)
        )


def with_dirs(topic, partition, *dirs):
    return {
        "version": 1,
        "partitions": [{"topic": topic, "partition": partition, "replicas": [0], "log_dirs": list(dirs)}],
    }


def test_files_that_name_directories_wrongly(broker, topics, write):
    connect = ("--bootstrap-server", broker.address, "--execute", "--reassignment-json-file")
    same("reassign", *connect, write(with_dirs(topics[0], 0, "any")))
    # Kafka's tool prints a list of its own making between the words.
    for content, said in (
        (with_dirs(topics[0], 0), "Error: Size of replicas list"),
        (with_dirs(topics[0], 0, "any", "any"), "Error: Size of replicas list"),
    ):
        for tool in (kafkas, ours):
            done = tool("reassign", *connect, write(content))
            assert done.status == 1 and done.lines[0].startswith(said), done


def test_directories_that_are_not_there(broker, topics, write):
    file = write(with_dirs(topics[0], 0, "/somewhere"))
    connect = ("--bootstrap-server", broker.address)
    wanted, got = (
        tool("reassign", *connect, "--execute", "--reassignment-json-file", file) for tool in (kafkas, ours)
    )
    assert wanted.status == got.status == 1
    said = f"Error: Failed to alter dir for {topics[0]}-0-0"
    assert said in wanted.lines and [line for line in got.lines if line.startswith(said)]
    before = wanted.lines.index(said)
    assert wanted.lines[:before] == got.lines[:before]
    same("reassign", *connect, "--verify", "--reassignment-json-file", file)
    same("reassign", *connect, "--cancel", "--reassignment-json-file", file)
    missing = write(with_dirs(topics[0], 9, "/somewhere"))
    same("reassign", *connect, "--verify", "--reassignment-json-file", missing)


def test_directories_need_a_broker_to_be_asked(broker, topics, write):
    file = write(with_dirs(topics[0], 0, "/somewhere"))
    connect = ("--zookeeper", broker.config["zookeeper.connect"])
    done = ours("reassign", *connect, "--execute", "--reassignment-json-file", file)
    assert done.status == 1 and "/somewhere" in done.out and "--bootstrap-server" in done.out


def test_generate_proposes_moves(broker, topics, write):
    a, b = topics
    connect = ("--bootstrap-server", broker.address, "--generate", "--topics-to-move-json-file")
    file = write({"version": 1, "topics": [{"topic": b}, {"topic": a}]})
    lines = same("reassign", *connect, file, "--broker-list", "0").lines
    assert len(json.loads(lines[1])["partitions"]) == 5
    same("reassign", *connect, file, "--broker-list", "0,5", "--disable-rack-aware")
    same("reassign", *connect, write({"version": 1, "topics": []}), "--broker-list", "0")
    for content, brokers in (
        ({"version": 1, "topics": [{"topic": a}]}, "0,0"),
        ({"version": 1, "topics": [{"topic": a}]}, "0,x"),
        ({"version": 1, "topics": [{"topic": a}]}, "5"),
        ({"version": 1, "topics": [{"topic": a}, {"topic": a}]}, "0"),
        ({"version": 1, "topics": [{"topic": "missing"}]}, "0"),
    ):
        same_failure("reassign", *connect, write(content), "--broker-list", brokers)


def test_execute_and_verify(broker, topics, write):
    a, b = topics
    connect = ("--bootstrap-server", broker.address)
    file = write(moves((b, 1, [0]), (a, 2, [0]), (a, 0, [0])))
    lines = same("reassign", *connect, "--execute", "--reassignment-json-file", file).lines
    assert lines[-1] == f"Successfully started partition reassignments for {a}-0,{a}-2,{b}-1"
    same("reassign", *connect, "--execute", "--reassignment-json-file", write(moves((a, 1, [0]))))
    same("reassign", *connect, "--verify", "--reassignment-json-file", file)
    same("reassign", *connect, "--verify", "--reassignment-json-file", write(moves()))
    others = write(moves((a, 0, [0]), (a, 9, [0]), ("missing", 0, [0]), (b, 0, [0, 1])))
    same("reassign", *connect, "--verify", "--preserve-throttles", "--reassignment-json-file", others)
    wanted, got = (
        tool("reassign", *connect, "--verify", "--reassignment-json-file", write(moves(("missing", 0, [0]))))
        for tool in (kafkas, ours)
    )
    assert wanted.status == got.status == 1 and wanted.lines[:4] == got.lines[:4]
    same("reassign", *connect, "--list")


def test_cancel_of_nothing(broker, topics, write):
    connect = ("--bootstrap-server", broker.address, "--cancel", "--reassignment-json-file")
    same("reassign", *connect, write(moves((topics[0], 0, [0]))))
    same("reassign", *connect, write(moves(("missing", 0, [0]))), "--preserve-throttles")
    same("reassign", *connect, write(moves()), "--preserve-throttles", "--timeout", "5")


def test_throttles_are_set_and_removed(kafka, write):
    a, b = (make_topic(kafka, partitions=3, name=f"{letter}-{next(_numbers)}") for letter in "cd")
    connect = ("--bootstrap-server", kafka.address)
    file = write(moves((a, 0, [0]), (a, 2, [0]), (b, 1, [0])))
    flags = ("--execute", "--reassignment-json-file", file, "--throttle", "1000")
    entities = (f"topics/{a}", f"topics/{b}", "brokers/0")
    found = []
    for tool in (kafkas, ours):
        done = tool("reassign", *connect, *flags, "--replica-alter-log-dirs-throttle", "500")
        assert done.status == 0, done
        found.append((done.lines, [config_of(kafka, name) for name in entities]))
        done = tool("reassign", *connect, "--verify", "--reassignment-json-file", file)
        assert done.status == 0, done
        found[-1] += (done.lines, [config_of(kafka, name) for name in entities])
    assert found[0] == found[1]
    assert found[1][1][0]["leader.replication.throttled.replicas"] == "0:0,2:0"
    assert found[1][3] == [{}, {}, {}]


def test_moves_through_zookeeper_alone(broker, topics, write):
    a, b = topics
    connect = ("--zookeeper", broker.config["zookeeper.connect"])
    file = write(moves((a, 0, [0]), (b, 1, [0])))
    done = ours("reassign", *connect, "--execute", "--reassignment-json-file", file)
    assert done.status == 0, done
    assert done.lines[-1] == "Successfully started reassignment of partitions."
    assert json.loads(done.lines[2]) == {
        "version": 1,
        "partitions": [
            {"topic": topic, "partition": number, "replicas": [0], "log_dirs": ["any"]}
            for topic, number in ((a, 0), (b, 1))
        ],
    }
    done = ours("reassign", *connect, "--verify", "--preserve-throttles", "--reassignment-json-file", file)
    assert done.status == 0
    assert done.lines[0] == "Status of partition reassignment:"
    for name, line in zip((f"{a}-0", f"{b}-1"), done.lines[1:3]):
        assert line in (
            f"Reassignment of partition {name} completed successfully",
            f"Reassignment of partition {name} is still in progress",
        )
    with broker.zk.client(broker.chroot) as client:
        wait_until(lambda: client.exists("/admin/reassign_partitions") is None, 20, "the controller has done it")
    for bad in (moves((a, 0, [5])), moves((a, 7, [0])), moves(("missing", 0, [0])), moves((a, 0, []))):
        done = ours("reassign", *connect, "--execute", "--reassignment-json-file", write(bad))
        assert done.status == 1 and done.out.startswith("Error: "), done
    done = ours("reassign", *connect, "--cancel", "--reassignment-json-file", file)
    assert done.status == 1 and "cannot be taken back through ZooKeeper" in done.err


# --- elect-leaders -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flags",
    (
        ("--bootstrap-server", NOBODY),
        ("--topic", "t"),
        ("--bootstrap-server", NOBODY, "--election-type", "x", "--topic", "t", "--partition", "0"),
        ("--bootstrap-server", NOBODY, "--election-type", "preferred"),
        ("--bootstrap-server", NOBODY, "--election-type", "preferred", "--topic", "t"),
        ("--bootstrap-server", NOBODY, "--election-type", "preferred", "--all-topic-partitions", "--topic", "t"),
        ("--bootstrap-server", NOBODY, "--election-type", "preferred", "--path-to-json-file", "/no/such/file"),
        ("--bootstrap-server", NOBODY, "--election-type", "preferred", "--path-to-json-file", "x", "--partition", "0"),
    ),
)
def test_wrong_options_of_elect_leaders(flags):
    same_failure("elect-leaders", *flags)


@pytest.mark.parametrize(
    "content", ("{", {}, {"partitions": [{"topic": "t", "partition": 0}] * 2}), ids=("no_json", "empty", "twice")
)
def test_files_of_elections_that_say_nothing_sensible(write, content):
    same_failure(
        "elect-leaders", "--bootstrap-server", NOBODY, "--election-type", "preferred",
        "--path-to-json-file", write(content),
    )  # fmt: skip


def test_elections_that_are_not_needed_or_cannot_be(broker, topics, write):
    a, b = topics
    connect = ("--bootstrap-server", broker.address, "--election-type")
    same("elect-leaders", *connect, "PREFERRED", "--topic", a, "--partition", "0")
    same("elect-leaders", *connect, "unclean", "--all-topic-partitions")
    for kind in ("preferred", "unclean"):
        file = write({"partitions": [{"topic": "missing", "partition": 1}, {"topic": b, "partition": 0}]})
        same("elect-leaders", *connect, kind, "--path-to-json-file", file, status=1)
