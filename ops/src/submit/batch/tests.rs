use super::*;
use crate::http::Transport;
use crate::http::scripted::{self, Asked, Script};
use proofs::UnixTime;
use std::time::Duration;

const ONE: &[u8] = b"\x01";
const TWO: &[u8] = b"\x42\x00\x02";
const THREE: &[u8] = b"\x03";

/// `{-1: "No", "urn:stele:batch": {"status": 400}}`
const NO: &[u8] = b"\xa2\x20\x62No\x6furn:stele:batch\xa1\x66status\x19\x01\x90";
/// The same with status 503 and retry-after 7.
const LATER: &[u8] = b"\xa2\x20\x65Later\x6furn:stele:batch\xa2\x66status\x19\x01\xf7\x6bretry-after\x07";

struct Run {
    result: Result<(), Failure>,
    fates: Vec<(usize, Fate)>,
    asked: Vec<Asked>,
    slept: Vec<Duration>,
}

fn run(answers: &'static [scripted::Answer], statements: &[&[u8]], wait: bool) -> Run {
    let script = Script::play(answers);
    let client = Client::new(&script.url, &Transport { tls_ca: None, request_timeout: 10 }).unwrap();
    let (mut slept, mut fates) = (Vec::new(), Vec::new());
    let result = submit_many(
        &client,
        statements,
        wait,
        &Patience::seeded(Duration::from_secs(60), 3, 11),
        &mut Surroundings {
            sleep: &mut |pause| slept.push(pause),
            now: &|| UnixTime::from_secs(0),
            say: &mut |_| {},
        },
        &mut |at, fate| {
            fates.push((at, fate));
            Ok(())
        },
    );
    Run { result, fates, asked: script.asked(), slept }
}

fn bodies(run: &Run) -> Vec<Vec<u8>> {
    run.asked.iter().map(|asked| asked.body.clone()).collect()
}

fn registered(receipt: &[u8]) -> Fate {
    Fate::Registered(receipt.to_vec())
}

#[test]
fn only_what_was_not_decided_is_sent_again() {
    const FIRST: &[u8] =
        b"\xd2\x01\xa2\x20\x65Later\x6furn:stele:batch\xa2\x66status\x19\x01\xf7\x6bretry-after\x07\xa2\x20\x62No\x6furn:stele:batch\xa1\x66status\x19\x01\x90";
    assert_eq!(FIRST, [&b"\xd2\x01"[..], LATER, NO].concat());
    let run = run(&[(200, &[], FIRST), (200, &[], b"\xd2\x02")], &[ONE, TWO, THREE], true);
    run.result.as_ref().unwrap();
    let refused = Fate::Refused("No (HTTP 400)".to_owned());
    assert_eq!(run.fates, [(0, registered(b"\xd2\x01")), (2, refused), (1, registered(b"\xd2\x02"))]);
    assert_eq!(bodies(&run), [[ONE, TWO, THREE].concat(), TWO.to_vec()]);
    assert!(run.asked[0].headers.contains(&"content-type: application/cbor-seq".to_owned()));
    assert!(run.slept[0] >= Duration::from_secs(7), "{:?}", run.slept);
}

#[test]
fn an_answer_that_is_too_short_leaves_the_rest_undecided() {
    let run = run(&[(200, &[], b"\xd2\x01"), (200, &[], b"\xd2\x02\xd2\x03")], &[ONE, TWO, THREE], true);
    run.result.as_ref().unwrap();
    assert_eq!(run.fates.len(), 3);
    assert_eq!(bodies(&run)[1], [TWO, THREE].concat());
}

#[test]
fn a_service_that_takes_fewer_is_sent_fewer() {
    let answers: &[scripted::Answer] = &[(413, &[], b""), (200, &[], b"\xd2\x01"), (429, &[], b"")];
    let run = run(answers, &[ONE, TWO], true);
    run.result.as_ref().unwrap();
    assert_eq!(bodies(&run), [[ONE, TWO].concat(), ONE.to_vec(), TWO.to_vec()]);
    assert_eq!(run.fates[0], (0, registered(b"\xd2\x01")));
    assert!(matches!(&run.fates[1], (1, Fate::Refused(_))), "too large even alone");
}

#[test]
fn without_a_batch_door_they_go_one_by_one() {
    let answers: &[scripted::Answer] =
        &[(404, &[], b""), (201, &[], b"\xd2\x01"), (400, &[], b""), (201, &[], b"\xd2\x03")];
    let run = run(answers, &[ONE, TWO, THREE], true);
    run.result.as_ref().unwrap();
    let lines: Vec<&str> = run.asked.iter().map(|asked| asked.line.as_str()).collect();
    assert_eq!(lines, ["post /entries/batch", "post /entries", "post /entries", "post /entries"]);
    assert!(matches!(
        run.fates.as_slice(),
        [(0, Fate::Registered(_)), (1, Fate::Refused(_)), (2, Fate::Registered(_))]
    ));
}

#[test]
fn scr_33_patience_ends_and_what_is_left_is_named() {
    let busy: scripted::Answer = (503, &[("retry-after", "1")], b"");
    let answers: &'static [scripted::Answer] = Box::leak(Box::new([busy, busy, busy]));
    let run = run(answers, &[ONE, TWO], true);
    run.result.as_ref().unwrap();
    assert!(matches!(run.fates.as_slice(), [(0, Fate::Open(_)), (1, Fate::Open(_))]), "{:?}", run.fates);
    assert_eq!(run.slept.len(), 2);
}

#[test]
fn who_does_not_wait_learns_where_the_receipts_are() {
    let run = run(&[(200, &[], b"\x62/e\x62/f")], &[ONE, TWO], false);
    assert_eq!(run.fates, [(0, Fate::Accepted("/e".to_owned())), (1, Fate::Accepted("/f".to_owned()))]);
    assert!(run.asked[0].headers.contains(&"prefer: respond-async".to_owned()));
}

#[test]
fn an_answer_that_makes_no_sense_ends_it() {
    for (answer, says) in [
        ((200, &[][..], &b"\xff"[..]), "no CBOR sequence"),
        ((200, &[], b"\xd2\x01\xd2\x02"), "more statements than it was sent"),
        ((415, &[], b""), "HTTP 415"),
        ((301, &[], b""), "HTTP 301"),
    ] {
        let answers: &'static [scripted::Answer] = Box::leak(Box::new([answer]));
        let failure = run(answers, &[ONE], true).result.unwrap_err();
        assert!(failure.message.contains(says), "{}", failure.message);
    }
}

#[test]
fn a_request_is_bounded_in_count_and_bytes() {
    let large = vec![0; MAX_BYTES];
    let statements = [ONE, TWO, large.as_slice(), THREE];
    let mut queue: VecDeque<usize> = (0..4).collect();
    assert_eq!(take(&mut queue, &statements, 1), [0]);
    assert_eq!(take(&mut queue, &statements, 9), [1]);
    assert_eq!(take(&mut queue, &statements, 9), [2], "a large one goes alone");
    assert_eq!(take(&mut queue, &statements, 9), [3]);
}
