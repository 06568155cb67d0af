//! The table of requirements in `conformance/README.md`: no id is left out, and no test is claimed that is not
//! in the tree.

use crate::lexer;
use crate::rules::Source;
use crate::survey;
use std::collections::{BTreeMap, BTreeSet};

/// The series of the digest that concern a service, and the last number of each.
const SERIES: [(&str, u32); 11] = [
    ("SCR", 38),
    ("ARCH", 49),
    ("RCPT", 22),
    ("TILE", 12),
    ("NOTE", 7),
    ("CKPT", 8),
    ("COSIG", 7),
    ("WIT", 9),
    ("PROOF", 3),
    ("HE", 7),
    ("KT", 3),
];

/// What stands about one id.
#[derive(Clone, Debug)]
struct Row {
    id: String,
    /// Names in backticks in the last column.
    claims: Vec<String>,
    /// The last column.
    text: String,
}

fn rows(readme: &str) -> Vec<Row> {
    let cells = readme.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.trim_end_matches(" |").split(" | ").collect();
        let [id, _, text] = cells.as_slice() else { return None };
        id.contains('-').then(|| ((*id).to_owned(), (*text).to_owned()))
    });
    let row = |(id, text): (String, String)| {
        let claims = text.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Row { id, claims, text }
    };
    cells.map(row).filter(|row| !row.id.contains("--")).collect()
}

/// The names of all tests, and of the checks that the suite of this room runs against a service.
fn tests(sources: &[Source]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in sources {
        let tokens = lexer::lex(&source.text);
        let check = source.path.starts_with("conformance/src/checks/");
        let mut attributed = false;
        for (at, token) in tokens.iter().enumerate() {
            if token.is('#') {
                let behind = lexer::attribute(&tokens, at).map_or(at, |(_, behind)| behind);
                let words = || tokens[at..behind].iter().filter_map(lexer::Token::word);
                attributed |= words().any(|word| word == "test") && words().all(|word| word != "cfg");
            }
            if token.is_word("fn") {
                if let Some(name) = tokens.get(at + 1).and_then(lexer::Token::word)
                    && (attributed || check)
                {
                    names.insert(name.to_owned());
                }
                attributed = false;
            }
        }
    }
    names
}

fn wrong(readme: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let rows = rows(readme);
    let mut found = Vec::new();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        *count.entry(&row.id).or_default() += 1;
        let tag = row.id.to_lowercase().replace('-', "_");
        for claim in &row.claims {
            if !tests.contains(claim) {
                found.push(format!("{}: there is no test `{claim}`", row.id));
            } else if !format!("_{claim}_").contains(&format!("_{tag}_")) {
                found.push(format!("{}: the test `{claim}` does not carry the id", row.id));
            }
        }
        if row.claims.is_empty() && row.text.split_whitespace().count() < 3 {
            found.push(format!("{}: neither a test nor a reason", row.id));
        }
    }
    for (series, last) in SERIES {
        for number in 1..=last {
            let id = format!("{series}-{number:02}");
            match count.get(id.as_str()) {
                Some(1) => {}
                Some(more) => found.push(format!("{id} has {more} rows")),
                None => found.push(format!("{id} has no row")),
            }
        }
    }
    found
}

#[test]
fn every_requirement_has_a_test_or_a_reason() {
    let tests = tests(&survey::house().sources);
    let wrong = wrong(include_str!("../../README.md"), &tests);
    assert!(
        wrong.is_empty(),
        "{} lines of conformance/README.md are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_table_that_lies_is_noticed() {
    let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
    let tests = tests(&[
        source("api/src/x/tests.rs", "#[test]\nfn scr_01_is_tested() {}\nfn scr_02_is_none() {}"),
        source("conformance/src/checks/y.rs", "fn scr_03_is_checked(s: &mut Session) {}"),
        source("api/src/w.rs", "#[cfg(test)] mod tests { fn scr_05_helps() {} }"),
        source("api/src/z.rs", "#[tokio::test(flavor = \"multi_thread\")]\nasync fn scr_04_waits() {}"),
    ]);
    let names: Vec<&str> = tests.iter().map(String::as_str).collect();
    assert_eq!(names, ["scr_01_is_tested", "scr_03_is_checked", "scr_04_waits"]);
    let table = |rows: &[(&str, &str)]| -> String {
        rows.iter().map(|(id, text)| format!("| {id} | asks | {text} |\n")).collect()
    };
    let lies = wrong(
        &table(&[
            ("SCR-01", "`scr_01_is_tested`"),
            ("SCR-02", "`scr_02_is_none`"),
            ("SCR-03", "`scr_04_waits`"),
            ("SCR-04", "no"),
            ("SCR-05", "a matter of clients"),
            ("SCR-05", "a matter of clients"),
        ]),
        &tests,
    );
    let expected = [
        "SCR-02: there is no test `scr_02_is_none`",
        "SCR-03: the test `scr_04_waits` does not carry the id",
        "SCR-04: neither a test nor a reason",
        "SCR-05 has 2 rows",
        "SCR-06 has no row",
    ];
    for line in expected {
        assert!(lies.iter().any(|lie| lie == line), "{line} is missing in {lies:#?}");
    }
    assert!(!lies.iter().any(|lie| lie.starts_with("SCR-01")));
}
