//! A large log, made through everything that a registration goes through but HTTP and the receipt.
//!
//! Statements are signed by real issuers; each is parsed, looked for, its signature verified, judged by the policy, put
//! in order, and committed in synced rounds by the sequencer of a running service, with all its rows and collateral. So
//! a receipt can be had for every one of them later. What is left out is HTTP, and the signing of receipts that nobody
//! waits for.

use super::numbers::{float, rate};
use super::statements::{Algorithm, Issuers};
use crate::commands::policy::with_issuers;
use crate::console::Console;
use crate::datadir::DataDir;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::keys;
use anyhow::Context;
use bytes::Bytes;
use ledger::control::{anchors_statement, policy_statement};
use ledger::trust::{AnchorId, AnchorIncrement};
use ledger::{Fatal, Ledger, Metrics, Opened, Parts, PrivateKey, RegisterError, SystemClock, Wait};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use storage::RocksStore;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Statements signed, registered and forgotten together: as many as one round takes.
const CHUNK: u64 = 1024;
/// How many chunks are on their way at a time: enough that somebody signs, somebody verifies and somebody commits, and
/// all the memory there is to it.
const LANES: usize = 8;
/// How often the progress is told.
const TELL: Duration = Duration::from_secs(5);
/// How long a lane waits when the log has no room.
const PAUSE: Duration = Duration::from_millis(50);

/// Make a large log to measure with: register statements without HTTP until it has so many entries
///
/// The log must exist and must not be served meanwhile. Every statement is signed, verified, judged and committed as one
/// that comes by HTTP; only HTTP itself and the receipts are left out. Issuers are admitted as in a measurement. Never do
/// this to a log that matters: what is registered stays.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Args {
    /// The folder of the log
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// How many entries the log has in the end
    #[arg(long, value_name = "N")]
    entries: u64,
    /// The operator's private key [default: keys/operator.pem in the folder]
    #[arg(long, value_name = "FILE")]
    operator_key: Option<PathBuf>,
    /// What the issuers sign with
    #[arg(long, value_enum, value_name = "ALG", default_value_t = Algorithm::Ed25519)]
    alg: Algorithm,
    /// Bytes of each payload; a statement is about 250 larger
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    payload_bytes: u32,
    /// How many issuers, each with a key of its own
    #[arg(long, value_name = "I", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    issuers: u16,
    /// Then compact the store, to see what the log takes on the disk in the long run
    #[arg(long)]
    compact: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let folder = DataDir::open(&args.folder)?;
    let operator =
        args.operator_key.clone().unwrap_or_else(|| folder.key_file(crate::datadir::Role::Operator));
    let operator = keys::private(&operator, console)?;
    let bytes = usize::try_from(args.payload_bytes).unwrap_or(usize::MAX);
    let issuers = Arc::new(Issuers::generate(usize::from(args.issuers), args.alg, bytes)?);
    let log = Log::open(&folder)?;
    let grown = log.grow(&issuers, &operator, args.entries, console);
    let closed = log.close(args.compact);
    let grown = grown?;
    let sizes = closed?;
    let bytes = used(&folder.store_folder());
    let rate = rate(grown.made, grown.time);
    if args.json {
        console.json(&json!({
            "entries": grown.size,
            "made": grown.made,
            "seconds": grown.time.as_secs_f64(),
            "rate": rate,
            "statement_bytes": issuers.statement(0)?.len(),
            "bytes_on_disk": bytes,
            "bytes_by_kind": sizes.into_iter().map(|(name, bytes)| (name.to_owned(), Value::from(bytes))).collect::<Value>(),
            "skipped": ["HTTP", "receipts"],
        }))?;
    } else {
        console.line(format_args!(
            "{} entries, {} of them made in {:.1} s, {rate:.0} a second; {} MiB on disk",
            grown.size,
            grown.made,
            grown.time.as_secs_f64(),
            bytes >> 20
        ))?;
    }
    Ok(Exit::Done)
}

/// What came of it.
struct Grown {
    size: u64,
    made: u64,
    time: Duration,
}

/// Bytes on the disk by kind of row.
type Sizes = Vec<(&'static str, u64)>;

/// A log opened as the service opens it, with nobody at the door.
struct Log {
    ledger: Ledger,
    store: Arc<RocksStore>,
    runtime: Runtime,
    threads: Vec<std::thread::JoinHandle<Result<(), Fatal>>>,
}

impl Log {
    fn open(folder: &DataDir) -> Result<Self, Failure> {
        let config = folder.config()?;
        let store = Arc::new(folder.open_store(&config.store)?);
        let keys = keys::of_service(folder, store.as_ref())?;
        let metrics = Metrics::new(&prometheus::Registry::new()).context("cannot make the metrics")?;
        let parts = Parts {
            store: Arc::<RocksStore>::clone(&store),
            keys,
            clock: Arc::new(SystemClock),
            metrics,
            witnessing: None,
        };
        let Opened { ledger, sequencer, publisher, keeper } = Ledger::open(parts, config.ledger)
            .map_err(|error| Failure::local(format_args!("{}: {error}", folder.root().display())))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.context("cannot start the threads of the log")?;
        let start = |name: &str, work: Box<dyn FnOnce() -> Result<(), Fatal> + Send>| {
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(work)
                .context("cannot start the threads of the log")
        };
        let threads = vec![
            start("sequencer", Box::new(|| sequencer.run()))?,
            start("publisher", Box::new(|| publisher.run()))?,
            start("keeper", Box::new(|| keeper.run()))?,
        ];
        Ok(Self { ledger, store, runtime, threads })
    }

    /// Ends as the service does: everything accepted is committed, published and flushed.
    /// Gives the bytes of each kind of row.
    fn close(self, compact: bool) -> Result<Sizes, Failure> {
        let Self { ledger, store, runtime, threads } = self;
        drop(runtime);
        drop(ledger);
        for thread in threads {
            let ended = thread.join().map_err(|_| Failure::local("a thread of the log failed"))?;
            ended.map_err(|fatal| Failure::local(format_args!("the log cannot go on: {fatal}")))?;
        }
        if compact { store.compact() } else { store.flush() }.map_err(Failure::local)?;
        store.sizes().map_err(Failure::local)
    }

    fn grow(
        &self,
        issuers: &Arc<Issuers>,
        operator: &PrivateKey,
        target: u64,
        console: &mut Console<'_>,
    ) -> Result<Grown, Failure> {
        self.admit(issuers, operator)?;
        let before = self.size();
        let missing = target.saturating_sub(before);
        let (begun, claimed) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        self.runtime.block_on(async {
            let mut lanes = JoinSet::new();
            for _ in 0..LANES {
                let (ledger, issuers, claimed) = (self.ledger.clone(), Arc::clone(issuers), Arc::clone(&claimed));
                lanes.spawn(async move { lane(&ledger, &issuers, &claimed, missing).await });
            }
            let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + TELL, TELL);
            let mut told = (begun, before);
            loop {
                tokio::select! {
                    ended = lanes.join_next() => match ended {
                        None => return Ok::<(), Failure>(()),
                        Some(ended) => ended.unwrap_or_else(|_| Err(Failure::local("a thread that grows the log failed")))?,
                    },
                    _ = ticks.tick() => told = self.progress(told, target, console),
                }
            }
        })?;
        // What the log adds by itself, its manifests, is not counted as made.
        Ok(Grown { size: self.size(), made: missing, time: begun.elapsed() })
    }

    /// Tells how far it is, and how fast since it was told last.
    fn progress(&self, told: (Instant, u64), target: u64, console: &mut Console<'_>) -> (Instant, u64) {
        let (now, size) = (Instant::now(), self.size());
        let speed = rate(size.saturating_sub(told.1), now.duration_since(told.0));
        let left = float(target.saturating_sub(size)) / speed.max(1.0);
        console.say(format_args!("{size} of {target} entries, {speed:.0} a second, {left:.0} s to go"));
        (now, size)
    }

    fn size(&self) -> u64 {
        self.ledger.head().tree.size.get()
    }

    fn admit(&self, issuers: &Issuers, operator: &PrivateKey) -> Result<(), Failure> {
        let governance = self.ledger.governance();
        let (policy, add, replaced) = with_issuers(governance.policy(), &issuers.admissible())?;
        let in_force = |id: &AnchorId| governance.anchors().in_force(id).is_some();
        let retire = replaced.into_iter().filter(in_force).collect();
        let increment = AnchorIncrement::new(add, retire);
        let anchors = anchors_statement(governance.identity(), governance.anchors_id(), &increment, operator);
        let policy = policy_statement(governance.identity(), governance.policy_id(), &policy, operator, None);
        for statement in [anchors, policy] {
            let statement = statement.context("the issuers cannot be admitted")?;
            let registered = self.runtime.block_on(self.ledger.register(statement.into(), Wait::ForCommit));
            registered
                .map_err(|error| Failure::refused(format_args!("the issuers cannot be admitted: {error}")))?;
        }
        Ok(())
    }
}

/// Signs and registers chunk after chunk until all that is missing is claimed by some lane.
async fn lane(
    ledger: &Ledger,
    issuers: &Arc<Issuers>,
    claimed: &AtomicU64,
    missing: u64,
) -> Result<(), Failure> {
    loop {
        let first = claimed.fetch_add(CHUNK, Ordering::Relaxed);
        let count = missing.saturating_sub(first).min(CHUNK);
        if count == 0 {
            return Ok(());
        }
        let signers = Arc::clone(issuers);
        let signed =
            tokio::task::spawn_blocking(move || signers.part(first, first.saturating_add(count))).await;
        let signed = signed.unwrap_or_else(|_| Err(Failure::local("a thread that signs failed")))?;
        let mut left: Vec<Bytes> = signed.into_iter().map(Bytes::from).collect();
        while !left.is_empty() {
            let outcomes = ledger.register_batch(&left, Wait::ForCommit).await;
            let mut again = Vec::new();
            for (statement, outcome) in left.into_iter().zip(outcomes) {
                match outcome {
                    Ok(_) => {}
                    Err(RegisterError::Overloaded { .. } | RegisterError::Deadline { .. }) => {
                        again.push(statement)
                    }
                    Err(error) => {
                        return Err(Failure::refused(format_args!("a statement was refused: {error}")));
                    }
                }
            }
            left = again;
            if !left.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Bytes that the files of a folder take, without those of folders that vanish meanwhile.
fn used(folder: &Path) -> u64 {
    let Ok(entries) = folder.read_dir() else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => used(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(size).fold(0, u64::saturating_add)
}
