use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;

/// A certificate authority of a test's own, that no machine trusts.
pub struct Authority {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, for one host.
pub struct Issued {
    pub certificate: rcgen::Certificate,
    pub key: KeyPair,
    /// Both in one file, as Kafka reads them; then each in its own.
    pub bundle: PathBuf,
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

impl Authority {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "an authority of foldback's tests");
        let key = KeyPair::generate().unwrap();
        fs::write(directory.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        // What says that nothing else is trusted.
        fs::create_dir(directory.path().join("empty")).unwrap();
        Self { directory, issuer: Issuer::new(params, key) }
    }

    /// For a server that clients know by this name alone.
    pub fn issue(&self, host: &str) -> Issued {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let [bundle, certificate_file, key_file] =
            ["bundle", "certificate", "key"].map(|kind| self.directory.path().join(format!("{host}.{kind}.pem")));
        fs::write(&bundle, format!("{}{}", key.serialize_pem(), certificate.pem())).unwrap();
        fs::write(&certificate_file, certificate.pem()).unwrap();
        fs::write(&key_file, key.serialize_pem()).unwrap();
        Issued { certificate, key, bundle, certificate_file, key_file }
    }

    /// The authority's own certificate, as PEM.
    pub fn file(&self) -> String {
        self.directory.path().join("ca.pem").display().to_string()
    }

    /// Variables with which a process trusts this authority and no other.
    pub fn trusted(&self) -> [(&'static str, String); 2] {
        [("SSL_CERT_FILE", self.file()), ("SSL_CERT_DIR", self.directory.path().join("empty").display().to_string())]
    }
}
