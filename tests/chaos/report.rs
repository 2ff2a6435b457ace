use std::fmt::Write;
use std::time::Duration;

use super::silence::Silence;

/// No records may wait for longer in silence.
pub const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What became of a trial.
#[derive(Debug, Default)]
pub struct Outcome {
    pub class: String,
    pub seed: u64,
    /// Asked for.
    pub records: usize,
    /// That stand in the log in the end.
    pub published: usize,
    pub faults: usize,
    /// Records that neither the history nor the dead letters have.
    pub lost: usize,
    /// Those that they have and should not have.
    pub doubled: usize,
    /// Rows of other views, and values in Redis and Prometheus.
    pub differing: usize,
    pub silence: Silence,
    /// From healing until nothing waited.
    pub heal: Duration,
    /// What differs, readably.
    pub text: String,
    /// Promises that were broken for a while, panics, instances that ended by themselves, and a trial that could not go on.
    pub trouble: Vec<String>,
    /// Its story.
    pub notes: Vec<String>,
}

impl Outcome {
    pub fn failed(why: String) -> Self {
        Self { trouble: vec![why], ..Self::default() }
    }

    pub fn add_differing(&mut self, count: usize, text: &str) {
        self.differing += count;
        self.text.push_str(text);
        self.text.push('\n');
    }

    pub fn is_right(&self) -> bool {
        self.lost + self.doubled + self.differing == 0 && self.trouble.is_empty() && self.silence.lasted <= SILENCE_MAX
    }

    /// One line.
    pub fn line(&self) -> String {
        let state = if self.is_right() { "right" } else { "WRONG" };
        format!(
            "{state} {:<11} seed {:<5} {:>7} records, {:>3} faults: {} lost, {} doubled, {} differing rows, silent {:.0} s, lag 0 \
             after {:.1} s",
            self.class,
            self.seed,
            self.published,
            self.faults,
            self.lost,
            self.doubled,
            self.differing,
            self.silence.lasted.as_secs_f64(),
            self.heal.as_secs_f64()
        )
    }

    /// Everything, for whoever looks for the cause.
    pub fn report(&self) -> String {
        let mut report = format!("{}\n{}\n", self.notes.join("\n"), self.text);
        for trouble in &self.trouble {
            let _ = writeln!(report, "trouble: {trouble}");
        }
        if self.silence.lasted > SILENCE_MAX {
            let _ = writeln!(report, "silent: {}", self.silence.of);
        }
        let Self { class, seed, records, .. } = self;
        let _ = writeln!(report, "again: ./dev/chaos --class {class} --first-seed {seed} --seeds 1 --events {records}");
        report.push_str(&self.line());
        report
    }
}
