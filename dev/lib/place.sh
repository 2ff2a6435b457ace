# shellcheck shell=bash
# Where a checkout keeps what its stacks need. Paths are physical, since a running process reports its directory so.

ROOT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd -P)
STACKS="$ROOT/.stack"
CACHE="$STACKS/cache"

# Sets STACK_NAME and STACK_DIR.
place_stack() {
    [[ $1 =~ ^[a-z0-9][a-z0-9-]{0,30}$ && $1 != cache ]] ||
        die "\"$1\" is no name for a stack: small letters, digits and dashes, and not \"cache\""
    STACK_NAME=$1
    # shellcheck disable=SC2034 # Read by the files beside this one.
    STACK_DIR="$STACKS/$1"
    mkdir -p "$CACHE" 2>/dev/null || true
    [[ -w $STACKS && -w $CACHE ]] ||
        die "cannot write to $STACKS: was it made by another user? Remove it, or go on as that user"
}

# Runs the rest of this script alone among those that touch the same stack.
lock_stack() {
    exec 9>"$STACKS/$STACK_NAME.lock"
    flock -w 300 9 || die "another command has been busy with stack $STACK_NAME for 5 minutes"
}
