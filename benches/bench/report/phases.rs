//! Where the time of a rebuild went, by its lines of progress: `generation 2: folding, 41.3 %, 52,310 events/s`.

/// Seconds in each phase, in the order in which they began. `lines`: each with the seconds since the command was started.
/// The first phase begins with the command, the last ends with it.
pub fn seconds(lines: &[(f64, &str)], end: f64) -> Vec<(String, f64)> {
    let mut entered: Vec<(&str, f64)> = Vec::new();
    for (at, line) in lines {
        let Some(phase) = phase(line) else { continue };
        if entered.last().is_none_or(|(last, _)| *last != phase) {
            entered.push((phase, if entered.is_empty() { 0.0 } else { *at }));
        }
    }
    let mut seconds: Vec<(String, f64)> = Vec::new();
    for (number, (phase, from)) in entered.iter().enumerate() {
        let took = entered.get(number + 1).map_or(end, |(_, until)| *until) - from;
        match seconds.iter_mut().find(|(known, _)| known == phase) {
            Some((_, sum)) => *sum += took,
            None => seconds.push(((*phase).to_owned(), took)),
        }
    }
    seconds
}

/// None for a line that is no progress.
fn phase(line: &str) -> Option<&str> {
    let (number, words) = line.strip_prefix("generation ")?.split_once(": ")?;
    number.parse::<i32>().ok()?;
    words.split(',').next()
}
