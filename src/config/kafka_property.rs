//! The names of librdkafka's settings below `kafka.properties`.

use super::secret::{HIDDEN, quoted};

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
/// Settings that name a file.
const PATHS: &[&str] = &[
    "https.ca.location",
    "sasl.kerberos.keytab",
    "sasl.oauthbearer.assertion.jwt.template.file",
    "sasl.oauthbearer.assertion.private.key.file",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.crl.location",
    "ssl.engine.location",
    "ssl.key.location",
    "ssl.keystore.location",
];
/// How the names of sizes and times end.
const NUMBER_ENDS: &[&str] =
    &[".ms", ".bytes", ".kbytes", ".messages", ".max", ".max.size", ".size", ".count", ".interval"];

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
    let is_known = HARMLESS.contains(&name) || PATHS.contains(&name);
    !is_known && PARTS.iter().any(|part| name.contains(part))
}

/// The value of a setting as it may be shown: in full where its name and its form say that it is no secret.
pub(super) fn shown(name: &str, value: &str) -> String {
    let is_number = || NUMBER_ENDS.iter().any(|end| name.ends_with(end)) && value.parse::<f64>().is_ok();
    let is_path = || PATHS.contains(&name) && !value.contains('\n');
    match HARMLESS.contains(&name) || !is_secret(name) && is_number() || is_path() {
        true => quoted(value),
        false => HIDDEN.to_owned(),
    }
}
