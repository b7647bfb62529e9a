"""Real clients behind one interface: produce(), which tells the offsets that the broker gave, and
consume(), which reads a partition from its beginning. Each says which fields it can set and see, and which
codecs it has."""

import json
import os
import select
import subprocess
import threading
import urllib.parse

import confluent_kafka
import kafka as kafka_python

from . import environment
from .messages import Message, Received, message
from .process import _die_with_parent

ALL_FIELDS = frozenset(("key", "value", "headers", "timestamp"))
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
PATIENCE_S = 60


class ClientFailed(AssertionError):
    pass


# --- Java -----------------------------------------------------------------------------------------

_JAVA_COMMON = ["Driver", "Messages", "Messenger", "Admin"]

# name: jars, further sources, codecs
_JAVA_SETS = {
    "java-0.11": ("clients-0.11", ["AdminOld"], CODECS[:4]),
    "java-2.8": ("clients-2.8", ["AdminOld", "AdminModern"], CODECS),
    "java-3.9": ("clients-3.9", ["AdminOld", "AdminModern", "AdminProducers", "AdminGroups"], CODECS),
    "java-4": ("clients-4", ["AdminModern", "AdminProducers", "AdminGroups", "AdminGroupsOfAllKinds"], CODECS),
    "spring-2.2.7": ("spring-2.2.7", ["SpringSender"], CODECS[:4]),
    "kafka-tools": ("kafka-3.9.1", ["KafkasTools"], CODECS),
}
_QUIET = "-Dlog4j.configuration=none"


class JavaClient:
    """One JVM that serves many commands; started on first use."""

    fields = ALL_FIELDS

    def __init__(self, name, folder):
        self.name = name
        jars, sources, self.codecs = _JAVA_SETS[name]
        self.classpath = environment.jars(jars)
        self.sources = _JAVA_COMMON + sources
        self.folder = os.path.join(str(folder), name)
        self.popen = None

    def _start(self):
        os.makedirs(self.folder, exist_ok=True)
        sources = [os.path.join(environment.CLIENTS, "java", source + ".java") for source in self.sources]
        compiled = subprocess.run(
            [environment.program("javac"), "-nowarn", "-Xlint:none", "-d", self.folder, "-cp", self.classpath, *sources],
            capture_output=True,
            text=True,
            check=False,
        )
        if compiled.returncode != 0:
            raise ClientFailed(f"{self.name} does not compile:\n{compiled.stderr}")
        self.log_path = os.path.join(self.folder, "driver.log")
        with open(self.log_path, "wb") as log:
            self.popen = subprocess.Popen(
                [environment.java(), "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", _QUIET,
                 "-cp", self.classpath + ":" + self.folder, "Driver"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                preexec_fn=_die_with_parent,
            )  # fmt: skip

    def close(self):
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait()
            self.popen = None

    def run(self, command, deadline_s=2 * PATIENCE_S, **arguments):
        """Result of a command. `_` in an argument's name stands for the dot of a client setting."""
        if self.popen is None or self.popen.poll() is not None:
            self._start()
        words = [command] + [
            f"{key.replace('_', '.')}={urllib.parse.quote(str(value))}" for key, value in arguments.items()
        ]
        self.popen.stdin.write((" ".join(words) + "\n").encode())
        self.popen.stdin.flush()
        if not select.select([self.popen.stdout], [], [], deadline_s)[0]:
            self.close()
            raise ClientFailed(f"{self.name}: no answer to {command} within {deadline_s} s")
        line = self.popen.stdout.readline()
        if not line:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                raise ClientFailed(f"{self.name} ended during {command}:\n{log.read()[-3000:]}")
        answer = json.loads(line)
        if "result" not in answer:
            raise ClientFailed(f"{self.name}: {command}: {answer}")
        return answer["result"]

    def admin(self, broker, command, **arguments):
        return self.run("admin-" + command, bootstrap=broker.address, request_timeout_ms=20000, **arguments)

    def produce(self, broker, topic, count, seed, codec="none", acks="all", idempotence=False, **more):
        settings = {
            "bootstrap": broker.address,
            "topic": topic,
            "count": count,
            "seed": seed,
            "acks": acks,
            "compression_type": codec,
            "enable_idempotence": str(idempotence).lower(),
            "linger_ms": 5,
        }
        if idempotence:
            # 0.11 accepts one request in flight only, and needs retries said aloud.
            settings.update(retries=100, max_in_flight_requests_per_connection=1 if self.name == "java-0.11" else 5)
        settings.update(more)
        offsets = self.run("spring-produce" if "way" in more else "produce", **settings)["offsets"]
        return None if str(acks) == "0" else offsets

    def consume(self, broker, topic, count=None, partition=0, **more):
        answer = self.run("consume", bootstrap=broker.address, topic=topic, partition=partition, **more)
        return [_from_json(record) for record in answer["records"]]


def _text(value):
    return None if value is None else value.encode()


def _from_json(record):
    headers = tuple((name, _text(value)) for name, value in record["headers"])
    return Received(
        record["offset"], Message(_text(record["key"]), _text(record["value"]), headers, record["timestamp"])
    )


# --- Python: librdkafka's binding and kafka-python ------------------------------------------------


class ConfluentClient:
    name = "confluent"
    fields = ALL_FIELDS
    codecs = CODECS

    def close(self):
        pass

    def produce(self, broker, topic, count, seed, codec="none", acks="all", idempotence=False, **more):
        producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": broker.address,
                "compression.codec": codec,
                "acks": acks,
                "enable.idempotence": idempotence,
                "linger.ms": 5,
                "message.timeout.ms": PATIENCE_S * 1000,
                **more,
            }
        )
        offsets, problems = {}, []

        def delivered(number):
            def call(problem, record):
                if problem is not None:
                    problems.append(str(problem))
                else:
                    offsets[number] = record.offset()

            return call

        for number in range(count):
            made = message(seed, number)
            producer.produce(
                topic,
                partition=0,
                key=made.key,
                value=made.value,
                headers=list(made.headers) or None,
                timestamp=made.timestamp,
                on_delivery=delivered(number),
            )
            producer.poll(0)
        left = producer.flush(PATIENCE_S)
        if problems or left:
            raise ClientFailed(f"confluent: {left} messages undelivered; problems: {problems[:3]}")
        return None if str(acks) == "0" else [offsets[number] for number in range(count)]

    def consume(self, broker, topic, count, partition=0, **more):
        consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": broker.address,
                "group.id": "driver",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                **more,
            }
        )
        found = []
        try:
            consumer.assign([confluent_kafka.TopicPartition(topic, partition, confluent_kafka.OFFSET_BEGINNING)])
            while True:
                record = consumer.poll(PATIENCE_S)
                if record is None:
                    raise ClientFailed(f"confluent: read {len(found)} records, then nothing in {PATIENCE_S} s")
                if record.error():
                    if record.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                        return found
                    raise ClientFailed(f"confluent: {record.error()}")
                headers = tuple(record.headers() or ())
                made = Message(record.key(), record.value(), headers, record.timestamp()[1])
                found.append(Received(record.offset(), made))
        finally:
            consumer.close()


class KafkaPythonClient:
    """It cannot send a header without a value."""

    name = "kafka-python"
    null_headers = False
    fields = ALL_FIELDS
    codecs = CODECS

    def close(self):
        pass

    def produce(self, broker, topic, count, seed, codec="none", acks="all", idempotence=False):
        producer = kafka_python.KafkaProducer(
            bootstrap_servers=broker.address,
            compression_type=None if codec == "none" else codec,
            acks="all" if acks == "all" else int(acks),
            enable_idempotence=idempotence,
            linger_ms=5,
        )
        try:
            sent = []
            for number in range(count):
                made = message(seed, number)
                sent.append(
                    producer.send(
                        topic,
                        partition=0,
                        key=made.key,
                        value=made.value,
                        headers=[header for header in made.headers if header[1] is not None],
                        timestamp_ms=made.timestamp,
                    )
                )
            producer.flush(PATIENCE_S)
            offsets = [future.get(PATIENCE_S).offset for future in sent]
        finally:
            producer.close()
        return None if str(acks) == "0" else offsets

    def consume(self, broker, topic, count, partition=0):
        where = kafka_python.TopicPartition(topic, partition)
        consumer = kafka_python.KafkaConsumer(
            bootstrap_servers=broker.address, enable_auto_commit=False, consumer_timeout_ms=PATIENCE_S * 1000
        )
        try:
            consumer.assign([where])
            consumer.seek_to_beginning(where)
            end = consumer.end_offsets([where])[where]
            found = []
            if end == 0:
                return found
            for record in consumer:
                made = Message(record.key, record.value, tuple(record.headers), record.timestamp)
                found.append(Received(record.offset, made))
                if record.offset + 1 >= end:
                    return found
            raise ClientFailed(f"kafka-python: read {len(found)} records of {end}, then nothing in {PATIENCE_S} s")
        finally:
            consumer.close()


# --- kcat -----------------------------------------------------------------------------------------


class Kcat:
    """The command line client. It cannot set timestamps, nor headers record by record."""

    name = "kcat"
    fields = frozenset(("key", "value"))
    codecs = CODECS

    def __init__(self):
        try:
            self.program = environment.program("kcat")
        except environment.Missing:
            self.program = environment.program("kafkacat")

    def close(self):
        pass

    def _run(self, *arguments, stdin=None):
        done = subprocess.run(
            [self.program, *arguments], input=stdin, capture_output=True, timeout=2 * PATIENCE_S, check=False
        )
        if done.returncode != 0:
            raise ClientFailed(f"kcat {' '.join(arguments)} ended with {done.returncode}: {done.stderr.decode()}")
        return done.stdout

    def produce(self, broker, topic, count, seed, codec="none", acks="all", idempotence=False):
        lines = []
        for number in range(count):
            made = message(seed, number)
            lines.append((made.key or b"") + b"\t" + (made.value or b""))
        self._run(
            "-P", "-b", broker.address, "-t", topic, "-p", "0", "-K", "\t", "-Z", "-z", codec,
            "-X", f"acks={acks}", "-X", f"enable.idempotence={str(idempotence).lower()}",
            stdin=b"\n".join(lines) + b"\n",
        )  # fmt: skip
        return None

    def consume(self, broker, topic, count, partition=0):
        out = self._run("-C", "-b", broker.address, "-t", topic, "-p", str(partition), "-o", "beginning", "-e", "-q", "-J")
        found = []
        for line in out.splitlines():
            record = json.loads(line)
            made = Message(_text(record["key"]), _text(record["payload"]), (), record["ts"])
            found.append(Received(record["offset"], made))
        return found


# --- choosing -------------------------------------------------------------------------------------

NAMES = ("java-0.11", "java-2.8", "java-3.9", "java-4", "confluent", "kafka-python", "kcat")


class Clients:
    """The clients of a run, made on first use."""

    def __init__(self, folder):
        self.folder = folder
        self.made = {}
        self.lock = threading.Lock()

    def get(self, name):
        with self.lock:
            if name not in self.made:
                self.made[name] = self._make(name)
            return self.made[name]

    def _make(self, name):
        if name in _JAVA_SETS:
            environment.program("javac")
            return JavaClient(name, self.folder)
        return {"confluent": ConfluentClient, "kafka-python": KafkaPythonClient, "kcat": Kcat}[name]()

    def close(self):
        for client in self.made.values():
            client.close()
