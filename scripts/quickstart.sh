#!/usr/bin/env bash
# From nothing to messages: installs what is missing on a Debian 12, builds, starts a ZooKeeper server and
# three brokers, creates a topic that all three keep, sends messages and reads them back. Run again it takes seconds.
#
#   scripts/quickstart.sh          start (or use what is running) and send messages
#   scripts/quickstart.sh kill 2   end broker 2 without a warning (kill -9): the others take over what it led
#   scripts/quickstart.sh status   what is running, and where its logs are
#   scripts/quickstart.sh stop     stop the brokers and ZooKeeper; the data stays
#   scripts/quickstart.sh clean    stop and remove the data
#
# Environment: BARNABAS_QUICKSTART_DIR (default ./quickstart-data), BARNABAS_ZOOKEEPER_PORT (2181),
# BARNABAS_PORT (9092: broker 1; the others listen on the two ports after it), BARNABAS_BUILD (./build).
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
# shellcheck source=scripts/lib/packages.sh
. scripts/lib/packages.sh
# shellcheck source=scripts/lib/zookeeper.sh
. scripts/lib/zookeeper.sh

data=${BARNABAS_QUICKSTART_DIR:-$top/quickstart-data}
zk_port=${BARNABAS_ZOOKEEPER_PORT:-2181}
port=${BARNABAS_PORT:-9092}
build=${BARNABAS_BUILD:-$top/build}
hint=${build#"$top/"}/barnabas # as one would type it
topic=quickstart
brokers="1 2 3"

say() { printf '\n== %s\n' "$*"; }
die() {
    printf '\nquickstart: %s\n' "$*" >&2
    exit 1
}

# A process of ours: its pid file names it, and it is still that program.
running() { # name pattern
    local pid
    pid=$(cat "$data/$1.pid" 2>/dev/null) || return 1
    [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "$2"
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# ZooKeeper opens its port some time before it serves.
zookeeper_serves() { [ "$(zookeeper_word "$1" ruok)" = imok ]; }

port_of() { echo $((port + $1 - 1)); } # number of a broker

servers() {
    local n list=""
    for n in $brokers; do list=$list,127.0.0.1:$(port_of "$n"); done
    printf '%s' "${list#,}"
}

# What runs already keeps its port; what is to be started needs one that is free. Asked before anything is
# installed or built, so that nobody waits for minutes to hear it.
check_port() { # name pattern port variable value-for-what-runs value-for-another
    local has
    has=$(cat "$data/$1.port" 2>/dev/null)
    if running "$1" "$2"; then
        [ "$has" = "$3" ] || die "$1 is running already, on port $has and not $3. \
To move it: scripts/quickstart.sh stop, then start again. To use it: $4=$((has - $3 + $5)) scripts/quickstart.sh"
    elif port_answers "$3"; then
        die "port $3, which $1 would use, is taken by another program. \
Stop that one, or choose another port: $4=$6 scripts/quickstart.sh"
    fi
}

is_port() { # word highest
    case $1 in "" | *[!0-9]* | ??????*) return 1 ;; esac
    [ "$1" -ge 1 ] && [ "$1" -le "$2" ]
}

check_ports() {
    local n other=$((port < 50000 ? port + 10000 : port - 10000))
    [ "$zk_port" -lt "$port" ] || [ "$zk_port" -gt "$(port_of 3)" ] ||
        die "port $zk_port is meant for ZooKeeper and for a broker: brokers use $port to $(port_of 3). \
Choose another one: BARNABAS_PORT=$other scripts/quickstart.sh"
    check_port zookeeper QuorumPeerMain "$zk_port" BARNABAS_ZOOKEEPER_PORT "$zk_port" \
        $((zk_port < 50000 ? zk_port + 10000 : zk_port - 10000))
    for n in $brokers; do
        check_port "broker-$n" barnabas-server "$(port_of "$n")" BARNABAS_PORT "$port" "$other"
    done
}

# A quickstart of before had one broker, number 1: broker 1 it is, with its data.
adopt_the_one_broker() {
    local kind
    for kind in pid port log; do
        [ ! -e "$data/broker.$kind" ] || mv "$data/broker.$kind" "$data/broker-1.$kind"
    done
}

# It knew of no others, so it is started anew.
move_the_one_log() {
    [ -d "$data/logs" ] && [ ! -e "$data/logs-1" ] || return 0
    echo "the one broker of an earlier quickstart becomes broker 1 of three, with its data"
    stop_one broker-1 barnabas-server
    mv "$data/logs" "$data/logs-1" || die "$data/logs cannot be moved to $data/logs-1"
}

# Starts a process that outlives this script and its terminal, and waits until it answers on its port.
start_one() { # name port what answers command...
    local name=$1 at=$2 what=$3 answers=$4 log=$data/$1.log
    shift 4
    setsid "$@" >"$log" 2>&1 </dev/null &
    echo $! >"$data/$name.pid"
    echo "$at" >"$data/$name.port"
    for _ in $(seq 600); do
        if ! kill -0 "$(cat "$data/$name.pid")" 2>/dev/null; then
            tail -n 20 "$log" >&2
            rm -f "$data/$name.pid"
            die "$what ended at once; what it said stands above, all of it in $log"
        fi
        if "$answers" "$at"; then
            echo "$what answers on port $at"
            return
        fi
        sleep 0.1
    done
    tail -n 20 "$log" >&2
    die "$what does not answer on port $at after a minute; its log is $log"
}

start_zookeeper() {
    if running zookeeper QuorumPeerMain; then
        echo "ZooKeeper is running already (port $zk_port)"
        return
    fi
    mkdir -p "$data/zookeeper"
    cat >"$data/zoo.cfg" <<CFG
tickTime=2000
dataDir=$data/zookeeper
clientPort=$zk_port
clientPortAddress=127.0.0.1
admin.enableServer=false
4lw.commands.whitelist=*
CFG
    start_one zookeeper "$zk_port" ZooKeeper zookeeper_serves java -Xmx256m -cp "$(zookeeper_classpath)" \
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn org.apache.zookeeper.server.quorum.QuorumPeerMain "$data/zoo.cfg"
}

# What the three have in common stands in conf/cluster.properties.
start_broker() { # number
    local at
    at=$(port_of "$1")
    if running "broker-$1" barnabas-server; then
        echo "broker $1 is running already (port $at)"
        return
    fi
    start_one "broker-$1" "$at" "broker $1" port_answers "$build/barnabas-server" "$top/conf/cluster.properties" \
        --override "broker.id=$1" --override "listeners=PLAINTEXT://127.0.0.1:$at" \
        --override "log.dirs=$data/logs-$1" --override "zookeeper.connect=127.0.0.1:$zk_port"
}

# Until "$@" succeeds; 1 after half a minute.
wait_until() {
    for _ in $(seq 150); do
        if "$@"; then return 0; fi
        sleep 0.2
    done
    return 1
}

all_brokers_answer() {
    [ "$("$build/barnabas" api-versions --bootstrap-server "$(servers)" 2>/dev/null | grep -c ' (id: [1-3] ')" = 3 ]
}

all_in_sync() {
    local behind
    behind=$("$build/barnabas" topics --bootstrap-server "$(servers)" --describe --topic $topic \
        --under-replicated-partitions) && [ -z "$behind" ]
}

stop_one() { # name pattern
    local pid
    if running "$1" "$2"; then
        pid=$(cat "$data/$1.pid")
        kill "$pid" || die "$1 (process $pid) cannot be stopped by this user"
        for _ in $(seq 600); do
            running "$1" "$2" || break
            sleep 0.1
        done
        running "$1" "$2" && die "$1 (process $pid) does not stop; its log is $data/$1.log"
        echo "$1 stopped"
    else
        echo "$1 is not running"
    fi
    rm -f "$data/$1.pid" "$data/$1.port"
}

show_status() { # name pattern
    if running "$1" "$2"; then
        echo "$1 runs on port $(cat "$data/$1.port"), process $(cat "$data/$1.pid")"
    else
        echo "$1 is not running"
    fi
}

# Only what this script has made: the folder may be one that holds other things, too.
remove_data() {
    rm -rf "$data"/{zookeeper,logs,logs-1,logs-2,logs-3}
    rm -f "$data"/{zoo.cfg,messages,replicas.json,build.log,zookeeper.log,broker-1.log,broker-2.log,broker-3.log}
    rmdir "$data" 2>/dev/null || [ ! -d "$data" ] || echo "$data holds files of others and stays"
}

# logged COMMAND...: output to the build log; its end is shown on failure.
logged() {
    "$@" >>"$log" 2>&1 </dev/null && return
    tail -n 25 "$log" >&2
    die "$1 failed; all that was said is in $log"
}

configure_here() { (cd "$build" && "$top/configure"); }

make_with_progress() {
    local files done_files=0 line
    files=$(make -n -C "$build" barnabas-server barnabas 2>/dev/null | grep -c 'echo "  CC ')
    make -C "$build" -j"$(nproc)" barnabas-server barnabas 2>&1 </dev/null | while IFS= read -r line; do
        printf '%s\n' "$line" >>"$log"
        case $line in
        "  CC "*)
            done_files=$((done_files + 1))
            progress_show "compiling $files files" "$done_files" "$files"
            ;;
        esac
    done
    [ "${PIPESTATUS[0]}" = 0 ]
}

install_packages() {
    # shellcheck disable=SC2086
    packages_install $PACKAGES_BUILD $PACKAGES_ZOOKEEPER
    case $? in
    0) ;;
    1) die "these packages are needed:$PACKAGES_FAILED" ;;
    esac
    command -v java >/dev/null 2>&1 || die "there is no java (Debian package default-jre-headless)"
    [ -e /usr/share/java/zookeeper.jar ] || die "there is no /usr/share/java/zookeeper.jar (Debian package zookeeper)"
}

build_all() {
    local log=$data/build.log
    mkdir -p "$build"
    : >"$log"
    if [ ! -x configure ] || [ configure.ac -nt configure ] || [ ! -f Makefile.in ]; then
        echo "autoreconf writes configure"
        logged autoreconf -fi
    fi
    if [ ! -f "$build/Makefile" ]; then
        echo "configure looks at this system"
        logged configure_here
    fi
    if ! make_with_progress; then
        progress_end
        grep -E -A3 'error|Error' "$log" | head -n 25 >&2
        die "the build failed; all that was said is in $log"
    fi
    progress_end
    echo "built: $build/barnabas-server and $build/barnabas"
}

# A topic of an earlier quickstart has one replica: the others get theirs, and its messages stay.
give_three_replicas() {
    local json=$data/replicas.json list="" n
    for n in $("$build/barnabas" topics --bootstrap-server "$(servers)" --describe --topic $topic |
        sed -n 's/.*\tPartition: \([0-9]*\)\t.*/\1/p'); do
        list="$list,{\"topic\":\"$topic\",\"partition\":$n,\"replicas\":[1,2,3]}"
    done
    printf '{"version":1,"partitions":[%s]}\n' "${list#,}" >"$json"
    "$build/barnabas" reassign --bootstrap-server "$(servers)" --reassignment-json-file "$json" --execute
}

make_topic() {
    local tool=$build/barnabas
    say "a topic, '$topic', of three partitions; every broker keeps all of them"
    "$tool" topics --bootstrap-server "$(servers)" --create --if-not-exists --topic $topic --partitions 3 \
        --replication-factor 3 --config min.insync.replicas=2 ||
        die "the topic could not be created; the brokers' logs are $data/broker-*.log"
    if "$tool" topics --bootstrap-server "$(servers)" --describe --topic $topic | grep -q 'ReplicationFactor: 1'; then
        give_three_replicas || die "the topic of an earlier quickstart could not be given to three brokers"
    fi
    wait_until all_in_sync || echo "not every replica is in sync yet; the brokers' logs are $data/broker-*.log"
    "$tool" topics --bootstrap-server "$(servers)" --describe --topic $topic
}

show_messages() {
    local tool=$build/barnabas
    say "sending three messages, each acknowledged by all replicas in sync"
    printf 'hello\nfrom barnabas\nat %s\n' "$(date +%T)" | tee "$data/messages"
    "$tool" produce --bootstrap-server "$(servers)" --topic $topic <"$data/messages" ||
        die "sending failed"
    say "reading everything that is in it"
    "$tool" consume --bootstrap-server "$(servers)" --topic $topic --from-beginning --timeout-ms 2000 ||
        die "reading failed"
}

# One command of ZooKeeper's own client, without what it says of itself.
zkcli() {
    echo "zkCli> $*"
    java -cp "$(zookeeper_classpath)" -Dorg.slf4j.simpleLogger.defaultLogLevel=error \
        org.apache.zookeeper.ZooKeeperMain -server "127.0.0.1:$zk_port" "$@" 2>/dev/null |
        grep -vE '^(Connecting|WATCHER|WatchedEvent|$)' || true
}

show_znodes() {
    say "the same in ZooKeeper, as its own client shows it: who is there, and who leads partition 0"
    zkcli ls /brokers/ids
    zkcli get /brokers/ids/1
    zkcli get /controller
    zkcli get /brokers/topics/$topic/partitions/0/state
}

kill_broker() { # number
    case " $brokers " in *" $1 "*) ;; *) die "which broker? scripts/quickstart.sh kill 1, 2 or 3" ;; esac
    running "broker-$1" barnabas-server || die "broker $1 is not running"
    port=$(($(cat "$data/broker-$1.port") - $1 + 1))
    kill -9 "$(cat "$data/broker-$1.pid")" || die "broker $1 cannot be killed by this user"
    rm -f "$data/broker-$1.pid" "$data/broker-$1.port"
    cat <<END
broker $1 is dead. Its port refuses, and within a second others lead what it led.
   look    $hint topics --bootstrap-server $(servers) --describe --topic $topic
   send    $hint produce --bootstrap-server $(servers) --topic $topic
           (goes on with two of three; with one, acks=all is refused: min.insync.replicas=2)
   again   scripts/quickstart.sh start     broker $1 fetches what it missed and is in sync again
END
}

is_port "$zk_port" 65535 || die "BARNABAS_ZOOKEEPER_PORT is '$zk_port', which is no port"
is_port "$port" 65533 || die "BARNABAS_PORT is '$port'; a number from 1 to 65533 is needed"
adopt_the_one_broker
case ${1:-start} in
start)
    mkdir -p "$data" || die "the folder $data cannot be made"
    check_ports
    say "packages and build"
    install_packages
    build_all
    say "ZooKeeper and three brokers"
    move_the_one_log
    start_zookeeper
    for n in $brokers; do start_broker "$n"; done
    wait_until all_brokers_answer || die "not all three brokers serve; their logs are $data/broker-*.log"
    make_topic
    show_messages
    show_znodes
    cat <<END

== That was it. It goes on running:
   send    $hint produce --bootstrap-server 127.0.0.1:$port --topic $topic
   read    $hint consume --bootstrap-server 127.0.0.1:$port --topic $topic --from-beginning
   look    $hint topics --bootstrap-server 127.0.0.1:$port --describe
   any Kafka client works with bootstrap.servers=$(servers)
   a failover by hand:
           scripts/quickstart.sh kill 2     then look: others lead what broker 2 led
           scripts/quickstart.sh start      it comes back and is in sync again
   stop    scripts/quickstart.sh stop       (clean: removes the data, too)
   logs    $data/broker-1.log, -2, -3
END
    ;;
kill) kill_broker "${2:-}" ;;
status)
    show_status zookeeper QuorumPeerMain
    for n in $brokers; do show_status "broker-$n" barnabas-server; done
    echo "data and logs: $data"
    ;;
stop | clean)
    for n in $brokers; do stop_one "broker-$n" barnabas-server; done
    stop_one zookeeper QuorumPeerMain
    [ "$1" = stop ] || remove_data
    ;;
*)
    sed -n '2,/^set -u/p' "$0" | sed -n 's/^# \{0,1\}//p'
    exit 1
    ;;
esac
