//! The table.

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub events: u64,
    pub seconds: f64,
    /// Of the process alone, without the servers.
    pub cpu_seconds: f64,
    /// None where the process does other things besides.
    pub peak_bytes: Option<u64>,
}

impl Measured {
    fn rate(&self) -> f64 {
        self.events as f64 / self.seconds
    }

    fn peak_mib(&self) -> f64 {
        self.peak_bytes.unwrap_or(0) as f64 / 1_048_576.0
    }
}

/// One of each, measured one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    pub bare: Measured,
    pub rebuild: Measured,
}

impl Pair {
    /// Of the bare loop's rate. Both by the order events, which are all that the bare loop lands.
    fn share(&self) -> f64 {
        self.bare.seconds / self.rebuild.seconds
    }
}

pub fn table(pairs: &[Pair], workers: usize) -> String {
    let mut lines = vec![
        format!(
            "{workers} workers each. Events are those of orders in the bare loop, of orders and runs in the rebuild."
        ),
        "| run | | events | seconds | events/s | CPU s of the process | peak memory | of the bare rate |".to_owned(),
        "|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    for (run, pair) in pairs.iter().enumerate() {
        lines.push(line(&(run + 1).to_string(), "bare loop", &pair.bare, None));
        lines.push(line(&(run + 1).to_string(), "rebuild", &pair.rebuild, Some(pair.share())));
    }
    let bare = median_of(pairs, |pair| pair.bare);
    let rebuild = median_of(pairs, |pair| pair.rebuild);
    lines.push(line("median", "bare loop", &bare, None));
    lines.push(line("median", "rebuild", &rebuild, Some(median(pairs.iter().map(Pair::share)))));
    let peak = pairs.iter().map(|pair| pair.rebuild.peak_mib()).fold(0.0, f64::max);
    lines.push(format!("Peak memory of all rebuilds: {peak:.0} MiB."));
    lines.join("\n")
}

fn line(run: &str, what: &str, measured: &Measured, share: Option<f64>) -> String {
    let peak = measured.peak_bytes.map_or("-".to_owned(), |_| format!("{:.0} MiB", measured.peak_mib()));
    let share = share.map_or("-".to_owned(), |share| format!("{:.1} %", share * 100.0));
    format!(
        "| {run} | {what} | {} | {:.2} | {:.0} | {:.1} | {peak} | {share} |",
        measured.events,
        measured.seconds,
        measured.rate(),
        measured.cpu_seconds
    )
}

fn median_of(pairs: &[Pair], which: impl Fn(&Pair) -> Measured) -> Measured {
    let all: Vec<Measured> = pairs.iter().map(which).collect();
    let of = |value: fn(&Measured) -> f64| median(all.iter().map(value));
    Measured {
        events: of(|one| one.events as f64) as u64,
        seconds: of(|one| one.seconds),
        cpu_seconds: of(|one| one.cpu_seconds),
        peak_bytes: all
            .iter()
            .all(|one| one.peak_bytes.is_some())
            .then(|| of(|one| one.peak_bytes.unwrap_or(0) as f64) as u64),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}
