# shellcheck shell=bash
# Kafka and the registry as jars from Maven Central, kept in .stack/cache for every stack of the checkout.

KAFKA_VERSION=4.3.1
LOG4J_VERSION=2.25.5
REGISTRY_VERSION=2.5.11.Final

KAFKA_JARS="$CACHE/kafka-$KAFKA_VERSION"
REGISTRY_JARS="$CACHE/registry-$REGISTRY_VERSION"

# Two scripts may come here at once: one fetches, the other waits; a directory appears whole or not at all.
jars_fetch() {
    [[ -d $KAFKA_JARS && -d $REGISTRY_JARS ]] && return
    (
        flock -w 900 8 || die "another script has been fetching jars for 15 minutes"
        [[ -d $KAFKA_JARS ]] || jars_fetch_kafka
        [[ -d $REGISTRY_JARS ]] || jars_fetch_registry
    ) 8>"$CACHE/jars.lock"
}

jars_fetch_kafka() {
    say "fetching Kafka $KAFKA_VERSION (54 MB, once)"
    local new="$CACHE/kafka.new"
    rm -rf "$new"
    mkdir -p "$new/jars"
    jars_kafka_pom >"$new/pom.xml"
    mvn -q -B -f "$new/pom.xml" dependency:copy-dependencies -DoutputDirectory="$new/jars" >&2 ||
        die "Maven could not fetch Kafka $KAFKA_VERSION: is Maven Central reachable?"
    mv "$new/jars" "$KAFKA_JARS"
    rm -rf "$new"
}

jars_kafka_pom() {
    cat <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>foldback.dev</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>$KAFKA_VERSION</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId>
      <version>$KAFKA_VERSION</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>$LOG4J_VERSION</version></dependency>
  </dependencies>
</project>
XML
}

jars_fetch_registry() {
    say "fetching Apicurio registry $REGISTRY_VERSION (140 MB, once)"
    local new="$CACHE/registry.new" artifact="io.apicurio:apicurio-registry-app:$REGISTRY_VERSION:tar.gz:all"
    rm -rf "$new"
    mkdir -p "$new/jars"
    (
        cd "$new"
        mvn -q -B dependency:get -Dartifact="$artifact" -Dtransitive=false &&
            mvn -q -B dependency:copy -Dartifact="$artifact" -DoutputDirectory="$new"
    ) >&2 || die "Maven could not fetch Apicurio registry $REGISTRY_VERSION: is Maven Central reachable?"
    tar -xzf "$new"/*.tar.gz -C "$new/jars"
    mv "$new/jars" "$REGISTRY_JARS"
    rm -rf "$new"
}
