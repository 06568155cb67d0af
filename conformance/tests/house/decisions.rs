//! Whoever reads a number of a decision can look it up.

use std::collections::BTreeSet;

use crate::rules::Source;
use crate::survey;

/// The numbers in the first column of the table.
fn listed(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next().map(str::to_owned))
        .filter(|name| is_number(name))
        .collect()
}

/// `D` and one or two digits.
fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('D').unwrap_or_default();
    (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The numbers that stand in brackets, as `(D11)` and `(D5, D6)`.
fn named(source: &Source) -> BTreeSet<String> {
    let in_brackets = source.text.split('(').skip(1).filter_map(|rest| rest.split(')').next());
    let words = in_brackets.flat_map(|inside| inside.split(|sign: char| !sign.is_ascii_alphanumeric()));
    words.filter(|word| is_number(word)).map(str::to_owned).collect()
}

#[test]
fn every_decision_that_is_named_is_listed() {
    let house = survey::house();
    let listed = listed(include_str!("../../../DECISIONS.md"));
    assert_eq!(listed.len(), 21);
    let page = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
    let pages = [
        page("README.md", include_str!("../../../README.md")),
        page("conformance/README.md", include_str!("../../README.md")),
    ];
    let mut named_anywhere = 0;
    for source in house.sources.iter().chain(&pages) {
        for name in named(source) {
            named_anywhere += 1;
            assert!(listed.contains(&name), "{} names {name}, which DECISIONS.md does not have", source.path);
        }
    }
    assert!(named_anywhere > 50, "only {named_anywhere} were found");
}

#[test]
fn numbers_are_read_as_they_are_written() {
    let source =
        Source { path: "x.rs".into(), text: "// (D11), (D5, D6) and f(D21); not D7, (DER), (D123)".into() };
    assert_eq!(named(&source).into_iter().collect::<Vec<_>>(), ["D11", "D21", "D5", "D6"]);
    assert_eq!(listed("| # | a |\n|---|---|\n| D1 | x |\n| D20 | y |\n").len(), 2);
}
