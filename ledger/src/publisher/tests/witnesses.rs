//! The log and its witnesses: honest, slow, dead and lying ones. Time stands still but for the timers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proofs::checkpoint::Checkpoint;
use proofs::cosignature::cosign;
use proofs::note::{NoteSignature, NoteVerifierKey};
use proofs::witness::AddCheckpoint;
use proofs::{ConsistencyProof, CosignatureKind, Cosigner, SignedNote, TlogPolicy, TreeSize, UnixTime};

use tokio::sync::{mpsc, watch};

use crate::error::Fatal;
use crate::publisher::Publisher;
use crate::publisher::feeder::{Feeder, Target};
use crate::registration::Registration;
use crate::settings::{ReceiptRule, Settings};
use crate::signer::CosigningKey;
use crate::testing::{Bench, NOW, ORIGIN, World};
use crate::witness::{
    Answer, WithoutQuorum, Witness, WitnessClient, WitnessReply, WitnessSettings, Witnessing,
};

/// How long a slow witness takes.
const ANSWER: Duration = Duration::from_secs(1);

/// How a witness of these tests behaves.
#[derive(Clone, Debug)]
pub(super) enum Manner {
    Honest,
    Silent,
    Gone,
    /// Its signature is wrong.
    Scribbles,
    /// It answers with the line of somebody else.
    Impersonates,
    /// It cosigns another root.
    OtherRoot,
    /// It signs without a time, as notes of type 0x01 are signed.
    Plain,
    /// It answers with noise.
    Noise,
    Says(WitnessReply),
    /// It takes [`ANSWER`].
    Slow(WitnessReply),
    /// It names another size so many times more, then is honest.
    Wavers(u64),
}

pub(super) struct Fake {
    key: CosigningKey,
    other: CosigningKey,
    pub(super) manner: Mutex<Manner>,
    /// The checkpoint that it cosigned last.
    pub(super) last: Mutex<Option<Checkpoint>>,
    /// What its monitoring endpoint says.
    pub(super) shows: Mutex<Option<Vec<u8>>>,
    asked: Mutex<Vec<(u64, u64)>>,
}

impl Fake {
    fn new(kind: CosignatureKind, name: &str) -> Arc<Self> {
        Arc::new(Self {
            key: CosigningKey::generate(kind, name).unwrap(),
            other: CosigningKey::generate(kind, "stranger").unwrap(),
            manner: Mutex::new(Manner::Honest),
            last: Mutex::new(None),
            shows: Mutex::new(None),
            asked: Mutex::new(Vec::new()),
        })
    }

    pub(super) fn is(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// The sizes of each request: the old one and that of the checkpoint.
    fn asked(&self) -> Vec<(u64, u64)> {
        self.asked.lock().unwrap().clone()
    }

    fn reply(&self, body: &str) -> WitnessReply {
        let request = AddCheckpoint::parse(body.as_bytes()).unwrap();
        let new = Checkpoint::parse(request.note.text()).unwrap();
        self.asked.lock().unwrap().push((request.old.get(), new.head.size.get()));
        let mut last = self.last.lock().unwrap();
        let old = last.as_ref().map_or(TreeSize::EMPTY, |last| last.head.size);
        if old != request.old {
            return WitnessReply::Conflict(Some(old));
        }
        if let Some(last) = last.as_ref() {
            let proof = ConsistencyProof { old, new: new.head.size, path: request.proof };
            if new.continues(last, &proof).is_err() {
                return WitnessReply::Inconsistent;
            }
        }
        let line = self.line(&request.note, &new);
        *last = Some(new);
        WitnessReply::Cosigned(line.to_string().into_bytes())
    }

    fn line(&self, note: &SignedNote, checkpoint: &Checkpoint) -> NoteSignature {
        let time = UnixTime::from_secs(NOW);
        let right = cosign(note.text(), checkpoint, time, &self.key).unwrap();
        match *self.manner.lock().unwrap() {
            Manner::Scribbles => {
                let mut line = right;
                line.signature[30] ^= 1;
                line
            }
            Manner::Impersonates => cosign(note.text(), checkpoint, time, &self.other).unwrap(),
            Manner::OtherRoot => {
                let head = proofs::TreeHead { root: proofs::leaf_hash(b"other"), ..checkpoint.head };
                let other = Checkpoint { head, ..checkpoint.clone() };
                cosign(&other.text(), &other, time, &self.key).unwrap()
            }
            Manner::Plain => {
                let signature = self.key.sign(note.text().as_bytes()).unwrap();
                NoteSignature { signature, ..right }
            }
            _ => right,
        }
    }
}

impl Witness for Fake {
    fn add_checkpoint(&self, body: String) -> Answer<'_, WitnessReply> {
        let manner = self.manner.lock().unwrap().clone();
        Box::pin(async move {
            match manner {
                Manner::Silent => std::future::pending().await,
                Manner::Gone => WitnessReply::Unreachable("nobody there".into()),
                Manner::Noise => WitnessReply::Cosigned(b"\xff noise".to_vec()),
                Manner::Says(reply) => reply,
                Manner::Slow(reply) => {
                    tokio::time::sleep(ANSWER).await;
                    reply
                }
                Manner::Wavers(times @ 1..) => {
                    self.is(Manner::Wavers(times - 1));
                    WitnessReply::Conflict(Some(TreeSize::new(times % 2)))
                }
                _ => self.reply(&body),
            }
        })
    }

    fn newest(&self) -> Answer<'_, Option<Vec<u8>>> {
        let shows = self.shows.lock().unwrap().clone();
        Box::pin(async move { shows })
    }
}

/// A log with three witnesses, two of Ed25519 and one of ML-DSA-44, and this quorum.
pub(super) fn world(quorum: &str, without_quorum: WithoutQuorum) -> (World, [Arc<Fake>; 3]) {
    let fakes = [
        Fake::new(CosignatureKind::Ed25519, "w.example/1"),
        Fake::new(CosignatureKind::Ed25519, "w.example/2"),
        Fake::new(CosignatureKind::MlDsa44, "w.example/3"),
    ];
    let lines: String =
        (1..).zip(&fakes).map(|(n, fake)| format!("witness W{n} {}\n", fake.key.key())).collect();
    let policy = format!("{lines}{quorum}\n");
    let mut world = World::new();
    world.witnessing = Some(Witnessing {
        policy: TlogPolicy::parse(policy.as_bytes()).unwrap(),
        clients: fakes
            .iter()
            .map(|fake| WitnessClient { key: fake.key.key().clone(), witness: Arc::<Fake>::clone(fake) })
            .collect(),
        settings: WitnessSettings { without_quorum, ..WitnessSettings::default() },
    });
    (world, fakes)
}

const TWO: &str = "group G 2 W1 W2 W3\nquorum G";

/// Runs the publisher until `done`, in a time that passes only where everybody waits.
pub(super) fn drive(publisher: &mut Publisher, done: impl Fn(&Publisher) -> bool) -> Result<(), Fatal> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let _feeders = publisher.start_feeders();
        loop {
            publisher.turn()?;
            if done(publisher) {
                return Ok(());
            }
            publisher.wait().await?;
        }
    })
}

fn size(publisher: &Publisher) -> u64 {
    publisher.shared.published_size().get()
}

fn covered(publisher: &Publisher) -> u64 {
    publisher.shared.covered.read().unwrap().size.get()
}

/// Who cosigned what is served.
fn served(world: &World, bench: &Bench) -> Vec<usize> {
    let policy = &world.witnessing.as_ref().unwrap().policy;
    let note = SignedNote::parse(bench.ledger.checkpoint().as_bytes()).unwrap();
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    let mut who: Vec<_> =
        policy.cosigned(&note, &checkpoint).unwrap().into_iter().map(|(at, _)| at).collect();
    who.sort_unstable();
    who
}

#[test]
fn ckpt_06_tile_02_a_checkpoint_is_signed_with_both_keys() {
    let world = World::new();
    let bench = world.bare_bench(Settings::default());
    let note = SignedNote::parse(bench.ledger.checkpoint().as_bytes()).unwrap();
    let keys = bench.ledger.identity().genesis.checkpoint_keys();
    assert_eq!((keys.len(), note.signatures().len()), (2, 2));
    for key in &keys {
        assert_eq!(key.name().as_str(), ORIGIN);
        proofs::tlog_policy::verify_log(&note, &[key]).unwrap();
    }
}

#[test]
fn wit_09_a_checkpoint_is_published_when_the_quorum_has_cosigned_it() {
    let (world, _) = world(TWO, WithoutQuorum::Hold);
    let mut bench = world.bench(Settings::default());
    drive(&mut bench.publisher, |publisher| covered(publisher) == 5).unwrap();
    let served = served(&world, &bench);
    assert!(served.len() >= 2, "{served:?}");
    assert_eq!(world.store.published().unwrap().unwrap(), bench.ledger.checkpoint().as_bytes());
    assert!(world.store.announced().unwrap().is_some(), "it was written down before anybody was asked");
}

/// One that never answers and one that is gone harm nobody while the others are a quorum, and those who come late are
/// merged in.
#[test]
fn wit_09_the_dead_and_the_slow_are_not_waited_for_beyond_the_quorum() {
    let (world, fakes) = world(TWO, WithoutQuorum::Hold);
    let mut bench = world.bench(Settings::default());
    fakes[0].is(Manner::Silent);
    drive(&mut bench.publisher, |publisher| covered(publisher) == 5).unwrap();
    assert_eq!(served(&world, &bench), [1, 2]);
    let dead = world_with_one_alive();
    let mut bench = dead.0.bench(Settings::default());
    drive(&mut bench.publisher, |publisher| size(publisher) == 5).unwrap();
    assert_eq!(served(&dead.0, &bench), [0], "what has come is shown, though it is no quorum");
    assert_eq!(covered(&bench.publisher), 0);
}

fn world_with_one_alive() -> (World, [Arc<Fake>; 3]) {
    let (world, fakes) = world(TWO, WithoutQuorum::Publish);
    fakes[1].is(Manner::Silent);
    fakes[2].is(Manner::Gone);
    (world, fakes)
}

#[test]
fn wit_09_without_a_quorum_it_is_published_and_counted_when_so_configured() {
    let (world, fakes) = world(TWO, WithoutQuorum::Publish);
    fakes.iter().for_each(|fake| fake.is(Manner::Silent));
    let mut bench = world.bench(Settings::default());
    drive(&mut bench.publisher, |publisher| size(publisher) == 5).unwrap();
    assert_eq!(served(&world, &bench), [0; 0]);
    assert_eq!(bench.ledger.shared.metrics.witness.unwitnessed("published"), 1);
    // Once they are back, the same checkpoint is shown to them again after the interval.
    fakes.iter().for_each(|fake| fake.is(Manner::Honest));
    drive(&mut bench.publisher, |publisher| covered(publisher) == 5).unwrap();
    assert!(served(&world, &bench).len() >= 2);
}

#[test]
fn wit_09_without_a_quorum_it_is_held_back_when_so_configured() {
    let (world, fakes) = world(TWO, WithoutQuorum::Hold);
    fakes.iter().for_each(|fake| fake.is(Manner::Gone));
    // Every moment of waiting is too long, and it is the witnesses who are waited for: the service itself is well.
    let mut bench = world.bench(Settings { ready_lag_ms: 0, ..Settings::default() });
    assert!(!bench.ledger.readiness().ready, "nothing is signed yet");
    let held = |publisher: &Publisher| publisher.shared.metrics.witness.unwitnessed("held") >= 2;
    drive(&mut bench.publisher, held).unwrap();
    assert_eq!(size(&bench.publisher), 3, "the one of the genesis");
    // Nobody waits for witnesses but the checkpoint: registrations are committed as ever.
    bench.must(world.statement(1));
    let readiness = bench.ledger.readiness();
    assert!(readiness.ready && readiness.reason.contains("waits for its quorum"), "{readiness:?}");
    fakes[0].is(Manner::Honest);
    fakes[2].is(Manner::Honest);
    drive(&mut bench.publisher, |publisher| covered(publisher) == 6).unwrap();
    assert_eq!(served(&world, &bench), [0, 2]);
    assert_eq!(bench.ledger.readiness().reason, "rounds are committed and checkpoints follow");
    // A commit that no checkpoint is signed for is the service's own business again.
    bench.must(world.statement(2));
    assert!(!bench.ledger.readiness().ready);
}

#[test]
fn wit_05_what_a_liar_answers_is_never_stored_or_served() {
    for manner in [Manner::Scribbles, Manner::Impersonates, Manner::OtherRoot, Manner::Plain, Manner::Noise] {
        let (world, fakes) = world("quorum W1", WithoutQuorum::Publish);
        fakes[0].is(manner.clone());
        fakes[1].is(Manner::Gone);
        fakes[2].is(Manner::Gone);
        let mut bench = world.bench(Settings::default());
        drive(&mut bench.publisher, |publisher| size(publisher) == 5).unwrap();
        let note = SignedNote::parse(world.store.published().unwrap().unwrap()).unwrap();
        assert_eq!(note.signatures().len(), 2, "{manner:?}: the two of the log");
        assert_eq!(covered(&bench.publisher), 0);
        assert!(bench.ledger.shared.metrics.witness.counted("w.example/1", "invalid") >= 1, "{manner:?}");
    }
}

#[test]
fn wit_04_a_conflict_tells_from_where_to_prove() {
    let (world, fakes) = world("quorum W1", WithoutQuorum::Hold);
    let mut bench = world.bench(Settings::default());
    drive(&mut bench.publisher, |publisher| covered(publisher) == 5).unwrap();
    drop(bench);
    // After a restart nothing is known of the witness.
    let mut bench = world.bench(Settings::default());
    assert_eq!(covered(&bench.publisher), 5, "the quorum is found again under the stored checkpoint");
    bench.must(world.statement(1));
    drive(&mut bench.publisher, |publisher| covered(publisher) == 6).unwrap();
    assert_eq!(fakes[0].asked(), [(0, 5), (0, 6), (5, 6)]);
}

/// It always names another size: asking goes on for a while, then no longer, and the log with it.
#[test]
fn wit_04_a_witness_that_lies_about_sizes_is_given_up() {
    for size in [0, 1, 4, 99] {
        let (world, fakes) = world("quorum W2", WithoutQuorum::Hold);
        fakes[0].is(Manner::Says(WitnessReply::Conflict(Some(TreeSize::new(size)))));
        let mut bench = world.bench(Settings::default());
        drive(&mut bench.publisher, |publisher| covered(publisher) == 5).unwrap();
    }
}

/// Others may move it on while we ask: a witness that could not be followed at once is asked again, not given up.
#[test]
fn wit_04_a_witness_that_wavers_is_asked_again() {
    let (world, fakes) = world("quorum W1", WithoutQuorum::Hold);
    fakes[0].is(Manner::Wavers(7));
    let mut bench = world.bench(Settings::default());
    drive(&mut bench.publisher, |publisher| covered(publisher) == 5).unwrap();
    assert_eq!(bench.ledger.shared.metrics.witness.unwitnessed("held"), 0, "within the first wait");
}

/// Another feeder was faster: that the witness is ahead of an older checkpoint is no other view of the log.
#[test]
fn wit_04_a_witness_that_is_ahead_of_an_older_checkpoint_is_no_liar() {
    let (world, fakes) = world("quorum W1", WithoutQuorum::Hold);
    let bench = world.bench(Settings::default());
    let note = SignedNote::parse(bench.ledger.checkpoint().as_bytes()).unwrap();
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    let ahead = WitnessReply::Conflict(Some(TreeSize::new(checkpoint.head.size.get() + 1)));
    fakes[0].is(Manner::Slow(ahead));
    *fakes[0].shows.lock().unwrap() = Some(b"evidence".to_vec());
    let target = Arc::new(Target { checkpoint, note });
    let (sender, targets) = watch::channel(Some(Arc::clone(&target)));
    let (events, mut received) = mpsc::channel(1);
    let client = world.witnessing.as_ref().unwrap().clients[0].clone();
    let feeder = Feeder::new(Arc::clone(&bench.publisher.shared), client, targets, events);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let newer_comes = async {
            tokio::time::sleep(ANSWER / 2).await;
            sender.send_replace(Some(target));
            tokio::time::sleep(ANSWER).await;
        };
        tokio::select! {
            () = feeder.run() => panic!("it goes on"),
            () = newer_comes => {}
        }
    });
    assert!(received.try_recv().is_err(), "evidence was looked for");
}

#[test]
fn wit_01_refusals_are_counted_and_stop_nothing() {
    let refusals = [
        (WitnessReply::UnknownLog, "unknown_log"),
        (WitnessReply::BadSignature, "bad_signature"),
        (WitnessReply::Inconsistent, "inconsistent"),
        (WitnessReply::Refused(400), "refused"),
        (WitnessReply::Conflict(None), "conflict"),
    ];
    for (reply, label) in refusals {
        let (world, fakes) = world("quorum W1", WithoutQuorum::Publish);
        fakes[0].is(Manner::Says(reply));
        let mut bench = world.bench(Settings::default());
        drive(&mut bench.publisher, |publisher| size(publisher) == 5).unwrap();
        assert_eq!(bench.ledger.shared.metrics.witness.counted("w.example/1", label), 1, "{label}");
    }
}

/// With nothing new, the checkpoint is cosigned anew: the witnesses' times show that the log was on.
#[test]
fn quiet_periods_are_cosigned_again() {
    let (world, fakes) = world("quorum W1", WithoutQuorum::Hold);
    let mut bench = world.bench(Settings::default());
    let often = Arc::clone(&fakes[0]);
    drive(&mut bench.publisher, move |_| often.asked().len() >= 3).unwrap();
    assert_eq!(fakes[0].asked(), [(0, 5), (5, 5), (5, 5)]);
}

#[test]
fn d09_d10_a_witnessed_receipt_waits_for_the_quorum() {
    let (world, fakes) = world("quorum W1", WithoutQuorum::Hold);
    let settings = Settings { receipts: ReceiptRule::Witnessed, ..Settings::default() };
    let mut bench = world.bare_bench(settings);
    let anchors = world.anchors(&bench.ledger, "issuer", &world.issuer);
    let Registration::Committed { id, index } = bench.register(anchors.clone()).unwrap() else {
        panic!("no receipt before a witness has seen it")
    };
    let state = |bench: &Bench| bench.runtime.block_on(bench.ledger.receipt(id)).unwrap();
    assert_eq!(state(&bench), crate::ReceiptState::Running);
    assert_eq!(bench.runtime.block_on(bench.ledger.transparent(id)).unwrap(), None);
    fakes[0].is(Manner::Gone);
    drive(&mut bench.publisher, |publisher| publisher.shared.metrics.witness.unwitnessed("held") > 0)
        .unwrap();
    assert_eq!(state(&bench), crate::ReceiptState::Running);
    fakes[0].is(Manner::Honest);
    drive(&mut bench.publisher, |publisher| covered(publisher) == 4).unwrap();
    let crate::ReceiptState::Issued { index: at, receipt, .. } = state(&bench) else { panic!() };
    assert_eq!(at, index);
    // The head that the receipt is for is the one that was cosigned, whatever was committed since.
    let policy = world.policy(&bench.ledger, vec![crate::testing::issuer_rule("issuers")]);
    assert!(matches!(bench.register(policy).unwrap(), Registration::Committed { .. }));
    let crate::ReceiptState::Issued { receipt: later, .. } = state(&bench) else { panic!() };
    for receipt in [receipt, later] {
        let proofs::Proof::Inclusion(proof) = proofs::Receipt::parse(&receipt).unwrap().proof().clone()
        else {
            panic!()
        };
        assert_eq!(proof.size, TreeSize::new(4));
    }
    assert!(matches!(bench.register(anchors).unwrap(), Registration::Issued { .. }), "known and covered");
}

#[test]
fn d10_witnessed_receipts_need_a_quorum_to_wait_for() {
    let settings = Settings { receipts: ReceiptRule::Witnessed, ..Settings::default() };
    let error = World::new().try_open(settings.clone()).err().unwrap();
    assert!(matches!(error, crate::OpenError::NoQuorum), "{error}");
    let (world, _) = world("quorum none", WithoutQuorum::Hold);
    assert!(matches!(world.try_open(settings).err().unwrap(), crate::OpenError::NoQuorum));
}

/// `quorum none` publishes at once and gathers what comes.
#[test]
fn a_policy_without_a_quorum_gathers_late_cosignatures() {
    let (world, _) = world("quorum none", WithoutQuorum::Hold);
    let mut bench = world.bench(Settings::default());
    bench.publisher.turn().unwrap();
    assert_eq!(size(&bench.publisher), 5);
    drive(&mut bench.publisher, |publisher| {
        let note = SignedNote::parse(publisher.shared.published().note.as_bytes()).unwrap();
        note.signatures().len() == 5
    })
    .unwrap();
    assert_eq!(served(&world, &bench), [0, 1, 2]);
}

#[test]
fn the_last_checkpoint_gets_its_time_when_the_log_is_closed() {
    let (world, _) = world("quorum W3", WithoutQuorum::Hold);
    let mut bench = world.bench(Settings::default());
    bench.must(world.statement(1));
    let Bench { ledger, sequencer, publisher, runtime, .. } = bench;
    let publishing = std::thread::spawn(move || publisher.run());
    drop((ledger, runtime));
    sequencer.run().unwrap();
    publishing.join().unwrap().unwrap();
    let again = world.try_open(Settings::default()).unwrap();
    assert_eq!(again.ledger.published_size(), TreeSize::new(6));
    let keys = again.ledger.identity().genesis.checkpoint_keys();
    let policy = &world.witnessing.as_ref().unwrap().policy;
    policy.verify_for(again.ledger.checkpoint().as_bytes(), &keys.iter().collect::<Vec<_>>()).unwrap();
}

/// Nothing new to show: a log that is closed does not wait for witnesses that are gone.
#[test]
fn a_log_without_news_is_closed_at_once() {
    let (world, fakes) = world("quorum W1", WithoutQuorum::Hold);
    let mut bench = world.bench(Settings::default());
    drive(&mut bench.publisher, |publisher| covered(publisher) == 5).unwrap();
    drop(bench);
    fakes[0].is(Manner::Gone);
    let Bench { ledger, sequencer, mut publisher, .. } = world.bench(Settings::default());
    drop(ledger);
    sequencer.run().unwrap();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let began = tokio::time::Instant::now();
        let _feeders = publisher.start_feeders();
        publisher.publish_until_ended().await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
    });
}

/// Each witness has one request on its way, at most, and its deadline.
#[test]
fn a_request_has_a_deadline() {
    let (mut world, fakes) = world("quorum W1", WithoutQuorum::Publish);
    world.witnessing.as_mut().unwrap().settings.request_deadline = Duration::from_millis(100);
    fakes[0].is(Manner::Silent);
    let mut bench = world.bench(Settings::default());
    let timed_out =
        |publisher: &Publisher| publisher.shared.metrics.witness.counted("w.example/1", "unreachable") >= 3;
    drive(&mut bench.publisher, timed_out).unwrap();
}

pub(super) fn vkey(world: &World) -> NoteVerifierKey {
    let key = world.keys.checkpoints.public_key().ed25519_bytes().unwrap();
    proofs::note::ed25519_vkey(ORIGIN, &key).unwrap()
}
