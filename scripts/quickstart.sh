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
running() { # name pattern
    local pid
    pid=$(cat "$data/$1.pid" 2>/dev/null) || return 1
    [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "$2"
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# ZooKeeper opens its port some time before it serves.
zookeeper_serves() {
    local word
    word=$(exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$1" && printf ruok >&3 && timeout 5 cat <&3)
    [ "$word" = imok ]
}

# What runs already keeps its port; what is to be started needs one that is free. Asked before anything is
# installed or built, so that nobody waits for minutes to hear it.
check_port() { # name pattern port variable another
    local has
    has=$(cat "$data/$1.port" 2>/dev/null)
    if running "$1" "$2"; then
        [ "$has" = "$3" ] || die "$1 is running already, on port $has and not $3. \
To move it: scripts/quickstart.sh stop, then start again. To use it: $4=$has scripts/quickstart.sh"
    elif port_answers "$3"; then
        die "port $3, which $1 would use, is taken by another program. \
Stop that one, or choose another port: $4=$5 scripts/quickstart.sh"
    fi
}

check_ports() {
    [ "$zk_port" != "$port" ] || die "ZooKeeper and the broker cannot both use port $port"
    check_port zookeeper QuorumPeerMain "$zk_port" BARNABAS_ZOOKEEPER_PORT $((zk_port + 10000))
    check_port broker barnabas-server "$port" BARNABAS_PORT $((port + 10000))
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
    mkdir -p "$data/zookeeper"
    cat >"$data/zoo.cfg" <<CFG
tickTime=2000
dataDir=$data/zookeeper
clientPort=$zk_port
clientPortAddress=127.0.0.1
admin.enableServer=false
4lw.commands.whitelist=*
CFG
    start_one zookeeper "$zk_port" ZooKeeper zookeeper_serves java -Xmx256m -cp "$(zk_classpath)" \
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn org.apache.zookeeper.server.quorum.QuorumPeerMain "$data/zoo.cfg"
}

start_broker() {
    if running broker barnabas-server; then
        echo "the broker is running already (port $port)"
        return
    fi
    start_one broker "$port" "broker 1" port_answers "$build/barnabas-server" \
        "$top/conf/server.properties" --override broker.id=1 --override "listeners=PLAINTEXT://127.0.0.1:$port" \
        --override "log.dirs=$data/logs" --override "zookeeper.connect=127.0.0.1:$zk_port"
}

stop_one() { # name pattern
    local pid
    if running "$1" "$2"; then
        pid=$(cat "$data/$1.pid")
        kill "$pid" || die "$1 (process $pid) cannot be stopped by this user"
        for _ in $(seq 600); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -0 "$pid" 2>/dev/null && die "$1 (process $pid) does not stop; its log is $data/$1.log"
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
    rm -rf "$data/zookeeper" "$data/logs"
    rm -f "$data"/{zoo.cfg,messages,build.log,zookeeper.log,broker.log}
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

show_messages() {
    local tool=$build/barnabas server=127.0.0.1:$port
    say "a topic, '$topic', with three partitions"
    "$tool" topics --bootstrap-server "$server" --create --if-not-exists --topic $topic --partitions 3 \
        --replication-factor 1 || die "the topic could not be created; the broker's log is $data/broker.log"
    "$tool" topics --bootstrap-server "$server" --describe --topic $topic
    say "sending three messages"
    printf 'hello\nfrom barnabas\nat %s\n' "$(date +%T)" | tee "$data/messages"
    "$tool" produce --bootstrap-server "$server" --topic $topic <"$data/messages" || die "sending failed"
    say "reading everything that is in it"
    "$tool" consume --bootstrap-server "$server" --topic $topic --from-beginning --timeout-ms 2000 ||
        die "reading failed"
    say "the broker's registration, as ZooKeeper's own client shows it"
    java -cp "$(zk_classpath)" -Dorg.slf4j.simpleLogger.defaultLogLevel=error \
        org.apache.zookeeper.ZooKeeperMain -server "127.0.0.1:$zk_port" get -s /brokers/ids/1 2>/dev/null |
        grep -vE '^(Connecting|WATCHER|WatchedEvent|$)' || true
}

case ${1:-start} in
start)
    mkdir -p "$data" || die "the folder $data cannot be made"
    check_ports
    say "packages and build"
    install_packages
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
    show_status zookeeper QuorumPeerMain
    show_status broker barnabas-server
    echo "data and logs: $data"
    ;;
stop | clean)
    stop_one broker barnabas-server
    stop_one zookeeper QuorumPeerMain
    [ "$1" = stop ] || remove_data
    ;;
*)
    sed -n '2,/^set -u/p' "$0" | sed -n 's/^# \{0,1\}//p'
    exit 1
    ;;
esac
