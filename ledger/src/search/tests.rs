//! Searching a small log.

mod bounds;

use proofs::{LeafIndex, UnixTime};
use serde_json::json;

use super::{LineQuery, Query, QueryError, QueryTerm, SearchError, Wanted, page};
use crate::profile::{Kind, MAX_TERM_BYTES};
use crate::settings::Settings;
use crate::testing::{Bench, ISSUER, World};

fn event(agent: &str, trace: u64, sequence: u64) -> Vec<u8> {
    let event = json!({
        "event_id": format!("f1a2b3c4-d5e6-4890-abcd-{:012}", trace * 1000 + sequence),
        "event_type": if sequence.is_multiple_of(2) { "TOOL_INVOKED" } else { "INJECT_SUCCESS" },
        "event_category": "inject",
        "event_time": "2026-10-01T00:00:00.000Z",
        "agent_id": agent,
        "governance_hash": "0f540b499d304fad8488f778f887086fd97d83643e2f2c47178aabc97a7951c4",
        "trace_id": format!("{trace:032x}"),
        "sequence_number": sequence,
    });
    event.to_string().into_bytes()
}

fn about(world: &World, kind: Kind, payload: &[u8]) -> Vec<u8> {
    let content_type = proofs::ContentType::Text(kind.content_type().into());
    let subject = crate::profile::subject_of(kind, payload).unwrap();
    let builder = proofs::StatementBuilder::new(ISSUER, subject).content_type(content_type);
    builder.sign(payload, &world.issuer).unwrap()
}

fn is(name: &str, value: &str) -> QueryTerm {
    QueryTerm::new(name, Wanted::Exactly(value.into())).unwrap()
}

fn begins(name: &str, value: &str) -> QueryTerm {
    QueryTerm::new(name, Wanted::Beginning(value.into())).unwrap()
}

fn between(name: &str, from: u64, to: u64) -> QueryTerm {
    QueryTerm::new(name, Wanted::Between(from, to)).unwrap()
}

struct Log {
    world: World,
    bench: Bench,
    first: u64,
}

/// Events 1 to 10 of two agents by turns, a minute apart, in two traces, after `first - 1`.
fn log() -> Log {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let mut first = None;
    for n in 0..20_u64 {
        world.clock.set(UnixTime::from_secs(crate::testing::NOW + n * 60));
        let agent = if n.is_multiple_of(2) { "agent.a" } else { "agent.b" };
        let statement = about(&world, Kind::AigpEvent, &event(agent, n / 10, n % 10 + 1));
        let (_, index, _) = bench.must(statement);
        first.get_or_insert(index);
    }
    Log { first: first.unwrap(), world, bench }
}

impl Log {
    fn find(&self, query: Query) -> Result<(Vec<u64>, Option<u64>), SearchError> {
        let found = self.bench.runtime.block_on(self.bench.ledger.search(query))?;
        let hits = found.hits.iter().map(|hit| hit.index.get() - self.first).collect();
        Ok((hits, found.next.map(|next| next.get() - self.first)))
    }

    fn all(&self, terms: Vec<QueryTerm>) -> Vec<u64> {
        self.find(Query { terms, ..Query::default() }).unwrap().0
    }
}

#[test]
fn terms_are_found_exactly_by_beginning_and_in_ranges() {
    let log = log();
    assert_eq!(log.all(vec![is("aigp.agent_id", "agent.a")]), (0..20).step_by(2).collect::<Vec<_>>());
    assert_eq!(log.all(vec![is("aigp.agent_id", "agent.")]), Vec::<u64>::new(), "a beginning is not a value");
    assert_eq!(log.all(vec![begins("aigp.agent_id", "agent.")]).len(), 20);
    assert_eq!(log.all(vec![begins("aigp.agent_id", "agent.b")]), (1..20).step_by(2).collect::<Vec<_>>());
    assert_eq!(log.all(vec![between("aigp.sequence_number", 2, 3)]), [1, 2, 11, 12]);
    assert_eq!(log.all(vec![between("aigp.sequence_number", 10, u64::MAX)]), [9, 19]);
    assert_eq!(log.all(vec![is("aigp.sequence_number", "7")]), [6, 16]);
    assert_eq!(log.all(vec![is("issuer", ISSUER)]).len(), 20);
    assert_eq!(log.all(vec![is("content_type", Kind::AigpEvent.content_type())]).len(), 20);
    assert_eq!(log.all(vec![is("system", "aigp")]).len(), 20);
    assert_eq!(log.all(vec![is("system", "trace")]), Vec::<u64>::new());
}

#[test]
fn several_terms_narrow_the_search() {
    let log = log();
    let trace = format!("{:032x}", 1);
    let (agent, kind) = (is("aigp.agent_id", "agent.b"), is("aigp.event_type", "TOOL_INVOKED"));
    assert_eq!(log.all(vec![agent.clone(), is("aigp.trace_id", &trace)]), [11, 13, 15, 17, 19]);
    assert_eq!(
        log.all(vec![agent.clone(), kind.clone(), between("aigp.sequence_number", 4, 6)]),
        [3, 5, 13, 15]
    );
    assert_eq!(
        log.all(vec![between("aigp.sequence_number", 4, 6), begins("aigp.agent_id", "agent.a")]),
        [4, 14]
    );
    assert_eq!(log.all(vec![agent, is("aigp.agent_id", "agent.a")]), Vec::<u64>::new());
    assert_eq!(log.all(vec![kind, is("aigp.event_type", "INJECT_SUCCESS")]), Vec::<u64>::new());
}

#[test]
fn pages_are_in_the_order_of_the_log_and_stable_while_it_grows() {
    let mut log = log();
    for terms in [vec![is("aigp.agent_id", "agent.a")], vec![begins("aigp.agent_id", "agent.a")]] {
        let ask = |log: &Log, after: Option<u64>| {
            let after = after.map(|after| LeafIndex::new(after + log.first));
            log.find(Query { terms: terms.clone(), after, limit: Some(4), ..Query::default() }).unwrap()
        };
        let (hits, next) = ask(&log, None);
        assert_eq!((hits, next), (vec![0, 2, 4, 6], Some(6)));
        let statement = about(
            &log.world,
            Kind::AigpEvent,
            &event(
                "agent.a",
                9,
                u64::try_from(terms.len()).unwrap() + log.bench.ledger.head().tree.size.get(),
            ),
        );
        log.bench.must(statement);
        let (hits, next) = ask(&log, next);
        assert_eq!((hits, next), (vec![8, 10, 12, 14], Some(14)));
        let (hits, next) = ask(&log, next);
        assert_eq!(hits[..2], [16, 18]);
        assert_eq!(next, None, "the entries since are on the last page");
    }
}

#[test]
fn a_full_last_page_has_no_next() {
    let log = log();
    let query =
        |limit| Query { terms: vec![is("aigp.agent_id", "agent.a")], limit: Some(limit), ..Query::default() };
    assert_eq!(log.find(query(10)).unwrap().1, None);
    assert_eq!(log.find(query(9)).unwrap().1, Some(16));
    assert_eq!(log.find(query(0)).unwrap().0.len(), 1, "a page has at least one hit");
}

#[test]
fn times_of_registration_are_asked_for_as_ranges() {
    let log = log();
    let at = |n: u64| Some(UnixTime::from_secs(crate::testing::NOW + n * 60));
    let find = |from, to| {
        log.find(Query { terms: vec![is("system", "aigp")], from, to, ..Query::default() }).unwrap().0
    };
    assert_eq!(find(at(5), at(7)), [5, 6, 7]);
    assert_eq!(find(at(18), None), [18, 19]);
    assert_eq!(find(None, at(1)), [0, 1]);
    assert_eq!(find(at(7), at(5)), Vec::<u64>::new());
    assert_eq!(find(at(100), None), Vec::<u64>::new());
    let all = log.find(Query { from: at(19), ..Query::default() }).unwrap().0;
    assert_eq!(all, [19], "without a term every entry is found");
}

#[test]
fn a_registered_entry_is_findable_at_once_and_says_what_was_found() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let gap = about(&world, Kind::AigpEvent, &event("agent.a", 1, 7));
    let (id, index, _) = bench.must(gap);
    let query = Query { terms: vec![is("aigp.agent_id", "agent.a")], ..Query::default() };
    let found = page(world.store.snapshot().unwrap().as_ref(), &query).unwrap();
    let [hit] = found.hits.as_slice() else { panic!("{found:?}") };
    assert_eq!((hit.id, hit.index.get()), (id, index));
    assert_eq!((hit.system, hit.profile.as_deref()), (Some("aigp"), Some("aigp@1")));
    assert_eq!((hit.subject.as_str(), hit.issuer.as_str()), ("agent.a", ISSUER));
    assert_eq!((hit.findings, hit.complete), (1, true), "a gap in the sequence");
    let summary = bench.runtime.block_on(bench.ledger.summary(id)).unwrap();
    assert_eq!(summary.examined.unwrap().findings[0].id, "SEQUENCE_GAP");
    assert!(summary.terms.len() > 8 && summary.terms.iter().any(|term| term.value == ISSUER));
    let other = bench.runtime.block_on(bench.ledger.summary(proofs::EntryId::from_bytes([9; 32])));
    assert!(other.is_err());
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let refused = |name: &str, wanted| QueryTerm::new(name, wanted).unwrap_err();
    assert_eq!(refused("nothing", Wanted::Exactly("x".into())), QueryError::Unknown);
    assert_eq!(refused("subject", Wanted::Between(1, 2)), QueryError::Kind);
    assert_eq!(refused("trace.iat", Wanted::Beginning("1".into())), QueryError::Kind);
    assert_eq!(refused("trace.iat", Wanted::Exactly("x".into())), QueryError::Kind);
    assert_eq!(refused("subject", Wanted::Exactly(String::new())), QueryError::Value);
    assert_eq!(refused("subject", Wanted::Exactly("a\0b".into())), QueryError::Value);
    assert_eq!(refused("subject", Wanted::Beginning("x".repeat(MAX_TERM_BYTES + 1))), QueryError::Value);
    let log = log();
    let many = vec![is("system", "aigp"); super::MAX_QUERY_TERMS + 1];
    assert!(matches!(
        log.find(Query { terms: many, ..Query::default() }),
        Err(SearchError::Query(QueryError::TooMany))
    ));
}

#[test]
fn who_wrote_this_line() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let mut record = |id: u64, revision: &str, start: u64, end: u64| {
        let record = json!({
            "version": "0.1.0",
            "id": format!("550e8400-e29b-41d4-a716-{id:012}"),
            "timestamp": "2026-01-23T14:30:00Z",
            "vcs": { "type": "git", "revision": revision },
            "files": [{ "path": "src/a.rs", "conversations": [
                { "url": format!("https://talk.example/{id}"), "contributor": { "type": "ai", "model_id": "m" },
                  "ranges": [{ "start_line": start, "end_line": end }] },
            ] }],
        });
        bench.must(about(&world, Kind::AgentTraceRecord, record.to_string().as_bytes())).1
    };
    let (commit, parent) = ("a".repeat(40), "b".repeat(40));
    let first = record(1, &parent, 1, 50);
    let second = record(2, &commit, 10, 12);
    record(3, &"c".repeat(40), 1, 50);
    let ask = |revisions: &[&String], path: &str, line| {
        let revisions = revisions.iter().map(|revision| (*revision).clone()).collect();
        let query = LineQuery { revisions, path: path.into(), line, after: None };
        let found = bench.runtime.block_on(bench.ledger.who_wrote(query)).unwrap();
        assert!(found.complete && found.next.is_none());
        found
            .answers
            .into_iter()
            .map(|one| (one.hit.index.get(), one.revision, one.ranges[0].start_line))
            .collect::<Vec<_>>()
    };
    assert_eq!(ask(&[&commit], "src/a.rs", 11), [(second, commit.clone(), 10)]);
    let both = [(second, commit.clone(), 10), (first, parent.clone(), 1)];
    assert_eq!(ask(&[&commit, &parent], "src/a.rs", 11), both, "the latest first");
    assert_eq!(ask(&[&commit, &parent], "src/a.rs", 40), [(first, parent.clone(), 1)]);
    assert_eq!(ask(&[&commit], "src/a.rs", 40), []);
    assert_eq!(ask(&[&commit, &parent], "src/b.rs", 11), []);
}
