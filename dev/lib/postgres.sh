# shellcheck shell=bash
# A private PostgreSQL. It refuses to run as root: root lends it the user `postgres`, whose home can be closed to the
# checkout (/root/…), so its directory is recorded and may lie under /var/tmp.

# POSTGRES_BIN names the directory of another server than the newest installed one.
postgres_bin() {
    local newest
    if [[ -n ${POSTGRES_BIN:-} ]]; then
        [[ -x $POSTGRES_BIN/initdb ]] || die "there is no initdb in POSTGRES_BIN=$POSTGRES_BIN"
        echo "$POSTGRES_BIN" && return
    fi
    newest=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
    if [[ -n $newest ]]; then echo "${newest%/initdb}"; else pg_config --bindir; fi
}

postgres_as() {
    if ((EUID == 0)); then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

postgres_port() { port_recorded postgres; }
postgres_url() { echo "postgres://foldback@127.0.0.1:$(postgres_port)/foldback"; }
postgres_directory() { cat "$STACK_DIR/postgres.directory" 2>/dev/null || true; }
postgres_psql() { psql -X -q -w -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$(postgres_port)" -U foldback "$@"; }
postgres_runs() { [[ -n $(postgres_directory) ]] && process_runs postgres "$(postgres_directory)/data"; }

# Chosen once, and kept: the data is there.
postgres_place() {
    [[ -s $STACK_DIR/postgres.directory ]] && return
    local directory="$STACK_DIR/postgres"
    mkdir -p "$directory"
    if ((EUID == 0)) && ! postgres_as test -x "$directory"; then
        rmdir "$directory"
        directory="/var/tmp/foldback-$(printf %s "$ROOT" | sha256sum | cut -c 1-12)-$STACK_NAME"
        mkdir -m 711 "$directory" 2>/dev/null || true
        [[ -d $directory && -O $directory && ! -L $directory ]] || die "$directory belongs to someone else: remove it"
    fi
    ((EUID != 0)) || chown postgres: "$directory"
    echo "$directory" >"$STACK_DIR/postgres.directory"
}

postgres_init() {
    postgres_as "$(postgres_bin)/initdb" -D "$1/data" -U foldback -A trust -E UTF8 --locale=C.UTF-8 \
        >"$STACK_DIR/postgres-initdb.log" 2>&1 || die "initdb failed: $STACK_DIR/postgres-initdb.log"
}

# What tests write may be lost in a power cut, which none of them makes; nothing else is faster than the defaults.
# POSTGRES_MORE adds settings.
postgres_settings() {
    echo "-p $(port_of postgres) -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200"
    [[ $STACK_NAME != test* && $STACK_NAME != chaos* ]] || echo "-c fsync=off"
    echo "${POSTGRES_MORE:-}"
}

postgres_start() {
    postgres_runs && return
    postgres_place
    local directory
    directory=$(postgres_directory)
    [[ -f $directory/data/PG_VERSION ]] || postgres_init "$directory"
    postgres_as "$(postgres_bin)/pg_ctl" start -W -s -D "$directory/data" -l "$directory/postgres.log" \
        -o "$(postgres_settings | tr '\n' ' ')" </dev/null >/dev/null 2>&1 7>&- 8>&- 9>&- ||
        die "PostgreSQL does not start; its log: $directory/postgres.log"
    for _ in {1..50}; do
        head -n 1 "$directory/data/postmaster.pid" >"$STACK_DIR/postgres.pid" 2>/dev/null && postgres_runs && return
        sleep 0.1
    done
    die "PostgreSQL ended while starting; its log: $directory/postgres.log"
}

postgres_await() {
    local directory
    directory=$(postgres_directory)
    process_await postgres "$directory/data" 60 "$directory/postgres.log" postgres_psql -d postgres -c 'select 1'
    [[ $(postgres_psql -d postgres -Atc "select count(*) from pg_database where datname = 'foldback'") == 1 ]] ||
        postgres_psql -d postgres -c 'create database foldback'
}

postgres_stop() {
    [[ -n $(postgres_directory) ]] || return 0
    process_stop postgres "$(postgres_directory)/data" INT
}

postgres_wipe() {
    local directory
    directory=$(postgres_directory)
    [[ -z $directory ]] || rm -rf "$directory"
}
