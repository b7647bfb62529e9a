"""What happened to one group as its members and those who ask for its offsets saw it, and what is wrong with it.

Events are dicts with t0 and t1, monotonic: when it was asked, and when the answer was there (an answer that never came,
or that leaves open whether it happened, has t1 None):

    dealt     member (the leader), generation, given: {member: bytes}
    assigned  member, generation, given: bytes, partitions
    commit    member, generation, partition, offset, result: "ok", "fail" (it certainly did not happen), "info"
    fetched   offsets: {partition: offset, -1 = none}

Offsets to commit are never used twice, so that a value tells which commit it is of."""

import bisect
import threading
import time


class History:
    def __init__(self):
        self.lock = threading.Lock()
        self.events = []
        self.last_offset = 0

    def add(self, kind, t0, t1, **more):
        with self.lock:
            self.events.append({"kind": kind, "t0": t0, "t1": t1, **more})

    def next_offset(self):
        with self.lock:
            self.last_offset += 1
            return self.last_offset

    def of(self, kind):
        with self.lock:
            return [event for event in self.events if event["kind"] == kind]

    def wrongs(self):
        with self.lock:
            return check(list(self.events))


now = time.monotonic


def _of(events, kind):
    return [event for event in events if event["kind"] == kind]


def _end(event):
    return float("inf") if event["t1"] is None else event["t1"]


def check(events):
    """All that is wrong, in words."""
    return [*_owners(events), *_dealt(events), *_generations(events), *_fenced(events), *_offsets(events)]


def _owners(events):
    """A partition has one owner in a generation."""
    wrong, owners = [], {}
    for event in _of(events, "assigned"):
        for partition in event["partitions"]:
            owner = owners.setdefault((event["generation"], partition), event["member"])
            if owner != event["member"]:
                wrong.append(
                    f"partition {partition} belongs to {owner} and to {event['member']} in generation {event['generation']}"
                )
    return wrong


def _dealt(events):
    """What a member was given is what a leader of that generation dealt for it, to the byte."""
    wrong, dealt = [], {}
    for event in _of(events, "dealt"):
        for member, given in event["given"].items():
            dealt.setdefault((event["generation"], member), set()).add(given)
    for event in _of(events, "assigned"):
        if event["given"] and event["given"] not in dealt.get((event["generation"], event["member"]), ()):
            wrong.append(f"nobody dealt {event['given']} to {event['member']} in generation {event['generation']}")
    return wrong


def _generations(events):
    """They grow: no member is assigned in an older one after another was in a newer."""
    wrong, latest = [], 0
    assigned = _of(events, "assigned")
    ended = sorted(assigned, key=_end)
    position = 0
    for event in sorted(assigned, key=lambda one: one["t0"]):
        while position < len(ended) and _end(ended[position]) < event["t0"]:
            latest = max(latest, ended[position]["generation"])
            position += 1
        if event["generation"] < latest:
            wrong.append(f"{event['member']} is assigned in generation {event['generation']} after one in {latest}")
    return wrong


def _fenced(events):
    """No commit of an older generation is acknowledged that began after a newer one had been assigned."""
    wrong, newest, times = [], [], []
    latest = 0
    for event in sorted(_of(events, "assigned"), key=_end):
        latest = max(latest, event["generation"])
        times.append(_end(event))
        newest.append(latest)
    for event in _of(events, "commit"):
        before = bisect.bisect_left(times, event["t0"])
        if event["result"] == "ok" and before and event["generation"] < newest[before - 1]:
            wrong.append(
                f"{event['member']} committed {event['offset']} in generation {event['generation']}, "
                f"begun after generation {newest[before - 1]} was assigned"
            )
    return wrong


def _offsets(events):
    """A reader sees a commit that may be the last one: not one that another, begun after it had ended, replaced before
    the reader asked, and not one that an earlier reader saw replaced."""
    wrong = []
    commits = {}
    for event in _of(events, "commit"):
        if event["result"] != "fail":
            commits.setdefault(event["partition"], {})[event["offset"]] = event
    fetched = sorted(_of(events, "fetched"), key=_end)
    for partition in sorted({partition for event in fetched for partition in event["offsets"]}):
        wrong += _offsets_of(partition, commits.get(partition, {}), fetched)
    return wrong


def _offsets_of(partition, commits, fetched):
    # By their end: the latest begin of a commit that is certain to have happened by then.
    certain = sorted((_end(c), c["t0"]) for c in commits.values() if c["result"] == "ok")
    certain_ends, certain_begins = [end for end, _ in certain], _running_max(begin for _, begin in certain)
    seen_ends, seen_begins = [], []  # the same of commits that a reader saw
    wrong = []
    for event in fetched:
        offset = event["offsets"].get(partition)
        if offset is None:
            continue
        begins = [
            begins[index - 1]
            for ends, begins in ((certain_ends, certain_begins), (seen_ends, seen_begins))
            if (index := bisect.bisect_left(ends, event["t0"]))
        ]
        floor = max(begins, default=None)
        if offset < 0:
            if floor is not None:
                wrong.append(f"partition {partition} has no offset after one was committed")
            continue
        commit = commits.get(offset)
        if commit is None or commit["t0"] > _end(event):
            wrong.append(f"partition {partition} has offset {offset}, which nobody committed")
            continue
        if floor is not None and _end(commit) < floor:
            wrong.append(f"partition {partition} went back to offset {offset}, which had been replaced")
        seen_ends.append(_end(event))
        seen_begins.append(max(commit["t0"], seen_begins[-1] if seen_begins else 0))
    return wrong


def _running_max(values):
    found = []
    for value in values:
        found.append(max(value, found[-1]) if found else value)
    return found
