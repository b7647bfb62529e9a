"""Primitive types of Kafka's protocol. One Writer and one Reader serve both forms: a flexible version
writes compact lengths and tag sections, an old one does not."""

import struct


class Truncated(Exception):
    """The bytes ended inside a field."""


class Writer:
    def __init__(self, flexible=False):
        self.flexible = flexible
        self.parts = []

    def raw(self, data):
        self.parts.append(bytes(data))
        return self

    def _pack(self, form, value):
        self.parts.append(struct.pack(form, value))
        return self

    def int8(self, value):
        return self._pack(">b", value)

    def int16(self, value):
        return self._pack(">h", value)

    def int32(self, value):
        return self._pack(">i", value)

    def uint32(self, value):
        return self._pack(">I", value)

    def int64(self, value):
        return self._pack(">q", value)

    def bool(self, value):
        return self.int8(1 if value else 0)

    def uvarint(self, value):
        out = bytearray()
        while value >= 0x80:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        out.append(value)
        return self.raw(out)

    def varint(self, value):
        """Zig-zag, for record fields of 32 and 64 bits alike."""
        return self.uvarint((value << 1) ^ (value >> 63) if value < 0 else value << 1)

    def string(self, text):
        data = None if text is None else text.encode()
        if self.flexible:
            self.uvarint(0 if data is None else len(data) + 1)
        else:
            self.int16(-1 if data is None else len(data))
        return self.raw(data or b"")

    def old_string(self, text):
        """int16 length in every version: the client id of a request header."""
        data = None if text is None else text.encode()
        self.int16(-1 if data is None else len(data))
        return self.raw(data or b"")

    def bytes(self, data):
        if self.flexible:
            self.uvarint(0 if data is None else len(data) + 1)
        else:
            self.int32(-1 if data is None else len(data))
        return self.raw(data or b"")

    def array(self, items, write_item):
        """write_item(self, item) writes the fields of one element, and its tags() if it is a struct."""
        if self.flexible:
            self.uvarint(0 if items is None else len(items) + 1)
        else:
            self.int32(-1 if items is None else len(items))
        for item in items or ():
            write_item(self, item)
        return self

    def tags(self, fields=()):
        if self.flexible:
            self.uvarint(len(fields))
            for tag, data in fields:
                self.uvarint(tag).uvarint(len(data)).raw(data)
        return self

    def done(self):
        return b"".join(self.parts)


class Reader:
    def __init__(self, data, flexible=False):
        self.data = data
        self.pos = 0
        self.flexible = flexible

    def raw(self, count):
        if count < 0 or self.pos + count > len(self.data):
            raise Truncated(f"{count} bytes wanted at {self.pos} of {len(self.data)}")
        piece = self.data[self.pos : self.pos + count]
        self.pos += count
        return piece

    def _unpack(self, form, size):
        return struct.unpack(form, self.raw(size))[0]

    def int8(self):
        return self._unpack(">b", 1)

    def int16(self):
        return self._unpack(">h", 2)

    def int32(self):
        return self._unpack(">i", 4)

    def uint32(self):
        return self._unpack(">I", 4)

    def int64(self):
        return self._unpack(">q", 8)

    def bool(self):
        return self.int8() != 0

    def uvarint(self):
        value = shift = 0
        while True:
            byte = self.raw(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def varint(self):
        value = self.uvarint()
        return (value >> 1) ^ -(value & 1)

    def string(self):
        length = self.uvarint() - 1 if self.flexible else self.int16()
        return None if length < 0 else self.raw(length).decode()

    def bytes(self):
        length = self.uvarint() - 1 if self.flexible else self.int32()
        return None if length < 0 else self.raw(length)

    def array(self, read_item):
        count = self.uvarint() - 1 if self.flexible else self.int32()
        return None if count < 0 else [read_item(self) for _ in range(count)]

    def tags(self):
        found = {}
        if self.flexible:
            for _ in range(self.uvarint()):
                tag = self.uvarint()
                found[tag] = self.raw(self.uvarint())
        return found

    @property
    def left(self):
        return len(self.data) - self.pos
