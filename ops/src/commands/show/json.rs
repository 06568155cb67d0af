//! JSON laid out for reading, without changing a character of it: numbers, order and doubled names stay as they came.

use serde::de::IgnoredAny;

/// `text` with line breaks and indentation; None if it is not JSON.
pub(super) fn pretty(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut page = String::with_capacity(text.len().saturating_mul(2));
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if in_string {
            page.push(character);
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            ' ' | '\t' | '\r' | '\n' => {}
            '"' => {
                in_string = true;
                page.push('"');
            }
            '{' | '[' => {
                page.push(character);
                while characters.next_if(char::is_ascii_whitespace).is_some() {}
                match characters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => page.push(end),
                    None => {
                        depth = depth.saturating_add(1);
                        break_line(&mut page, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut page, depth);
                page.push(character);
            }
            ',' => {
                page.push(',');
                break_line(&mut page, depth);
            }
            ':' => page.push_str(": "),
            other => page.push(other),
        }
    }
    Some(page)
}

fn break_line(page: &mut String, depth: usize) {
    page.push('\n');
    page.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_blanks_changes() {
        let text = r#"{ "b":1.50,"a":[],"a":{"x":[1,{"s":"a\"},{ \\"}]} , "e":{ } }"#;
        let page = pretty(text).unwrap();
        assert_eq!(
            page,
            "{\n  \"b\": 1.50,\n  \"a\": [],\n  \"a\": {\n    \"x\": [\n      1,\n      {\n        \"s\": \"a\\\"},{ \\\\\"\n      }\n    ]\n  },\n  \"e\": {}\n}"
        );
        assert_eq!(pretty("[1"), None);
        assert_eq!(pretty("\"x\"").unwrap(), "\"x\"");
    }
}
