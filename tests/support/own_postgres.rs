use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use super::certificates::Issued;
use super::command::signal;
use super::eventually::eventually;
use super::{PATIENCE, Servers, free_address};

/// A Postgres for one test alone, with TLS. The kit's own user `postgres` needs no password; every other one connects over
/// TLS, with a password. Dropping it ends it.
pub struct OwnPostgres {
    process: Child,
    #[expect(dead_code, reason = "it is deleted with the server")]
    directory: TempDir,
    address: String,
}

impl OwnPostgres {
    pub async fn start(issued: &Issued) -> Self {
        let (directory, address) = (tempfile::tempdir().unwrap(), free_address());
        let user = user();
        let data = directory.path().join("data");
        give(directory.path(), user);
        let mut initdb = command("initdb", user);
        initdb.arg("-D").arg(&data).args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]);
        let made = initdb.current_dir("/").output().expect("initdb is there");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let access = "host all postgres 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(data.join("pg_hba.conf"), access).unwrap();
        for (name, from) in [("server.crt", &issued.certificate_file), ("server.key", &issued.key_file)] {
            fs::copy(from, data.join(name)).unwrap();
            fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o600)).unwrap();
            give(&data.join(name), user);
        }
        let postgres = Self { process: serve(&data, &address, user), directory, address };
        let url = postgres.servers_url();
        eventually(PATIENCE, || PgConnection::connect(&url)).await.close().await.unwrap();
        postgres
    }

    /// The shared servers with this Postgres in place of theirs.
    pub fn servers(&self) -> Servers {
        Servers { postgres: self.servers_url(), ..Servers::from_env() }
    }

    /// For a user of a test's own, under the name that the certificate is for, or another one.
    pub fn url(&self, host: &str, user: &str, password: &str, database: &str, parameters: &str) -> String {
        format!("postgres://{user}:{password}@{host}:{}/{database}?{parameters}", self.port())
    }

    /// What psql says, as the kit's own user.
    pub fn psql(&self, database: &str, args: &[String]) -> String {
        let mut psql = Command::new(bin().join("psql"));
        psql.args(["-X", "-w", "-h", "127.0.0.1", "-p", self.port(), "-U", "postgres", "-d", database]).args(args);
        let output = psql.stdin(Stdio::null()).output().expect("psql is there");
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "{said}");
        said
    }

    fn port(&self) -> &str {
        self.address.rsplit_once(':').unwrap().1
    }

    fn servers_url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.address)
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        // Its children end with it, as they would not by SIGKILL.
        signal(self.process.id(), "QUIT");
        let _ = self.process.wait();
    }
}

fn serve(data: &Path, address: &str, user: Option<(u32, u32)>) -> Child {
    let (host, port) = address.rsplit_once(':').unwrap();
    let log = fs::File::create(data.with_extension("log")).unwrap();
    let mut command = command("postgres", user);
    command.arg("-D").arg(data).args(["-h", host, "-p", port, "-k", "", "-c", "ssl=on", "-c", "fsync=off"]);
    command.current_dir("/").stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().expect("postgres is there")
}

fn command(program: &str, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(bin().join(program));
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}

fn give(path: &Path, user: Option<(u32, u32)>) {
    if let Some((user, group)) = user {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

/// Postgres refuses to run as root, who lends it the user `postgres`, as dev/stack does.
fn user() -> Option<(u32, u32)> {
    let id = |args: &[&str]| {
        let output = Command::new("id").args(args).output().expect("id runs");
        String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().ok()
    };
    (id(&["-u"]) == Some(0)).then(|| (id(&["-u", "postgres"]).unwrap(), id(&["-g", "postgres"]).unwrap()))
}

/// The same one as dev/stack takes; empty where only PATH knows it.
fn bin() -> PathBuf {
    if let Some(named) = env::var_os("POSTGRES_BIN") {
        return named.into();
    }
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let versions = installed.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").exists());
    let version = |bin: &PathBuf| bin.iter().rev().nth(1).and_then(|name| name.to_str()?.parse::<u32>().ok());
    versions.max_by_key(version).unwrap_or_default()
}
