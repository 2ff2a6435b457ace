//! Secrets are planted wherever one can stand, and everything that any verb prints is searched for them, at the most
//! talkative level of the log.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::verbs;

const SECRET: &str = "S3CR3T";
/// How `u:S3CR3T` begins in the header of HTTP's basic authentication.
const ENCODED: &str = "dTpTM0NS";
const TOKEN: &str = "S3CR3T-token-0123456789";
/// A verb that waits for longer is ended: what it printed until then counts.
const LISTENED: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(60);
/// They wait more than they work.
const THREADS: usize = 12;

/// Each is used before it fails: nothing listens at port 1.
const SECRETS: [(&str, &str); 6] = [
    ("postgres.url", "postgres://u:S3CR3T-1@127.0.0.1:1/db?password=S3CR3T-2&options=-c%20a.b%3DS3CR3T-3"),
    ("redis.url", "redis://u:S3CR3T-4@127.0.0.1:1/0?x=S3CR3T-5"),
    ("schema_registry.url", "http://u:S3CR3T-6@127.0.0.1:1/base?token=S3CR3T-7"),
    ("kafka.properties.sasl.password", "S3CR3T-8"),
    ("kafka.properties.ssl.key.password", "S3CR3T-9"),
    ("http.token", TOKEN),
];
/// librdkafka's own debugging is on as well.
const PLAIN: [(&str, &str); 9] = [
    ("kafka.brokers", "127.0.0.1:1"),
    ("kafka.properties.security.protocol", "SASL_PLAINTEXT"),
    ("kafka.properties.sasl.mechanism", "SCRAM-SHA-256"),
    ("kafka.properties.sasl.username", "u"),
    ("kafka.properties.debug", "all"),
    ("kafka.properties.message.timeout.ms", "1000"),
    ("http.listen", "127.0.0.1:0"),
    ("postgres.connect_timeout_ms", "1000"),
    ("log.level", "trace"),
];
const FLAGS: [&[&str]; 3] = [
    &["verify", "--metrics-url", "http://u:S3CR3T@127.0.0.1:1/?token=S3CR3T"],
    &["run", "--brokers", "u:S3CR3T@127.0.0.1:1"],
    &["run", "--http-listen", "http://u:S3CR3T@127.0.0.1:1"],
];

/// Where the settings of a process come from.
#[derive(Default)]
struct Setup {
    environment: Vec<(String, String)>,
    /// Holds `foldback.toml`.
    folder: Option<TempDir>,
}

impl Setup {
    /// By the environment.
    fn variables(settings: &[(&str, &str)]) -> Setup {
        let environment = settings.iter().map(|(key, value)| (variable(key), (*value).to_owned())).collect();
        Setup { environment, ..Setup::default() }
    }

    /// By a file of this text.
    fn file(toml: String) -> Setup {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("foldback.toml"), toml).unwrap();
        Setup { folder: Some(folder), ..Setup::default() }
    }

    fn command(&self, line: &[String]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_foldback"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("FOLDBACK__") {
                command.env_remove(name);
            }
        }
        command.args(line).envs(self.environment.iter().cloned());
        command.env("HTTP_PROXY", "http://u:S3CR3T-proxy@127.0.0.1:1").env("http_proxy", "http://u:S3CR3T@127.0.0.1:1");
        if let Some(folder) = &self.folder {
            command.arg("--config").arg(folder.path().join("foldback.toml"));
        }
        command
    }

    /// Everything that it prints, and its exit code if it ends by itself.
    fn run(&self, line: &[String]) -> (String, Option<i32>) {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Process::start(self.command(line), folder.path());
        let end = Instant::now() + LISTENED;
        while process.child.try_wait().unwrap().is_none() && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
        let code = process.child.try_wait().unwrap().and_then(|status| status.code());
        process.end();
        (process.written(), code)
    }
}

struct Process {
    child: Child,
    log: std::path::PathBuf,
}

impl Process {
    fn start(mut command: Command, folder: &Path) -> Process {
        let log = folder.join("written");
        let file = File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        Process { child: command.spawn().unwrap(), log }
    }

    fn written(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }

    fn end(&mut self) {
        // Fails only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn variable(key: &str) -> String {
    match key.strip_prefix("kafka.properties.") {
        Some(property) => format!("FOLDBACK__KAFKA__PROPERTIES__{}", property.replace('.', "_").to_uppercase()),
        None => format!("FOLDBACK__{}", key.replace('.', "__").to_uppercase()),
    }
}

/// `kafka.properties.sasl.password` is TOML as it stands.
fn toml(settings: &[(&str, &str)]) -> String {
    settings.iter().map(|(key, value)| format!("{key} = \"{value}\"\n")).collect()
}

fn settings() -> Vec<(&'static str, &'static str)> {
    PLAIN.into_iter().chain(SECRETS).collect()
}

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|word| (*word).to_owned()).collect()
}

#[track_caller]
fn assert_silent(what: &str, text: &str) {
    let shown: Vec<&str> = text.lines().filter(|line| line.contains(SECRET) || line.contains(ENCODED)).collect();
    assert!(shown.is_empty(), "{what} shows a secret:\n{}", shown.join("\n"));
}

/// Runs each line, several at a time; what they show is told together.
fn search(setup: &Setup, lines: Vec<Vec<String>>, check: impl Fn(&[String], &str, Option<i32>) + Sync) {
    let waiting = Mutex::new(lines);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let line = waiting.lock().unwrap().pop();
                    let Some(line) = line else { return };
                    let (text, code) = setup.run(&line);
                    assert_silent(&line.join(" "), &text);
                    check(&line, &text, code);
                }
            });
        }
    });
}

fn understood(line: &[String], text: &str, _: Option<i32>) {
    verbs::assert_understood(line, text);
    assert!(!text.is_empty(), "{line:?} says nothing");
}

fn lines() -> Vec<Vec<String>> {
    let help = verbs::command_lines().into_iter().map(|line| [line, words(&["--help"])].concat());
    verbs::command_lines().into_iter().chain(help).chain(FLAGS.map(words)).collect()
}

#[test]
fn no_verb_shows_a_secret_of_the_environment() {
    search(&Setup::variables(&settings()), lines(), |line, text, code| {
        if !line.contains(&"--help".to_owned()) && !FLAGS.iter().any(|flags| words(flags) == line) {
            understood(line, text, code);
        }
    });
}

#[test]
fn no_verb_shows_a_secret_of_the_file() {
    let more = [("kafka.properties.log_level", "7"), ("log.format", "json")];
    let setup = Setup::file(toml(&[&settings()[..], &more].concat()));
    search(&setup, verbs::command_lines(), understood);
}

#[test]
fn no_verb_shows_a_secret_that_has_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::variables(&PLAIN);
    for (key, secret) in SECRETS {
        let path = folder.path().join(key);
        fs::write(&path, format!("{secret}\n")).unwrap();
        setup.environment.push((format!("{}_FILE", variable(key)), path.to_str().unwrap().to_owned()));
    }
    search(&setup, verbs::command_lines(), understood);
}

/// Settings that are refused: each verb but those that read no settings says which, and nothing of its value.
#[test]
fn a_secret_behind_a_wrong_name_or_in_a_wrong_place_is_not_shown() {
    let wrong = [
        ("kafka.properties.sasl.passwrod", "S3CR3T", "sasl.passwrod"),
        ("kafka.properties.sasl.oauthbearer.client.secrets", "S3CR3T", "sasl.oauthbearer.client.secrets"),
        ("kafka.properties.socket.timeout.ms", "S3CR3T", "socket.timeout.ms"),
        ("postgres.url", "postgres://u:S3CR3T@127.0.0.1:1/db?sslpassword=S3CR3T", "sslpassword"),
        ("postgres.url", "postgres://u:S3CR3T@127.0.0.1:1/db?passwrod=S3CR3T", "postgres.url"),
        ("postgres.urll", "postgres://u:S3CR3T@127.0.0.1:1/db", "postgres.urll"),
        ("kafka.brokers", "u:S3CR3T@127.0.0.1:1", "kafka.brokers"),
        ("http.listen", "http://u:S3CR3T@127.0.0.1:1", "http.listen"),
        ("http.token", "S3CR3T", "http.token"),
        ("postgres.url_file", "postgres://u:S3CR3T@127.0.0.1:1/db", "postgres.url_file"),
        ("kafka.properties.sasl.password_file", "S3CR3T", "password_file"),
    ];
    let quick: Vec<Vec<String>> =
        [&["config", "check"][..], &["config", "show"], &["doctor"], &["run"], &["status"], &["rebuild", "--plan"]]
            .map(words)
            .to_vec();
    for (key, value, named) in wrong {
        let kept = PLAIN.iter().chain(&SECRETS).filter(|(name, _)| !key.starts_with(name)).copied();
        let by_variable = kept.clone().chain([(key, value)]).collect::<Vec<_>>();
        let by_file = Setup::file(toml(&kept.chain([(key, value)]).collect::<Vec<_>>()));
        for setup in [Setup::variables(&by_variable), by_file] {
            search(&setup, quick.clone(), |line, text, code| {
                let is_plain = line == words(&["config", "show"]) || line == words(&["status"]);
                if code == Some(2) || !is_plain {
                    let told = text.to_lowercase().replace("__", ".");
                    assert!(told.contains(named) && code == Some(2), "{line:?} with a wrong {key}: {text}");
                }
            });
        }
    }
}

/// The parser's own errors show the line.
#[test]
fn a_line_that_is_no_toml_is_told_by_its_number_alone() {
    for line in [
        "sasl.password = S3CR3T",
        "sasl.password = 'S3CR3T",
        "sasl.password = \"S3CR3T",
        "sasl.password = \"\\S3CR3T\"",
        "sasl.password = \"a\" S3CR3T",
        "sasl.password \"S3CR3T\"",
        "sasl.password: S3CR3T",
        "sasl.password = 12S3CR3T",
        "S3CR3T",
        "sasl.password = \"S3CR3T\"\nsasl.password = \"S3CR3T\"",
        "sasl.password = [\"S3CR3T\"]",
    ] {
        let setup = Setup::file(format!("[kafka.properties]\n{line}\n"));
        for verb in [&["config", "check"][..], &["run"], &["status"]] {
            let (text, code) = setup.run(&words(verb));
            assert_silent(line, &text);
            assert!(code == Some(2) && (text.contains(", line ") || text.contains("must be a string")), "{text}");
        }
    }
}

/// Passwords with characters that a URL must not have, forgotten parts, parameters with wrong values.
#[test]
fn no_part_of_a_url_but_its_address_is_shown_however_it_is_mistyped() {
    let of_postgres = [
        "postgres://u:S3CR3T/x@127.0.0.1:1/d",
        "postgres://u:S3CR3T?x@127.0.0.1:1/d",
        "postgres://u@x:S3CR3T?y@127.0.0.1:1/d",
        "postgres://u:S3CR3T#x@127.0.0.1:1/d",
        "postgres://u:S3CR3T%@127.0.0.1:1/d",
        "postgres://u:1/S3CR3T@127.0.0.1:1/d",
        "postgres://u:S3CR3T",
        "postgres://u:p@127.0.0.1:S3CR3T/d",
        "postgres://u:p@127.0.0.1:1/d?sslmode=S3CR3T",
        "postgres://u:p@127.0.0.1:1/d?port=S3CR3T",
        "postgres://u:p@127.0.0.1:1/d?statement-cache-capacity=S3CR3T",
        "postgres://u:p@127.0.0.1:1/d?S3CR3T=1",
        "S3CR3T",
    ];
    let of_redis = [
        "redis://:S3CR3T/x@127.0.0.1:1",
        "redis://:S3CR3T?x@127.0.0.1:1",
        "redis://:1/S3CR3T@127.0.0.1:1",
        "redis://:S3CR3T%zz@127.0.0.1:1",
        "redis://:p@127.0.0.1:S3CR3T",
        "redis://127.0.0.1:1/0?protocol=S3CR3T",
        "rediss://:S3CR3T@127.0.0.1:1/#S3CR3T",
        "redis://:S3CR3T@",
    ];
    let of_registry = [
        "http://u:S3CR3T/x@127.0.0.1:1",
        "http://127.0.0.1:1/S3CR3T@127.0.0.1:1",
        "http://u:p@127.0.0.1:S3CR3T",
        "http://u:S3CR3T@127.0.0.1:1/#S3CR3T",
        "http://u:S3CR3T@127.0.0.1:1/base?S3CR3T",
        "http://u:S3CR3T@[::1",
        "http://u:S3CR3T@",
    ];
    let urls = of_postgres.iter().map(|url| ("postgres.url", *url));
    let urls = urls.chain(of_redis.iter().map(|url| ("redis.url", *url)));
    let waiting: Mutex<Vec<_>> =
        Mutex::new(urls.chain(of_registry.iter().map(|url| ("schema_registry.url", *url))).collect());
    let verbs = [&["config", "check"][..], &["config", "show"], &["doctor"], &["status"], &["schemas", "check"]];
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().pop();
                    let Some((key, url)) = next else { return };
                    let kept = PLAIN.iter().chain(&SECRETS).filter(|(name, _)| *name != key).copied();
                    let setup = Setup::variables(&kept.chain([(key, url)]).collect::<Vec<_>>());
                    for verb in verbs {
                        assert_silent(&format!("{verb:?} with {url}"), &setup.run(&words(verb)).0);
                    }
                }
            });
        }
    });
}

/// `run` waits for its servers meanwhile, and says so wherever it says anything.
#[test]
fn no_answer_over_http_shows_a_secret() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let listen = [("http.listen", address.as_str())];
    let kept = settings().into_iter().filter(|(name, _)| *name != "http.listen");
    let setup = Setup::variables(&kept.chain(listen).collect::<Vec<_>>());
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(setup.command(&words(&["run"])), folder.path());
    let end = Instant::now() + PATIENCE;
    while !process.written().contains("waiting for it") {
        assert!(Instant::now() < end, "{}", process.written());
        thread::sleep(Duration::from_millis(20));
    }
    let document = ask(&address, "/openapi.json", Some(TOKEN));
    let json: serde_json::Value = serde_json::from_str(document.split_once("\r\n\r\n").unwrap().1).unwrap();
    let mut paths: BTreeSet<String> = json["paths"].as_object().unwrap().keys().cloned().collect();
    assert!(paths.len() > 10, "{paths:?}");
    paths.extend(["/nowhere".to_owned()]);
    let mut answers = document;
    for path in paths.iter().map(|path| path.replace("{id}", "1")) {
        for token in [None, Some(TOKEN), Some("S3CR3T-of-another-one")] {
            for query in ["", "?token=S3CR3T", "?access_token=S3CR3T-token-0123456789"] {
                answers += &ask(&address, &format!("{path}{query}"), token);
            }
        }
    }
    assert!(answers.contains(" 401 ") && answers.contains(" 503 ") && answers.contains("foldback_condition"));
    process.end();
    assert_silent("HTTP", &answers);
    assert_silent("the log of run", &process.written());
}

fn ask(address: &str, path: &str, token: Option<&str>) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{authorization}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
