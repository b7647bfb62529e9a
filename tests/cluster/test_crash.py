"""kill -9 at random moments under an idempotent producer with acks=all: what was acknowledged is there, at
its offset, once. A few rounds here; scripts/crash-test.sh runs many."""

import os
import random

import pytest

from conftest import make_topic
from harness.crash import Producer, kill_at_random, let_run, reckon
from test_restart import restart_killed

PARTITIONS = 3


def rounds(request, usual):
    return request.config.getoption("--crash-rounds") or usual


def seed_of(request):
    seed = request.config.getoption("--seed")
    seed = int.from_bytes(os.urandom(4), "big") if seed is None else seed
    print(f"seed {seed}: repeat with --seed {seed}")
    return seed


@pytest.mark.parametrize("codec", ("none", "lz4"))
def test_nothing_acknowledged_is_lost_or_doubled(new_broker, request, codec):
    draw = random.Random(f"{seed_of(request)} {codec}")
    config = {"zookeeper.session.timeout.ms": "6000", "log.segment.bytes": str(256 * 1024)}
    broker = new_broker(config=config)
    if broker.kind == "kafka":
        broker.config["zookeeper.session.timeout.ms"] = "1000"  # it waits this long after every kill
        broker.stop()
        broker.start()
    topic = make_topic(broker, partitions=PARTITIONS)
    producer = Producer(broker.address, topic, PARTITIONS, codec)
    producer.start()
    for number in range(rounds(request, 2 if broker.kind == "kafka" else 10)):
        kill_at_random(broker, producer, draw, restart_killed)
        print(f"round {number + 1}: {len(producer.acknowledged)} acknowledged")
    producer.finish()
    with broker.connect() as client:
        reckon(client, producer)


def test_killed_while_it_starts(new_broker, request):
    """A kill during recovery must not harm what the next recovery finds."""
    draw = random.Random(seed_of(request))
    broker = new_broker()
    if broker.kind == "kafka":
        broker.config["zookeeper.session.timeout.ms"] = "1000"
    topic = make_topic(broker, partitions=PARTITIONS)
    producer = Producer(broker.address, topic, PARTITIONS)
    producer.start()
    kill_at_random(broker, producer, draw, lambda _: None)
    for _ in range(rounds(request, 5)):
        broker.launch()
        broker.process.expected_death = True
        let_run(broker, draw.uniform(0, 1.5 if broker.kind == "kafka" else 0.2))
        broker.kill()
    restart_killed(broker)
    producer.finish()
    with broker.connect() as client:
        reckon(client, producer)
