use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Servers;
use super::certificates::Issued;
use super::own_postgres::{OwnPostgres, as_postgres_owner, binary};

/// A Postgres of a test's own with TLS and roles. The kit's own user needs no password; every other one connects over TLS,
/// with a password.
pub struct SecuredPostgres {
    postgres: OwnPostgres,
}

impl SecuredPostgres {
    pub async fn start(issued: &Issued) -> Self {
        Self { postgres: OwnPostgres::start_with(|data| secure(data, issued)).await }
    }

    /// The shared servers with this Postgres in place of theirs.
    pub fn servers(&self) -> Servers {
        Servers { postgres: self.postgres.url(), ..Servers::from_env() }
    }

    /// For a user of the test's own; the host is the one that the certificate is for, or another name of it.
    pub fn url(&self, host: &str, user: &str, password: &str, database: &str, parameters: &str) -> String {
        format!("postgres://{user}:{password}@{host}:{}/{database}?{parameters}", self.port())
    }

    /// What psql says, as the kit's own user.
    pub fn psql(&self, database: &str, args: &[String]) -> String {
        let mut psql = Command::new(binary("psql"));
        psql.args(["-X", "-w", "-h", "127.0.0.1", "-p", &self.port(), "-U", "foldback", "-d", database]).args(args);
        let output = psql.stdin(Stdio::null()).output().expect("psql runs");
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "{said}");
        said
    }

    fn port(&self) -> String {
        let url = self.postgres.url();
        url.rsplit_once(':').unwrap().1.split('/').next().unwrap().to_owned()
    }
}

fn secure(data: &Path, issued: &Issued) {
    let access = "host all foldback 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
    fs::write(data.join("pg_hba.conf"), access).unwrap();
    let mut settings = OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
    writeln!(settings, "ssl = on").unwrap();
    for (name, from) in [("server.crt", &issued.certificate_file), ("server.key", &issued.key_file)] {
        let file = data.join(name);
        fs::copy(from, &file).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        as_postgres_owner(&file);
    }
}
