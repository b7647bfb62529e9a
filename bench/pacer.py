"""A producer without back-off: one record after the other with acks=all, so that the gaps between its
acknowledgements are the brokers' own."""

import socket
import struct
import threading
import time

from systems import Closed
from harness import requests
from harness.wait import wait_until

PACE_S = 0.002
# For so long it waits for an answer before it asks the others whether somebody else leads.
PATIENCE_S = 0.02
NONE = 0


def crc32c(data):
    """Slow, for a single batch; so that no package is needed for it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 & -(crc & 1))
    return crc ^ 0xFFFFFFFF


def zigzag(value):
    """A varint of a value that is not negative, or of -1."""
    value = value * 2 if value >= 0 else 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def one_record(value):
    """A batch (version 2) of one record without a key."""
    record = b"\x00" + zigzag(0) + zigzag(0) + zigzag(-1) + zigzag(len(value)) + value + zigzag(0)
    records = zigzag(len(record)) + record
    now_ms = int(time.time() * 1000)
    # attributes, last offset delta, first and last timestamp, producer id, its epoch, its sequence, records
    body = struct.pack(">hiqqqhii", 0, 0, now_ms, now_ms, -1, -1, -1, 1) + records
    rest = struct.pack(">ib", 0, 2) + struct.pack(">I", crc32c(body)) + body  # leader epoch, version
    return struct.pack(">qi", 0, len(rest)) + rest


class Pacer(threading.Thread):
    """Produces to partition 0 of a topic; asks everybody but `victim` who leads."""

    def __init__(self, cluster, topic, victim):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.topic = topic
        self.victim = victim
        self.asked = {}  # broker -> connection for metadata
        self.acks = []  # (time, broker)
        self.over = threading.Event()
        self.failure = None
        self.batch = one_record(b"x" * 100)

    # --- who leads

    def leader(self):
        for number in self.cluster.others(self.victim):
            try:
                if number not in self.asked:
                    self.asked[number] = self.cluster.brokers[number].client(timeout_s=1)
                (topic,) = self.asked[number].metadata([self.topic])["topics"]
                found = [p["leader"] for p in topic["partitions"] if p["leader"] >= 0]
                if found and found[0] != self.victim:
                    return found[0]
            except (OSError, Closed):
                self.asked.pop(number, None)
        return self.victim

    # --- acknowledgements

    def run(self):
        try:
            while not self.over.is_set():
                leader = self.leader()
                try:
                    with self.cluster.brokers[leader].client(timeout_s=PATIENCE_S) as client:
                        self.produce_to(leader, client)
                except (OSError, Closed):
                    time.sleep(PACE_S)
        except Exception as failure:  # noqa: BLE001 - told by longest_gap
            self.failure = failure

    def produce_to(self, leader, client):
        """Until it refuses, is gone, or is silent and somebody else leads."""
        while not self.over.is_set():
            answer = self.produce(leader, client)
            if answer is None or answer["error"] != NONE:
                time.sleep(PACE_S)
                return
            self.acks.append((time.monotonic(), leader))
            time.sleep(PACE_S)

    def produce(self, leader, client):
        sent = PatientRequest(client)
        while True:
            try:
                return sent.produce(self.topic, self.batch)
            except socket.timeout:
                if self.over.is_set() or self.leader() != leader:
                    return None

    # --- what is asked from outside

    def wait_acks(self, seconds, without=None, deadline_s=60):
        """Until there were acknowledgements for so long, of others than `without`."""

        def enough():
            if self.failure:
                raise self.failure
            times = [at for at, broker in self.acks if broker != without]
            return times and times[-1] - times[0] >= seconds

        wait_until(enough, deadline_s, f"{self.cluster.name}: acknowledgements", poll_s=0.05)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self.over.set()
        self.join(10)
        for client in self.asked.values():
            client.close()

    def longest_gap(self, since):
        """In seconds, between two acknowledgements of which the later came after `since`. When it is over."""
        if self.failure:
            raise self.failure
        times = [at for at, _ in self.acks]
        return max(later - sooner for sooner, later in zip(times, times[1:]) if later >= since)


class PatientRequest:
    """One Produce whose answer may be waited for again after a timeout, whatever had come of it."""

    def __init__(self, client):
        self.client = client
        self.sent = False
        self.data = bytearray()

    def produce(self, topic, batch):
        if not self.sent:
            body = requests.encode_produce(7, topic, {0: batch}, acks=-1)
            self.client.send(requests.PRODUCE, 7, body)
            self.sent = True
        while len(self.data) < 4 or len(self.data) < 4 + int.from_bytes(self.data[:4], "big"):
            try:
                piece = self.client.sock.recv(65536)
            except ConnectionError as problem:
                raise Closed(str(problem)) from None
            if not piece:
                raise Closed("closed")
            self.data += piece
        return requests.decode_produce(bytes(self.data[8:]), 7)[(topic, 0)]
