"""What strangers send. Each gets Kafka's answer, and the broker goes on serving everybody else."""

import os
import socket
import struct
import threading

import pytest

from conftest import make_topic
from harness import records, requests
from harness.rawclient import Closed, frame, request_header
from harness.sanitizers import memory_tells
from harness.wait import wait_until

# Kafka's codes.
UNKNOWN, NONE, CORRUPT, UNKNOWN_TOPIC = -1, 0, 2, 3
TOO_LARGE, INVALID_ACKS, INVALID_TIMESTAMP, UNSUPPORTED_VERSION = 10, 21, 32, 35
INVALID_REQUEST, UNSUPPORTED_COMPRESSION, INVALID_RECORD = 42, 76, 87
OFFSET_OUT_OF_RANGE, INVALID_TOPIC, FETCH_SESSION_NOT_FOUND = 1, 17, 70


@pytest.fixture(autouse=True)
def still_serves(broker):
    """After every case the broker is alive and answers."""
    yield
    broker.process.must_run()
    with broker.connect() as client:
        assert client.api_versions()["error"] == NONE


# --- frames ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", (-1, -2, -(2**31), 100 * 1024 * 1024 + 1, 2**31 - 1))
def test_frame_of_absurd_size_closes_the_connection(broker, size):
    with broker.connect() as client:
        client.send_bytes(struct.pack(">i", size))
        assert client.closed_by_peer()


def test_frame_of_size_zero_closes_the_connection(broker):
    with broker.connect() as client:
        client.send_bytes(struct.pack(">i", 0))
        assert client.closed_by_peer()


@pytest.mark.parametrize("length", range(1, 10))
def test_frame_with_a_cut_header_closes_the_connection(broker, length):
    whole = request_header(requests.METADATA, 1, 7, client_id="x")
    with broker.connect() as client:
        client.send_bytes(frame(whole[:length]))
        assert client.closed_by_peer()


def test_every_truncation_of_a_metadata_body_closes_the_connection(broker):
    for version in (1, 9):
        header = request_header(requests.METADATA, version, 7)
        body = requests.encode_metadata(version, ["some-topic"])
        for length in range(len(body)):
            with broker.connect() as client:
                client.send_bytes(frame(header + body[:length]))
                assert client.closed_by_peer(), f"v{version} body cut to {length} of {len(body)} bytes"


def test_bytes_after_the_body_are_ignored(broker):
    with broker.connect() as client:
        body = requests.encode_metadata(4, []) + b"and more"
        answer = requests.decode_metadata(client.ask(requests.METADATA, 4, body), 4)
        assert answer["brokers"]


def test_promised_array_longer_than_the_bytes_closes_the_connection(broker):
    for count in (2, 1000, 2**31 - 1):
        with broker.connect() as client:
            client.send(requests.METADATA, 1, struct.pack(">i", count) + b"\x00\x01a")
            assert client.closed_by_peer(), f"array of {count}"


def test_connection_cut_in_mid_frame_leaves_nothing_behind(broker):
    before = broker.process.open_descriptors()
    for length in (1, 3, 4, 5, 20, 1000):
        with broker.connect() as client:
            client.send_bytes(frame(os.urandom(5000))[:length])
    wait_until(lambda: broker.process.open_descriptors() <= before + 2, 20, "descriptors of cut connections closed")


def test_reset_connections_leave_nothing_behind(broker, topic):
    before = broker.process.open_descriptors()
    for _ in range(20):
        client = broker.connect()
        client.send(requests.FETCH, 11, requests.encode_fetch(11, topic, {0: 0}, max_wait_ms=500))
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    wait_until(lambda: broker.process.open_descriptors() <= before + 2, 20, "descriptors of reset connections closed")


# --- keys and versions ----------------------------------------------------------------------------


@pytest.mark.parametrize("key", (-1, 52, 55, 59, 62, 71, 75, 76, 100, 32767))
def test_unknown_api_key_closes_the_connection(broker, key):
    with broker.connect() as client:
        client.send(key, 0, b"", header_version=1)
        assert client.closed_by_peer()


@pytest.mark.parametrize(("key", "version"), ((0, 12), (1, 18), (3, 13), (3, -1), (19, 8), (3, 32767)))
def test_unsupported_version_closes_the_connection(broker, key, version):
    with broker.connect() as client:
        client.send(key, version, b"\x00" * 20)
        assert client.closed_by_peer()


@pytest.mark.parametrize("version", (5, 9, 99, 32767))
def test_api_versions_of_the_future_gets_version_0_with_error_35(broker, version):
    with broker.connect() as client:
        correlation = client.send(requests.API_VERSIONS, version, b"", header_version=2)
        answer = client.receive_frame()
        assert answer == struct.pack(">ihihhh", correlation, UNSUPPORTED_VERSION, 1, requests.API_VERSIONS, 0, 4)
        assert client.api_versions(4)["error"] == NONE, "the connection stays open"


# Produce, Fetch, ListOffsets, Metadata, the controller's requests, groups, ApiVersions, topics, DeleteRecords, InitProducerId,
# OffsetForLeaderEpoch, configs, log directories, partitions, cluster, producers, groups of the new protocol.
ALWAYS_SERVED = set(range(24)) - {7, 17} | {32, 33, 35, 37, 42, 44, 47, 60, 61, 67, 68, 69}


@pytest.mark.parametrize("version", range(0, 5))
def test_api_versions_lists_what_kafka_lists(broker, version):
    with broker.connect() as client:
        answer = client.api_versions(version)
    assert answer["error"] == NONE and answer["left"] == 0
    kafka = [(key, 0, top) for key, top in sorted(requests.KAFKA_3_9_VERSIONS.items())]
    if broker.kind == "kafka":
        assert answer["apis"] == kafka
    else:
        # What is not built is not advertised; what is comes in every version of Kafka's, in Kafka's order.
        served = {key for key, _, _ in answer["apis"]}
        assert answer["apis"] == [api for api in kafka if api[0] in served]
        assert ALWAYS_SERVED <= served


@pytest.mark.parametrize("software", (("", "1.0"), ("a b", "1"), ("ok", "-1"), ("ok", "é"), ("-x", "1")))
def test_api_versions_with_a_bad_software_name_gets_error_42(broker, software):
    for version in (3, 4):
        with broker.connect() as client:
            body = requests.encode_api_versions(version, software)
            answer = requests.decode_api_versions(client.ask(requests.API_VERSIONS, version, body), version)
            assert (answer["error"], answer["apis"]) == (INVALID_REQUEST, [])
            assert client.api_versions(version)["error"] == NONE, "the connection stays open"


def test_answers_come_in_the_order_of_the_requests(broker, topic):
    with broker.connect() as client:
        ids = []
        for number in range(20):
            if number % 2:
                ids.append((requests.API_VERSIONS, 0, client.send(requests.API_VERSIONS, 0, b"")))
            else:
                body = requests.encode_fetch(4, topic, {0: 0}, max_wait_ms=10)
                ids.append((requests.FETCH, 4, client.send(requests.FETCH, 4, body)))
        for key, version, correlation in ids:
            client.receive(key, version, correlation)


# --- slow and silent clients ----------------------------------------------------------------------


def test_a_request_in_single_bytes_is_answered(broker):
    request = frame(request_header(requests.API_VERSIONS, 0, 5))
    with broker.connect() as client:
        for position in range(len(request)):
            client.send_bytes(request[position : position + 1])
        assert client.receive_frame()[:4] == struct.pack(">i", 5)


def test_a_client_that_sends_one_byte_and_waits_disturbs_nobody(broker):
    slow = [broker.connect() for _ in range(50)]
    try:
        for client in slow:
            client.send_bytes(b"\x00")
        with broker.connect(timeout_s=5) as quick:
            for _ in range(20):
                assert quick.api_versions()["error"] == NONE
    finally:
        for client in slow:
            client.close()


def test_a_promise_of_a_large_frame_takes_no_memory(broker):
    """100 clients that announce 100 MB each and send nothing: what is kept must follow what arrived."""
    if broker.kind == "kafka":
        pytest.skip("Kafka allocates what is promised, that is what is mended here")
    before = broker.process.resident_bytes()
    promising = [broker.connect() for _ in range(100)]
    try:
        for client in promising:
            client.send_bytes(struct.pack(">i", 100 * 1024 * 1024) + b"\x00\x00")
        with broker.connect() as quick:
            assert quick.api_versions()["error"] == NONE
        if memory_tells(broker):
            assert broker.process.resident_bytes() - before < 100 << 20
    finally:
        for client in promising:
            client.close()


def test_a_client_that_never_reads_disturbs_nobody(broker):
    topic = make_topic(broker)
    big = records.batch([(b"k", os.urandom(500_000))])
    with broker.connect() as client:
        for _ in range(4):
            assert client.produce(topic, big)["error"] == NONE
    deaf = [broker.connect() for _ in range(4)]
    stopped = threading.Event()

    def flood(client):
        client.sock.settimeout(0.5)
        body = requests.encode_fetch(4, topic, {0: 0}, partition_max_bytes=2 << 20, max_wait_ms=0)
        try:
            while not stopped.is_set():
                client.send(requests.FETCH, 4, body)
        except (OSError, Closed):
            pass

    threads = [threading.Thread(target=flood, args=(client,)) for client in deaf]
    try:
        for thread in threads:
            thread.start()
        with broker.connect(timeout_s=10) as quick:
            for number in range(50):
                assert quick.produce(topic, records.batch([(b"k", b"v%d" % number)]))["error"] == NONE
    finally:
        stopped.set()
        for thread in threads:
            thread.join(10)
        for client in deaf:
            client.close()


def test_a_half_open_connection_gets_its_answers(broker):
    with broker.connect() as client:
        correlation = client.send(requests.API_VERSIONS, 0, b"")
        answer = client.receive(requests.API_VERSIONS, 0, correlation)
        assert requests.decode_api_versions(answer, 0)["error"] == NONE
        client.sock.shutdown(socket.SHUT_WR)
        assert client.closed_by_peer()


def test_idle_connections_are_closed(new_broker):
    broker = new_broker(config={"connections.max.idle.ms": "1500"})
    with broker.connect() as client:
        assert client.api_versions()["error"] == NONE
        assert client.closed_by_peer(deadline_s=15)


def test_requests_over_the_configured_size_close_the_connection(new_broker):
    broker = new_broker(config={"socket.request.max.bytes": "20000"})
    with broker.connect() as client:
        client.send_bytes(struct.pack(">i", 20001))
        assert client.closed_by_peer()
    with broker.connect() as client:
        client.send(requests.API_VERSIONS, 0, b"\x00" * 15000)
        assert client.receive_frame()


# --- batches --------------------------------------------------------------------------------------

GOOD = [(b"k0", b"v0"), (b"k1", b"v1")]
_RECORDS = records.record(0, b"k0", b"v0") + records.record(1, b"k1", b"v1")

BAD_BATCHES = {
    "wrong_crc": (records.batch(GOOD, crc=12345), CORRUPT),
    "magic_1_in_v3": (records.message_set(GOOD, 1), INVALID_RECORD),
    "magic_0_in_v3": (records.message_set(GOOD, 0), INVALID_RECORD),
    "unknown_magic": (records.batch(GOOD, magic=3), CORRUPT),
    "two_batches": (records.batch(GOOD) + records.batch(GOOD), INVALID_RECORD),
    "no_batch": (b"", INVALID_RECORD),
    "nonzero_base_offset": (records.batch(GOOD, base_offset=7), INVALID_RECORD),
    "count_too_small": (records.batch(GOOD, count=1), INVALID_RECORD),
    "count_too_large": (records.batch(GOOD, count=3), INVALID_RECORD),
    "count_and_delta_too_large": (records.batch(GOOD, count=3, last_delta=2), INVALID_RECORD),
    "count_and_delta_too_small": (records.batch(GOOD, count=1, last_delta=0), INVALID_RECORD),
    "count_negative": (records.batch(GOOD, count=-1), INVALID_RECORD),
    "count_zero": (records.batch([], count=0, last_delta=-1), INVALID_RECORD),
    "count_huge": (records.batch(GOOD, count=2**31 - 1, last_delta=2**31 - 2), INVALID_RECORD),
    "delta_wrong": (records.batch(GOOD, last_delta=5), INVALID_RECORD),
    "control_batch": (records.batch(GOOD, attributes=0x20), INVALID_RECORD),
    "producer_without_sequence": (records.batch(GOOD, producer=(5, 0, -1)), INVALID_RECORD),
    "bytes_after_the_records": (records.batch(GOOD, records=_RECORDS + b"\x00\x00"), INVALID_RECORD),
    "records_cut": (records.batch(GOOD, records=_RECORDS[:-1]), INVALID_RECORD),
    "record_length_negative": (records.batch(GOOD[:1], records=b"\x01" + _RECORDS), INVALID_RECORD),
    "record_length_huge": (records.batch(GOOD[:1], records=b"\xfe\xff\xff\xff\x0f" + _RECORDS), INVALID_RECORD),
    "header_count_negative": (
        records.batch(GOOD[:1], records=b"\x0c\x00\x00\x00\x01\x01\x01"),
        INVALID_RECORD,
    ),
    "header_count_huge": (
        records.batch(GOOD[:1], records=b"\x14\x00\x00\x00\x01\x01\xfe\xff\xff\xff\x0f"),
        INVALID_RECORD,
    ),
    "varint_too_long": (records.batch(GOOD[:1], records=b"\xff" * 11), UNKNOWN),
    "codec_5": (records.batch(GOOD, attributes=5), UNKNOWN),
    "codec_7": (records.batch(GOOD, attributes=7), UNKNOWN),
}


@pytest.mark.parametrize("version", (3, 7, 9, 11))
@pytest.mark.parametrize("case", BAD_BATCHES)
def test_bad_batch_gets_kafkas_code_and_is_not_stored(broker, topic, case, version):
    data, error = BAD_BATCHES[case]
    with broker.connect() as client:
        assert client.produce(topic, data, version=version)["error"] == error
        assert client.end_offset(topic) == 0
        assert client.produce(topic, records.batch(GOOD), version=version)["base_offset"] == 0


@pytest.mark.parametrize("codec", (records.GZIP, records.SNAPPY, records.LZ4, records.ZSTD))
@pytest.mark.parametrize("garbage", ("random", "cut", "empty"))
def test_broken_compressed_batch_is_refused(broker, topic, codec, garbage):
    whole = records.compress(codec, _RECORDS * 20)
    payload = {"random": bytes(range(200)), "cut": whole[: len(whole) // 2], "empty": b""}[garbage]
    data = records.batch(GOOD, attributes=codec, records=payload)
    with broker.connect() as client:
        answer = client.produce(topic, data)
        assert answer["error"] in (UNKNOWN, CORRUPT, INVALID_RECORD), answer
        assert client.end_offset(topic) == 0


@pytest.mark.parametrize("codec", (records.GZIP, records.SNAPPY, records.LZ4, records.ZSTD))
def test_compressed_batch_with_wrong_count_is_refused(broker, topic, codec):
    payload = records.compress(codec, _RECORDS)
    data = records.batch(GOOD, attributes=codec, records=payload, count=3, last_delta=2)
    with broker.connect() as client:
        assert client.produce(topic, data)["error"] == INVALID_RECORD
        assert client.end_offset(topic) == 0


@pytest.mark.parametrize("codec", (records.GZIP, records.ZSTD))
def test_decompression_bomb_harms_nobody(broker, topic, codec):
    """A few kB that unfold to 1 GB inside one record length: refused or stored, but served and bounded."""
    bomb = records.compress(codec, b"\x00" * (64 << 20))
    data = records.batch(GOOD, attributes=codec, records=bomb)
    with broker.connect(timeout_s=60) as client:
        assert client.produce(topic, data)["error"] in (UNKNOWN, CORRUPT, INVALID_RECORD)
        assert client.end_offset(topic) == 0
    if memory_tells(broker):
        assert broker.process.resident_bytes() < 400 << 20


def test_zstd_below_produce_v7_is_refused(broker, topic):
    with broker.connect() as client:
        data = records.batch(GOOD, codec=records.ZSTD)
        for version in range(3, 7):
            assert client.produce(topic, data, version=version)["error"] == UNSUPPORTED_COMPRESSION
        assert client.produce(topic, data, version=7)["error"] == NONE


def test_snappy_without_framing_is_accepted(broker, topic):
    with broker.connect() as client:
        answer = client.produce(topic, records.batch(GOOD, codec=records.SNAPPY, xerial=False))
        assert answer["error"] == NONE
        assert [r["value"] for r in records.read(client.fetch(topic)["records"])] == [b"v0", b"v1"]


def test_cut_batch_is_refused_or_dropped_without_a_trace(broker, topic):
    whole = records.batch(GOOD)
    with broker.connect() as client:
        for length in range(1, len(whole)):
            answer = client.produce(topic, whole[:length])
            assert answer["error"] in (CORRUPT, INVALID_RECORD), f"cut to {length}: {answer}"
        assert client.end_offset(topic) == 0


@pytest.mark.parametrize("magic", (0, 1))
def test_old_message_with_wrong_crc_is_refused(broker, topic, magic):
    with broker.connect() as client:
        assert client.produce(topic, records.message(b"k", b"v", magic, crc=1), version=2)["error"] == CORRUPT
        assert client.end_offset(topic) == 0


def test_batch_over_the_topics_limit_is_too_large(broker):
    topic = make_topic(broker, configs={"max.message.bytes": "2000"})
    with broker.connect() as client:
        assert client.produce(topic, records.batch([(b"k", b"x" * 2000)]))["error"] == TOO_LARGE
        assert client.produce(topic, records.batch([(b"k", b"x" * 1500)]))["error"] == NONE


def test_record_without_key_on_a_compacted_topic_is_named(broker):
    topic = make_topic(broker, configs={"cleanup.policy": "compact"})
    with broker.connect() as client:
        answer = client.produce(topic, records.batch([(b"k", b"v"), (None, b"v")]), version=8)
        assert answer["error"] == INVALID_RECORD
        assert [number for number, _ in answer["record_errors"]] == [1]
        assert answer["message"]
        assert client.end_offset(topic) == 0


def test_timestamp_out_of_bounds_is_named(broker):
    topic = make_topic(broker, configs={"message.timestamp.before.max.ms": "3600000"})
    with broker.connect() as client:
        answer = client.produce(topic, records.batch(GOOD, timestamp=1000), version=8)
        assert answer["error"] == INVALID_TIMESTAMP
        assert [number for number, _ in answer["record_errors"]] == [0, 1]


@pytest.mark.parametrize("acks", (2, -2, 100))
def test_absurd_acks_are_refused(broker, topic, acks):
    with broker.connect() as client:
        assert client.produce(topic, records.batch(GOOD), acks=acks)["error"] == INVALID_ACKS
        assert client.end_offset(topic) == 0


@pytest.mark.parametrize("acks", (1, -1))
def test_unknown_topic_and_partition(broker, topic, acks):
    with broker.connect() as client:
        assert client.produce("no-such-topic", records.batch(GOOD), acks=acks)["error"] == UNKNOWN_TOPIC
        assert client.produce(topic, records.batch(GOOD), partition=9, acks=acks)["error"] == UNKNOWN_TOPIC
        assert client.produce(topic, records.batch(GOOD), partition=-1, acks=acks)["error"] == UNKNOWN_TOPIC


def test_failed_produce_without_acks_closes_the_connection(broker, topic):
    with broker.connect() as client:
        body = requests.encode_produce(7, topic, {0: records.batch(GOOD, crc=1)}, acks=0)
        client.send(requests.PRODUCE, 7, body)
        assert client.closed_by_peer()


# --- fetch ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", (-2, -1, 3, 2**62))
def test_fetch_out_of_range(broker, topic, offset):
    with broker.connect() as client:
        assert client.produce(topic, records.batch(GOOD))["error"] == NONE
        answer = client.fetch(topic, offset=offset)
        assert (answer["error"], answer["high_watermark"], answer["records"]) == (OFFSET_OUT_OF_RANGE, -1, b"")


def test_fetch_of_unknown_session(broker, topic):
    with broker.connect() as client:
        body = requests.encode_fetch(11, topic, {0: 0}, session=(12345, 7))
        answer = requests.decode_fetch(client.ask(requests.FETCH, 11, body), 11)
        assert (answer["error"], answer["partitions"]) == (FETCH_SESSION_NOT_FOUND, {})


def test_fetch_with_a_negative_limit_is_refused(broker, topic):
    with broker.connect() as client:
        assert client.produce(topic, records.batch(GOOD))["error"] == NONE
        answer = client.fetch(topic, partition_max_bytes=-1, max_wait_ms=0)
        assert (answer["error"], answer["records"]) == (UNKNOWN, b"")


@pytest.mark.parametrize("size", (0, 1, 30))
def test_fetch_with_absurd_limits_still_makes_progress(broker, topic, size):
    with broker.connect() as client:
        assert client.produce(topic, records.batch(GOOD))["error"] == NONE
        answer = client.fetch(topic, partition_max_bytes=size, max_bytes=size, max_wait_ms=0)
        assert answer["error"] == NONE
        assert len(records.read(answer["records"])) == 2


@pytest.mark.parametrize("name", ("", ".", "..", "a b", "x" * 250, "ü", "a/b", "a\nb"))
def test_invalid_topic_names(broker, name):
    with broker.connect() as client:
        assert client.create_topics([{"name": name}])[name]["error"] == INVALID_TOPIC
        (found,) = client.metadata([name], auto_create=True)["topics"]
        assert found["error"] == INVALID_TOPIC
