# shellcheck shell=bash
# The demo's final check: log, Postgres, Redis, gauges and API must agree. Each row of the table is one quantity; a
# place that doesn't show it has "-".

sql() { postgres_psql -d foldback -At -c "$1"; }
redis_get() { redis-cli -h 127.0.0.1 -p "$(port_recorded redis)" --raw get "provider_automation:$1"; }
api() { foldback_get "/api/v1/fulfillment/providers/automation/$1"; }

# row WHAT LOG POSTGRES REDIS GAUGES API
row() {
    local what=$1 place first='' ok=yes
    shift
    for place in "$@"; do
        [[ $place != - ]] || continue
        [[ -n $place ]] || ok=NO
        first=${first:-$place}
        [[ $place == "$first" ]] || ok=NO
    done
    [[ $ok == yes ]] || DISAGREES=1
    printf '%-22s  %-12s  %-12s  %-12s  %-12s  %-12s  %s\n' "$what" "$@" "$ok"
}

# Prints the table and sets DISAGREES.
agreement_table() {
    # shellcheck disable=SC2034 # Read by dev/demo.
    DISAGREES=
    agreement_fetch
    row what log postgres redis gauges api | sed 's/NO$/ok/'
    agreement_of_records
    agreement_of_views
    agreement_of_backlog
    agreement_of_runs
}

# Everything is read first. Gauges and Redis must be of one publication: they are read again if another came between.
agreement_fetch() {
    local topic
    for topic in "${TOPICS[@]}"; do
        log_records "$topic" >"$STACK_DIR/$topic.records"
        sql "select partition || ':' || \"offset\" from foldback.dead_letters where topic = '$topic'" \
            >"$STACK_DIR/$topic.refused"
    done
    agreement_fetch_publication
    api backlog >"$STACK_DIR/api-backlog.json"
    api status >"$STACK_DIR/api-status.json"
    api snapshot >"$STACK_DIR/api-snapshot.json"
}

agreement_fetch_publication() {
    local version
    for _ in {1..50}; do
        redis_get backlog >"$STACK_DIR/redis-backlog.json"
        version=$(jq -r .meta.version "$STACK_DIR/redis-backlog.json")
        # The gauges follow Redis within a moment.
        sleep 0.1
        foldback_get /metrics >"$STACK_DIR/metrics"
        [[ $(redis_get backlog | jq -r .meta.version) != "$version" ]] || return 0
    done
}

# What is overdue depends on the time, so Postgres is queried as of the moment that the other place names.
overdue_as_of() {
    sql "select count(*) from foldback.replays
          where status = 'scheduled' and (scheduled_for is null or scheduled_for <= '$(jq -r .meta.asOf "$1")')"
}

agreement_of_records() {
    local orders runs history refused duplicates
    orders=$(wc -l <"$STACK_DIR/provider-orders.records")
    runs=$(wc -l <"$STACK_DIR/automation-runs.records")
    history=$(sql 'select count(*) from foldback.provider_order_events')
    refused=$(wc -l <"$STACK_DIR/provider-orders.refused")
    duplicates=$(metric_sum_of provider-orders duplicate)
    row "order records" "$orders" "$((history + refused + duplicates))" - \
        "$(metric_sum foldback_records_total 'topic="provider-orders"')" -
    row "  of these applied" - "$history" - "$(metric_sum_of provider-orders applied)" -
    row "run records" "$runs" - - "$(metric_sum foldback_records_total 'topic="automation-runs"')" -
    row "dead letters" - "$(sql 'select count(*) from foldback.dead_letters')" - \
        "$(metric_sum foldback_records_total 'outcome="dead_letter"')" -
    row "end of the log" "$(log_end)" "$(sql 'select sum(next_offset) from foldback.checkpoints')" - - -
    row "lag" 0 - - "$(metric_sum foldback_lag_records)" -
}

# metric_sum_of TOPIC OUTCOME: labels may be in any order.
metric_sum_of() {
    grep "^foldback_records_total{" "$STACK_DIR/metrics" | grep "topic=\"$1\"" | grep "outcome=\"$2\"" |
        awk '{ sum += $NF } END { printf "%.0f\n", sum }'
}

agreement_of_views() {
    local orders runs
    orders=$(log_keys "$STACK_DIR/provider-orders.records" "$STACK_DIR/provider-orders.refused")
    runs=$(log_keys "$STACK_DIR/automation-runs.records" "$STACK_DIR/automation-runs.refused")
    row "orders" "$orders" "$(sql 'select count(*) from foldback.provider_orders')" - - -
    row "  of these placed" - "$(sql 'select count(placed_at) from foldback.provider_orders')" - - \
        "$(jq -r .aggregated.totalOrders "$STACK_DIR/api-snapshot.json")"
    row "runs" "$runs" "$(sql 'select count(*) from foldback.automation_runs')" - - -
    row "generation" - "$(sql "select generation from foldback.generations where state = 'live'")" \
        "$(jq -r .meta.generation "$STACK_DIR/redis-backlog.json")" "$(metric_sum foldback_live_generation)" -
}

agreement_of_backlog() {
    local scheduled="status = 'scheduled'"
    row "backlog" - "$(sql "select count(*) from foldback.replays where $scheduled")" \
        "$(jq -r .scheduledBacklog "$STACK_DIR/redis-backlog.json")" \
        "$(metric_sum provider_automation_replay_backlog)" \
        "$(jq -r .scheduledBacklog "$STACK_DIR/api-backlog.json")"
    row "overdue, as of Redis" - "$(overdue_as_of "$STACK_DIR/redis-backlog.json")" \
        "$(jq -r .overdue "$STACK_DIR/redis-backlog.json")" "$(metric_sum provider_automation_replay_overdue)" -
    row "overdue, as of the API" - "$(overdue_as_of "$STACK_DIR/api-backlog.json")" - - \
        "$(jq -r .overdue "$STACK_DIR/api-backlog.json")"
    row "next replay at (epoch)" - "$(sql "select coalesce(floor(extract(epoch from min(scheduled_for)))::text, 'none')
            from foldback.replays where $scheduled")" \
        "$(epoch "$STACK_DIR/redis-backlog.json")" "$(metric_next_replay)" "$(epoch "$STACK_DIR/api-backlog.json")"
    row "backlog by provider" - "$(backlog_of_postgres | digest)" "$(backlog_of_redis | digest)" \
        "$(backlog_of_gauges | digest)" "$(backlog_of_api | digest)"
}

agreement_of_runs() {
    row "latest replay run" - "$(latest_run replay)" "$(redis_get status:replay | run_id)" - \
        "$(jq .replay "$STACK_DIR/api-status.json" | run_id)"
    row "latest alert run" - "$(latest_run alert)" "$(redis_get status:alerts | run_id)" - \
        "$(jq .alerts "$STACK_DIR/api-status.json" | run_id)"
}

# Ids are shortened to their last block, so that the table stays narrow.
latest_run() {
    local id
    id=$(sql "select run_id from foldback.automation_runs where run_type = '$1' order by ran_at desc, run_id desc limit 1")
    id=${id##*-}
    echo "${id:-none}"
}

# None where there is no run: a missing key, or null.
run_id() {
    local id
    id=$(jq -r '.runId // "none"')
    id=${id##*-}
    echo "${id:-none}"
}

# The whole second of nextScheduledAt.
epoch() { jq -r 'if .nextScheduledAt then .nextScheduledAt[0:19] + "Z" | fromdateiso8601 else "none" end' "$1"; }

metric_next_replay() {
    awk '/^provider_automation_next_replay_timestamp_seconds/ { if (!seen++ || $NF + 0 < min) min = $NF + 0 }
        END { if (seen) printf "%d\n", min; else print "none" }' "$STACK_DIR/metrics"
}

# Of lines `provider count`: how many, and a short checksum.
digest() {
    local lines
    lines=$(LC_ALL=C sort)
    printf '%s:%s\n' "$(grep -c . <<<"$lines" || true)" "$(sha256sum <<<"$lines" | cut -c 1-8)"
}

backlog_of_postgres() {
    sql "select coalesce(provider_id, 'unknown') || ' ' || scheduled_backlog from foldback.backlog"
}

backlog_of_redis() {
    redis-cli -h 127.0.0.1 -p "$(port_recorded redis)" --json hgetall provider_automation:backlog:by_provider |
        jq -r 'to_entries[] | "\(.key) \(.value | fromjson | .scheduledBacklog)"'
}

backlog_of_gauges() {
    sed -n 's/^provider_automation_replay_backlog{.*provider_id="\([^"]*\)".*} \([0-9]*\).*/\1 \2/p' \
        "$STACK_DIR/metrics" | grep -v ' 0$' || true
}

backlog_of_api() { jq -r '.byProvider | to_entries[] | "\(.key) \(.value.scheduledBacklog)"' "$STACK_DIR/api-backlog.json"; }
