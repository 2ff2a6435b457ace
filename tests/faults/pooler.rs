//! PgBouncer in front of Postgres: refused where sessions are shared, and of no matter where they are not.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::support::events::lives;
use crate::support::log::Log;
use crate::support::views::{assert_consistent, folded};
use crate::support::{PATIENCE, Stack, eventually};

/// A PgBouncer of one test. Dropping it ends it.
struct Pooler {
    process: Child,
    url: String,
    _directory: TempDir,
}

impl Pooler {
    async fn start(stack: &Stack, settings: &str) -> Pooler {
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (_, rest) = stack.postgres_url.split_once("://").unwrap();
        let (authority, database) = rest.split_once('/').unwrap();
        let server_port = authority.rsplit_once(':').unwrap().1;
        let file = directory.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={server_port} user=foldback\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\n{settings}\n"
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new("pgbouncer");
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            // It refuses to run as root.
            command.args(["-u", "nobody"]);
        }
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        command.arg(&file).env("PATH", path).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("pgbouncer is on the PATH, or in /usr/sbin");
        let url = format!("postgres://foldback@127.0.0.1:{port}/{database}");
        let pooler = Pooler { process, url, _directory: directory };
        let plain: sqlx::postgres::PgConnectOptions = pooler.url.parse().unwrap();
        let plain = plain.extra_float_digits(None);
        eventually(PATIENCE, || async { PgConnection::connect_with(&plain).await?.close().await }).await;
        pooler
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_shares_sessions_is_refused() {
    let stack = Stack::new().await;
    stack.foldback(&["migrate"]).await.exits(0);
    let ignoring = "ignore_startup_parameters = extra_float_digits,options";
    for settings in [
        "pool_mode = transaction".to_owned(),
        format!("pool_mode = transaction\n{ignoring}"),
        format!("pool_mode = transaction\n{ignoring}\nserver_round_robin = 1\nmin_pool_size = 4"),
        format!("pool_mode = statement\n{ignoring}"),
    ] {
        let pooler = Pooler::start(&stack, &settings).await;
        let through = [("FOLDBACK__POSTGRES__URL", pooler.url.as_str())];
        for verb in [&["migrate"][..], &["run"], &["rebuild", "--yes"], &["verify"], &["status"]] {
            let output = stack.foldback_with(verb, &through).await.exits(1);
            assert!(output.stderr.contains("pooler in transaction or statement mode"), "{settings}: {}", output.stderr);
        }
        let output = stack.foldback_with(&["doctor"], &through).await.exits(1);
        assert!(output.stdout.contains("fail  postgres sessions:"), "{settings}: {}", output.stdout);
    }
}

/// With its defaults, it refuses the options with which connections begin.
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_session_mode_is_as_good_as_none() {
    let stack = Stack::new().await;
    let pooler = Pooler::start(&stack, "pool_mode = session\ndefault_pool_size = 60\nmax_client_conn = 200").await;
    let through = [("FOLDBACK__POSTGRES__URL", pooler.url.as_str())];
    stack.foldback_with(&["migrate"], &through).await.exits(0);
    let running = stack.run_with(&through).await;
    running.ready(PATIENCE).await;
    let events = lives(20, 20);
    Log::of(&stack).write(&events, 4).await;
    folded(&stack, events.len()).await;
    let timeouts = "select count(*)::bigint from pg_stat_activity where datname = current_database()
                     and application_name = 'foldback'";
    assert!(crate::support::views::number(&stack, timeouts).await > 0);
    stack.foldback_with(&["rebuild", "--yes"], &through).await.exits(0);
    assert_consistent(&stack, events.len()).await;
    running.ready(PATIENCE).await;
    running.terminate().await;
}
