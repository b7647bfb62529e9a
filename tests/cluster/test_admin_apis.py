"""The requests of administration, asked of a real Kafka and of the broker under test in every version that
each has. The answers must be the same in every field, but for ids, times, hosts and free space."""

import itertools

import pytest

from conftest import Maker, make_topic
from harness import records, schema
from harness.wait import wait_until

_numbers = itertools.count(1)

TOPIC, BROKER, LOGGER, CLIENT_METRICS = 2, 4, 8, 16
SET, DELETE, APPEND, SUBTRACT = range(4)
BROKER_ID = 7

# What both brokers are told, so that sources and synonyms have something to show.
CONFIG = {
    "log.retention.hours": "100",
    "log.segment.bytes": "1048576",
    "log.retention.check.interval.ms": "600000",
    "min.insync.replicas": "1",
    "auto.create.topics.enable": "false",
}


MESSAGE_COMPARED = 200  # ours are cut after some more


def with_short_messages(answer):
    if isinstance(answer, dict):
        return {
            key: value[:MESSAGE_COMPARED] if key == "error_message" and value else with_short_messages(value)
            for key, value in answer.items()
        }
    return [with_short_messages(item) for item in answer] if isinstance(answer, list) else answer


class Pair:
    """A real Kafka and the broker under test, which are told and asked the same things."""

    def __init__(self, kafka, ours):
        self.brokers = {"kafka": kafka, "ours": ours}

    def each(self, act):
        """act(client, broker) on both; what it returned, by make."""
        out = {}
        for make, broker in self.brokers.items():
            with broker.connect() as client:
                out[make] = act(client, broker)
        return out

    def compare(self, act, clean=lambda answer: answer):
        """Both answers, cleaned of what may differ, are the same. Returns Kafka's."""
        out = {make: clean(with_short_messages(answer)) for make, answer in self.each(act).items()}
        assert out["ours"] == out["kafka"]
        return out["kafka"]

    def ask(self, name, version, clean=lambda answer: answer, **fields):
        return self.compare(lambda client, broker: schema.ask(client, name, version, **fields), clean)

    def topic(self, partitions=1, configs=None):
        name = f"admin-{next(_numbers)}"
        for broker in self.brokers.values():
            make_topic(broker, partitions=partitions, configs=configs, name=name)
        return name


@pytest.fixture(scope="module")
def pair(zk, workspace):
    maker = Maker(zk, workspace)
    made = Pair(
        maker(kind="kafka", broker_id=BROKER_ID, config=CONFIG), maker(broker_id=BROKER_ID, config=CONFIG)
    )
    for broker in made.brokers.values():
        broker.zk = zk
    yield made
    maker.finish()


def each_version(name):
    return pytest.mark.parametrize("version", schema.versions(name))


def by(*names):
    """Sorts lists of dicts by these fields; Kafka's order is that of a hash table."""
    return lambda item: tuple(str(item[name]) for name in names)


# --- DescribeConfigs ------------------------------------------------------------------------------


def sorted_configs(answer):
    for result in answer["results"]:
        result["configs"].sort(key=by("name"))
        for config in result["configs"]:
            # The meanings are told in words of our own; that there are some is what matters.
            if config.get("documentation") is not None:
                config["documentation"] = config["documentation"] != ""
    return answer


@each_version("DescribeConfigs")
@pytest.mark.parametrize("wordy", (False, True), ids=("plain", "with_synonyms_and_documentation"))
def test_describe_configs_of_a_topic(pair, version, wordy):
    topic = pair.topic(configs={"retention.ms": "1234567", "cleanup.policy": "compact,delete", "segment.ms": "9000"})
    more = {}
    if version >= 1:
        more["include_synonyms"] = wordy
    if version >= 3:
        more["include_documentation"] = wordy
    answer = pair.ask(
        "DescribeConfigs",
        version,
        clean=sorted_configs,
        resources=[{"resource_type": TOPIC, "resource_name": topic, "configuration_keys": None}],
        **more,
    )
    assert len(answer["results"][0]["configs"]) > 30


@each_version("DescribeConfigs")
def test_describe_configs_picks_names(pair, version):
    topic = pair.topic(configs={"flush.ms": "77"})
    for keys in (["flush.ms", "retention.ms", "no.such.setting"], ["no.such.setting"], []):
        pair.ask(
            "DescribeConfigs",
            version,
            clean=sorted_configs,
            resources=[{"resource_type": TOPIC, "resource_name": topic, "configuration_keys": keys}],
        )


@each_version("DescribeConfigs")
@pytest.mark.parametrize(
    ("kind", "name"),
    (
        (TOPIC, "no-such-topic"),
        (TOPIC, ""),
        (TOPIC, "bad name"),
        (BROKER, "8"),
        (BROKER, "seven"),
        (BROKER, "-1"),
        (LOGGER, ""),
        (LOGGER, "8"),
        (LOGGER, "x"),
        (CLIENT_METRICS, ""),
        (CLIENT_METRICS, "m"),
        (0, "x"),
        (1, "x"),
        (32, "x"),
    ),
)
def test_describe_configs_refuses(pair, version, kind, name):
    topic = pair.topic() if kind in (0, 1, 32) else None
    resources = [{"resource_type": kind, "resource_name": name, "configuration_keys": None}]
    if topic:  # an unknown type spoils the whole request
        resources.append({"resource_type": TOPIC, "resource_name": topic, "configuration_keys": ["flush.ms"]})
    pair.ask("DescribeConfigs", version, clean=sorted_configs, resources=resources)


def test_describe_configs_refuses_a_long_name(pair):
    def clean(answer):
        # Ours shows the beginning of the name.
        answer["results"][0]["error_message"] = answer["results"][0]["error_message"][:70]
        return answer

    resources = [{"resource_type": TOPIC, "resource_name": "x" * 250, "configuration_keys": None}]
    pair.ask("DescribeConfigs", 4, clean=clean, resources=resources)


# Settings that are of one process, and those that only one of the two has.
ITS_OWN = {"listeners", "log.dirs", "zookeeper.connect", "advertised.listeners", "broker.rack"}


def common_configs(answer):
    for result in answer["results"]:
        result["configs"] = [
            config
            for config in result["configs"]
            if config["name"] not in ITS_OWN and not config["name"].startswith("barnabas.")
        ]
    return sorted_configs(answer)


@each_version("DescribeConfigs")
def test_describe_configs_of_the_broker(pair, version):
    answer = pair.ask(
        "DescribeConfigs",
        version,
        clean=common_configs,
        resources=[{"resource_type": BROKER, "resource_name": str(BROKER_ID), "configuration_keys": None}],
        **({"include_synonyms": True} if version >= 1 else {}),
    )
    assert len(answer["results"][0]["configs"]) > 200


@each_version("DescribeConfigs")
def test_describe_configs_of_a_logger(pair, version):
    pair.ask(
        "DescribeConfigs",
        version,
        clean=sorted_configs,
        resources=[{"resource_type": LOGGER, "resource_name": str(BROKER_ID), "configuration_keys": ["root"]}],
    )


# --- AlterConfigs, IncrementalAlterConfigs ------------------------------------------------------------


def znode_config(pair, entity):
    import json

    def read(client, broker):
        data = broker.zk.read(f"{broker.chroot}/config/{entity}")
        return None if data is None else json.loads(data)

    return pair.compare(read)


def alter(pair, version, kind, name, configs, validate_only=False):
    return pair.ask(
        "AlterConfigs",
        version,
        resources=[
            {
                "resource_type": kind,
                "resource_name": name,
                "configs": [{"name": key, "value": value} for key, value in configs],
            }
        ],
        validate_only=validate_only,
    )["responses"][0]


def alter_each(pair, version, kind, name, edits, validate_only=False, clean=lambda answer: answer):
    return pair.ask(
        "IncrementalAlterConfigs",
        version,
        clean=clean,
        resources=[
            {
                "resource_type": kind,
                "resource_name": name,
                "configs": [{"name": key, "config_operation": op, "value": value} for op, key, value in edits],
            }
        ],
        validate_only=validate_only,
    )["responses"][0]


def shown(pair, topic, key):
    """A setting as DescribeConfigs shows it."""
    answer = pair.ask(
        "DescribeConfigs",
        4,
        clean=sorted_configs,
        resources=[{"resource_type": TOPIC, "resource_name": topic, "configuration_keys": [key]}],
        include_synonyms=True,
    )
    return answer["results"][0]["configs"][0]["value"]


@each_version("AlterConfigs")
def test_alter_configs_replaces_all_of_a_topic(pair, version):
    topic = pair.topic(configs={"retention.ms": "1000", "flush.ms": "5"})
    assert alter(pair, version, TOPIC, topic, [("retention.ms", "2000")], validate_only=True)["error_code"] == 0
    assert shown(pair, topic, "retention.ms") == "1000"
    assert alter(pair, version, TOPIC, topic, [("retention.ms", "2000")])["error_code"] == 0
    assert shown(pair, topic, "retention.ms") == "2000"
    assert znode_config(pair, f"topics/{topic}") == {"version": 1, "config": {"retention.ms": "2000"}}
    assert alter(pair, version, TOPIC, topic, [])["error_code"] == 0
    assert znode_config(pair, f"topics/{topic}") == {"version": 1, "config": {}}


@each_version("IncrementalAlterConfigs")
def test_incremental_alter_configs_edits_a_topic(pair, version):
    topic = pair.topic(configs={"retention.ms": "1000", "flush.ms": "5"})

    def edit(*edits):
        assert alter_each(pair, version, TOPIC, topic, edits)["error_code"] == 0
        return znode_config(pair, f"topics/{topic}")["config"]

    assert edit((SET, "segment.ms", "9000")) == {"retention.ms": "1000", "flush.ms": "5", "segment.ms": "9000"}
    assert edit((DELETE, "flush.ms", None), (DELETE, "max.message.bytes", "")) == {
        "retention.ms": "1000",
        "segment.ms": "9000",
    }
    assert edit((APPEND, "cleanup.policy", "compact"))["cleanup.policy"] == "delete,compact"
    assert edit((APPEND, "cleanup.policy", "compact,delete"))["cleanup.policy"] == "delete,compact"
    assert edit((SUBTRACT, "cleanup.policy", "delete,nonesuch"))["cleanup.policy"] == "compact"
    replicas = "leader.replication.throttled.replicas"
    assert edit((APPEND, replicas, "0:7,1:7"))[replicas] == "0:7,1:7"
    assert edit((SUBTRACT, replicas, "1:7"))[replicas] == "0:7"
    edit((SUBTRACT, replicas, "0:7"))
    shown(pair, topic, replicas)


BAD_TOPIC_EDITS = (
    [(SET, "no.such.setting", "1")],
    [(SET, "retention.ms", "soon")],
    [(SET, "retention.ms", "-2")],
    [(SET, "cleanup.policy", "sometimes")],
    [(SET, "min.cleanable.dirty.ratio", "1.5")],
    [(SET, "compression.type", "rar")],
    [(SET, "message.timestamp.type", "Never")],
    [(SET, "unclean.leader.election.enable", "maybe")],
    [(SET, "min.compaction.lag.ms", "10"), (SET, "max.compaction.lag.ms", "9")],
    [(SET, "leader.replication.throttled.replicas", "x")],
    [(SET, "remote.storage.enable", "true")],
    [(SET, "flush.ms", None)],
    [(SET, "flush.ms", None), (SET, "segment.ms", None)],
    [(SET, "flush.ms", "1"), (SET, "flush.ms", "2")],
    [(SET, "", "1")],
    [(SET, "segment.bytes", "3000000000")],
    [(SET, "flush.ms", " 12 ")],
)


@each_version("AlterConfigs")
@pytest.mark.parametrize("edits", BAD_TOPIC_EDITS, ids=str)
def test_alter_configs_refuses(pair, version, edits):
    topic = pair.topic()
    alter(pair, version, TOPIC, topic, [(key, value) for _, key, value in edits])
    znode_config(pair, f"topics/{topic}")


@each_version("IncrementalAlterConfigs")
@pytest.mark.parametrize(
    "edits",
    BAD_TOPIC_EDITS
    + (
        [(APPEND, "retention.ms", "1")],
        [(SUBTRACT, "retention.ms", "1")],
        [(APPEND, "cleanup.policy", None)],
        [(APPEND, "cleanup.policy", "never")],
        [(SET, "flush.ms", "1"), (DELETE, "flush.ms", None)],
        [(DELETE, "no.such.setting", None)],
    ),
    ids=str,
)
def test_incremental_alter_configs_refuses(pair, version, edits):
    topic = pair.topic()
    alter_each(pair, version, TOPIC, topic, edits)
    znode_config(pair, f"topics/{topic}")


RESOURCES = (
    (TOPIC, "no-such-topic"),
    (TOPIC, ""),
    (TOPIC, "bad name"),
    (BROKER, "8"),
    (BROKER, "seven"),
    (LOGGER, "x"),
    (CLIENT_METRICS, "m"),
    (0, "x"),
    (77, "x"),
)


@pytest.mark.parametrize(("kind", "name"), RESOURCES)
def test_altering_refuses_resources(pair, kind, name):
    for version in schema.versions("AlterConfigs"):
        alter(pair, version, kind, name, [("retention.ms", "1")])
    for version in schema.versions("IncrementalAlterConfigs"):
        alter_each(pair, version, kind, name, [(SET, "retention.ms", "1")])


def test_altering_refuses_a_resource_named_twice(pair):
    topic = pair.topic()
    resource = {"resource_type": TOPIC, "resource_name": topic, "configs": []}
    other = {"resource_type": TOPIC, "resource_name": "no-such-topic", "configs": []}
    # Asked of AlterConfigs, Kafka never answers.
    with pair.brokers["ours"].connect() as client:
        answer = schema.ask(client, "AlterConfigs", 2, resources=[resource, other, resource], validate_only=False)
    assert [response["error_code"] for response in answer["responses"]] == [42, 3, 42]
    pair.ask("IncrementalAlterConfigs", 1, resources=[resource, other, resource], validate_only=False)


# Kafka trips over these and answers -1; ours says what is wrong.
@pytest.mark.parametrize(
    ("kind", "edits", "code"),
    (
        (TOPIC, [(APPEND, "no.such.setting", "1")], 40),
        (TOPIC, [(9, "flush.ms", "1")], 42),
        (LOGGER, [(9, "root", "INFO")], 42),
    ),
    ids=("append_to_unknown_setting", "unknown_operation", "unknown_operation_on_a_logger"),
)
def test_incremental_alter_configs_says_what_is_wrong(pair, kind, edits, code):
    name = pair.topic() if kind == TOPIC else str(BROKER_ID)

    def act(client, broker):
        return schema.ask(
            client,
            "IncrementalAlterConfigs",
            1,
            resources=[
                {
                    "resource_type": kind,
                    "resource_name": name,
                    "configs": [{"name": k, "config_operation": op, "value": v} for op, k, v in edits],
                }
            ],
        )["responses"][0]

    answers = pair.each(act)
    assert answers["kafka"]["error_code"] == -1
    assert answers["ours"]["error_code"] == code
    assert answers["ours"]["error_message"]


@pytest.mark.parametrize("name", ("", str(BROKER_ID)), ids=("all_brokers", "one_broker"))
@pytest.mark.parametrize(
    "edits",
    (
        [(SET, "broker.id", "9")],
        [(SET, "log.retention.ms", "never")],
        [(SET, "log.cleaner.threads", "0")],
        [(SET, "log.cleaner.threads", "9")],
        [(SET, "num.io.threads", "100")],
        [(SET, "num.io.threads", "1")],
        [(APPEND, "log.retention.ms", "1")],
        [(SET, "listeners", "x")],
        [(SET, "ssl.keystore.type", "JKS")],
        [(SET, "log.retention.ms", None)],
        [(SET, "max.connections", "100"), (SET, "max.connections", "101")],
    ),
    ids=str,
)
def test_altering_a_broker_refuses(pair, name, edits):
    def code_alone(answer):
        # Messages list sets and rules in an order of their own.
        for response in answer["responses"]:
            response["error_message"] = response["error_message"] is not None
        return answer

    alter_each(pair, 1, BROKER, name, edits, clean=code_alone)


def broker_setting(client, key, name):
    answer = schema.ask(
        client,
        "DescribeConfigs",
        4,
        resources=[{"resource_type": BROKER, "resource_name": name, "configuration_keys": [key]}],
        include_synonyms=True,
    )
    return answer["results"][0]["configs"]


def test_broker_settings_change_for_one_and_for_all(pair):
    key = "log.retention.ms"
    steps = (
        ("", [(SET, key, "5000000")]),
        (str(BROKER_ID), [(SET, key, "6000000")]),
        (str(BROKER_ID), [(DELETE, key, None)]),
        ("", [(DELETE, key, None)]),
    )
    topic = pair.topic()
    for name, edits in steps:
        before = pair.each(lambda client, broker: broker_setting(client, key, str(BROKER_ID)))
        assert alter_each(pair, 1, BROKER, name, edits)["error_code"] == 0

        def took_effect(client, broker):
            make = next(m for m, b in pair.brokers.items() if b is broker)
            wait_until(
                lambda: broker_setting(client, key, str(BROKER_ID)) != before[make], 20, f"new {key} in {make}"
            )

        pair.each(took_effect)
        for resource in ("", str(BROKER_ID)):
            pair.compare(lambda client, broker: broker_setting(client, key, resource))  # noqa: B023
        shown(pair, topic, "retention.ms")
    znode_config(pair, f"brokers/{BROKER_ID}")
    znode_config(pair, "brokers/<default>")


def test_log_level_changes(pair):
    def level(client, broker):
        answer = schema.ask(
            client,
            "DescribeConfigs",
            4,
            resources=[{"resource_type": LOGGER, "resource_name": str(BROKER_ID), "configuration_keys": ["root"]}],
        )
        return answer["results"][0]["configs"][0]["value"]

    for value in ("WARN", "DEBUG", "INFO"):
        assert alter_each(pair, 1, LOGGER, str(BROKER_ID), [(SET, "root", value)])["error_code"] == 0
        assert pair.compare(level) == value
    assert alter_each(pair, 1, LOGGER, str(BROKER_ID), [(SET, "root", "ERROR")], True)["error_code"] == 0
    assert pair.compare(level) == "INFO"
    for edits in (
        [(SET, "root", "LOUD")],
        [(SET, "root", "info")],
        [(DELETE, "root", None)],
        [(SET, "no.such.logger", "INFO")],
        [(APPEND, "root", "INFO")],
        [(SUBTRACT, "root", "INFO")],
    ):
        alter_each(pair, 1, LOGGER, str(BROKER_ID), edits)


def test_two_who_edit_one_topic_both_count(pair):
    """Edits of different settings, sent at once over two connections, all hold."""
    topic = pair.topic()
    ours = pair.brokers["ours"]
    with ours.connect() as one, ours.connect() as two:
        for number in range(40):
            sent = []
            for client, key in ((one, "flush.ms"), (two, "segment.ms")):
                edit = {"name": key, "config_operation": SET, "value": str(1000 + number)}
                sent.append(
                    schema.send(
                        client,
                        "IncrementalAlterConfigs",
                        1,
                        resources=[{"resource_type": TOPIC, "resource_name": topic, "configs": [edit]}],
                    )
                )
            for client, correlation_id in zip((one, two), sent):
                answer = schema.receive(client, "IncrementalAlterConfigs", 1, correlation_id)
                assert answer["responses"][0]["error_code"] == 0
            data = ours.zk.read(f"{ours.chroot}/config/topics/{topic}")
            for key in ("flush.ms", "segment.ms"):
                assert f'"{key}":"{1000 + number}"' in (data if isinstance(data, str) else data.decode())


# --- DeleteRecords ------------------------------------------------------------------------------------


def fill(pair, topic, count, partition=0):
    def act(client, broker):
        for number in range(count):
            answer = client.produce(topic, records.batch([(b"k", b"%d" % number)]), partition=partition)
            assert answer["error"] == 0

    pair.each(act)


def delete_records(pair, version, topic, offsets, timeout_ms=5000):
    return pair.ask(
        "DeleteRecords",
        version,
        topics=[
            {
                "name": topic,
                "partitions": [{"partition_index": p, "offset": o} for p, o in offsets],
            }
        ],
        timeout_ms=timeout_ms,
        clean=sorted_partitions,
    )["topics"][0]["partitions"]


def sorted_partitions(answer):
    answer["topics"].sort(key=by("name"))
    for topic in answer["topics"]:
        topic["partitions"].sort(key=by("partition_index"))
    return answer


@each_version("DeleteRecords")
def test_delete_records_moves_the_start(pair, version):
    topic = pair.topic(partitions=2)
    fill(pair, topic, 10)
    (answer,) = delete_records(pair, version, topic, [(0, 4)])
    assert (answer["error_code"], answer["low_watermark"]) == (0, 4)
    assert pair.compare(lambda client, broker: client.list_offset(topic, -2))["offset"] == 4
    (answer,) = delete_records(pair, version, topic, [(0, 2)])  # already gone
    assert (answer["error_code"], answer["low_watermark"]) == (0, 4)
    (answer,) = delete_records(pair, version, topic, [(0, 11)])
    assert answer["error_code"] == 1
    (answer,) = delete_records(pair, version, topic, [(0, -2)])
    assert answer["error_code"] == 1
    answers = delete_records(pair, version, topic, [(0, -1), (1, -1), (2, 0)], timeout_ms=0)
    assert [(a["error_code"], a["low_watermark"]) for a in answers] == [(0, 10), (0, 0), (3, -1)]
    assert pair.compare(lambda client, broker: client.fetch(topic, 3)["error"]) == 1
    delete_records(pair, version, "no-such-topic", [(0, 0)])


@each_version("DeleteRecords")
def test_delete_records_minds_the_cleanup_policy(pair, version):
    topic = pair.topic(configs={"cleanup.policy": "compact"})
    (answer,) = delete_records(pair, version, topic, [(0, -1)])
    assert answer["error_code"] == 44
    assert alter_each(pair, 1, TOPIC, topic, [(APPEND, "cleanup.policy", "delete")])["error_code"] == 0

    def allowed(client, broker):
        wait_until(
            lambda: schema.ask(
                client,
                "DeleteRecords",
                version,
                topics=[{"name": topic, "partitions": [{"partition_index": 0, "offset": -1}]}],
                timeout_ms=1000,
            )["topics"][0]["partitions"][0]["error_code"]
            == 0,
            20,
            "the new policy holds",
        )

    pair.each(allowed)


def test_delete_records_survives_a_restart(new_broker):
    broker = new_broker(config=CONFIG)
    topic = make_topic(broker)
    with broker.connect() as client:
        for number in range(5):
            client.produce(topic, records.batch([(b"k", b"%d" % number)]))
        ask = {"topics": [{"name": topic, "partitions": [{"partition_index": 0, "offset": 3}]}], "timeout_ms": 1000}
        assert schema.ask(client, "DeleteRecords", 2, **ask)["topics"][0]["partitions"][0]["low_watermark"] == 3
    broker.stop()
    broker.start()
    with broker.connect() as client:
        wait_until(lambda: client.list_offset(topic, -2)["offset"] == 3, 20, "the start stands again")


# --- DescribeLogDirs ----------------------------------------------------------------------------------


def log_dirs(answer):
    """By topic and partition; without what depends on the folder and the disk."""
    for number, result in enumerate(answer["results"]):
        assert result["log_dir"].startswith("/")
        result["log_dir"] = number
        for key in ("total_bytes", "usable_bytes"):
            if key in result:
                assert result[key] > 0
                result[key] = "some"
        result["topics"].sort(key=by("name"))
        for topic in result["topics"]:
            topic["partitions"].sort(key=by("partition_index"))
    return answer


@each_version("DescribeLogDirs")
def test_describe_log_dirs(pair, version):
    topic = pair.topic(partitions=3)
    fill(pair, topic, 5)
    fill(pair, topic, 2, partition=2)
    wanted = (
        [{"topic": topic, "partitions": [0, 1, 2]}],
        [{"topic": topic, "partitions": [2, 9]}, {"topic": "no-such-topic", "partitions": [0]}],
        [],
    )
    for topics in wanted:
        pair.ask("DescribeLogDirs", version, clean=log_dirs, topics=topics)

    def of_all(answer):
        """Topics of other tests may be on their way out."""
        answer = log_dirs(answer)
        for result in answer["results"]:
            result["topics"] = [found for found in result["topics"] if found["name"] == topic]
        return answer

    answer = pair.ask("DescribeLogDirs", version, clean=of_all, topics=None)
    (found,) = answer["results"][0]["topics"]
    assert [partition["partition_size"] > 0 for partition in found["partitions"]] == [True, False, True]


def test_describe_log_dirs_of_several_and_broken_ones(new_broker):
    broker = new_broker(log_dirs=3, config=CONFIG)
    topic = make_topic(broker, partitions=6)
    with broker.connect() as client:
        answer = schema.ask(client, "DescribeLogDirs", 4, topics=None)
    assert sorted(result["log_dir"] for result in answer["results"]) == sorted(broker.log_dirs)
    for result in answer["results"]:
        (found,) = [found for found in result["topics"] if found["name"] == topic]
        assert len(found["partitions"]) == 2


# --- DescribeProducers --------------------------------------------------------------------------------


def producers(answer):
    answer["topics"].sort(key=by("name"))
    for topic in answer["topics"]:
        topic["partitions"].sort(key=by("partition_index"))
        for partition in topic["partitions"]:
            partition["active_producers"].sort(key=by("last_sequence", "producer_epoch"))
            for number, producer in enumerate(partition["active_producers"]):
                assert producer["producer_id"] >= 0
                producer["producer_id"] = number
    return answer


@each_version("DescribeProducers")
def test_describe_producers(pair, version):
    topic = pair.topic(partitions=2)
    fill(pair, topic, 1)

    def produce(client, broker):
        for count in (1, 3):
            producer = client.new_producer_id()
            for sequence in range(count):
                batch = records.batch(
                    [(b"k", b"v")],
                    producer=(producer["id"], producer["epoch"], sequence),
                )
                assert client.produce(topic, batch)["error"] == 0

    pair.each(produce)
    topics = [
        {"name": topic, "partition_indexes": [0, 1, 2, -1]},
        {"name": "no-such-topic", "partition_indexes": [0]},
        {"name": "bad name", "partition_indexes": [0, 1]},
        {"name": "", "partition_indexes": [0]},
    ]
    answer = pair.ask("DescribeProducers", version, clean=producers, topics=topics)
    found = next(t for t in answer["topics"] if t["name"] == topic)["partitions"]
    assert sorted(p["last_sequence"] for f in found for p in f["active_producers"]) == [0, 2]


# --- ElectLeaders --------------------------------------------------------------------------------------


def elections(answer):
    answer["replica_election_results"].sort(key=by("topic"))
    for result in answer["replica_election_results"]:
        result["partition_result"].sort(key=by("partition_id"))
    return answer


@each_version("ElectLeaders")
@pytest.mark.parametrize("kind", (0, 1), ids=("preferred", "unclean"))
def test_elect_leaders_on_one_broker(pair, version, kind):
    topic = pair.topic(partitions=2)
    more = {"election_type": kind} if version >= 1 else {}
    pair.ask(
        "ElectLeaders",
        version,
        clean=elections,
        topic_partitions=[
            {"topic": topic, "partitions": [0, 1, 2]},
            {"topic": "no-such-topic", "partitions": [0]},
        ],
        timeout_ms=5000,
        **more,
    )
    answer = pair.ask("ElectLeaders", version, clean=elections, topic_partitions=None, timeout_ms=5000, **more)
    assert answer["replica_election_results"] == []


# --- reassignments --------------------------------------------------------------------------------------


def moved(answer):
    answer["responses"].sort(key=by("name"))
    for topic in answer["responses"]:
        topic["partitions"].sort(key=by("partition_index"))
    return answer


REPLICAS = {
    "nobody": [],
    "twice": [BROKER_ID, BROKER_ID],
    "negative": [BROKER_ID, -1],
    "twice_and_negative": [-1, -1],
    "dead": [8],
    "one_of_them_dead": [BROKER_ID, 8],
    "as_it_is": [BROKER_ID],
    "cancel": None,
}


@each_version("AlterPartitionReassignments")
@pytest.mark.parametrize("replicas", REPLICAS.values(), ids=REPLICAS)
def test_alter_partition_reassignments(pair, version, replicas):
    topic = pair.topic(partitions=2)
    partitions = [{"partition_index": partition, "replicas": replicas} for partition in (0, 1, 9, -1)]
    pair.ask(
        "AlterPartitionReassignments",
        version,
        clean=moved,
        topics=[{"name": name, "partitions": partitions} for name in (topic, "no-such-topic", "")],
    )


@each_version("AlterPartitionReassignments")
def test_of_two_moves_of_a_partition_the_last_counts(pair, version):
    topic = pair.topic()
    moves = [{"partition_index": 0, "replicas": replicas} for replicas in ([8], None, [BROKER_ID], [-1])]
    answer = pair.ask(
        "AlterPartitionReassignments", version, topics=[{"name": topic, "partitions": moves}]
    )
    assert len(answer["responses"][0]["partitions"]) == 1
    assert pair.ask("AlterPartitionReassignments", version, topics=[])["responses"] == []


@each_version("ListPartitionReassignments")
def test_list_partition_reassignments_when_nothing_moves(pair, version):
    topic = pair.topic(partitions=2)
    some = [{"name": topic, "partition_indexes": [0, 1, 9]}, {"name": "no-such-topic", "partition_indexes": [0]}]
    for topics in (None, [], some):
        assert pair.ask("ListPartitionReassignments", version, topics=topics)["topics"] == []


def test_move_of_a_deleted_topic_is_refused(pair):
    topic = pair.topic()

    pair.each(lambda client, _: schema.ask(client, "DeleteTopics", 5, topic_names=[topic], timeout_ms=20000))
    moves = [{"partition_index": 0, "replicas": [BROKER_ID]}]
    answer = pair.ask("AlterPartitionReassignments", 0, topics=[{"name": topic, "partitions": moves}])
    assert answer["responses"][0]["partitions"][0]["error_code"] == 3


# --- UpdateFeatures ---------------------------------------------------------------------------------------


def features(answer):
    answer["results"].sort(key=by("feature"))
    return answer


@each_version("UpdateFeatures")
@pytest.mark.parametrize("level", (-1, 0, 1, 5))
def test_update_features_refuses_all(pair, version, level):
    kinds = [{"allow_downgrade": flag} for flag in (False, True)]
    if version >= 1:
        kinds = [{"upgrade_type": kind} for kind in (0, 1, 2, 3, 7, -1)]
    for kind in kinds:
        updates = [{"feature": name, "max_version_level": level, **kind} for name in ("", "metadata.version", "x", "x")]
        answer = pair.ask("UpdateFeatures", version, clean=features, feature_updates=updates)
        assert [result["error_code"] for result in answer["results"]] == [42, 42, 42]
    assert pair.ask("UpdateFeatures", version, feature_updates=[])["results"] == []


# --- CreateTopics, Metadata that creates -----------------------------------------------------------------


def created(answer):
    answer["topics"].sort(key=by("name"))
    for topic in answer["topics"]:
        if "topic_id" in topic:
            topic["topic_id"] = topic["topic_id"] != bytes(16)
        if topic.get("configs") is not None:
            topic["configs"].sort(key=by("name"))
        if (topic.get("error_message") or "").startswith(SHOWN_BY_SCALA):
            topic["error_message"] = SHOWN_BY_SCALA
    return answer


# What follows is Kafka's map, as its language prints it.
SHOWN_BY_SCALA = "Duplicate replica assignment found: "


def new_topic(name, partitions=1, replicas=1, assignments=(), configs=()):
    return {
        "name": name,
        "num_partitions": partitions,
        "replication_factor": replicas,
        "assignments": [{"partition_index": p, "broker_ids": list(ids)} for p, ids in assignments],
        "configs": [{"name": key, "value": value} for key, value in configs],
    }


@each_version("CreateTopics")
@pytest.mark.parametrize("validate_only", (False, True))
def test_create_topics(pair, version, validate_only):
    name = f"created-{next(_numbers)}"
    topics = [
        new_topic(name + "-a", partitions=3, configs=[("retention.ms", "77"), ("cleanup.policy", "compact")]),
        new_topic(name + "-b", -1, -1, assignments=[(0, [BROKER_ID]), (1, [BROKER_ID])]),
    ]
    if version >= 4:
        topics.append(new_topic(name + "-c", -1, -1))
    more = {"validate_only": validate_only} if version >= 1 else {}
    if validate_only and version == 0:
        return
    answer = pair.ask("CreateTopics", version, clean=created, topics=topics, timeout_ms=10000, **more)
    assert [topic["error_code"] for topic in answer["topics"]] == [0] * len(topics)
    again = pair.ask("CreateTopics", version, clean=created, topics=topics, timeout_ms=10000, **more)
    assert {topic["error_code"] for topic in again["topics"]} == {0 if validate_only else 36}


BAD_TOPICS = {
    "no_partitions": lambda name: new_topic(name, 0, 1),
    "negative_partitions": lambda name: new_topic(name, -2, 1),
    "no_replicas": lambda name: new_topic(name, 1, 0),
    "negative_replicas": lambda name: new_topic(name, 1, -2),
    "too_many_replicas": lambda name: new_topic(name, 1, 3),
    "counts_and_assignments": lambda name: new_topic(name, 1, 1, assignments=[(0, [BROKER_ID])]),
    "partitions_and_assignments": lambda name: new_topic(name, 1, -1, assignments=[(0, [BROKER_ID])]),
    "assignment_with_a_hole": lambda name: new_topic(name, -1, -1, [(0, [BROKER_ID]), (2, [BROKER_ID])]),
    "assignment_from_one": lambda name: new_topic(name, -1, -1, [(1, [BROKER_ID])]),
    "assignment_uneven": lambda name: new_topic(name, -1, -1, [(0, [BROKER_ID]), (1, [BROKER_ID, 8])]),
    "assignment_twice": lambda name: new_topic(name, -1, -1, [(0, [BROKER_ID, BROKER_ID])]),
    "empty_name": lambda name: new_topic(""),
    "bad_name": lambda name: new_topic(name + "/x"),
    "dot": lambda name: new_topic("."),
    "dots": lambda name: new_topic(".."),
    "unknown_config": lambda name: new_topic(name, configs=[("no.such", "1")]),
    "bad_config": lambda name: new_topic(name, configs=[("flush.ms", "x")]),
    "null_config": lambda name: new_topic(name, configs=[("flush.ms", None), ("segment.ms", None)]),
    "config_twice": lambda name: new_topic(name, configs=[("flush.ms", "1"), ("flush.ms", "2")]),
    "cluster_metadata": lambda name: new_topic("__cluster_metadata"),
    "bad_name_and_no_partitions": lambda name: new_topic(name + "/x", 0, 1),
    "bad_config_and_no_replicas": lambda name: new_topic(name, 1, 0, configs=[("flush.ms", "x")]),
    "null_config_and_no_replicas": lambda name: new_topic(name, 1, 0, configs=[("flush.ms", None)]),
    "null_config_and_bad_name": lambda name: new_topic(name + "/x", configs=[("flush.ms", None)]),
}


@each_version("CreateTopics")
@pytest.mark.parametrize("case", BAD_TOPICS)
def test_create_topics_refuses(pair, version, case):
    topic = BAD_TOPICS[case](f"refused-{next(_numbers)}")
    more = {"validate_only": False} if version >= 1 else {}
    pair.ask("CreateTopics", version, clean=created, topics=[topic], timeout_ms=5000, **more)


@each_version("CreateTopics")
def test_create_topics_refuses_names_that_are_there(pair, version):
    name = f"there.{next(_numbers)}"
    more = {"validate_only": False} if version >= 1 else {}

    def ask(*topics):
        pair.ask("CreateTopics", version, clean=created, topics=list(topics), timeout_ms=5000, **more)

    ask(new_topic(name))
    ask(new_topic(name))
    ask(new_topic(name, configs=[("no.such", "1")]))
    ask(new_topic(name.replace(".", "_")))
    ask(new_topic(name + "-x"), new_topic(name + "-y"), new_topic(name + "-x"))


@each_version("CreateTopics")
def test_create_topics_without_time(pair, version):
    """The topic is made all the same."""
    name = f"hasty-{next(_numbers)}"
    for timeout_ms in (0, -1):
        pair.ask("CreateTopics", version, clean=created, topics=[new_topic(f"{name}{timeout_ms}")], timeout_ms=timeout_ms)

    def there(client, broker):
        def seen():
            return all(topic["error"] == 0 for topic in client.metadata([f"{name}0", f"{name}-1"])["topics"])

        wait_until(seen, 20, "topics that were made in no time")

    pair.each(there)


@pytest.fixture(scope="module")
def creating_pair(zk, workspace):
    """Two that make topics on demand."""
    maker = Maker(zk, workspace)
    config = dict(CONFIG)
    config.update({"auto.create.topics.enable": "true", "num.partitions": "2"})
    made = Pair(
        maker(kind="kafka", broker_id=BROKER_ID, config=config), maker(broker_id=BROKER_ID, config=config)
    )
    yield made
    maker.finish()


def shown_topics(answer):
    answer.pop("cluster_id", None)
    for broker in answer["brokers"]:
        broker.pop("port")
    for topic in answer["topics"]:
        if "topic_id" in topic:
            topic["topic_id"] = topic["topic_id"] != bytes(16)
        topic["partitions"].sort(key=by("partition_index"))
    answer["topics"].sort(key=by("name"))
    return answer


@each_version("Metadata")
def test_metadata_creates_topics(creating_pair, version):
    pair = creating_pair
    name = f"wanted-{next(_numbers)}"

    def ask(names, **more):
        return pair.ask("Metadata", version, clean=shown_topics, topics=[{"name": n} for n in names], **more)

    if version >= 4:
        answer = ask([name, "bad name"], allow_auto_topic_creation=False)
        assert {topic["error_code"] for topic in answer["topics"]} == {3, 17}
    ask([name, "bad name"])

    def there(client, broker):
        def seen():
            (topic,) = client.metadata([name])["topics"]
            return topic["error"] == 0 and len(topic["partitions"]) == 2

        wait_until(seen, 20, f"{name} made on demand")

    pair.each(there)
    answer = ask([name])
    assert answer["topics"][0]["error_code"] == 0


# --- DeleteTopics, CreatePartitions ----------------------------------------------------------------------


def deleted(answer):
    for topic in answer["responses"]:
        if "topic_id" in topic:
            topic["topic_id"] = topic["topic_id"] != bytes(16)
    answer["responses"].sort(key=by("name"))
    return answer


@each_version("DeleteTopics")
def test_delete_topics(pair, version):
    first, second, third = pair.topic(), pair.topic(), pair.topic()

    def ask(names, timeout_ms):
        fields = (
            {"topics": [{"name": name} for name in names]} if version >= 6 else {"topic_names": names}
        )
        return pair.ask("DeleteTopics", version, clean=deleted, timeout_ms=timeout_ms, **fields)

    answer = ask([first, "no-such-topic"], 10000)
    assert sorted(topic["error_code"] for topic in answer["responses"]) == [0, 3]
    ask([second], 0)

    def gone(client, broker):
        wait_until(lambda: client.metadata([second])["topics"][0]["error"] == 3, 20, f"{second} gone")

    pair.each(gone)
    if version < 6:
        return

    def by_id(client, broker):
        (known,) = client.metadata([third], version=12)["topics"]
        topics = [{"name": None, "topic_id": known["id"]}, {"name": None, "topic_id": b"x" * 16}]
        return schema.ask(client, "DeleteTopics", version, topics=topics, timeout_ms=10000)

    pair.compare(by_id, clean=deleted)

    def both(client, broker):
        topics = [{"name": third, "topic_id": b"x" * 16}]
        return schema.ask(client, "DeleteTopics", version, topics=topics, timeout_ms=10000)

    pair.compare(both, clean=deleted)


def enlarged(answer):
    answer["results"].sort(key=by("name"))
    return answer


@each_version("CreatePartitions")
def test_create_partitions(pair, version):
    topic = pair.topic(partitions=2)

    def ask(count, assignments=None, timeout_ms=10000, validate_only=False, name=topic):
        asked = {
            "name": name,
            "count": count,
            "assignments": None if assignments is None else [{"broker_ids": ids} for ids in assignments],
        }
        answer = pair.ask(
            "CreatePartitions",
            version,
            clean=enlarged,
            topics=[asked],
            timeout_ms=timeout_ms,
            validate_only=validate_only,
        )
        return answer["results"][0]["error_code"]

    assert ask(3, validate_only=True) == 0
    assert ask(3) == 0
    assert ask(3) == 37
    assert ask(1) == 37
    assert ask(-1) == 37
    assert ask(4, name="no-such-topic") == 3
    assert ask(4, [[8]]) == 39
    assert ask(5, [[BROKER_ID]]) == 39
    assert ask(4, [[]]) == 39
    assert ask(4, [[BROKER_ID, BROKER_ID]]) == 39
    assert ask(4, []) == 39
    assert ask(4, [[BROKER_ID]]) == 0
    assert ask(5, timeout_ms=0) == 7


# --- names and values that are no text -----------------------------------------------------------------------

# One that goes on behind a zero byte must not be taken for the one before it.
BEHIND_ZERO = "\0more"
INVALID_REQUEST = 42




@each_version("DeleteTopics")
def test_topic_whose_name_goes_on_behind_a_zero_byte_is_not_deleted(pair, version):
    topic = pair.topic()
    name = topic + BEHIND_ZERO
    more = {"topics": [{"name": name}]} if version >= 6 else {"topic_names": [name]}
    answer = pair.ask("DeleteTopics", version, timeout_ms=5000, **more)
    assert answer["responses"][0]["name"] == name
    assert answer["responses"][0]["error_code"] != 0
    for broker in pair.brokers.values():
        with broker.connect() as client:
            assert client.metadata([topic])["topics"][0]["error"] == 0


def test_partitions_are_not_added_behind_a_zero_byte(pair):
    topic = pair.topic()

    def act(client, broker):
        return schema.ask(
            client,
            "CreatePartitions",
            3,
            topics=[{"name": topic + BEHIND_ZERO, "count": 4, "assignments": None}],
            timeout_ms=5000,
        )["results"][0]["error_code"]

    answers = pair.each(act)  # Kafka trips over it and answers -1
    assert answers["ours"] == 3 and answers["kafka"] != 0, answers
    for broker in pair.brokers.values():
        with broker.connect() as client:
            assert len(client.metadata([topic])["topics"][0]["partitions"]) == 1


def test_topics_are_not_made_described_or_elected_for_behind_a_zero_byte(pair):
    name = pair.topic() + BEHIND_ZERO
    fresh = f"fresh-{next(_numbers)}"

    def act(client, broker):
        made = schema.ask(client, "CreateTopics", 5, topics=[new_topic(fresh + BEHIND_ZERO)], timeout_ms=5000)
        metadata = schema.ask(client, "Metadata", 8, topics=[{"name": fresh + BEHIND_ZERO}], allow_auto_topic_creation=True)
        described = schema.ask(
            client, "DescribeConfigs", 4, resources=[{"resource_type": TOPIC, "resource_name": name, "configuration_keys": None}]
        )
        producers = schema.ask(client, "DescribeProducers", 0, topics=[{"name": name, "partition_indexes": [0]}])
        elected = schema.ask(
            client, "ElectLeaders", 2, election_type=0, topic_partitions=[{"topic": name, "partitions": [0]}], timeout_ms=5000
        )
        found = [
            made["topics"][0]["error_code"],
            metadata["topics"][0]["error_code"],
            described["results"][0]["error_code"],
            producers["topics"][0]["partitions"][0]["error_code"],
            elected["replica_election_results"][0]["partition_result"][0]["error_code"],
        ]
        assert 0 not in found, found
        return found

    pair.compare(act)
    for broker in pair.brokers.values():
        with broker.connect() as client:
            assert client.metadata([fresh])["topics"][0]["error"] == 3


# Kafka stores them as something else: a zero byte goes into the znode, a broken sequence becomes another sign.
NO_TEXT = (b"0:7\0", b"\xff0:7", b"0:7\xc3", b"\xed\xa0\x80", b"\xc0\x80")


class Bytes(str):
    """Text for a request that is encoded to these bytes."""

    def __new__(cls, data):
        made = super().__new__(cls, data.decode("latin-1"))
        made.data = data
        return made

    def encode(self, *unused):
        return self.data


@pytest.mark.parametrize("data", NO_TEXT, ids=repr)
@pytest.mark.parametrize("place", ("name", "value"))
def test_settings_that_are_no_text_are_refused_and_nothing_is_stored(pair, place, data):
    broker = pair.brokers["ours"]
    topic = pair.topic()
    key, value = ("leader.replication.throttled.replicas", Bytes(data)) if place == "value" else (Bytes(data), "1")
    resource = {"resource_type": TOPIC, "resource_name": topic}
    fresh = f"fresh-{next(_numbers)}"
    with broker.connect() as client:
        for version in schema.versions("AlterConfigs"):
            answer = schema.ask(
                client, "AlterConfigs", version, resources=[{**resource, "configs": [{"name": key, "value": value}]}]
            )
            assert answer["responses"][0]["error_code"] == INVALID_REQUEST
            assert answer["responses"][0]["error_message"]
        for version in schema.versions("IncrementalAlterConfigs"):
            for op in (SET, APPEND, DELETE) if place == "name" else (SET, APPEND):
                edit = {"name": key, "config_operation": op, "value": value}
                answer = schema.ask(client, "IncrementalAlterConfigs", version, resources=[{**resource, "configs": [edit]}])
                assert answer["responses"][0]["error_code"] == INVALID_REQUEST
        for version in schema.versions("CreateTopics"):
            answer = schema.ask(client, "CreateTopics", version, topics=[new_topic(fresh, configs=[(key, value)])])
            assert answer["topics"][0]["error_code"] == INVALID_REQUEST
        assert client.metadata([fresh])["topics"][0]["error"] == 3
    assert broker.zk.read(f"{broker.chroot}/config/topics/{topic}") == broker.zk.read(
        f"{broker.chroot}/config/topics/{pair.topic()}"
    )
