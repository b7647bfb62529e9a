"""Every state of a group and every request of its members: the errors that a real Kafka answers, as the table of
tests/unit/core/group/test_table.c has them."""

import itertools
import socket

import pytest

from harness import schema
from harness.wait import wait_until

WAITS = "waits"
OK, UNKNOWN, ILLEGAL, REBALANCE, NEEDS_ID, NOT_FOUND, NON_EMPTY = 0, 25, 22, 27, 79, 69, 68

STATES = ("Dead", "Empty", "PreparingRebalance", "CompletingRebalance", "Stable")

# request: state: what the member, the same with a wrong generation, a stranger, and nobody (no id) are answered
TABLE = {
    "Heartbeat": {
        "Dead": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        "Empty": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        "PreparingRebalance": (REBALANCE, ILLEGAL, UNKNOWN, UNKNOWN),
        "CompletingRebalance": (OK, ILLEGAL, UNKNOWN, UNKNOWN),
        "Stable": (OK, ILLEGAL, UNKNOWN, UNKNOWN),
    },
    "SyncGroup": {
        "Dead": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        "Empty": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        "PreparingRebalance": (REBALANCE, ILLEGAL, UNKNOWN, UNKNOWN),
        "CompletingRebalance": (WAITS, ILLEGAL, UNKNOWN, UNKNOWN),
        "Stable": (OK, ILLEGAL, UNKNOWN, UNKNOWN),
    },
    "JoinGroup": {
        "Dead": (UNKNOWN, UNKNOWN, UNKNOWN, NEEDS_ID),
        "Empty": (UNKNOWN, UNKNOWN, UNKNOWN, NEEDS_ID),
        "PreparingRebalance": (OK, OK, UNKNOWN, NEEDS_ID),
        "CompletingRebalance": (OK, OK, UNKNOWN, NEEDS_ID),
        "Stable": (OK, OK, UNKNOWN, NEEDS_ID),
    },
    "LeaveGroup": {
        "Dead": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        "Empty": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        "PreparingRebalance": (OK, OK, UNKNOWN, UNKNOWN),
        "CompletingRebalance": (OK, OK, UNKNOWN, UNKNOWN),
        "Stable": (OK, OK, UNKNOWN, UNKNOWN),
    },
    "OffsetCommit": {
        "Dead": (ILLEGAL, ILLEGAL, ILLEGAL, OK),
        "Empty": (UNKNOWN, UNKNOWN, UNKNOWN, OK),
        "PreparingRebalance": (OK, ILLEGAL, UNKNOWN, UNKNOWN),
        "CompletingRebalance": (REBALANCE, ILLEGAL, UNKNOWN, UNKNOWN),
        "Stable": (OK, ILLEGAL, UNKNOWN, UNKNOWN),
    },
    "TxnOffsetCommit": {
        "Dead": (UNKNOWN, UNKNOWN, UNKNOWN, OK),
        "Empty": (UNKNOWN, UNKNOWN, UNKNOWN, OK),
        "PreparingRebalance": (OK, ILLEGAL, UNKNOWN, OK),
        "CompletingRebalance": (OK, ILLEGAL, UNKNOWN, OK),
        "Stable": (OK, ILLEGAL, UNKNOWN, OK),
    },
    "DeleteGroups": {
        "Dead": (NOT_FOUND,) * 4,
        "Empty": (OK,) * 4,
        "PreparingRebalance": (NON_EMPTY,) * 4,
        "CompletingRebalance": (NON_EMPTY,) * 4,
        "Stable": (NON_EMPTY,) * 4,
    },
}

TOPIC = "committed"
_numbers = itertools.count(1)


class Member:
    """One consumer on a connection of its own, on which its JoinGroup and SyncGroup may wait."""

    def __init__(self, broker, group):
        self.client = broker.connect()
        self.group = group
        self.id = ""
        self.generation = -1

    def send_join(self):
        return schema.send(
            self.client,
            "JoinGroup",
            5,
            group_id=self.group,
            session_timeout_ms=60000,
            rebalance_timeout_ms=60000,
            member_id=self.id,
            protocol_type="consumer",
            protocols=[{"name": "range", "metadata": b"m"}],
        )

    def receive_join(self, correlation_id):
        answer = schema.receive(self.client, "JoinGroup", 5, correlation_id)
        if answer["error_code"] in (OK, NEEDS_ID):
            self.id = answer["member_id"]
            self.generation = answer["generation_id"]
        return answer["error_code"]

    def take_id(self):
        wait_until(lambda: self.receive_join(self.send_join()) == NEEDS_ID, 30, "an id from the coordinator")

    def send_sync(self, assignments=()):
        return schema.send(
            self.client,
            "SyncGroup",
            3,
            group_id=self.group,
            generation_id=self.generation,
            member_id=self.id,
            assignments=[{"member_id": member, "assignment": b"a"} for member in assignments],
        )

    def receive_sync(self, correlation_id):
        return schema.receive(self.client, "SyncGroup", 3, correlation_id)["error_code"]

    def leave(self):
        fields = {"group_id": self.group, "members": [{"member_id": self.id}]}
        answer = schema.ask(self.client, "LeaveGroup", 4, **fields)
        return answer["error_code"] or answer["members"][0]["error_code"]


def state_of(broker, group):
    with broker.connect() as client:
        return schema.ask(client, "DescribeGroups", 4, groups=[group])["groups"][0]["group_state"]


def stable_pair(broker, group):
    leader, follower = Member(broker, group), Member(broker, group)
    leader.take_id()
    assert leader.receive_join(leader.send_join()) == OK
    follower.take_id()
    joining = follower.send_join()
    wait_until(lambda: state_of(broker, group) == "PreparingRebalance", 10, "the rebalance")
    assert leader.receive_join(leader.send_join()) == OK and follower.receive_join(joining) == OK
    waiting = follower.send_sync()
    assert leader.receive_sync(leader.send_sync([leader.id, follower.id])) == OK
    assert follower.receive_sync(waiting) == OK
    return leader, follower


def brought_to(broker, state, group):
    """The follower of a group in that state, which its members' connections keep."""
    if state == "Dead":
        gone = Member(broker, group)
        gone.id, gone.generation = "gone", 1
        return gone
    leader, follower = stable_pair(broker, group)
    follower.leader = leader
    if state == "Empty":
        assert leader.leave() == OK and follower.leave() == OK
        follower.generation += 1
    elif state != "Stable":
        joining = leader.send_join()
        wait_until(lambda: state_of(broker, group) == "PreparingRebalance", 10, "the rebalance")
        if state == "CompletingRebalance":
            assert follower.receive_join(follower.send_join()) == OK and leader.receive_join(joining) == OK
    wait_until(lambda: state_of(broker, group) == state, 10, state)
    return follower


def one_offset(answer):
    return answer["topics"][0]["partitions"][0]["error_code"]


def commit_of(who):
    topics = [{"name": TOPIC, "partitions": [{"partition_index": 0, "committed_offset": 1, "committed_metadata": ""}]}]
    return {"group_id": who.group, "member_id": who.id, "topics": topics}


def txn_commit(broker, client, who):
    transaction = f"t-{next(_numbers)}"
    with broker.connect() as other:
        fields = {"transactional_id": transaction, "transaction_timeout_ms": 60000}
        producer = {}

        def begun():
            producer.update(schema.ask(other, "InitProducerId", 4, producer_id=-1, producer_epoch=-1, **fields))
            return producer["error_code"] == OK

        wait_until(begun, 30, "a producer id")
        told = {
            "transactional_id": transaction,
            "producer_id": producer["producer_id"],
            "producer_epoch": producer["producer_epoch"],
        }
        assert schema.ask(other, "AddOffsetsToTxn", 3, group_id=who.group, **told)["error_code"] == OK
    fields = {**commit_of(who), **told, "generation_id": who.generation}
    return one_offset(schema.ask(client, "TxnOffsetCommit", 3, **fields))


def sync_or_wait(who):
    try:
        return who.receive_sync(who.send_sync())
    except socket.timeout:
        return WAITS


def ask(broker, request, who, waits):
    """The error of one request of `who`, on a connection of its own; `waits`: no answer is expected."""
    who.client = client = broker.connect()
    if request == "Heartbeat":
        fields = {"group_id": who.group, "member_id": who.id, "generation_id": who.generation}
        return schema.ask(client, "Heartbeat", 3, **fields)["error_code"]
    if request == "SyncGroup":
        client.sock.settimeout(1.5 if waits else 20)
        return sync_or_wait(who)
    if request == "JoinGroup":
        return who.receive_join(who.send_join())
    if request == "LeaveGroup":
        return who.leave()
    if request == "OffsetCommit":
        return one_offset(
            schema.ask(client, "OffsetCommit", 7, generation_id_or_member_epoch=who.generation, **commit_of(who))
        )
    if request == "TxnOffsetCommit":
        return txn_commit(broker, client, who)
    return schema.ask(client, "DeleteGroups", 1, groups_names=[who.group])["results"][0]["error_code"]


def variants(follower):
    """(id, generation) of the four that ask."""
    known = follower.generation
    return ((follower.id, known), (follower.id, known + 7), ("stranger", known), ("", -1))


@pytest.fixture(scope="module", params=("kafka", "barnabas"))
def judge(module_broker, request):
    """A broker with a coordinator that is ready and a topic to commit for: what Kafka answers, we do."""
    broker = module_broker(kind=request.param, config={"group.min.session.timeout.ms": "1000"})
    kinds_of_key = (0, 1) if request.param == "kafka" else (0,)
    with broker.connect() as client:
        client.create_topics([{"name": TOPIC}])

        def ready():
            """Both internal topics are made on demand, and the coordinators have loaded them."""
            kinds = [
                schema.ask(client, "FindCoordinator", 4, key_type=kind, coordinator_keys=["a", "b", "c", "d"])
                for kind in kinds_of_key
            ]
            found = all(a["error_code"] == OK for answers in kinds for a in answers["coordinators"])
            return found and all(state_of(broker, group) == "Dead" for group in "abcd")

        wait_until(ready, 60, "the coordinators")
    return broker


@pytest.mark.parametrize("request_name", TABLE)
@pytest.mark.parametrize("state", STATES)
def test_broker_answers_as_the_core_is_tested_for(judge, state, request_name):
    if request_name == "TxnOffsetCommit" and judge.kind == "barnabas":
        pytest.skip("it needs the transaction coordinator")
    got, wanted = [], TABLE[request_name][state]
    for which in range(4):
        group = f"g-{next(_numbers)}"
        follower = brought_to(judge, state, group)
        follower.id, follower.generation = variants(follower)[which]
        got.append(ask(judge, request_name, follower, wanted[which] == WAITS))
    assert tuple(got) == wanted


# --- static members: what tests/unit/core/group/test_static.c expects ------------------------------------------


def join_static(client, group, instance, version=9, member=""):
    fields = {
        "group_id": group,
        "session_timeout_ms": 60000,
        "rebalance_timeout_ms": 60000,
        "member_id": member,
        "group_instance_id": instance,
        "protocol_type": "consumer",
        "protocols": [{"name": "range", "metadata": b"m"}],
    }
    return schema.ask(client, "JoinGroup", version, **fields)


def sync_static(client, group, joined, assignments=()):
    fields = {
        "group_id": group,
        "generation_id": joined["generation_id"],
        "member_id": joined["member_id"],
        "protocol_type": "consumer",
        "protocol_name": "range",
        "assignments": [{"member_id": member, "assignment": b"a"} for member in assignments],
    }
    return schema.ask(client, "SyncGroup", 5, **fields)


def beat(client, group, member, generation, instance=None):
    fields = {"group_id": group, "member_id": member, "generation_id": generation, "group_instance_id": instance}
    return schema.ask(client, "Heartbeat", 4, **fields)["error_code"]


def leave_static(client, group, member, instance):
    members = [{"member_id": member, "group_instance_id": instance}]
    return schema.ask(client, "LeaveGroup", 5, group_id=group, members=members)["members"][0]["error_code"]


FENCED = 82


def test_broker_treats_static_members_as_the_core_is_tested_for(judge):
    group = f"g-{next(_numbers)}"
    with judge.connect() as client:
        leader = join_static(client, group, "i0")
        assert leader["error_code"] == OK and leader["member_id"].startswith("i0-")
        assert sync_static(client, group, leader, [leader["member_id"]])["error_code"] == OK
        generation = leader["generation_id"]

        again = join_static(client, group, "i0")
        assert (again["error_code"], again["generation_id"]) == (OK, generation)
        assert again["member_id"] != leader["member_id"] and again["leader"] == again["member_id"]
        assert again["skip_assignment"] and len(again["members"]) == 1
        assert sync_static(client, group, again)["assignment"] == b"a"

        assert beat(client, group, leader["member_id"], generation) == UNKNOWN
        assert beat(client, group, leader["member_id"], generation, "i0") == FENCED
        assert join_static(client, group, "i0", member=leader["member_id"])["error_code"] == FENCED

        old = join_static(client, group, "i0", version=8)
        assert (old["error_code"], old["generation_id"]) == (OK, generation)
        assert old["leader"] == again["member_id"] and not old["members"]
        assert state_of(judge, group) == "Stable"

        assert leave_static(client, group, again["member_id"], "i0") == FENCED
        assert leave_static(client, group, "", "i0") == OK
        assert leave_static(client, group, "", "i0") == UNKNOWN
        assert state_of(judge, group) == "Empty"
