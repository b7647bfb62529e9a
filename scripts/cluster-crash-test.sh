#!/usr/bin/env bash
# The cluster under random faults at length: three brokers under load are killed, stopped, paused, emptied and cut from
# ZooKeeper, one or all, drawn at random; after each round every acknowledged record must be at its offset, once, in
# order, and all replicas must hold the same bytes (tests/cluster/harness/workload.py).
#
#   scripts/cluster-crash-test.sh [ROUNDS] [pytest options]     (50 rounds unless said otherwise)
#
# Needs what scripts/test.sh cluster has set up. --seed N repeats a run's draws; it prints the seed it used, what each
# round did, and a summary. BARNABAS_KEEP=1 keeps logs and data of a run that passed, too.
set -u
cd "$(dirname "$0")/.." || exit 1
self=scripts/cluster-crash-test.sh
. scripts/lib/rounds.sh
run_rounds 50 test_cluster_rounds.py 180 "$@"
