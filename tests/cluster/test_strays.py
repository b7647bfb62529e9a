"""Logs on a broker that nobody gives a role: what a move left there is deleted, whatever ZooKeeper does not know to be
elsewhere is kept."""

import itertools
import json
import os
import urllib.request

import pytest

from conftest import or_skip
from harness import environment, records, tools
from harness.cluster import Cluster
from harness.ports import free_port
from harness.wait import wait_until

pytestmark = pytest.mark.skipif(environment.broker_kind() != "barnabas", reason="Kafka leaves such logs where they are")

_numbers = itertools.count(1)
CONFIG = {"auto.leader.rebalance.enable": "false", "barnabas.stray.check.interval.ms": "500", "log.segment.delete.delay.ms": "100"}


@pytest.fixture(scope="module")
def cluster(zk, tmp_path_factory):
    made = or_skip(
        lambda: Cluster(
            tmp_path_factory.mktemp("strays"), zk, zk.make_chroot("/strays"), ["barnabas"] * 3, config=CONFIG
        )
    )
    for broker in made.brokers:
        broker.config["barnabas.metrics.listener"] = f"127.0.0.1:{free_port()}"
    made.start()
    yield made
    made.stop()


def topic_on(cluster, *replicas):
    name = f"stray-{next(_numbers)}"
    cluster.create(name, assignment={0: list(replicas)})
    with cluster.leader(name).connect() as client:
        assert client.produce(name, records.batch([(b"k", b"v")]), acks=-1)["error"] == 0
    return name


def has_log(broker, topic):
    return any(name.startswith(f"{topic}-0") for folder in broker.log_dirs for name in os.listdir(folder))


def reported(broker):
    with urllib.request.urlopen(f"http://{broker.config['barnabas.metrics.listener']}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    (value,) = (line.split()[1] for line in lines if line.startswith("barnabas_stray_logs "))
    return int(value)


def depose(cluster):
    """Another controller, or the same anew: it reads the state of now, and knows nothing of before."""
    with cluster.zookeeper.client(cluster.chroot) as client:
        epoch = int(client.get("/controller_epoch")[0])
        client.delete("/controller")
        wait_until(lambda: int(client.get("/controller_epoch")[0]) > epoch, 30, "a new term")
    cluster.wait_controller()


def test_a_log_that_a_move_left_is_deleted_also_under_another_controller(cluster, tmp_path):
    topic = topic_on(cluster, 1, 2)
    away = cluster.brokers[2]
    away.stop()
    wait_until(lambda: cluster.state(topic)["isr"] == [1], 30, "it has left the ISR")
    plan = tmp_path / "plan.json"
    partitions = [{"topic": topic, "partition": 0, "replicas": [1, 0]}]
    plan.write_text(json.dumps({"version": 1, "partitions": partitions}))
    done = tools.ours(
        "reassign", "--bootstrap-server", cluster.brokers[0].address, "--execute", "--reassignment-json-file", plan
    )
    assert done.status == 0, done
    wait_until(lambda: cluster.znode(f"/brokers/topics/{topic}")["partitions"]["0"] == [1, 0], 30, "it is moved")
    wait_until(lambda: not cluster.znode(f"/brokers/topics/{topic}")["removing_replicas"], 30, "and the move is over")
    depose(cluster)
    assert has_log(away, topic)
    away.start()
    wait_until(lambda: not has_log(away, topic), 30, "the log is deleted")
    assert "stray_deleted" in away.process.log_text()
    wait_until(lambda: reported(away) == 0, 20, "nothing is reported any more")


def test_a_log_whose_topic_zookeeper_does_not_know_is_kept_and_reported(cluster):
    topic = topic_on(cluster, 0, 1, 2)
    away = cluster.brokers[2]
    away.stop()
    with cluster.zookeeper.client(cluster.chroot) as client:
        client.delete(f"/brokers/topics/{topic}", recursive=True)
        client.delete(f"/config/topics/{topic}")
    depose(cluster)
    away.start()
    wait_until(lambda: f"stray_log partition={topic}-0" in away.process.log_text(), 30, "it is reported")
    wait_until(lambda: reported(away) == 1, 20, "and counted")
    assert os.path.exists(away.partition_folder(topic))
