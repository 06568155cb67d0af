use super::*;

fn place(url: &str) -> Place {
    Place::of(&Url::parse(url).unwrap())
}

fn tally(requests: &dyn Requests, answers: &[(u64, u16, &[u8])]) -> Tally {
    let mut tally = Tally::new().unwrap();
    for (n, status, body) in answers {
        requests.read(*n, &Answer { status: *status, body }, &mut tally);
    }
    tally
}

#[test]
fn requests_name_host_and_path_as_the_address_does() {
    let get = |url: &str| String::from_utf8(place(url).get("checkpoint", "text/plain")).unwrap();
    assert_eq!(
        get("http://ts.example:8080"),
        "GET /checkpoint HTTP/1.1\r\nhost: ts.example:8080\r\naccept: text/plain\r\n\r\n"
    );
    assert!(get("http://ts.example/log").starts_with("GET /log/checkpoint HTTP/1.1\r\nhost: ts.example\r\n"));
    assert!(get("http://[::1]:80/log/").starts_with("GET /log/checkpoint HTTP/1.1\r\nhost: [::1]\r\n"));
}

#[test]
fn registrations_are_sent_once_each_and_told_apart() {
    let job = Register {
        place: place("http://ts.example"),
        statements: Arc::new(vec![b"one".to_vec(), b"three".to_vec()]),
        keep: Keep::ALL,
    };
    let mut request = Vec::new();
    assert!(job.write(1, &mut request));
    assert_eq!(
        String::from_utf8(request.clone()).unwrap(),
        "POST /entries HTTP/1.1\r\nhost: ts.example\r\ncontent-type: application/cose\r\n\
         accept: application/cose\r\ncontent-length: 5\r\n\r\nthree"
    );
    assert!(!job.write(2, &mut request));
    assert!(!job.write(u64::MAX, &mut request));

    let tally = tally(&job, &[(0, 201, b"receipt"), (1, 503, b"busy"), (1, 503, b"still"), (1, 202, b"")]);
    assert_eq!(tally.done, 1);
    assert_eq!(tally.kept, [(0, b"receipt".to_vec())]);
    assert_eq!(tally.errors["HTTP 503"], 2);
    assert_eq!(tally.errors["HTTP 202"], 1, "without a receipt it is not done");
    assert_eq!(tally.examples["HTTP 503"], b"busy");
}

#[test]
fn batches_are_cut_and_their_answers_told_apart() {
    let job = Batches {
        place: place("http://ts.example"),
        statements: Arc::new((b'a'..=b'e').map(|letter| vec![letter]).collect()),
        size: NonZeroUsize::new(2).unwrap(),
        keep: Keep::ALL,
    };
    let mut request = Vec::new();
    for (n, content) in [(0, "ab"), (1, "cd"), (2, "e")] {
        assert!(job.write(n, &mut request));
        let text = String::from_utf8(request.clone()).unwrap();
        assert!(text.starts_with("POST /entries/batch HTTP/1.1\r\n"));
        assert!(text.contains("content-type: application/cbor-seq\r\n"));
        assert!(text.ends_with(&format!("content-length: {}\r\n\r\n{content}", content.len())), "{text}");
    }
    assert!(!job.write(3, &mut request));
    assert!(!job.write(u64::MAX, &mut request));

    // Two receipts (tag 18 of something), a problem, and one answer that is cut short.
    let tally = tally(
        &job,
        &[(0, 200, b"\xd2\x01\xd2\x02"), (1, 200, b"\xa0"), (2, 200, b"\xd2\x05\x00"), (2, 503, b"")],
    );
    assert_eq!(tally.done, 3);
    assert_eq!(tally.kept, [(0, b"\xd2\x01".to_vec()), (1, b"\xd2\x02".to_vec()), (4, b"\xd2\x05".to_vec())]);
    assert_eq!(tally.errors["refused in a batch"], 1);
    assert_eq!(tally.errors["no item in the answer to a batch"], 1);
    assert_eq!(tally.errors["more items than statements in a batch"], 1);
    assert_eq!(tally.errors["HTTP 503"], 1);
}

#[test]
fn reads_go_round() {
    let job = Read { requests: vec![b"a".to_vec(), b"b".to_vec()], keep: Keep::sample(10, 5) };
    let mut request = Vec::new();
    let mut sent = Vec::new();
    for n in 0..5 {
        assert!(job.write(n, &mut request));
        sent.extend_from_slice(&request);
    }
    assert_eq!(sent, b"ababa");
    let tally = tally(&job, &[(0, 200, b"0"), (1, 200, b"1"), (3, 404, b""), (6, 200, b"6")]);
    assert_eq!((tally.done, tally.errors["HTTP 404"]), (3, 1));
    assert_eq!(tally.kept, [(0, b"0".to_vec()), (0, b"6".to_vec())], "by the number of what was read");
    let nothing = Read { requests: Vec::new(), keep: Keep::ALL };
    assert!(!nothing.write(0, &mut request));
}

#[test]
fn a_sample_is_spread_over_all() {
    for (of, wanted) in [(0, 0), (1, 1000), (1000, 1000), (1001, 1000), (160_000, 1000), (u64::MAX, 1)] {
        let keep = Keep::sample(of, wanted);
        assert!(keep.wants(0));
        let kept = (0..of.min(200_000)).filter(|n| keep.wants(*n)).count();
        assert!(u64::try_from(kept).unwrap() <= wanted.max(1), "{kept} of {of}");
        assert!(u64::try_from(kept).unwrap() >= of.min(wanted) / 2 || of == u64::MAX, "{kept} of {of}");
    }
}
