"""A connection that sends whatever it is told to, well-formed or not, and reads frames back."""

import socket
import struct

from . import requests
from .wait import wait_until
from .wire import Writer

# Flexible answers carry header v1 (a tag section), except those of ApiVersions.
_HEADER_V0_ALWAYS = {requests.API_VERSIONS}


class Closed(Exception):
    """The broker closed the connection."""


def request_header(key, version, correlation_id, client_id="tests", header_version=None):
    if header_version is None:
        header_version = 2 if requests.flexible(key, version) else 1
    out = Writer().int16(key).int16(version).int32(correlation_id)
    if header_version >= 1:
        out.old_string(client_id)
    if header_version >= 2:
        out.raw(b"\x00")
    return out.done()


def frame(payload):
    return struct.pack(">i", len(payload)) + payload


class RawClient:
    def __init__(self, host, port, timeout_s=20, receive_buffer=None):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout_s)
        self.sock.connect((host, port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.correlation_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.sock.close()

    # --- bytes ------------------------------------------------------------------------------------

    def send_bytes(self, data):
        self.sock.sendall(data)

    def send(self, key, version, body, client_id="tests", header_version=None):
        """Sends one request; returns its correlation id."""
        self.correlation_id += 1
        header = request_header(key, version, self.correlation_id, client_id, header_version)
        self.send_bytes(frame(header + body))
        return self.correlation_id

    def _receive_exactly(self, count):
        data = bytearray()
        while len(data) < count:
            try:
                piece = self.sock.recv(min(count - len(data), 1 << 20))
            except ConnectionError as problem:
                raise Closed(str(problem)) from None
            if not piece:
                raise Closed(f"end of stream after {len(data)} of {count} bytes")
            data += piece
        return bytes(data)

    def receive_frame(self):
        (size,) = struct.unpack(">i", self._receive_exactly(4))
        return self._receive_exactly(size)

    def receive(self, key, version, correlation_id=None):
        """Receives one answer and returns its body."""
        answer = self.receive_frame()
        (got,) = struct.unpack(">i", answer[:4])
        if correlation_id is not None:
            assert got == correlation_id, f"answer to {got} where {correlation_id} was due"
        body = answer[4:]
        if requests.flexible(key, version) and key not in _HEADER_V0_ALWAYS:
            assert body[:1] == b"\x00", f"unexpected tags in an answer's header: {body[:8].hex()}"
            body = body[1:]
        return body

    def ask(self, key, version, body, client_id="tests"):
        return self.receive(key, version, self.send(key, version, body, client_id))

    def closed_by_peer(self, deadline_s=10):
        """Whether the broker closes within the deadline, having sent nothing more."""
        self.sock.settimeout(deadline_s)
        try:
            return self.sock.recv(1) == b""
        except socket.timeout:
            return False
        except ConnectionError:
            return True

    # --- requests ---------------------------------------------------------------------------------

    def api_versions(self, version=3):
        body = self.ask(requests.API_VERSIONS, version, requests.encode_api_versions(version))
        return requests.decode_api_versions(body, version)

    def metadata(self, topics=None, version=7, auto_create=False):
        body = self.ask(requests.METADATA, version, requests.encode_metadata(version, topics, auto_create))
        return requests.decode_metadata(body, version)

    def produce(self, topic, records, partition=0, version=7, acks=-1, **more):
        """Produces one record set; returns the answer of its partition."""
        body = requests.encode_produce(version, topic, {partition: records}, acks=acks, **more)
        answer = requests.decode_produce(self.ask(requests.PRODUCE, version, body), version)
        return answer[(topic, partition)]

    def fetch(self, topic, offset=0, partition=0, version=11, **more):
        """Fetches from one partition; returns the answer of that partition."""
        body = requests.encode_fetch(version, topic, {partition: offset}, **more)
        answer = requests.decode_fetch(self.ask(requests.FETCH, version, body), version)
        assert answer["error"] == 0, f"fetch failed as a whole: {answer['error']}"
        return answer["partitions"][partition]

    def list_offset(self, topic, timestamp, partition=0, version=5):
        body = requests.encode_list_offsets(version, topic, {partition: timestamp})
        answer = requests.decode_list_offsets(self.ask(requests.LIST_OFFSETS, version, body), version)
        return answer[partition]

    def end_offset(self, topic, partition=0):
        answer = self.list_offset(topic, -1, partition)
        assert answer["error"] == 0, f"no end offset of {topic}-{partition}: error {answer['error']}"
        return answer["offset"]

    def create_topics(self, topics, version=5, **more):
        body = requests.encode_create_topics(version, topics, **more)
        return requests.decode_create_topics(self.ask(requests.CREATE_TOPICS, version, body), version)

    def delete_topics(self, names, version=4):
        body = requests.encode_delete_topics(version, names)
        return requests.decode_delete_topics(self.ask(requests.DELETE_TOPICS, version, body), version)

    def init_producer_id(self, version=2):
        body = requests.encode_init_producer_id(version)
        return requests.decode_init_producer_id(self.ask(requests.INIT_PRODUCER_ID, version, body), version)

    def new_producer_id(self):
        """As clients do: tries again while the broker waits for a block of ids (error 14)."""

        def got():
            answer = self.init_producer_id()
            assert answer["error"] in (0, 14), f"no producer id: error {answer['error']}"
            return answer if answer["error"] == 0 else None

        return wait_until(got, 15, "a producer id")
