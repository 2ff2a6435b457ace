//! What a connection to a broker failed with, and what to do about it. librdkafka tells the causes apart by its words alone,
//! and some of its own advice is wrong.

use std::fmt;

/// librdkafka's words for a failed connection, without what changes from one try to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub words: String,
    /// What to do, where the words tell the cause.
    pub remedy: Option<&'static str>,
}

impl Trouble {
    pub fn new(words: &str) -> Trouble {
        let plain = words.split(" (after ").next().unwrap_or_default();
        // Its advice for any certificate that it does not trust, whatever is wrong with it.
        let plain = plain.split(": broker certificate could not be verified").next().unwrap_or_default();
        Trouble { words: plain.to_owned(), remedy: remedy(words) }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)?;
        self.remedy.map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

const CERTIFICATE: &str = "the broker's certificate is not trusted: ssl.ca.location in kafka.properties must name the \
                           authority that has signed it, and it must be for the host that is connected to";
const NO_TLS: &str = "that listener speaks no TLS: set security.protocol in kafka.properties to SASL_PLAINTEXT or \
                      PLAINTEXT, or name a listener with TLS";
const TLS: &str = "that listener seems to want TLS: set security.protocol in kafka.properties to SASL_SSL or SSL";
const SASL: &str = "that listener seems to want a user: set security.protocol in kafka.properties to SASL_SSL, and \
                    sasl.mechanism";
const CLIENT_CERTIFICATE: &str = "the broker wants a certificate of foldback's: set ssl.certificate.location and \
                                  ssl.key.location in kafka.properties";
const MECHANISM: &str = "set sasl.mechanism in kafka.properties to one that the brokers support";
const CREDENTIALS: &str = "check sasl.mechanism, sasl.username and sasl.password in kafka.properties";
const TOKEN_REFUSED: &str =
    "the brokers do not accept the token: check its issuer and audience (sasl.oauthbearer.scope)";
const NO_TOKEN: &str = "check sasl.oauthbearer.token.endpoint.url, client.id and client.secret in kafka.properties, and \
                        https.ca.location if that server's authority is a private one";

/// The first whose words are all there counts.
const REMEDIES: [(&[&str], &str); 13] = [
    (&["certificate verify failed"], CERTIFICATE),
    (&["PLAINTEXT broker listener"], NO_TLS),
    (&["connecting to a SSL listener"], TLS),
    // What is closed before the first answer, which librdkafka explains only sometimes.
    (&["Disconnected", "in state SSL_HANDSHAKE"], NO_TLS),
    (&["Disconnected", "in state APIVERSION_QUERY"], TLS),
    (&["might require SASL authentication"], SASL),
    (&["Disconnected", "in state UP"], SASL),
    (&["certificate required"], CLIENT_CERTIFICATE),
    (&["bad certificate"], CLIENT_CERTIFICATE),
    (&["Unsupported SASL mechanism"], MECHANISM),
    (&["Failed to acquire SASL OAUTHBEARER token"], NO_TOKEN),
    (&["SASL authentication error", "invalid_token"], TOKEN_REFUSED),
    (&["SASL authentication error"], CREDENTIALS),
];

fn remedy(words: &str) -> Option<&'static str> {
    let known = REMEDIES.iter().find(|(parts, _)| parts.iter().all(|part| words.contains(part)));
    known.map(|(_, remedy)| *remedy)
}

/// What concerns no broker of its own: nobody can log in without a token.
pub fn is_about_token(words: &str) -> bool {
    words.contains("SASL OAUTHBEARER token")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of librdkafka 2.12 with a broker of Kafka 4.3.
    #[test]
    fn every_cause_is_told_with_what_to_do() {
        let verify = "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate \
                      could not be verified, verify that ssl.ca.location is correctly configured or root CA certificates \
                      are installed (install ca-certificates package) (after 7ms in state SSL_HANDSHAKE)";
        let trouble = Trouble::new(verify);
        assert_eq!(trouble.words, "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed");
        assert_eq!(trouble.remedy, Some(CERTIFICATE));
        for (words, remedy) in [
            (
                "SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a PLAINTEXT broker \
                 listener? (after 1ms in state SSL_HANDSHAKE)",
                NO_TLS,
            ),
            ("Disconnected: SSL connection closed by peer (after 1ms in state SSL_HANDSHAKE)", NO_TLS),
            ("Disconnected (after 3ms in state APIVERSION_QUERY)", TLS),
            ("Disconnected: SSL connection closed by peer (after 20ms in state UP)", SASL),
            (
                "SASL authentication error: Authentication failed during authentication due to invalid credentials with \
                 SASL mechanism SCRAM-SHA-512 (after 340ms in state AUTH_REQ, 1 identical error(s) suppressed)",
                CREDENTIALS,
            ),
            (
                "SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: \
                 SCRAM-SHA-512 (after 301ms in state AUTH_HANDSHAKE)",
                MECHANISM,
            ),
        ] {
            let trouble = Trouble::new(words);
            assert_eq!(trouble.remedy, Some(remedy), "{words}");
            assert!(!trouble.to_string().contains("after"), "{trouble}");
        }
        let other = Trouble::new("Connect to ipv4#10.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)");
        assert_eq!(other.to_string(), "Connect to ipv4#10.0.0.1:1 failed: Connection refused");
    }
}
