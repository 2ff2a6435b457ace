//! Cryptography of TLS, and why it trusts no server.

/// What is wrong with a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distrust {
    /// It is signed by an authority that is not among the trusted ones.
    Authority,
    /// It is for other hosts than the one that is connected to.
    Host,
    /// It is not valid now.
    Expired,
}

impl Distrust {
    /// From the words of an error of rustls, in which the client libraries wrap it in ways of their own.
    pub fn of(words: &str) -> Option<Distrust> {
        let (_, why) = words.split_once("invalid peer certificate: ")?;
        match () {
            () if why.contains("not valid for name") || why.contains("NotValidForName") => Some(Distrust::Host),
            () if why.contains("expired") || why.contains("not valid yet") => Some(Distrust::Expired),
            () => Some(Distrust::Authority),
        }
    }

    /// For clients that trust what this machine trusts. `key` is the configuration's key with the URL.
    pub fn remedy(self, key: &str) -> String {
        match self {
            Distrust::Authority => {
                "add the authority that has signed it to this machine's trusted certificates, or name a PEM \
                                    file with it in the variable SSL_CERT_FILE"
                    .to_owned()
            }
            Distrust::Host => format!("the host in {key} must be one that the certificate is for"),
            Distrust::Expired => "the server needs a new certificate, or this machine the right time".to_owned(),
        }
    }
}

/// Chooses ring for whoever makes TLS connections: the clients of Redis and of HTTP ask for the process's choice and
/// fail where there is none. Postgres's client brings ring itself, and Kafka's uses OpenSSL. Call it before a client is
/// made; a second call changes nothing.
pub fn choose_cryptography() {
    // An error says that somebody has chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
