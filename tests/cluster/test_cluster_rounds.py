"""Rounds of random faults on three brokers under load. A few here; scripts/cluster-crash-test.sh runs many."""

import random
import time

import pytest

from harness.rounds import PARTITIONS, Round
from harness.workload import Workload
from test_crash import rounds, seed_of

USUAL = 3
# Of the short form, which is the same each time; the command (scripts/cluster-crash-test.sh) draws anew.
USUAL_SEED = 3196236853


@pytest.mark.slow
def test_rounds_of_random_faults(cluster, request):
    long = request.config.getoption("--crash-rounds") is not None
    seed = seed_of(request) if long or request.config.getoption("--seed") is not None else USUAL_SEED
    if cluster.brokers[0].kind == "kafka":
        pytest.skip("a killed Kafka ends when it is started before its session has expired")
    count, held, began = rounds(request, USUAL), 0, time.monotonic()

    def say(text):
        print(text, flush=True)

    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        topic = cluster.create(f"round-{number}", PARTITIONS)
        say(f"round {number + 1} of {count}, seed {seed}:")
        with Workload(cluster, topic, PARTITIONS, seed=f"{seed} {number}") as load:
            one = Round(cluster, draw, say)
            one.run(topic, draw.randint(3, 8))
            cluster.heal()
            cluster.wait_whole([topic])
            load.progress()
            held += load.finish()
        cluster.delete(topic)
        say(f"  {time.strftime('%H:%M:%S', time.gmtime())} sound: {held} records so far, {time.monotonic() - began:.0f} s")
    print(f"{count} rounds, {held} records acknowledged and found, {time.monotonic() - began:.0f} s, seed {seed}")
