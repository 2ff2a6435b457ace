//! `foldback rebuild --new-log TOPIC`: a decision that can't be taken back, so the topic's name is given twice.

use std::io::{self, BufRead, Write};

use crate::cli::Failure;
use crate::cli::progress::is_interactive;
use crate::domain::log::new_logs::NewLogs;
use crate::domain::log::record::Topics;

/// The topics of `--new-log`, which must be those that the configuration names.
pub fn named(names: &[String], topics: &Topics) -> Result<NewLogs, Failure> {
    match names.iter().find(|name| topics.stream(name).is_none()) {
        None => Ok(NewLogs(names.iter().cloned().collect())),
        Some(other) => Err(Failure::Usage(format!(
            "--new-log {other} is no topic of this configuration: kafka.orders_topic is {} and kafka.runs_topic is {}",
            topics.orders, topics.runs
        ))),
    }
}

/// Each topic must be named once more: by a flag, or at the terminal.
pub fn confirm(new_logs: &NewLogs, confirmed: &[String]) -> Result<(), Failure> {
    if let Some(other) = confirmed.iter().find(|name| !new_logs.contains(name)) {
        return Err(Failure::Usage(format!("--confirm-new-log {other} repeats no --new-log")));
    }
    for topic in new_logs.0.iter().filter(|topic| !confirmed.contains(topic)) {
        if !is_interactive() {
            return Err(Failure::Usage(format!(
                "--new-log {topic} gives up the log that the live views were folded from; to confirm it without a \
                 terminal, add --confirm-new-log {topic}"
            )));
        }
        if !is_typed(topic) {
            return Err(Failure::Guard(format!("{topic} was not typed: nothing was changed")));
        }
    }
    Ok(())
}

fn is_typed(topic: &str) -> bool {
    // If standard error is closed, nobody sees the question; an answer still counts.
    let _ = write!(
        io::stderr(),
        "The next generation is folded from the log of topic {topic} as it is now, from its beginning, whatever the live \
         views were folded from; generations of the former log can't go live again.\nType the topic's name to go on: "
    );
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).is_ok_and(|_| line.trim() == topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_named_twice_and_is_one_of_ours() {
        let topics = Topics { orders: "orders".into(), runs: "runs".into() };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(matches!(named(&names(&["other"]), &topics), Err(Failure::Usage(_))));
        let both = named(&names(&["orders", "runs", "orders"]), &topics).unwrap();
        assert!(confirm(&both, &names(&["runs", "orders"])).is_ok());
        assert!(matches!(
            confirm(&named(&names(&["runs"]), &topics).unwrap(), &names(&["orders"])),
            Err(Failure::Usage(_))
        ));
        assert!(confirm(&NewLogs::default(), &[]).is_ok());
    }
}
