#!/usr/bin/env bash
# A consumer group under random faults at length: its coordinator is killed, stopped and paused, brokers and ZooKeeper with
# it, while members come, go and commit, drawn at random; after each round the history of what the members were given and
# what was committed must be sound (tests/cluster/harness/group_history.py).
#
#   scripts/group-crash-test.sh [ROUNDS] [pytest options]     (50 rounds unless said otherwise)
#
# Needs what scripts/test.sh cluster has set up. --seed N repeats a run's draws; it prints the seed it used, what each
# round did, and a summary. BARNABAS_KEEP=1 keeps logs and data of a run that passed, too.
set -u
cd "$(dirname "$0")/.." || exit 1
self=scripts/group-crash-test.sh
. scripts/lib/rounds.sh
run_rounds 50 test_group_rounds.py 180 "$@"
