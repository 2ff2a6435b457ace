use std::process::{Child, Command, Stdio};

use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

use super::eventually::eventually;
use super::{PATIENCE, free_address};

/// A Redis for one test alone, which may stop it, empty it or make it forget its scripts. Dropping it ends it.
pub struct OwnRedis {
    process: Child,
    directory: TempDir,
    address: String,
}

impl OwnRedis {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = free_address();
        let redis = Self { process: serve(&directory, &address), directory, address };
        redis.connect().await;
        redis
    }

    pub fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// At the same address, and empty.
    pub async fn start_again(&mut self) {
        self.process = serve(&self.directory, &self.address);
        self.connect().await;
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub async fn connect(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        eventually(PATIENCE, || client.get_multiplexed_async_connection()).await
    }

    pub async fn run(&self, command: &[&str]) {
        let mut connection = self.connect().await;
        let _: redis::Value = redis::cmd(command[0]).arg(&command[1..]).query_async(&mut connection).await.unwrap();
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(directory: &TempDir, address: &str) -> Child {
    let (host, port) = address.rsplit_once(':').unwrap();
    Command::new("redis-server")
        .args(["--bind", host, "--port", port, "--save", "", "--appendonly", "no"])
        .current_dir(directory.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is on the PATH")
}
