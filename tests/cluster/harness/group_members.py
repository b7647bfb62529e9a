"""Members of a group who speak for themselves: each knows its generation, deals out partitions when it leads, commits
rising offsets for what it was given, and writes all of it into a history (group_history)."""

import contextlib
import json
import random
import threading

from . import schema
from .group_history import History, now
from .rawclient import Closed
from .wait import wait_until

NONE = 0
LOADING, NOT_AVAILABLE, NOT_COORDINATOR = 14, 15, 16
ILLEGAL_GENERATION, UNKNOWN_MEMBER, REBALANCE, FENCED, NEEDS_ID = 22, 25, 27, 82, 79
# Refused before anything was appended.
_CERTAINLY_NOT = (LOADING, ILLEGAL_GENERATION, UNKNOWN_MEMBER, REBALANCE, FENCED)
# What a coordinator may say whatever happens to it. 7: too slow for its followers; -1: an assignment that is not
# stored; 56: its disk.
_EXPECTED = {NONE, LOADING, NOT_AVAILABLE, NOT_COORDINATOR, ILLEGAL_GENERATION, UNKNOWN_MEMBER, REBALANCE, NEEDS_ID, 7, -1}

SESSION_MS, REBALANCE_MS = 3000, 3000
_PATIENCE_S = 6  # longer than a rebalance
_PAUSE_S = 0.02
_BEAT_S = 0.2
TOPIC = "t"


class Elsewhere(Exception):
    """The coordinator is to be looked for."""


def coordinator_of(brokers, group, draw):
    """A broker, as any of those that are awake says it; None while nobody knows."""
    awake = [broker for broker in brokers if broker.awake]
    draw.shuffle(awake)
    for broker in awake:
        with contextlib.suppress(OSError, Closed), broker.connect(timeout_s=1) as client:
            answer = schema.ask(client, "FindCoordinator", 3, key=group)
            if answer["error_code"] == NONE:
                return next((one for one in brokers if one.id == answer["node_id"]), None)
    return None


class Member(threading.Thread):
    def __init__(self, load, who, seed):
        super().__init__(daemon=True)
        self.load, self.who = load, who
        self.draw = random.Random(seed)
        self.id, self.generation, self.partitions = "", -1, ()
        self.unexpected = []
        self.stopping = threading.Event()
        self.leaves = True

    def run(self):
        while not self.stopping.wait(_PAUSE_S):
            broker = coordinator_of(self.load.brokers, self.load.group, self.draw)
            if broker is None:
                continue
            with contextlib.suppress(OSError, Closed, Elsewhere), broker.connect(timeout_s=_PATIENCE_S) as client:
                while not self.stopping.is_set():
                    if self._join(client):
                        self._work(client)
                    self.partitions = ()
                if self.leaves and self.id:
                    schema.ask(client, "LeaveGroup", 2, group_id=self.load.group, member_id=self.id)
            self.partitions = ()

    def _heard(self, what, code):
        if code not in _EXPECTED:
            self.unexpected.append(f"{what} of member {self.who} is answered {code}")
        if code in (LOADING, NOT_AVAILABLE, NOT_COORDINATOR, 7, -1):
            self.stopping.wait(_PAUSE_S)
            raise Elsewhere
        if code in (UNKNOWN_MEMBER, FENCED):
            self.id = ""
        return code

    # --- joining ----------------------------------------------------------------------------------

    def _join(self, client):
        """Whether it was given something, be it nothing."""
        fields = {
            "group_id": self.load.group,
            "session_timeout_ms": SESSION_MS,
            "rebalance_timeout_ms": REBALANCE_MS,
            "member_id": self.id,
            "protocol_type": "consumer",
            "protocols": [{"name": "range", "metadata": b"m"}],
        }
        joined = schema.ask(client, "JoinGroup", 5, **fields)
        if joined["error_code"] in (NONE, NEEDS_ID):
            self.id = joined["member_id"]
        if self._heard("JoinGroup", joined["error_code"]) != NONE:
            return False
        self.generation = joined["generation_id"]
        given = self._deal(joined) if joined["leader"] == self.id else {}
        began = now()
        if given:
            self.load.history.add("dealt", began, None, member=self.id, generation=self.generation, given=given)
        synced = schema.ask(
            client,
            "SyncGroup",
            3,
            group_id=self.load.group,
            generation_id=self.generation,
            member_id=self.id,
            assignments=[{"member_id": member, "assignment": what} for member, what in given.items()],
        )
        if self._heard("SyncGroup", synced["error_code"]) != NONE:
            return False
        what = synced["assignment"]
        self.partitions = tuple(json.loads(what)[1]) if what else ()
        told = {"member": self.id, "generation": self.generation, "given": what, "partitions": self.partitions}
        self.load.history.add("assigned", began, now(), **told)
        return True

    def _deal(self, joined):
        """The who of the leader is in it, so that no two leaders deal the same bytes."""
        members = [member["member_id"] for member in joined["members"]]
        self.draw.shuffle(members)
        shares = {member: [] for member in members}
        for partition in range(self.load.partitions):
            shares[members[partition % len(members)]].append(partition)
        return {member: json.dumps([self.who, share]).encode() for member, share in shares.items()}

    # --- working ----------------------------------------------------------------------------------

    def _work(self, client):
        """Until it must join again."""
        next_beat = now()
        while not self.stopping.wait(_PAUSE_S):
            if now() >= next_beat:
                fields = {"group_id": self.load.group, "generation_id": self.generation, "member_id": self.id}
                if self._heard("Heartbeat", schema.ask(client, "Heartbeat", 3, **fields)["error_code"]) != NONE:
                    return
                next_beat = now() + _BEAT_S
            for partition in self.partitions:
                if self._commit(client, partition) != NONE:
                    return

    def _commit(self, client, partition):
        offset, began = self.load.history.next_offset(), now()
        told = {"member": self.id, "generation": self.generation, "partition": partition, "offset": offset}
        try:
            code = commit(client, self.load.group, partition, offset, member_id=self.id, generation_id=self.generation)
        except (OSError, Closed):
            self.load.history.add("commit", began, None, result="info", **told)
            raise
        result = "ok" if code == NONE else "fail" if code in _CERTAINLY_NOT else "info"
        self.load.history.add("commit", began, None if result == "info" else now(), result=result, **told)
        return self._heard("OffsetCommit", code)


def commit_fields(group, partition, offset, member_id="", generation_id=-1, metadata=""):
    fields = {"partition_index": partition, "committed_offset": offset, "committed_metadata": metadata}
    topics = [{"name": TOPIC, "partitions": [fields]}]
    who = {"group_id": group, "member_id": member_id, "generation_id_or_member_epoch": generation_id}
    return {"topics": topics, **who}


def commit(client, *told, **more):
    answer = schema.ask(client, "OffsetCommit", 7, **commit_fields(*told, **more))
    return answer["topics"][0]["partitions"][0]["error_code"]


def fetch(client, group, partitions):
    """{partition: offset}, -1 = none; or the error."""
    topics = [{"name": TOPIC, "partition_indexes": list(range(partitions))}]
    answer = schema.ask(client, "OffsetFetch", 5, group_id=group, topics=topics)
    if answer["error_code"] != NONE:
        return answer["error_code"]
    return {p["partition_index"]: p["committed_offset"] for p in answer["topics"][0]["partitions"]}


class Reader(threading.Thread):
    """Asks for all offsets of the group, again and again."""

    def __init__(self, load, seed):
        super().__init__(daemon=True)
        self.load, self.draw = load, random.Random(seed)
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(_PAUSE_S):
            broker = coordinator_of(self.load.brokers, self.load.group, self.draw)
            if broker is None:
                continue
            with contextlib.suppress(OSError, Closed), broker.connect(timeout_s=2) as client:
                while not self.stopping.wait(_PAUSE_S) and self.read(client):
                    pass

    def read(self, client):
        began = now()
        found = fetch(client, self.load.group, self.load.partitions)
        if not isinstance(found, dict):
            return False
        self.load.history.add("fetched", began, now(), offsets=found)
        return True


class GroupLoad:
    """with GroupLoad(cluster, group, partitions) as load: ...; load.progress() waits until every partition has new commits;
    load.finish() holds the history against the promises. The topic TOPIC must be there."""

    def __init__(self, cluster, group, partitions, members=3, seed=0):
        self.cluster, self.brokers = cluster, cluster.brokers
        self.group, self.partitions, self.seed = group, partitions, seed
        self.history = History()
        self.made = 0
        self.members, self.gone = [], []
        self.reader = Reader(self, f"{seed} reader")
        for _ in range(members):
            self._make()

    def _make(self):
        self.members.append(Member(self, self.made, f"{self.seed} {self.made}"))
        self.made += 1
        return self.members[-1]

    def __enter__(self):
        for thread in (*self.members, self.reader):
            thread.start()
        self.progress()
        return self

    def __exit__(self, *unused):
        everybody = (*self.members, *self.gone, self.reader)
        for thread in everybody:
            thread.stopping.set()
        for thread in everybody:
            if thread.is_alive():
                thread.join(30)

    def enter(self):
        self._make().start()

    def depart(self, member, leaves):
        """It ends, with or without saying so."""
        member.leaves = leaves
        member.stopping.set()
        self.members.remove(member)
        self.gone.append(member)

    def counts(self):
        found = [0] * self.partitions
        for event in self.history.of("commit"):
            found[event["partition"]] += event["result"] == "ok"
        return found

    def progress(self, more=3, deadline_s=60):
        before = self.counts()

        def grown():
            if self.unexpected():
                return True
            return all(count >= then + more for count, then in zip(self.counts(), before, strict=True))

        wait_until(grown, deadline_s, f"{more} more commits of each partition of {self.group}", poll_s=0.05)
        assert not self.unexpected(), self.unexpected()[:5]

    def unexpected(self):
        return [one for member in (*self.members, *self.gone) for one in member.unexpected]

    def wait_shared(self, deadline_s=60):
        """All members are in one generation and have all partitions between them."""

        def shared():
            generations = {member.generation for member in self.members}
            owned = sorted(partition for member in self.members for partition in member.partitions)
            return len(generations) == 1 and owned == list(range(self.partitions))

        wait_until(shared, deadline_s, f"{self.group} is shared by its members", poll_s=0.05)

    def finish(self):
        """The cluster must be without a fault. How many commits were acknowledged."""
        self.wait_shared()
        self.progress()
        self.__exit__()
        self._read_finally()
        wrong = [*self.unexpected(), *self.history.wrongs()]
        assert not wrong, f"{len(wrong)} wrongs in {self.group}:\n" + "\n".join(wrong[:10])
        return sum(self.counts())

    def _read_finally(self):
        def read():
            broker = coordinator_of(self.brokers, self.group, self.reader.draw)
            if broker is None:
                return False
            with broker.connect(timeout_s=5) as client:
                return self.reader.read(client)

        wait_until(read, 60, f"the offsets of {self.group} are read at last")
