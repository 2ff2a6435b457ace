//! The result of a rebuild or a promotion, in words.

use crate::cli::format::{duration, thousands};
use crate::cli::output::{plain, table};
use crate::domain::generations::generation::GenerationState;
use crate::rebuild::Rebuilt;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    Live,
    /// Ready, to be promoted later.
    Aside,
    /// The views as of an earlier point.
    AsOf,
}

const DETAIL_CHARS_MAX: usize = 400;

pub fn as_text(rebuilt: &Rebuilt, goal: Goal) -> String {
    let mut text = format!("{}\n", headline(rebuilt));
    if !rebuilt.checks.is_empty() {
        text += &format!("\n{}", checks(rebuilt));
    }
    for line in after(rebuilt, goal) {
        text += &format!("\n{line}");
    }
    text
}

fn headline(rebuilt: &Rebuilt) -> String {
    let became = match rebuilt.state {
        GenerationState::Failed => "failed its checks".to_owned(),
        state => format!("is {}", state.as_str()),
    };
    let took = match (rebuilt.events, duration(rebuilt.seconds)) {
        // A promotion doesn't count what it catches up with.
        (0, seconds) => format!("after {seconds}"),
        (events, seconds) => format!("{} events in {seconds}", thousands(events)),
    };
    format!("generation {} {became}: {took}", rebuilt.generation)
}

fn checks(rebuilt: &Rebuilt) -> String {
    let head = ["CHECK", "RESULT", "FOUND"].map(str::to_owned).to_vec();
    let rows = rebuilt.checks.iter().map(|check| {
        let result = if check.passed { "passed" } else { "FAILED" };
        vec![check.name.to_owned(), result.to_owned(), plain(&check.detail, DETAIL_CHARS_MAX)]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

fn after(rebuilt: &Rebuilt, goal: Goal) -> Vec<String> {
    let number = rebuilt.generation;
    let mut lines: Vec<String> =
        rebuilt.dropped.iter().map(|old| format!("generation {old} was dropped (generations.keep)")).collect();
    match rebuilt.state {
        GenerationState::Ready if goal == Goal::AsOf => {
            lines.push(format!("query it as gen_{number}.provider_orders, gen_{number}.replays and so on"));
            lines.push(format!("`foldback generations drop {number}` removes it"));
        }
        GenerationState::Ready => lines.push(format!("`foldback generations promote {number}` makes it live")),
        _ => {}
    }
    lines
}

/// One sentence for each check that failed.
pub fn failed_checks(rebuilt: &Rebuilt) -> Vec<String> {
    let failed = rebuilt.checks.iter().filter(|check| !check.passed);
    let detail = |text: &str| plain(text, DETAIL_CHARS_MAX);
    let number = rebuilt.generation;
    let mut lines: Vec<String> = failed
        .map(|check| format!("generation {number} was not promoted: {}: {}", check.name, detail(&check.detail)))
        .collect();
    lines.push(format!(
        "it stays as gen_{number} for inspection; `foldback generations drop {number}` removes it, `foldback rebuild` \
         builds a new one"
    ));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebuild::Check;

    fn rebuilt(state: GenerationState) -> Rebuilt {
        let check = |name, passed, detail: &str| Check { name, passed, detail: detail.into() };
        Rebuilt {
            generation: 3,
            state,
            events: 1_000_000,
            seconds: 12.3,
            checks: vec![check("records", true, "1,000,000 of 1,000,000"), check("sample", false, "2 of 100 differ")],
            dropped: vec![1],
        }
    }

    #[test]
    fn a_promoted_generation() {
        let expected = "\
generation 3 is live: 1,000,000 events in 0:12

CHECK    RESULT  FOUND
records  passed  1,000,000 of 1,000,000
sample   FAILED  2 of 100 differ

generation 1 was dropped (generations.keep)";
        assert_eq!(as_text(&rebuilt(GenerationState::Live), Goal::Live), expected);
    }

    #[test]
    fn one_that_is_not_promoted_says_what_to_do_with_it() {
        let bare = Rebuilt { checks: vec![], dropped: vec![], events: 0, ..rebuilt(GenerationState::Ready) };
        let expected = "\
generation 3 is ready: after 0:12

`foldback generations promote 3` makes it live";
        assert_eq!(as_text(&bare, Goal::Live), expected);
        let expected = "\
generation 3 is ready: after 0:12

query it as gen_3.provider_orders, gen_3.replays and so on
`foldback generations drop 3` removes it";
        assert_eq!(as_text(&bare, Goal::AsOf), expected);
    }

    #[test]
    fn each_failed_check_has_a_line() {
        let expected = [
            "generation 3 was not promoted: sample: 2 of 100 differ",
            "it stays as gen_3 for inspection; `foldback generations drop 3` removes it, `foldback rebuild` \
             builds a new one",
        ];
        assert_eq!(failed_checks(&rebuilt(GenerationState::Failed)), expected);
    }
}
