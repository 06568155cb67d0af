//! SIGKILL at random moments, many times, and after each of them everything that was ever promised.
//!
//! The entries from which roots are recomputed come from the restarted server itself, over HTTP: each
//! statement ever submitted is asked for at `GET /entries/{id}`, which gives its index or 404, and what the
//! operator registered is named by `GET /policy`. Nobody else writes to the log, so together they must fill it
//! without a gap. From that list alone the doubters' oracle recomputes the root of every receipt and
//! checkpoint ever seen, those of earlier lives of the server included. No store or ledger code takes part.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::history::{History, Outcome};
use crate::log::Log;
use crate::machine::{self, Random, spin};
use crate::server::Server;
use crate::statements::Issuer;
use crate::wire::{Connection, STATEMENT};

const KILLS: usize = 32;
/// In so many of them as many requests are to be in flight.
const CROWDED: usize = 20;
const CROWD: u64 = 50;
const CLIENTS: usize = 96;
/// Statements that a client has at hand for one life of the server. No life lasts as long.
const EACH: usize = 24;
/// Lives in which the server is killed while it starts, which is when it recovers.
const STILLBORN: usize = 6;

/// What the clients count, and what stops them.
#[derive(Default)]
struct Progress {
    sent: AtomicU64,
    answered: AtomicU64,
    /// Set before the kill: what is sent later was never in flight.
    killed: AtomicBool,
}

impl Progress {
    fn in_flight(&self) -> u64 {
        let answered = self.answered.load(Ordering::SeqCst);
        self.sent.load(Ordering::SeqCst).saturating_sub(answered)
    }
}

/// What was seen over all kills.
#[derive(Debug, Default)]
struct Seen {
    crowded: usize,
    acknowledged: usize,
    stored_unacknowledged: usize,
    absent: usize,
}

#[test]
fn arch_28_arch_29_arch_34_nothing_acknowledged_is_lost_by_a_kill() {
    let _machine = machine::alone();
    let mut random = Random::from_environment("kill loop");
    let log = Log::create();
    let server = Server::start(&log);
    let mut history = History::of(&log, &server);
    let issuer = Issuer::new(&log, "killed");
    issuer.be_trusted(&log, &server);
    history.note_control(&server);
    server.kill();
    log.assert_clean();

    let mut seen = Seen::default();
    let mut next = 0;
    for life in 0..KILLS {
        if life % (KILLS / STILLBORN) == 0 {
            Server::kill_while_starting(&log, random.below(40_000_000));
        }
        let server = Server::start(&log);
        history.audit(&server);
        let work = prepare(&mut history, &issuer, &mut next, &mut random);
        let in_flight = run_and_kill(server, &work, &mut history, &mut random);
        seen.crowded += usize::from(in_flight >= CROWD);
        log.assert_clean();
    }
    let server = Server::start(&log);
    history.audit(&server);
    history.audit_everything(&server);
    server.stop();
    log.assert_clean();

    for outcome in history.outcomes() {
        match outcome {
            Outcome::Acknowledged => seen.acknowledged += 1,
            Outcome::StoredUnacknowledged => seen.stored_unacknowledged += 1,
            Outcome::Absent => seen.absent += 1,
            Outcome::Unknown => panic!("a statement was never asked for again"),
        }
    }
    machine::say(&format!("kill loop: {KILLS} kills and {STILLBORN} while starting: {seen:?}"));
    assert!(seen.crowded >= CROWDED, "too few kills hit {CROWD} requests in flight: {seen:?}");
    assert!(seen.stored_unacknowledged > 0, "no unacknowledged statement was stored: {seen:?}");
    assert!(seen.absent > 0, "no unacknowledged statement was absent: {seen:?}");
}

/// The statements of the next life, a list for each client: new ones, and some that were killed before.
fn prepare(history: &mut History, issuer: &Issuer, next: &mut u64, random: &mut Random) -> Vec<Vec<usize>> {
    let mut again = history.unacknowledged();
    let mut work = Vec::new();
    for _ in 0..CLIENTS {
        let mut list = Vec::new();
        for _ in 0..EACH {
            let retry = if random.below(8) == 0 { again.pop() } else { None };
            list.push(retry.unwrap_or_else(|| {
                *next += 1;
                history.submit(issuer.statement(*next))
            }));
        }
        work.push(list);
    }
    work
}

/// What a client learnt of one statement.
enum Answer {
    Receipt(usize, Vec<u8>),
    /// No answer; `true` if the request was out whole before the kill.
    Nothing(usize, bool),
}

/// Lets all clients register until the server is killed at a random moment; how many requests were in flight.
fn run_and_kill(server: Server, work: &[Vec<usize>], history: &mut History, random: &mut Random) -> u64 {
    let progress = Progress::default();
    // Some kills hit the first round, most a log that is being written to at full speed.
    let enough = if random.below(5) == 0 { 0 } else { random.below(600) };
    let burn = random.below(4_000_000);
    let statements = history.statements();
    let (answers, checkpoints, in_flight) = std::thread::scope(|scope| {
        let mut clients = Vec::new();
        for list in work {
            let (connection, progress, statements) = (server.connect(), &progress, &statements);
            clients.push(scope.spawn(move || client(connection, list, statements, progress)));
        }
        let watched = server.connect();
        let watcher = scope.spawn(|| watch(watched, &progress));
        // The moment is chosen by what the server has done, not by a clock.
        while !clients.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            if progress.answered.load(Ordering::SeqCst) >= enough && progress.in_flight() >= CROWD {
                break;
            }
            std::hint::spin_loop();
        }
        spin(burn);
        let in_flight = progress.in_flight();
        progress.killed.store(true, Ordering::SeqCst);
        server.kill();
        let answers: Vec<Vec<Answer>> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        (answers, watcher.join().unwrap(), in_flight)
    });
    for note in checkpoints {
        history.note_checkpoint(&note);
    }
    for answer in answers.into_iter().flatten() {
        match answer {
            Answer::Receipt(number, receipt) => history.acknowledge(number, &receipt),
            Answer::Nothing(number, sent) => history.left_open(number, sent),
        }
    }
    in_flight
}

fn client(
    mut connection: Connection,
    list: &[usize],
    statements: &[Vec<u8>],
    progress: &Progress,
) -> Vec<Answer> {
    let mut answers = Vec::new();
    for &number in list {
        if connection.send("POST", "/entries", STATEMENT, &statements[number]).is_err() {
            answers.push(Answer::Nothing(number, false));
            break;
        }
        let alive = !progress.killed.load(Ordering::SeqCst);
        progress.sent.fetch_add(1, Ordering::SeqCst);
        let Ok(reply) = connection.receive() else {
            answers.push(Answer::Nothing(number, alive));
            break;
        };
        progress.answered.fetch_add(1, Ordering::SeqCst);
        assert_eq!(reply.status, 201, "{}", reply.problem());
        answers.push(Answer::Receipt(number, reply.body));
    }
    answers
}

/// Collects the checkpoints that are published meanwhile.
fn watch(mut connection: Connection, progress: &Progress) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    while !progress.killed.load(Ordering::SeqCst) {
        let Ok(reply) = connection.get("/checkpoint") else { break };
        let note = String::from_utf8(reply.body).unwrap();
        if notes.last() != Some(&note) {
            notes.push(note);
        }
        std::thread::yield_now();
    }
    notes
}
