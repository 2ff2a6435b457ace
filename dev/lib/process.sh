# shellcheck shell=bash
# Background processes, each known by a file with its id. An id can be given to a stranger after a crash, so every
# process runs in a directory of its own, and is ours only while it does.

# process_runs PART DIRECTORY
process_runs() {
    local file="$STACK_DIR/$1.pid"
    [[ -s $file && $(readlink "/proc/$(<"$file")/cwd" 2>/dev/null) == "$2" ]]
}

# process_start PART DIRECTORY COMMAND...: detached from terminal and lock; its output goes to PART.log.
process_start() {
    local part=$1 directory=$2
    shift 2
    (
        cd "$directory" || exit 1
        exec setsid "$@" </dev/null >"$STACK_DIR/$part.log" 2>&1 7>&- 8>&- 9>&-
    ) &
    echo $! >"$STACK_DIR/$part.pid"
    # It is ours from when it entered its directory.
    for _ in {1..40}; do
        process_runs "$part" "$directory" && return
        sleep 0.05
    done
    die "$part ended at once; its log: $STACK_DIR/$part.log"
}

# process_stop PART DIRECTORY [SIGNAL]
process_stop() {
    local part=$1 directory=$2 signal=${3:-TERM} file="$STACK_DIR/$1.pid"
    if process_runs "$part" "$directory"; then
        kill -"$signal" "$(<"$file")"
        for _ in {1..150}; do
            process_runs "$part" "$directory" || break
            sleep 0.1
        done
        if process_runs "$part" "$directory"; then
            say "$part did not stop within 15 s: killing it"
            kill -KILL "$(<"$file")"
        fi
    fi
    rm -f "$file"
}

# process_await PART DIRECTORY SECONDS LOG CHECK...: until CHECK succeeds.
process_await() {
    local part=$1 directory=$2 end=$((SECONDS + $3)) seconds=$3 log=$4
    shift 4
    until "$@" >/dev/null 2>&1; do
        process_runs "$part" "$directory" || die "$part ended while starting; its log: $log"
        ((SECONDS < end)) || die "$part does not answer after $seconds s; its log: $log"
        sleep 0.2
    done
}
