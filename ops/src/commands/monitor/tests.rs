mod manifests;

use super::deliver::Sink;
use super::event::{Event, What};
use super::follow::Monitor;
use super::metrics::MonitorMetrics;
use super::rules::Rules;
use super::state::{Keep, State, StateFile};
use crate::failure::{Exit, Failure};
use crate::watch::testing::{FakeLog, ORIGIN, at, witness};
use crate::watch::{FetchError, Kept, PageFault, Row, Source, Statements, Trust};
use ledger::PrivateKey;
use ledger::signer::KeyAlgorithm;
use proofs::tile::TileId;
use proofs::{ContentType, SignedStatement, StatementBuilder, TreeHead, sha256};
use std::collections::BTreeSet;
use std::num::NonZeroU8;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Statements of two issuers, and the log of their entries.
struct World {
    log: FakeLog,
    statements: Vec<Vec<u8>>,
    /// What is given instead of a row.
    lie: Option<fn(&mut Vec<Row>)>,
    folder: tempfile::TempDir,
}

fn world(count: usize) -> World {
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let statement = |n: usize| {
        let issuer = if n % 10 == 3 { "https://ours.example" } else { "https://other.example" };
        let builder = StatementBuilder::new(issuer, format!("urn:x:{n}"));
        builder.content_type(ContentType::Text("text/plain".into())).sign(b"payload", &key).unwrap()
    };
    world_of((0..count).map(statement).collect())
}

fn world_of(statements: Vec<Vec<u8>>) -> World {
    let entries = statements
        .iter()
        .map(|bytes| SignedStatement::parse(bytes, bytes.len()).unwrap().entry_id().as_bytes().to_vec());
    World {
        log: FakeLog::new(entries.collect()),
        statements,
        lie: None,
        folder: tempfile::tempdir().unwrap(),
    }
}

impl Statements for World {
    fn page(&self, from: u64, to: u64) -> Result<Vec<Row>, PageFault> {
        // Pages of an odd size, so that they end within bundles.
        let mut rows: Vec<Row> = (from..to.min(from + 77))
            .map(|index| {
                let at = usize::try_from(index).unwrap();
                Row {
                    index,
                    entry: self.log.entries()[at].clone().try_into().unwrap(),
                    statement: Some(self.statements[at].clone().into()),
                    collateral: Kept::Digest(proofs::Hash::new([0; 32])),
                }
            })
            .collect();
        if let Some(lie) = self.lie {
            lie(&mut rows);
        }
        Ok(rows)
    }
}

#[derive(Default)]
struct Heard(Vec<Event>);

impl Sink for Heard {
    fn deliver(&mut self, event: &Event) -> Result<(), Failure> {
        self.0.push(event.clone());
        Ok(())
    }
}

impl Heard {
    fn kinds(&self) -> Vec<&'static str> {
        self.0.iter().map(Event::kind).collect()
    }

    fn matched(&self) -> Vec<u64> {
        let index = |event: &Event| match &event.what {
            What::Match { leaf_index, .. } => Some(*leaf_index),
            _ => None,
        };
        self.0.iter().filter_map(index).collect()
    }
}

const OURS: &str = "[[rule]]\nname = 'ours'\nissuer = ['https://ours.example']\n";

impl World {
    fn rules(&self) -> Rules {
        Rules::parse(OURS).unwrap()
    }

    fn round_with(
        &self,
        trust: &Trust,
        source: &dyn Source,
        sink: &mut dyn Sink,
        keep: &mut dyn Keep,
        state: &mut State,
    ) -> Result<(), Failure> {
        let metrics = MonitorMetrics::new(&prometheus::Registry::new()).unwrap();
        let rules = self.rules();
        let evidence = self.folder.path().join("evidence");
        let mut monitor = Monitor {
            source,
            statements: self,
            trust,
            rules: &rules,
            sink,
            keep,
            evidence: &evidence,
            metrics: &metrics,
        };
        monitor.round(state)
    }

    /// One run of a process: the state from the file, one round.
    fn once(&self, source: &dyn Source) -> (Result<(), Failure>, Heard) {
        let mut heard = Heard::default();
        let path = self.folder.path().join("state.json");
        let (mut keep, mut state) = StateFile::open(&path, ORIGIN).unwrap();
        let trust = self.log.trust();
        (self.round_with(&trust, source, &mut heard, &mut keep, &mut state), heard)
    }
}

#[test]
fn a_log_is_followed_and_each_entry_looked_at_once() {
    let mut world = world(1000);
    let mut all = Vec::new();
    for size in [1, 100, 256, 300, 300, 1000] {
        world.log.shown = size;
        let (ended, heard) = world.once(&world.log);
        ended.unwrap();
        assert_eq!(
            heard.kinds().iter().filter(|kind| **kind == "head").count(),
            usize::from(!heard.0.is_empty())
        );
        all.extend(heard.matched());
    }
    assert_eq!(all, (0..1000).filter(|n| n % 10 == 3).collect::<Vec<u64>>());
    let what = |heard: Heard| heard.0.into_iter().map(|event| event.what).collect::<Vec<_>>();
    assert_eq!(what(world.once(&world.log).1), []);
}

#[test]
fn attack_two_roots_at_one_size_end_the_monitor_and_are_kept() {
    let mut world = world(300);
    world.once(&world.log).0.unwrap();
    let other = world.log.note(TreeHead { root: sha256(b"other"), ..world.log.head(300) });
    let bad = other.clone();
    world.log.lie = at("checkpoint", move |_| Some(bad.clone()));
    let (ended, heard) = world.once(&world.log);
    let failure = ended.unwrap_err();
    assert_eq!((failure.exit, heard.kinds()), (Exit::Contradicted, vec!["equivocation"]));
    assert!(failure.message.starts_with("the log signed two roots at size 300: "), "{failure:?}");
    let place = world.folder.path().join("evidence").read_dir().unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::read(place.join("other.checkpoint")).unwrap(), other);
    // Once and for all, even if the log behaves again.
    world.log.lie = None;
    let (ended, heard) = world.once(&world.log);
    assert_eq!((ended.unwrap_err().exit, heard.0.len()), (Exit::Contradicted, 0));
}

/// Nobody who takes a report.
struct Away;

impl Sink for Away {
    fn deliver(&mut self, _: &Event) -> Result<(), Failure> {
        Err(Failure::unreachable("the webhook does not take reports"))
    }
}

#[test]
fn a_receiver_that_is_away_keeps_nobody_from_looking_and_gets_everything_later() {
    let mut world = world(600);
    let trust = world.log.trust();
    let path = world.folder.path().join("state.json");
    for size in [300, 600] {
        world.log.shown = size;
        let (mut keep, mut state) = StateFile::open(&path, ORIGIN).unwrap();
        let ended = world.round_with(&trust, &world.log, &mut Away, &mut keep, &mut state);
        assert_eq!(ended.unwrap_err().exit, Exit::Unreachable);
        let known = trust.open(state.checkpoint.unwrap().as_bytes()).unwrap();
        assert_eq!((known.head, state.next), (world.log.head(size), 0), "heads are followed all the same");
    }
    let (ended, heard) = world.once(&world.log);
    ended.unwrap();
    assert_eq!((heard.kinds()[..3].to_vec(), heard.matched().len()), (vec!["head", "head", "match"], 60));
    // A contradiction ends the monitor whether or not anybody listens.
    let other = world.log.note(TreeHead { root: sha256(b"other"), ..world.log.head(600) });
    world.log.lie = at("checkpoint", move |_| Some(other.clone()));
    let (mut keep, mut state) = StateFile::open(&path, ORIGIN).unwrap();
    let ended = world.round_with(&trust, &world.log, &mut Away, &mut keep, &mut state);
    assert_eq!(ended.unwrap_err().exit, Exit::Contradicted);
    assert_eq!(world.once(&world.log).1.kinds(), ["equivocation"]);
}

#[test]
fn attack_a_restored_backup_is_a_rollback_and_then_a_second_history() {
    let mut world = world(600);
    world.once(&world.log).0.unwrap();
    world.log.shown = 500;
    let (ended, heard) = world.once(&world.log);
    let message = ended.unwrap_err().message;
    assert_eq!(
        message,
        "the log was rolled back: its checkpoint is over 500 entries, it was over 600 before"
    );
    assert_eq!(heard.kinds(), ["rolled_back"]);
    let (ended, heard) = world.once(&world.log);
    assert!(ended.is_err() && heard.0.is_empty(), "a trouble that lasts is reported once");
    // The restored log goes on with other entries, beyond where it was.
    let mut entries = world.log.entries()[..500].to_vec();
    entries.extend((0..200_u64).map(|n| sha256(&n.to_be_bytes()).as_bytes().to_vec()));
    let restored = world.log.fork(entries);
    let (ended, heard) = world.once(&restored);
    assert_eq!((ended.unwrap_err().exit, heard.kinds()), (Exit::Contradicted, vec!["equivocation"]));
}

#[test]
fn attacks_on_tiles_and_bundles_are_reported_and_forgotten_when_over() {
    let mut world = world(1000);
    world.log.shown = 500;
    world.once(&world.log).0.unwrap();
    world.log.shown = 1000;
    for place in ["tile/1/000.p/3", "tile/entries/002"] {
        world.log.lie = at(place, |mut bytes| {
            bytes[5] ^= 4;
            Some(bytes)
        });
        let (ended, heard) = world.once(&world.log);
        assert_eq!(ended.unwrap_err().exit, Exit::Refused);
        assert_eq!(heard.kinds().last(), Some(&"not_verified"), "{place}");
    }
    world.log.lie = None;
    let (ended, heard) = world.once(&world.log);
    ended.unwrap();
    let first = heard.matched()[0];
    assert!((500..=513).contains(&first), "nothing was skipped: {first}");
    assert_eq!(heard.matched().last(), Some(&993));
}

#[test]
fn attack_a_statement_replaced_under_its_id_is_named_and_the_log_read_on() {
    let mut world = world(300);
    world.lie = Some(|rows| {
        for at in 1..rows.len() {
            if rows[at].index == 100 {
                rows[at].statement = rows[at - 1].statement.clone();
            }
        }
    });
    let (ended, heard) = world.once(&world.log);
    ended.unwrap();
    let wrong: Vec<_> = heard.0.iter().filter(|event| event.kind() == "not_the_statement").collect();
    assert_eq!(wrong.len(), 1);
    let What::NotTheStatement { leaf_index: 100, detail, .. } = &wrong[0].what else { panic!("{wrong:?}") };
    assert!(detail.starts_with("it is the statement "), "{detail}");
    assert_eq!(heard.matched().len(), 30);
}

#[test]
fn attack_entries_dropped_or_reordered_in_the_list_of_statements() {
    let mut world = world(300);
    world.lie = Some(|rows| rows.retain(|row| row.index != 150));
    let (ended, heard) = world.once(&world.log);
    assert_eq!(ended.unwrap_err().message, "the list of statements leaves out entry 150");
    assert_eq!((heard.kinds().last(), heard.matched().last()), (Some(&"gap"), Some(&143)));
    world.lie = Some(|rows| {
        for at in 1..rows.len() {
            if rows[at].index == 160 {
                let (before, after) = (rows[at - 1].clone(), rows[at].clone());
                (rows[at - 1].entry, rows[at - 1].statement) = (after.entry, after.statement);
                (rows[at].entry, rows[at].statement) = (before.entry, before.statement);
            }
        }
    });
    let (ended, heard) = world.once(&world.log);
    ended.unwrap();
    let wrong = heard.0.iter().filter(|event| event.kind() == "not_the_statement").count();
    assert_eq!(wrong, 2, "{:?}", heard.0);
    assert_eq!(heard.matched().first(), Some(&153), "it goes on where the gap was");
}

#[test]
fn a_checkpoint_without_quorum_or_with_a_false_cosignature_changes_nothing() {
    let world = world(300);
    let (id, vkey) = witness();
    let trust = world.log.trust_with(&format!("witness w {vkey}\nquorum w\n"));
    let mut state = State::new(ORIGIN);
    let mut heard = Heard::default();
    let round = |source: &dyn Source, heard: &mut Heard, state: &mut State| {
        world.round_with(&trust, source, heard, &mut Nowhere, state).unwrap_err().message
    };
    let message = round(&world.log, &mut heard, &mut state);
    assert!(message.ends_with("0 witnesses cosigned the checkpoint, which is not the quorum"), "{message}");
    assert_eq!((state.checkpoint.clone(), heard.kinds()), (None, vec!["not_verified"]));

    // A line that claims to be the witness's.
    let blob = data_encoding::BASE64.encode(&[&id[..], &[0, 0, 0, 0, 106, 0, 0, 0], &[7; 64]].concat());
    let honest = String::from_utf8(world.log.checkpoint().unwrap()).unwrap();
    let lying = format!("{honest}\u{2014} w.example {blob}\n").into_bytes();
    let mut liar = world.log.fork(world.log.entries().to_vec());
    liar.lie = at("checkpoint", move |_| Some(lying.clone()));
    let message = round(&liar, &mut heard, &mut state);
    assert!(message.contains("the cosignature by w.example is not valid"), "{message}");
    assert_eq!((state.checkpoint.clone(), state.next), (None, 0));
}

struct Nowhere;

impl Keep for Nowhere {
    fn save(&mut self, _: &State) -> Result<(), Failure> {
        Ok(())
    }
}

/// A process that is killed at its n-th step, whatever the step is: asking, delivering or writing down.
struct Mortal<'a> {
    world: &'a World,
    left: AtomicUsize,
    heard: &'a mut Vec<Event>,
}

fn step(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

fn killed() -> Failure {
    Failure::local("killed")
}

struct MortalSource<'a>(&'a FakeLog, &'a AtomicUsize);

impl MortalSource<'_> {
    fn alive(&self) -> Result<(), FetchError> {
        if step(self.1) { Ok(()) } else { Err(FetchError::Unreachable("killed".into())) }
    }
}

impl Source for MortalSource<'_> {
    fn checkpoint(&self) -> Result<Vec<u8>, FetchError> {
        self.alive().and_then(|()| self.0.checkpoint())
    }
    fn tile(&self, id: TileId, width: Option<NonZeroU8>) -> Result<Option<Vec<u8>>, FetchError> {
        self.alive().and_then(|()| self.0.tile(id, width))
    }
    fn bundle(&self, index: u64, width: Option<NonZeroU8>) -> Result<Option<Vec<u8>>, FetchError> {
        self.alive().and_then(|()| self.0.bundle(index, width))
    }
}

struct MortalSink<'a>(&'a mut Vec<Event>, &'a AtomicUsize);

impl Sink for MortalSink<'_> {
    fn deliver(&mut self, event: &Event) -> Result<(), Failure> {
        // Killed before the report left, or after it was taken and before anybody knew.
        if !step(self.1) {
            return Err(killed());
        }
        self.0.push(event.clone());
        if step(self.1) { Ok(()) } else { Err(killed()) }
    }
}

struct MortalFile<'a>(StateFile, &'a AtomicUsize);

impl Keep for MortalFile<'_> {
    fn save(&mut self, state: &State) -> Result<(), Failure> {
        // A dead process writes nothing, whatever the code does after the step it died at.
        if step(self.1) { self.0.save(state) } else { Err(killed()) }
    }
}

impl Mortal<'_> {
    fn live(&mut self) -> Result<(), Failure> {
        let path = self.world.folder.path().join("state.json");
        let (file, mut state) = StateFile::open(&path, ORIGIN).unwrap();
        let source = MortalSource(&self.world.log, &self.left);
        let mut keep = MortalFile(file, &self.left);
        let mut sink = MortalSink(self.heard, &self.left);
        let trust = self.world.log.trust();
        self.world.round_with(&trust, &source, &mut sink, &mut keep, &mut state)
    }
}

#[test]
fn attack_a_monitor_killed_at_each_step_misses_nothing_and_invents_nothing() {
    let honest = world(700);
    let expected: BTreeSet<String> = {
        let (ended, heard) = honest.once(&honest.log);
        ended.unwrap();
        heard.0.into_iter().map(|event| event.id).collect()
    };
    let mut deaths = 0;
    for budget in 0.. {
        // Dies after so many steps, is started again, and dies no more.
        std::fs::remove_file(honest.folder.path().join("state.json")).ok();
        let mut heard = Vec::new();
        let mut mortal = Mortal { world: &honest, left: AtomicUsize::new(budget), heard: &mut heard };
        let first = mortal.live();
        mortal.left = AtomicUsize::new(usize::MAX);
        mortal.live().unwrap();
        let got: BTreeSet<String> = heard.iter().map(|event| event.id.clone()).collect();
        assert_eq!(got, expected, "killed after {budget} steps");
        assert!(heard.len() <= expected.len() + 40, "at most what one bundle held is said twice");
        if first.is_ok() {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 150, "{deaths}");
}

#[test]
fn a_state_of_another_log_is_not_touched() {
    let world = world(10);
    world.once(&world.log).0.unwrap();
    let path = world.folder.path().join("state.json");
    let failure = StateFile::open(&path, "other.example").err().unwrap();
    assert!(failure.message.ends_with("it is of log.example/watched"), "{failure:?}");
    std::fs::write(&path, "{}").unwrap();
    assert_eq!(StateFile::open(&path, ORIGIN).err().unwrap().exit, Exit::Local);
}
