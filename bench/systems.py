"""What is measured: a Barnabas broker, a Kafka broker, the floor program, and the ZooKeeper beside them.

All brokers get the same server.properties but for their port, their directory and their chroot.
"""

import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(SOURCE, "tests", "cluster"))

from harness import environment  # noqa: E402
from harness.ports import free_port  # noqa: E402
from harness.process import Process  # noqa: E402
from harness.rawclient import Closed, RawClient  # noqa: E402
from harness.wait import wait_until  # noqa: E402

# What Kafka's own start script gives to the JVM, and a heap of 1 GB.
JVM_FLAGS = (
    "-Xmx1G -Xms1G -server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 "
    "-XX:+ExplicitGCInvokesConcurrent -XX:MaxInlineLevel=15 -Djava.awt.headless=true"
).split()

PROPERTIES = {
    "broker.id": "0",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    # Rows delete their topics; the space is wanted back soon.
    "log.segment.delete.delay.ms": "1000",
    "zookeeper.connection.timeout.ms": "30000",
}

_LOG4J = """log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c{1} %m%n
# Says how long it loaded a partition of groups.
log4j.logger.kafka.coordinator.group.GroupMetadataManager=INFO
"""


def kafka_classpath():
    path = os.environ.get("KAFKA_CLASSPATH")
    return path if path else environment.jars("kafka-3.9.1")


def tool(name):
    path = os.path.join(environment.BUILD, "bench", name)
    if not os.access(path, os.R_OK):
        raise environment.Missing(f"there is no {path}; run `make bench` in the build tree (BARNABAS_BUILD)")
    return path


def clock_ticks(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class ZooKeeper:
    name = "zookeeper"

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        os.makedirs(os.path.join(folder, "data"))
        config = os.path.join(folder, "zoo.cfg")
        with open(config, "w") as out:
            out.write(
                f"tickTime=2000\ndataDir={folder}/data\nclientPort={self.port}\n"
                "clientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\n"
                "4lw.commands.whitelist=*\nautopurge.purgeInterval=0\n"
            )
        with open(os.path.join(folder, "log4j.properties"), "w") as out:
            out.write(_LOG4J)
        argv = [environment.java(), "-Xmx512m", f"-Dlog4j.configuration=file:{folder}/log4j.properties", "-cp"]
        argv += [environment.zookeeper_classpath() + ":" + folder]
        argv += ["org.apache.zookeeper.server.quorum.QuorumPeerMain", config]
        self.process = Process("zookeeper", argv, os.path.join(folder, "zookeeper.log"))

    def start(self):
        self.process.start()

        def answers():
            self.process.must_run()
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as sock:
                sock.sendall(b"srvr")
                return b"Zookeeper version" in sock.recv(4096)

        wait_until(answers, 30, "ZooKeeper answers")

    def stop(self):
        self.process.stop()


class System:
    """One of the three. `folder` is its own; nothing of it is left behind by destroy()."""

    broker = True

    def __init__(self, folder, zookeeper, properties=None):
        self.folder = folder
        self.port = free_port()
        self.logs = os.path.join(folder, "logs")
        os.makedirs(self.logs)
        self.config_path = os.path.join(folder, "server.properties")
        self.settings = dict(PROPERTIES)
        self.settings.update(
            {
                "listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
                "log.dirs": self.logs,
                "zookeeper.connect": f"127.0.0.1:{zookeeper.port}/{os.path.basename(folder)}",
            }
        )
        self.configure(properties or {})
        self.process = Process(self.name, self.argv(), os.path.join(folder, "broker.log"), cwd=folder, env=self.env())

    def configure(self, properties):
        """In force with the next start."""
        self.settings.update(properties)
        with open(self.config_path, "w") as out:
            out.writelines(f"{key}={self.settings[key]}\n" for key in sorted(self.settings))

    def env(self):
        return None

    # --- life

    def launch(self):
        """Starts the process; seconds until it answered ApiVersions."""
        begin = time.monotonic()
        self.process.start()
        self.wait_answer()
        return time.monotonic() - begin

    def wait_answer(self):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                with RawClient("127.0.0.1", self.port, timeout_s=5) as client:
                    client.api_versions(0)
                return
            except (OSError, Closed):
                self.process.must_run()
                time.sleep(0.001)
        raise AssertionError(f"{self.name} does not answer; its log ends:\n{self.process.log_tail()}")

    def start(self):
        took = self.launch()
        if self.broker:
            wait_until(self.serves, 60, f"{self.name} serves")
        return took

    def serves(self):
        with self.client() as client:
            found = client.metadata([])
        return found["controller_id"] >= 0 and len(found["brokers"]) > 0

    def stop(self):
        begin = time.monotonic()
        self.process.stop(120)
        return time.monotonic() - begin

    def end(self):
        """Stops it, if it still runs."""
        if self.process.running:
            try:
                self.process.stop(60)
            except AssertionError:
                self.process.kill()

    def destroy(self):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- topics

    def client(self, timeout_s=120):
        return RawClient("127.0.0.1", self.port, timeout_s=timeout_s)

    def create_topic(self, topic, partitions=1, configs=None):
        """Seconds until the request was answered, and until every partition has a leader."""
        if not self.broker:
            return 0.0, 0.0
        spec = {"name": topic, "partitions": partitions, "configs": configs or {}}
        begin = time.monotonic()
        with self.client() as client:
            found = client.create_topics([spec], timeout_ms=120000)[topic]
        assert found["error"] == 0, f"{self.name}: create {topic}: error {found['error']} {found['message']}"
        answered = time.monotonic() - begin
        self.wait_leaders(topic, partitions)
        return answered, time.monotonic() - begin

    def wait_leaders(self, topic, partitions):
        def all_led():
            with self.client() as client:
                found = client.metadata([topic])["topics"][0]["partitions"]
            return sum(1 for partition in found if partition["leader"] >= 0) == partitions

        wait_until(all_led, 60, f"{self.name} leads {topic}", poll_s=0.005)

    def delete_topic(self, topic):
        with self.client() as client:
            client.delete_topics([topic])
        pattern = os.path.join(self.logs, f"{topic}-*")
        end = time.monotonic() + 20
        while glob.glob(pattern) and time.monotonic() < end:
            time.sleep(0.05)

    def partition_folder(self, topic, partition=0):
        return os.path.join(self.logs, f"{topic}-{partition}")

    # --- measuring

    def cpu_s(self):
        return clock_ticks(self.process.pid)

    def memory(self):
        """Resident and anonymous megabytes."""
        found = {}
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                name, _, value = line.partition(":")
                if name in ("VmRSS", "RssAnon"):
                    found[name] = int(value.split()[0]) / 1024
        return {"resident_mb": found["VmRSS"], "anonymous_mb": found["RssAnon"]}

    def load(self, kind, **options):
        """Runs bench/load against it; its report with the broker's CPU seconds as cpu_s."""
        argv = load_argv(self.port, kind, options)
        before = self.cpu_s()
        done = subprocess.run(argv, capture_output=True, text=True, timeout=900)
        used = self.cpu_s() - before
        if done.returncode != 0:
            self.process.must_run()
            raise AssertionError(f"{' '.join(argv)}: {done.stderr.strip()}")
        report = json.loads(done.stdout)
        if report["errors"]:
            raise AssertionError(f"{' '.join(argv)}: {report['errors']} errors, first {report['first_error']}")
        report["cpu_s"] = used
        report["cpu_us"] = used * 1e6 / report["requests"]
        report["cpu_s_per_gb"] = used * 1e9 / (report["requests"] * report["bytes_per_request"])
        return report


def load_argv(port, kind, options):
    argv = [tool("load"), kind, "--port", str(port)]
    for key, value in options.items():
        flag = "--" + key.replace("_", "-")
        if value is True:
            argv.append(flag)
        elif value is not None and value is not False:
            argv += [flag, str(value)]
    return argv


class Barnabas(System):
    name = "ours"

    def argv(self):
        return [environment.barnabas_server(), self.config_path]


class Kafka(System):
    name = "kafka"

    def argv(self):
        log4j = os.path.join(self.folder, "log4j.properties")
        with open(log4j, "w") as out:
            out.write(_LOG4J)
        argv = [environment.java(), *JVM_FLAGS, f"-Dlog4j.configuration=file:{log4j}"]
        return argv + ["-cp", kafka_classpath(), "kafka.Kafka", self.config_path]


class Floor(System):
    name = "floor"
    broker = False

    def argv(self):
        return [tool("floor"), str(self.port), self.logs]

    def delete_topic(self, topic):
        """Its files begin anew with its process."""
        self.process.stop()
        self.launch()


KINDS = {"ours": Barnabas, "kafka": Kafka, "floor": Floor}
