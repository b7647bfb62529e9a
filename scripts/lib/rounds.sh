# What scripts/crash-test.sh, scripts/cluster-crash-test.sh and scripts/group-crash-test.sh share; sourced by them. The caller names itself in $self.

# run_rounds USUAL TEST SECONDS_PER_ROUND [ROUNDS] [pytest options]
run_rounds() {
    local rounds=$1 test=$2 seconds=$3 build
    shift 3
    case "${1:-}" in
    '' | -*) ;;
    *[!0-9]*)
        echo "usage: $self [ROUNDS] [pytest options]" >&2
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
    exec "$build/venv/bin/python" -m pytest -p no:cacheprovider "tests/cluster/$test" \
        --crash-rounds "$rounds" -o timeout=$((rounds * seconds + 600)) -s "$@"
}
