use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The clock of a trial's instances, which a trial sets: by libfaketime, which every call of the system's wall clock
/// passes. The monotonic clock goes on, as it does when somebody sets the time of a machine.
pub struct Clock {
    directory: TempDir,
    /// What is loaded before foldback's own libraries.
    libraries: String,
}

impl Clock {
    /// None where libfaketime is not installed.
    pub fn new() -> Option<Self> {
        let library = fs::read_dir("/usr/lib")
            .ok()?
            .filter_map(Result::ok)
            .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
            .find(|path| path.exists())?;
        let directory = tempfile::tempdir().unwrap();
        let libraries = format!("{} {}", compiled(directory.path()).display(), library.display());
        let clock = Self { directory, libraries };
        clock.set(0);
        Some(clock)
    }

    /// So many seconds before or behind the machine's.
    pub fn set(&self, seconds: i64) {
        let (file, new) = (self.file(), self.directory.path().join("new"));
        fs::write(&new, format!("{seconds:+}")).unwrap();
        // Nobody reads half of it.
        fs::rename(new, file).unwrap();
    }

    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("LD_PRELOAD", self.libraries.clone()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("time")
    }
}

fn compiled(directory: &Path) -> PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/chaos/cnd_timedwait.c");
    let library = directory.join("cnd_timedwait.so");
    let done = Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(source).status();
    assert!(done.expect("cc runs").success());
    library
}
