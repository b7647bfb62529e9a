#!/usr/bin/env bash
# Runs the simulator at length (docs/simulator.md): many seeds, on as many processors as there are, each failing
# seed with its last events in a file of its own.
#
#   scripts/sim.sh [--build DIR] [--seeds N] [--from SEED] [--jobs N] [OPTION OF sim]...
#
# Default: 10000 seeds from 1 on, the simulator of build/ (a sanitizer build does as well). Exit status 0: nothing
# was found. The last line says how many seeds were run and which failed.
set -u
cd "$(dirname "$0")/.." || exit 1
build=build seeds=10000 from=1 jobs=$(nproc) batch=50
extra=()
while [ $# -gt 0 ]; do
    case $1 in
    --build | --seeds | --from | --jobs)
        [ $# -ge 2 ] || { echo "$1 needs a value" >&2; exit 2; }
        declare "${1#--}=$2"
        shift
        ;;
    -h | --help) sed -n '2,/^set -u/p' "$0" | sed -n 's/^# \{0,1\}//p'; exit 0 ;;
    *) extra+=("$1") ;;
    esac
    shift
done
sim=$build/tests/sim/sim
[ -x "$sim" ] || { echo "there is no $sim: make -C $build tests/sim/sim" >&2; exit 2; }
out=$(mktemp -d "${TMPDIR:-/tmp}/barnabas-sim.XXXXXX") || exit 1

# One batch: goes on behind a seed that failed.
run_batch() { # from to
    local seed=$1 to=$2 log
    while [ "$seed" -le "$to" ]; do
        log=$out/batch-$1
        "$sim" --seed "$seed" --seeds $((to - seed + 1)) "${extra[@]}" >"$log" 2>&1 && { rm -f "$log"; return 0; }
        local failed
        failed=$(sed -n 's/^seed \([0-9]*\) step.*/\1/p' "$log" | tail -n 1)
        [ -n "$failed" ] || { tail -n 3 "$log" >&2; return 1; }
        mv "$log" "$out/seed-$failed"
        tail -n 1 "$out/seed-$failed"
        seed=$((failed + 1))
    done
}

last=$((from + seeds - 1))
for ((at = from; at <= last; at += batch)); do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
        wait -n
    done
    to=$((at + batch - 1))
    run_batch "$at" $((to < last ? to : last)) &
done
wait
failed=$(find "$out" -name 'seed-*' -printf '%f\n' | sed 's/seed-//' | sort -n | tr '\n' ' ')
if [ -n "$failed" ]; then
    echo "$seeds seeds, failed: $failed(their events: $out)"
    exit 1
fi
rm -rf "$out"
echo "$seeds seeds: nothing found"
