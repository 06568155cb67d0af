//! Rules about the shape of one file: its length, its functions, its tests and its attributes.

use crate::lexer::{self, Text, Token};
use crate::plan;
use crate::rules::{Source, Violation};
use std::collections::BTreeSet;

pub(crate) fn check(source: &Source) -> Vec<Violation> {
    let tokens = lexer::lex(&source.text);
    let mut found = attributes(source, &tokens);
    if source.path.ends_with("/mod.rs") {
        let why = "a room is `foo.rs` + `foo/`, so that every open file has a name of its own (design §3)";
        found.push(Violation::new("mod.rs", &source.path, "is a mod.rs".to_owned(), why));
    }
    if !source.is_test() {
        let shipped = lexer::without_tests(&tokens);
        found.extend(length(source));
        found.extend(functions(source, &shipped));
        found.extend(inline_tests(source, &tokens));
        if source.path.ends_with("/src/lib.rs") {
            found.extend(lib(source, &shipped));
        }
    }
    found
}

fn length(source: &Source) -> Option<Violation> {
    let lines = source.text.lines().count();
    let why = format!(
        "a source file stays under {} lines (design §3): split it by what it decides",
        plan::FILE_LINES
    );
    (lines >= plan::FILE_LINES)
        .then(|| Violation::new("length", &source.path, format!("{lines} lines"), &why))
}

/// A function's length is the number of its lines that hold code, so that comments cost nothing.
fn functions(source: &Source, tokens: &[Token]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.is_word("fn")) {
        let Some(name) = tokens.get(at + 1).and_then(Token::word) else { continue };
        let Some(body) = body_of(tokens, at) else { continue };
        let lines: BTreeSet<usize> = tokens[at..body].iter().map(|t| t.line).collect();
        if lines.len() >= plan::FUNCTION_LINES {
            let why = format!("a function stays under {} lines (design §3)", plan::FUNCTION_LINES);
            let place = format!("{}:{}", source.path, token.line);
            found.push(Violation::new(
                "function",
                &place,
                format!("`{name}` has {} lines", lines.len()),
                &why,
            ));
        }
    }
    found
}

/// The index behind the body of the function at `at`, or nothing when it has none.
fn body_of(tokens: &[Token], at: usize) -> Option<usize> {
    let mut here = at;
    while let Some(token) = tokens.get(here) {
        match token.text {
            Text::Sign(';') => return None,
            Text::Sign('{') => return Some(lexer::behind_bracket(tokens, here)),
            Text::Sign('(' | '[') => here = lexer::behind_bracket(tokens, here),
            _ => here += 1,
        }
    }
    None
}

fn inline_tests(source: &Source, tokens: &[Token]) -> Vec<Violation> {
    let line = |at: usize| tokens.get(at).map_or(0, |token| token.line);
    let ranges = lexer::test_ranges(tokens).into_iter();
    let long = ranges.map(|range| (line(range.start), line(range.end - 1)));
    let long = long.filter(|(first, last)| last - first >= plan::INLINE_TEST_LINES);
    let why = "unit tests move to a sibling foo/tests.rs once they exceed about 80 lines (design §3)";
    long.map(|(first, last)| {
        let place = format!("{}:{first}", source.path);
        Violation::new("inline tests", &place, format!("{} lines of tests", last - first + 1), why)
    })
    .collect()
}

/// A `lib.rs` holds modules and re-exports: any other item is logic.
fn lib(source: &Source, tokens: &[Token]) -> Vec<Violation> {
    const ITEMS: [&str; 10] =
        ["fn", "impl", "struct", "enum", "trait", "const", "static", "type", "union", "macro_rules"];
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if let Some((_, behind)) = lexer::attribute(tokens, at) {
            at = behind;
            continue;
        }
        let item = token.word().filter(|word| ITEMS.contains(word));
        let name = tokens.get(at + 1).and_then(Token::word).unwrap_or_default();
        let excused = plan::LIB_FUNCTIONS.iter().any(|(path, f, _)| *path == source.path && *f == name);
        if let Some(item) = item
            && !excused
        {
            let why = "lib.rs holds documentation, modules and `pub use`, no logic (design §3)";
            let place = format!("{}:{}", source.path, token.line);
            found.push(Violation::new("lib.rs", &place, format!("`{item} {name}`"), why));
        }
        at = if token.is('{') { lexer::behind_bracket(tokens, at) } else { at + 1 };
    }
    found
}

fn attributes(source: &Source, tokens: &[Token]) -> Vec<Violation> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let Some((inside, _)) = lexer::attribute(tokens, at) else { continue };
        let has = |word: &str| inside.iter().any(|t| t.is_word(word));
        let place = format!("{}:{}", source.path, tokens[at].line);
        let first = inside.first().and_then(Token::word).unwrap_or_default();
        if first == "ignore" || first == "cfg_attr" && has("ignore") {
            let why = "a test that does not run proves nothing, and a skip is a failure in CI";
            found.push(Violation::new("ignore", &place, "`#[ignore]`".to_owned(), why));
        }
        if first == "allow" || first == "cfg_attr" && has("allow") {
            let why = "an exception is `#[expect(lint, reason = \"…\")]`, which complains when it is no longer needed (design §8)";
            found.push(Violation::new("allow", &place, "`#[allow]`".to_owned(), why));
        }
        if first == "expect" && !has("reason") {
            let why = "an exception without its reason cannot be judged (design §8)";
            found.push(Violation::new("expect", &place, "`#[expect]` without a reason".to_owned(), why));
        }
    }
    found
}
