#!/usr/bin/env bash
# Runs the tests of Barnabas on a Debian 12, installing first what is missing.
#
#   scripts/test.sh                    everything: unit style sanitize cluster, within half an hour on two cores
#   scripts/test.sh unit               `make check` of a plain build: unit tests, fuzz seeds, checks of the tree
#   scripts/test.sh style              format of the tree
#   scripts/test.sh sanitize           `make check` under AddressSanitizer and UBSan
#   scripts/test.sh tsan               `make check` under ThreadSanitizer (not part of everything)
#   scripts/test.sh cluster            real ZooKeeper, broker and clients (tests/cluster, pytest)
#   scripts/test.sh quick              unit and style
#
# Options, with any of them:
#   -k EXPRESSION      of the cluster tests only those whose names match (pytest's -k)
#   --broker MAKE      make of the broker under the cluster tests: barnabas (default) or kafka
#   --sanitized        cluster tests against the broker of the sanitizer build (AddressSanitizer and UBSan)
#   --sanitized=thread the same with ThreadSanitizer; either takes up to an hour
#   --no-install       install nothing; say what is missing
#
# The last line is `N passed, M failed` with `, K skipped` where tests were skipped; the reasons stand above
# it. Exit status 0 means that nothing failed and something passed.
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
# shellcheck source=scripts/lib/packages.sh
. scripts/lib/packages.sh

build=${BARNABAS_TEST_BUILD:-$top/build-test}
venv=$build/venv
jobs=$(nproc)
passed=0 failed=0 skipped=0
started=$SECONDS

# Seconds that a build and each kind may take, and all of it together: on two cores of its own each takes a
# fraction of its share; what a busy machine needs more ends with the whole.
share_build=600 share_unit=420 share_sanitize=600 share_tsan=900 share_cluster=1200
share_all=1740 share_sanitized=3600

usage() {
    sed -n '2,/^set -u/p' "$0" | sed -n 's/^# \{0,1\}//p'
}

say() {
    printf '== [%4ss] %s\n' $((SECONDS - started)) "$*"
}

count() { # passed failed skipped
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

fail() { # text: one thing went wrong that is no test of its own
    echo "FAILED: $*"
    count 0 1 0
}

# At most SECONDS, at least one, and not beyond the end of the whole.
within() { # seconds
    local left=$((share_all - (SECONDS - started)))
    [ $left -lt "$1" ] || left=$1
    [ $left -gt 0 ] || left=1
    echo $left
}

# step SECONDS LOG COMMAND...: runs with a time limit, output to the log; shows the log's end on failure.
step() {
    local seconds log=$2 rc
    seconds=$(within "$1")
    shift 2
    timeout --kill-after=20 "$seconds" "$@" >"$log" 2>&1 </dev/null
    rc=$?
    if [ $rc -ne 0 ]; then
        tail -n 40 "$log"
        [ $rc -ne 124 ] || echo "stopped after $seconds s, its share of the time: $*"
    fi
    return $rc
}

# --- arguments ------------------------------------------------------------------------------------------

kinds="" expression="" broker="" sanitized="" install=yes
while [ $# -gt 0 ]; do
    case $1 in
    unit | style | sanitize | tsan | cluster) kinds="$kinds $1" ;;
    quick) kinds="$kinds unit style" ;;
    all) kinds="$kinds unit style sanitize cluster" ;;
    -k | --broker)
        [ $# -ge 2 ] || { echo "$1 needs a value" >&2; exit 2; }
        if [ "$1" = -k ]; then expression=$2; else broker=$2; fi
        shift
        ;;
    --sanitized | --sanitized=address) sanitized=address,undefined ;;
    --sanitized=thread) sanitized=thread ;;
    --no-install) install=no ;;
    -h | --help) usage; exit 0 ;;
    *)
        echo "unknown argument: $1" >&2
        usage >&2
        exit 2
        ;;
    esac
    shift
done
[ -n "$kinds" ] || kinds="unit style sanitize cluster"
case "$broker" in "" | barnabas | kafka) ;; *) echo "--broker is barnabas or kafka, not $broker" >&2; exit 2 ;; esac

wants() {
    case " $kinds " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}

# --- what is needed -------------------------------------------------------------------------------------

# Node and Go often come from elsewhere than from Debian.
packages_of_programs() {
    command -v node >/dev/null 2>&1 || echo nodejs
    command -v npm >/dev/null 2>&1 || echo npm
    command -v go >/dev/null 2>&1 || echo golang-go
}

prepare_packages() {
    local need=$PACKAGES_BUILD
    [ $install = yes ] || return 0
    ! wants style || need="$need $PACKAGES_STYLE"
    ! wants cluster || need="$need $PACKAGES_ZOOKEEPER $PACKAGES_CLUSTER $(packages_of_programs)"
    # shellcheck disable=SC2086
    packages_install $need
}

prepare_python() {
    local wanted
    wanted=$(cat tests/cluster/requirements.txt)
    if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/installed" 2>/dev/null)" = "$wanted" ]; then
        return 0
    fi
    say "Python packages for the cluster tests, into $venv"
    rm -rf "$venv"
    mkdir -p "$build"
    step 60 "$build/venv.log" python3 -m venv "$venv" || return 1
    step 300 "$build/pip.log" "$venv/bin/pip" install --disable-pip-version-check -q \
        -r tests/cluster/requirements.txt || return 1
    printf '%s' "$wanted" >"$venv/installed"
}

# configure_and_make FOLDER CONFIGURE_OPTION...
configure_and_make() {
    local folder=$1
    shift
    mkdir -p "$folder"
    if [ ! -x configure ] || [ ! -f Makefile.in ] || [ configure.ac -nt configure ]; then
        say "autoreconf"
        step 180 "$folder/autoreconf.log" autoreconf -fi || return 1
    fi
    if [ ! -f "$folder/Makefile" ]; then
        say "configure $*"
        (cd "$folder" && step 180 configure.log "$top/configure" --enable-werror "$@") || return 1
    fi
    say "make in $folder"
    step $share_build "$folder/make.log" make -C "$folder" -j"$jobs" || return 1
}

# --- kinds ----------------------------------------------------------------------------------------------

# run_check NAME FOLDER SECONDS: `make check` and the count of its cases.
run_check() {
    local name=$1 folder=$2 seconds=$3 counts rc
    say "$name: make check"
    find "$folder" \( -name '*.trs' -o -name test-suite.log \) -delete
    step "$seconds" "$folder/check.log" make -C "$folder" -j"$jobs" -k check
    rc=$?
    counts=$(python3 scripts/lib/count_checks.py "$folder" "$name")
    sed '$d' <<<"$counts"
    counts=$(tail -n 1 <<<"$counts")
    say "$name: $counts (passed failed skipped)"
    # shellcheck disable=SC2086
    count $counts
    if [ $rc -ne 0 ] && [ "$(cut -d' ' -f2 <<<"$counts")" = 0 ]; then
        fail "$name: make check ended with status $rc"
    fi
}

# run_script NAME COMMAND...: a check that answers by its exit status, 77 for skipped.
run_script() {
    local name=$1 output
    shift
    output=$("$@" 2>&1 </dev/null)
    case $? in
    0) echo "$output"; count 1 0 0 ;;
    77) echo "SKIPPED: $name: $output"; count 0 0 1 ;;
    *) echo "$output"; fail "$name: $*" ;;
    esac
}

run_unit() {
    configure_and_make "$build" || { fail "the build"; return; }
    run_check unit "$build" $share_unit
    run_script unit scripts/check-dist.sh "$build"
    run_script unit make -C "$build" -j "$jobs" bench
}

run_sanitize() { # name, sanitizers, seconds
    local folder=$build-$1
    configure_and_make "$folder" --enable-sanitizers="$2" || { fail "the build with $2"; return; }
    ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1} \
        run_check "$1" "$folder" "$3"
}

run_style() {
    say "style: format of the tree"
    run_script style scripts/check-format.sh
    python3 scripts/check-functions.py || true
}

run_cluster() {
    local make=$broker folder=$build rc seconds options=()
    if [ -z "$make" ]; then
        make=barnabas
        if [ ! -f src/server/main.c ]; then
            make=kafka
            say "this tree has no broker program: the cluster tests run against Kafka"
        fi
    fi
    if [ "$make" = barnabas ]; then
        case $sanitized in
        "") configure_and_make "$folder" ;;
        thread)
            # ThreadSanitizer does not see librdkafka's threads begin: the tools come from the plain build.
            folder=$build-tsan
            export BARNABAS_TOOL=$build/barnabas
            configure_and_make "$build" && configure_and_make "$folder" --enable-sanitizers=thread
            ;;
        *)
            folder=$build-sanitize
            configure_and_make "$folder" --enable-sanitizers="$sanitized"
            ;;
        esac || { fail "the build"; return; }
    fi
    prepare_python || { fail "cluster: the Python packages could not be installed"; return; }
    scripts/fetch-test-jars.sh || say "some jars could not be had; what needs them is skipped"
    scripts/fetch-test-clients.sh || say "some clients could not be had; what needs them is skipped"
    [ -z "$expression" ] || options+=(-k "$expression")
    say "cluster: pytest against $make"
    rm -f "$build/cluster.xml"
    if [ -n "$sanitized" ]; then
        share_cluster=$share_sanitized
        share_all=$((SECONDS - started + share_sanitized))
    fi
    seconds=$(within $share_cluster)
    # Files side by side, one more than there are cores: tests wait most of the time, but for sanitizers. The longest
    # come first (conftest.py).
    local workers=$((jobs + 1))
    [ -z "$sanitized" ] || workers=$jobs
    BARNABAS_BUILD=$folder timeout --kill-after=30 --signal=INT "$seconds" "$venv/bin/python" -m pytest \
        -p no:cacheprovider --broker "$make" --junitxml "$build/cluster.xml" -q -n "$workers" --dist loadfile \
        --no-loadscope-reorder "${options[@]}" tests/cluster \
        </dev/null
    rc=$?
    [ $rc -ne 5 ] || say "cluster: no test has such a name"
    case $rc in
    0 | 1 | 5) ;;
    *) fail "cluster: pytest ended with status $rc (124 and 2: its $seconds s were over)" ;;
    esac
    # shellcheck disable=SC2046
    [ ! -f "$build/cluster.xml" ] || count $(python3 scripts/lib/count_checks.py --junit "$build/cluster.xml")
}

# --- all of it ------------------------------------------------------------------------------------------

finish() {
    trap - INT TERM HUP
    say "done:$kinds"
    if [ $skipped -gt 0 ]; then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
    [ $failed -eq 0 ] && [ $passed -gt 0 ]
    exit $?
}

trap 'fail "stopped by a signal"; finish' INT TERM HUP
export HOME="${HOME:-$build}"
mkdir -p "$build"
prepare_packages || say "going on without the packages named above; what needs them fails or is skipped"
! wants unit || run_unit
! wants style || run_style
! wants sanitize || run_sanitize sanitize address,undefined $share_sanitize
! wants tsan || run_sanitize tsan thread $share_tsan
! wants cluster || run_cluster
finish
