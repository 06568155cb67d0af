use super::*;
use crate::failure::Exit;
use crate::http::Transport;
use crate::http::scripted::{Answer, Asked, Script};

const RECEIPT: &[u8] = b"\xd2\x84receipt";
const LINK: &[(&str, &str)] = &[("location", "{base}/entries/abc"), ("retry-after", "3")];

struct Run {
    result: Result<Submitted, Failure>,
    asked: Vec<Asked>,
    slept: Vec<Duration>,
}

impl Run {
    fn lines(&self) -> Vec<&str> {
        self.asked.iter().map(|asked| asked.line.as_str()).collect()
    }
}

/// Plays the answers; every one of them has to be taken.
fn run(answers: &'static [Answer], wait: bool, total: u64) -> Run {
    let script = Script::play(answers);
    let client = Client::new(&script.url, &Transport { tls_ca: None, request_timeout: 10 }).unwrap();
    let mut slept = Vec::new();
    let result = submit(
        &client,
        b"statement",
        wait,
        &Patience::seeded(Duration::from_secs(total), 10, 11),
        &mut Surroundings {
            sleep: &mut |pause| slept.push(pause),
            now: &|| UnixTime::from_secs(1_445_412_470),
            say: &mut |_| {},
        },
    );
    Run { result, asked: script.asked(), slept }
}

#[test]
fn scr_23_a_201_gives_the_receipt() {
    let run = run(&[(201, LINK, RECEIPT)], true, 60);
    let submitted = run.result.as_ref().unwrap();
    assert_eq!(submitted.receipt.as_deref(), Some(RECEIPT));
    assert!(submitted.location.as_ref().unwrap().path().ends_with("/entries/abc"));
    assert_eq!(run.lines(), ["post /entries"]);
    assert_eq!(run.asked[0].body, b"statement");
    assert!(run.asked[0].headers.contains(&"content-type: application/cose".to_owned()));
    assert!(!run.asked[0].headers.iter().any(|line| line.starts_with("prefer")));
    assert!(run.slept.is_empty());
}

#[test]
fn scr_24_and_29_a_202_is_polled_until_its_204_becomes_200() {
    let run = run(&[(202, LINK, b""), (204, &[("retry-after", "2")], b""), (200, &[], RECEIPT)], true, 60);
    assert_eq!(run.result.as_ref().unwrap().receipt.as_deref(), Some(RECEIPT));
    assert_eq!(run.lines(), ["post /entries", "get /entries/abc", "get /entries/abc"]);
    assert!(
        run.slept[0] >= Duration::from_secs(3) && run.slept[1] >= Duration::from_secs(2),
        "{:?}",
        run.slept
    );
}

#[test]
fn no_wait_takes_the_location_and_leaves() {
    let run = run(&[(202, LINK, b"")], false, 60);
    let submitted = run.result.as_ref().unwrap();
    assert_eq!(submitted.receipt, None);
    assert!(submitted.location.is_some());
    assert!(run.asked[0].headers.contains(&"prefer: respond-async".to_owned()));
}

#[test]
fn scr_33_a_503_is_tried_again_and_its_date_honoured() {
    let run = run(
        &[
            (
                503,
                &[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), ("location", "{base}/entries/abc")],
                b"",
            ),
            (429, &[("retry-after", "1")], b""),
            (201, LINK, RECEIPT),
        ],
        true,
        60,
    );
    assert!(run.result.is_ok());
    assert_eq!(run.lines(), ["post /entries"; 3], "nothing was promised, so it is submitted again");
    assert!(run.slept[0] >= Duration::from_secs(10), "{:?}", run.slept);
}

#[test]
fn drafts_04_to_10_a_303_then_302_until_200() {
    let run = run(
        &[
            (303, LINK, b""),
            (302, LINK, b""),
            (302, &[("location", "/entries/final"), ("retry-after", "0")], b""),
            (200, &[], RECEIPT),
        ],
        true,
        60,
    );
    assert_eq!(run.result.as_ref().unwrap().receipt.as_deref(), Some(RECEIPT));
    assert_eq!(run.lines(), ["post /entries", "get /entries/abc", "get /entries/abc", "get /entries/final"]);
    assert_eq!(run.slept.len(), 3);
}

#[test]
fn older_services_an_operation_leads_to_the_entry() {
    let run = run(
        &[
            // {"OperationId": "2.9", "Status": "running"}
            (
                202,
                &[("content-type", "application/cbor")],
                b"\xa2\x6bOperationId\x632.9\x66Status\x67running",
            ),
            (200, &[], b"\xa2\x6bOperationId\x632.9\x66Status\x67running"),
            // {"EntryId": "2.9", "Status": "succeeded"}
            (200, &[("content-type", "application/cbor")], b"\xa2\x67EntryId\x632.9\x66Status\x69succeeded"),
            (200, &[], RECEIPT),
        ],
        true,
        60,
    );
    assert_eq!(run.result.as_ref().unwrap().receipt.as_deref(), Some(RECEIPT));
    assert_eq!(
        run.lines(),
        ["post /entries", "get /operations/2.9", "get /operations/2.9", "get /entries/2.9"]
    );
}

#[test]
fn older_services_an_operations_location_is_followed() {
    let run = run(
        &[
            (303, &[("location", "/operations/7")], b""),
            (202, &[("location", "/operations/7")], b""),
            (303, &[("location", "/entries/7")], b""),
            (200, &[], RECEIPT),
        ],
        true,
        60,
    );
    assert_eq!(run.result.as_ref().unwrap().receipt.as_deref(), Some(RECEIPT));
    assert_eq!(run.lines(), ["post /entries", "get /operations/7", "get /operations/7", "get /entries/7"]);
}

#[test]
fn a_refusal_is_never_tried_again() {
    let run = run(
        &[(400, &[("content-type", "application/concise-problem-details+cbor")], b"\xa1\x20\x68Rejected")],
        true,
        60,
    );
    let failure = run.result.unwrap_err();
    assert_eq!((failure.exit, failure.message.as_str()), (Exit::Refused, "Rejected (HTTP 400)"));
    assert!(run.slept.is_empty());
}

#[test]
fn scr_31_a_registration_that_failed_later_is_a_refusal() {
    let run = run(&[(202, LINK, b""), (404, &[], b"")], true, 60);
    assert_eq!(run.result.unwrap_err().exit, Exit::Refused);
}

#[test]
fn patience_ends_and_says_where_the_receipt_will_be() {
    let run = run(&[(202, LINK, b""), (204, &[("retry-after", "30")], b"")], true, 20);
    let failure = run.result.unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
    assert!(failure.hint.unwrap().contains("/entries/abc"));
    assert_eq!(run.slept.len(), 1);
}

#[test]
fn a_redirect_loop_ends() {
    let run = run(
        &[
            (303, LINK, b""),
            (303, LINK, b""),
            (303, LINK, b""),
            (303, LINK, b""),
            (303, LINK, b""),
            (303, LINK, b""),
            (303, LINK, b""),
            (303, LINK, b""),
            (303, LINK, b""),
            (303, LINK, b""),
        ],
        true,
        60,
    );
    assert!(run.result.unwrap_err().message.contains("redirected more often"));
}

#[test]
fn nobody_there_is_said_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = url::Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let client = Client::new(&url, &Transport { tls_ca: None, request_timeout: 10 }).unwrap();
    let failure = submit(
        &client,
        b"",
        true,
        &Patience::seeded(Duration::from_secs(60), 5, 1),
        &mut Surroundings {
            sleep: &mut |_| panic!("no waiting for a wrong address"),
            now: &|| UnixTime::from_secs(0),
            say: &mut |_| {},
        },
    )
    .unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
}
