#!/usr/bin/env bash
# The crash test at length: kills a broker with SIGKILL at random moments under an idempotent producer with
# acks=all, restarts it at once, and checks that every acknowledged record is there, once, at its offset.
#
#   scripts/crash-test.sh [ROUNDS] [pytest options]     (200 rounds unless said otherwise)
#
# Needs what scripts/test.sh cluster has set up. --seed N repeats a run's draws; it prints the seed it used.
set -u
cd "$(dirname "$0")/.." || exit 1
rounds=200
case "${1:-}" in
'' | -*) ;;
*[!0-9]*)
    echo "usage: scripts/crash-test.sh [ROUNDS] [pytest options]" >&2
    exit 2
    ;;
*)
    rounds=$1
    shift
    ;;
esac
build=${BARNABAS_TEST_BUILD:-$PWD/build-test}
if [ ! -x "$build/venv/bin/python" ]; then
    echo "the Python packages are not there yet; run scripts/test.sh cluster once" >&2
    exit 1
fi
export BARNABAS_BUILD=${BARNABAS_BUILD:-$build}
exec "$build/venv/bin/python" -m pytest -p no:cacheprovider tests/cluster/test_crash.py \
    --crash-rounds "$rounds" -o timeout=$((rounds * 60 + 600)) -s "$@"
