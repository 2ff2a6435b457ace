use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use super::command::signal;
use super::eventually::eventually;
use super::{PATIENCE, free_address};

const DISK_BYTES: &str = "512m";
/// What the filler leaves, so that the server has begun to write when there is no more room.
const ROOM_BYTES: u64 = 64 * 1024;

/// A Postgres for one test alone, which may stop it, crash it, fill its disk and take its last commits away. Dropping it
/// ends it.
pub struct OwnPostgres {
    process: Option<Child>,
    directory: TempDir,
    address: String,
    /// Whether its directory is a small disk of its own.
    has_disk: bool,
}

impl OwnPostgres {
    pub async fn start() -> Self {
        // Root lends it a user, who must reach the directory.
        let directory = tempfile::Builder::new().prefix("foldback-postgres-").tempdir_in("/var/tmp").unwrap();
        let has_disk = is_root() && mount(directory.path());
        as_postgres_owner(directory.path());
        let data = directory.path().join("data");
        let made = as_postgres(&binary("initdb"))
            .args(["-U", "foldback", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut postgres = Self { process: None, directory, address: free_address(), has_disk };
        postgres.start_again().await;
        postgres
    }

    /// Of its maintenance database.
    pub fn url(&self) -> String {
        format!("postgres://foldback@{}/postgres", self.address)
    }

    /// At the same address, with the data that it has.
    pub async fn start_again(&mut self) {
        if self.process.as_mut().is_some_and(|process| process.try_wait().unwrap().is_none()) {
            return;
        }
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            self.process = Some(self.serve());
            // It ends at once where processes of the one that was killed are still about.
            let answers = self.answers_or_ends().await;
            if answers {
                return;
            }
            assert!(tokio::time::Instant::now() < end, "Postgres does not start: {}", self.log());
        }
    }

    async fn answers_or_ends(&mut self) -> bool {
        loop {
            if PgConnection::connect(&self.url()).await.is_ok() {
                return true;
            }
            if self.process.as_mut().is_none_or(|process| process.try_wait().unwrap().is_some()) {
                return false;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// In order: sessions are ended, and everything is on the disk.
    pub fn stop(&mut self) {
        self.end("INT");
    }

    /// As a crash of the machine: nobody is told.
    pub fn kill(&mut self) {
        self.end("KILL");
    }

    fn end(&mut self, with: &str) {
        let Some(mut process) = self.process.take() else { return };
        match self.id() {
            Some(id) => signal(id, with),
            // It has ended, or is just starting.
            None => drop(process.kill()),
        }
        process.wait().unwrap();
    }

    /// Of the server itself, which a child of root's may have started.
    fn id(&self) -> Option<u32> {
        let text = fs::read_to_string(self.directory.path().join("data/postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    /// While it is stopped: a copy of all that it has, as a replica that follows with a delay.
    pub fn snapshot(&self) {
        let copied = as_postgres(Path::new("cp"))
            .arg("-a")
            .args([self.directory.path().join("data"), self.directory.path().join("replica")])
            .status();
        assert!(copied.expect("cp runs").success());
    }

    /// While it is stopped: the copy takes its place, as when the replica is promoted. What was committed since is lost.
    pub fn promote_snapshot(&self) {
        fs::remove_dir_all(self.directory.path().join("data")).unwrap();
        fs::rename(self.directory.path().join("replica"), self.directory.path().join("data")).unwrap();
    }

    /// Refuses every write of transactions that begin from now on, or takes them again.
    pub async fn read_only(&self, is_it: bool) {
        let mut connection = self.connect().await;
        for statement in [
            "set default_transaction_read_only = off".to_owned(),
            format!("alter system set default_transaction_read_only = {}", if is_it { "on" } else { "off" }),
            "select pg_reload_conf()".to_owned(),
        ] {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        }
    }

    /// Whether its disk can be filled, which needs one of its own: root mounts it.
    pub fn has_disk(&self) -> bool {
        self.has_disk
    }

    /// No more room on its disk.
    pub fn fill_disk(&self) {
        let free = Command::new("df").args(["--output=avail", "-B1"]).arg(self.directory.path()).output().unwrap();
        let text = String::from_utf8_lossy(&free.stdout).into_owned();
        let free: u64 = text.lines().nth(1).and_then(|line| line.trim().parse().ok()).unwrap();
        let filled = Command::new("fallocate")
            .args(["-l", &free.saturating_sub(ROOM_BYTES).max(1).to_string()])
            .arg(self.filler())
            .status();
        // Another byte may have been written since.
        let _ = filled;
    }

    /// Room again; the server is started where the lack of it has ended it.
    pub async fn free_disk(&mut self) {
        let _ = fs::remove_file(self.filler());
        self.start_again().await;
    }

    fn filler(&self) -> PathBuf {
        self.directory.path().join("filler")
    }

    pub async fn connect(&self) -> PgConnection {
        let url = self.url();
        eventually(PATIENCE, || PgConnection::connect(&url)).await
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().with_extension("log")
    }

    fn serve(&self) -> Child {
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let port = self.address.rsplit_once(':').unwrap().1;
        let mut command = as_postgres(&binary("postgres"));
        command.arg("-D").arg(self.directory.path().join("data")).args(["-p", port]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=100",
            "fsync=off",
            "max_wal_size=64MB",
            "min_wal_size=32MB",
            // After a crash of one of its processes it starts by itself, as a supervisor would start it.
            "restart_after_crash=on",
        ] {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().expect("postgres runs")
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        self.end("KILL");
        let _ = fs::remove_file(self.log_path());
        if self.has_disk {
            // Lazily: a process of the killed server may still be about.
            let _ = Command::new("umount").arg("-l").arg(self.directory.path()).status();
        }
    }
}

/// A small disk in memory.
fn mount(at: &Path) -> bool {
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={DISK_BYTES},mode=755"), "tmpfs"])
        .arg(at)
        .stderr(Stdio::null())
        .status();
    mounted.is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn as_postgres_owner(directory: &Path) {
    if is_root() {
        let owned = Command::new("chown").arg("postgres:").arg(directory).status();
        assert!(owned.expect("chown runs").success());
    }
}

/// It refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    let mut command = match is_root() {
        true => Command::new("runuser"),
        false => Command::new(program),
    };
    if is_root() {
        command.args(["-u", "postgres", "--"]).arg(program).current_dir("/");
    }
    command
}

/// Where POSTGRES_BIN says, or of the newest server that is installed.
fn binary(name: &str) -> PathBuf {
    if let Some(directory) = std::env::var_os("POSTGRES_BIN") {
        return Path::new(&directory).join(name);
    }
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let version = |path: &Path| path.file_name().and_then(|name| name.to_string_lossy().parse::<f64>().ok());
    let newest = installed
        .map(|entry| entry.path())
        .filter(|path| path.join("bin").join(name).exists())
        .max_by(|a, b| version(a).partial_cmp(&version(b)).unwrap_or(std::cmp::Ordering::Equal));
    newest.map_or_else(|| PathBuf::from(name), |path| path.join("bin").join(name))
}
