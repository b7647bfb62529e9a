# How ZooKeeper of the Debian package is run and asked. Sourced by scripts/quickstart.sh and docker/zookeeper.sh;
# needs bash.

# shellcheck shell=bash
# The package's jar names the jars it needs, but not what its command line client does.
zookeeper_classpath() {
    local jar path=/etc/zookeeper/conf
    for jar in /usr/share/java/{zookeeper,zookeeper-jute,slf4j-api,slf4j-simple,netty-all,netty-handler,netty-transport,netty-buffer,netty-common,netty-codec,netty-resolver,commons-cli,metrics-core,snappy-java,jline,audience-annotations,netty}.jar; do
        [ -e "$jar" ] && path=$path:$jar
    done
    printf '%s' "$path"
}

# The answer to one of its words of four letters, as ruok or srvr; empty if nobody answers.
zookeeper_word() { # port word
    (exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$1" && printf %s "$2" >&3 && timeout 5 cat <&3)
}
