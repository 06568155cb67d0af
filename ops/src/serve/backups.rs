//! Copies of the log for `stele backup`, made by the service that has it open. Whoever may enter the log's folder may ask,
//! over a socket in it; the request names nothing. A copy lasts as long as the connection over which it was asked for.

use crate::backup::{Answer, MAX_LINE, REQUEST, socket};
use crate::datadir::DataDir;
use anyhow::Context;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use storage::{RocksStore, StoreError};

/// How long somebody who connects may say nothing.
const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
/// How long a copy is kept for somebody who does not end: longer than copying any log takes.
const LONGEST_LEASE: Duration = Duration::from_secs(24 * 60 * 60);

/// The open door. Nobody new is let in once it is gone.
pub(super) struct Door {
    path: PathBuf,
    _held: Option<fs::File>,
}

impl Drop for Door {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}

/// What those who ask share.
struct Desk {
    root: PathBuf,
    store: Weak<RocksStore>,
    busy: AtomicBool,
}

/// Opens the door. A log that cannot have one is served all the same, and backed up when it is not.
pub(super) fn open(folder: &DataDir, store: &Arc<RocksStore>) -> Option<Door> {
    let desk =
        Desk { root: folder.root().to_owned(), store: Arc::downgrade(store), busy: AtomicBool::new(false) };
    match listen(folder, desk) {
        Ok(door) => Some(door),
        Err(error) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "stele backup will not work while this service runs"
            );
            None
        }
    }
}

fn listen(folder: &DataDir, desk: Desk) -> anyhow::Result<Door> {
    // This process has the log locked, so what is here was left by one that was killed.
    desk.thaw()?;
    let (path, held) = socket(folder).map_err(|failure| anyhow::anyhow!(failure.message))?;
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let listener =
        UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
    fs::set_permissions(&path, Permissions::from_mode(0o600)).context("cannot close the socket to others")?;
    let desk = Arc::new(desk);
    std::thread::Builder::new()
        .name("backups".to_owned())
        .spawn(move || {
            for stream in listener.incoming().flatten() {
                let desk = Arc::clone(&desk);
                // One copy at a time: the others are told so at once, each on a thread that ends by its deadline.
                let started =
                    std::thread::Builder::new().name("backup".to_owned()).spawn(move || desk.serve(&stream));
                if let Err(error) = started {
                    tracing::warn!(%error, "nobody could be asked to make a copy of the log");
                }
            }
        })
        .context("cannot start a thread")?;
    Ok(Door { path, _held: held })
}

impl Desk {
    fn serve(&self, stream: &UnixStream) {
        if stream.set_read_timeout(Some(REQUEST_DEADLINE)).is_err() || !asks(stream) {
            return;
        }
        if self.busy.swap(true, Ordering::SeqCst) {
            say(stream, &Answer::Busy);
            return;
        }
        let answer = self.freeze();
        let frozen = matches!(answer, Answer::Frozen(_));
        if say(stream, &answer) && frozen {
            tracing::info!("a copy of the log was made for a backup");
            wait_for_end(stream);
        }
        if let Err(error) = self.thaw() {
            tracing::warn!(%error, "the copy made for a backup could not be removed");
        }
        self.busy.store(false, Ordering::SeqCst);
    }

    fn freeze(&self) -> Answer {
        let Some(store) = self.store.upgrade() else {
            return Answer::Failed("it is stopping".to_owned());
        };
        match store.thaw().and_then(|()| store.freeze()) {
            Ok(path) => match path.strip_prefix(&self.root) {
                Ok(below) => Answer::Frozen(below.display().to_string()),
                Err(_) => Answer::Failed("the copy is not in the log's folder".to_owned()),
            },
            Err(error) => {
                tracing::warn!(%error, "no copy of the log could be made for a backup");
                Answer::Failed(error.to_string())
            }
        }
    }

    /// Removes the copy, so that it keeps neither room nor what is erased from now on. A service that is stopping leaves
    /// it to the next start.
    fn thaw(&self) -> Result<(), StoreError> {
        self.store.upgrade().map_or(Ok(()), |store| store.thaw())
    }
}

fn asks(stream: &UnixStream) -> bool {
    let mut line = String::new();
    let read = BufReader::new(stream.take(MAX_LINE)).read_line(&mut line);
    read.is_ok() && line == REQUEST
}

fn say(mut stream: &UnixStream, answer: &Answer) -> bool {
    let line = serde_json::to_string(answer).unwrap_or_default();
    stream.write_all(format!("{line}\n").as_bytes()).is_ok()
}

/// Returns when the other side is gone, killed ones included.
fn wait_for_end(mut stream: &UnixStream) {
    if stream.set_read_timeout(Some(LONGEST_LEASE)).is_ok() {
        let mut nothing = [0];
        let _ended = stream.read(&mut nothing);
    }
}
