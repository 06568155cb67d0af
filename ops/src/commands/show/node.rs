//! What is shown, as a tree: the same for people and for scripts.

use crate::console::printable;
use serde_json::{Map, Value};

/// A part of what is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// One line; the value is what a script gets.
    Line(String, Value),
    /// Several lines of text that belong together.
    Block(Vec<String>),
    /// Named parts, in order.
    Group(Vec<(String, Node)>),
}

impl Node {
    /// One line of text. Made safe for a terminal here, because most of what is shown was chosen by others.
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        let text = printable(text.as_ref());
        Self::Line(text.clone(), Value::String(text))
    }

    /// A number, with a remark for people.
    pub(super) fn number(number: impl Into<serde_json::Number> + Copy, remark: &str) -> Self {
        let value: serde_json::Number = number.into();
        let text = if remark.is_empty() { value.to_string() } else { format!("{value} ({remark})") };
        Self::Line(text, Value::Number(value))
    }

    /// Several lines of text.
    pub(super) fn block(text: &str) -> Self {
        Self::Block(text.lines().map(printable).collect())
    }

    /// The lines for a person, indented by `depth` steps.
    pub(super) fn render(&self, depth: usize, lines: &mut Vec<String>) {
        let indent = "  ".repeat(depth);
        match self {
            Self::Line(text, _) => lines.push(format!("{indent}{text}")),
            Self::Block(block) => lines.extend(block.iter().map(|line| format!("{indent}{line}"))),
            Self::Group(parts) => {
                let width = parts
                    .iter()
                    .filter(|(_, part)| matches!(part, Self::Line(..)))
                    .map(|(name, _)| name.chars().count())
                    .max()
                    .unwrap_or(0);
                for (name, part) in parts {
                    match part {
                        Self::Line(text, _) => lines.push(format!("{indent}{name:width$}  {text}")),
                        _ => {
                            lines.push(format!("{indent}{name}"));
                            part.render(depth.saturating_add(1), lines);
                        }
                    }
                }
            }
        }
    }

    /// The same for a script.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Line(_, value) => value.clone(),
            Self::Block(lines) => Value::String(lines.join("\n")),
            Self::Group(parts) => {
                let mut map = Map::new();
                for (name, part) in parts {
                    map.insert(name.clone(), part.json());
                }
                Value::Object(map)
            }
        }
    }
}

/// Collects named parts.
#[derive(Default)]
pub(super) struct Parts(Vec<(String, Node)>);

impl Parts {
    pub(super) fn add(&mut self, name: impl Into<String>, node: Node) -> &mut Self {
        self.0.push((name.into(), node));
        self
    }

    pub(super) fn text(&mut self, name: impl Into<String>, text: impl AsRef<str>) -> &mut Self {
        self.add(name, Node::text(text))
    }

    pub(super) fn done(&mut self) -> Node {
        Node::Group(std::mem::take(&mut self.0))
    }
}
