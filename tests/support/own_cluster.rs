use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::eventually::eventually;
use super::{PATIENCE, free_address};

const SLOTS: u32 = 16_384;
/// A node that can't have a port.
const ENDS_WITHIN: Duration = Duration::from_millis(100);

/// A Redis Cluster of three primaries for one test alone. Dropping it ends it.
pub struct OwnCluster {
    nodes: Vec<Node>,
}

struct Node {
    process: Child,
    #[expect(dead_code, reason = "it is deleted with the node")]
    directory: TempDir,
    address: String,
}

impl OwnCluster {
    pub async fn start() -> Self {
        let mut nodes = Vec::new();
        let mut buses = Vec::new();
        for _ in 0..3 {
            let (node, bus) = Node::start().await;
            nodes.push(node);
            buses.push(bus);
        }
        let share = SLOTS.div_ceil(3);
        for (number, node) in (0..).zip(&nodes) {
            let (first, last) = (number * share, ((number + 1) * share).min(SLOTS) - 1);
            node.run(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]).await;
            node.run(&["CLUSTER", "MEET", "127.0.0.1", &port(&nodes[0].address), &buses[0]]).await;
        }
        for node in &nodes {
            eventually(PATIENCE, || async {
                let info = node.text(&["CLUSTER", "INFO"]).await;
                if info.contains("cluster_state:ok") { Ok(()) } else { Err(info) }
            })
            .await;
        }
        Self { nodes }
    }

    /// Of each node.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("redis://{}", node.address)).collect()
    }

    /// Begins to move a key's slot to another node, and moves these keys of it: the old node sends clients on to the new one
    /// for them, and the slot is still the old one's.
    pub async fn begin_to_move(&self, keys: &[&str]) {
        let slot: u32 = redis::cmd("CLUSTER")
            .arg("KEYSLOT")
            .arg(keys[0])
            .query_async(&mut self.nodes[0].connect().await)
            .await
            .unwrap();
        let share = usize::try_from(slot / SLOTS.div_ceil(3)).unwrap();
        let (old, new) = (&self.nodes[share], &self.nodes[(share + 1) % 3]);
        let slot = slot.to_string();
        new.run(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &old.text(&["CLUSTER", "MYID"]).await]).await;
        old.run(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &new.text(&["CLUSTER", "MYID"]).await]).await;
        let move_keys = ["MIGRATE", "127.0.0.1", &port(&new.address), "", "0", "5000", "KEYS"];
        old.run(&[&move_keys, keys].concat()).await;
    }

    /// What the node that has the key holds there; empty if there is nothing.
    pub async fn get(&self, key: &str) -> String {
        for node in &self.nodes {
            let answer = redis::cmd("GET").arg(key).query_async::<Option<String>>(&mut node.connect().await).await;
            if let Ok(value) = answer {
                return value.unwrap_or_default();
            }
        }
        panic!("no node has {key}");
    }
}

impl Node {
    /// And the port of its bus. A port that was free may be another's by the time the node wants it: then on others.
    async fn start() -> (Self, String) {
        loop {
            let (address, bus) = (free_address(), port(&free_address()));
            let mut node = Self::spawn(address, &bus);
            if node.stays().await {
                return (node, bus);
            }
        }
    }

    /// Whether it answers; a node that lacks a port ends at once.
    async fn stays(&mut self) -> bool {
        let client = redis::Client::open(format!("redis://{}", self.address)).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answers = client.get_multiplexed_async_connection().await.is_ok();
            // Somebody else may answer there.
            sleep(ENDS_WITHIN).await;
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            if answers {
                return true;
            }
            assert!(Instant::now() < deadline, "a node of the cluster does not answer within {PATIENCE:?}");
        }
    }

    fn spawn(address: String, bus: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port(&address), "--save", "", "--appendonly", "no"])
            .args(["--cluster-enabled", "yes", "--cluster-port", bus])
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is on the PATH");
        Self { process, directory, address }
    }

    async fn connect(&self) -> MultiplexedConnection {
        let client = redis::Client::open(format!("redis://{}", self.address)).unwrap();
        eventually(PATIENCE, || client.get_multiplexed_async_connection()).await
    }

    async fn run(&self, command: &[&str]) {
        self.text(command).await;
    }

    async fn text(&self, command: &[&str]) -> String {
        redis::cmd(command[0]).arg(&command[1..]).query_async(&mut self.connect().await).await.unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn port(address: &str) -> String {
    address.rsplit_once(':').unwrap().1.to_owned()
}
