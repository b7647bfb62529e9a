"""Replicas compared byte by byte, as they are on disk."""

import glob
import os
import struct

from .wait import wait_until


class Diverged(AssertionError):
    """Two replicas hold different bytes at the same place."""


def log_bytes(broker, topic, partition=0):
    """The bytes of a replica's segments, one behind the other."""
    out = b""
    for path in sorted(glob.glob(os.path.join(broker.partition_folder(topic, partition), "*.log"))):
        with open(path, "rb") as file:
            out += file.read()
    return out


def batches(data):
    """(place, base offset, length, leader epoch) of each whole batch of magic 2."""
    place = 0
    while place + 61 <= len(data):
        offset, length, epoch = struct.unpack_from(">qii", data, place)
        if place + 12 + length > len(data):
            return
        yield place, offset, 12 + length, epoch
        place += 12 + length


def first_difference(left, right):
    """Place of the first byte in which two logs differ up to the end of the shorter one, or None."""
    shorter = min(len(left), len(right))
    if left[:shorter] == right[:shorter]:
        return None
    return next(place for place in range(shorter) if left[place] != right[place])


def _batch_at(data, place):
    for start, offset, size, epoch in batches(data):
        if start <= place < start + size:
            return f"batch of offset {offset}, epoch {epoch}, {size} bytes, at byte {start}"
    return "no whole batch"


def must_agree(brokers, topic, partition, logs):
    """Raises Diverged, naming the batches, where two logs differ before the end of the shorter one."""
    for broker, data in zip(brokers[1:], logs[1:], strict=True):
        place = first_difference(logs[0], data)
        if place is not None:
            raise Diverged(
                f"{topic}-{partition} differs at byte {place}: broker {brokers[0].id} has the {_batch_at(logs[0], place)}, "
                f"broker {broker.id} the {_batch_at(data, place)}"
            )


def wait_same(brokers, topic, partition, deadline_s):
    """Of a partition without faults, all replicas in sync and nobody writing: the same bytes everywhere."""

    def same():
        logs = [log_bytes(broker, topic, partition) for broker in brokers]
        must_agree(brokers, topic, partition, logs)
        return [logs[0]] if len({len(data) for data in logs}) == 1 else None

    def lengths():
        return {broker.id: len(log_bytes(broker, topic, partition)) for broker in brokers}

    try:
        return wait_until(same, deadline_s, f"the replicas of {topic}-{partition} are as long as each other")[0]
    except AssertionError as problem:
        raise AssertionError(f"{problem}; bytes: {lengths()}") from None
