use super::certificates::Issued;
use super::own_kafka::{Listener, OwnKafka};
use super::{Servers, free_address};

/// A broker of a test's own that asks for a password, or for a token, over TLS. The kit itself uses its listener without
/// security.
pub struct SecuredKafka {
    kafka: OwnKafka,
    /// `host:port` of the listeners, under the name that clients are told.
    pub scram: String,
    pub token: String,
}

impl SecuredKafka {
    pub const USER: &'static str = "foldback";
    pub const PASSWORD: &'static str = "S3CR3T-of-scram";

    /// Clients are told that it is `localhost`.
    pub async fn start(issued: &Issued) -> Self {
        let [scram, token] = [(); 2].map(|()| free_address().replace("127.0.0.1", "localhost"));
        let advertised = format!(",SCRAM://{scram},TOKEN://{token}");
        let listener = Listener { listens: advertised.replace("localhost", "127.0.0.1"), advertised };
        let user = format!("SCRAM-SHA-512=[name={},password={}]", Self::USER, Self::PASSWORD);
        let kafka = OwnKafka::start_with(&settings(issued), &listener, &["--add-scram", &user]).await;
        Self { kafka, scram, token }
    }

    /// The shared servers with this broker in place of theirs.
    pub fn servers(&self) -> Servers {
        self.kafka.servers()
    }
}

/// The broker takes tokens that nobody has signed, which is for tests alone.
fn settings(issued: &Issued) -> String {
    let modules = "org.apache.kafka.common.security";
    format!(
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SCRAM:SASL_SSL,TOKEN:SASL_SSL\n\
         ssl.keystore.type=PEM\nssl.keystore.location={}\n\
         listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512\n\
         listener.name.scram.scram-sha-512.sasl.jaas.config={modules}.scram.ScramLoginModule required;\n\
         listener.name.token.sasl.enabled.mechanisms=OAUTHBEARER\n\
         listener.name.token.oauthbearer.sasl.jaas.config={modules}.oauthbearer.OAuthBearerLoginModule required;\n",
        issued.bundle.display()
    )
}
