"""What is shown of three brokers of ours while one of them is dead: by Kafka's kafka-topics.sh, by `barnabas topics`,
by the metrics of the two that live. All three must tell of the same partitions."""

import re

import pytest

from conftest import or_skip, wait_leaders
from harness import environment
from harness.cluster import Cluster
from harness.ports import free_port
from harness.tools import kafkas, ours
from harness.wait import wait_until
from test_metrics import Scrape

pytestmark = pytest.mark.skipif(environment.broker_kind() != "barnabas", reason="it is ours that is looked at")

REPLICAS = "kafka_server_replicamanager_"
CONTROLLER = "kafka_controller_kafkacontroller_"
FILTERS = ("under-replicated", "under-min-isr", "at-min-isr", "unavailable")


class View:
    """Three brokers, one of which will die: the controller, or one that is not."""

    def __init__(self, folder, zk, chroot, victim):
        self.cluster = Cluster(folder, zk, chroot, ["barnabas"] * 3, config={"auto.leader.rebalance.enable": "false"})
        self.metrics = {}
        for broker in self.cluster.brokers:
            self.metrics[broker.id] = free_port()
            broker.config["barnabas.metrics.listener"] = f"127.0.0.1:{self.metrics[broker.id]}"
        self.cluster.start()
        controller = self.cluster.controller().id
        ids = [controller, (controller + 1) % 3, (controller + 2) % 3]
        self.dead = ids[0] if victim == "controller" else ids[1]
        self.alive = [broker for broker in ids if broker != self.dead]

    def make_topics(self):
        dead, (one, two) = self.dead, self.alive
        rings = {0: [dead, one, two], 1: [one, two, dead], 2: [two, dead, one]}
        wanted = {
            "full": (rings, 2),  # one dead: just enough are in sync
            "strict": (rings, 3),  # one dead: too few
            "pair": ({0: [dead, one], 1: [one, two]}, 2),  # half of it is not touched
            "alone": ({0: [dead], 1: [one]}, 1),  # half of it has no leader
        }
        with self.cluster.controller().connect() as client:
            for name, (assignment, minimum) in wanted.items():
                answer = client.create_topics(
                    [{"name": name, "partitions": -1, "replication": -1, "assignment": assignment,
                      "configs": {"min.insync.replicas": str(minimum)}}]
                )  # fmt: skip
                assert answer[name]["error"] == 0, answer
                wait_leaders(client, name, len(assignment))

    def partitions(self, by):
        """All partitions as that broker says, by topic and number."""
        with self.cluster.brokers[by].connect() as client:
            topics = client.metadata(None)["topics"]
        return {(t["name"], p["partition"]): p for t in topics for p in t["partitions"]}

    def wait_state(self, holds, what):
        """Until every broker that lives says so of every partition that it knows of: there are ten."""

        def agreed():
            views = [self.partitions(b.id) for b in self.cluster.brokers if b.running]
            return all(len(view) == 10 and all(map(holds, view.values())) for view in views)

        wait_until(agreed, 60, what)

    def scrapes(self):
        return {b.id: Scrape(self.metrics[b.id]) for b in self.cluster.brokers if b.running}

    def described(self, *filters):
        """Topic and number of the partitions that both tools print with these filters."""
        flags = [f"--{name}-partitions" for name in filters]
        connect = ("--bootstrap-server", self.cluster.bootstrap)
        by_kafka = kafkas("topics", *connect, "--describe", *flags)
        by_ours = ours("topics", *connect, "--describe", *flags)
        by_zookeeper = ours("topics", "--zookeeper", self.cluster.connect_string, "--describe", *flags)
        # Kafka's tool has the topics in the order of a hash map, ours by name.
        assert (by_kafka.status, sorted(by_kafka.lines)) == (0, sorted(by_ours.lines)), (by_kafka, by_ours)
        assert partition_lines(by_zookeeper) == partition_lines(by_ours), (by_zookeeper, by_ours)
        found = re.findall(r"^\tTopic: (\S+)\tPartition: (\d+)", by_ours.out, re.M)
        return {(topic, int(number)) for topic, number in found}


def partition_lines(done):
    return sorted(line for line in done.lines if line.startswith("\t"))


@pytest.fixture(params=("controller", "other"))
def view(request, zk, workspace, chroot):
    or_skip(environment.barnabas_tool)
    or_skip(environment.java)
    or_skip(lambda: environment.jars("kafka-3.9.1"))
    made = View(workspace / f"view-{request.param}", zk, chroot, request.param)
    try:
        made.make_topics()
        yield made
    finally:
        made.cluster.stop()


def gauges(scrapes, name):
    return {number: scrape.value(name) for number, scrape in scrapes.items()}


def led_by(partitions, number):
    return {key for key, p in partitions.items() if p["leader"] == number}


def wait_metrics(view, shown):
    """A broker may tell of a new leader before its own partition has become one."""
    wait_until(lambda: check_metrics(view, shown) or True, 20, "metrics tell what the tools tell")


def check_metrics(view, shown):
    """`shown`: what the tools print, by filter. The metrics count partitions where they are led."""
    scrapes = view.scrapes()
    for number in scrapes:
        partitions = view.partitions(number)
        led = led_by(partitions, number)
        kept = [key for key, p in partitions.items() if number in p["replicas"]]
        assert gauges(scrapes, REPLICAS + "leadercount")[number] == len(led)
        assert gauges(scrapes, REPLICAS + "partitioncount")[number] == len(kept)
        for metric, name in (
            ("underreplicatedpartitions", "under-replicated"),
            ("underminisrpartitioncount", "under-min-isr"),
            ("atminisrpartitioncount", "at-min-isr"),
        ):
            assert gauges(scrapes, REPLICAS + metric)[number] == len(shown[name] & led), metric
        rows = {
            (s.labels["topic"], int(s.labels["partition"]))
            for s in scrapes[number].samples
            if s.name == "kafka_cluster_partition_underreplicated" and s.value == 1
        }
        assert rows == shown["under-replicated"] & led
    partitions = view.partitions(view.alive[0])
    elsewhere = [key for key, p in partitions.items() if p["leader"] != p["replicas"][0]]
    for metric, value in (
        ("activecontrollercount", 1),
        ("activebrokercount", len(scrapes)),
        ("offlinepartitionscount", len(shown["unavailable"])),
        ("preferredreplicaimbalancecount", len(elsewhere)),
        ("globalpartitioncount", len(partitions)),
    ):
        assert sum(gauges(scrapes, CONTROLLER + metric).values()) == value, metric


@pytest.mark.slow
def test_one_dead_broker_of_three_is_told_of_alike_by_kafkas_tool_by_ours_and_by_metrics(view):
    view.wait_state(lambda p: sorted(p["isr"]) == sorted(p["replicas"]), "all replicas are in sync")
    shown = {name: view.described(name) for name in FILTERS}
    rings = {(topic, number) for topic in ("full", "strict") for number in range(3)}
    pairs = {("pair", 0), ("pair", 1)}
    alone = {("alone", 0), ("alone", 1)}
    strict = {key for key in rings if key[0] == "strict"}
    assert shown == {
        "under-replicated": set(),
        "under-min-isr": set(),
        "at-min-isr": strict | pairs | alone,
        "unavailable": set(),
    }
    wait_metrics(view, shown)

    victim = view.cluster.brokers[view.dead]
    victim.kill()
    view.wait_state(
        lambda p: p["leader"] == -1 if p["replicas"] == [view.dead] else p["leader"] in view.alive and view.dead not in p["isr"],
        "the others lead, and the dead broker is in no ISR",
    )
    wait_until(
        lambda: sum(gauges(view.scrapes(), CONTROLLER + "activecontrollercount").values()) == 1, 30, "a controller"
    )
    assert len(view.described()) == 10
    shown = {name: view.described(name) for name in FILTERS}
    assert shown == {
        "under-replicated": rings | {("pair", 0)},
        "under-min-isr": strict | {("pair", 0), ("alone", 0)},
        "at-min-isr": rings - strict | {("pair", 1)} | alone,
        "unavailable": {("alone", 0)},
    }
    assert view.described("under-min-isr", "unavailable") == shown["under-min-isr"]
    wait_metrics(view, shown)

    victim.start()
    view.wait_state(lambda p: sorted(p["isr"]) == sorted(p["replicas"]), "all replicas are in sync again")
    done = ours("elect-leaders", "--bootstrap-server", view.cluster.bootstrap, "--election-type", "preferred",
                "--all-topic-partitions")  # fmt: skip
    assert done.status == 0, done
    view.wait_state(lambda p: p["leader"] == p["replicas"][0], "every partition is led by its first replica")
    shown = {name: view.described(name) for name in FILTERS}
    assert shown["under-replicated"] == shown["under-min-isr"] == shown["unavailable"] == set()
    wait_metrics(view, shown)
