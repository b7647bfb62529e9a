"""The checks that the other tests lean on can fail: each is shown a wrong world."""

import subprocess
import types

import pytest

from harness import crash, environment, group_history, messages, records, replicas, sanitizers, workload
from harness.process import Process


class World:
    """Stands for a broker: the records of one partition, as a fetch would bring them."""

    def __init__(self, numbers):
        self.data = b"".join(
            records.batch([(b"k", b"%d" % number)], base_offset=offset) for offset, number in enumerate(numbers)
        )
        self.end = len(numbers)

    def end_offset(self, topic, partition):
        return self.end

    def fetch(self, topic, offset, partition, partition_max_bytes):
        return {"error": 0, "records": self.data}


def producer_that_was_told(places):
    return types.SimpleNamespace(topic="t", partitions=1, acknowledged={n: (0, o) for n, o in places.items()})


def test_reckoning_accepts_what_is_whole():
    crash.reckon(World([0, 1, 2]), producer_that_was_told({0: 0, 1: 1, 2: 2}))
    crash.reckon(World([0, 1, 2]), producer_that_was_told({0: 0, 1: 1}))


@pytest.mark.parametrize(
    ("numbers", "told"),
    (
        ([0, 1], {0: 0, 1: 1, 2: 2}),
        ([0, 1, 1], {0: 0, 1: 1}),
        ([0, 2, 1], {0: 0, 1: 2, 2: 1}),
        ([0, 1], {0: 1, 1: 0}),
    ),
    ids=("lost", "doubled", "out_of_order", "elsewhere"),
)
def test_reckoning_finds(numbers, told):
    with pytest.raises(AssertionError):
        crash.reckon(World(numbers), producer_that_was_told(told))


def reckoned(numbers, told, seen=None, offsets=None):
    """One producer and one partition that holds these numbers."""
    values = [workload.value_of("run", 0, number, 40) for number in numbers]
    offsets = offsets or range(len(numbers))
    final = [{"offset": offset, "value": value} for offset, value in zip(offsets, values, strict=True)]
    producer = types.SimpleNamespace(who=0, sent=len(told), acknowledged={n: (0, o) for n, o in enumerate(told)})
    given = {(0, record["offset"]): record["value"] for record in final} if seen is None else seen
    return workload.reckon("run", [producer], given, [final])


def test_workload_accepts_what_is_whole():
    assert not reckoned([0, 1, 2], [0, 1, 2])
    assert not reckoned([0, 1, 2], [0, None, 2])


@pytest.mark.parametrize(
    ("numbers", "told", "says"),
    (
        ([0, 1], [0, 1, 2], "acknowledged at"),
        ([0, 1], [0, 1, None], "acknowledged at"),
        ([0, 1, 1], [0, 1], "behind a later one"),
        ([0, 2, 1], [0, 2, 1], "behind a later one"),
        ([0, 1], [1, 0], "acknowledged at"),
        ([0, 1, 2], [0, 1], "nobody sent"),
    ),
    ids=("lost", "lost_without_offset", "doubled", "out_of_order", "elsewhere", "never_sent"),
)
def test_workload_finds(numbers, told, says):
    assert any(says in wrong for wrong in reckoned(numbers, told))


def test_workload_finds_a_hole_and_what_changed_after_it_was_read():
    assert any("is due" in wrong for wrong in reckoned([0, 1], [0, 2], offsets=[0, 2]))
    assert any("something else" in wrong for wrong in reckoned([0], [0], seen={(0, 0): b"other"}))
    assert any("something else" in wrong for wrong in reckoned([0], [0], seen={}))


def test_workload_knows_its_own_values_only():
    value = workload.value_of("run", 3, 17, 100)
    assert workload.read_value(value) == ("run", 3, 17)
    assert workload.read_value(value[:-1] + b"?") is None
    assert workload.read_value(b"x") is None


def test_replicas_that_differ_are_found():
    same = records.batch([(b"k", b"v")]) + records.batch([(b"k", b"w")], base_offset=1)
    other = records.batch([(b"k", b"v")]) + records.batch([(b"k", b"x")], base_offset=1)
    pair = [types.SimpleNamespace(id=0), types.SimpleNamespace(id=1)]
    replicas.must_agree(pair, "t", 0, [same, same])
    replicas.must_agree(pair, "t", 0, [same, same[:-3]])
    with pytest.raises(replicas.Diverged, match="batch of offset 1"):
        replicas.must_agree(pair, "t", 0, [same, other])


ALL = types.SimpleNamespace(fields=frozenset(("key", "value", "headers", "timestamp")))


@pytest.mark.parametrize("field", ("key", "value", "headers", "timestamp", "offset", "count"))
def test_comparison_of_messages_finds_a_wrong(field):
    got = [messages.Received(number, messages.message("s", number)) for number in range(3)]
    assert not messages.differences("s", 3, [0, 1, 2], got, ALL, ALL)
    if field == "count":
        got.pop()
    elif field == "offset":
        got[1] = messages.Received(7, got[1].message)
    else:
        other = messages.message("other", 9)
        changed = {"key": other.key, "value": other.value, "headers": (("z", b"z"),), "timestamp": 5}[field]
        fields = {**vars(got[1].message), field: changed}
        got[1] = messages.Received(1, messages.Message(**fields))
    assert messages.differences("s", 3, [0, 1, 2], got, ALL, ALL)


@pytest.mark.parametrize("codec", range(5))
def test_records_are_read_as_they_are_made(codec):
    sent = [(b"k", b"v", ((b"h", None),)), (None, b"w"), (b"x", None)]
    found = records.read(records.batch(sent, codec, base_offset=5))
    assert [(r["offset"], r["key"], r["value"]) for r in found] == [
        (5 + number, item[0], item[1]) for number, item in enumerate(sent)
    ]


def test_known_batch_of_the_protocol_page():
    known = bytes.fromhex(
        "000000000000000000000046ffffffff027a79b0760000000000010000018bcfe568000000018bcfe56805ffffffffffffffffff"
        "ffffffffff0000000218000000026b027602026802780e000a0201027700"
    )
    first, second = records.read(known)
    assert (first["key"], first["value"], first["headers"]) == (b"k", b"v", [(b"h", b"x")])
    assert (second["key"], second["value"], second["timestamp"]) == (None, b"w", 1700000000005)


RACE = """
#include <pthread.h>
static int shared;
static void *add(void *none) {
    for (int i = 0; i < 1000; i++)
        shared++;
    return none;
}
int main(void) {
    pthread_t other;
    pthread_create(&other, 0, add, 0);
    add(0);
    pthread_join(other, 0);
    return 0;
}
"""
BEYOND_THE_END = """
#include <stdlib.h>
int main(int count, char **words) {
    char *text = malloc(4);
    text[3 + count] = words[0][0];
    return text[0];
}
"""
OVERFLOW = """
int main(int count, char **words) {
    (void)words;
    return count + 0x7fffffff;
}
"""


def compiled(folder, sanitizer, program):
    built = str(folder / "wrong")
    argv = [environment.program("cc"), "-O0", f"-fsanitize={sanitizer}", "-x", "c", "-", "-o", built, "-pthread"]
    subprocess.run(argv, input=program.encode(), check=True, capture_output=True)
    return built


@pytest.mark.parametrize(
    ("sanitizer", "program", "says"),
    (
        ("thread", RACE, "WARNING: ThreadSanitizer: data race"),
        ("address,undefined", BEYOND_THE_END, "ERROR: AddressSanitizer: heap-buffer-overflow"),
    ),
    ids=("race", "beyond_the_end"),
)
def test_report_of_a_sanitizer_is_seen(tmp_path, sanitizer, program, says):
    built = compiled(tmp_path, sanitizer, program)
    for _ in range(2):
        assert not sanitizers.fresh()
        subprocess.run([built], env=sanitizers.settings(), check=False, capture_output=True)
        (report,) = sanitizers.fresh()
        assert says in report


def test_undefined_behaviour_is_a_complaint(tmp_path):
    process = Process("wrong", [compiled(tmp_path, "address,undefined", OVERFLOW)], str(tmp_path / "log"))
    process.start()
    process.wait_ended(20)
    (complaint,) = process.complaints()
    assert "runtime error: signed integer overflow" in complaint


# --- groups -----------------------------------------------------------------------------------------


def event(kind, t0, t1, **more):
    return {"kind": kind, "t0": t0, "t1": t1, **more}


def assigned(t0, t1, member, generation, partitions, given=b""):
    return event("assigned", t0, t1, member=member, generation=generation, partitions=partitions, given=given)


def commit(t0, t1, offset, result="ok", generation=1):
    told = {"member": "a", "generation": generation, "partition": 0, "offset": offset}
    return event("commit", t0, t1, result=result, **told)


def fetched(t0, t1, offset):
    return event("fetched", t0, t1, offsets={0: offset})


SOUND_GROUPS = {
    "shared": [assigned(1, 2, "a", 1, [0]), assigned(1, 2, "b", 1, [1]), assigned(3, 4, "b", 2, [0])],
    "as dealt": [event("dealt", 0, None, member="a", generation=1, given={"b": b"x"}), assigned(1, 2, "b", 1, [], b"x")],
    "commit of an older generation begun before": [assigned(1, 5, "b", 2, [0]), commit(4, 6, 1)],
    "refused commit of an older generation": [assigned(1, 2, "b", 2, [0]), commit(3, 4, 1, "fail")],
    "read as committed": [commit(1, 2, 1), fetched(3, 4, 1), commit(5, 6, 2), fetched(7, 8, 2)],
    "read while it is committed": [commit(1, 2, 1), commit(3, 9, 2), fetched(4, 5, 1), fetched(4, 5, 2)],
    "none before the first": [fetched(0, 3, -1), commit(1, 2, 1)],
    "a doubtful one comes true": [commit(1, None, 1, "info"), commit(2, 3, 2), fetched(4, 5, 1)],
    "a doubtful one never does": [commit(1, 2, 1), commit(3, None, 2, "info"), fetched(4, 5, 1)],
}


@pytest.mark.parametrize("events", SOUND_GROUPS.values(), ids=SOUND_GROUPS)
def test_history_of_a_group_is_accepted(events):
    assert group_history.check(events) == []


WRONG_GROUPS = {
    "two owners": ([assigned(1, 2, "a", 1, [0]), assigned(1, 2, "b", 1, [0])], "belongs to"),
    "not as dealt": (
        [event("dealt", 0, None, member="a", generation=1, given={"b": b"x"}), assigned(1, 2, "b", 1, [], b"y")],
        "nobody dealt",
    ),
    "dealt in another generation": (
        [event("dealt", 0, None, member="a", generation=1, given={"b": b"x"}), assigned(1, 2, "b", 2, [], b"x")],
        "nobody dealt",
    ),
    "generation back": ([assigned(1, 2, "a", 2, [0]), assigned(3, 4, "b", 1, [1])], "after one in 2"),
    "not fenced": ([assigned(1, 2, "b", 2, [0]), commit(3, 4, 1)], "begun after generation 2"),
    "lost": ([commit(1, 2, 1), fetched(3, 4, -1)], "has no offset"),
    "back": ([commit(1, 2, 1), commit(3, 4, 2), fetched(5, 6, 1)], "went back"),
    "back after it was read": (
        [commit(1, 2, 1), commit(3, None, 2, "info"), fetched(4, 5, 2), fetched(6, 7, 1)],
        "went back",
    ),
    "never committed": ([commit(1, 2, 1), fetched(3, 4, 7)], "nobody committed"),
    "refused and there": ([commit(1, 2, 1, "fail"), fetched(3, 4, 1)], "nobody committed"),
    "there before it was committed": ([fetched(1, 2, 1), commit(3, 4, 1)], "nobody committed"),
}


@pytest.mark.parametrize(("events", "wrong"), WRONG_GROUPS.values(), ids=WRONG_GROUPS)
def test_history_of_a_group_is_wrong(events, wrong):
    (found,) = group_history.check(events)
    assert wrong in found
