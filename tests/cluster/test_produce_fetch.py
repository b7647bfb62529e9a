"""The shortest way through a broker: a record in by hand, the same record out."""

import pytest

from harness import records, requests


@pytest.mark.parametrize("version", range(3, 12))
def test_produce_of_every_modern_version_is_acknowledged_with_its_offset(broker, topic, version):
    with broker.connect() as client:
        for expected in range(3):
            answer = client.produce(topic, records.batch([(b"k", b"v%d" % expected)]), version=version)
            assert (answer["error"], answer["base_offset"]) == (0, expected)


@pytest.mark.parametrize("version", range(0, 3))
@pytest.mark.parametrize("magic", (0, 1))
@pytest.mark.parametrize("codec", (records.NONE, records.GZIP, records.SNAPPY))
def test_old_produce_is_converted_and_read_back(broker, topic, version, magic, codec):
    sent = [(b"k%d" % n, b"v%d" % n) for n in range(5)]
    with broker.connect() as client:
        answer = client.produce(topic, records.message_set(sent, magic, codec), version=version)
        assert (answer["error"], answer["base_offset"]) == (0, 0)
        found = records.read(client.fetch(topic)["records"])
    assert [(r["offset"], r["key"], r["value"]) for r in found] == [(n, *pair) for n, pair in enumerate(sent)]
    assert {r["magic"] for r in found} == {2}
    assert {r["timestamp"] for r in found} == {-1 if magic == 0 else 1700000000000}


@pytest.mark.parametrize("version", range(4, 13))
@pytest.mark.parametrize("codec", range(5))
def test_fetch_returns_the_batches_that_were_produced(broker, topic, version, codec):
    # zstd is refused to readers below v10 by the topic's setting only, not by what its batches hold.
    sent = [(b"k%d" % n, b"v%d" % n, [(b"h", b"x%d" % n), (b"empty", None)]) for n in range(20)]
    with broker.connect() as client:
        assert client.produce(topic, records.batch(sent, codec))["error"] == 0
        answer = client.fetch(topic, version=version)
    found = records.read(answer["records"])
    assert answer["error"] == 0 and answer["high_watermark"] == 20
    assert [(r["offset"], r["key"], r["value"], r["headers"]) for r in found] == [
        (n, *item) for n, item in enumerate(sent)
    ]
    assert {r["codec"] for r in found} == {codec}


@pytest.mark.parametrize("version", range(13, 18))
def test_fetch_by_topic_id(broker, topic, version):
    with broker.connect() as client:
        assert client.produce(topic, records.batch([(b"k", b"v")]))["error"] == 0
        (described,) = client.metadata([topic], version=12)["topics"]
        answer = client.fetch(topic, version=version, topic_id=described["id"])
    assert [r["value"] for r in records.read(answer["records"])] == [b"v"]


@pytest.mark.parametrize("version", range(0, 4))
@pytest.mark.parametrize("codec", (records.NONE, records.GZIP, records.SNAPPY, records.LZ4))
def test_old_fetch_gets_an_old_magic(broker, topic, version, codec):
    sent = [(b"k%d" % n, b"v%d" % n) for n in range(5)]
    with broker.connect() as client:
        assert client.produce(topic, records.batch(sent, codec))["error"] == 0
        found = records.read(client.fetch(topic, version=version)["records"])
    assert [(r["offset"], r["key"], r["value"]) for r in found] == [(n, *pair) for n, pair in enumerate(sent)]
    assert {r["magic"] for r in found} == {0 if version < 2 else 1}


def test_acks_0_gets_no_answer_and_the_record_is_there(broker, topic):
    with broker.connect() as client:
        body = requests.encode_produce(7, topic, {0: records.batch([(b"k", b"v")])}, acks=0)
        client.send(requests.PRODUCE, 7, body)
        # Answers come in order: that of the next request shows that none came for the first.
        assert client.api_versions()["error"] == 0
        assert client.end_offset(topic) == 1


def test_idempotent_batches_are_stored_once_and_in_order(broker, topic):
    with broker.connect() as client:
        producer = client.new_producer_id()

        def send(sequence):
            made = records.batch([(b"k", b"v%d" % sequence)], producer=(producer["id"], producer["epoch"], sequence))
            answer = client.produce(topic, made)
            return answer["error"], answer["base_offset"]

        assert send(0) == (0, 0)
        assert send(1) == (0, 1)
        assert send(0) == (0, 0), "a repeated batch is acknowledged with its first offset"
        assert send(3)[0] == 45, "a gap is out of order"
        assert send(2) == (0, 2)
        assert client.end_offset(topic) == 3


def test_long_poll_returns_when_data_arrives(broker, topic):
    with broker.connect() as reader, broker.connect() as writer:
        body = requests.encode_fetch(11, topic, {0: 0}, max_wait_ms=15000)
        correlation = reader.send(requests.FETCH, 11, body)
        assert writer.produce(topic, records.batch([(b"k", b"late")]))["error"] == 0
        reader.sock.settimeout(10)
        answer = requests.decode_fetch(reader.receive(requests.FETCH, 11, correlation), 11)
    assert [r["value"] for r in records.read(answer["partitions"][0]["records"])] == [b"late"]


@pytest.mark.parametrize("version", range(1, 10))
def test_list_offsets_by_time(broker, topic, version):
    with broker.connect() as client:
        for number in range(5):
            made = records.batch([(b"k", b"v")], timestamp=1700000000000 + 1000 * number)
            assert client.produce(topic, made)["error"] == 0
        ask = lambda timestamp: client.list_offset(topic, timestamp, version=version)["offset"]  # noqa: E731
        assert ask(-2) == 0
        assert ask(-1) == 5
        assert ask(1700000002000) == 2
        assert ask(1700000002001) == 3
        assert ask(1700000009999) == -1
        if version >= 7:
            assert ask(-3) == 4
