"""Three brokers of one make on a chroot of their own, as one system."""

import contextlib
import json
import os
import shutil
import subprocess
import time

from systems import KINDS, load_argv, tool
from harness.wait import wait_until

BROKERS = 3
CLIENT_LIMIT_S = 400
# A thousand partitions after the other may take long.
CREATE_LIMIT_S = 300


class Cluster:
    """`folder` is its own; nothing of it is left behind by destroy()."""

    def __init__(self, kind, folder, zookeeper, properties=None):
        self.name = kind
        self.folder = folder
        os.makedirs(folder)
        connect = f"127.0.0.1:{zookeeper.port}/{os.path.basename(folder)}"
        self.brokers = [
            KINDS[kind](
                os.path.join(folder, f"broker-{number}"),
                zookeeper,
                {"broker.id": str(number), "zookeeper.connect": connect, **(properties or {})},
            )
            for number in range(BROKERS)
        ]

    # --- life

    def start(self):
        for broker in self.brokers:
            broker.process.start()
        for broker in self.brokers:
            broker.wait_answer()
        self.wait_members(range(BROKERS))

    def end(self):
        """Stops what still runs, all at once: one after the other they would hand over to each other."""
        for broker in self.brokers:
            if broker.process.running:
                broker.process.kill()

    def destroy(self):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def others(self, *without):
        return [number for number in range(BROKERS) if number not in without]

    def wait_members(self, ids, deadline_s=90):
        """Until each of these brokers knows exactly these, and the same controller among them."""
        ids = list(ids)

        def agreed():
            seen = []
            for number in ids:
                self.brokers[number].process.must_run()
                with self.brokers[number].client(timeout_s=5) as client:
                    seen.append(client.metadata([]))
            controllers = {answer["controller_id"] for answer in seen}
            known = all(sorted(b["id"] for b in answer["brokers"]) == sorted(ids) for answer in seen)
            return known and len(controllers) == 1 and controllers <= set(ids)

        wait_until(agreed, deadline_s, f"{self.name}: all know the members {ids}")

    def controller(self, ask=0):
        with self.brokers[ask].client() as client:
            return client.metadata([])["controller_id"]

    def revive(self, number):
        """Starts a broker that died, when the others have given it up: Kafka does not start before."""
        self.wait_members(self.others(number))
        self.brokers[number].process.start()
        self.brokers[number].wait_answer()
        self.wait_members(range(BROKERS))

    @property
    def bootstrap(self):
        return ",".join(f"127.0.0.1:{broker.port}" for broker in self.brokers)

    # --- topics

    def create_topic(self, topic, partitions=1, replication=1, assignment=None, configs=None):
        """Returns when every broker says that all of it is led. assignment: {partition: [ids]}."""
        self.ask_topic(topic, partitions, replication, assignment, configs)
        self.wait_ready([topic], len(assignment) if assignment else partitions)

    def ask_topic(self, topic, partitions=1, replication=1, assignment=None, configs=None):
        """Returns when the request was answered."""
        spec = {"name": topic, "partitions": partitions, "replication": replication, "configs": configs or {}}
        if assignment:
            spec.update(partitions=-1, replication=-1, assignment=assignment)
        with self.brokers[self.controller()].client(timeout_s=CREATE_LIMIT_S) as client:
            found = client.create_topics([spec], timeout_ms=CREATE_LIMIT_S * 1000)[topic]
        assert found["error"] == 0, f"{self.name}: create {topic}: error {found['error']} {found['message']}"

    def wait_ready(self, topics, partitions, live=None, whole=False, deadline_s=120):
        """When every broker of `live` (all) said that these partitions are led by one of them; with `whole`, that
        all their replicas are in sync, too. By time.monotonic()."""
        return self.watch_ready(topics, partitions, live, whole, deadline_s)()

    def watch_ready(self, topics, partitions, live=None, whole=False, deadline_s=120):
        """The same, begun: call what it returns to wait for it."""
        live = list(range(BROKERS) if live is None else live)
        argv = [tool("leaders"), "--ports", ",".join(str(self.brokers[number].port) for number in live)]
        argv += ["--topics", ",".join(topics), "--partitions", str(partitions)]
        argv += ["--live", ",".join(map(str, live)), "--timeout", str(deadline_s)] + ["--whole"] * whole
        watching = Running(argv)
        return lambda: watching.report()["at"]

    def delete_topic(self, topic):
        with self.brokers[self.controller()].client() as client:
            client.delete_topics([topic])

        def gone():
            with self.brokers[self.controller()].client() as client:
                return client.metadata([topic])["topics"][0]["error"] != 0

        wait_until(gone, 60, f"{self.name}: {topic} is deleted")
        folders = [broker.logs for broker in self.brokers]

        def files():
            return [name for at in folders for name in os.listdir(at) if name.startswith(topic + "-")]

        with contextlib.suppress(AssertionError):
            wait_until(lambda: not files(), 20, "its files are gone")
        os.sync()

    # --- measuring

    def cpu_s(self):
        return sum(broker.cpu_s() for broker in self.brokers if broker.process.running)

    def most_anonymous_mb(self):
        return max(broker.memory()["anonymous_mb"] for broker in self.brokers)

    def client(self, kind, topic, **options):
        """bench/client against this cluster, running."""
        argv = [tool("client"), kind, "--bootstrap", self.bootstrap, "--topic", topic]
        for key, value in options.items():
            argv += ["--" + key.replace("_", "-"), str(value)]
        return Running(argv)

    def load(self, number, kind, **options):
        """bench/load against one broker, running."""
        return Running(load_argv(self.brokers[number].port, kind, options))


class Running:
    """A program that prints one line of JSON."""

    stdin = subprocess.DEVNULL

    def __init__(self, argv):
        self.argv = argv
        pipes = dict(stdin=self.stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.popen = subprocess.Popen(argv, text=True, **pipes)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.communicate()

    def signal(self, signum):
        self.popen.send_signal(signum)

    def report(self):
        with self:
            out, err = self.popen.communicate(timeout=CLIENT_LIMIT_S)
        assert self.popen.returncode == 0, f"{' '.join(self.argv)}: {err.strip()}"
        report = json.loads(out)
        if report.get("errors"):
            raise AssertionError(f"{' '.join(self.argv)}: {report['errors']} errors, first {report['first_error']}")
        return report


def reports(running):
    """All of them, or none: what is left of a failure is killed."""
    with contextlib.ExitStack() as all_of_them:
        for one in running:
            all_of_them.enter_context(one)
        return [one.report() for one in running]


def settle():
    """Followers fetch what was acknowledged without them; it belongs to what was measured."""
    time.sleep(0.5)
