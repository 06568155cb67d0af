//! The command line of `stele bench`, and one short run against a service that is none.

use super::*;
use clap::Parser;

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn parse(words: &[&str]) -> Result<Args, clap::Error> {
    Line::try_parse_from([&["bench"], words].concat()).map(|line| line.args)
}

/// The options of a load.
pub(super) fn load_args(words: &[&str]) -> LoadArgs {
    parse(words).unwrap().load
}

fn run_quietly(words: &[&str]) -> Result<Exit, Failure> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    run(&parse(words).unwrap(), &mut Console::new(&mut out, &mut err))
}

#[test]
fn a_load_needs_an_address_and_the_others_do_not() {
    let error = parse(&[]).unwrap_err();
    assert_eq!(error.kind(), clap::error::ErrorKind::MissingRequiredArgument);
    assert!(parse(&["yardstick", "."]).is_ok());
    assert!(parse(&["--url", "http://127.0.0.1:8080", "yardstick", "."]).is_err());
    let load = load_args(&["--url", "http://127.0.0.1:8080"]);
    assert_eq!((load.repetitions, load.concurrency, load.duration), (5, 64, 10));
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    for words in [
        ["--concurrency", "0"],
        ["--concurrency", "5000"],
        ["--duration", "0"],
        ["--repetitions", "0"],
        ["--rate", "0"],
        ["--issuers", "0"],
        ["--issuers", "257"],
        ["--payload-bytes", "19"],
        ["--payload-bytes", "1000001"],
        ["--threads", "0"],
        ["--alg", "rsa"],
        ["--read", "policy"],
    ] {
        assert!(parse(&[&["--url", "http://127.0.0.1:1"], &words[..]].concat()).is_err(), "{words:?}");
    }
}

#[test]
fn a_load_is_plain_http_and_needs_somebody_there() {
    let failure = run_quietly(&["--url", "https://127.0.0.1:1"]).unwrap_err();
    assert_eq!(failure.exit, Exit::Local);
    assert!(failure.message.contains("is not an http:// address"), "{}", failure.message);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failure = run_quietly(&["--url", &format!("http://{nobody}")]).unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
}
