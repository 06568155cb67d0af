//! What one question may cost, counted in bytes, and that nothing is lost by it.

use std::sync::Arc;

use proofs::{LeafIndex, StatementBuilder};
use serde_json::json;
use storage::memory::MemoryStore;

use super::super::{LineAnswers, LineQuery, MAX_PAGE, MAX_READ_BYTES, MAX_TOLD_BYTES, Page, Query};
use super::{about, begins, is};
use crate::profile::{Kind, MAX_LINE_TEXT};
use crate::settings::Settings;
use crate::testing::counting::CountingStore;
use crate::testing::{Bench, ISSUER, World};

const REVISION: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A log whose reads are counted.
struct Counted {
    world: World,
    store: Arc<CountingStore>,
    bench: Bench,
}

impl Counted {
    fn new() -> Self {
        let store = Arc::new(CountingStore::new(Arc::new(MemoryStore::new())));
        let world = World::on(store.clone());
        let bench = world.bench(Settings::default());
        Self { world, store, bench }
    }

    /// Registers a record about line 1 of `a`, with one conversation.
    fn record(&mut self, revision: &str, url: &str, ranges: usize) -> u64 {
        let size = self.bench.ledger.head().tree.size.get();
        let statement = self.made(size, revision, "a", url, ranges);
        self.bench.must(statement).1
    }

    fn made(&self, id: u64, revision: &str, path: &str, url: &str, ranges: usize) -> Vec<u8> {
        let record = json!({
            "version": "0.1.0",
            "id": format!("550e8400-e29b-41d4-a716-{id:012}"),
            "timestamp": "2026-01-23T14:30:00Z",
            "vcs": { "type": "git", "revision": revision },
            "files": [{ "path": path, "conversations": [
                { "url": url, "ranges": vec![json!({ "start_line": 1, "end_line": 1 }); ranges] },
            ] }],
        });
        about(&self.world, Kind::AgentTraceRecord, record.to_string().as_bytes())
    }

    fn lines(&self, revisions: &[&str], after: Option<LeafIndex>) -> LineAnswers {
        let revisions = revisions.iter().map(|revision| (*revision).to_owned()).collect();
        let query = LineQuery { revisions, path: "a".into(), line: 1, after };
        self.bench.runtime.block_on(self.bench.ledger.who_wrote(query)).unwrap()
    }

    /// All pages of one question, in the order of the log.
    fn all_lines(&self, revisions: &[&str]) -> Vec<Vec<u64>> {
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let page = self.lines(revisions, after);
            let mut indices: Vec<u64> = page.answers.iter().map(|one| one.hit.index.get()).collect();
            assert!(indices.is_sorted_by(|one, next| one > next), "the latest first, each once");
            indices.reverse();
            pages.push(indices);
            assert_eq!(page.complete, page.next.is_none());
            match page.next {
                Some(next) => after = Some(next),
                None => return pages,
            }
        }
    }

    fn search(&self, query: Query) -> Page {
        self.bench.runtime.block_on(self.bench.ledger.search(query)).unwrap()
    }

    /// How many bytes of statements and collateral this reads.
    fn read<T>(&self, ask: impl FnOnce() -> T) -> (T, usize) {
        let before = self.store.counts();
        let answer = ask();
        (answer, self.store.counts().content_bytes - before.content_bytes)
    }
}

fn url(len: usize) -> String {
    let start = "https://talk.example/";
    format!("{start}{}", "x".repeat(len - start.len()))
}

/// How many bytes of text the ranges of a page repeat.
fn texts(page: &LineAnswers) -> usize {
    let ranges = page.answers.iter().flat_map(|answer| &answer.ranges);
    let texts =
        ranges.flat_map(|one| [&one.conversation, &one.contributor, &one.model_id, &one.content_hash]);
    texts.flatten().map(String::len).sum()
}

#[test]
fn a_line_query_reads_and_tells_no_more_than_its_bounds_and_goes_on_behind_them() {
    let mut log = Counted::new();
    // Ten records of a megabyte.
    let large: Vec<u64> = (0..10).map(|_| log.record(REVISION, &url(960_000), 1)).collect();
    let (page, read) = log.read(|| log.lines(&[REVISION], None));
    assert!(!page.complete && page.answers.len() < 10);
    assert!((MAX_READ_BYTES..MAX_READ_BYTES + 1_200_000).contains(&read), "{read}");
    assert_eq!(texts(&page), page.answers.len() * MAX_LINE_TEXT);
    assert!(page.answers.iter().all(|answer| !answer.ranges_complete));
    assert_eq!(log.all_lines(&[REVISION]).concat(), large);
}

#[test]
fn what_a_page_of_lines_tells_is_bounded_for_all_its_records_together() {
    let mut log = Counted::new();
    // In each its text stands sixty times.
    let told: Vec<u64> = (0..12).map(|_| log.record(REVISION, &url(MAX_LINE_TEXT), 60)).collect();
    let page = log.lines(&[REVISION], None);
    assert!((MAX_TOLD_BYTES / 2..MAX_TOLD_BYTES + 60 * 1024).contains(&texts(&page)), "{}", texts(&page));
    let pages = log.all_lines(&[REVISION]);
    assert!(pages.len() > 2, "{pages:?}");
    assert_eq!(pages.concat(), told);
    // Of several revisions the pages are those of one log, none twice, also where a record goes by two names.
    let other = "b".repeat(40);
    let more: Vec<u64> = (0..3).map(|_| log.record(&other, &url(MAX_LINE_TEXT), 60)).collect();
    let last = log.record(REVISION, &url(30), 1);
    let names = [&other, REVISION, &format!("git:{REVISION}")];
    assert_eq!(log.all_lines(&names).concat(), [told, more, vec![last]].concat());
    let page = log.lines(&names, Some(LeafIndex::new(last - 1)));
    assert_eq!((page.answers[0].revision.as_str(), page.answers[0].ranges_complete), (REVISION, true));
}

/// Where one revision has to be looked for long, the pages end there, and have all records of the others before it.
#[test]
fn a_line_query_that_looked_at_enough_rows_goes_on_behind_them() {
    let mut log = Counted::new();
    let first = log.bench.ledger.head().tree.size.get();
    // By turns the revision with another path, and the path with another revision: row by row they have to be compared.
    let other = "b".repeat(40);
    let pair = |n: u64| [(n * 2, REVISION, "b"), (n * 2 + 1, other.as_str(), "a")];
    let records: Vec<_> = (0..800).flat_map(pair).chain([(9_999, REVISION, "a")]).collect();
    for some in records.chunks(400) {
        let made = some.iter().map(|(id, revision, path)| log.made(*id, revision, path, &url(30), 1));
        let answer = log.bench.submit_batch(made.collect(), 1);
        assert!(log.bench.finish_batch(answer).iter().all(Result::is_ok));
    }
    let on_path: Vec<u64> =
        (first..).zip(&records).filter(|(_, one)| one.2 == "a").map(|(at, _)| at).collect();
    // With sixteen revisions each has a sixteenth of the rows.
    let strangers: Vec<String> = (0..15).map(|n| format!("stranger {n}")).collect();
    let among = |known: &[&str]| -> Vec<Vec<u64>> {
        let strangers = strangers.iter().map(String::as_str).take(16 - known.len());
        log.all_lines(&known.iter().copied().chain(strangers).collect::<Vec<_>>())
    };
    let pages = among(&[REVISION]);
    assert!(pages.len() > 1 && pages[0].is_empty(), "{pages:?}");
    assert_eq!(pages.concat(), on_path[800..]);
    let pages = among(&[REVISION, &other]);
    assert!(pages.len() > 4);
    assert_eq!(pages.concat(), on_path);
    assert_eq!(log.all_lines(&[REVISION]), [&on_path[800..]], "alone it has rows enough");
}

#[test]
fn a_search_reads_no_more_than_its_bound_and_goes_on_behind_it() {
    let mut log = Counted::new();
    let large: Vec<u64> = (0..10).map(|_| log.record(REVISION, &url(960_000), 1)).collect();
    let (by_term, by_filter) = (is("system", "agent-trace"), begins("agent-trace.path", "a"));
    for terms in [vec![by_term.clone()], vec![by_filter.clone()], vec![by_term, by_filter]] {
        let (mut found, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let query = Query { terms: terms.clone(), after, limit: Some(MAX_PAGE), ..Query::default() };
            let (page, read) = log.read(|| log.search(query));
            assert!(read < MAX_READ_BYTES + 1_200_000, "{read}");
            found.extend(page.hits.iter().map(|hit| hit.index.get()));
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((found, pages), (large.clone(), 2), "{terms:?}");
    }
}

#[test]
fn what_a_page_of_hits_tells_is_bounded() {
    let mut log = Counted::new();
    let subject = |n: usize| format!("urn:example:{n:02}:{}", "x".repeat(8000));
    let builder = |n| StatementBuilder::new(ISSUER, subject(n));
    let statements: Vec<_> = (0..50).map(|n| builder(n).sign(b"x", &log.world.issuer).unwrap()).collect();
    let registered: Vec<u64> = statements.into_iter().map(|statement| log.bench.must(statement).1).collect();
    let query =
        |after| Query { terms: vec![is("issuer", ISSUER)], after, limit: Some(50), ..Query::default() };
    let first = log.search(query(None));
    let told: usize = first.hits.iter().map(|hit| hit.subject.len()).sum();
    assert!((MAX_TOLD_BYTES / 2..MAX_TOLD_BYTES + 10_000).contains(&told), "{told}");
    let second = log.search(query(first.next));
    let found = first.hits.iter().chain(&second.hits).map(|hit| hit.index.get());
    assert_eq!(found.collect::<Vec<_>>(), registered);
    assert_eq!(second.next, None);
}
