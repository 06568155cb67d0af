use super::super::event::What;
use super::*;
use crate::failure::Exit;
use crate::http::scripted::Script;

fn event() -> Event {
    Event::new("log.example", What::NotVerified { detail: "x".to_owned() })
}

fn transport() -> Transport {
    Transport { tls_ca: None, request_timeout: 10 }
}

#[test]
fn a_webhook_is_asked_until_it_takes_the_report_and_the_line_is_said_once() {
    let script = Script::play(&[(500, &[], b""), (503, &[("retry-after", "0")], b""), (204, &[], b"")]);
    let mut out = Vec::new();
    let patience = Patience::seeded(Duration::from_secs(600), 5, 1);
    let mut sink = Receivers::patient(&mut out, Some(&script.url), &transport(), patience).unwrap();
    sink.deliver(&event()).unwrap();
    let line = event().line();
    assert_eq!(String::from_utf8(out).unwrap(), format!("{line}\n"));
    let asked = script.asked();
    for request in &asked {
        assert_eq!((request.line.as_str(), request.body.as_slice()), ("post /", line.as_bytes()));
        assert!(request.headers.contains(&format!("idempotency-key: {}", event().id)));
        assert!(request.headers.contains(&"content-type: application/json".to_owned()));
    }
}

#[test]
fn a_webhook_that_stays_away_is_said_so_and_the_line_not_repeated() {
    let script = Script::play(&[(500, &[], b""), (500, &[], b""), (200, &[], b"")]);
    let mut out = Vec::new();
    let patience = Patience::seeded(Duration::from_secs(600), 2, 1);
    let mut sink = Receivers::patient(&mut out, Some(&script.url), &transport(), patience).unwrap();
    let failure = sink.deliver(&event()).unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
    assert!(failure.message.starts_with("the webhook does not take reports: "), "{failure:?}");
    sink.deliver(&event()).unwrap();
    assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
    assert_eq!(script.asked().len(), 3);
}

#[test]
fn a_report_is_one_flat_object_named_by_what_it_says() {
    let what = What::RolledBack { tree_size: 3, known_size: 5 };
    let one = Event::new("log.example", what.clone());
    let value: serde_json::Value = serde_json::from_str(&one.line()).unwrap();
    assert_eq!(
        value,
        serde_json::json!({
            "event": "rolled_back", "id": one.id, "origin": "log.example", "tree_size": 3, "known_size": 5
        })
    );
    assert_eq!(serde_json::from_value::<Event>(value).unwrap(), one);
    assert_ne!(Event::new("other.example", what).id, one.id);
}
