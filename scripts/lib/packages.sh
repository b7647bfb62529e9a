# Which Debian packages each kind of work needs, and how to get those that are missing.
# Sourced by scripts/test.sh and scripts/quickstart.sh, from the top of the tree; needs bash.
# shellcheck source=scripts/lib/progress.sh
. scripts/lib/progress.sh

# What configure asks for, and the tools that run it.
PACKAGES_BUILD="autoconf automake gcc make python3 libc6-dev libzookeeper-mt-dev libevent-dev libzstd-dev \
libsnappy-dev zlib1g-dev liblz4-dev libxxhash-dev check libsubunit-dev libjansson-dev libisal-dev libjemalloc-dev librdkafka-dev"
# A ZooKeeper server to run beside the brokers; this package starts none by itself (zookeeperd would).
PACKAGES_ZOOKEEPER="zookeeper default-jre-headless"
# What the cluster tests run: real clients, a Java compiler for the drivers, Maven for Kafka's own jars.
PACKAGES_CLUSTER="python3-venv kcat default-jdk-headless maven procps"
# What the checks of the source text run.
PACKAGES_STYLE="clang-format git"

# The names that dpkg does not have as installed.
packages_missing() { # name...
    local name missing=""
    for name in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing="$missing $name"
    done
    printf '%s' "$missing"
}

# Whether we can act as root: as root, or through sudo, which asks here for its password.
packages_may_be_root() {
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -v; }
}

# apt-get as root. Its words about progress go to a descriptor of their own, opened here on its side of sudo,
# because apt closes that descriptor to the programs it starts.
packages_apt() { # apt-get arguments...
    local root=()
    [ "$(id -u)" = 0 ] || root=(sudo)
    # shellcheck disable=SC2016
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 sh -c 'exec apt-get "$@" 3>&1' apt-get -y -q \
        -o DPkg::Lock::Timeout=300 -o APT::Status-Fd=3 -o Dpkg::Use-Pty=0 "$@" </dev/null 2>&1
}

# Takes apt's words apart: those about progress are shown, the rest goes to the log.
packages_follow() { # log
    local line kind percent before=""
    while IFS= read -r line; do
        IFS=: read -r kind _ percent _ <<<"$line"
        case $kind in
        dlstatus | pmstatus)
            [ "$kind" = "$before" ] || progress_end
            before=$kind
            [ "$kind" = dlstatus ] && kind="downloading" || kind="installing"
            progress_show "$kind" "${percent%%.*}" 100
            ;;
        *) printf '%s\n' "$line" >>"$1" ;;
        esac
    done
    progress_end
}

packages_without() { # "these" of those...
    local these=" $1 " name
    shift
    for name in "$@"; do
        case $these in *" $name "*) ;; *) printf ' %s' "$name" ;; esac
    done
}

packages_get() { # log name...
    local log=$1
    shift
    packages_apt install --no-install-recommends "$@" | packages_follow "$log"
    return "${PIPESTATUS[0]}"
}

# packages_install NAME...: installs those that are missing, asking for root only then. On failure it says
# what could not be had and why, leaves the names in PACKAGES_FAILED and returns 1; on a system that is not
# Debian's it returns 2.
packages_install() {
    local name missing log status=0
    PACKAGES_FAILED=""
    if ! command -v dpkg-query >/dev/null 2>&1; then
        echo "this is not a Debian system; what corresponds to these packages is needed: $*"
        PACKAGES_FAILED=" $*"
        return 2
    fi
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    if ! packages_may_be_root; then
        PACKAGES_FAILED=$missing
        echo "packages are missing, and only root may install them: apt-get install$missing" >&2
        return 1
    fi
    echo "installing what is missing:$missing"
    log=$(mktemp)
    packages_apt update >"$log" || echo "the package lists could not be refreshed; going on with those that are here" >&2
    # shellcheck disable=SC2086
    if ! packages_get "$log" $missing; then
        # One name that cannot be had stops apt before it begins: the others are wanted all the same.
        for name in $missing; do
            packages_apt --simulate install "$name" >/dev/null || PACKAGES_FAILED="$PACKAGES_FAILED $name"
        done
        # shellcheck disable=SC2046
        [ "$PACKAGES_FAILED" = "$missing" ] || packages_get "$log" $(packages_without "$PACKAGES_FAILED" $missing)
    fi
    PACKAGES_FAILED=$(packages_missing "$@")
    if [ -n "$PACKAGES_FAILED" ]; then
        echo "these packages could not be installed:$PACKAGES_FAILED" >&2
        echo "the last words of apt-get:" >&2
        grep -vE '^$|^pm' "$log" | tail -n 15 >&2
        status=1
    fi
    rm -f "$log"
    return $status
}
