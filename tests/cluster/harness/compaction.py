"""Compacted topics: what is written, what must be left of it, and how far the cleaner says it has come."""

import os
import struct

from . import records, schema
from .wait import wait_until

SMALL = {
    "cleanup.policy": "compact",
    "segment.bytes": "8192",
    "min.cleanable.dirty.ratio": "0.01",
    "file.delete.delay.ms": "200",
}
QUICK = {"log.cleaner.backoff.ms": "50", "zookeeper.session.timeout.ms": "6000"}

TOPIC, BROKER = 2, 4
SET, DELETE = 0, 1


def write(broker, topic, messages, partition=0, each=5, timestamp=None, **more):
    """(key, value) by (key, value), `each` to a batch."""
    made = {} if timestamp is None else {"timestamp": timestamp}
    with broker.connect() as client:
        for at in range(0, len(messages), each):
            answer = client.produce(
                topic, records.batch(messages[at : at + each], **made, **more), partition=partition
            )
            assert answer["error"] == 0, answer


def rounds(keys, count, size=100, first=0):
    """Every key once in each round; the value says which."""
    return [
        (b"key-%d" % key, b"%d:" % number + b"x" * size) for number in range(first, first + count) for key in range(keys)
    ]


def last_offset(data):
    """Of the last whole batch of magic 2; None when there is none. A batch may hold no record at all."""
    found, pos = None, 0
    while pos + 61 <= len(data):
        base, length = struct.unpack_from(">qi", data, pos)
        if pos + 12 + length > len(data):
            break
        (delta,) = struct.unpack_from(">i", data, pos + 23)
        found, pos = base + delta, pos + 12 + length
    return found


def read(broker, topic, partition=0, isolation=0):
    """All records that can be fetched, control records too."""
    found = []
    with broker.connect() as client:
        offset = client.list_offset(topic, -2, partition)["offset"]
        end = client.end_offset(topic, partition)
        while offset < end:
            answer = client.fetch(topic, offset=offset, partition=partition, isolation=isolation, max_wait_ms=0)
            assert answer["error"] == 0, f"{topic}-{partition} at {offset}: error {answer['error']}"
            last = last_offset(answer["records"])
            if last is None:
                break  # the log ends behind a gap, or nothing is stable
            found += [one for one in records.read(answer["records"]) if one["offset"] >= offset]
            offset = last + 1
    return found


def newest(messages):
    """{key: value} of what was written last."""
    return dict(messages)


def must_be_compacted(written, found, up_to):
    """`written`: (key, value) from offset 0 on, none of them a tombstone. Below `up_to` the newest record of each
    key is there and nothing else; from there on everything. Offsets are what they were."""
    last = {key: offset for offset, (key, _) in enumerate(written) if offset < up_to}
    wanted = sorted(last.values()) + list(range(up_to, len(written)))
    assert [one["offset"] for one in found] == wanted
    for one in found:
        assert (one["key"], one["value"]) == written[one["offset"]]


def checkpoints(broker, name="cleaner-offset-checkpoint"):
    """{(topic, partition): offset} over all log directories."""
    found = {}
    for folder in broker.log_dirs:
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        if not lines:
            continue
        assert lines[0] == "0" and int(lines[1]) == len(lines) - 2, lines
        for line in lines[2:]:
            topic, partition, offset = line.split(" ")
            found[topic, int(partition)] = int(offset)
    return found


def segments(broker, topic, partition=0):
    """Base offsets."""
    names = os.listdir(broker.partition_folder(topic, partition))
    return sorted(int(name[:-4]) for name in names if name.endswith(".log"))


def wait_compacted(broker, topic, partition=0, deadline_s=60, at_least=1):
    """Until all but the active segment is clean; gives where that begins."""

    def done():
        active = segments(broker, topic, partition)[-1]
        return active >= at_least and checkpoints(broker).get((topic, partition)) == active and [active]

    return wait_until(done, deadline_s, f"{topic}-{partition} is compacted")[0]


def alter(broker, kind, name, **changes):
    """Sets (None: takes away) settings; dots are underscores here. Gives the error."""
    edits = [
        {"name": key.replace("_", "."), "config_operation": DELETE if value is None else SET, "value": value}
        for key, value in changes.items()
    ]
    resource = {"resource_type": kind, "resource_name": name, "configs": edits}
    with broker.connect() as client:
        answer = schema.ask(client, "IncrementalAlterConfigs", 1, resources=[resource], validate_only=False)
    return answer["responses"][0]["error_code"]
