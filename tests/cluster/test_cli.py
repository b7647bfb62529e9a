"""The program barnabas held against Kafka's own tools, line by line, on a real Kafka broker and on ours."""

import itertools
import json
import os
import socket
import struct
import threading
import time

import pytest

from conftest import make_topic, or_skip, wait_leaders
from harness import environment, records
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


def fresh_name():
    return f"cli-{next(_numbers)}"


def zookeeper(broker):
    return broker.config["zookeeper.connect"]


def create(broker, *arguments):
    topic = fresh_name()
    done = ours("topics", "--bootstrap-server", broker.address, "--create", "--topic", topic, *arguments)
    assert (done.status, done.out) == (0, f"Created topic {topic}.\n"), done
    return topic


def consumed(tool, broker, topic, count, *arguments):
    """The first lines that a console consumer prints of a topic, sorted: partitions come in no order. It is not left to
    a timeout to end: how long the first record takes is the machine's matter."""
    done = tool("consume", "--bootstrap-server", broker.address, "--topic", topic, "--from-beginning",
                "--max-messages", count, *arguments)  # fmt: skip
    assert done.status == 0, done
    return sorted(done.lines)


def count_of(broker, topic, partitions=1):
    """How many records there are, where none is a control record."""
    with broker.connect() as client:
        return sum(client.end_offset(topic, partition) for partition in range(partitions))


# --- topics ---------------------------------------------------------------------------------------


def test_topic_is_described_as_by_kafka(broker):
    topic = create(broker, "--partitions", 3, "--replication-factor", 1, "--config", "retention.ms=100000",
                   "--config", "cleanup.policy=compact", "--config", "segment.bytes=1000000",
                   "--config", "min.insync.replicas=2")  # fmt: skip
    connect = ("--bootstrap-server", broker.address)
    described = same("topics", *connect, "--describe", "--topic", topic)
    assert len(described.lines) == 4
    same("topics", *connect, "--describe", "--topic-id", described.lines[0].split("\t")[1].split(" ")[1])
    assert len(same("topics", *connect, "--describe", "--topic", topic, "--under-min-isr-partitions").lines) == 3
    assert len(same("topics", *connect, "--describe", "--topic", topic, "--topics-with-overrides").lines) == 1
    assert same("topics", *connect, "--list", "--exclude-internal").lines.count(topic) == 1


def test_partitions_are_added_and_topics_deleted(broker):
    topic = create(broker)
    connect = ("--bootstrap-server", broker.address)
    assert ours("topics", *connect, "--alter", "--topic", topic, "--partitions", 4).status == 0
    assert ours("topics", *connect, "--describe", "--topic", topic).lines[0].split("\t")[2] == "PartitionCount: 4"
    same("topics", *connect, "--alter", "--topic", topic, "--partitions", 2, status=1)
    assert ours("topics", *connect, "--delete", "--topic", topic).out == ""
    assert topic not in ours("topics", *connect, "--list").lines


@pytest.mark.parametrize(
    "arguments",
    (
        ("--create", "--topic", "there"),
        ("--create", "--topic", "bad/name"),
        ("--create", "--topic", "x", "--config", "bogus=1"),
        ("--create", "--topic", "x", "--config", "bogus"),
        ("--create", "--topic", "x", "--partitions", "0"),
        ("--create", "--topic", "x", "--replication-factor", "3"),
        ("--create", "--topic", "x", "--replica-assignment", "0:0"),
        ("--describe", "--topic", "missing"),
        ("--delete", "--topic", "missing"),
        ("--alter", "--topic", "missing", "--partitions", "3"),
    ),
    ids=lambda arguments: "-".join(a.strip("-").replace("/", "") for a in arguments),
)
def test_errors_of_topics_are_kafkas(kafka, arguments):
    if "there" not in ours("topics", "--bootstrap-server", kafka.address, "--list").lines:
        make_topic(kafka, name="there")
    same("topics", "--bootstrap-server", kafka.address, *arguments, status=1)


def test_errors_are_forgiven_where_told(broker):
    connect = ("--bootstrap-server", broker.address)
    topic = create(broker)
    assert ours("topics", *connect, "--create", "--topic", topic, "--if-not-exists").status == 0
    assert ours("topics", *connect, "--delete", "--topic", "missing", "--if-exists").status == 0
    assert ours("topics", *connect, "--describe", "--topic", "missing", "--if-exists").status == 0


@pytest.mark.parametrize(
    "arguments",
    ((), ("--bogus",), ("--list", "--create"), ("--list", "--partitions", "1"), ("--create",), ("--topic",)),
    ids=lambda arguments: "-".join(a.strip("-") for a in arguments) or "none",
)
def test_bad_command_lines_end_with_1_and_nothing_on_standard_output(kafka, arguments):
    more = ("--bootstrap-server", kafka.address) if arguments else ()
    wanted, got = kafkas("topics", *more, *arguments), ours("topics", *more, *arguments)
    assert (wanted.status, wanted.out) == (got.status, got.out) == (1, ""), (wanted, got)
    assert wanted.err.splitlines()[0] == got.err.splitlines()[0]


# --- through ZooKeeper alone ------------------------------------------------------------------------


def test_topic_lives_through_zookeeper(broker):
    topic = fresh_name()
    alone = ("--zookeeper", zookeeper(broker))
    made = ours("topics", *alone, "--create", "--topic", topic, "--partitions", 2, "--replication-factor", 1,
                "--config", "retention.ms=5000")  # fmt: skip
    assert (made.status, made.out) == (0, f"Created topic {topic}.\n"), made
    with broker.connect() as client:
        wait_leaders(client, topic, 2)
    by_wire = ours("topics", "--bootstrap-server", broker.address, "--describe", "--topic", topic)
    by_zookeeper = ours("topics", *alone, "--describe", "--topic", topic)
    assert by_wire.lines[1:] == by_zookeeper.lines[1:]
    before = by_wire.lines[0].split("\t")[1]

    assert ours("topics", *alone, "--alter", "--topic", topic, "--partitions", 3).status == 0
    with broker.connect() as client:
        wait_leaders(client, topic, 3)
    assert ours("topics", *alone, "--alter", "--topic", topic, "--config", "flush.ms=7").status == 0
    wait_until(
        lambda: "flush.ms=7" in ours("topics", "--bootstrap-server", broker.address, "--describe", "--topic", topic).out,
        20, "the broker knows the new setting",
    )  # fmt: skip
    header = ours("topics", *alone, "--describe", "--topic", topic).lines[0]
    assert header.split("\t")[1] == before, "the topic's id changed"

    gone = ours("topics", *alone, "--delete", "--topic", topic)
    assert gone.lines[0] == f"Topic {topic} is marked for deletion."
    wait_until(lambda: topic not in ours("topics", *alone, "--list").out, 20, f"{topic} gone")


def test_filters_are_kafkas(kafka):
    """A topic with a replica on a broker that is not there, made through ZooKeeper: nobody checks that."""
    topic = fresh_name()
    made = ours("topics", "--zookeeper", zookeeper(kafka), "--create", "--topic", topic,
                "--replica-assignment", "0:9,9:0,0:8")  # fmt: skip
    assert made.status == 0, made
    with kafka.connect() as client:
        wait_leaders(client, topic, 3)
    connect = ("--bootstrap-server", kafka.address, "--describe", "--topic", topic)
    for flag in ("--under-replicated-partitions", "--at-min-isr-partitions"):
        assert len(same("topics", *connect, flag).lines) == 3
    for flag in ("--under-min-isr-partitions", "--unavailable-partitions"):
        assert same("topics", *connect, flag).lines == []


def test_settings_of_a_broker_through_zookeeper_only_while_it_is_down(kafka):
    alone = ("configs", "--zookeeper", zookeeper(kafka), "--entity-type", "brokers", "--entity-name")
    assert ours(*alone, 77, "--alter", "--add-config", "log.cleaner.threads=2").status == 0
    shown = ours(*alone, 77, "--describe")
    assert shown.lines[-1] == "Configs for brokers '77' are log.cleaner.threads=2"
    same(*alone, 77, "--describe")
    refused = ours(*alone, kafka.id, "--alter", "--add-config", "log.cleaner.threads=2")
    assert refused.status == 1 and "is running" in refused.err
    assert ours(*alone, 77, "--alter", "--add-config", "zookeeper.connect=x").status == 1
    assert ours(*alone, 77, "--alter", "--delete-config", "log.cleaner.threads").status == 0


# --- settings ----------------------------------------------------------------------------------------


def test_settings_of_topics_and_brokers_are_kafkas(broker):
    topic = create(broker)
    connect = ("--bootstrap-server", broker.address)
    one = (*connect, "--entity-type", "topics", "--entity-name", topic)
    altered = ours("configs", *one, "--alter", "--add-config", "retention.ms=100000,cleanup.policy=[compact,delete]")
    assert (altered.status, altered.out) == (0, f"Completed updating config for topic {topic}.\n"), altered
    same("configs", *one, "--describe")
    same("configs", *one, "--describe", "--all")
    assert ours("configs", *one, "--alter", "--delete-config", "retention.ms").status == 0
    assert "retention.ms" not in same("configs", *one, "--describe").out
    same("configs", *connect, "--broker", broker.id, "--describe", "--all")
    assert ours("configs", *one, "--alter", "--delete-config", "flush.ms").err == "Invalid config(s): flush.ms\n"
    for bad in ("bogus=1", "retention.ms=x", "nothing"):
        wanted, got = (tool("configs", *one, "--alter", "--add-config", bad) for tool in (kafkas, ours))
        assert wanted.status == got.status == 1
        assert got.err.splitlines()[-1] in wanted.err


def test_settings_of_a_file_are_set(broker, tmp_path):
    topic = create(broker)
    file = tmp_path / "settings"
    file.write_text("# of a topic\nflush.ms = 77\nmax.message.bytes=123456\n")
    one = ("--bootstrap-server", broker.address, "--topic", topic)
    assert ours("configs", *one, "--alter", "--add-config-file", file).status == 0
    assert [line.split()[0] for line in same("configs", *one, "--describe").lines[1:]] == [
        "flush.ms=77", "max.message.bytes=123456"
    ]  # fmt: skip


# --- produce and consume -----------------------------------------------------------------------------

EVERYTHING = [word for field in ("key", "headers", "partition", "offset") for word in ("--property", f"print.{field}=true")]


@pytest.mark.parametrize("codec", ("none", "gzip", "snappy", "lz4", "zstd"))
def test_what_is_produced_is_read_alike_by_both(broker, codec):
    topic = create(broker, "--partitions", 1)
    lines = "".join(f"h:{n},i:N\tkey {n % 7}\tvalue {n} \u00e9\n" for n in range(500)).encode() + b"N\tN\tN\r\n"
    sent = ours("produce", "--bootstrap-server", broker.address, "--topic", topic, "--compression-codec", codec,
                "--property", "parse.key=true", "--property", "parse.headers=true", "--property", "null.marker=N",
                "--timeout", 10, stdin=lines)  # fmt: skip
    assert (sent.status, sent.out, sent.err) == (0, "", ""), sent
    assert count_of(broker, topic) == 501
    got = consumed(ours, broker, topic, 501, *EVERYTHING)
    assert got == sorted(
        [f"Partition:0\tOffset:{n}\th:{n},i:null\tkey {n % 7}\tvalue {n} \u00e9" for n in range(500)]
        + ["Partition:0\tOffset:500\tNO_HEADERS\tnull\tnull"]
    )
    if broker.kind == "kafka" and codec == "zstd":
        assert got == consumed(kafkas, broker, topic, 501, *EVERYTHING)


def test_keys_go_to_the_partitions_that_java_chooses(broker):
    lines = "".join(f"k{n}\tv{n}\n" for n in range(200)).encode()
    found = []
    for tool in (ours, kafkas):
        topic = create(broker, "--partitions", 7)
        sent = tool("produce", "--bootstrap-server", broker.address, "--topic", topic, "--property", "parse.key=true",
                    stdin=lines)  # fmt: skip
        assert sent.status == 0, sent
        assert count_of(broker, topic, 7) == 200
        shown = ("--property", "print.key=true", "--property", "print.partition=true")
        found.append(consumed(ours, broker, topic, 200, *shown))
    assert len(found[0]) == 200
    assert found[0] == found[1]


def test_one_partition_is_read_from_an_offset(broker):
    topic = create(broker, "--partitions", 1)
    lines = "".join(f"{n}\n" for n in range(50)).encode()
    assert ours("produce", "--bootstrap-server", broker.address, "--topic", topic, "--sync", "--timeout", 0,
                stdin=lines).status == 0  # fmt: skip
    one = ("consume", "--bootstrap-server", broker.address, "--topic", topic, "--partition", 0)
    read = ours(*one, "--offset", 40, "--max-messages", 5)
    assert read.lines == ["40", "41", "42", "43", "44"]
    assert read.err == "Processed a total of 5 messages\n"
    assert ours(*one, "--offset", "earliest", "--max-messages", 1).lines == ["0"]
    assert ours(*one, "--timeout-ms", 1000).lines == []
    assert ours("consume", "--bootstrap-server", broker.address, "--include", f"no[n]e,{topic}",
                "--from-beginning", "--max-messages", 50).lines == [str(n) for n in range(50)]  # fmt: skip


def test_aborted_messages_are_left_out_where_asked(kafka, clients):
    java = or_skip(lambda: clients.get("java-3.9"))
    topic = create(kafka, "--partitions", 1)
    for end in ("abort", "commit"):
        java.run("transaction", bootstrap=kafka.address, topic=topic, count=10, seed=end, end=end,
                 transactional_id="cli", acks="all")  # fmt: skip
    offsets = ("--property", "print.offset=true", "--property", "print.value=false")
    aborted, committed = ([f"Offset:{n}" for n in range(first, first + 10)] for first in (0, 11))
    # The aborted ones come first: whoever does not leave them out has ten before it has a committed one.
    assert consumed(ours, kafka, topic, 10, "--isolation-level", "read_committed", *offsets) == sorted(committed)
    assert consumed(ours, kafka, topic, 20, *offsets) == sorted(aborted + committed)


# --- offsets, log directories, deleting records ---------------------------------------------------------


def test_offsets_are_kafkas(broker):
    topic = create(broker, "--partitions", 12)
    lines = "".join(f"k{n}\tv{n}\n" for n in range(100)).encode()
    assert ours("produce", "--bootstrap-server", broker.address, "--topic", topic, "--property", "parse.key=true",
                stdin=lines).status == 0  # fmt: skip
    connect = ("--bootstrap-server", broker.address)
    found = same("get-offsets", *connect, "--topic", topic).lines
    assert len(found) == 12 and sum(int(line.split(":")[2]) for line in found) == 100
    assert found[2].startswith(f"{topic}:10:")
    rules = f"{topic}:-2,{topic}:4,{topic}:10-"
    assert len(same("get-offsets", *connect, "--topic-partitions", rules, "--time", "earliest").lines) == 5
    same("get-offsets", *connect, "--topic", topic, "--partitions", "0,3", "--time", "max-timestamp")
    same("get-offsets", *connect, "--topic", "missing", status=1, stderr=True)


def test_records_are_deleted_up_to_an_offset(broker, tmp_path):
    topic = create(broker, "--partitions", 3)
    for _ in range(3):
        ours("produce", "--bootstrap-server", broker.address, "--topic", topic, "--property", "parse.key=true",
             stdin="".join(f"k{n}\tv\n" for n in range(30)).encode())  # fmt: skip
    ends = [int(line.split(":")[2]) for line in
            ours("get-offsets", "--bootstrap-server", broker.address, "--topic", topic).lines]  # fmt: skip
    assert len(ends) == 3 and min(ends) > 1
    wanted = [(0, 1, 1), (1, -1, ends[1]), (2, 10**6, None)]
    file = tmp_path / "offsets.json"
    file.write_text(json.dumps({"version": 1, "partitions": [
        {"topic": topic, "partition": partition, "offset": offset} for partition, offset, _ in wanted]}))  # fmt: skip
    done = ours("delete-records", "--bootstrap-server", broker.address, "--offset-json-file", file)
    assert done.lines == [
        "Executing records delete operation",
        "Records delete operation completed:",
        f"partition: {topic}-0\tlow_watermark: 1",
        f"partition: {topic}-1\tlow_watermark: {ends[1]}",
        f"partition: {topic}-2\terror: The requested offset is not within the range of offsets maintained by the server.",
    ]
    file.write_text("{")
    bad = ours("delete-records", "--bootstrap-server", broker.address, "--offset-json-file", file)
    assert bad.status == 1 and "not a valid JSON" in bad.err


def test_log_directories_are_kafkas(broker):
    topic = create(broker, "--partitions", 3)
    flags = ("--bootstrap-server", broker.address, "--describe", "--topic-list", topic)
    wanted, got = kafkas("log-dirs", *flags), ours("log-dirs", *flags)
    assert wanted.status == got.status == 0
    assert wanted.lines[:2] == got.lines[:2]
    (expected,), (found,) = (json.loads(done.lines[2])["brokers"] for done in (wanted, got))
    for folder in expected["logDirs"]:
        folder["partitions"].sort(key=lambda partition: partition["partition"])
    assert expected == found
    same("log-dirs", "--bootstrap-server", broker.address, "--describe", "--broker-list", "9", status=1, stderr=True)


# --- api-versions and the rest ------------------------------------------------------------------------


def test_api_versions_are_printed_as_by_kafka(broker):
    same("api-versions", "--bootstrap-server", broker.address)


def test_called_by_the_name_of_kafkas_tool(kafka, tmp_path, monkeypatch):
    for name in ("kafka-topics.sh", "kafka-topics"):
        os.symlink(environment.barnabas_tool(), tmp_path / name)
        with monkeypatch.context() as patch:
            patch.setenv("BARNABAS_TOOL", str(tmp_path / name))
            assert ours("--bootstrap-server", kafka.address, "--list").status == 0


def test_help_is_there_for_every_command():
    commands = [line.split()[0] for line in ours("help").lines if line.startswith("  ") and "kafka-" in line]
    assert len(commands) >= 6
    for command in commands:
        done = ours("help", command)
        assert done.status == 0 and "--help" in done.out + done.err  # Kafka's verifiable clients use the former


# --- dump-log -----------------------------------------------------------------------------------------

DUMPS = (
    (),
    ("--deep-iteration",),
    ("--print-data-log",),
    ("--print-data-log", "--skip-record-metadata"),
    ("--print-data-log", "--max-bytes", "4000"),
    ("--verify-index-only",),
    ("--index-sanity-check",),
)


@pytest.fixture(scope="module")
def kafkas_files(module_broker, clients):
    """Everything that Kafka writes, of a broker that was stopped, so that its indexes are cut to size."""
    kafka = module_broker(kind="kafka", config={"log.index.interval.bytes": "500"})
    java = or_skip(lambda: clients.get("java-3.9"))
    segment = {"segment.bytes": "20000"}
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = make_topic(kafka, name=f"codec-{codec}", configs=segment)
        java.produce(kafka, topic, 400, codec, codec=codec, idempotence=True, batch_size=4000)
    topic = make_topic(kafka, name="transactions", configs=segment)
    for number, end in enumerate(("commit", "abort", "commit", "abort")):
        java.run("transaction", bootstrap=kafka.address, topic=topic, count=100, seed=end, end=end,
                 transactional_id=f"t{number % 2}", acks="all")  # fmt: skip
    make_topic(kafka, name="stamped", configs={"message.timestamp.type": "LogAppendTime", **segment})
    java.produce(kafka, "stamped", 100, "s", codec="lz4")
    kafka.stop()
    found = []
    for folder, _, names in os.walk(kafka.log_dirs[0]):
        suffixes = (".log", ".index", ".timeindex", ".txnindex", ".snapshot")
        found += [os.path.join(folder, name) for name in sorted(names) if name.endswith(suffixes)]
    assert len(found) > 40
    return sorted(found)


@pytest.mark.parametrize("flags", DUMPS, ids=lambda flags: "-".join(f.strip("-") for f in flags) or "plain")
def test_kafkas_files_are_dumped_line_by_line(kafkas_files, flags):
    got = same("dump-log", *flags, "--files", ",".join(kafkas_files))
    assert len(got.lines) >= len(kafkas_files)


def old_segment(magic):
    data = b""
    offset = 0
    for codec in (records.NONE, records.GZIP, records.SNAPPY):
        data += records.message_set([(b"k%d" % n, b"v%d" % n * 10) for n in range(20)], magic, codec)
        # The same as the broker keeps it: a set's offset is that of its last message.
        kept = records.message_set([(None, b"w%d" % n) for n in range(20)], magic, codec)
        data += kept if codec == records.NONE else struct.pack(">q", offset + 39) + kept[8:]
        offset += 40
    return data


def test_old_messages_and_damage_are_dumped_alike(tmp_path):
    """Files made by hand: magic 0 and 1, a wrong checksum, and bytes that are cut off."""
    good = records.batch([(b"k", b"v"), (None, None)])
    bad = bytearray(good)
    bad[68] ^= 1  # the value's one byte
    files = {
        "00000000000000000000.log": old_segment(0),
        "00000000000000000100.log": old_segment(1),
        "00000000000000000200.log": good + bytes(bad) + good,
        "00000000000000000300.log": good + good[:-3],
        "00000000000000000400.log": b"",
        "00000000000000000400.timeindex": b"",
        "00000000000000000400.index": b"",
        "00000000000000000500.txnindex": b"\0\0" + b"\0\0\0\0\0\0\0\1" * 4,
        "notes.txt": b"",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    paths = ",".join(str(tmp_path / name) for name in files)
    for flags in ((), ("--deep-iteration",), ("--print-data-log", "--skip-record-metadata")):
        same("dump-log", *flags, "--files", paths, stderr=True)


def test_what_cannot_be_dumped_ends_with_1(tmp_path):
    short = tmp_path / "00000000000000000000.log"
    short.write_bytes(b"\0" * 100)
    for path in (short, tmp_path / "00000000000000000001.log", tmp_path / "x.log"):
        wanted, got = kafkas("dump-log", "--files", path), ours("dump-log", "--files", path)
        assert wanted.status == got.status == 1, (wanted, got)
        assert wanted.lines == got.lines
        assert len(got.err.splitlines()) == 1


# --- bad addresses ------------------------------------------------------------------------------------


def serve_once(answer):
    """A port that answers every connection with the same bytes, or with none and silence."""
    server = socket.create_server(("127.0.0.1", 0))

    def run():
        kept = []
        while True:
            try:
                conn, _ = server.accept()
            except OSError:
                return
            kept.append(conn)
            if answer is not None:
                conn.recv(1000)
                conn.sendall(answer)
                conn.close()

    threading.Thread(target=run, daemon=True).start()
    return server


@pytest.mark.parametrize(
    "answer, text",
    (
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak Kafka's protocol"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "SSL"),
        (b"", "closed the connection"),
        (None, "does not answer in time"),
        (b"\0\0\0\x0a\0\0\0\1" + b"\xff" * 6, "answer of 127.0.0.1"),
    ),
    ids=("http", "tls", "closed", "silent", "garbage"),
)
@pytest.mark.parametrize("command", ("topics", "api-versions", "configs"))
def test_wrong_port_is_named(tmp_path, command, answer, text):
    server = serve_once(answer)
    config = tmp_path / "client.properties"
    config.write_text("request.timeout.ms=500\n")
    flags = {"topics": ("--list",), "api-versions": (), "configs": ("--describe", "--entity-type", "topics")}[command]
    address = f"127.0.0.1:{server.getsockname()[1]}"
    start = time.monotonic()
    done = ours(command, "--bootstrap-server", address, "--command-config", config, *flags)
    server.close()
    assert done.status == 1
    assert text in done.out + done.err and address in done.out + done.err, done
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("command", ("topics", "produce", "consume", "configs", "api-versions"))
@pytest.mark.parametrize(
    "address, text",
    (("127.0.0.1:1", "Connection refused"), ("nowhere.invalid:9092", "resolve"), ("localhost", "host:port")),
    ids=("refused", "unknown", "no-port"),
)
def test_address_that_leads_nowhere_is_named(command, address, text):
    flags = {
        "topics": ("--list",),
        "produce": ("--topic", "t"),
        "consume": ("--topic", "t"),
        "configs": ("--describe", "--entity-type", "topics"),
        "api-versions": (),
    }[command]
    done = ours(command, "--bootstrap-server", address, *flags, stdin=b"x\n", deadline_s=30)
    assert done.status == 1
    assert text in done.out + done.err and address in done.out + done.err, done


def test_zookeeper_that_is_not_there_is_named(kafka):
    done = ours("topics", "--zookeeper", "127.0.0.1:1", "--list")
    assert done.status == 1 and "Connection refused" in done.out
    done = ours("topics", "--zookeeper", zookeeper(kafka) + "/elsewhere", "--list")
    assert done.status == 1 and "chroot" in done.out


def test_protection_that_is_not_built_is_refused(kafka, tmp_path):
    config = tmp_path / "client.properties"
    config.write_text("security.protocol=SASL_SSL\n")
    done = ours("topics", "--bootstrap-server", kafka.address, "--command-config", config, "--list")
    assert done.status == 1 and "SSL and SASL are not supported" in done.out
