"""Record sets of magic 0, 1 and 2, made by hand so that they can also be made wrong, and a reader."""

import gzip
import io
import struct
import zlib

import crc32c
import lz4.frame
import snappy
import zstandard

from .wire import Reader, Writer

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
CODEC_NAMES = ["none", "gzip", "snappy", "lz4", "zstd"]
_XERIAL = b"\x82SNAPPY\x00"


def compress(codec, data, xerial=True):
    if codec == NONE:
        return data
    if codec == GZIP:
        return gzip.compress(data, mtime=0)
    if codec == SNAPPY:
        if not xerial:
            return snappy.compress(data)
        out = _XERIAL + struct.pack(">ii", 1, 1)
        for pos in range(0, len(data), 32768):
            block = snappy.compress(data[pos : pos + 32768])
            out += struct.pack(">i", len(block)) + block
        return out
    if codec == LZ4:
        return lz4.frame.compress(data, block_linked=False, block_size=lz4.frame.BLOCKSIZE_MAX64KB, store_size=False)
    if codec == ZSTD:
        return zstandard.ZstdCompressor().compress(data)
    raise ValueError(f"unknown codec {codec}")


def decompress(codec, data):
    if codec == NONE:
        return data
    if codec == GZIP:
        return gzip.decompress(data)
    if codec == SNAPPY:
        if data[:8] != _XERIAL:
            return snappy.decompress(data)
        out, pos = b"", 16
        while pos < len(data):
            (size,) = struct.unpack_from(">i", data, pos)
            out += snappy.decompress(data[pos + 4 : pos + 4 + size])
            pos += 4 + size
        return out
    if codec == LZ4:
        return lz4.frame.decompress(data)
    if codec == ZSTD:
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    raise ValueError(f"unknown codec {codec}")


def record(delta, key, value, timestamp_delta=0, headers=()):
    """One record of a magic 2 batch, with its length."""
    body = Writer().int8(0).varint(timestamp_delta).varint(delta)
    for part in (key, value):
        body.varint(-1 if part is None else len(part)).raw(part or b"")
    body.varint(len(headers))
    for name, content in headers:
        body.varint(len(name)).raw(name)
        body.varint(-1 if content is None else len(content)).raw(content or b"")
    data = body.done()
    return Writer().varint(len(data)).raw(data).done()


def batch(
    messages,
    codec=NONE,
    timestamp=1700000000000,
    base_offset=0,
    leader_epoch=-1,
    magic=2,
    attributes=0,
    producer=(-1, -1, -1),
    count=None,
    last_delta=None,
    crc=None,
    length=None,
    records=None,
    xerial=True,
    max_timestamp=None,
):
    """A magic 2 batch. messages: list of (key, value) or (key, value, headers). Everything that can be
    wrong in a batch can be given; what is left out is right."""
    if records is None:
        records = b"".join(
            record(delta, item[0], item[1], 0, item[2] if len(item) > 2 else ()) for delta, item in enumerate(messages)
        )
    count = len(messages) if count is None else count
    last_delta = len(messages) - 1 if last_delta is None else last_delta
    rest = struct.pack(
        ">hiqqqhii",
        attributes | codec,
        last_delta,
        timestamp,
        timestamp if max_timestamp is None else max_timestamp,
        producer[0],
        producer[1],
        producer[2],
        count,
    ) + compress(codec, records, xerial)
    crc = crc32c.crc32c(rest) if crc is None else crc
    length = 4 + 1 + 4 + len(rest) if length is None else length
    return struct.pack(">qiibI", base_offset, length, leader_epoch, magic, crc) + rest


def message(key, value, magic=1, timestamp=1700000000000, offset=0, attributes=0, crc=None):
    """A message of magic 0 or 1."""
    rest = struct.pack(">bb", magic, attributes)
    if magic == 1:
        rest += struct.pack(">q", timestamp)
    for part in (key, value):
        rest += struct.pack(">i", -1 if part is None else len(part)) + (part or b"")
    crc = zlib.crc32(rest) if crc is None else crc
    return struct.pack(">qiI", offset, 4 + len(rest), crc) + rest


def message_set(messages, magic=1, codec=NONE, timestamp=1700000000000):
    """messages: list of (key, value); compressed: one wrapper of that magic."""
    inner = b"".join(message(key, value, magic, timestamp, offset) for offset, (key, value) in enumerate(messages))
    if codec == NONE:
        return inner
    return message(None, compress(codec, inner), magic, timestamp, len(messages) - 1 if magic == 0 else 0, codec)


def read(data):
    """All records of a fetched record set, any magic, as dicts; a cut last entry is left out. Checks CRCs."""
    found, pos = [], 0
    while pos + 17 <= len(data):
        offset, length = struct.unpack_from(">qi", data, pos)
        if pos + 12 + length > len(data):
            break
        entry = data[pos : pos + 12 + length]
        found += _read_batch(entry, offset) if entry[16] == 2 else _read_message(entry, offset)
        pos += 12 + length
    return found


def _read_batch(entry, base_offset):
    epoch, _, crc, attributes, _, base_ts, max_ts, producer_id, producer_epoch, sequence, count = struct.unpack_from(
        ">ibIhiqqqhii", entry, 12
    )
    assert crc32c.crc32c(entry[21:]) == crc, f"wrong CRC in the batch at offset {base_offset}"
    body = Reader(decompress(attributes & 7, entry[61:]))
    found = []
    for _ in range(count):
        size = body.varint()
        end = body.pos + size
        body.int8()
        timestamp, delta = base_ts + body.varint(), body.varint()
        key_size = body.varint()
        key = None if key_size < 0 else body.raw(key_size)
        value_size = body.varint()
        value = None if value_size < 0 else body.raw(value_size)
        headers = []
        for _ in range(body.varint()):
            name = body.raw(body.varint())
            content_size = body.varint()
            headers.append((name, None if content_size < 0 else body.raw(content_size)))
        assert body.pos == end, f"record length {size} is wrong at offset {base_offset + delta}"
        found.append(
            {
                "offset": base_offset + delta,
                "timestamp": max_ts if attributes & 8 else timestamp,
                "key": key,
                "value": value,
                "headers": headers,
                "magic": 2,
                "codec": attributes & 7,
                "epoch": epoch,
                "producer": (producer_id, producer_epoch, sequence + delta if sequence >= 0 else -1),
                "control": bool(attributes & 32),
            }
        )
    return found


def _read_message(entry, offset):
    crc, magic, attributes = struct.unpack_from(">Ibb", entry, 12)
    assert zlib.crc32(entry[16:]) == crc, f"wrong CRC in the message at offset {offset}"
    body = Reader(entry[18:])
    timestamp = body.int64() if magic == 1 else -1
    key, value = body.bytes(), body.bytes()
    codec = attributes & 7
    if codec == NONE:
        return [
            {"offset": offset, "timestamp": timestamp, "key": key, "value": value, "headers": [], "magic": magic,
             "codec": NONE, "control": False}
        ]  # fmt: skip
    if codec == LZ4 and magic == 0:
        value = _mend_lz4_header(value)
    inner = read(decompress(codec, value))
    if magic == 1 and inner:
        base = offset - inner[-1]["offset"]
        for item in inner:
            item["offset"] += base
            if attributes & 8:
                item["timestamp"] = timestamp
    for item in inner:
        item["codec"] = codec
    return inner


def _mend_lz4_header(data):
    """Kafka's magic 0 computes the frame header's checksum over too much; a strict reader wants it mended."""
    import xxhash  # noqa: PLC0415 - only this old format needs it

    size = 6 + (8 if data[4] & 8 else 0)
    checksum = (xxhash.xxh32(data[4:size], seed=0).intdigest() >> 8) & 0xFF
    return data[:size] + bytes([checksum]) + data[size + 1 :]
