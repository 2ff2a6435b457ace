# shellcheck shell=bash
# The binary of this checkout: building it, and reading what it shows.

foldback_build() {
    local profile=${DEMO_PROFILE:-dev} directory=debug
    [[ $profile == dev ]] || directory=$profile
    say "building foldback (the first time takes minutes)"
    (cd "$ROOT" && cargo build --locked --profile "$profile" --bin foldback) >&2
    FOLDBACK="${CARGO_TARGET_DIR:-$ROOT/target}/$directory/foldback"
    [[ $FOLDBACK == /* ]] || FOLDBACK="$ROOT/$FOLDBACK"
}

# foldback_get PATH: what `foldback run` answers.
foldback_get() { curl -fsS -m 10 "http://127.0.0.1:$(port_recorded http)$1"; }

# metric_sum NAME [TEXT]: sum over the series of a metric whose labels contain TEXT, from the file metrics.
metric_sum() {
    awk -v name="$1" -v text="${2:-}" '
        { brace = index($0, "{"); space = index($0, " "); cut = brace && brace < space ? brace : space }
        substr($0, 1, cut - 1) == name && (text == "" || index($0, text)) { sum += $NF }
        END { printf "%.0f\n", sum }' "$STACK_DIR/metrics"
}
