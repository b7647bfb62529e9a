# Which Debian packages each kind of work needs, and how to get those that are missing.
# Sourced by scripts/test.sh, scripts/quickstart.sh and scripts/fetch-test-jars.sh; needs bash.

# What configure asks for, and the tools that run it.
PACKAGES_BUILD="autoconf automake libtool pkg-config gcc make python3 libzookeeper-mt-dev libevent-dev \
libzstd-dev libsnappy-dev zlib1g-dev liblz4-dev libssl-dev check libsubunit-dev libjansson-dev libisal-dev \
libjemalloc-dev librdkafka-dev"
# A ZooKeeper server to run beside the brokers.
PACKAGES_ZOOKEEPER="zookeeper default-jre-headless"
# What the cluster tests run: real clients, a Java compiler for the drivers, Maven for Kafka's own jars.
PACKAGES_CLUSTER="python3-venv kcat default-jdk-headless maven procps"
# What the checks of the source text run.
PACKAGES_STYLE="clang-format git"

packages_say() {
    printf '== %s\n' "$*"
}

# Whether a package is installed; its files count, not whether it was asked for by name.
packages_have() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Runs a command as root: as it is for root, through sudo for others.
packages_as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "this needs root and there is no sudo here: $*" >&2
        return 1
    fi
}

# packages_install NAME...: installs those that are missing. On failure it names each package that could
# not be had, leaves the names in PACKAGES_FAILED and returns 1.
packages_install() {
    local name missing="" log
    PACKAGES_FAILED=""
    if ! command -v dpkg-query >/dev/null 2>&1; then
        echo "this is not a Debian system; please install what corresponds to: $*" >&2
        PACKAGES_FAILED="$*"
        return 1
    fi
    for name in "$@"; do
        packages_have "$name" || missing="$missing $name"
    done
    [ -n "$missing" ] || return 0
    packages_say "installing missing packages:$missing"
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    packages_as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null >"$log" 2>&1 ||
        echo "the package lists could not be refreshed; going on with those that are here" >&2
    # shellcheck disable=SC2086
    if ! packages_as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends $missing </dev/null >>"$log" 2>&1; then
        # One bad name fails the whole call; ask one by one, so that the message names the culprit.
        for name in $missing; do
            packages_as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
                --no-install-recommends "$name" </dev/null >>"$log" 2>&1 ||
                PACKAGES_FAILED="$PACKAGES_FAILED $name"
        done
    fi
    if [ -n "$PACKAGES_FAILED" ]; then
        echo "these packages could not be installed:$PACKAGES_FAILED" >&2
        echo "the last words of apt-get:" >&2
        tail -n 15 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

# Debian starts a ZooKeeper of its own where systemd runs and the package zookeeperd is installed; the
# plain package `zookeeper` starts nothing, which is what we want.
