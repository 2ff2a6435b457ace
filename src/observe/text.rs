//! Prometheus's text format, for the families that are rendered at scrape.

use std::fmt::Write;

use super::family::Family;

/// Writes one family, or nothing if it has no series. Each series: the label values in the family's order, and the
/// value.
pub fn write_family(text: &mut String, family: &Family, series: &[(Vec<String>, f64)]) {
    if series.is_empty() {
        return;
    }
    // Writing to a String can't fail.
    let _ = writeln!(text, "# HELP {} {}", family.name, family.help);
    let _ = writeln!(text, "# TYPE {} {}", family.name, family.kind.as_str());
    for (values, value) in series {
        let labels: Vec<String> =
            family.labels.iter().zip(values).map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let braced = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(text, "{}{braced} {value}", family.name);
    }
    text.push('\n');
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
