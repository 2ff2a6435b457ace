use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::command::{Output, binary, signal};

/// A verb that works while the test goes on. Dropping it kills it.
pub struct Background {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Background {
    pub fn start(args: &[&str], env: &[(String, String)]) -> Self {
        let name = format!("foldback-{}", Uuid::now_v7());
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let [stdout, stderr] = ["stdout", "stderr"].map(|stream| directory.join(format!("{name}.{stream}")));
        let mut command = binary(args, env);
        command.stdout(Stdio::from(File::create(&stdout).expect("a file for stdout")));
        command.stderr(Stdio::from(File::create(&stderr).expect("a file for stderr")));
        Self { child: command.spawn().expect("foldback starts"), stdout, stderr }
    }

    /// SIGKILL, as a crash; what it had written by then, with no exit code unless it had ended before.
    pub fn kill(mut self) -> Output {
        let code = self.exited().and_then(|status| status.code());
        self.end();
        self.output(code)
    }

    /// SIGINT, as Ctrl-C.
    pub fn interrupt(&self) {
        self.signal("INT");
    }

    /// Such as `STOP`, which freezes it.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// How it ended, if it did.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("own child can be asked")
    }

    /// Everything it wrote so far, standard error last.
    pub fn written(&self) -> String {
        let Output { stdout, stderr, .. } = self.output(None);
        format!("{stdout}{stderr}")
    }

    /// Waits for its end; panics with what it wrote where that takes longer than `timeout`.
    pub async fn wait(mut self, timeout: Duration) -> Output {
        let end = Instant::now() + timeout;
        loop {
            if let Some(status) = self.exited() {
                return self.output(status.code());
            }
            assert!(Instant::now() < end, "still there after {timeout:?}:\n{}", self.written());
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn output(&self, code: Option<i32>) -> Output {
        let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        Output { code, stdout: read(&self.stdout), stderr: read(&self.stderr) }
    }

    fn end(&mut self) {
        // Fails only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.end();
    }
}
