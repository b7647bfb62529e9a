"""Every client with every codec and acks: what comes back is what was sent, at the offsets that were told."""

import itertools

import pytest

from conftest import make_topic, or_skip
from harness import clients as real
from harness.messages import differences
from harness.wait import wait_until

COUNT = 120
_seeds = itertools.count(1)

WRITERS = [
    (name, codec, acks)
    for name in real.NAMES
    for codec in (real.CODECS[:4] if name == "java-0.11" else real.CODECS)
    for acks in ("0", "1", "all", "idempotent")
    # kafka-python 2.3 keeps a request without acks in a buffer of its own until it has another to send.
    if (name, acks) != ("kafka-python", "0")
]


def _produce(client, broker, topic, seed, codec, acks, **more):
    idempotent = acks == "idempotent"
    return client.produce(
        broker, topic, COUNT, seed, codec=codec, acks="all" if idempotent else acks, idempotence=idempotent, **more
    )


def _check(client, reader, broker, topic, seed, offsets, leader=None):
    with (leader or broker).connect() as raw:  # with acks=0 nothing else tells that the records have arrived
        wait_until(lambda: raw.end_offset(topic) >= COUNT, 20, f"{COUNT} records in {topic}")
    wrong = differences(seed, COUNT, offsets, reader.consume(broker, topic, COUNT), client, reader)
    assert not wrong, f"{client.name} wrote, {reader.name} read:\n" + "\n".join(wrong)


@pytest.mark.parametrize(("name", "codec", "acks"), WRITERS, ids=["-".join(case) for case in WRITERS])
def test_round_trip(broker, topic, clients, name, codec, acks):
    client = or_skip(lambda: clients.get(name))
    seed = f"s{next(_seeds)}"
    offsets = _produce(client, broker, topic, seed, codec, acks)
    _check(client, client, broker, topic, seed, offsets)


@pytest.mark.parametrize("codec", real.CODECS)
def test_every_client_reads_what_java_wrote(broker, topic, clients, codec):
    writer = or_skip(lambda: clients.get("java-3.9"))
    seed = f"s{next(_seeds)}"
    offsets = _produce(writer, broker, topic, seed, codec, "all")
    for name in real.NAMES:
        if name == "java-0.11" and codec == "zstd":
            continue
        _check(writer, or_skip(lambda name=name: clients.get(name)), broker, topic, seed, offsets)


@pytest.mark.parametrize("way", ("async", "callback", "sync"))
@pytest.mark.parametrize("codec", ("none", "lz4"))
@pytest.mark.parametrize("acks", ("1", "all", "idempotent"))
def test_spring_template(broker, topic, clients, way, codec, acks):
    client = or_skip(lambda: clients.get("spring-2.2.7"))
    seed = f"s{next(_seeds)}"
    offsets = _produce(client, broker, topic, seed, codec, acks, way=way)
    _check(client, client, broker, topic, seed, offsets)


READERS = [(name, codec) for name in real.NAMES for codec in real.CODECS if (name, codec) != ("java-0.11", "zstd")]


@pytest.mark.parametrize(("name", "target"), READERS)
def test_a_topic_of_its_own_codec_is_recompressed(broker, clients, name, target):
    client = or_skip(lambda: clients.get(name))
    topic = make_topic(broker, configs={"compression.type": "uncompressed" if target == "none" else target})
    seed = f"s{next(_seeds)}"
    offsets = _produce(client, broker, topic, seed, "gzip", "all")
    _check(client, client, broker, topic, seed, offsets)


@pytest.mark.parametrize("name", ("java-0.11", "java-4", "confluent"))
def test_append_time_is_given_by_the_broker(broker, clients, name):
    client = or_skip(lambda: clients.get(name))
    topic = make_topic(broker, configs={"message.timestamp.type": "LogAppendTime"})
    seed = f"s{next(_seeds)}"
    _produce(client, broker, topic, seed, "lz4", "all")
    times = [received.message.timestamp for received in client.consume(broker, topic, COUNT)]
    assert len(times) == COUNT and times == sorted(times) and min(times) > 1700000100000 + COUNT * 13 + 5000
