//! A running `stele serve`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::log::{Log, STELE, both, clear_line};
use crate::machine::spin;
use crate::statements::MARKER;
use crate::wire::Connection;

/// A server that is killed when a test ends without ending it.
pub(crate) struct Server {
    child: Child,
    /// The process that serves: the child, or the child of a tracer.
    pid: u32,
    pub(crate) address: SocketAddr,
    pub(crate) url: String,
    /// The line in which it said where it listens.
    pub(crate) ready: String,
    out: BufReader<ChildStdout>,
    err: PathBuf,
    _watchdog: Watchdog,
}

/// Ends a process that is still there after a bound that no sound test reaches, so that a hanging server fails
/// a test instead of hanging it.
struct Watchdog(#[expect(dead_code, reason = "its end is the message")] mpsc::Sender<()>);

impl Watchdog {
    fn over(pid: u32) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            if receiver.recv_timeout(Duration::from_secs(600)) == Err(mpsc::RecvTimeoutError::Timeout) {
                Command::new("kill").args(["-KILL", &pid.to_string()]).status().ok();
            }
        });
        Self(sender)
    }
}

impl Server {
    /// Starts a server on a port that the system chooses, and waits until it says where it listens.
    pub(crate) fn start(log: &Log) -> Self {
        Self::start_with(log, &[])
    }

    /// The same with options of `stele serve`.
    pub(crate) fn start_with(log: &Log, options: &[&str]) -> Self {
        let listen: &[&str] = if options.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        Self::start_as(log, &[&[STELE, "serve", log.path()], listen, options].concat())
    }

    /// Starts any command that serves the log, such as a server below a tracer; `{log}` in it is the folder.
    pub(crate) fn start_as(log: &Log, command: &[&str]) -> Self {
        Self::try_start(log, command)
            .unwrap_or_else(|output| panic!("the server did not start: {}", both(&output)))
    }

    /// Starts a server that has to refuse, with this exit code and one clear line; that line.
    pub(crate) fn refuse(log: &Log, options: &[&str]) -> String {
        Self::refuse_with(log, options, 2)
    }

    /// The same with another exit code.
    pub(crate) fn refuse_with(log: &Log, options: &[&str], code: i32) -> String {
        let listen: &[&str] = if options.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        match Self::try_start(log, &[&[STELE, "serve", log.path()], listen, options].concat()) {
            Ok(server) => panic!("it should not have started: {}", server.ready),
            Err(output) => {
                assert_eq!(output.status.code(), Some(code), "{}", both(&output));
                clear_line(&output)
            }
        }
    }

    /// Starts a server and kills it after burning some processor time, wherever it has got to by then.
    pub(crate) fn kill_while_starting(log: &Log, burn: u64) {
        let mut command = Command::new(STELE);
        command.args(["serve", log.path(), "--listen", "127.0.0.1:0"]);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        spin(burn);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn try_start(log: &Log, words: &[&str]) -> Result<Self, Output> {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let err = log.beside(&format!("serve-{}.err", STARTED.fetch_add(1, Ordering::Relaxed)));
        let mut command = Command::new(words[0]);
        command.args(words[1..].iter().map(|word| word.replace("{log}", log.path())));
        let errors = File::create(&err).unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let watchdog = Watchdog::over(child.id());
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        let (url, ready) = loop {
            let mut line = String::new();
            if out.read_line(&mut line).unwrap() == 0 {
                let status = child.wait().unwrap();
                return Err(Output { status, stdout: said.into_bytes(), stderr: fs::read(&err).unwrap() });
            }
            said.push_str(&line);
            if let Some(url) = listening(&line) {
                break (url, line);
            }
        };
        let address = url.split("://").nth(1).unwrap().trim_end_matches('/').parse().unwrap();
        let pid = if words[0] == STELE { child.id() } else { only_child_of(child.id()) };
        Ok(Self { child, pid, address, url, ready, out, err, _watchdog: watchdog })
    }

    /// A new connection to it.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address).unwrap()
    }

    /// Sends SIGTERM and does not wait.
    pub(crate) fn ask_to_stop(&self) {
        signal("-TERM", self.pid);
    }

    /// Sends SIGINT, as Ctrl-C does, and does not wait.
    pub(crate) fn interrupt(&self) {
        signal("-INT", self.pid);
    }

    /// Waits for its end; everything that it has said must be free of payloads.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.out, &mut rest).unwrap();
        let status = self.child.wait().unwrap();
        let err = self.errors();
        assert!(!rest.contains(MARKER) && !err.contains(MARKER), "a payload stands in the log: {rest}{err}");
        assert!(!err.contains("panicked"), "the server panicked: {err}");
        status
    }

    /// SIGTERM, and the end that it must lead to.
    pub(crate) fn stop(self) {
        self.ask_to_stop();
        let err = self.err.clone();
        let status = self.wait();
        assert!(status.success(), "SIGTERM ended it with {status}: {}", fs::read_to_string(err).unwrap());
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        if self.pid == self.child.id() {
            self.child.kill().unwrap();
        } else {
            // The tracer ends by itself, after it has written everything down.
            signal("-KILL", self.pid);
        }
        self.wait();
    }

    /// What it wrote to standard error so far.
    pub(crate) fn errors(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    /// The process that serves.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// The most memory it has had so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if self.pid != self.child.id() {
                signal("-KILL", self.pid);
            }
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// The address in the line that says where it listens.
fn listening(line: &str) -> Option<String> {
    let start = line.find("http://127.0.0.1:")?;
    let end = line[start..].find(['"', ',', ' ', '\n']).map_or(line.len(), |length| start + length);
    Some(line[start..end].to_owned())
}

fn only_child_of(pid: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.trim().parse().unwrap()
}

fn signal(which: &str, pid: u32) {
    let sent = Command::new("kill").args([which, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}
