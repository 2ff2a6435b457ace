//! dev/bench without its servers: its options, its second load, and what becomes of its results.

// What only measurements use is not used here.
#[allow(dead_code)]
#[path = "../../benches/bench/loads/mod.rs"]
mod loads;
#[allow(dead_code)]
#[path = "../../benches/bench/report/mod.rs"]
mod report;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use foldback::codec::{Framing, encode_order};
use foldback::domain::orders::event::OrderEvent;
use foldback::domain::timestamp::Timestamp;
use foldback::samples::SampleEvent;
use uuid::Uuid;

use loads::LoadKind;
use report::compare::{Verdict, compare};
use report::docs;
use report::figure::{Better, Figure, FigureId};
use report::phases;
use report::results::Results;
use report::statistics::{median, quantile};
use report::tables::tables;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn fixture() -> Results {
    Results::read(&root().join("tests/offline/bench/results.json")).unwrap()
}

fn figure(better: Better, samples: &[f64]) -> Figure {
    let id = FigureId { measure: "m".into(), load: "l".into(), case: "c".into(), name: "n".into() };
    Figure { id, unit: "s".into(), better, samples: samples.to_vec() }
}

fn bench(arguments: &[&str]) -> Output {
    Command::new("bash").arg(root().join("dev/bench")).args(arguments).output().unwrap()
}

#[test]
fn options_that_are_not_understood_are_refused_before_anything_is_built() {
    let cases: [(&[&str], &str); 9] = [
        (&["nonsense"], "error: there is no measurement \"nonsense\": parts rebuild live scale freshness api\n"),
        (
            &["rebuild", "nonsense"],
            "error: there is no measurement \"nonsense\": parts rebuild live scale freshness api\n",
        ),
        (&["--nonsense"], "error: there is no option \"--nonsense\": dev/bench --help\n"),
        (&["--json"], "error: --json needs a value: dev/bench --help\n"),
        (&["--json", "--tuned"], "error: --json needs a value: dev/bench --help\n"),
        (&["--load", "huge"], "error: --load takes publish or small, not \"huge\"\n"),
        (&["compare", "one"], "error: compare takes two files of results\n"),
        (&["compare", "no-such-a", "no-such-b"], "error: there is no file no-such-a\n"),
        (&["--write", "no-such-file"], "error: there is no file no-such-file\n"),
    ];
    for (arguments, expected) in cases {
        let Output { status, stdout, stderr } = bench(arguments);
        assert_eq!((status.code(), stdout.len()), (Some(1), 0), "{arguments:?}");
        assert_eq!(String::from_utf8(stderr).unwrap(), expected, "{arguments:?}");
    }
}

#[test]
fn its_help_names_every_measurement() {
    let Output { status, stdout, .. } = bench(&["--help"]);
    assert!(status.success());
    let help = String::from_utf8(stdout).unwrap();
    for name in ["parts", "rebuild", "live", "scale", "freshness", "api", "compare", "micro"] {
        assert!(help.contains(&format!("\n  {name} ")), "{name} is not explained");
    }
}

fn small_events(count: usize) -> Vec<OrderEvent> {
    let base = Timestamp::parse("2026-11-23T10:00:00Z").unwrap();
    let events = LoadKind::Small.events(base, 24).map(|event| match event {
        SampleEvent::Order(event) => event,
        SampleEvent::Run(_) => panic!("the small load has no runs"),
    });
    events.take(count).collect()
}

#[test]
fn the_small_load_is_the_same_in_every_commit() {
    let (events, again) = (small_events(60_000), small_events(60_000));
    assert_eq!(events, again);
    let bytes: Vec<u8> =
        events.iter().flat_map(|event| encode_order(event, Framing::SingleObject(0)).unwrap()).collect();
    assert_eq!(Uuid::new_v5(&Uuid::NAMESPACE_OID, &bytes).to_string(), "ddf0c1b0-5472-52aa-8ec0-8f3e93044e14");
}

#[test]
fn small_events_have_186_bytes_on_average() {
    let events = small_events(300_000);
    let bytes: usize = events.iter().map(|event| encode_order(event, Framing::SingleObject(0)).unwrap().len()).sum();
    let mean = bytes as f64 / events.len() as f64;
    assert!((184.0..188.0).contains(&mean), "{mean}");
}

#[test]
fn orders_of_the_small_load_have_3_to_6_events_among_20_000_open_ones() {
    let events = small_events(400_000);
    let mut seen: BTreeMap<Uuid, i64> = BTreeMap::new();
    let mut first: HashMap<Uuid, usize> = HashMap::new();
    let mut apart = Vec::new();
    for (number, event) in events.iter().enumerate() {
        let sequence = seen.entry(event.provider_order_id).or_default();
        *sequence += 1;
        assert_eq!(event.sequence, *sequence, "an order's events follow one another");
        match event.sequence {
            1 => drop(first.insert(event.provider_order_id, number)),
            2 => apart.push((number - first[&event.provider_order_id]) as f64),
            _ => {}
        }
    }
    let begun_early = |id: &Uuid| first[id] < 100_000;
    let lengths: Vec<i64> = seen.iter().filter(|(id, _)| begun_early(id)).map(|(_, length)| *length).collect();
    assert_eq!((lengths.iter().min(), lengths.iter().max()), (Some(&3), Some(&6)));
    // Each of 20,000 is as likely to be next: half of the times are below 20,000 * ln 2.
    let between = median(&apart);
    assert!((13_000.0..15_000.0).contains(&between), "{between} events lie between the first two of an order");
}

#[test]
fn each_phase_of_a_rebuild_has_its_seconds() {
    let lines = [
        (0.4, "generation 2: folding, 0.0 %"),
        (2.4, "generation 2: folding, 41.3 %, 52,310 events/s, ETA 0:09"),
        (5.0, "generation 2: settling orders"),
        (5.5, "generation 1 was dropped (generations.keep)"),
        (8.0, "generation 2: catching up, 98.0 %"),
        (9.0, "generation 2: settling orders"),
    ];
    let expected = [("folding", 5.0), ("settling orders", 4.0), ("catching up", 1.0)];
    assert_eq!(phases::seconds(&lines, 10.0), expected.map(|(phase, seconds)| (phase.to_owned(), seconds)));
    assert_eq!(phases::seconds(&[], 10.0), []);
}

#[test]
fn medians_and_quantiles_are_samples_or_between_two() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    assert!(median(&[]).is_nan());
    let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
    assert_eq!([0.0, 0.5, 0.99, 1.0].map(|share| quantile(&hundred, share)), [1.0, 51.0, 100.0, 100.0]);
}

#[test]
fn a_difference_counts_if_the_ranges_of_the_samples_do_not_meet() {
    let of = |better, a: &[f64], b: &[f64]| Verdict::of(&figure(better, a), &figure(better, b));
    assert_eq!(of(Better::More, &[10.0, 12.0], &[12.1, 13.0]), Verdict::Better);
    assert_eq!(of(Better::Less, &[10.0, 12.0], &[12.1, 13.0]), Verdict::Worse);
    assert_eq!(of(Better::Less, &[12.1, 13.0], &[10.0, 12.0]), Verdict::Better);
    assert_eq!(of(Better::More, &[10.0, 12.0], &[12.0, 13.0]), Verdict::WithinSpread);
    assert_eq!(of(Better::Neither, &[10.0, 12.0], &[12.1, 13.0]), Verdict::Differs);
    assert_eq!(of(Better::More, &[10.0], &[12.0, 13.0]), Verdict::NoSpread);
}

#[test]
fn two_runs_are_compared_figure_by_figure() {
    let (a, mut b) = (fixture(), fixture());
    for figure in b.figures.iter_mut().filter(|figure| figure.id.name == "rate") {
        figure.samples.iter_mut().for_each(|sample| *sample *= 2.0);
    }
    b.machine.cores = 64;
    b.figures.pop();
    let text = compare(&a, &b);
    assert!(text.starts_with("Beware: the machines or the servers' versions differ.\n"), "{text}");
    let line = "| rebuild | small | 500,000 events | rate, events/s | 40,000 (39,000–41,000) | 80,000 (78,000–82,000) | \
                2.00 | **better** |";
    assert!(text.contains(line), "{text}");
    assert!(text.contains("1 figures are in only one of the two."), "{text}");
}

#[test]
fn a_table_has_a_column_for_each_case() {
    let text = tables(&fixture(), 3);
    assert!(
        text.contains("### rebuild, small events\n\n| | 500,000 events | 2,000,000 events |\n|---|---:|---:|\n"),
        "{text}"
    );
    assert!(text.contains("| rate, events/s | 40,000 (39,000–41,000) | 38,000 (37,000–39,000) |\n"), "{text}");
}

#[test]
fn the_document_is_written_between_its_marks_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("benchmarks.md");
    let ours = fs::read_to_string(root().join("docs/benchmarks.md")).unwrap();
    let ours = ours + "\nWritten by hand.\n";
    fs::write(&document, &ours).unwrap();
    let (mut drawn, mut tuned) = (fixture(), fixture());
    drawn.distributions[0].id.case = "<500 events/s> & \"more\"".into();
    tuned.settings = "tuned".into();
    docs::write(&document, &[drawn, tuned]).unwrap();
    let written = fs::read_to_string(&document).unwrap();
    assert!(written.contains("## With Debian's default settings of Postgres\n"), "{written}");
    assert!(written.contains("## With tuned settings of Postgres\n"), "{written}");
    assert!(written.contains("Commit 0123456789ab, 2026-11-28T07:30:00Z, profile release; 2 cores"), "{written}");
    let around = |text: &str| {
        let (before, rest) = text.split_once("<!-- measured").unwrap();
        let (_, after) = rest.split_once("<!-- end of what").unwrap();
        (before.to_owned(), after.to_owned())
    };
    assert_eq!(around(&written), around(&ours));
    for file in ["rebuild-rate.svg", "rebuild-phases.svg", "freshness.svg"] {
        assert!(written.contains(&format!("(benchmarks/{file})")), "{file} is not shown");
        assert_well_formed(&folder.path().join("benchmarks").join(file));
    }
    // Written again, it is the same.
    let again = fs::read_to_string(&document).unwrap();
    docs::write(&document, &[fixture()]).unwrap();
    docs::write(&document, &[fixture(), Results { settings: "tuned".into(), ..fixture() }]).unwrap();
    assert_eq!(fs::read_to_string(&document).unwrap(), again);
}

/// Every element is closed, and no number is missing.
fn assert_well_formed(path: &Path) {
    let svg = fs::read_to_string(path).unwrap();
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').unwrap_or_else(|| panic!("{}: <{tag}", path.display()));
        assert!(!text.contains('>') && !tag.contains("NaN") && !tag.contains("inf"), "{}: <{tag}>", path.display());
        let name = tag.trim_start_matches('/').split(' ').next().unwrap();
        match (tag.starts_with('/'), tag.ends_with('/')) {
            (true, _) => assert_eq!(open.pop(), Some(name), "{}", path.display()),
            (false, false) => open.push(name),
            (false, true) => {}
        }
    }
    assert!(open.is_empty() && svg.starts_with("<svg "), "{}: {open:?}", path.display());
}

#[test]
fn a_document_without_marks_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("benchmarks.md");
    fs::write(&document, "# Benchmarks\n").unwrap();
    let error = docs::write(&document, &[fixture()]).unwrap_err();
    assert!(error.to_string().contains("lacks the lines"), "{error}");
    assert_eq!(fs::read_to_string(&document).unwrap(), "# Benchmarks\n");
}

#[test]
fn results_are_kept_whole_and_those_of_another_format_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/results.json");
    fixture().write(&path).unwrap();
    assert_eq!(Results::read(&path).unwrap(), fixture());
    Results { format: 99, ..fixture() }.write(&path).unwrap();
    let error = Results::read(&path).unwrap_err().to_string();
    assert!(error.ends_with("has format 99; this bench reads 1"), "{error}");
    fs::write(&path, "{}").unwrap();
    assert!(Results::read(&path).unwrap_err().to_string().contains("holds no results of dev/bench"));
}
