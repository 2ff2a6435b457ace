# shellcheck shell=bash
# An independent reader of the log: kcat, which shares no code with foldback.

TOPICS=(provider-orders automation-runs)

# Where the log ends: the sum of the high watermarks of every partition.
log_end() {
    local topic partition asked=()
    for topic in "${TOPICS[@]}"; do
        for ((partition = 0; partition < KAFKA_PARTITIONS; partition++)); do
            asked+=(-t "$topic:$partition:-1")
        done
    done
    kcat -b "$(kafka_broker)" -Q "${asked[@]}" | awk '{ sum += $NF } END { printf "%.0f\n", sum }'
}

# log_records TOPIC: a line `partition:offset key` for each committed record.
log_records() {
    kcat -q -C -b "$(kafka_broker)" -X isolation.level=read_committed -t "$1" -o beginning -e -f '%p:%o %k\n'
}

# log_keys FILE REFUSED: how many keys the records have that are not at a refused position.
log_keys() {
    awk 'FILENAME == ARGV[1] { refused[$1]; next } !($1 in refused) { keys[$2] } END { for (k in keys) n++; print n + 0 }' \
        "$2" "$1"
}
