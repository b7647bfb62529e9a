"""Members of consumer groups as processes, of any make of client (harness/makes.py), and what a group of them must
hold to: every partition has one owner, every record is seen, what is committed is not seen again."""

import json
import os
import re
import subprocess
import threading
from dataclasses import dataclass

from . import schema
from .consumers import produce
from .makes import MAKES
from .process import _die_with_parent
from .wait import wait_until

PATIENCE_S = 90


@dataclass
class Sighting:
    """One member got one record, and whether it then committed it while the partition was still its own."""

    member: str
    partition: int
    offset: int
    kept: bool = False


class Ledger:
    """What one member told, from its lines; knows nothing of processes."""

    def __init__(self, name):
        self.name = name
        self.owned = frozenset()
        self.revoked = []  # every partition that was taken from it, in order
        self.sightings = []
        self.open = {}  # partition: sightings that are not committed and still may be
        self.errors = []

    def take(self, line):
        getattr(self, "_" + line["event"])(line)

    def uncommitted(self):
        return [seen for sightings in list(self.open.values()) for seen in list(sightings) if not seen.kept]

    def _assigned(self, line):
        self.owned = self.owned | set(line["partitions"])

    def _revoked(self, line):
        self.revoked += line["partitions"]
        self.owned = self.owned - set(line["partitions"])
        for partition in line["partitions"]:
            self.open.pop(partition, None)

    def _record(self, line):
        seen = Sighting(self.name, line["partition"], line["offset"])
        self.sightings.append(seen)
        self.open.setdefault(seen.partition, []).append(seen)

    def _committed(self, line):
        for partition, offset in line["offsets"].items():
            for seen in self.open.get(int(partition), ()):
                seen.kept = seen.kept or seen.offset < offset

    def _error(self, line):
        self.errors.append(line["text"])


class Member:
    """A process of one make. Its words go to a file, its lines to a ledger."""

    def __init__(self, make, name, call, folder, **arguments):
        self.make, self.name, self.instance = make, name, arguments.get("instance")
        self.ledger = Ledger(name)
        self.log_path = os.path.join(folder, name + ".log")
        with open(self.log_path, "wb") as log:
            self.popen = subprocess.Popen(
                [*call, *self._words(arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._standard_error(log),
                preexec_fn=_die_with_parent,
            )
        self.threads = [threading.Thread(target=self._read, args=reader, daemon=True) for reader in self._readers()]
        for thread in self.threads:
            thread.start()

    def _words(self, arguments):
        return [f"{name}={value}" for name, value in arguments.items() if value is not None]

    def _standard_error(self, log):
        return log

    def _readers(self):
        return [(self.popen.stdout, json.loads)]

    def _read(self, stream, parse):
        for text in stream:
            line = parse(text)
            if line:
                self.ledger.take(line)

    @property
    def owned(self):
        return self.ledger.owned

    def leave(self):
        """It is told to close and does so in good order. A static member stays in the group."""
        self._tell_to_leave()
        self.wait_ended()
        assert self.popen.returncode == 0, f"{self.name} ended with status {self.popen.returncode}:\n{self.log_tail()}"

    def _tell_to_leave(self):
        self.popen.stdin.write(b"leave\n")
        self.popen.stdin.close()

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.wait_ended()

    def wait_ended(self):
        try:
            self.popen.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            raise AssertionError(f"{self.name} does not end:\n{self.log_tail()}") from None
        for thread in self.threads:
            thread.join(PATIENCE_S)

    def log_tail(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()[-3000:]


class Kcat(Member):
    """Its records come as JSON, what it is assigned in words, and it leaves on SIGTERM."""

    def _words(self, arguments):
        settings = {
            "session.timeout.ms": arguments["session_ms"],
            "heartbeat.interval.ms": arguments["heartbeat_ms"],
            "auto.offset.reset": "earliest",
            "topic.metadata.refresh.interval.ms": 1000,
            "fetch.wait.max.ms": 200,
            "group.instance.id": arguments.get("instance"),
            "partition.assignment.strategy": arguments.get("assignor"),
        }
        words = ["-b", arguments["bootstrap"], "-G", arguments["group"], "-J", "-u"]
        for name, value in settings.items():
            words += ["-X", f"{name}={value}"] if value is not None else []
        return [*words, arguments["topic"]]

    def _standard_error(self, log):
        return subprocess.PIPE

    def _readers(self):
        return [(self.popen.stdout, _kcat_record), (self.popen.stderr, self._kcat_words)]

    def _kcat_words(self, text):
        with open(self.log_path, "ab") as log:
            log.write(text)
        text = text.decode()
        found = re.search(r"rebalanced.*\b(assign|revoke)(ed|ment|d)?\b", text)
        if found:
            event = "assigned" if found[1] == "assign" else "revoked"
            return {"event": event, "partitions": [int(number) for number in re.findall(r"\[(\d+)\]", text)]}
        return {"event": "error", "text": text.strip()} if "ERROR" in text else None

    def _tell_to_leave(self):
        self.popen.terminate()


def _kcat_record(text):
    record = json.loads(text)
    return {"event": "record", "partition": record["partition"], "offset": record["offset"]}


def committed(broker, group, topic, partitions):
    """The group's offset by partition, as its coordinator tells; empty while nobody is that."""
    asked = [{"name": topic, "partition_indexes": list(range(partitions))}]
    for one in getattr(broker, "awake", [broker]):
        with one.connect() as client:
            answer = schema.ask(client, "OffsetFetch", 7, group_id=group, topics=asked, require_stable=False)
        if answer["error_code"] == 0:
            return {p["partition_index"]: p["committed_offset"] for p in answer["topics"][0]["partitions"]}
    return {}


class Group:
    """A group on a topic of its own, with all that were ever its members."""

    session_ms = 45000  # a machine that stands still for long throws nobody out
    heartbeat_ms = 300

    def __init__(self, broker, programs, folder, topic, partitions):
        self.broker, self.bootstrap = broker, broker.address
        self.programs, self.folder = programs, str(folder)
        self.topic, self.name, self.partitions = topic, f"group-of-{topic}", partitions
        self.members = []  # those in it now
        self.all = []  # and those that were
        self.produced = 0  # records in each partition
        os.makedirs(self.folder, exist_ok=True)

    def end(self):
        """Ends who is left, and shows what they said, for a test that failed."""
        for member in self.all:
            running = member.popen.poll() is None
            member.kill()
            if running:
                print(f"{member.name}: owned {sorted(member.owned)}, errors {member.ledger.errors[-5:]}")
                print(member.log_tail()[-1500:])

    def join(self, make, **arguments):
        name = f"{self.topic}-{len(self.all)}-{make}"
        kind = Kcat if make == "kcat" else Member
        told = {
            "bootstrap": self.bootstrap,
            "group": self.name,
            "topic": self.topic,
            "session_ms": self.session_ms,
            "heartbeat_ms": self.heartbeat_ms,
            **arguments,
        }
        member = kind(MAKES[make], name, self.programs.call(make), self.folder, **told)
        self.members.append(member)
        self.all.append(member)
        return member

    def leave(self, *members):
        for member in members:
            self.members.remove(member)
            member.leave()

    def produce(self, each):
        produce(self.bootstrap, self.topic, each, self.partitions, first=self.produced)
        self.produced += each

    # --- waiting --------------------------------------------------------------------------------------

    def _describe(self):
        return "; ".join(
            f"{m.name} has {sorted(m.owned)} of {m.ledger.errors[-1:] or 'no error'}, status {m.popen.poll()}"
            for m in self.members
        )

    def _wait(self, condition, what):
        try:
            return wait_until(condition, PATIENCE_S, what)
        except AssertionError as problem:
            raise AssertionError(f"{problem}\n{self._describe()}") from None

    def shares(self):
        return [sorted(member.owned) for member in self.members]

    def wait_shared(self):
        """Every partition has one owner, and every member as many as another or one more."""
        least = self.partitions // len(self.members)

        def shared():
            owned = self.shares()
            return sorted(sum(owned, [])) == list(range(self.partitions)) and min(map(len, owned)) >= least

        self._wait(shared, f"{self.partitions} partitions of {self.topic} shared by {len(self.members)}")

    def wait_done(self):
        """All that was produced is seen and committed."""
        self.wait_seen()
        whole = {partition: self.produced for partition in range(self.partitions)}

        def done():
            return committed(self.broker, self.name, self.topic, self.partitions) == whole

        self._wait(done, f"all of {self.topic} is committed")

    def wait_settled(self):
        """All that was produced is seen, and committed by those who tell of it. The others (kcat) commit every five
        seconds, and what they are to give up."""
        self.wait_seen()

        def settled():
            return not any(member.ledger.uncommitted() for member in self.members if member.make.tells_commits)

        self._wait(settled, f"members commit what they saw of {self.topic}")

    def wait_seen(self):
        due = self.partitions * self.produced

        def seen():
            return len({(s.partition, s.offset) for m in self.all for s in list(m.ledger.sightings)}) >= due

        self._wait(seen, f"{due} records of {self.topic} are seen")

    # --- judging --------------------------------------------------------------------------------------

    def wrongs(self, once):
        """What must not be. With `once` every record must have been seen exactly once, else only what was committed."""
        found = {}
        for member in self.all:
            for seen in list(member.ledger.sightings):
                found.setdefault((seen.partition, seen.offset), []).append(seen)
        wrong = []
        for place in sorted({(p, o) for p in range(self.partitions) for o in range(self.produced)} | set(found)):
            seen = found.get(place, [])
            if not seen:
                wrong.append(f"nobody saw {place}")
            if len(seen) > 1 if once else sum(s.kept for s in seen) > 1:
                wrong.append(f"{place} was seen by {[(s.member, s.kept) for s in seen]}")
        return wrong

    def check(self, once, quiet=True):
        wrong = self.wrongs(once)
        assert not wrong, f"{len(wrong)} wrongs in {self.name}:\n" + "\n".join(wrong[:20])
        errors = [(member.name, text) for member in self.all for text in member.ledger.errors]
        assert not quiet or not errors, errors[:10]
