use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::timeout;

const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// What a finished `foldback` left behind.
#[derive(Debug, Clone)]
pub struct Output {
    /// None where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Panics with both streams unless the exit code was `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON; panics where it isn't.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in stdout:\n{}", self.stdout))
    }
}

/// The binary under test, or the one that FOLDBACK_BINARY names, with exactly `env` of FOLDBACK__ variables: none is
/// inherited from the caller's shell.
pub fn binary(args: &[&str], env: &[(String, String)]) -> Command {
    let mut command =
        Command::new(std::env::var_os("FOLDBACK_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_foldback").into()));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FOLDBACK__") {
            command.env_remove(name);
        }
    }
    command.args(args).envs(env.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
    command
}

/// The same command, which may hold this many files and connections open.
pub fn with_descriptors(command: &Command, max: u32) -> Command {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -n {max} && exec \"$0\" \"$@\"")]);
    limited.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

/// Runs to the end off the async threads; panics after two minutes.
pub async fn run(mut command: Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("foldback starts");
    let id = child.id();
    let finished = tokio::task::spawn_blocking(move || child.wait_with_output());
    let Ok(joined) = timeout(COMMAND_TIMEOUT, finished).await else {
        signal(id, "KILL");
        panic!("{command:?} did not end within {COMMAND_TIMEOUT:?}");
    };
    let output = joined.unwrap().expect("output of foldback can be read");
    Output { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Sends a signal by the shell's own `kill`: unsafe code is denied, and a bare Debian has no /bin/kill.
pub fn signal(id: u32, name: &str) {
    Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().expect("sh runs");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
