//! The fork guard: before a log signs anything after a start, what others kept of it is compared with what is stored.

use super::http::{HttpWitness, agent, get};
use super::prefix;
use crate::config::{Unreachable, Witness as Settings};
use crate::datadir::DataDir;
use crate::failure::Failure;
use crate::files;
use ledger::{Compared, Ledger, Witnessing};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use url::Url;

/// How many sources are asked: the witnesses of the policy, and what `known_checkpoints` names.
const MAX_SOURCES: usize = 256;

/// Somebody who may have kept a checkpoint of this log.
enum Source {
    /// By its number in the policy.
    Witness(usize, String, HttpWitness),
    Url(Url),
    File(std::path::PathBuf),
}

impl Source {
    fn name(&self) -> String {
        match self {
            Self::Witness(_, name, _) => format!("the witness {name}"),
            Self::Url(url) => url.to_string(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// The checkpoint that the source knows; none if it knows none.
    fn ask(&self, timeout: Duration) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Witness(_, _, witness) => witness.monitored(),
            Self::Url(url) => get(&agent(url, timeout), url),
            Self::File(path) => files::read(path).map(Some).map_err(|failure| failure.message),
        }
    }
}

/// Who was asked, and with what success. Nobody of them refused the start.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) sources: usize,
    pub(crate) answered: usize,
    /// The witnesses, by their numbers in the policy, who showed a checkpoint that the log continues.
    pub(crate) shown: BTreeSet<usize>,
}

/// Asks everybody at once. A checkpoint under the log's own key that is ahead of the store, or contradicts it, refuses the
/// start (D11); anything else does not, but for a guard that is to refuse when it reached nobody.
pub(crate) fn guard(
    folder: &DataDir,
    settings: &Settings,
    witnessing: Option<&Witnessing>,
    ledger: &Ledger,
) -> Result<Asked, Failure> {
    let sources = sources(folder, settings, witnessing, &ledger.identity().genesis.origin)?;
    if sources.is_empty() {
        return Ok(Asked::default());
    }
    let timeout = Duration::from_millis(settings.request_ms);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = sources.iter().map(|source| scope.spawn(move || source.ask(timeout))).collect();
        asked
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("it failed".to_owned())))
            .collect()
    });
    let mut asked = Asked { sources: sources.len(), ..Asked::default() };
    for (source, answer) in sources.iter().zip(answers) {
        let told = weigh(source, answer, ledger)?;
        asked.answered += usize::from(told != Told::Nothing);
        if let (Told::Continued, Source::Witness(number, ..)) = (told, source) {
            asked.shown.insert(*number);
        }
    }
    match (asked.answered, settings.unreachable) {
        (1.., _) => Ok(asked),
        (0, Unreachable::Start) => {
            tracing::warn!("the fork guard reached nobody who could know a checkpoint of this log; starting all the same");
            Ok(asked)
        }
        (0, Unreachable::Refuse) => Err(Failure::unreachable(
            "the fork guard reached nobody who could know a checkpoint of this log, and is told not to start then",
        )
        .hint("make a witness or a known checkpoint of [witness] reachable, or set witness.unreachable to \"start\"")),
    }
}

/// Of what use a source was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Of none.
    Nothing,
    /// It says that it knows no checkpoint of this log.
    Unknown,
    /// It has one that this log continues.
    Continued,
}

/// What the source told. Refuses when it proves that this log must not sign.
fn weigh(source: &Source, answer: Result<Option<Vec<u8>>, String>, ledger: &Ledger) -> Result<Told, Failure> {
    let name = source.name();
    let checkpoint = match answer {
        Ok(Some(checkpoint)) => checkpoint,
        Ok(None) => return Ok(Told::Unknown),
        Err(why) => {
            tracing::warn!(source = name, why, "the fork guard could not ask");
            return Ok(Told::Nothing);
        }
    };
    let compared = ledger
        .compare(&checkpoint)
        .map_err(|error| Failure::local(format_args!("the log cannot be compared with {name}: {error}")))?;
    if let Some(why) = compared.stops() {
        return Err(Failure::local(format_args!("refusing to sign: {name} shows that {why}")));
    }
    match compared {
        Compared::Foreign(why) => {
            tracing::warn!(source = name, why, "what the fork guard was shown is no checkpoint of this log");
            Ok(Told::Nothing)
        }
        _ => Ok(Told::Continued),
    }
}

fn sources(
    folder: &DataDir,
    settings: &Settings,
    witnessing: Option<&Witnessing>,
    origin: &str,
) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    let timeout = Duration::from_millis(settings.request_ms);
    for (number, witness) in
        witnessing.iter().flat_map(|witnessing| witnessing.policy.witnesses()).enumerate()
    {
        if let Some(url) = witness.url.as_deref().and_then(|url| prefix(url).ok()) {
            let http = HttpWitness::new(&url, origin, timeout)?;
            sources.push(Source::Witness(number, witness.key.name().to_string(), http));
        }
    }
    for named in &settings.known_checkpoints {
        sources.push(match Url::parse(named) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Source::Url(url),
            _ => Source::File(folder.resolve(Path::new(named))),
        });
    }
    if sources.len() > MAX_SOURCES {
        return Err(Failure::local(format_args!("the fork guard asks at most {MAX_SOURCES} sources")));
    }
    Ok(sources)
}
