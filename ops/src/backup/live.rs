//! Asking the running service for a copy, over a socket in the log's own folder: whoever may enter the folder may ask,
//! nobody else, and the request names no path. The copy lives as long as the connection.

use super::take::Source;
use crate::datadir::DataDir;
use crate::failure::Failure;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is asked.
pub(crate) const REQUEST: &str = "freeze\n";
/// The longest line either side reads, in bytes.
pub(crate) const MAX_LINE: u64 = 4096;
/// How long the service may take to write out what it has in memory.
const PATIENCE: Duration = Duration::from_secs(600);

/// What the service answers: one line of JSON.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// A copy of the store is in this folder below the log's, until the connection ends.
    Frozen(String),
    /// Another backup is being made.
    Busy,
    /// It cannot be done.
    Failed(String),
}

/// The socket of a service that has this log open.
pub(crate) fn socket(folder: &DataDir) -> Result<(PathBuf, Option<File>), Failure> {
    const NAME: &str = "admin.sock";
    /// The longest name of a socket, in bytes, is 107.
    const LONGEST: usize = 100;
    let plain = folder.root().join(NAME);
    if plain.as_os_str().len() <= LONGEST {
        return Ok((plain, None));
    }
    // The same place by a name that is short wherever the folder lies; it holds as long as the folder is open.
    let held =
        File::open(folder.root()).with_context(|| format!("cannot open {}", folder.root().display()))?;
    Ok((PathBuf::from(format!("/proc/self/fd/{}/{NAME}", held.as_raw_fd())), Some(held)))
}

/// Asks the service that has the log open for a copy; none if no service runs.
pub(super) fn freeze(folder: &DataDir) -> Result<Option<Source>, Failure> {
    let (path, _held) = socket(folder)?;
    let mut stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => {
            return Err(Failure::local(format_args!(
                "cannot ask the service at {}: {error}",
                path.display()
            )));
        }
    };
    let asked = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.write_all(REQUEST.as_bytes()));
    asked.context("cannot ask the running service for a copy")?;
    let mut line = String::new();
    BufReader::new((&stream).take(MAX_LINE))
        .read_line(&mut line)
        .context("the running service did not answer")?;
    match serde_json::from_str(&line) {
        Ok(Answer::Frozen(below)) if super::copy::is_below(Path::new(&below)) => {
            Ok(Some(Source::Live { store: folder.root().join(below), lease: stream }))
        }
        Ok(Answer::Busy) => Err(Failure::unreachable("another backup of this log is being made")
            .hint("wait for it to end, then run the command again")),
        Ok(Answer::Failed(why)) => {
            Err(Failure::local(format_args!("the running service cannot make a copy: {why}")))
        }
        _ => Err(Failure::unreachable("the service ended before it had made a copy")
            .hint("run the command again; it copies the files of a log that nobody serves")),
    }
}
