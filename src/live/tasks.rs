//! Tasks that run for as long as the process does. One that ends before it is told to is an error, whatever the cause:
//! the rest would look healthy and do half of the work.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Display;
use std::future::pending;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::observe::panic_message;

/// A task that ended, and why.
#[derive(Debug, thiserror::Error)]
#[error("{task} ended early: {why}")]
pub struct EndedEarly {
    pub task: &'static str,
    pub why: String,
}

type Ended = Result<(Id, Result<(), String>), JoinError>;

/// Named tasks, which end once they are told to.
pub struct Tasks {
    told_to_end: CancellationToken,
    set: JoinSet<Result<(), String>>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    pub fn new(told_to_end: CancellationToken) -> Tasks {
        Tasks { told_to_end, set: JoinSet::new(), names: HashMap::new() }
    }

    /// `work` ends only when it is told to, or with an error.
    pub fn spawn<E: Display>(
        &mut self,
        task: &'static str,
        work: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let handle = self.set.spawn(async move { work.await.map_err(|error| error.to_string()) });
        self.names.insert(handle.id(), task);
    }

    /// As [`Tasks::spawn`], of work that can't fail.
    pub fn spawn_infallible(&mut self, task: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        self.spawn(task, async move {
            work.await;
            Ok::<_, Infallible>(())
        });
    }

    /// The next task that ends although it was not told to, or with an error; never returns where there is none.
    pub async fn ended(&mut self) -> EndedEarly {
        loop {
            match self.set.join_next_with_id().await {
                Some(ended) if self.is_in_order(&ended) => {}
                Some(ended) => return self.early(ended),
                None => return pending().await,
            }
        }
    }

    /// As [`Tasks::ended`], without waiting.
    pub fn check(&mut self) -> Result<(), EndedEarly> {
        match self.set.try_join_next_with_id() {
            Some(ended) if !self.is_in_order(&ended) => Err(self.early(ended)),
            _ => Ok(()),
        }
    }

    /// Whoever waits for an end may learn of it before it learns that all were told to end.
    fn is_in_order(&self, ended: &Ended) -> bool {
        matches!(ended, Ok((_, Ok(())))) && self.told_to_end.is_cancelled()
    }

    fn early(&self, ended: Ended) -> EndedEarly {
        let (id, why) = match ended {
            Ok((id, Ok(()))) => (id, "it returned".to_owned()),
            Ok((id, Err(why))) => (id, why),
            Err(error) => (error.id(), died(error)),
        };
        EndedEarly { task: self.names.get(&id).copied().unwrap_or("a task"), why }
    }

    /// Waits for all tasks, which have been told to end. `false`: some had not ended within `timeout`, and are aborted.
    pub async fn finish(&mut self, timeout: Duration) -> bool {
        let ended = async { while self.set.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(timeout, ended).await.is_ok();
        self.set.abort_all();
        in_time
    }
}

fn died(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => format!("it panicked: {}", panic_message(panic.as_ref())),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn first_end<E: Display>(work: impl Future<Output = Result<(), E>> + Send + 'static) -> String {
        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("a healthy task", pending::<Result<(), Infallible>>());
        tasks.spawn("the worker", work);
        tasks.ended().await.to_string()
    }

    #[tokio::test]
    async fn whatever_ends_a_task_is_told_with_its_name() {
        assert_eq!(first_end(async { Err("no disk") }).await, "the worker ended early: no disk");
        assert_eq!(first_end(async { Ok::<_, Infallible>(()) }).await, "the worker ended early: it returned");
        let panicking = async {
            if std::hint::black_box(true) {
                panic!("index {} is out of range", 7);
            }
            Ok::<_, Infallible>(())
        };
        assert_eq!(first_end(panicking).await, "the worker ended early: it panicked: index 7 is out of range");
    }

    #[tokio::test]
    async fn a_task_that_was_told_to_end_does_not_end_early() {
        let told_to_end = CancellationToken::new();
        let mut tasks = Tasks::new(told_to_end.clone());
        told_to_end.cancel();
        tasks.spawn_infallible("the worker", async {});
        tasks.spawn("another worker", async { Err("no disk") });
        assert_eq!(tasks.ended().await.to_string(), "another worker ended early: no disk");
        assert!(tasks.check().is_ok());
    }

    #[tokio::test]
    async fn tasks_that_do_not_end_in_time_are_not_waited_for() {
        let mut tasks = Tasks::new(CancellationToken::new());
        assert!(tasks.check().is_ok());
        tasks.spawn("the worker", pending::<Result<(), Infallible>>());
        assert!(tasks.check().is_ok());
        assert!(!tasks.finish(Duration::from_millis(1)).await);
    }
}
