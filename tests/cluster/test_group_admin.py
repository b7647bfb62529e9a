"""Groups as administrators see and change them, with the same state on a real Kafka and on us: Kafka's own
kafka-consumer-groups.sh, the admin clients of Java and kafka-python, and clients that want the new group protocol."""

import re
from concurrent.futures import ThreadPoolExecutor

import kafka as kafka_python
import pytest

from conftest import make_topic, or_skip
from harness import environment, schema, tools
from harness.consumers import Member, committed, produce, wait_read, wait_shared
from harness.members import Group
from harness.wait import wait_until

PARTITIONS = 3
UNSUPPORTED_VERSION = 35
KINDS = ("kafka", "barnabas")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Pair:
    """A Kafka and a Barnabas that hold the same groups."""

    def __init__(self, make):
        self.brokers = [make(kind=kind) for kind in KINDS]
        self.members = {}

    def both(self, ask):
        """What ask(broker) gives, which must be the same from both."""
        kafkas, ours = (ask(broker) for broker in self.brokers)
        assert ours == kafkas, f"Kafka: {kafkas}\nours:  {ours}"
        return ours

    def do(self, act):
        """act(broker) on both at once."""
        with ThreadPoolExecutor(len(KINDS)) as pool:
            list(pool.map(act, self.brokers))

    def join(self, group, topic, client, **settings):
        """One member more of a group, on both."""
        self.members.setdefault(group, []).append([])
        mine = self.members[group][-1]
        for broker in self.brokers:
            mine.append(Member(broker.address, group, topic, **{"client.id": client, **settings}))

    def settle(self, group, topic, each=5):
        """The group's members have shared a topic, read all of it and committed that."""
        for number, broker in enumerate(self.brokers):
            members = [pair[number] for pair in self.members[group]]
            wait_shared(members, PARTITIONS)
            wait_until(lambda b=broker: all_committed(b, group, topic, each), 60, f"{group} has committed all")

    def leave(self, group):
        for pair in self.members.pop(group):
            for member in pair:
                member.close()

    def close(self):
        for group in list(self.members):
            self.leave(group)


def all_committed(broker, group, topic, each):
    return committed(broker.address, group, topic, PARTITIONS) == dict.fromkeys(range(PARTITIONS), each)


def commit_simply(broker, group, topic, offset):
    """As a consumer does that is given its partitions by hand."""
    partitions = [{"partition_index": n, "committed_offset": offset, "committed_metadata": ""} for n in range(PARTITIONS)]
    topics = [{"name": topic, "partitions": partitions}]

    def done():
        with broker.connect() as client:
            answer = schema.ask(client, "OffsetCommit", 7, group_id=group, topics=topics)
        return {p["error_code"] for p in answer["topics"][0]["partitions"]} == {0}

    wait_until(done, 60, f"{group} commits")


@pytest.fixture(scope="module")
def pair(module_broker):
    """Two topics; a group of two members, one of a static member, an empty one, some that only commit."""
    made = Pair(module_broker)

    def fill(broker):
        for topic in ("orders", "returns"):
            make_topic(broker, partitions=PARTITIONS, name=topic)
            produce(broker.address, topic, 5, PARTITIONS)
        gone = Member(broker.address, "empty", "orders")
        wait_read([gone], 5 * PARTITIONS)
        gone.close()
        for group in ("simple", "doomed", "for-tool", "for-java-3.9", "for-java-4", "for-python"):
            commit_simply(broker, group, "orders", 2)

    made.do(fill)
    for number in range(2):
        made.join("live", "orders", f"client-{number}")
    made.join("standing", "returns", "static", **{"group.instance.id": "instance-1"})
    made.settle("live", "orders")
    made.settle("standing", "returns")
    yield made
    made.close()


# --- Kafka's own tool ---------------------------------------------------------------------------------


@pytest.fixture
def tool(pair):
    """tool(words...): what it prints of both, which must be the same; rows in any order, as hash tables have them."""
    or_skip(lambda: environment.jars("kafka-3.9.1"))

    def run(*words):
        def on(broker):
            told = tools.kafkas("groups", "--bootstrap-server", broker.address, "--timeout", 60000, *words)
            text = _UUID.sub("UUID", told.out + told.err).replace(broker.address, "BROKER")
            return told.status, sorted(" ".join(line.split()) for line in text.splitlines())

        return "\n".join(pair.both(on)[1])

    return run


@pytest.mark.parametrize(
    ("words", "says"),
    (
        ("--list", "live"),
        ("--list --state", "live Stable"),
        ("--list --state empty", "empty Empty"),
        ("--list --type", "live Classic"),
        ("--list --type classic --state stable", "standing Classic Stable"),
        ("--describe --group live", "live orders 0 5 5 0 client-0-UUID /127.0.0.1 client-0"),
        ("--describe --group live --offsets --verbose", "live orders 2 5 5 0 client-1-UUID"),
        ("--describe --group live --members", "live client-0-UUID /127.0.0.1 client-0 2"),
        ("--describe --group live --members --verbose", "live client-0-UUID /127.0.0.1 client-0 2 (0,1)"),
        ("--describe --group live --state", "live BROKER (0) range Stable 2"),
        ("--describe --group standing", "standing returns 0 5 5 0 instance-1-UUID"),
        ("--describe --group standing --members --verbose", "standing instance-1-UUID instance-1 /127.0.0.1 static 3"),
        ("--describe --group empty", "empty orders 1 5 5 0 - - -"),
        ("--describe --group empty --members", "Consumer group 'empty' has no active members."),
        ("--describe --group empty --state", "empty BROKER (0) Empty 0"),
        ("--describe --group simple", "simple orders 2 2 5 3"),
        ("--describe --group simple --state", "simple BROKER (0) Empty 0"),
        ("--describe --group nobody", "does not exist"),
        ("--describe --group nobody --members", "does not exist"),
        ("--describe --group nobody --state", "does not exist"),
        ("--describe --all-groups --state", "standing BROKER (0) range Stable 1"),
        ("--describe --all-groups --members", "live client-1-UUID /127.0.0.1 client-1 1"),
    ),
)
def test_kafkas_tool_shows_the_same(tool, words, says):
    assert says in tool(*words.split())


CHANGES = (
    ("--reset-offsets --group for-tool --topic orders --to-earliest --dry-run", "for-tool orders 0 0"),
    ("--describe --group for-tool", "for-tool orders 0 2 5 3"),
    ("--reset-offsets --group for-tool --topic orders:0,1 --to-earliest --execute", "for-tool orders 1 0"),
    ("--describe --group for-tool", "for-tool orders 1 0 5 5"),
    ("--reset-offsets --group for-tool --topic orders --shift-by 1 --execute", "for-tool orders 2 3"),
    ("--reset-offsets --group for-tool --topic orders:2 --to-offset 100 --execute", "for-tool orders 2 5"),
    ("--reset-offsets --group for-tool --topic orders:1 --to-datetime 2001-01-01T00:00:00.000 --execute", "orders 1 0"),
    ("--reset-offsets --group for-tool --topic orders:0 --by-duration PT0S --execute", "for-tool orders 0 5"),
    ("--reset-offsets --group for-tool --all-topics --to-current --execute", "for-tool orders 1 0"),
    ("--reset-offsets --group for-tool --topic returns --to-latest --execute", "for-tool returns 0 5"),
    ("--reset-offsets --group for-tool --all-topics --to-latest --dry-run --export", "returns,1,5"),
    ("--reset-offsets --group for-tool --topic nowhere --to-latest --execute", "UnknownTopicOrPartition"),
    ("--reset-offsets --group newborn --topic orders --to-latest --execute", "newborn orders 0 5"),
    ("--reset-offsets --group live --topic orders --to-earliest --execute", "current state is Stable"),
    ("--describe --group live", "live orders 0 5 5 0"),
    ("--delete-offsets --group for-tool --topic orders:0", "orders 0 Successful"),
    ("--delete-offsets --group for-tool --topic returns", "returns 1 Successful"),
    ("--delete-offsets --group live --topic orders", "subscribed"),
    ("--delete-offsets --group live --topic returns", "returns 0"),
    ("--delete-offsets --group nobody --topic orders", "orders 0"),
    ("--describe --group for-tool", "for-tool orders 1 0 5 5"),
    ("--delete --group newborn --group for-tool", "Deletion of requested consumer groups"),
    ("--delete --group live", "The group is not empty"),
    ("--delete --group nobody", "The group id does not exist"),
    ("--delete --group doomed --group live --group nobody", "doomed"),
    ("--list", "standing"),
)


def test_kafkas_tool_changes_the_same(tool):
    """Each finds what those before left."""
    for words, says in CHANGES:
        assert says in tool(*words.split()), words


# --- admin clients ------------------------------------------------------------------------------------


@pytest.fixture(params=("java-3.9", "java-4"))
def admin(pair, clients, request):
    """admin(command, arguments...): what it tells of both, which must be the same."""
    client = or_skip(lambda: clients.get(request.param))

    def ask(command, **arguments):
        return pair.both(lambda broker: client.admin(broker, command, **arguments))

    ask.name = request.param
    return ask


def test_java_sees_groups(admin):
    found = admin("groups-list")
    assert found["live"] == {"simple": False, "state": "Stable", "type": "Classic"}
    assert found["simple"] == {"simple": True, "state": "Empty", "type": "Classic"}
    live = admin("groups-describe", group="live")
    assert (live["state"], live["assignor"], live["coordinator"]) == ("Stable", "range", 0)
    assert live["members"]["client-0"] == {"host": "/127.0.0.1", "instance": None, "partitions": ["orders:0", "orders:1"]}
    assert admin("groups-describe", group="standing")["members"]["static"]["instance"] == "instance-1"
    five, two = ({f"{topic}:{n}": at for n in range(PARTITIONS)} for topic, at in (("orders", 5), ("orders", 2)))
    assert admin("groups-offsets", groups="live,simple,empty,nobody") == {
        "live": five,
        "simple": two,
        "empty": five,
        "nobody": {},
    }


def test_java_4_sees_groups_of_all_kinds(pair, clients):
    client = or_skip(lambda: clients.get("java-4"))
    found = pair.both(lambda broker: client.admin(broker, "all-groups-list"))
    assert found["live"] == {"type": "Classic", "protocol": "consumer", "state": "Stable"}
    live = pair.both(lambda broker: client.admin(broker, "all-groups-describe", group="live"))
    assert (live["state"], live["protocol"], live["protocol_data"]) == ("Stable", "consumer", "range")
    assert sorted(live["members"]) == ["client-0", "client-1"]


def test_java_changes_groups(admin):
    """Offsets of a group without members are set, and deleted one by one and with the group; a live one's are not."""
    group = f"for-{admin.name}"
    offsets = "orders:0=4,orders:1=0,returns:2=1"
    assert set(admin("groups-alter-offsets", group=group, offsets=offsets).values()) == {"ok"}
    assert admin("groups-offsets", groups=group)[group] == {"orders:0": 4, "orders:1": 0, "orders:2": 2, "returns:2": 1}
    refused = admin("groups-alter-offsets", group="live", offsets="orders:0=4")
    assert refused["orders:0"].startswith("UnknownMemberIdException")
    assert set(admin("groups-delete-offsets", group=group, partitions="orders:0,returns:2").values()) == {"ok"}
    assert admin("groups-offsets", groups=group)[group] == {"orders:1": 0, "orders:2": 2}
    refused = admin("groups-delete-offsets", group="live", partitions="orders:0")
    assert refused["orders:0"].startswith("GroupSubscribedToTopicException")
    done = admin("groups-delete", groups=f"{group},live,nobody")
    assert done[group] == "ok"
    assert done["live"].startswith("GroupNotEmptyException") and done["nobody"].startswith("GroupIdNotFoundException")
    assert group not in admin("groups-list")


def test_java_removes_members(pair, admin):
    """A static one by its name, and all of a group with its dynamic ones, who then join again."""
    group = f"removal-{admin.name}"
    told = admin("groups-remove-members", group="standing", instances="nobody")
    assert told["nobody"].startswith("UnknownMemberIdException")
    pair.join(group, "returns", "static", **{"group.instance.id": "gone"})
    pair.settle(group, "returns")
    pair.leave(group)  # it stays in the group
    assert admin("groups-describe", group=group)["members"]["static"]["instance"] == "gone"
    assert admin("groups-remove-members", group=group, instances="gone,nobody")["gone"] == "ok"
    assert admin("groups-describe", group=group)["state"] == "Empty"
    pair.join(group, "returns", "static", **{"group.instance.id": "gone"})
    pair.settle(group, "returns")
    pair.leave(group)
    assert admin("groups-remove-members", group=group, instances="*") == "ok"
    assert admin("groups-describe", group=group)["members"] == {}


def test_kafka_python_sees_and_deletes_groups(pair):
    def ask(broker):
        client = kafka_python.KafkaAdminClient(bootstrap_servers=broker.address)
        try:
            listed = {tuple(group)[:2] for group in client.list_consumer_groups()}
            (live,) = client.describe_consumer_groups(["live"])
            offsets = client.list_consumer_group_offsets("simple")
            deleted = client.delete_consumer_groups(["for-python", "live", "nobody"])
            return (
                sorted(group for group in listed if group[0] in ("live", "standing", "empty", "simple")),
                (live.error_code, live.group, live.state, live.protocol_type, live.protocol),
                sorted((m.client_id, m.client_host, _UUID.sub("UUID", m.member_id)) for m in live.members),
                sorted((place.topic, place.partition, at.offset) for place, at in offsets.items()),
                {group: error.__name__ for group, error in deleted},
            )
        finally:
            client.close()

    listed, live, members, offsets, deleted = pair.both(ask)
    assert listed == [("empty", "consumer"), ("live", "consumer"), ("simple", ""), ("standing", "consumer")]
    assert live == (0, "live", "Stable", "consumer", "range")
    assert members == [(f"client-{n}", "/127.0.0.1", f"client-{n}-UUID") for n in range(2)]
    assert offsets == [("orders", number, 2) for number in range(PARTITIONS)]
    assert deleted == {"for-python": "NoError", "live": "NonEmptyGroupError", "nobody": "GroupIdNotFoundError"}


# --- the protocol of Kafka 4 ------------------------------------------------------------------------------


def test_requests_of_the_new_protocol_are_answered_as_by_kafka(pair):
    """A ZooKeeper cluster has no other than the classic one."""

    def ask(broker):
        with broker.connect() as client:
            beat = schema.ask(client, "ConsumerGroupHeartbeat", 0, group_id="g", member_id="m", member_epoch=0)
            shown = schema.ask(client, "ConsumerGroupDescribe", 0, group_ids=["live", "live", ""])
        return beat, shown

    beat, shown = pair.both(ask)
    assert beat["error_code"] == UNSUPPORTED_VERSION
    assert [group["error_code"] for group in shown["groups"]] == [UNSUPPORTED_VERSION] * 3


@pytest.mark.parametrize("make", ("java-3.9", "java-4"))
def test_the_new_protocol_is_refused_as_kafka_refuses_it(pair, programs, workspace, make):
    or_skip(lambda: programs.have(make))

    def ask(broker):
        group = Group(broker, programs, workspace / "refused" / broker.kind, "orders", PARTITIONS)
        try:
            member = group.join(make, session_ms=None, heartbeat_ms=None, **{"group.protocol": "consumer"})
            wait_until(lambda: member.ledger.errors, 60, "a refusal")
            return member.ledger.errors[0]
        finally:
            group.end()

    said = pair.both(ask)
    assert said.startswith("UnsupportedVersionException"), said
