//! Where a command speaks: results on stdout, talk on stderr, neither ever fatal because a reader left.

use crate::failure::Failure;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// The two streams of a command. Tests hand in buffers.
pub(crate) struct Console<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

impl<'a> Console<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self { out, err }
    }

    /// One line of result.
    pub(crate) fn line(&mut self, text: impl Display) -> Result<(), Failure> {
        forgive_closed_pipe(writeln!(self.out, "{text}").and_then(|()| self.out.flush()))
    }

    /// A result that is bytes or ends its own lines.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        forgive_closed_pipe(self.out.write_all(bytes).and_then(|()| self.out.flush()))
    }

    /// A result for a script: indented JSON.
    pub(crate) fn json(&mut self, value: &serde_json::Value) -> Result<(), Failure> {
        self.line(format_args!("{value:#}"))
    }

    /// Talk: progress, advice, warnings. Nobody may depend on it, so failing to say it is no failure.
    pub(crate) fn say(&mut self, text: impl Display) {
        writeln!(self.err, "{text}").ok();
    }

    /// The end of a command that did not work out.
    pub(crate) fn fail(&mut self, failure: &Failure) {
        self.say(format_args!("stele: {}", failure.message));
        if let Some(hint) = &failure.hint {
            self.say(format_args!("  hint: {hint}"));
        }
    }
}

/// `stele show … | head` closes the pipe early; the command still did its work and its exit code still counts.
fn forgive_closed_pipe(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::local(format_args!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Text that came from elsewhere, made safe for a terminal: control characters and invisible direction marks
/// are written as escapes, line breaks become spaces.
pub(crate) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' | '\r' => safe.push(' '),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
                safe.extend(character.escape_unicode());
            }
            control if control.is_control() => safe.extend(control.escape_unicode()),
            plain => safe.push(plain),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed(ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_harmless_a_full_disk_is_not() {
        let mut talk = Vec::new();
        assert!(Console::new(&mut Closed(ErrorKind::BrokenPipe), &mut talk).line("x").is_ok());
        assert!(Console::new(&mut Closed(ErrorKind::StorageFull), &mut talk).line("x").is_err());
        Console::new(&mut Vec::new(), &mut Closed(ErrorKind::BrokenPipe)).say("unheard");
    }

    #[test]
    fn a_failure_is_one_line_and_a_hint() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        Console::new(&mut out, &mut err).fail(&Failure::local("no such folder").hint("make one"));
        assert_eq!(String::from_utf8(err).unwrap(), "stele: no such folder\n  hint: make one\n");
        assert!(out.is_empty());
    }

    #[test]
    fn foreign_text_cannot_drive_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\r\nc\u{202e}d"), "a\\u{1b}[31mb  c\\u{202e}d");
        assert_eq!(printable("Grüße, 世界"), "Grüße, 世界");
    }
}
