//! What must hold at every moment, and not only in the end: asked all along of the servers themselves, not by way of the
//! proxies. What heals again leaves no trace for [`super::verdict`].

mod generations;
mod stamps;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::class::Class;
use crate::support::Stack;
use generations::Generations;
use stamps::Stamps;

const PERIOD: Duration = Duration::from_millis(100);
/// One broken promise is seen again and again.
const TOLD_MAX: usize = 10;

/// Watches from outside, for as long as a trial lasts.
pub struct PromiseWatch {
    broken: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl PromiseWatch {
    pub fn start(class: Class, stack: &Stack) -> Self {
        let broken = Arc::<Mutex<Vec<String>>>::default();
        let generations = Generations::of(class, &stack.postgres_url);
        let stamps = Stamps::of(class, stack);
        let task = tokio::spawn(watch(generations, stamps, broken.clone()));
        Self { broken, task }
    }

    /// Ends the watch.
    pub fn broken(&self) -> Vec<String> {
        self.task.abort();
        self.broken.lock().unwrap().clone()
    }
}

impl Drop for PromiseWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(mut generations: Option<Generations>, mut stamps: Option<Stamps>, broken: Arc<Mutex<Vec<String>>>) {
    loop {
        let mut found = Vec::new();
        if let Some(generations) = &mut generations {
            found.extend(generations.look().await);
        }
        if let Some(stamps) = &mut stamps {
            found.extend(stamps.look().await);
        }
        {
            let mut broken = broken.lock().unwrap();
            let room = TOLD_MAX.saturating_sub(broken.len());
            broken.extend(found.into_iter().take(room));
        }
        sleep(PERIOD).await;
    }
}
