"""A ZooKeeper server of Debian's own package, on a port and in a directory of its own."""

import contextlib
import os
import socket

from kazoo.client import KazooClient

from . import environment
from .ports import free_port
from .process import Process
from .wait import wait_until

_LOG4J = """log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c{1} %m%n
"""


class ZooKeeper:
    def __init__(self, folder, tick_ms=500, host="127.0.0.1"):
        self.folder = str(folder)
        self.host = host
        self.port = free_port()
        os.makedirs(os.path.join(self.folder, "data"), exist_ok=True)
        config = os.path.join(self.folder, "zoo.cfg")
        with open(config, "w") as out:
            out.write(
                f"tickTime={tick_ms}\n"
                f"dataDir={self.folder}/data\n"
                f"clientPort={self.port}\n"
                f"clientPortAddress={host}\n"
                "minSessionTimeout=500\n"
                "maxSessionTimeout=60000\n"
                "maxClientCnxns=0\n"
                "admin.enableServer=false\n"
                "4lw.commands.whitelist=*\n"
            )
        with open(os.path.join(self.folder, "log4j.properties"), "w") as out:
            out.write(_LOG4J)
        argv = [
            environment.java(),
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dzookeeper.forceSync=no",
            f"-Dlog4j.configuration=file:{self.folder}/log4j.properties",
            "-cp",
            environment.zookeeper_classpath() + ":" + self.folder,
            "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            config,
        ]
        self.process = Process("zookeeper", argv, os.path.join(self.folder, "zookeeper.log"))

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def start(self, deadline_s=30):
        self.process.start()
        self.wait_ready(deadline_s)

    def wait_ready(self, deadline_s=30):
        def ready():
            self.process.must_run()
            return self.four_letter("ruok") == "imok" and "Mode:" in self.four_letter("srvr")

        wait_until(ready, deadline_s, "ZooKeeper answers")

    def stop(self):
        self.process.stop()

    def kill(self):
        self.process.kill()

    def restart(self):
        self.stop()
        self.start()

    def pause(self):
        self.process.pause()

    def resume(self):
        self.process.resume()

    def four_letter(self, word):
        with socket.create_connection((self.host, self.port), timeout=5) as sock:
            sock.sendall(word.encode())
            answer = b""
            while True:
                piece = sock.recv(65536)
                if not piece:
                    return answer.decode("utf-8", "replace")
                answer += piece

    @contextlib.contextmanager
    def client(self, chroot=""):
        """A kazoo client, for reading and writing znodes as somebody else would."""
        client = KazooClient(hosts=self.address + chroot, timeout=10)
        client.start(timeout=15)
        try:
            yield client
        finally:
            client.stop()
            client.close()

    def make_chroot(self, name):
        with self.client() as client:
            client.ensure_path(name)
        return name

    def read(self, path):
        """Data of a znode as bytes, or None if there is none."""
        with self.client() as client:
            if client.exists(path) is None:
                return None
            return client.get(path)[0]
