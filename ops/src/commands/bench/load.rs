//! One measurement from beginning to end: prepare, repeat, verify, report.

use super::check::{Checked, TreeVerifier, Verifier};
use super::engine::{self, Plan, Ran, Requests};
use super::jobs::{Batches, Keep, Place, Read, Register, Statements};
use super::numbers::{Summary, rate};
use super::report::{Repetition, Report};
use super::server::{Sample, Watch};
use super::statements::Issuers;
use super::{LoadArgs, What, yardstick};
use crate::commands::policy::{self, InForce};
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::http::{Client, Service};
use ledger::trust::SelfCertifying;
use proofs::tile::{TILE_WIDTH, path};
use proofs::{Checkpoint, KeySet, LeafIndex, NodeId, SignedNote, TileId};
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Receipts verified of a repetition when not all are.
const SAMPLE: u64 = 1000;
/// Answers to reads verified of a repetition when many are to be.
const READS_VERIFIED: u64 = 20_000;
/// Statements registered for the reading of receipts.
const READ_AMONG: u64 = 2000;
/// Tiles read in turn: more than any cache of the processor holds.
const TILES: u64 = 20_000;
/// What nobody expects a warm-up to exceed, in requests a second.
const GUESS: u64 = 25_000;
/// The most bytes of statements made before one repetition.
const MAX_MADE: u64 = 8 << 30;

/// Everything a repetition needs.
struct Bench<'a> {
    args: &'a LoadArgs,
    service: Service,
    plan: Plan,
    place: Place,
    watch: Watch,
    verifier: Verifier,
    /// None where the service shows its genesis statement to nobody.
    tree: Option<TreeVerifier>,
    issuers: Option<Issuers>,
    /// The number of the next statement.
    next: u64,
}

pub(super) fn run(args: &LoadArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let service = args.service()?;
    let client = Client::of(&service)?;
    let plan = plan(args, &service)?;
    let in_force = InForce::fetch(&client)?;
    let set = client.fetch(".well-known/scitt-keys", "application/cbor")?;
    let keys = KeySet::parse(&set)
        .map_err(|error| Failure::refused(format_args!("the service's keys cannot be read: {error}")))?;
    let watch = Watch::new(args.metrics_url.as_ref(), args.server_pid, &service.transport)?;
    let tree = TreeVerifier::of(&client, &in_force);
    if let Err(failure) = &tree {
        console.say(format_args!("note: tiles and checkpoints cannot be verified: {}", failure.message));
    }
    let self_certified =
        in_force.policy.document.rules.iter().flat_map(|rule| rule.self_certified.iter().copied());
    let self_certified = self_certified.collect();
    let verifier = Verifier { keys, service: in_force.iss };
    let place = Place::of(&service.url);
    let mut bench =
        Bench { args, service, plan, place, watch, verifier, tree: tree.ok(), issuers: None, next: 0 };
    if matches!(args.read, None | Some(What::Receipt)) {
        bench.issuers = Some(bench.admit(self_certified, console)?);
    }
    let measure = || args.yardstick.as_deref().map(yardstick::measure).transpose();
    let before = measure()?;
    let repetitions = match args.read {
        None => bench.register(console)?,
        Some(what) => bench.read(what, &client, console)?,
    };
    let after = measure()?;
    let statement_bytes = bench.issuers.as_ref().map(|issuers| issuers.statement(0)).transpose()?;
    let report = Report {
        args,
        url: bench.service.url.to_string(),
        statement_bytes: statement_bytes.map(|statement| statement.len()),
        yardstick: before.zip(after),
        repetitions,
    };
    report.tell(console)
}

fn plan(args: &LoadArgs, service: &Service) -> Result<Plan, Failure> {
    Ok(Plan {
        address: address(&service.url)?,
        connections: usize::from(args.concurrency),
        threads: usize::from(args.threads),
        duration: Duration::from_secs(u64::from(args.duration)),
        rate: args.rate,
        grace: Duration::from_secs(service.transport.request_timeout),
    })
}

/// The load is plain HTTP: with TLS the machine would mostly measure TLS, and half of that on the wrong side.
pub(super) fn address(url: &Url) -> Result<SocketAddr, Failure> {
    if url.scheme() != "http" {
        return Err(Failure::local(format_args!("{url} is not an http:// address, and a load needs one"))
            .hint("measure the service itself, behind what ends TLS"));
    }
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or(80);
    let found = (host, port).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found.ok_or_else(|| Failure::unreachable(format_args!("{host} has no address")))
}

impl Bench<'_> {
    fn admit(
        &self,
        self_certified: Vec<SelfCertifying>,
        console: &mut Console<'_>,
    ) -> Result<Issuers, Failure> {
        let LoadArgs { issuers, alg, payload_bytes, .. } = self.args;
        let bytes = usize::try_from(*payload_bytes).unwrap_or(usize::MAX);
        let made = Issuers::generate(usize::from(*issuers), *alg, bytes)?;
        match (&self.args.operator_key, self_certified.first()) {
            (Some(operator), _) => policy::admit(&self.service, operator, &made.admissible(), console)?,
            (None, Some(method)) => return made.named_by_key(*method),
            (None, None) => {
                return Err(Failure::local("nobody lets the issuers of this run register").hint(
                    "name the operator's key with --operator-key; of a new log it is keys/operator.pem",
                ));
            }
        }
        Ok(made)
    }

    /// Signs statements that no repetition has had yet.
    fn sign(&mut self, count: u64) -> Result<Vec<Vec<u8>>, Failure> {
        let issuers = self.issuers.as_ref().ok_or_else(|| Failure::local("there are no issuers"))?;
        let bytes = u64::try_from(issuers.statement(self.next)?.len()).unwrap_or(u64::MAX);
        if count.saturating_mul(bytes) > MAX_MADE {
            return Err(Failure::local(format_args!(
                "{count} statements of {bytes} bytes do not fit into memory before the clock starts"
            ))
            .hint("shorten --duration and raise --repetitions"));
        }
        let made = issuers.sign(self.next, count)?;
        self.next = self.next.saturating_add(count);
        Ok(made)
    }

    fn register(&mut self, console: &mut Console<'_>) -> Result<Vec<Repetition>, Failure> {
        let warm = Plan { duration: Duration::from_secs(u64::from(self.args.warmup)), ..self.plan };
        let each = self.args.batch.map_or(1, u64::from);
        let planned = |plan: &Plan, expected: f64| {
            let expected = plan.rate.map_or(expected, |rate| super::numbers::float(rate.get()));
            // So many a second for so many seconds is a number of seconds times a number.
            let total = plan.duration.mul_f64(expected).as_secs();
            let ahead = u64::try_from(plan.connections).unwrap_or(0).saturating_add(1);
            total.saturating_add(ahead).saturating_mul(if plan.rate.is_some() { each } else { 1 })
        };
        let (_, run) = self.registrations(warm, planned(&warm, super::numbers::float(GUESS)))?;
        let mut fastest = rate(run.ran.tally.done, run.ran.elapsed);
        let mut repetitions = Vec::new();
        for number in 1..=self.args.repetitions {
            let (statements, run) = self.registrations(self.plan, planned(&self.plan, fastest * 1.5))?;
            fastest = fastest.max(rate(run.ran.tally.done, run.ran.elapsed));
            let checked = self.verifier.receipts(&statements, &run.ran.tally.kept)?;
            repetitions.push(self.told(number, run, checked, console));
        }
        Ok(repetitions)
    }

    fn registrations(&mut self, plan: Plan, count: u64) -> Result<(Statements, Watched), Failure> {
        let statements = Arc::new(self.sign(count)?);
        let keep = if self.args.verify { Keep::ALL } else { Keep::sample(count, SAMPLE) };
        let (place, shared) = (self.place.clone(), Arc::clone(&statements));
        let size = self.args.batch.and_then(|size| NonZeroUsize::new(usize::from(size)));
        let job: Arc<dyn Requests> = match size {
            None => Arc::new(Register { place, statements: shared, keep }),
            Some(size) => Arc::new(Batches { place, statements: shared, size, keep }),
        };
        let run = self.watched(plan, job)?;
        Ok((statements, run))
    }

    fn read(
        &mut self,
        what: What,
        client: &Client,
        console: &mut Console<'_>,
    ) -> Result<Vec<Repetition>, Failure> {
        let (mut statements, mut indices) = (Vec::new(), Vec::new());
        let requests = match what {
            What::Checkpoint => vec![self.place.get("checkpoint", "text/plain")],
            What::Tile => {
                indices = tiles(client)?;
                let path = |index: &u64| path::tile(TileId { level: 0, index: *index }, None);
                indices.iter().map(|index| self.place.get(&path(index), "application/octet-stream")).collect()
            }
            What::Receipt => {
                statements = self.sign(READ_AMONG)?;
                self.registered(&statements)?
            }
        };
        // The same is read over and over, and a tile is large: not all of it is kept even if much is to be verified.
        let expected = self.plan.duration.as_secs().saturating_mul(GUESS);
        let keep = Keep::sample(expected, if self.args.verify { READS_VERIFIED } else { SAMPLE });
        let job: Arc<dyn Requests> = Arc::new(Read { requests, keep });
        let warm = Plan { duration: Duration::from_secs(u64::from(self.args.warmup)), ..self.plan };
        self.watched(warm, Arc::clone(&job))?;
        let mut repetitions = Vec::new();
        for number in 1..=self.args.repetitions {
            let mut run = self.watched(self.plan, Arc::clone(&job))?;
            let kept = std::mem::take(&mut run.ran.tally.kept);
            let checked = match (what, &self.tree) {
                (What::Receipt, _) => self.verifier.receipts(&statements, &kept)?,
                (_, None) => Checked::default(),
                (What::Checkpoint, Some(tree)) => tree.checkpoints(&kept),
                (What::Tile, Some(tree)) => {
                    let place = |(which, tile): (u64, Vec<u8>)| {
                        let index = usize::try_from(which).ok().and_then(|which| indices.get(which));
                        (index.copied().unwrap_or(u64::MAX), tile)
                    };
                    tree.tiles(client, kept.into_iter().map(place))?
                }
            };
            repetitions.push(self.told(number, run, checked, console));
        }
        Ok(repetitions)
    }

    /// Registers the statements whose receipts are then read.
    fn registered(&self, statements: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Failure> {
        let job = Register {
            place: self.place.clone(),
            statements: Arc::new(statements.to_vec()),
            keep: Keep::sample(1, 1),
        };
        let plan = Plan { rate: None, duration: Duration::from_secs(600), ..self.plan };
        let run = self.watched(plan, Arc::new(job))?;
        if run.ran.tally.done != READ_AMONG {
            let why = run.ran.tally.errors.keys().next().cloned().unwrap_or_default();
            return Err(Failure::unreachable(format_args!("not everything could be registered: {why}")));
        }
        let id = |statement: &Vec<u8>| {
            let parsed = proofs::SignedStatement::parse(statement, statement.len());
            let parsed =
                parsed.map_err(|error| Failure::local(format_args!("a statement of our own: {error}")))?;
            Ok(self.place.get(&format!("entries/{}", parsed.entry_id()), "application/cose"))
        };
        statements.iter().map(id).collect()
    }

    fn watched(&self, plan: Plan, job: Arc<dyn Requests>) -> Result<Watched, Failure> {
        watched(&self.watch, plan, job)
    }

    fn told(&self, number: u16, run: Watched, checked: Checked, console: &mut Console<'_>) -> Repetition {
        let repetition = Repetition::of(run, checked);
        console.say(format_args!("{number} of {}: {repetition}", self.args.repetitions));
        repetition
    }
}

/// Runs a load and looks at the service right before and right after.
pub(super) fn watched(watch: &Watch, plan: Plan, job: Arc<dyn Requests>) -> Result<Watched, Failure> {
    let before = watch.sample()?;
    let own_before = Mutex::new(None);
    let ran = engine::run(plan, &job, &|| {
        *own_before.lock().unwrap_or_else(PoisonError::into_inner) = watch.own_cpu_seconds();
    })?;
    let own = own_before.into_inner().unwrap_or_else(PoisonError::into_inner);
    let client_cpu = watch.own_cpu_seconds().zip(own).map(|(after, before)| after - before);
    Ok(Watched { ran, before, after: watch.sample()?, client_cpu })
}

/// A load, and what was seen of the service at its two ends.
pub(super) struct Watched {
    pub(super) ran: Ran,
    pub(super) before: Sample,
    pub(super) after: Sample,
    pub(super) client_cpu: Option<f64>,
}

/// What the disk took before and after.
pub(super) type Yardsticks = Option<(Summary, Summary)>;

/// The indices of full tiles below the newest checkpoint, spread over the whole log.
fn tiles(client: &Client) -> Result<Vec<u64>, Failure> {
    let note = client.fetch("checkpoint", "text/plain")?;
    let checkpoint = SignedNote::parse(&note).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
    let checkpoint = checkpoint.ok_or_else(|| Failure::refused("the service's checkpoint cannot be read"))?;
    // The tile that the next entry comes into is the first that is not full.
    let full = TileId::for_node(NodeId::leaf(LeafIndex::new(checkpoint.head.size.get()))).tile.index;
    if full == 0 {
        return Err(Failure::local("the log has no full tile yet").hint(format_args!(
            "register at least {TILE_WIDTH} statements first, and wait for the next checkpoint"
        )));
    }
    let count = full.min(TILES);
    let index = |n: u64| u64::try_from(u128::from(n) * u128::from(full) / u128::from(count)).unwrap_or(n);
    Ok((0..count).map(index).collect())
}
