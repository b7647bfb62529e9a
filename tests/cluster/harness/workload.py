"""Producers that count on what they were told, a consumer that follows them, and the reckoning.

What is promised: every acknowledged record is at its offset, once, in the order in which its producer sent it;
nothing is there that nobody sent; what a consumer was given never changes or goes away; all replicas hold the
same bytes. A producer with retries sees no error at all, whatever happens to the brokers meanwhile."""

import contextlib
import json
import os
import random
import threading
import time
import zlib

import confluent_kafka

from . import records
from .crash import read_partition
from .rawclient import Closed
from .wait import wait_until

_QUICK = {
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 200,
    "topic.metadata.refresh.interval.ms": 1000,
    "log_level": 0,
}
# BARNABAS_CLIENT_DEBUG=msg,eos,protocol: librdkafka tells on standard error what it does.
if os.environ.get("BARNABAS_CLIENT_DEBUG"):
    _QUICK.update({"log_level": 7, "debug": os.environ["BARNABAS_CLIENT_DEBUG"]})
_OFFSET_OUT_OF_RANGE = 1
_BURST, _PAUSE_S = 5, 0.01  # what a producer sends before it pauses: the brokers, not the clients, are to be busy
_SHOWN = 10


def value_of(run, producer, number, size):
    head = b"%s|%d|%d|" % (run.encode(), producer, number)
    body = head + b"x" * max(0, size - len(head))
    return body + b"|%08x" % zlib.crc32(body)


def read_value(value):
    """run, producer and number of a value; None for what value_of() never made."""
    body, _, check = value.rpartition(b"|")
    parts = body.split(b"|")
    if len(parts) != 4 or check != b"%08x" % zlib.crc32(body):
        return None
    return parts[0].decode(), int(parts[1]), int(parts[2])


class Producer(threading.Thread):
    """Idempotent, acks=all, five requests in flight, over all partitions in turn, until stopped.
    acknowledged[number] is the (partition, offset) that the broker gave for the record of that number."""

    def __init__(self, bootstrap, run, who, topic, partitions, seed=0):
        super().__init__(daemon=True)
        self.run_name, self.who, self.topic, self.partitions = run, who, topic, partitions
        self.acknowledged = {}
        self.failed = []
        self.sent = 0
        self.draw = random.Random(seed)
        self.stopping = threading.Event()
        self.producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": bootstrap,
                "acks": "all",
                "enable.idempotence": True,
                "compression.codec": self.draw.choice(("none", "lz4", "zstd")),
                "linger.ms": 2,
                "message.timeout.ms": 180000,
                "request.timeout.ms": 5000,
                "socket.timeout.ms": 6000,
                "retry.backoff.ms": 20,
                "retry.backoff.max.ms": 200,
                "queue.buffering.max.messages": 2000,
                "statistics.interval.ms": 5000,
                "stats_cb": self._tell,
                **_QUICK,
            }
        )
        self.told = None

    def _tell(self, text):
        self.told = text

    def _standing(self):
        """What the library last said of itself, for who wonders why it sends nothing."""
        if self.told is None:
            return "it never said how it stands"
        told = json.loads(self.told)
        brokers = {
            name: [b[key] for key in ("state", "stateage", "outbuf_cnt", "waitresp_cnt", "req_timeouts")]
            for name, b in told["brokers"].items()
        }
        partitions = {
            number: [p[key] for key in ("leader", "msgq_cnt", "xmit_msgq_cnt", "msgs_inflight", "next_ack_seq")]
            for topic in told["topics"].values()
            for number, p in topic["partitions"].items()
        }
        return f"{told.get('eos')} brokers {brokers} partitions {partitions}"

    def _delivered(self, number):
        def call(problem, record):
            if problem is not None:
                self.failed.append((number, str(problem)))
            else:
                self.acknowledged[number] = (record.partition(), record.offset())

        return call

    def run(self):
        while not self.stopping.wait(_PAUSE_S):
            for _ in range(_BURST):
                try:
                    self.producer.produce(
                        self.topic,
                        value=value_of(self.run_name, self.who, self.sent, self.draw.randrange(20, 900)),
                        partition=self.sent % self.partitions,
                        on_delivery=self._delivered(self.sent),
                    )
                    self.sent += 1
                except BufferError:
                    break
            self.producer.poll(0)

    def finish(self, deadline_s):
        self.stopping.set()
        self.join()
        left = self.producer.flush(deadline_s)
        assert not self.failed, f"{len(self.failed)} records were refused, the first: {self.failed[0]}"
        why = self._standing()
        assert left == 0, f"{left} records of producer {self.who} were neither acknowledged nor refused: {why}"


class Tail(threading.Thread):
    """Reads all partitions from their beginnings as they grow; seen[(partition, offset)] is the value. Speaks for itself:
    librdkafka 2.16 locks itself out when a connection ends while it handles an OffsetForLeaderEpoch."""

    def __init__(self, brokers, topic, partitions):
        super().__init__(daemon=True)
        self.brokers, self.topic = brokers, topic
        self.seen = {}
        self.wrong = []
        self.next = [0] * partitions
        self.epochs = [0] * partitions  # the latest heard of: as a client, it passes over who leads in an earlier one
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(0.02):
            for broker in self.brokers:
                if broker.awake and not self.stopping.is_set():
                    with contextlib.suppress(OSError, Closed):  # it is ending, or stands still
                        self._read(broker)

    def _read(self, broker):
        """What a broker leads, as long as it has more."""
        with broker.connect(timeout_s=2) as client:
            (found,) = client.metadata([self.topic])["topics"]
            for led in found["partitions"]:
                self.epochs[led["partition"]] = max(self.epochs[led["partition"]], led["epoch"])
                if led["epoch"] < self.epochs[led["partition"]]:
                    continue
                while led["leader"] == broker.id and not self.stopping.is_set():
                    answer = client.fetch(self.topic, self.next[led["partition"]], led["partition"], max_wait_ms=0)
                    if not self._take(led["partition"], answer):
                        break

    def _take(self, partition, answer):
        """Whether there was something."""
        if answer["error"] == _OFFSET_OUT_OF_RANGE:
            self.wrong.append(f"offset {self.next[partition]} of partition {partition} was there and is out of range")
            self.stopping.set()
        if answer["error"]:
            return False  # its leader is another by now
        fresh = [record for record in records.read(answer["records"]) if record["offset"] >= self.next[partition]]
        for record in fresh:
            if record["offset"] != self.next[partition]:
                self.wrong.append(f"partition {partition}: read {record['offset']}, due was {self.next[partition]}")
            self.next[partition] = record["offset"] + 1
            self.seen[(partition, record["offset"])] = record["value"]
        return bool(fresh)


def is_what_was_told(place, told):
    """Offset None: librdkafka saw a later record acknowledged, which says that this one is there, but not where."""
    return told is not None and (place == told or (told[1] is None and place[0] == told[0]))


def reckon(run, producers, seen, final):
    """What is wrong: final holds the records of each partition as they are now, seen what a consumer was given at each
    (partition, offset). All that was sent must have been acknowledged."""
    wrong, places, last = [], {}, {}
    for partition, found in enumerate(final):
        for due, record in enumerate(found):
            place, made = (partition, record["offset"]), read_value(record["value"])
            if record["offset"] != due:
                wrong.append(f"partition {partition}: offset {record['offset']} where {due} is due")
            if made is None or made[0] != run or made[2] >= producers[made[1]].sent:
                wrong.append(f"nobody sent what is at {place}: {record['value'][:60]}")
                continue
            if seen.get(place) != record["value"]:
                wrong.append(f"the consumer got something else at {place} than is there now")
            _, producer, number = made
            places.setdefault((producer, number), []).append(place)
            if last.get((partition, producer), -1) >= number:
                wrong.append(f"{place} holds record {number} of producer {producer}, behind a later one")
            last[(partition, producer)] = max(number, last.get((partition, producer), -1))
    for producer in producers:
        for number in range(producer.sent):
            told, is_at = producer.acknowledged.get(number), places.get((producer.who, number))
            if not is_at or len(is_at) > 1 or not is_what_was_told(is_at[0], told):
                wrong.append(f"record {number} of producer {producer.who} was acknowledged at {told} and is at {is_at}")
    return wrong


class Workload:
    """with Workload(cluster, topic, partitions) as load: ...; load.progress() waits until it goes on."""

    def __init__(self, cluster, topic, partitions, producers=2, seed=0):
        self.cluster, self.topic, self.partitions = cluster, topic, partitions
        self.run_name = f"{topic}-{time.monotonic_ns()}"
        bootstrap = cluster.bootstrap
        self.producers = [
            Producer(bootstrap, self.run_name, number, topic, partitions, f"{seed} {number}") for number in range(producers)
        ]
        self.tail = Tail(cluster.brokers, topic, partitions)

    def __enter__(self):
        for thread in (*self.producers, self.tail):
            thread.start()
        self.progress()
        return self

    def __exit__(self, *unused):
        for thread in (*self.producers, self.tail):
            thread.stopping.set()
        for thread in (*self.producers, self.tail):
            thread.join()
        for producer in self.producers:
            producer.producer = None  # which closes it: it would ask for its topic, and so make it, when it is deleted

    def counts(self):
        """Acknowledged records by partition."""
        found = [0] * self.partitions
        for producer in self.producers:
            for partition, _ in list(producer.acknowledged.values()):
                found[partition] += 1
        return found

    def progress(self, more=20, deadline_s=60):
        """Until so many records more are acknowledged in every partition."""
        before = self.counts()

        def grown():
            failed = [failure for producer in self.producers for failure in producer.failed]
            if failed:
                return True
            return all(now >= then + more for now, then in zip(self.counts(), before, strict=True))

        wait_until(grown, deadline_s, f"{more} more records acknowledged in each partition of {self.topic}", poll_s=0.05)
        failed = [failure for producer in self.producers for failure in producer.failed]
        assert not failed, f"{len(failed)} records were refused, the first: {failed[0]}"

    def finish(self, deadline_s=120):
        """Ends the sending and holds everything against the promises. The cluster must be without a fault."""
        for producer in self.producers:
            producer.finish(deadline_s)
        self.cluster.wait_whole([self.topic], deadline_s)
        logs = [self.cluster.wait_same(self.topic, partition) for partition in range(self.partitions)]
        final = [self._final(partition) for partition in range(self.partitions)]
        ends = [len(found) for found in final]
        wait_until(
            lambda: self.tail.wrong or self.tail.next == ends, 60, f"the consumer reads to the ends {ends} of {self.topic}"
        )
        wrong = [*self.tail.wrong]
        for partition in range(self.partitions):
            wrong += self._on_disk(partition, logs[partition], final[partition])
        wrong += reckon(self.run_name, self.producers, self.tail.seen, final)
        assert not wrong, f"{len(wrong)} wrongs in {self.topic}:\n" + "\n".join(wrong[:_SHOWN])
        return sum(ends)

    def _final(self, partition):
        """All records of a partition as a reader who was never there before gets them from the leader, which may have
        come back to it just now."""

        def read():
            with self.cluster.leader(self.topic, partition).connect() as client:
                return [read_partition(client, self.topic, partition)]

        return wait_until(read, 30, f"{self.topic}-{partition} is read from its beginning to its end")[0]

    def _on_disk(self, partition, log, final):
        """What the leader gives to readers is what all replicas have on their disks, to the last record."""
        stored = [(record["offset"], record["value"]) for record in records.read(log)]
        given = [(record["offset"], record["value"]) for record in final]
        if stored != given:
            return [f"partition {partition}: {len(stored)} records on disk, {len(given)} are given to readers, or others"]
        return []
