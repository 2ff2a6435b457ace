# shellcheck shell=bash
# What a bare Debian or Ubuntu lacks, by apt-get; only what is missing, and without leaving services running.

install_missing() {
    local packages=()
    command -v mvn >/dev/null || packages+=(maven)
    install_has_java || packages+=("$(install_java_package)")
    install_has_postgres || packages+=(postgresql)
    command -v redis-server >/dev/null || packages+=(redis-server)
    command -v cc >/dev/null || packages+=(build-essential)
    local command
    for command in curl jq kcat pkg-config; do
        command -v "$command" >/dev/null || packages+=("$command")
    done
    [[ -e /usr/include/openssl/ssl.h ]] || packages+=(libssl-dev)
    [[ -e /usr/include/zlib.h ]] || packages+=(zlib1g-dev)
    ((${#packages[@]} == 0)) || install_packages "${packages[@]}"
}

# A pooler, for the tests of what foldback refuses, and a clock that can be set.
install_for_tests() {
    local packages=()
    [[ -x /usr/sbin/pgbouncer ]] || command -v pgbouncer >/dev/null || packages+=(pgbouncer)
    [[ -n $(find /usr/lib -path '*/faketime/libfaketimeMT.so.1' 2>/dev/null) ]] || packages+=(libfaketime)
    ((${#packages[@]} == 0)) || install_packages "${packages[@]}"
}

install_has_postgres() { [[ -n $(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null) ]] || command -v initdb >/dev/null; }

install_has_java() {
    local version
    version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
    ((${version:-0} >= 17))
}

# Debian 12 has 17, Debian 13 only 21 and newer.
install_java_package() {
    install_refresh
    local version
    for version in 17 21 25; do
        if [[ -n $(apt-cache search --names-only "^openjdk-$version-jre-headless\$") ]]; then
            echo "openjdk-$version-jre-headless"
            return
        fi
    done
    die "apt knows no Java 17 or newer: install one, then run this again"
}

# Rust is not installed by us: a toolchain is a user's own choice.
install_rust() {
    command -v cargo >/dev/null || [[ ! -x $HOME/.cargo/bin/cargo ]] || PATH="$HOME/.cargo/bin:$PATH"
    command -v cargo >/dev/null || die "Rust is missing: install it from https://rustup.rs, then run this again"
}

# Nice to have: says so and goes on where it can't be had.
install_optional() {
    command -v "$1" >/dev/null || (install_packages "$2") || say "going on without $1"
    command -v "$1" >/dev/null
}

install_as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        command -v sudo >/dev/null || die "installing needs root: run as root, or install sudo"
        sudo "$@"
    fi
}

install_refresh() { install_as_root apt-get update -qq >&2; }

install_packages() {
    command -v apt-get >/dev/null || die "please install the equivalents of these Debian packages: $*"
    say "installing: $*"
    install_refresh
    local script
    script=$(declare -f install_quietly)
    install_as_root bash -euc "$script; install_quietly \"\$@\"" install "$@" >&2 ||
        die "apt-get could not install: $*"
}

# As root. Debian starts a server as soon as it is installed; ours are private, so a policy forbids it meanwhile. A
# machine's own policy and servers that were there before are left alone.
install_quietly() {
    local policy=/usr/sbin/policy-rc.d clusters=/etc/postgresql-common/createcluster.d/foldback.conf
    if [[ ! -e $policy ]]; then
        # shellcheck disable=SC2064 # The path is known now.
        trap "rm -f $policy $clusters" EXIT
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
    else
        # shellcheck disable=SC2064
        trap "rm -f $clusters" EXIT
    fi
    mkdir -p "${clusters%/*}"
    echo 'create_main_cluster = false' >$clusters
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
    if [[ -d /run/systemd/system && " $* " == *" redis-server "* ]]; then
        systemctl disable --now redis-server
    fi
    if [[ -d /run/systemd/system && " $* " == *" prometheus "* ]]; then
        systemctl disable --now prometheus
    fi
    if [[ -d /run/systemd/system && " $* " == *" pgbouncer "* ]]; then
        systemctl disable --now pgbouncer
    fi
}
