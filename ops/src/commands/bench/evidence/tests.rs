use super::*;
use ledger::profile::{Circumstances, Kind, examine};
use ledger::trust::AnchorSet;
use proofs::{EntryId, UnixTime};

#[test]
fn events_are_whole_and_no_two_alike() {
    let events = Events::fresh();
    let anchors = AnchorSet::default();
    let circumstances = Circumstances {
        anchors: &anchors,
        evaluated_at: UnixTime::from_secs(1_790_000_000),
        service: "https://ts.example",
        log_id: EntryId::from_bytes([7; 32]),
        switches: &[],
        subject: None,
        key: None,
    };
    let mut seen = std::collections::BTreeSet::new();
    for n in (0..250).chain([99_999_999]) {
        let mut line = Vec::new();
        events.write(n, &mut line);
        let found = examine(Kind::AigpEvent, &line, &circumstances);
        assert!(found.findings.is_empty(), "{:?}", found.findings);
        assert!((600..1200).contains(&line.len()) && !line.contains(&b'\n'), "{}", line.len());
        assert!(seen.insert(line));
    }
}

#[test]
fn every_event_has_a_connection_and_no_chain_has_two() {
    for (events, connections) in [(1, 1), (1, 64), (100, 4), (1000, 3), (123_457, 8)] {
        let shares = shares(events, connections);
        assert!(shares.len() <= usize::from(connections));
        let mut next = 0;
        for share in shares {
            assert_eq!(share.start, next);
            assert!(share.start.is_multiple_of(events::CHAIN));
            next = share.end;
        }
        assert_eq!(next, events);
    }
}
