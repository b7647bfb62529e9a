#!/usr/bin/env bash
# The crash test at length: kills a broker with SIGKILL at random moments under an idempotent producer with
# acks=all, restarts it at once, and checks that every acknowledged record is there, once, at its offset.
#
#   scripts/crash-test.sh [ROUNDS] [pytest options]     (200 rounds unless said otherwise)
#
# Needs what scripts/test.sh cluster has set up. --seed N repeats a run's draws; it prints the seed it used.
set -u
cd "$(dirname "$0")/.." || exit 1
self=scripts/crash-test.sh
. scripts/lib/rounds.sh
run_rounds 200 test_crash.py 60 "$@"
