//! Breaks every rule on purpose and sees it fail.

use crate::lexer;
use crate::plan;
use crate::rules::{Dependency, House, Room, Source, check};
use crate::survey;

/// A small house in which everything is as planned.
fn sound() -> House {
    let rooms = plan::ARROWS.iter().map(|(name, may)| Room {
        name: (*name).to_owned(),
        leans_on: may.iter().map(|to| dependency(to)).collect(),
        inherits_lints: true,
    });
    let sources =
        plan::ROOMS.iter().map(|room| source(&format!("{room}/src/lib.rs"), "//! A room.\npub mod part;\n"));
    House {
        rooms: rooms.collect(),
        sources: sources.collect(),
        top: ["Cargo.toml", "README.md", "proofs"].map(str::to_owned).to_vec(),
        tracked: ["README.md", "conformance/src/target.rs"].map(str::to_owned).to_vec(),
        locked: survey::locked("[[package]]\nname = \"sha2\"\ndependencies = [\n \"digest 0.11.0\",\n]\n"),
    }
}

fn dependency(name: &str) -> Dependency {
    Dependency { name: name.to_owned(), for_tests: false, features: Vec::new() }
}

fn for_tests(name: &str) -> Dependency {
    Dependency { for_tests: true, ..dependency(name) }
}

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

fn room<'a>(house: &'a mut House, name: &str) -> &'a mut Room {
    house.rooms.iter_mut().find(|room| room.name == name).expect("the room is there")
}

/// The rules that a house breaks, in the order of the checks.
fn broken(house: &House) -> Vec<&'static str> {
    check(house).iter().map(|violation| violation.rule).collect()
}

/// The rules that one more file breaks in a sound house.
fn broken_by(path: &str, text: &str) -> Vec<&'static str> {
    let mut house = sound();
    house.sources.push(source(path, text));
    broken(&house)
}

fn with_arrow(from: &str, to: Dependency) -> House {
    let mut house = sound();
    room(&mut house, from).leans_on.push(to);
    house
}

#[test]
fn a_sound_house_stands() {
    assert_eq!(broken(&sound()), Vec::<&str>::new());
}

#[test]
fn every_arrow_that_the_plan_forbids_is_found() {
    for (from, may) in plan::ARROWS {
        for to in plan::ROOMS.iter().filter(|to| **to != from && !may.contains(to)) {
            let house = with_arrow(from, dependency(to));
            assert_eq!(broken(&house), ["arrows"], "{from} -> {to}");
            let told = check(&house)[0].to_string();
            assert!(told.contains(&format!("{from} leans on {to}")), "{told}");
        }
    }
}

#[test]
fn tests_may_draw_only_the_arrows_that_are_listed() {
    assert!(broken(&with_arrow("api", for_tests("storage"))).is_empty());
    assert_eq!(broken(&with_arrow("conformance", for_tests("ledger"))), ["arrows"]);
    assert_eq!(broken(&with_arrow("proofs", for_tests("storage"))), ["arrows"]);
}

#[test]
fn only_ops_switches_the_embedded_store_on() {
    let rocks = Dependency { features: vec!["rocks".to_owned()], ..dependency("storage") };
    assert!(broken(&with_arrow("ops", rocks.clone())).is_empty());
    assert_eq!(broken(&with_arrow("ledger", rocks)), ["rocks"]);
}

#[test]
fn a_room_more_or_less_is_found() {
    let mut house = sound();
    house.rooms[0].name = "cellar".to_owned();
    assert_eq!(broken(&house), ["rooms", "rooms"]);
}

#[test]
fn a_room_without_the_common_lints_is_found() {
    let mut house = sound();
    room(&mut house, "api").inherits_lints = false;
    assert_eq!(broken(&house), ["lints"]);
}

#[test]
fn a_banned_dependency_is_found() {
    assert_eq!(broken(&with_arrow("proofs", dependency("tokio"))), ["dependencies", "below proofs"]);
    for (from, to) in
        [("proofs", "getrandom"), ("proofs", "rand_core"), ("storage", "coset"), ("ledger", "tower-http")]
    {
        assert_eq!(broken(&with_arrow(from, dependency(to))), ["dependencies"], "{from} -> {to}");
    }
    assert!(broken(&with_arrow("proofs", for_tests("rand"))).is_empty());
}

#[test]
fn what_proofs_brings_along_is_followed_to_the_end() {
    let mut house = with_arrow("proofs", dependency("sha2"));
    assert!(broken(&house).is_empty());
    let lock = "[[package]]\nname = \"sha2\"\ndependencies = [\n \"digest\",\n]\n\
                [[package]]\nname = \"digest\"\ndependencies = [\n \"tokio 1.0.0\",\n]\n";
    house.locked = survey::locked(lock);
    assert_eq!(broken(&house), ["below proofs"]);
}

#[test]
fn a_banned_name_is_found_however_it_is_written() {
    for code in [
        "use std::fs;",
        "use std::{collections::BTreeMap, fs::File};",
        "use std::{io, fs as files};",
        "fn f() { std::fs::read(p); }",
        "fn f() { ::std::thread::spawn(g); }",
        "fn f(t: Instant) {}",
        "use aws_lc_rs::rand::SystemRandom;",
        "use tokio::sync::mpsc;",
    ] {
        assert_eq!(broken_by("proofs/src/x.rs", code), ["names"], "{code}");
    }
}

#[test]
fn comments_strings_and_tests_are_not_code() {
    for code in [
        "// std::fs::read\n/* tokio::spawn /* nested */ std::net::TcpStream */",
        "const A: &str = \"std::fs::read\"; const B: &str = r#\"tokio::\"spawn\"\"#; const C: char = '\"'; const D: u8 = 1;",
        "#[cfg(test)]\nmod tests { use std::fs; #[test] fn t() { fs::read(p); } }",
        "fn f<'a>(rand: &'a str) { let tokio = rand; }",
    ] {
        assert_eq!(broken_by("proofs/src/x.rs", code), Vec::<&str>::new(), "{code}");
    }
    assert!(broken_by("proofs/src/x/tests.rs", "use std::fs;").is_empty());
    assert_eq!(broken_by("proofs/src/x.rs", "#[cfg(not(test))]\nuse std::fs;"), ["names"]);
    assert_eq!(broken_by("proofs/src/x.rs", "#[cfg(test)]\nuse a::b;\nuse std::fs;"), ["names"]);
}

#[test]
fn each_room_keeps_its_own_ignorance() {
    for (path, code) in [
        ("storage/src/x.rs", "use proofs::SignedStatement;"),
        ("storage/src/x/tests.rs", "use ciborium::Value;"),
        ("ledger/src/x.rs", "use axum::Router;"),
        ("ledger/src/x.rs", "fn f() -> http::StatusCode {}"),
        ("ledger/src/x.rs", "use std::time::SystemTime;"),
        ("ledger/src/x.rs", "fn f() { std::env::var(\"A\"); }"),
        ("api/src/x.rs", "use storage::LogStore;"),
        ("api/src/routes/x.rs", "fn f() -> StatusCode { StatusCode::NOT_FOUND }"),
        ("api/src/x.rs", "const GONE: u16 = http::StatusCode::GONE.as_u16();"),
        ("conformance/src/x.rs", "use ledger::Ledger;"),
        ("ops/src/x.rs", "use std::time::{Duration, SystemTime};"),
    ] {
        assert!(broken_by(path, code).contains(&"names"), "{path}: {code}");
    }
}

#[test]
fn each_name_has_its_home() {
    for (path, code) in [
        ("ledger/src/clock.rs", "use std::time::SystemTime;"),
        ("ledger/src/x.rs", "use std::time::Instant;"),
        ("api/src/problem.rs", "fn f() -> StatusCode { StatusCode::NOT_FOUND }"),
        ("api/src/x.rs", "fn f() -> StatusCode { StatusCode::CREATED }"),
        ("api/src/x.rs", "fn f() -> Problem { problem::NOT_FOUND }"),
        ("ops/src/serve.rs", "use tokio::signal; use std::{env, fs};"),
        ("storage/src/rocks.rs", "use std::fs;"),
    ] {
        assert_eq!(broken_by(path, code), Vec::<&str>::new(), "{path}: {code}");
    }
}

#[test]
fn a_file_that_grew_too_long_is_found() {
    let text = "//! Words.\n".repeat(plan::FILE_LINES);
    assert_eq!(broken_by("ops/src/x.rs", &text), ["length"]);
    assert!(broken_by("ops/src/x/tests.rs", &text).is_empty());
    assert!(broken_by("ops/src/x.rs", text.trim_start_matches("//! Words.\n")).is_empty());
}

#[test]
fn a_function_that_grew_too_long_is_found() {
    let body = |lines: usize| format!("fn f(a: [u8; 2]) {{\n{}}}\n", "    let x = 1;\n".repeat(lines));
    assert_eq!(broken_by("ops/src/x.rs", &body(plan::FUNCTION_LINES - 2)), ["function"]);
    assert!(broken_by("ops/src/x.rs", &body(plan::FUNCTION_LINES - 3)).is_empty());
    let commented = format!("fn f() {{\n{}}}\n", "    // why\n".repeat(plan::FUNCTION_LINES));
    assert!(broken_by("ops/src/x.rs", &commented).is_empty());
}

#[test]
fn tests_that_grew_too_long_for_their_file_are_found() {
    let text = format!(
        "#[cfg(test)]\nmod tests {{\n{}}}\n",
        "    const _: () = ();\n".repeat(plan::INLINE_TEST_LINES)
    );
    assert_eq!(broken_by("ops/src/x.rs", &text), ["inline tests"]);
    assert!(broken_by("ops/src/x.rs", "#[cfg(test)]\nmod tests;\n").is_empty());
}

#[test]
fn logic_in_a_lib_is_found() {
    for code in
        ["pub fn f() {}", "struct S;", "impl S { }", "const N: u8 = 1;", "macro_rules! m { () => {} }"]
    {
        assert_eq!(broken_by("ledger/src/lib.rs", code), ["lib.rs"], "{code}");
    }
    let furnished = "//! Docs.\n#![forbid(unsafe_code)]\nmod a;\npub mod b;\npub use a::{A, C};\n#[cfg(test)]\nmod t { fn f() {} }";
    assert!(broken_by("ledger/src/lib.rs", furnished).is_empty());
    assert!(broken_by("api/src/lib.rs", "pub fn router() { let x = 1; }").is_empty());
}

#[test]
fn skipped_tests_and_unexplained_exceptions_are_found() {
    assert_eq!(broken_by("ops/tests/x.rs", "#[test]\n#[ignore = \"slow\"]\nfn t() {}"), ["ignore"]);
    assert_eq!(broken_by("ops/tests/x.rs", "#[cfg_attr(miri, ignore)]\nfn t() {}"), ["ignore"]);
    assert_eq!(broken_by("ops/src/x.rs", "#[allow(dead_code)]\nfn t() {}"), ["allow"]);
    assert_eq!(broken_by("ops/src/x.rs", "#[expect(dead_code)]\nfn t() {}"), ["expect"]);
    assert!(broken_by("ops/src/x.rs", "#[expect(dead_code, reason = \"soon\")]\nfn t() {}").is_empty());
}

#[test]
fn a_mod_rs_and_a_stray_file_are_found() {
    assert_eq!(broken_by("api/src/routes/mod.rs", ""), ["mod.rs"]);
    let mut house = sound();
    house.top.push("notes.txt".to_owned());
    assert_eq!(broken(&house), ["top"]);
}

#[test]
fn what_a_build_left_behind_is_found_wherever_it_lies() {
    for path in ["target/release/stele", "ledger/target/criterion/parse/report.json", "ledger/fuzz/target/x"]
    {
        let mut house = sound();
        house.tracked.push(path.to_owned());
        assert_eq!(broken(&house), ["built"], "{path}");
    }
}

#[test]
fn a_use_tree_is_multiplied_out() {
    let paths =
        lexer::paths(&lexer::lex("use a::{b::{c, d as e}, f::*, self,};\nlet x = g::h::<u8>::i(r#type);"));
    let written: Vec<String> = paths.iter().map(|path| path.segments.join("::")).collect();
    let tree = ["a::b::c", "a::b::d", "a::f", "a::self"];
    assert_eq!(written, [&tree[..], &["let", "x", "g::h", "u8", "i", "r", "type"]].concat());
}
