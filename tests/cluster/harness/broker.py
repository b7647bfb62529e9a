"""A broker of either make under one interface. The same dict of Kafka's settings starts both."""

import os
import re
import signal
import socket

from kazoo.client import KazooClient

from . import environment, requests, sanitizers
from .ports import free_port
from .process import Process
from .rawclient import RawClient
from .wait import wait_until

# Sets of jars of scripts/fetch-test-jars.sh.
_KAFKAS = {"kafka": "kafka-3.9.1", "kafka-2.6": "kafka-2.6"}

_KAFKA_LOG4J = """log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{HH:mm:ss,SSS} %p %c{1} %m%n
log4j.logger.org.apache.zookeeper=WARN
log4j.logger.kafka.server.KafkaConfig=WARN
"""

# Small and quick: what a test wants where it does not say otherwise.
_DEFAULTS = {
    "zookeeper.connection.timeout.ms": "15000",
    "zookeeper.session.timeout.ms": "6000",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "3",
    "group.initial.rebalance.delay.ms": "0",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "num.partitions": "1",
    # Messages of the tests are dated 2023: retention by time would delete them under a slow run's feet.
    "log.retention.ms": "-1",
    "controlled.shutdown.retry.backoff.ms": "200",
}


class Broker:
    """Settings may be changed between a stop and a start: they are written at each start."""

    def __init__(self, folder, zookeeper_connect, kind=None, broker_id=0, config=None, log_dirs=1, log_folder=None):
        self.folder = str(folder)
        self.kind = kind or environment.broker_kind()
        self.id = broker_id
        self.host = "127.0.0.1"
        self.port = free_port()
        os.makedirs(self.folder, exist_ok=True)
        base = log_folder or self.folder
        self.log_dirs = [os.path.join(base, f"logs-{number}") for number in range(log_dirs)]
        self.config = dict(_DEFAULTS)
        self.config.update(
            {
                "broker.id": str(broker_id),
                "zookeeper.connect": zookeeper_connect,
                "listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
                "log.dirs": ",".join(self.log_dirs),
            }
        )
        self.config.update(config or {})
        self.config_path = os.path.join(self.folder, "server.properties")
        self.process = Process(
            f"{self.kind} broker {broker_id}",
            self._argv(),
            os.path.join(self.folder, "broker.log"),
            env=self._env(),
            cwd=self.folder,
        )

    def _argv(self):
        if self.kind == "barnabas":
            return [environment.barnabas_server(), self.config_path]
        assert self.kind in _KAFKAS, f"unknown kind of broker: {self.kind}"
        log4j = os.path.join(self.folder, "log4j.properties")
        with open(log4j, "w") as out:
            out.write(_KAFKA_LOG4J)
        return [
            environment.java(),
            "-Xms256m",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            f"-Dlog4j.configuration=file:{log4j}",
            "-cp",
            environment.jars(_KAFKAS[self.kind]),
            "kafka.Kafka",
            self.config_path,
        ]

    def _env(self):
        return {**os.environ, **sanitizers.settings()}

    def move_to(self, network, number):
        """Its process will run on that host of a network."""
        self.host = network.address(number)
        self.config["listeners"] = f"PLAINTEXT://{self.host}:{self.port}"
        self.process.argv = ["ip", "netns", "exec", network.namespace(number), *self.process.argv]

    # --- life -------------------------------------------------------------------------------------

    def write_config(self):
        for folder in self.log_dirs:
            os.makedirs(folder, exist_ok=True)
        with open(self.config_path, "w") as out:
            for key in sorted(self.config):
                out.write(f"{key}={self.config[key]}\n")

    def launch(self):
        """Starts the process and does not wait for it to serve."""
        self.write_config()
        self.process.start()

    def start(self, deadline_s=120, led=True):
        """Returns when it serves, also the partitions of which it alone has a replica; `led` is False where one of
        them is spoiled."""
        self.launch()
        self.wait_serving(deadline_s)
        if led:
            self.wait_led(deadline_s)
        return self

    def wait_serving(self, deadline_s=120):
        """Until it answers ApiVersions and names itself and a controller in its metadata."""

        def serving():
            self.process.must_run()
            with self.connect(timeout_s=5) as client:
                client.api_versions()
                metadata = client.metadata([])
            ids = [broker["id"] for broker in metadata["brokers"]]
            return self.id in ids and metadata["controller_id"] >= 0

        wait_until(serving, deadline_s, f"{self.process.name} serves")

    def wait_led(self, deadline_s=120):
        """Until it leads what nobody else can lead. A broker serves before its controller has told it anything."""

        wanted = self._topics_on_disk()

        def leads():
            with self.connect(timeout_s=20) as client:
                topics = client.metadata(None)["topics"]
                # The first that a controller tells is the brokers alone.
                unknown = wanted - {topic["name"] for topic in topics}
                if unknown and unknown & self._topics_in_zookeeper():
                    return False
                for topic in topics:
                    mine = [p for p in topic["partitions"] if p["replicas"] == [self.id] and not p["offline"]]
                    if any(p["leader"] != self.id for p in mine):
                        return False
                    if mine and not _knows_ends(client, topic["name"], [p["partition"] for p in mine]):
                        return False
            return True

        wait_until(leads, deadline_s, f"{self.process.name} leads its partitions")

    def _topics_on_disk(self):
        folders = [name for folder in self.log_dirs if os.path.isdir(folder) for name in os.listdir(folder)]
        return {name.rpartition("-")[0] for name in folders if re.fullmatch(r"[\w.-]+-\d+", name)}

    def _topics_in_zookeeper(self):
        client = KazooClient(self.config["zookeeper.connect"])
        client.start(timeout=20)
        try:
            going = client.get_children("/admin/delete_topics") if client.exists("/admin/delete_topics") else []
            return set(client.get_children("/brokers/topics")) - set(going)
        finally:
            client.stop()
            client.close()

    def stop(self, deadline_s=60):
        status = self.process.stop(deadline_s)
        # A JVM ended by SIGTERM after its hooks ran says 128 + 15; ours says 0.
        assert status in (0, 143, -signal.SIGTERM), f"{self.process.name} stopped with status {status}"
        return status

    def kill(self):
        self.process.kill()

    def pause(self):
        self.process.pause()

    def resume(self):
        self.process.resume()

    @property
    def running(self):
        return self.process.running

    @property
    def awake(self):
        return self.process.running and not self.process.paused

    # --- access -----------------------------------------------------------------------------------

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def connect(self, timeout_s=20):
        return RawClient(self.host, self.port, timeout_s=timeout_s)

    def socket(self, timeout_s=20):
        return socket.create_connection((self.host, self.port), timeout=timeout_s)

    def partition_folder(self, topic, partition=0):
        for folder in self.log_dirs:
            path = os.path.join(folder, f"{topic}-{partition}")
            if os.path.isdir(path):
                return path
        raise AssertionError(f"{self.process.name} has no folder for {topic}-{partition}")

    def complaints(self):
        return self.process.complaints()


def _knows_ends(client, topic, partitions):
    body = requests.encode_list_offsets(5, topic, dict.fromkeys(partitions, -1))
    answer = requests.decode_list_offsets(client.ask(requests.LIST_OFFSETS, 5, body), 5)
    return all(found["error"] == 0 for found in answer.values())
