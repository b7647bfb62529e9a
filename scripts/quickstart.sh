#!/usr/bin/env bash
# From nothing to messages: installs what is missing on a Debian 12, builds, starts a ZooKeeper server and
# a broker, creates a topic, sends messages and reads them back. Run again it takes seconds.
#
#   scripts/quickstart.sh          start (or use what is running) and send messages
#   scripts/quickstart.sh status   what is running, and where its logs are
#   scripts/quickstart.sh stop     stop the broker and ZooKeeper; the data stays
#   scripts/quickstart.sh clean    stop and remove the data
#
# Environment: BARNABAS_QUICKSTART_DIR (default ./quickstart-data), BARNABAS_ZOOKEEPER_PORT (2181),
# BARNABAS_PORT (9092).
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
# shellcheck source=scripts/lib/packages.sh
. scripts/lib/packages.sh

data=${BARNABAS_QUICKSTART_DIR:-$top/quickstart-data}
zk_port=${BARNABAS_ZOOKEEPER_PORT:-2181}
port=${BARNABAS_PORT:-9092}
build=$top/build
topic=quickstart

say() { printf '\n== %s\n' "$*"; }
die() {
    printf '\nquickstart: %s\n' "$*" >&2
    exit 1
}

# A process of ours: its pid file names it, and it is still that program.
running() { # name
    local pid
    pid=$(cat "$data/$1.pid" 2>/dev/null) || return 1
    [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "$2"
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

wait_for_port() { # port pid-name log what
    local i
    for i in $(seq 300); do
        port_answers "$1" && return 0
        kill -0 "$(cat "$data/$2.pid")" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$3" >&2
    die "$4 did not start; its log is $3"
}

zk_classpath() {
    local jar path=/etc/zookeeper/conf
    for jar in /usr/share/java/{zookeeper,zookeeper-jute,slf4j-api,slf4j-simple,netty-all,netty-handler,netty-transport,netty-buffer,netty-common,netty-codec,netty-resolver,commons-cli,metrics-core,snappy-java,jline,audience-annotations,netty}.jar; do
        [ -e "$jar" ] && path=$path:$jar
    done
    printf '%s' "$path"
}

start_zookeeper() {
    if running zookeeper QuorumPeerMain; then
        echo "ZooKeeper is running already (port $zk_port)"
        return
    fi
    port_answers "$zk_port" && die "port $zk_port is taken by another program. If it is a ZooKeeper server of \
yours, stop it, or choose another port: BARNABAS_ZOOKEEPER_PORT=2182 scripts/quickstart.sh"
    mkdir -p "$data/zookeeper"
    cat >"$data/zoo.cfg" <<CFG
tickTime=2000
dataDir=$data/zookeeper
clientPort=$zk_port
clientPortAddress=127.0.0.1
admin.enableServer=false
4lw.commands.whitelist=*
CFG
    java -Xmx256m -cp "$(zk_classpath)" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
        org.apache.zookeeper.server.quorum.QuorumPeerMain "$data/zoo.cfg" >"$data/zookeeper.log" 2>&1 </dev/null &
    echo $! >"$data/zookeeper.pid"
    wait_for_port "$zk_port" zookeeper "$data/zookeeper.log" ZooKeeper
    echo "ZooKeeper answers on port $zk_port"
}

start_broker() {
    if running broker barnabas-server; then
        echo "the broker is running already (port $port)"
        return
    fi
    port_answers "$port" && die "port $port is taken by another program. Stop it, or choose another port: \
BARNABAS_PORT=9192 scripts/quickstart.sh"
    "$build/barnabas-server" "$top/conf/server.properties" --override broker.id=1 \
        --override "listeners=PLAINTEXT://127.0.0.1:$port" --override "log.dirs=$data/logs" \
        --override "zookeeper.connect=127.0.0.1:$zk_port" >"$data/broker.log" 2>&1 </dev/null &
    echo $! >"$data/broker.pid"
    wait_for_port "$port" broker "$data/broker.log" "the broker"
    echo "broker 1 answers on port $port"
}

stop_one() { # name pattern
    local i pid
    if running "$1" "$2"; then
        pid=$(cat "$data/$1.pid")
        kill "$pid"
        for i in $(seq 200); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -0 "$pid" 2>/dev/null && die "$1 (process $pid) does not stop"
        echo "$1 stopped"
    else
        echo "$1 is not running"
    fi
    rm -f "$data/$1.pid"
}

build_all() {
    # shellcheck disable=SC2086
    packages_install $PACKAGES_BUILD $PACKAGES_ZOOKEEPER ||
        die "these packages could not be installed:$PACKAGES_FAILED"
    mkdir -p "$build" "$data"
    [ -x configure ] || autoreconf -fi >"$data/build.log" 2>&1 || { tail "$data/build.log"; die "autoreconf failed"; }
    [ -f "$build/Makefile" ] || (cd "$build" && ../configure) >>"$data/build.log" 2>&1 ||
        { tail "$data/build.log"; die "configure failed; its log is $data/build.log"; }
    make -C "$build" -j"$(nproc)" barnabas-server barnabas >>"$data/build.log" 2>&1 ||
        { tail "$data/build.log"; die "the build failed; its log is $data/build.log"; }
}

show_messages() {
    local tool=$build/barnabas server=127.0.0.1:$port
    say "topic '$topic' with three partitions"
    "$tool" topics --bootstrap-server "$server" --create --if-not-exists --topic $topic --partitions 3 \
        --replication-factor 1 || die "the topic could not be created; the broker's log is $data/broker.log"
    "$tool" topics --bootstrap-server "$server" --describe --topic $topic
    say "sending three messages"
    printf 'hello\nfrom barnabas\nat %s\n' "$(date +%T)" | tee /dev/stderr |
        "$tool" produce --bootstrap-server "$server" --topic $topic || die "sending failed"
    say "reading everything that is in it"
    "$tool" consume --bootstrap-server "$server" --topic $topic --from-beginning --timeout-ms 2000 ||
        die "reading failed"
    say "the broker's registration, as zkCli shows it"
    java -cp "$(zk_classpath)" -Dorg.slf4j.simpleLogger.defaultLogLevel=error \
        org.apache.zookeeper.ZooKeeperMain -server "127.0.0.1:$zk_port" get -s /brokers/ids/1 2>/dev/null |
        grep -vE '^(Connecting|WATCHER|WatchedEvent|$)' || true
}

case ${1:-start} in
start)
    say "packages and build"
    build_all
    say "ZooKeeper and a broker"
    start_zookeeper
    start_broker
    show_messages
    cat <<END

== That was it. It goes on running:
   send    build/barnabas produce --bootstrap-server 127.0.0.1:$port --topic $topic
   read    build/barnabas consume --bootstrap-server 127.0.0.1:$port --topic $topic --from-beginning
   look    build/barnabas topics --bootstrap-server 127.0.0.1:$port --list
   any Kafka client works with bootstrap.servers=127.0.0.1:$port
   stop    scripts/quickstart.sh stop     (clean: removes the data, too)
   logs    $data/broker.log
END
    ;;
status)
    running zookeeper QuorumPeerMain && echo "ZooKeeper runs on port $zk_port" || echo "ZooKeeper is not running"
    running broker barnabas-server && echo "the broker runs on port $port" || echo "the broker is not running"
    echo "data and logs: $data"
    ;;
stop | clean)
    stop_one broker barnabas-server
    stop_one zookeeper QuorumPeerMain
    [ "$1" = stop ] || rm -rf "$data"
    ;;
*)
    sed -n '2,/^set -u/p' "$0" | sed -n 's/^# \{0,1\}//p'
    exit 1
    ;;
esac
