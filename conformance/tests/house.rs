//! The house rules of the plan, held up by a test: which room may lean on which, what each room must not
//! know, and how large things may grow. A message names the rule, the place and the reason.
//!
//! The rules are pure functions over a description of the tree, so that the tests in `house/tests.rs` can
//! break each of them on purpose and see it fail.

#[cfg(test)]
#[path = "house/decisions.rs"]
mod decisions;
#[cfg(test)]
#[path = "house/lexer.rs"]
mod lexer;
#[cfg(test)]
#[path = "house/plan.rs"]
mod plan;
#[cfg(test)]
#[path = "house/requirements.rs"]
mod requirements;
#[cfg(test)]
#[path = "house/rules.rs"]
mod rules;
#[cfg(test)]
#[path = "house/shape.rs"]
mod shape;
#[cfg(test)]
#[path = "house/survey.rs"]
mod survey;
#[cfg(test)]
#[path = "house/tests.rs"]
mod tests;

#[test]
fn the_house_stands() {
    let house = survey::house();
    let found = rules::check(&house);
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{} house rules are broken:\n{}", found.len(), lines.join("\n"));
}
