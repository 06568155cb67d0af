//! A log that nobody serves, opened for one entry. Nothing but that entry's receipt is signed: the publisher does not run.

use crate::console::Console;
use crate::datadir::DataDir;
use crate::failure::Failure;
use crate::witnessing::Asked;
use crate::{keys, restored, witnessing};
use anyhow::Context;
use ledger::control::Incident;
use ledger::{
    Inspected, Ledger, Metrics, Opened, Parts, RegisterError, Registration, Sequencer, SystemClock, Wait,
};
use proofs::{EntryId, LeafIndex, SignedStatement};
use serde_json::json;
use std::sync::Arc;
use storage::RocksStore;

/// See the [module](self).
pub(super) struct AtRest {
    store: Arc<RocksStore>,
    ledger: Ledger,
    sequencer: Sequencer,
    found: Inspected,
    asked: Asked,
}

/// Makes a statement for the log as it is and puts it there; a restored log may sign from then on.
pub(super) fn record(
    folder: &DataDir,
    make: &dyn Fn(&AtRest) -> Result<Vec<u8>, Failure>,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let log = AtRest::open(folder)?;
    console.say(match (log.asked.answered, log.asked.sources) {
        (_, 0) => "warning: [witness] names nobody who could know what this log signed last".to_owned(),
        (0, sources) => {
            format!("warning: none of {sources} who could know what this log signed last can be asked")
        }
        (answered, sources) => format!(
            "{answered} of {sources} were asked what this log signed last: nothing that is missing here"
        ),
    });
    let was_restored = match restored::mark(folder, &log.store)? {
        Some(mark) => {
            if log.ledger.resumption(&mark, |_| false).is_ok_and(|by| by == ledger::Resumption::ByIncident) {
                // Killed between the entry and the mark.
                restored::settle(folder, &log.store, &log.ledger, &log.asked.shown)?;
                return tell(console, json, &log.found, None);
            }
            true
        }
        None => false,
    };
    let statement = make(&log)?;
    let AtRest { store, ledger, sequencer, found, asked } = log;
    let thread = std::thread::Builder::new()
        .name("sequencer".to_owned())
        .spawn(move || sequencer.run())
        .context("cannot start the sequencer")?;
    let registered = register(&ledger, statement);
    let settled = match (&registered, was_restored) {
        (Ok(_), true) => restored::settle(folder, &store, &ledger, &asked.shown),
        _ => Ok(()),
    };
    drop(ledger);
    let ended = thread.join().map_err(|_| Failure::local("the sequencer failed in a way nobody foresaw"))?;
    ended.map_err(|fatal| Failure::local(format_args!("the log cannot go on: {fatal}")))?;
    let recorded = registered?;
    settled?;
    store.flush().map_err(Failure::local)?;
    tell(console, json, &found, Some(recorded))
}

impl AtRest {
    /// Opens the log as the service does, fork guard included.
    fn open(folder: &DataDir) -> Result<Self, Failure> {
        let config = folder.config()?;
        let store = Arc::new(folder.open_restored_store(&config.store)?);
        let cannot = |error: &dyn std::fmt::Display| {
            Failure::local(format_args!("{}: {error}", folder.root().display()))
        };
        let found = ledger::inspect(store.as_ref()).map_err(|error| cannot(&error))?;
        let witnessing = witnessing::of(folder, &config.witness, &found.identity.genesis.origin)?;
        let parts = Parts {
            store: Arc::<RocksStore>::clone(&store),
            keys: keys::of_service(folder, store.as_ref())?,
            clock: Arc::new(SystemClock),
            metrics: Metrics::new(&prometheus::Registry::new()).context("cannot make the metrics")?,
            witnessing: witnessing.clone(),
        };
        let Opened { ledger, sequencer, .. } =
            Ledger::open(parts, config.ledger).map_err(|error| cannot(&error))?;
        let asked = witnessing::guard(folder, &config.witness, witnessing.as_ref(), &ledger)?;
        Ok(Self { store, ledger, sequencer, found, asked })
    }

    pub(super) fn inspected(&self) -> &Inspected {
        &self.found
    }
}

fn register(ledger: &Ledger, statement: Vec<u8>) -> Result<(EntryId, LeafIndex), Failure> {
    let parsed = SignedStatement::parse(&statement, statement.len());
    if !parsed.is_ok_and(|statement| Incident::from_json(statement.payload()).is_ok()) {
        return Err(Failure::local(
            "this is no incident statement, and nothing else is put on a log at rest",
        )
        .hint("make one with: stele incident sign"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start a thread")?;
    match runtime.block_on(ledger.register(statement.into(), Wait::ForCommit)) {
        Ok(Registration::Issued { id, index, .. } | Registration::Committed { id, index }) => Ok((id, index)),
        Err(error @ (RegisterError::Refused(_) | RegisterError::Statement(_))) => {
            Err(Failure::refused(format_args!("the log refuses the statement: {error}")))
        }
        Err(error) => Err(Failure::local(format_args!("the statement was not registered: {error}"))),
    }
}

fn tell(
    console: &mut Console<'_>,
    json: bool,
    found: &Inspected,
    recorded: Option<(EntryId, LeafIndex)>,
) -> Result<(), Failure> {
    let log = found.identity.log_id;
    if json {
        return console.json(&json!({
            "log_id": log.to_string(),
            "entry_id": recorded.map(|(id, _)| id.to_string()),
            "index": recorded.map(|(_, index)| index.get()),
        }));
    }
    match recorded {
        Some((id, index)) => {
            console.line(format_args!("incident      on the log at index {index}, entry {id}"))
        }
        None => console.line("incident      it is on the log already"),
    }?;
    console.line(format_args!("log           {log} may sign: start it with stele serve"))
}
