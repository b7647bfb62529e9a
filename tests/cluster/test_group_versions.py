"""Every version of every request of groups: what we answer is what a Kafka answers to the same, but for the ids that
brokers make up."""

import glob
import struct

import pytest

from conftest import make_topic
from harness import records, schema
from harness.wait import wait_until

NONE, NEEDS_ID = 0, 79
TOPIC = "kept"


def one_of_each(maker, config=None):
    made = [maker(kind=kind, config=config) for kind in ("kafka", "barnabas")]
    for broker in made:
        make_topic(broker, partitions=2, name=TOPIC)

        def ready(broker=broker):
            with broker.connect() as client:
                found = schema.ask(client, "FindCoordinator", 4, coordinator_keys=["a", "b", "c", "d"])["coordinators"]
                groups = schema.ask(client, "DescribeGroups", 4, groups=["a", "b", "c", "d"])["groups"]
            return not any(answer["error_code"] for answer in found + groups)

        wait_until(ready, 60, "the coordinators")
    return made


@pytest.fixture(scope="module")
def both(module_broker):
    return one_of_each(module_broker)


class Asker:
    """One client in one version of one request; writes down what it was answered."""

    def __init__(self, broker, client, name, version):
        self.broker, self.client, self.name, self.version = broker, client, name, version
        self.said = []
        self.ids = {}

    def ask(self, name, version, **fields):
        """Without the fields that the version lacks."""
        shape = schema._loaded()[1][name + "Request"].root
        known = {f.name for f in shape.fields if f.versions[0] <= version <= f.versions[1]}
        given = {key: value for key, value in fields.items() if key in known}
        return schema.ask(self.client, name, version, **given)

    def note(self, **fields):
        """Asks in the version under test."""
        answer = self.ask(self.name, self.version, **fields)
        self.said.append(self.plain(answer))
        return answer

    def plain(self, value, key=""):
        if isinstance(value, dict):
            return {k: self.plain(v, k) for k, v in value.items() if k != "throttle_time_ms"}
        if isinstance(value, list):
            return [self.plain(item, key) for item in value]
        if key in ("member_id", "leader") and value and value != "stranger":
            return self.ids.setdefault(value, f"id-{len(self.ids)}")
        if key == "error_message" and value not in (None, "", "NONE"):
            return "some words"
        if key == "port":
            return value == self.broker.port
        return value

    # --- a group in a state, in versions that are not under test

    def join(self, group, note=False, version=5, member="", **more):
        fields = {
            "group_id": group,
            "session_timeout_ms": 30000,
            "rebalance_timeout_ms": 30000,
            "member_id": member,
            "protocol_type": "consumer",
            "protocols": [{"name": "range", "metadata": b"m"}, {"name": "other", "metadata": b"o"}],
            **more,
        }
        answer = self.note(**fields) if note else self.ask("JoinGroup", version, **fields)
        if answer["error_code"] == NEEDS_ID:
            return self.join(group, note, version, answer["member_id"], **more)
        return answer

    def stable(self, group):
        joined = self.join(group)
        assert joined["error_code"] == NONE
        assert self.sync(group, joined)["error_code"] == NONE
        return joined

    def sync(self, group, joined, note=False, **more):
        fields = {
            "group_id": group,
            "generation_id": joined["generation_id"],
            "member_id": joined["member_id"],
            "protocol_type": "consumer",
            "protocol_name": "range",
            "assignments": [{"member_id": joined["member_id"], "assignment": b"mine"}],
            **more,
        }
        return self.note(**fields) if note else self.ask("SyncGroup", 3, **fields)

    def commit(self, group, offset, metadata="", topic=TOPIC, partition=0, note=False, joined=None, **more):
        one = {"partition_index": partition, "committed_offset": offset, "committed_metadata": metadata}
        fields = {"group_id": group, "topics": [{"name": topic, "partitions": [one]}], **more}
        if joined:
            fields.update(
                member_id=joined["member_id"], generation_id_or_member_epoch=joined["generation_id"]
            )
        return self.note(**fields) if note else self.ask("OffsetCommit", 7, **fields)


# --- what each request is asked -----------------------------------------------------------------------


def find_coordinator(asker, group):
    batched = asker.version >= 4
    for kind in (0, 7) if asker.version >= 1 else (0,):
        keys = {"coordinator_keys": [group, "other"]} if batched else {"key": group}
        asker.note(key_type=kind, **keys)


def join_group(asker, group):
    joined = asker.join(group, note=True, reason="because")
    asker.join(group, note=True, member=joined["member_id"])
    asker.join(group, note=True, member="stranger")
    asker.join(group + "x", note=True, session_timeout_ms=1)
    asker.join(group + "y", note=True, protocols=[])
    asker.join("", note=True)
    asker.join(group, note=True, protocol_type="else")


def sync_group(asker, group):
    joined = asker.join(group)
    asker.sync(group, joined, note=True)
    asker.sync(group, joined, note=True, generation_id=9)
    asker.sync(group, joined, note=True, member_id="stranger")
    if asker.version >= 5:
        asker.sync(group, joined, note=True, protocol_name="other")
    asker.sync("none-" + group, joined, note=True)


def heartbeat(asker, group):
    joined = asker.stable(group)
    for member, generation in ((joined["member_id"], 1), (joined["member_id"], 5), ("stranger", 1)):
        asker.note(group_id=group, member_id=member, generation_id=generation)
    asker.note(group_id="none-" + group, member_id="m", generation_id=1)
    asker.note(group_id="", member_id="m", generation_id=1)


def leave_group(asker, group):
    joined = asker.stable(group)
    for member in ("stranger", joined["member_id"], joined["member_id"]):
        members = {"members": [{"member_id": member}]} if asker.version >= 3 else {"member_id": member}
        asker.note(group_id=group, **members)
    asker.note(group_id="none-" + group, **members)
    asker.note(group_id="", **members)


def offset_commit(asker, group):
    if asker.version == 0:
        asker.commit(group, 5, note=True)
        asker.commit(group, 5, note=True, topic="absent")
        return
    joined = asker.stable(group)
    asker.commit(group, 5, note=True, joined=joined)
    asker.commit(group, 5, note=True)
    asker.commit(group, 5, note=True, joined={"member_id": "stranger", "generation_id": 1})
    asker.commit(group, 5, note=True, joined=joined, metadata="m" * 4097)
    asker.commit(group, 5, note=True, joined=joined, topic="absent")
    asker.commit(group, 5, note=True, joined=joined, partition=2)
    asker.commit("simple-" + group, -7, note=True, metadata="kept")
    asker.commit("", 5, note=True)
    asker.note(group_id=group, topics=[])


def offset_fetch(asker, group):
    asker.commit(group, 7, metadata="seven")
    asker.commit(group, 9, partition=1)
    listed = [{"name": TOPIC, "partition_indexes": [0, 1, 2]}, {"name": "absent", "partition_indexes": [0]}]
    asks = [(group, listed), ("none-" + group, listed), (group, []), ("", listed)]
    if asker.version >= 2:
        asks += [(group, None), ("none-" + group, None)]
    for name, topics in asks:
        if asker.version >= 8:
            groups = [{"group_id": name, "topics": topics}, {"group_id": "second", "topics": listed}]
            asker.note(groups=groups, require_stable=True)
        else:
            asker.note(group_id=name, topics=topics, require_stable=True)
    for answer in asker.said:  # lists of Kafka's come in the order of a table
        for topics in [answer["topics"]] if "topics" in answer else [g["topics"] for g in answer["groups"]]:
            topics.sort(key=lambda topic: topic["name"])
            for topic in topics:
                topic["partitions"].sort(key=lambda p: p["partition_index"])


def describe_groups(asker, group):
    asker.stable(group)
    asker.join("completing-" + group)
    asker.commit("simple-" + group, 1)
    names = [group, "completing-" + group, "simple-" + group, "none-" + group, ""]
    for name in names:
        asker.note(groups=[name], include_authorized_operations=True)
    asker.note(groups=[group, group], include_authorized_operations=False)
    asker.note(groups=[])


def list_groups(asker, group):
    asker.stable(group)
    asker.commit("simple-" + group, 1)
    asks = [{}]
    if asker.version >= 4:
        asks += [{"states_filter": ["stable"]}, {"states_filter": ["Dead", "nonsense"]}]
    if asker.version >= 5:
        asks += [{"types_filter": ["CLASSIC"]}, {"types_filter": ["consumer"]}]
    for fields in asks:
        asker.note(**fields)
    for answer in asker.said:  # those of other tests and their order say nothing
        answer["groups"] = sorted(
            (g for g in answer["groups"] if g["group_id"].endswith(group)), key=lambda g: g["group_id"]
        )


def delete_groups(asker, group):
    asker.stable(group)
    asker.commit("simple-" + group, 1)
    for name in (group, "simple-" + group, "simple-" + group, "none-" + group, ""):
        asker.note(groups_names=[name])
    asker.note(groups_names=[])


def offset_delete(asker, group):
    asker.commit(group, 3)
    asker.commit(group, 4, partition=1)
    partitions = [{"partition_index": number} for number in (5, 0)]
    asker.note(group_id=group, topics=[{"name": TOPIC, "partitions": partitions}])
    asker.note(group_id=group, topics=[{"name": "absent", "partitions": partitions}])
    asker.note(group_id="none-" + group, topics=[{"name": TOPIC, "partitions": partitions}])
    asker.note(group_id="", topics=[{"name": TOPIC, "partitions": partitions}])
    asker.note(group_id=group, topics=[])
    asker.stable("members-" + group)
    asker.note(group_id="members-" + group, topics=[{"name": TOPIC, "partitions": partitions}])


REQUESTS = {
    "FindCoordinator": find_coordinator,
    "JoinGroup": join_group,
    "SyncGroup": sync_group,
    "Heartbeat": heartbeat,
    "LeaveGroup": leave_group,
    "OffsetCommit": offset_commit,
    "OffsetFetch": offset_fetch,
    "DescribeGroups": describe_groups,
    "ListGroups": list_groups,
    "DeleteGroups": delete_groups,
    "OffsetDelete": offset_delete,
}


@pytest.mark.parametrize("name,version", [(name, v) for name in REQUESTS for v in schema.versions(name)])
def test_every_version_is_answered_as_by_kafka(both, name, version):
    said = []
    for broker in both:
        with broker.connect() as client:
            asker = Asker(broker, client, name, version)
            REQUESTS[name](asker, f"{name}-{version}")
            said.append(asker.said)
    theirs, ours = said
    assert len(ours) == len(theirs) > 0
    for number, (mine, kafkas) in enumerate(zip(ours, theirs)):
        assert mine == kafkas, f"answer {number}:\nours   {mine}\nKafka's {kafkas}"


def shapes_of_values(broker):
    """The version and the length of what stands in the log under each key."""
    found = {}
    for path in (p for folder in broker.log_dirs for p in glob.glob(f"{folder}/__consumer_offsets-*/*.log")):
        with open(path, "rb") as log:
            for record in records.read(log.read()):
                found[record["key"]] = struct.unpack(">h", record["value"][:2]), len(record["value"])
    return found


@pytest.mark.parametrize("protocol", ["2.0", "2.1-IV0", "2.2", "2.3"])
def test_what_older_brokers_may_load_next_is_what_they_read(new_broker, protocol):
    said, written = [], []
    for broker in one_of_each(new_broker, {"inter.broker.protocol.version": protocol}):
        with broker.connect() as client:
            asker = Asker(broker, client, "JoinGroup", 9)
            joined = asker.stable("dynamic")
            asker.commit("simple", 1, "metadata")
            asker.join("static", note=True, group_instance_id="i")
            named = {"group_id": "dynamic", "generation_id": joined["generation_id"], "group_instance_id": "i"}
            for name in ("Heartbeat", "SyncGroup"):
                asker.said.append(asker.ask(name, 3, member_id=joined["member_id"], **named))
            answer = asker.commit("dynamic", 2, joined=joined, group_instance_id="i")
            said.append([*asker.said, asker.plain(answer)])
        written.append(shapes_of_values(broker))
    assert said[1] == said[0]
    assert len(written[0]) == 2 and written[1] == written[0]
