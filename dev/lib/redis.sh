# shellcheck shell=bash
# A Redis that keeps nothing on disk: foldback writes all of it again from Postgres.

redis_url() { echo "redis://127.0.0.1:$(port_recorded redis)/"; }

redis_start() {
    local directory="$STACK_DIR/redis" port
    process_runs redis "$directory" && return
    mkdir -p "$directory"
    port=$(port_of redis)
    process_start redis "$directory" redis-server --bind 127.0.0.1 --port "$port" --dir "$directory" \
        --save "" --appendonly no --daemonize no
}

redis_await() {
    process_await redis "$STACK_DIR/redis" 20 "$STACK_DIR/redis.log" redis_ping
}

redis_ping() { [[ $(redis-cli -h 127.0.0.1 -p "$(port_recorded redis)" ping) == PONG ]]; }

redis_stop() { process_stop redis "$STACK_DIR/redis"; }
