# shellcheck shell=bash
# Words for people: progress goes to standard error, so that standard output stays for results.

say() { printf '%s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}
