use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::certificates::Issued;

/// What stands before a server that speaks no TLS, and speaks it. Dropping it closes its port.
pub struct TlsProxy {
    port: u16,
    forwarding: JoinHandle<()>,
}

impl TlsProxy {
    /// `target`: `host:port`.
    pub async fn to(target: &str, issued: &Issued) -> Self {
        let acceptor = acceptor(issued);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().unwrap().port();
        let target = target.to_owned();
        let forwarding = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, target) = (acceptor.clone(), target.clone());
                tokio::spawn(async move {
                    // A client that refuses the certificate ends here.
                    let mut client = acceptor.accept(client).await?;
                    let mut server = TcpStream::connect(target).await?;
                    copy_bidirectional(&mut client, &mut server).await
                });
            }
        });
        Self { port, forwarding }
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for TlsProxy {
    fn drop(&mut self) {
        self.forwarding.abort();
    }
}

/// For whatever serves with this certificate.
pub fn acceptor(issued: &Issued) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(issued.key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![issued.certificate.der().clone()], key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}
