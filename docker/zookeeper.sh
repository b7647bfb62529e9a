#!/usr/bin/env bash
# One ZooKeeper server of an ensemble, in a container.
#
#   zookeeper-node serve      writes its configuration and runs it
#   zookeeper-node healthy    0 if it serves: alone or with a majority of its ensemble
#
# Environment: ZOOKEEPER_ID (1..), ZOOKEEPER_SERVERS (the names of all servers, in the order of their ids, with
# blanks between them; none: it runs alone), ZOOKEEPER_DATA (/var/lib/zookeeper), ZOOKEEPER_PORT (2181),
# ZOOKEEPER_HEAP (256m).
set -eu
lib=${ZOOKEEPER_LIB:-/usr/lib/barnabas/zookeeper.sh}
# shellcheck source=scripts/lib/zookeeper.sh
. "$lib"

data=${ZOOKEEPER_DATA:-/var/lib/zookeeper}
port=${ZOOKEEPER_PORT:-2181}

write_config() {
    local id=0 name
    cat <<CFG
tickTime=2000
initLimit=10
syncLimit=5
dataDir=$data
clientPort=$port
admin.enableServer=false
4lw.commands.whitelist=ruok,srvr,mntr
autopurge.snapRetainCount=3
autopurge.purgeInterval=24
CFG
    for name in ${ZOOKEEPER_SERVERS:-}; do
        id=$((id + 1))
        # A server may be written as name:2888:3888 where the ports are not these.
        case $name in *:*) ;; *) name=$name:2888:3888 ;; esac
        echo "server.$id=$name"
    done
}

case ${1:-serve} in
serve)
    mkdir -p "$data"
    write_config >"$data/zoo.cfg"
    [ -z "${ZOOKEEPER_SERVERS:-}" ] || echo "${ZOOKEEPER_ID:?the number of this server in ZOOKEEPER_SERVERS}" >"$data/myid"
    exec java "-Xmx${ZOOKEEPER_HEAP:-256m}" -cp "$(zookeeper_classpath)" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
        org.apache.zookeeper.server.quorum.QuorumPeerMain "$data/zoo.cfg"
    ;;
healthy)
    # A server without a majority answers this word, too, but not with a mode.
    case $(zookeeper_word "$port" srvr) in *Mode:*) exit 0 ;; esac
    echo "it does not serve"
    exit 1
    ;;
*)
    sed -n '2,/^set -eu/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2
    exit 2
    ;;
esac
