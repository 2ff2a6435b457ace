//! The names of librdkafka's settings below `kafka.properties`.

pub(super) const PREFIX: &str = "kafka.properties.";

/// Settings that hold no secret. Any other value is hidden: in a misspelled name, a password can't be recognized.
const HARMLESS: &[&str] = &[
    "acks",
    "api.version.request",
    "broker.address.family",
    "client.dns.lookup",
    "client.id",
    "client.rack",
    "compression.codec",
    "compression.type",
    "debug",
    "enable.random.seed",
    "enable.sasl.oauthbearer.unsecure.jwt",
    "enable.ssl.certificate.verification",
    "group.instance.id",
    "group.protocol",
    "log_level",
    "metadata.recovery.strategy",
    "sasl.kerberos.principal",
    "sasl.kerberos.service.name",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.username",
    "security.protocol",
    "socket.keepalive.enable",
    "socket.nagle.disable",
    "ssl.cipher.suites",
    "ssl.curves.list",
    "ssl.endpoint.identification.algorithm",
    "ssl.engine.id",
    "ssl.providers",
    "ssl.sigalgs.list",
];
/// How the names of sizes, times and paths end.
const HARMLESS_ENDS: &[&str] = &[
    ".ms",
    ".bytes",
    ".kbytes",
    ".messages",
    ".max",
    ".max.size",
    ".size",
    ".count",
    ".interval",
    ".location",
    ".file",
];

/// The librdkafka name in a key below `kafka.properties`.
pub(super) fn name(key: &str) -> Option<&str> {
    key.strip_prefix(PREFIX).filter(|name| !name.is_empty())
}

/// Whether a setting's value must not be seen.
pub(super) fn is_secret(name: &str) -> bool {
    const PARTS: &[&str] = &[
        "password",
        "passphrase",
        "secret",
        "key.pem",
        "private.key",
        "oauthbearer.config",
        "jaas",
        "token",
        "assertion",
    ];
    let is_known = HARMLESS.contains(&name);
    !is_known
        && PARTS.iter().any(|part| name.contains(part))
        && !name.ends_with(".location")
        && !name.ends_with(".file")
}

/// Whether a setting's value may be shown.
pub(super) fn is_shown(name: &str) -> bool {
    let is_harmless = HARMLESS.contains(&name) || HARMLESS_ENDS.iter().any(|end| name.ends_with(end));
    is_harmless && !is_secret(name)
}
