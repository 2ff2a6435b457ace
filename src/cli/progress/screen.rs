//! Writes progress to standard error.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::line::{News, ProgressLine};

const LINE_EVERY: Duration = Duration::from_secs(2);
/// An unchanged line is repeated this often, to show that the work is still running.
const SAME_EVERY: Duration = Duration::from_secs(10);
const DRAWN_PER_SECOND: u8 = 10;
/// Steps of the bar.
const STEPS: u64 = 10_000;
const BAR: &str = "{prefix} [{bar:30}] {msg}";

/// Standard error, as a progress bar or as plain lines.
pub enum Screen {
    Bar(Option<ProgressBar>),
    Lines(Lines),
}

impl Screen {
    pub fn new(terminal: bool) -> Screen {
        if terminal { Screen::Bar(None) } else { Screen::Lines(Lines::default()) }
    }

    pub fn show(&mut self, news: VecDeque<News>) {
        news.into_iter().for_each(|one| self.show_one(one));
    }

    fn show_one(&mut self, news: News) {
        match (self, news) {
            (Screen::Bar(Some(bar)), News::Note(line)) => bar.suspend(|| print(&line)),
            (_, News::Note(line)) => print(&line),
            (Screen::Bar(bar), News::Progress(shown)) => draw(bar, shown),
            (Screen::Lines(lines), News::Progress(shown)) => {
                if let Some(line) = lines.next(Instant::now(), shown) {
                    print(&line);
                }
            }
        }
    }

    /// Removes the bar; the next progress draws it again.
    pub fn clear(&mut self) {
        if let Screen::Bar(bar) = self
            && let Some(bar) = bar.take()
        {
            bar.finish_and_clear();
        }
    }
}

fn draw(bar: &mut Option<ProgressBar>, shown: ProgressLine) {
    let bar = bar.get_or_insert_with(new_bar);
    bar.set_prefix(shown.subject);
    bar.set_message(shown.words);
    bar.set_position((shown.ratio.clamp(0.0, 1.0) * STEPS as f64) as u64);
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr_with_hz(DRAWN_PER_SECOND));
    match ProgressStyle::with_template(BAR) {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        // The template is constant, and a test draws it.
        Err(_) => bar,
    }
}

fn print(line: &str) {
    // Progress that nobody reads is no reason to fail.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Decides when a line is due: at each change of phase, and every two seconds while there is something new.
#[derive(Default)]
pub struct Lines {
    last: Option<(Instant, ProgressLine)>,
}

impl Lines {
    fn next(&mut self, now: Instant, shown: ProgressLine) -> Option<String> {
        let is_due = self.last.as_ref().is_none_or(|(at, before)| {
            let every = if *before == shown { SAME_EVERY } else { LINE_EVERY };
            before.phase != shown.phase || now.duration_since(*at) >= every
        });
        is_due.then(|| {
            let line = format!("{}: {}", shown.subject, shown.words);
            self.last = Some((now, shown));
            line
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::describe;
    use super::*;
    use crate::domain::generations::generation::{Phase, Progress};

    fn progress(phase: Phase, ratio: f64, rate: f64, eta_seconds: Option<u64>) -> Progress {
        Progress { phase, ratio, events: 0, events_per_second: rate, eta_seconds }
    }

    fn shown(progress: Progress) -> ProgressLine {
        ProgressLine::of("generation 2".into(), &progress)
    }

    #[test]
    fn what_is_known_is_said() {
        let folding = progress(Phase::Folding, 0.413_4, 52_310.4, Some(9));
        assert_eq!(describe(&folding), "folding, 41.3 %, 52,310 events/s, ETA 0:09");
        assert_eq!(describe(&Progress::at_start()), "folding, 0.0 %");
        assert_eq!(describe(&progress(Phase::Folding, 1.0, 52_000.0, Some(0))), "folding, 100.0 %, 52,000 events/s");
        assert_eq!(describe(&progress(Phase::Indexing, 1.0, 0.0, None)), "building indexes");
        assert_eq!(describe(&progress(Phase::CatchingUp, 0.98, 0.0, None)), "catching up, 98.0 %");
    }

    #[test]
    fn a_line_every_two_seconds_and_at_each_phase() {
        let (mut lines, start) = (Lines::default(), Instant::now());
        let mut at = |millis, phase, ratio| {
            let now = start + Duration::from_millis(millis);
            lines.next(now, shown(progress(phase, ratio, 0.0, None))).is_some()
        };
        assert!(at(0, Phase::Folding, 0.1));
        assert!(!at(1_999, Phase::Folding, 0.2));
        assert!(at(2_000, Phase::Folding, 0.2));
        assert!(at(2_001, Phase::Settling, 1.0));
        assert!(!at(12_000, Phase::Settling, 1.0), "nothing new");
        assert!(at(12_001, Phase::Settling, 1.0), "but it goes on");
    }

    #[test]
    fn the_bar_reads_well() {
        let terminal = indicatif::InMemoryTerm::new(3, 100);
        let mut bar = new_bar();
        bar.set_draw_target(ProgressDrawTarget::term_like(Box::new(terminal.clone())));
        let mut bar = Some(std::mem::replace(&mut bar, ProgressBar::hidden()));
        draw(&mut bar, shown(progress(Phase::Folding, 0.5, 52_310.0, Some(9))));
        let expected = "generation 2 [===============>              ] folding, 50.0 %, 52,310 events/s, ETA 0:09";
        assert_eq!(terminal.contents(), expected);
    }
}
