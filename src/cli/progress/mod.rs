//! Shows the progress of a rebuild or a comparison on standard error: a bar on a terminal, plain lines otherwise.
//!
//! Callers only post news to a board, and a thread of its own writes them. So a terminal that is stopped (Ctrl-S)
//! blocks nobody.

mod ask;
mod line;
mod screen;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::generations::generation::Progress;
use crate::observe::terminal;
use crate::rebuild::Observer;

pub use ask::{ask, is_interactive};
use line::News;
pub use line::{ProgressLine, describe};
use screen::Screen;

const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Board {
    news: Mutex<Inbox>,
    bell: Condvar,
}

#[derive(Default)]
struct Inbox {
    waiting: VecDeque<News>,
    ended: bool,
}

impl Inbox {
    /// Replaces older progress of the same phase.
    fn put(&mut self, news: News) {
        match (self.waiting.back_mut(), &news) {
            (Some(News::Progress(old)), News::Progress(new))
                if old.subject == new.subject && old.phase == new.phase =>
            {
                *old = new.clone();
            }
            _ => self.waiting.push_back(news),
        }
    }
}

/// The observer of the command line.
pub struct ProgressReporter {
    board: Arc<Board>,
    /// Locked while writing; a question keeps it locked until it is answered.
    screen: Arc<Mutex<Screen>>,
    /// Whether there is someone to ask.
    asks: bool,
    stop: CancellationToken,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl ProgressReporter {
    /// `asks`: whether to ask the operator; otherwise, every question is answered with yes.
    pub fn start(asks: bool, stop: CancellationToken) -> std::io::Result<Arc<ProgressReporter>> {
        let board = Arc::new(Board::default());
        let screen = Arc::new(Mutex::new(Screen::new(terminal::is_drawable())));
        let (its_board, its_screen) = (board.clone(), screen.clone());
        let writer =
            std::thread::Builder::new().name("progress".into()).spawn(move || write(&its_board, &its_screen))?;
        Ok(Arc::new(ProgressReporter { board, screen, asks, stop, writer: Mutex::new(Some(writer)) }))
    }

    /// Writes what is left, and removes the bar.
    pub fn end(&self) {
        locked(&self.board.news).ended = true;
        self.board.bell.notify_all();
        if let Some(writer) = locked(&self.writer).take() {
            // At worst it panicked, and then there is nothing left to show.
            let _ = writer.join();
        }
    }

    pub fn show(&self, shown: ProgressLine) {
        self.post(News::Progress(shown));
    }

    fn post(&self, news: News) {
        locked(&self.board.news).put(news);
    }
}

impl Observer for ProgressReporter {
    fn progress(&self, generation: i32, progress: &Progress) {
        self.show(ProgressLine::of(format!("generation {generation}"), progress));
    }

    fn note(&self, line: &str) {
        self.post(News::Note(line.to_owned()));
        self.board.bell.notify_all();
    }

    fn confirm(&self, question: &str) -> bool {
        if !self.asks {
            return true;
        }
        let mut screen = locked(&self.screen);
        screen.show(take_news(&self.board).0);
        screen.clear();
        ask(question, &self.stop)
    }
}

fn write(board: &Board, screen: &Mutex<Screen>) {
    loop {
        let mut screen = locked(screen);
        let (news, ended) = take_news(board);
        screen.show(news);
        if ended {
            return screen.clear();
        }
        drop(screen);
        let inbox = locked(&board.news);
        if !inbox.ended {
            drop(board.bell.wait_timeout(inbox, LOOK_EVERY));
        }
    }
}

fn take_news(board: &Board) -> (VecDeque<News>, bool) {
    let mut inbox = locked(&board.news);
    (std::mem::take(&mut inbox.waiting), inbox.ended)
}

/// The data is valid after each step, so a poisoned lock is fine.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::generations::generation::Phase;

    fn progress(phase: Phase, rate: f64) -> News {
        News::Progress(ProgressLine::of(
            "generation 2".into(),
            &Progress { phase, events_per_second: rate, ..Progress::at_start() },
        ))
    }

    #[test]
    fn of_each_phase_the_newest_waits_to_be_shown() {
        let mut inbox = Inbox::default();
        inbox.put(progress(Phase::Folding, 1.0));
        inbox.put(progress(Phase::Folding, 2.0));
        inbox.put(News::Note("a note".into()));
        inbox.put(progress(Phase::Folding, 3.0));
        inbox.put(progress(Phase::Indexing, 3.0));
        let expected = [
            progress(Phase::Folding, 2.0),
            News::Note("a note".into()),
            progress(Phase::Folding, 3.0),
            progress(Phase::Indexing, 3.0),
        ];
        assert_eq!(inbox.waiting, expected);
    }

    #[test]
    fn a_question_that_nobody_can_answer_is_agreed_to() {
        let reporter = ProgressReporter::start(false, CancellationToken::new()).unwrap();
        assert!(reporter.confirm("go on?"));
        reporter.end();
    }
}
