use std::sync::{Arc, Mutex};

use rand::RngExt;
use rand::rngs::StdRng;

use crate::support::Running;

/// The instances of a trial, started again by their supervisor whenever one has ended.
pub struct Fleet {
    env: Vec<(String, String)>,
    /// How many there are to be.
    pub size: usize,
    members: Vec<Running>,
    /// Of those that run, for whoever asks /readyz.
    addresses: Addresses,
    /// What those said that ended by themselves.
    pub ended: Vec<String>,
    /// The logs of all that ever were.
    logs: Vec<std::path::PathBuf>,
}

pub type Addresses = Arc<Mutex<Vec<String>>>;

const TAIL: usize = 15;

impl Fleet {
    pub fn new(env: Vec<(String, String)>, size: usize) -> Self {
        let mut fleet = Self {
            env,
            size,
            members: Vec::new(),
            addresses: Addresses::default(),
            ended: Vec::new(),
            logs: Vec::new(),
        };
        fleet.tend();
        fleet
    }

    pub fn addresses(&self) -> Addresses {
        self.addresses.clone()
    }

    /// Starts what lacks; notes what has ended by itself.
    pub fn tend(&mut self) {
        for index in (0..self.members.len()).rev() {
            if let Some(status) = self.members[index].exited() {
                let member = self.members.remove(index);
                self.ended.push(format!("an instance ended by itself with {status}:\n{}", tail(&member.log())));
            }
        }
        while self.members.len() < self.size {
            let member = Running::spawn(self.env.clone());
            self.logs.push(member.log_path.clone());
            self.members.push(member);
        }
        self.publish();
    }

    /// One of them, taken out of the supervisor's sight.
    pub fn take(&mut self, rng: &mut StdRng) -> Running {
        self.tend();
        let member = self.members.remove(rng.random_range(0..self.members.len()));
        self.publish();
        member
    }

    /// Nobody is there until they are tended.
    pub fn kill_all(&mut self) {
        self.members.drain(..).for_each(Running::kill);
        self.publish();
    }

    pub fn give_back(&mut self, member: Running) {
        self.members.push(member);
        self.publish();
    }

    pub fn members(&self) -> &[Running] {
        &self.members
    }

    /// SIGTERM to all: each must end with 0 within ten seconds.
    pub async fn terminate(&mut self) {
        self.size = 0;
        for member in std::mem::take(&mut self.members) {
            member.terminate().await;
        }
        self.publish();
    }

    /// Panics in the logs of all that ever were.
    pub fn panics(&self) -> Vec<String> {
        let text = |path| std::fs::read_to_string(path).unwrap_or_default();
        let lines = self.logs.iter().map(text).flat_map(|log| log.lines().map(str::to_owned).collect::<Vec<_>>());
        lines.filter(|line| line.contains("panicked at") || line.contains("panic=")).collect()
    }

    /// The end of each member's log.
    pub fn tails(&self) -> String {
        self.members.iter().map(|member| format!("{}\n{}\n", member.log_path.display(), tail(&member.log()))).collect()
    }

    fn publish(&self) {
        *self.addresses.lock().unwrap() = self.members.iter().map(|member| member.address.clone()).collect();
    }
}

/// Its last lines.
pub fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}
