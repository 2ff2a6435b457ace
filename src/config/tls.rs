//! Which cryptography TLS uses in this process.

/// Chooses ring for whoever makes TLS connections: the clients of Redis and of HTTP ask for the process's choice and
/// fail where there is none. Postgres's client brings ring itself, and Kafka's uses OpenSSL. Call it before a client is
/// made; a second call changes nothing.
pub fn choose_cryptography() {
    // An error says that somebody has chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
