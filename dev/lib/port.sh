# shellcheck shell=bash
# Loopback ports. A stack keeps its ports over restarts, as long as nobody else took them.

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Below the range that the kernel hands out to outgoing connections.
port_free() {
    local port
    for _ in {1..200}; do
        port=$((20000 + RANDOM % 12000))
        if ! port_answers "$port" && ! grep -qsx "$port" "$STACKS"/*/*.port; then
            echo "$port"
            return
        fi
    done
    die "found no free port between 20000 and 32000"
}

# The port of a part of this stack: the recorded one where it is still free, or else a new one.
port_of() {
    local file="$STACK_DIR/$1.port"
    if [[ ! -s $file ]] || port_answers "$(<"$file")"; then
        port_free >"$file.new"
        mv "$file.new" "$file"
    fi
    cat "$file"
}

port_recorded() { cat "$STACK_DIR/$1.port"; }
