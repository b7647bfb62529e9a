"""The row `compact`: a log most of which is superseded, from the moment it may be compacted until it is."""

import os
import time

from systems import environment  # noqa: F401 - its path leads to the harness
from harness import records, schema
from harness.wait import wait_until

TOPIC = "compacted"
RECORDS = 100  # in a batch
RECORD_BYTES = 1024
TURNS = 10  # of each key: nine of ten records are superseded
TOPIC_RESOURCE, SET = 2, 0

# One thread and its memory as by default; whether it looks every 15 s is not the question.
PROPERTIES = {"log.cleaner.backoff.ms": "100", "log.cleaner.threads": "1"}


def batches(keys):
    """Every key once; values that no codec would shrink."""
    value = os.urandom(RECORD_BYTES)
    return [
        records.batch([(b"key-%012d" % key, value) for key in range(first, first + RECORDS)], timestamp=1700000000000)
        for first in range(0, keys, RECORDS)
    ]


def fill(system, keys):
    made = batches(keys)
    with system.client() as client:
        for _ in range(TURNS):
            for batch in made:
                answer = client.produce(TOPIC, batch, acks=1)
                assert answer["error"] == 0, answer


def checkpoint(system):
    path = os.path.join(system.logs, "cleaner-offset-checkpoint")
    if not os.path.exists(path):
        return 0
    with open(path) as file:
        rows = [line.split() for line in file.read().splitlines()[2:]]
    return max((int(row[2]) for row in rows if row[:2] == [TOPIC, "0"]), default=0)


def sealed(system):
    """Bytes of all segments, and where the active one begins."""
    folder = system.partition_folder(TOPIC)
    names = sorted(name for name in os.listdir(folder) if name.endswith(".log"))
    return sum(os.path.getsize(os.path.join(folder, name)) for name in names), int(names[-1][:-4])


def let_clean(system):
    edits = [{"name": "min.cleanable.dirty.ratio", "config_operation": SET, "value": "0.01"}]
    resource = {"resource_type": TOPIC_RESOURCE, "resource_name": TOPIC, "configs": edits}
    with system.client() as client:
        answer = schema.ask(client, "IncrementalAlterConfigs", 1, resources=[resource], validate_only=False)
    assert answer["responses"][0]["error_code"] == 0, answer


def run_compact(system, sizes):
    system.configure(PROPERTIES)
    system.start()
    configs = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "1", "segment.bytes": str(100 << 20),
               "file.delete.delay.ms": "1000"}
    system.create_topic(TOPIC, 1, configs)
    fill(system, sizes.compact_records // TURNS)
    os.sync()
    before, active = sealed(system)
    peak, cpu = system.memory()["anonymous_mb"], system.cpu_s()
    begin = time.monotonic()
    let_clean(system)

    def done():
        nonlocal peak
        peak = max(peak, system.memory()["anonymous_mb"])
        return checkpoint(system) >= active

    wait_until(done, 600, f"{system.name} has compacted {before} bytes", poll_s=0.01)
    took = time.monotonic() - begin
    after, _ = sealed(system)
    return {
        "seconds": took,
        "cpu_s": system.cpu_s() - cpu,
        "mb_per_s": before / 1e6 / took,
        "peak_anonymous_mb": peak,
        "left": after / before,
    }
