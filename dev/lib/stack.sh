# shellcheck shell=bash
# A private set of the four servers: Kafka, registry, PostgreSQL and Redis.

for part in say place port process jars kafka registry postgres redis install; do
    # shellcheck source=/dev/null
    source "${BASH_SOURCE[0]%/*}/$part.sh"
done

STACK_PARTS=(kafka registry postgres redis)

# All four start side by side; each is waited for until it answers.
stack_up() {
    local part
    mkdir -p "$STACK_DIR"
    jars_fetch
    for part in "${STACK_PARTS[@]}"; do "${part}_start"; done
    for part in "${STACK_PARTS[@]}"; do "${part}_await"; done
    stack_env >"$STACK_DIR/env.new"
    mv "$STACK_DIR/env.new" "$STACK_DIR/env"
}

stack_down() {
    local part
    for part in "${STACK_PARTS[@]}"; do "${part}_stop"; done
}

stack_wipe() {
    stack_down
    postgres_wipe
    rm -rf "$STACK_DIR"
}

stack_runs() {
    process_runs kafka "$STACK_DIR/kafka" && process_runs registry "$STACK_DIR/registry" &&
        postgres_runs && process_runs redis "$STACK_DIR/redis"
}

stack_env() {
    local kafka registry postgres redis
    kafka=$(kafka_broker) registry=$(registry_url) postgres=$(postgres_url) redis=$(redis_url)
    cat <<ENV
# Addresses of stack $STACK_NAME, for: source this file
export FOLDBACK__KAFKA__BROKERS=$kafka
export FOLDBACK__SCHEMA_REGISTRY__URL=$registry
export FOLDBACK__POSTGRES__URL=$postgres
export FOLDBACK__REDIS__URL=$redis
export FOLDBACK_TEST_KAFKA=$kafka
export FOLDBACK_TEST_REGISTRY=$registry
export FOLDBACK_TEST_POSTGRES=$postgres
export FOLDBACK_TEST_REDIS=$redis
ENV
}

stack_status() {
    local part state all=0
    for part in "${STACK_PARTS[@]}"; do
        state=up
        case $part in
            postgres) postgres_runs || state=down ;;
            *) process_runs "$part" "$STACK_DIR/$part" || state=down ;;
        esac
        [[ $state == up ]] || all=1
        printf '%-9s %-5s %s\n' "$part" "$state" "$(stack_address "$part" "$state")"
    done
    return $all
}

stack_address() {
    [[ $2 == up ]] || return 0
    case $1 in
        kafka) kafka_broker ;;
        *) "$1_url" ;;
    esac
}
