"""Many connections, slow ones, silent ones: the limits hold, and those who behave are served."""

import os
import resource
import select
import socket
import struct
import time

import pytest

from conftest import make_topic
from harness import records, requests
from harness.ports import free_port
from harness.rawclient import Closed, RawClient, frame, request_header
from harness.sanitizers import memory_tells
from harness.wait import wait_until

NONE = 0
# Room for connections that come while a busy machine keeps the broker waiting: the kernel's answer to a full
# backlog is a second's silence.
BACKLOG = {"socket.listen.backlog.size": "4096"}
WANTED = 10_000
RESERVE = 500  # descriptors that the tests need beside the connections


@pytest.fixture(autouse=True)
def many_descriptors():
    """As many as the hard limit allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def affordable(count):
    """How many connections the limits of this machine allow: the kernel, we, and the broker, our child."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = min(count, soft - RESERVE)
    if allowed < count:
        print(f"{allowed} connections instead of {count}: the limit of descriptors is {soft}")
    assert allowed > 100, f"the limit of descriptors is {soft}, too few for this test"
    return allowed


def open_many(broker, count):
    """Connections from several loopback addresses, so that ports do not run out."""
    made = []
    for number in range(count):
        sock = socket.socket()
        sock.settimeout(20)
        sock.bind((f"127.0.1.{1 + number % 8}", 0))
        sock.connect(("127.0.0.1", broker.port))
        made.append(sock)
    return made


def close_all(socks):
    for sock in socks:
        sock.close()


API_VERSIONS_REQUEST = frame(request_header(requests.API_VERSIONS, 0, 7))


def answered(sock):
    """Asks for the versions and waits for the answer to begin."""
    sock.sendall(API_VERSIONS_REQUEST)
    return sock.recv(8)[4:] == struct.pack(">i", 7)


def test_ten_thousand_connections(new_broker):
    count = affordable(WANTED)
    broker = new_broker(config=BACKLOG)
    topic = make_topic(broker)
    before = broker.process.resident_bytes()
    socks = open_many(broker, count)
    try:
        assert all(answered(sock) for sock in socks[:: max(1, count // 500)]), "connections of then get answers"
        for sock in socks:
            sock.setblocking(False)
        with broker.connect() as client:
            for number in range(50):
                assert client.produce(topic, records.batch([(b"k", b"v")]))["base_offset"] == number
        if memory_tells(broker):
            each = (broker.process.resident_bytes() - before) / count
            assert each < 8192, f"{each:.0f} bytes of memory for a quiet connection"
        cpu = broker.process.cpu_seconds()
        with broker.connect() as client:
            client.fetch(topic, offset=50, max_wait_ms=1000)
        spent = broker.process.cpu_seconds() - cpu
        assert spent < 0.5, f"{spent} s of processor time in a quiet second"
    finally:
        close_all(socks)
    with broker.connect() as client:
        assert client.end_offset(topic) == 50
    wait_until(lambda: broker.process.open_descriptors() < 500, 30, "closed connections give their descriptors back")


def test_descriptors_run_out(new_broker):
    """More connections than descriptors: those that stand are served, no directory fails, and it recovers."""
    broker = new_broker(start=False)
    if broker.kind == "kafka":
        pytest.skip("a JVM out of descriptors promises nothing")
    broker.start()
    topic = make_topic(broker)
    in_use = broker.process.open_descriptors()
    resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE, (in_use + 60, in_use + 60))
    with broker.connect() as client:
        socks = []
        try:
            for _ in range(120):
                sock = socket.socket()
                sock.setblocking(False)
                sock.connect_ex(("127.0.0.1", broker.port))
                socks.append(sock)
            wait_until(
                lambda: broker.process.open_descriptors() >= in_use + 40, 20, "connections took the descriptors"
            )
            for number in range(20):
                assert client.produce(topic, records.batch([(b"k", b"v")]))["base_offset"] == number
            made = client.create_topics([{"name": "while-out"}])["while-out"]
            assert made["error"] == NONE, made
            cpu, began = broker.process.cpu_seconds(), time.monotonic()
            client.fetch(topic, offset=20, max_wait_ms=1000)
            spent = (broker.process.cpu_seconds() - cpu) / (time.monotonic() - began)
            assert spent < 0.3, f"accepting in vain takes {spent:.0%} of a core"
        finally:
            close_all(socks)

        def all_is_well():
            with broker.connect(timeout_s=5) as other:
                return other.produce("while-out", records.batch([(b"k", b"v")]))["error"] == NONE

        wait_until(all_is_well, 30, "it recovers")
        assert client.produce(topic, records.batch([(b"k", b"v")]))["base_offset"] == 20
    assert "log_dir_failed" not in broker.process.log_text()


def test_clients_that_send_a_byte_now_and_then(new_broker):
    """300 of them, in every state of a request, cost others nothing."""
    broker = new_broker(config={"connections.max.idle.ms": "20000", **BACKLOG})
    request = frame(request_header(requests.API_VERSIONS, 0, 7))
    socks = open_many(broker, affordable(300))
    try:
        quick = broker.connect(timeout_s=5)
        for position in range(len(request)):
            for sock in socks:
                sock.sendall(request[position : position + 1])
            assert quick.api_versions()["error"] == NONE
        assert all(sock.recv(8)[4:] == struct.pack(">i", 7) for sock in socks)
        quick.close()
    finally:
        close_all(socks)


def test_clients_that_never_read_bound_the_memory(new_broker):
    """60 clients ask for the same 20 MB again and again, pipelined, and read nothing."""
    broker = new_broker()
    topic = make_topic(broker)
    big = records.batch([(b"k", os.urandom(900_000))])
    with broker.connect() as client:
        for _ in range(22):
            assert client.produce(topic, big)["error"] == NONE
    before = broker.process.resident_bytes()
    body = requests.encode_fetch(4, topic, {0: 0}, partition_max_bytes=20 << 20, max_wait_ms=0)
    ask = frame(request_header(requests.FETCH, 4, 1) + body)
    deaf = [RawClient("127.0.0.1", broker.port, receive_buffer=4096) for _ in range(60)]
    try:
        for client in deaf:
            client.sock.setblocking(False)
            try:
                for _ in range(200):
                    client.sock.send(ask)
            except BlockingIOError:
                pass
        with broker.connect(timeout_s=10) as quick:
            for _ in range(50):
                assert quick.produce(topic, records.batch([(b"k", b"v")]))["error"] == NONE
                assert quick.fetch(topic, offset=22, max_wait_ms=0)["error"] == NONE
        if memory_tells(broker):
            grown = broker.process.resident_bytes() - before
            assert grown < 64 << 20, f"{grown >> 20} MB for clients that do not read"
    finally:
        for client in deaf:
            client.close()
    wait_until(lambda: broker.process.open_descriptors() < 200, 20, "their descriptors are given back")


def test_large_requests_in_pieces_stay_within_the_budget(new_broker):
    """queued.max.request.bytes: 40 producers send 5 MB each, slowly; the broker holds no more than it may, and
    each of them gets its answer in the end."""
    broker = new_broker(
        config={
            "queued.max.request.bytes": str(16 << 20),
            "socket.request.max.bytes": str(8 << 20),
            "message.max.bytes": str(6 << 20),
        }
    )
    topic = make_topic(broker, configs={"max.message.bytes": str(6 << 20)})
    before = broker.process.resident_bytes()
    batch = records.batch([(b"k", os.urandom(5 << 20))])
    body = requests.encode_produce(7, topic, {0: batch}, acks=1)
    request = memoryview(frame(request_header(requests.PRODUCE, 7, 1) + body))
    clients = [broker.connect() for _ in range(40)]
    left = {}
    try:
        for client in clients:
            client.sock.setblocking(False)
            left[client.sock.fileno()] = (client, request)
        peak, end = 0, time.monotonic() + 120
        while left:
            assert time.monotonic() < end, f"{len(left)} producers got no further"
            _, writable, _ = select.select([], list(left), [], 1)
            for number in writable:
                client, rest = left[number]
                sent = client.sock.send(rest[:65536])
                left[number] = (client, rest[sent:])
                if sent == len(rest):
                    del left[number]
            peak = max(peak, broker.process.resident_bytes())
        for client in clients:
            client.sock.settimeout(60)
            answer = requests.decode_produce(client.receive(requests.PRODUCE, 7), 7)
            assert answer[(topic, 0)]["error"] == NONE
    finally:
        for client in clients:
            client.close()
    if memory_tells(broker):
        assert peak - before < 64 << 20, f"{(peak - before) >> 20} MB for requests under way, of which 16 are allowed"
    with broker.connect() as client:
        assert client.end_offset(topic) == 40


def test_half_open_connections_are_closed_when_idle(new_broker):
    """The peer is gone without a word (as when its cable is cut): nothing arrives any more."""
    broker = new_broker(config={"connections.max.idle.ms": "4000", **BACKLOG})
    before = broker.process.open_descriptors()
    socks = open_many(broker, 50)
    try:
        assert all(answered(sock) for sock in socks[:25])
        for sock in socks[25:]:
            sock.sendall(b"\x00\x00")  # in the middle of a frame
        with broker.connect() as busy:
            wait_until(
                lambda: busy.api_versions()["error"] == NONE and broker.process.open_descriptors() <= before + 3,
                20,
                "idle connections are closed",
            )
            assert busy.api_versions()["error"] == NONE, "a busy one stays"
    finally:
        close_all(socks)


def closed(sock):
    """Whether the broker has closed this connection."""
    sock.settimeout(10)
    try:
        return sock.recv(1) == b""
    except ConnectionError:
        return True
    except socket.timeout:
        return False


def test_connections_per_address(new_broker):
    broker = new_broker(
        config={"max.connections.per.ip": "20", "max.connections.per.ip.overrides": "127.0.0.2:3,127.0.0.3:0"}
    )

    def connect_from(address):
        sock = socket.socket()
        sock.settimeout(10)
        sock.bind((address, 0))
        sock.connect(("127.0.0.1", broker.port))
        return sock

    kept = [connect_from("127.0.0.2") for _ in range(3)]
    try:
        assert all(answered(sock) for sock in kept)
        assert closed(connect_from("127.0.0.2")), "the fourth of three"
        assert closed(connect_from("127.0.0.3")), "none from here"
        others = [connect_from("127.0.0.4") for _ in range(20)]
        kept += others
        assert all(answered(sock) for sock in others)
        assert closed(connect_from("127.0.0.4")), "the twenty-first of twenty"
        kept.pop(0).close()

        def room():
            sock = connect_from("127.0.0.2")
            try:
                return answered(sock)
            except ConnectionError:
                return False
            finally:
                sock.close()

        wait_until(room, 10, "a place that became free is given away")
    finally:
        close_all(kept)


def test_connections_in_all(new_broker):
    """At max.connections new ones wait until one leaves; the listener between brokers lets its own in, for
    which the connection goes that was idle longest."""
    broker = new_broker(
        config={
            "listener.security.protocol.map": "CLIENTS:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "max.connections": "30",
        },
        start=False,
    )
    clients_port = free_port()
    broker.config["listeners"] = f"CLIENTS://127.0.0.1:{clients_port},PLAINTEXT://127.0.0.1:{broker.port}"
    broker.start()
    socks = []
    try:
        for _ in range(60):
            sock = socket.socket()
            sock.settimeout(10)
            sock.connect(("127.0.0.1", clients_port))
            sock.sendall(API_VERSIONS_REQUEST)
            socks.append(sock)

        def counted():
            ready, _, _ = select.select(socks, [], [], 0)
            return len(ready)

        wait_until(lambda: counted() >= 25, 20, "connections up to the limit are served")
        with broker.connect() as peer:
            assert peer.api_versions()["error"] == NONE, "the other brokers still get in"
            assert counted() <= 31
        for sock in socks[:30]:
            sock.close()
        del socks[:30]
        wait_until(lambda: counted() >= 25, 20, "those who waited get their turn")
    finally:
        close_all(socks)


def test_pipelined_requests_without_reading(new_broker):
    """10 000 small requests on one connection, whose answers are not read until all is sent."""
    broker = new_broker()
    before = broker.process.resident_bytes()
    with broker.connect(timeout_s=60) as client:
        client.send_bytes(API_VERSIONS_REQUEST)
        expected = 10_000 * (4 + len(client.receive_frame()))
        pending = memoryview(API_VERSIONS_REQUEST * 10_000)
        client.sock.setblocking(False)
        got = 0
        while pending or got < expected:
            readable, writable, _ = select.select([client.sock], [client.sock] if pending else [], [], 20)
            assert readable or writable, "stuck"
            if writable:
                sent = client.sock.send(pending)
                pending = pending[sent:]
            elif readable:
                piece = client.sock.recv(1 << 20)
                if not piece:
                    raise Closed("in the middle")
                got += len(piece)
    if memory_tells(broker):
        assert broker.process.resident_bytes() - before < 32 << 20


@pytest.mark.parametrize(
    "hello",
    (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ),
    ids=("http", "tls", "ssh"),
)
def test_other_protocols_are_shown_the_door(broker, hello):
    with broker.connect() as client:
        client.send_bytes(hello)
        assert client.closed_by_peer()
