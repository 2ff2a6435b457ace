# shellcheck shell=bash
# Apicurio registry. It keeps schemas in memory: after `down` they must be registered again (in the same order they get
# the same ids; `foldback schemas register` does).

registry_url() { echo "http://127.0.0.1:$(port_recorded registry)/apis/ccompat/v7"; }

registry_start() {
    local directory="$STACK_DIR/registry" port
    process_runs registry "$directory" && return
    mkdir -p "$directory"
    port=$(port_of registry)
    process_start registry "$directory" java -Xmx384m -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$port" \
        -jar "$REGISTRY_JARS/apicurio-registry-app-$REGISTRY_VERSION-runner.jar"
}

registry_await() {
    process_await registry "$STACK_DIR/registry" 120 "$STACK_DIR/registry.log" \
        curl -fsS -m 5 "$(registry_url)/subjects"
}

registry_stop() { process_stop registry "$STACK_DIR/registry"; }
