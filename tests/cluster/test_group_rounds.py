"""Rounds of random faults around a group's coordinator, under members that come, go and commit. A few here;
scripts/group-crash-test.sh runs many."""

import random
import time

import pytest

from harness.group_members import TOPIC, GroupLoad, coordinator_of
from harness.rounds import Round
from test_crash import rounds, seed_of

PARTITIONS = 6
USUAL = 2
# Of the short form, which is the same each time; the command draws anew.
USUAL_SEED = 733
MEMBERS_MOST = 5


class GroupRound(Round):
    """Steps that concern a group, beside those of any cluster."""

    def __init__(self, cluster, draw, say, load):
        super().__init__(cluster, draw, say)
        self.load = load

    def _coordinator(self):
        broker = coordinator_of(self.cluster.brokers, self.load.group, self.draw)
        return broker if broker is not None and broker.awake else None

    def kill_coordinator(self):
        broker = self._coordinator()
        if broker:
            broker.kill()
            return f"kill the coordinator {broker.id}"
        return None

    def kill_and_start_coordinator(self):
        broker = self._coordinator()
        if broker:
            broker.kill()
            broker.launch()
            return f"kill and start the coordinator {broker.id}"
        return None

    def pause_coordinator(self):
        broker = self._coordinator()
        if broker:
            broker.pause()
            return f"pause the coordinator {broker.id}"
        return None

    def stop_coordinator(self):
        broker = self._coordinator()
        if broker:
            broker.stop()
            return f"stop the coordinator {broker.id}"
        return None

    def enter(self):
        if len(self.load.members) == MEMBERS_MOST:
            return None
        self.load.enter()
        return "a member comes"

    def leave(self):
        return self._depart(True, "leaves")

    def vanish(self):
        return self._depart(False, "vanishes")

    def _depart(self, leaves, said):
        if len(self.load.members) == 1:
            return None
        member = self.draw.choice(self.load.members)
        self.load.depart(member, leaves)
        return f"member {member.who} {said}"

    STEPS = (
        (kill_coordinator, 5),
        (kill_and_start_coordinator, 5),
        (pause_coordinator, 4),
        (stop_coordinator, 2),
        (Round.kill, 1),
        (Round.kill_controller, 1),
        (Round.pause, 1),
        (Round.restart_zookeeper, 1),
        (Round.bring_back, 12),
        (enter, 3),
        (leave, 2),
        (vanish, 2),
    )


@pytest.mark.slow
def test_rounds_of_faults_of_coordinators(cluster, request):
    long = request.config.getoption("--crash-rounds") is not None
    seed = seed_of(request) if long or request.config.getoption("--seed") is not None else USUAL_SEED
    if cluster.brokers[0].kind == "kafka":
        pytest.skip("a killed Kafka ends when it is started before its session has expired")
    count, held, began = rounds(request, USUAL), 0, time.monotonic()
    cluster.create(TOPIC, PARTITIONS)

    def say(text):
        print(text, flush=True)

    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        say(f"round {number + 1} of {count}, seed {seed}:")
        with GroupLoad(cluster, f"round-{number}", PARTITIONS, seed=f"{seed} {number}") as load:
            GroupRound(cluster, draw, say, load).run(TOPIC, draw.randint(4, 9))
            cluster.heal()
            cluster.wait_whole([TOPIC, "__consumer_offsets"])
            load.progress()
            held += load.finish()
        say(f"  {time.strftime('%H:%M:%S', time.gmtime())} sound: {held} commits so far, {time.monotonic() - began:.0f} s")
    print(f"{count} rounds, {held} commits acknowledged and kept, {time.monotonic() - began:.0f} s, seed {seed}")
