"""The messages that every client driver sends, known by seed and number, so that any reader can check what
any writer wrote. tests/clients/java/Messages.java is the same in Java."""

from dataclasses import dataclass, replace

BASE_TIME = 1700000000000


@dataclass(frozen=True)
class Message:
    key: bytes | None
    value: bytes | None
    headers: tuple
    timestamp: int


def message(seed, number):
    key = None if number % 7 == 3 else f"key-{seed}-{number}".encode()
    value = None
    if number % 11 != 5 or key is None:
        word = f"value-{seed}-{number}-".encode()
        length = 5000 if number % 50 == 49 else number * 37 % 300 + 1
        value = (word * (length // len(word) + 1))[:length]
    headers = ()
    if number % 4 in (1, 2):
        headers += (("h", f"x{number}".encode()),)
    if number % 4 == 1:
        headers += (("h", None),)
    return Message(key, value, headers, BASE_TIME + number * 13 + number % 5 * 1000)


@dataclass
class Received:
    offset: int
    message: Message


def differences(seed, count, offsets, received, writer, reader, limit=5):
    """What is wrong with what came back, as lines; empty when nothing is. `offsets` are those that the
    writer was told, or None where it was told nothing (acks=0). Fields that the writer cannot set or the
    reader cannot see are left out of the comparison."""
    wrong = []
    if len(received) != count:
        wrong.append(f"{count} messages were sent and {len(received)} came back")
    shared = writer.fields & reader.fields
    for number, got in enumerate(received[:count]):
        sent = message(seed, number)
        if not getattr(writer, "null_headers", True):
            sent = replace(sent, headers=tuple(header for header in sent.headers if header[1] is not None))
        due = number if offsets is None else offsets[number]
        if got.offset != due:
            wrong.append(f"message {number}: offset {got.offset}, the writer was told {due}")
        for field in sorted(shared):
            if getattr(got.message, field) != getattr(sent, field):
                wrong.append(
                    f"message {number}: {field} {getattr(got.message, field)!r}, sent was {getattr(sent, field)!r}"
                )
    return wrong[:limit]
