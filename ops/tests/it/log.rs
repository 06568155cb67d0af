//! The folder of a log, made by `stele init`, and the command line around it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ledger::PrivateKey;
use tempfile::TempDir;

/// The binary under test.
pub(crate) const STELE: &str = env!("CARGO_BIN_EXE_stele");

/// The `iss` of the logs made here.
pub(crate) const SERVICE: &str = "https://ts.example";

/// A log in a temporary folder that ends with it.
pub(crate) struct Log {
    temp: TempDir,
    pub(crate) dir: PathBuf,
}

impl Log {
    /// `stele init` with the defaults, and without what several servers on one machine would fight over.
    pub(crate) fn create() -> Self {
        Self::create_with(&[])
    }

    pub(crate) fn create_with(options: &[&str]) -> Self {
        Self::create_at(SERVICE, options)
    }

    pub(crate) fn create_at(url: &str, options: &[&str]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("log");
        let mut arguments = vec!["init", dir.to_str().unwrap(), "--service-url", url];
        arguments.extend_from_slice(options);
        succeed(&arguments);
        let log = Self { temp, dir };
        log.set("listen", "private", "\"off\"");
        log.set("limits", "rate_requests", "0");
        // A machine that is busy with other things makes everything slow; that must fail no test.
        for (section, name, value) in [
            ("listen", "stop_grace_s", "600"),
            ("limits", "body_read_ms", "600000"),
            ("limits", "request_ms", "1500000"),
            ("ledger", "register_deadline_ms", "600000"),
            // Most tests know every entry of the log, so nothing may come between theirs.
            ("ledger", "manifest_entries", "0"),
        ] {
            log.set(section, name, value);
        }
        log
    }

    /// The same log again at another place, byte for byte as it lies on the disk.
    pub(crate) fn copy(&self) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("log");
        copy_folder(&self.dir, &dir);
        Self { temp, dir }
    }

    /// A log restored from a backup, with the keys of this one and its settings for tests.
    pub(crate) fn restored(&self, backup: &str) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("log");
        let keys = self.dir.join("keys");
        succeed(&["restore", backup, dir.to_str().unwrap(), "--keys", keys.to_str().unwrap()]);
        Self { temp, dir }
    }

    /// A path beside the log, for files of a test.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// Replaces one setting of `stele.toml`, or adds it at the end of its section.
    pub(crate) fn set(&self, section: &str, name: &str, value: &str) {
        let file = self.dir.join("stele.toml");
        let mut lines: Vec<String> = fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
        let header = format!("[{section}]");
        let start = match lines.iter().position(|line| *line == header) {
            Some(start) => start,
            None => {
                lines.push(header);
                lines.len() - 1
            }
        };
        let end = lines[start + 1..]
            .iter()
            .position(|line| line.starts_with('['))
            .map_or(lines.len(), |offset| start + 1 + offset);
        let setting = format!("{name} = {value}");
        let known = lines[start..end].iter().position(|line| line.starts_with(&format!("{name} = ")));
        match known {
            Some(offset) => lines[start + offset] = setting,
            None => lines.insert(start + 1, setting),
        }
        fs::write(&file, lines.join("\n") + "\n").unwrap();
    }

    pub(crate) fn path(&self) -> &str {
        self.dir.to_str().unwrap()
    }

    pub(crate) fn operator_file(&self) -> PathBuf {
        self.dir.join("keys/operator.pem")
    }

    /// One of the log's keys.
    pub(crate) fn key(&self, role: &str) -> PrivateKey {
        let pem = fs::read_to_string(self.dir.join(format!("keys/{role}.pem"))).unwrap();
        PrivateKey::from_pem(&pem).unwrap()
    }

    /// The folder of the database.
    pub(crate) fn database(&self) -> PathBuf {
        self.dir.join("store/db")
    }

    /// The files of the database with this extension, the largest last.
    pub(crate) fn database_files(&self, extension: &str) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(self.database())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension() == Some(OsStr::new(extension)))
            .collect();
        files.sort_by_key(|path| fs::metadata(path).unwrap().len());
        files
    }

    /// `stele fsck`, which must find nothing.
    pub(crate) fn assert_clean(&self) {
        succeed(&["fsck", self.path()]);
    }
}

/// Options of the commands that talk to a service, for a machine that is busy with other things.
pub(crate) const PATIENT: [&str; 4] = ["--request-timeout", "600", "--wait", "600"];

/// Runs `stele` to its end.
pub(crate) fn stele<S: AsRef<OsStr>>(arguments: &[S]) -> Output {
    Command::new(STELE).args(arguments).output().unwrap()
}

/// Runs `stele`, which has to succeed; what it wrote to standard output.
pub(crate) fn succeed<S: AsRef<OsStr> + std::fmt::Debug>(arguments: &[S]) -> String {
    let output = stele(arguments);
    assert!(output.status.success(), "stele {arguments:?}: {}", both(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs `stele`, which has to fail with this code and one clear line (a hint may follow); that line.
pub(crate) fn fail<S: AsRef<OsStr> + std::fmt::Debug>(arguments: &[S], code: i32) -> String {
    let output = stele(arguments);
    assert_eq!(output.status.code(), Some(code), "stele {arguments:?}: {}", both(&output));
    clear_line(&output)
}

/// The one line that says why a command failed: no panic, no backtrace, at most hints beside it.
pub(crate) fn clear_line(output: &Output) -> String {
    let err = String::from_utf8(output.stderr.clone()).unwrap();
    let lines: Vec<_> = err.lines().filter(|line| line.starts_with("stele: ")).collect();
    assert_eq!(lines.len(), 1, "not one clear line: {}", both(output));
    for noise in ["panicked", "RUST_BACKTRACE", "stack backtrace"] {
        assert!(!err.contains(noise), "{err}");
    }
    lines[0].to_owned()
}

pub(crate) fn both(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Copies a folder and all in it, but for the socket of a service that was killed.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
