#!/usr/bin/env bash
# Fetches the Java programs that the tests run beside Barnabas, with Maven: a whole Kafka 3.9.1, a Kafka 2.6 to
# upgrade from, and the Java clients of several years. Each set becomes one folder of jars:
#
#   ${BARNABAS_TEST_CACHE:-~/.cache/barnabas-test}/jars/<set>/*.jar
#
#   scripts/fetch-test-jars.sh            every set
#   scripts/fetch-test-jars.sh SET...     these sets
#   scripts/fetch-test-jars.sh --list     the names of the sets
#
# A set that is there already costs nothing. Exit status 1 says that some set could not be had; the tests
# that need it then skip and say so.
set -u
here=$(cd "$(dirname "$0")" && pwd)
cache=${BARNABAS_TEST_CACHE:-$HOME/.cache/barnabas-test}/jars

# Set name, then Maven coordinates. Of lines with one name the first that can be had wins.
sets() {
    cat <<'SETS'
kafka-3.9.1 org.apache.kafka:kafka_2.13:3.9.1 org.apache.kafka:kafka-tools:3.9.1 org.slf4j:slf4j-reload4j:1.7.36
kafka-2.6 org.apache.kafka:kafka_2.13:2.6.3 org.slf4j:slf4j-reload4j:1.7.36
kafka-2.6 org.apache.kafka:kafka_2.13:2.6.2 org.slf4j:slf4j-reload4j:1.7.36
clients-0.11 org.apache.kafka:kafka-clients:0.11.0.0
clients-2.8 org.apache.kafka:kafka-clients:2.8.2
clients-2.8 org.apache.kafka:kafka-clients:2.8.1
clients-3.9 org.apache.kafka:kafka-clients:3.9.1
clients-4 org.apache.kafka:kafka-clients:4.3.1
clients-4 org.apache.kafka:kafka-clients:4.1.1
clients-4 org.apache.kafka:kafka-clients:4.0.0
spring-2.2.7 org.springframework.kafka:spring-kafka:2.2.7.RELEASE
SETS
}

pom() { # coordinates...
    local c group artifact version
    echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    echo '<groupId>barnabas.tests</groupId><artifactId>jars</artifactId><version>1</version><dependencies>'
    for c in "$@"; do
        IFS=: read -r group artifact version <<<"$c"
        echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version></dependency>"
    done
    echo '</dependencies></project>'
}

fetch() { # set coordinates...
    local set=$1 work rc=0
    shift
    mkdir -p "$cache" || return 1
    work=$(mktemp -d "$cache/.fetching.XXXXXX") || return 1
    pom "$@" >"$work/pom.xml"
    if timeout "${BARNABAS_FETCH_SECONDS:-300}" mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$work/jars" </dev/null >"$work/log" 2>&1 &&
        ls "$work"/jars/*.jar >/dev/null 2>&1; then
        printf '%s\n' "$@" >"$work/jars/coordinates"
        rm -rf "${cache:?}/$set"
        mv "$work/jars" "$cache/$set" || rc=1
    else
        grep -m 3 ERROR "$work/log" >&2
        rc=1
    fi
    rm -rf "$work"
    return $rc
}

if [ "${1:-}" = --list ]; then
    sets | cut -d' ' -f1 | sort -u
    exit 0
fi
wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || mapfile -t wanted < <("$here/fetch-test-jars.sh" --list)

status=0
for set in "${wanted[@]}"; do
    if [ -f "$cache/$set/coordinates" ]; then
        continue
    fi
    if ! command -v mvn >/dev/null 2>&1; then
        echo "cannot fetch $set: there is no mvn (Debian package maven)" >&2
        status=1
        continue
    fi
    known=no
    got=no
    while read -r name coordinates; do
        [ "$name" = "$set" ] || continue
        known=yes
        echo "fetching $set: $coordinates"
        # shellcheck disable=SC2086
        if fetch "$set" $coordinates; then
            got=yes
            break
        fi
    done < <(sets)
    [ $known = yes ] || echo "there is no set called $set; see --list" >&2
    if [ $got = no ]; then
        echo "could not fetch $set; the tests that need it will be skipped" >&2
        status=1
    fi
done
exit $status
