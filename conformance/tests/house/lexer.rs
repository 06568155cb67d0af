//! Just enough of Rust's grammar to tell code from comments, strings and tests.

/// One token of code with the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) line: usize,
    pub(crate) text: Text,
}

/// What a token is. Characters, lifetimes and comments leave no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Word(String),
    Sign(char),
    Literal,
}

impl Token {
    pub(crate) fn is(&self, sign: char) -> bool {
        self.text == Text::Sign(sign)
    }

    pub(crate) fn word(&self) -> Option<&str> {
        match &self.text {
            Text::Word(word) => Some(word),
            Text::Sign(_) | Text::Literal => None,
        }
    }

    pub(crate) fn is_word(&self, wanted: &str) -> bool {
        self.word() == Some(wanted)
    }
}

/// Splits a source text into its tokens of code.
pub(crate) fn lex(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let start = at;
        let text = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => {
                at = skip_until(&chars, at, |c| c == '\n');
                None
            }
            '/' if chars.get(at + 1) == Some(&'*') => {
                at = skip_block_comment(&chars, at);
                None
            }
            '"' => {
                at = skip_string(&chars, at + 1);
                Some(Text::Literal)
            }
            '\'' => {
                at = skip_quote(&chars, at);
                None
            }
            c if c.is_alphabetic() || c == '_' => {
                at = skip_until(&chars, at, |c| !(c.is_alphanumeric() || c == '_'));
                let word: String = chars[start..at].iter().collect();
                match raw_string_hashes(&chars, at, &word) {
                    Some(hashes) => {
                        at = skip_raw_string(&chars, at + hashes + 1, hashes);
                        Some(Text::Literal)
                    }
                    None if word == "b" && chars.get(at) == Some(&'\'') => None,
                    None if matches!(word.as_str(), "b" | "c") && chars.get(at) == Some(&'"') => None,
                    None => Some(Text::Word(word)),
                }
            }
            c if c.is_ascii_digit() => {
                at = skip_until(&chars, at, |c| !(c.is_alphanumeric() || c == '_'));
                Some(Text::Literal)
            }
            c => {
                at += 1;
                (!c.is_whitespace()).then_some(Text::Sign(c))
            }
        };
        if let Some(text) = text {
            tokens.push(Token { line, text });
        }
        line += chars[start..at].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

fn skip_until(chars: &[char], from: usize, stop: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|c| stop(*c)).map_or(chars.len(), |n| from + n)
}

fn skip_block_comment(chars: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0_usize);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn skip_string(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The number of `#` when `word` opens a raw string (`r"`, `br##"`), else nothing.
fn raw_string_hashes(chars: &[char], at: usize, word: &str) -> Option<usize> {
    if !matches!(word, "r" | "br" | "cr") {
        return None;
    }
    let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    (chars.get(at + hashes) == Some(&'"')).then_some(hashes)
}

fn skip_raw_string(chars: &[char], from: usize, hashes: usize) -> usize {
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let found = chars[from..].windows(end.len()).position(|w| w == end);
    found.map_or(chars.len(), |n| from + n + end.len())
}

/// Steps over a character literal or a lifetime.
fn skip_quote(chars: &[char], from: usize) -> usize {
    match (chars.get(from + 1), chars.get(from + 2)) {
        (Some('\\'), Some(_)) => (skip_until(chars, from + 3, |c| c == '\'') + 1).min(chars.len()),
        (Some(_), Some('\'')) => from + 3,
        _ => skip_until(chars, from + 1, |c| !(c.is_alphanumeric() || c == '_')),
    }
}

/// The index behind the bracket that closes the one at `open`.
pub(crate) fn behind_bracket(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (n, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            Text::Sign('(' | '[' | '{') => depth += 1,
            Text::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return n + 1;
        }
    }
    tokens.len()
}

/// The index behind the item that starts at `from`: its `;` or its closing brace.
fn behind_item(tokens: &[Token], from: usize) -> usize {
    let mut at = from;
    while let Some(token) = tokens.get(at) {
        match token.text {
            Text::Sign(';') => return at + 1,
            Text::Sign('{') => return behind_bracket(tokens, at),
            Text::Sign('(' | '[') => at = behind_bracket(tokens, at),
            _ => at += 1,
        }
    }
    tokens.len()
}

/// The attribute that starts at `at`: its tokens between the brackets, and the index behind it.
pub(crate) fn attribute(tokens: &[Token], at: usize) -> Option<(&[Token], usize)> {
    if !tokens.get(at)?.is('#') {
        return None;
    }
    let open = if tokens.get(at + 1)?.is('!') { at + 2 } else { at + 1 };
    if !tokens.get(open)?.is('[') {
        return None;
    }
    let end = behind_bracket(tokens, open);
    Some((&tokens[open + 1..end.saturating_sub(1).max(open + 1)], end))
}

/// The ranges of tokens that exist in test builds only.
pub(crate) fn test_ranges(tokens: &[Token]) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let Some((inside, behind)) = attribute(tokens, at) else {
            at += 1;
            continue;
        };
        let has = |word| inside.iter().any(|t| t.is_word(word));
        let conditional = inside.first().is_some_and(|t| t.is_word("cfg"));
        if conditional && has("test") && !has("not") && !has("any") {
            let end = behind_item(tokens, behind);
            ranges.push(at..end);
            at = end;
        } else {
            at = behind;
        }
    }
    ranges
}

/// The tokens that remain when everything under `#[cfg(test)]` is taken away.
pub(crate) fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let ranges = test_ranges(tokens);
    let kept = tokens.iter().enumerate().filter(|(n, _)| !ranges.iter().any(|r| r.contains(n)));
    kept.map(|(_, token)| token.clone()).collect()
}

/// A path such as `std::fs::File`, written out or spread over a `use` tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) line: usize,
    pub(crate) segments: Vec<String>,
    pub(crate) imported: bool,
}

/// Every path of the code, `use` trees multiplied out.
pub(crate) fn paths(tokens: &[Token]) -> Vec<Path> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let imports = token.is_word("use") && !tokens.get(at + 1).is_some_and(|t| t.is('<'));
        if imports {
            at = use_tree(tokens, at + 1, &[], &mut found);
        } else if let Some(word) = token.word() {
            let mut segments = vec![word.to_owned()];
            at += 1;
            while let Some(next) = after_colons(tokens, at).and_then(|n| tokens.get(n)?.word()) {
                segments.push(next.to_owned());
                at += 3;
            }
            found.push(Path { line: token.line, segments, imported: false });
        } else {
            at += 1;
        }
    }
    found
}

fn after_colons(tokens: &[Token], at: usize) -> Option<usize> {
    (tokens.get(at)?.is(':') && tokens.get(at + 1)?.is(':')).then_some(at + 2)
}

/// Reads one branch of a `use` tree and returns the index behind it.
fn use_tree(tokens: &[Token], from: usize, prefix: &[String], found: &mut Vec<Path>) -> usize {
    let mut segments = prefix.to_vec();
    let mut at = from;
    while let Some(token) = tokens.get(at) {
        match &token.text {
            Text::Sign(':') => at += 1,
            Text::Sign('{') => {
                at += 1;
                while tokens.get(at).is_some_and(|t| !t.is('}')) {
                    at = use_tree(tokens, at, &segments, found).max(at + 1);
                    at += usize::from(tokens.get(at).is_some_and(|t| t.is(',')));
                }
                return at + 1;
            }
            Text::Word(word) if word == "as" => at += 2,
            Text::Word(word) => {
                segments.push(word.clone());
                at += 1;
            }
            Text::Sign('*') => at += 1,
            Text::Sign(_) | Text::Literal => break,
        }
    }
    let line = tokens.get(from).map_or(0, |t| t.line);
    found.push(Path { line, segments, imported: true });
    at
}
