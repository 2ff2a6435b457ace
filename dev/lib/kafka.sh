# shellcheck shell=bash
# One Kafka node in KRaft mode, without any security, on loopback.

KAFKA_PARTITIONS=8

# The classes that a broker loads, ready to be mapped.
KAFKA_CLASSES="$KAFKA_JARS/classes.jsa"

kafka_java() {
    java -Xmx256m -XX:+UseSerialGC -Dlog4j2.configurationFile="$STACK_DIR/kafka-log4j2.properties" \
        -cp "$KAFKA_JARS/*" "$@"
}

kafka_broker() { echo "127.0.0.1:$(port_recorded kafka)"; }

# kafka_start [JAVA-OPTION…]
kafka_start() {
    local directory="$STACK_DIR/kafka"
    process_runs kafka "$directory" && return
    mkdir -p "$directory"
    kafka_log4j >"$STACK_DIR/kafka-log4j2.properties"
    kafka_properties "$(port_of kafka)" "$(port_of kafka-controller)" >"$STACK_DIR/kafka.properties"
    [[ -f $directory/meta.properties ]] || kafka_format
    process_start kafka "$directory" java -Xmx512m -Xms256m "$@" \
        -Dlog4j2.configurationFile="$STACK_DIR/kafka-log4j2.properties" -cp "$KAFKA_JARS/*" \
        kafka.Kafka "$STACK_DIR/kafka.properties"
    touch "$STACK_DIR/kafka.fresh"
}

kafka_format() {
    local id
    id=$(kafka_java kafka.tools.StorageTool random-uuid 2>/dev/null)
    kafka_java kafka.tools.StorageTool format --config "$STACK_DIR/kafka.properties" --cluster-id "$id" \
        >"$STACK_DIR/kafka-format.log" 2>&1 || die "Kafka could not format its directory: $STACK_DIR/kafka-format.log"
}

# A topic can be made only once the broker really works, so that is the check.
kafka_await() {
    local directory="$STACK_DIR/kafka" log="$STACK_DIR/kafka.log"
    process_await kafka "$directory" 60 "$log" port_answers "$(port_recorded kafka)"
    [[ -e $STACK_DIR/kafka.fresh ]] || return 0
    process_await kafka "$directory" 60 "$log" kafka_topic provider-orders
    process_await kafka "$directory" 60 "$log" kafka_topic automation-runs
    rm "$STACK_DIR/kafka.fresh"
}

kafka_topic() {
    kafka_java org.apache.kafka.tools.TopicCommand --bootstrap-server "$(kafka_broker)" --create --if-not-exists \
        --topic "$1" --partitions "$KAFKA_PARTITIONS" --replication-factor 1 \
        --config retention.ms=-1 --config cleanup.policy=delete
}

# With them a broker starts in half of the processor time, and tests start brokers by the dozen. Made once, before
# the stack is up, whose addresses a restart might change.
kafka_archive_classes() {
    [[ ! -e $KAFKA_CLASSES ]] || return 0
    mkdir -p "$STACK_DIR"
    jars_fetch
    kafka_start "-XX:ArchiveClassesAtExit=$KAFKA_CLASSES.$$"
    kafka_await
    kafka_stop
    mv "$KAFKA_CLASSES.$$" "$KAFKA_CLASSES" || say "Java wrote no archive of Kafka's classes: going on without"
}

kafka_stop() { process_stop kafka "$STACK_DIR/kafka"; }

kafka_properties() {
    cat <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$2
listeners=PLAINTEXT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2
advertised.listeners=PLAINTEXT://127.0.0.1:$1
controller.listener.names=CONTROLLER
log.dirs=$STACK_DIR/kafka
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
group.initial.rebalance.delay.ms=0
PROPERTIES
}

kafka_log4j() {
    cat <<'PROPERTIES'
status=error
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %m (%c)%n
PROPERTIES
}
