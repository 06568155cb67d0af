use super::scripted::Script;
use super::*;
use crate::failure::Exit;

fn transport() -> Transport {
    Transport { tls_ca: None, request_timeout: 10 }
}

fn reply(url: &str, location: &str) -> Reply {
    Reply {
        status: 303,
        url: Url::parse(url).unwrap(),
        content_type: None,
        location: Some(location.to_owned()),
        retry_after: None,
        body: Vec::new(),
    }
}

#[test]
fn a_location_is_resolved_and_never_leaves_tls() {
    let target = |url: &str, location: &str| reply(url, location).target();
    assert_eq!(
        target("https://a.example/entries", "/operations/1").unwrap().unwrap().as_str(),
        "https://a.example/operations/1"
    );
    assert_eq!(
        target("https://a.example/ts/entries", "entries/1").unwrap().unwrap().as_str(),
        "https://a.example/ts/entries/1"
    );
    assert!(target("https://a.example/entries", "http://a.example/entries/1").is_err());
    assert!(target("http://a.example/entries", "file:///etc/passwd").is_err());
    assert!(target("http://a.example/entries", "https://b.example/entries/1").is_ok());
}

#[test]
fn a_base_path_is_kept() {
    let client = Client::new(&Url::parse("https://host.example/ts?x=1").unwrap(), &transport()).unwrap();
    assert_eq!(client.resource("entries").unwrap().as_str(), "https://host.example/ts/entries");
    assert!(Client::new(&Url::parse("ftp://host.example").unwrap(), &transport()).is_err());
}

#[test]
fn nobody_there_is_told_apart() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let client = Client::new(&url, &transport()).unwrap();
    let failure = client.fetch("policy", "application/json").unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
    assert!(failure.message.contains("nothing listens at http://127.0.0.1:"), "{}", failure.message);
    assert!(failure.hint.is_some());
}

#[test]
fn fetch_tells_a_refusal_from_an_outage() {
    let script = Script::play(&[(404, &[], b""), (503, &[], b""), (200, &[], b"{}")]);
    let client = Client::new(&script.url, &transport()).unwrap();
    assert_eq!(client.fetch("policy", "application/json").unwrap_err().exit, Exit::Refused);
    assert_eq!(client.fetch("policy", "application/json").unwrap_err().exit, Exit::Unreachable);
    assert_eq!(client.fetch("policy", "application/json").unwrap(), b"{}");
    let asked = script.asked();
    assert_eq!(asked[2].line, "get /policy");
    assert!(asked[2].headers.contains(&"accept: application/json".to_owned()));
}
