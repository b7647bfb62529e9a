"""Any request in any version, by the schema that the broker's own codecs are made of (src/wire/schema).

    with broker.connect() as client:
        answer = schema.ask(client, "DescribeConfigs", 4, resources=[{"resource_type": 2, "resource_name": "t"}])

Messages are dicts with the schema's names of the fields; what is left out has its default. A field that the
version lacks may not be given anything but its default. A decoded message has just the fields of its version.
"""

import functools
import os
import struct
import sys

from . import environment
from .wire import Reader, Writer

_WIRE = os.path.join(environment.SOURCE, "src", "wire")
if _WIRE not in sys.path:
    sys.path.append(_WIRE)

from wire_schema import load  # noqa: E402

_HEADER_V0_ALWAYS = {"ApiVersions"}


@functools.cache
def _loaded():
    from pathlib import Path

    apis, messages = load(Path(_WIRE) / "schema")
    return {api.name: api for api in apis}, {message.name: message for message in messages}


def api(name):
    return _loaded()[0][name]


def apis():
    return list(_loaded()[0].values())


def versions(name):
    """All versions of a request, lowest first."""
    first, last = api(name).versions
    return range(first, last + 1)


# --- values -------------------------------------------------------------------------------------------


def default_of(field):
    if field.array:
        return None if field.default == "null" else []
    if field.struct:
        return None if field.default == "null" else {f.name: default_of(f) for f in field.struct.fields}
    if field.default == "null" or field.type == "records":
        return None
    if field.type == "string":
        return (field.default or "").strip('"')
    if field.type == "bytes":
        return b""
    if field.type == "uuid":
        return bytes(16)
    if field.type == "bool":
        return (field.default or "").lower() == "true"
    if field.type == "float64":
        return float(field.default or 0)
    return int(field.default or "0", 0)


def _within(span, version):
    return span is not None and span[0] <= version <= span[1]


# --- encoding -----------------------------------------------------------------------------------------


def _put_one(out, field, value, version):
    if field.struct:
        _put_struct(out, field.struct, value, version)
    elif field.type == "uuid":
        out.raw(value)
    elif field.type == "uint16":
        out._pack(">H", value)
    elif field.type == "float64":
        out._pack(">d", value)
    elif field.type == "string" and field.classic:
        out.old_string(value)
    elif field.type in ("bytes", "records"):
        out.bytes(value)
    else:
        getattr(out, field.type)(value)


def _put_value(out, field, value, version):
    if value is None and not _within(field.nullable, version):
        raise ValueError(f"{field.name} may not be null in version {version}")
    if field.array:
        out.array(value, lambda inner, item: _put_one(inner, field, item, version))
    elif field.struct and field.nullable:
        out.int8(-1 if value is None else 1)
        if value is not None:
            _put_struct(out, field.struct, value, version)
    else:
        _put_one(out, field, value, version)


def _put_struct(out, shape, values, version):
    unknown = set(values) - {field.name for field in shape.fields}
    if unknown:
        raise ValueError(f"{shape.name} has no {', '.join(sorted(unknown))}")
    tagged = []
    for field in shape.fields:
        value = values.get(field.name, default_of(field))
        if not _within(field.versions, version):
            if value != default_of(field) and not field.ignorable:
                raise ValueError(f"{shape.name}.{field.name} is not in version {version}")
        elif field.tag is not None:
            if value != default_of(field):
                inner = Writer(out.flexible)
                _put_value(inner, field, value, version)
                tagged.append((field.tag, inner.done()))
        else:
            _put_value(out, field, value, version)
    out.tags(sorted(tagged))


def encode(message_name, version, values):
    message = _loaded()[1][message_name]
    out = Writer(version >= message.flexible)
    _put_struct(out, message.root, values, version)
    return out.done()


# --- decoding -----------------------------------------------------------------------------------------


def _get_one(reader, field, version):
    if field.struct:
        return _get_struct(reader, field.struct, version)
    if field.type == "uuid":
        return reader.raw(16)
    if field.type == "uint16":
        return struct.unpack(">H", reader.raw(2))[0]
    if field.type == "float64":
        return struct.unpack(">d", reader.raw(8))[0]
    if field.type in ("bytes", "records"):
        return reader.bytes()
    return getattr(reader, field.type)()


def _get_value(reader, field, version):
    if field.array:
        value = reader.array(lambda inner: _get_one(inner, field, version))
    elif field.struct and field.nullable:
        value = None if reader.int8() < 0 else _get_struct(reader, field.struct, version)
    else:
        value = _get_one(reader, field, version)
    if value is None and not _within(field.nullable, version):
        raise ValueError(f"{field.name} is null, which version {version} does not allow")
    return value


def _get_struct(reader, shape, version):
    out = {}
    tagged = {}
    for field in shape.fields:
        if not _within(field.versions, version):
            continue
        if field.tag is None:
            out[field.name] = _get_value(reader, field, version)
        else:
            tagged[field.tag] = field
            out[field.name] = default_of(field)
    for tag, data in reader.tags().items():
        field = tagged.get(tag)
        if field is not None:
            out[field.name] = _get_value(Reader(data, reader.flexible), field, version)
    return out


def decode(message_name, version, data):
    """The whole of `data`; bytes left over are an error."""
    message = _loaded()[1][message_name]
    reader = Reader(data, version >= message.flexible)
    out = _get_struct(reader, message.root, version)
    if reader.left:
        raise ValueError(f"{reader.left} bytes are left behind {message_name} v{version}")
    return out


# --- conversation -------------------------------------------------------------------------------------


def send(client, name, version, client_id="tests", **fields):
    """Sends a request over a RawClient; returns its correlation id."""
    shape = api(name)
    body = encode(f"{name}Request", version, fields)
    return client.send(shape.key, version, body, client_id, header_version=2 if version >= shape.flexible else 1)


def receive(client, name, version, correlation_id):
    answer = client.receive_frame()
    (got,) = struct.unpack(">i", answer[:4])
    assert got == correlation_id, f"answer to {got} where {correlation_id} was due"
    body = answer[4:]
    if version >= api(name).flexible and name not in _HEADER_V0_ALWAYS:
        assert body[:1] == b"\x00", f"unexpected tags in an answer's header: {body[:8].hex()}"
        body = body[1:]
    return decode(f"{name}Response", version, body)


def ask(client, name, version, client_id="tests", **fields):
    return receive(client, name, version, send(client, name, version, client_id, **fields))
