//! Reading a policy file (C2SP tlog-policy, "Policy file syntax and structure").

use std::collections::HashMap;

use super::{Group, LogKey, Member, PolicyLog, PolicyWitness, TlogPolicy};
use crate::cosignature::CosignerKey;
use crate::note::NoteKeyError;

/// The largest policy file that is read, in bytes: more than a thousand ML-DSA keys.
pub const MAX_POLICY_LEN: usize = 2_000_000;
/// How many lines a policy file may have, comments included. The specification asks for room for 32 logs, 32 witnesses
/// and 32 groups.
pub const MAX_LINES: usize = 10_000;

/// Why a file is not a policy, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct PolicySyntaxError {
    /// Which line, counted from 1; the last one when the file as a whole is wrong.
    pub line: usize,
    /// What is wrong with it.
    pub kind: PolicyErrorKind,
}

/// What is wrong with a line of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyErrorKind {
    /// More than [`MAX_POLICY_LEN`] bytes or [`MAX_LINES`] lines.
    #[error("the policy is longer than {MAX_POLICY_LEN} bytes or {MAX_LINES} lines")]
    TooLong,
    /// An octet other than tab, newline, 0x20 to 0x7E and 0x80 to 0xFF.
    #[error("the line holds a control character")]
    ControlCharacter,
    /// The last line does not end in a newline.
    #[error("the line does not end in a newline")]
    NotEnded,
    /// Not one of the four kinds of line.
    #[error("a line starts with log, witness, group or quorum")]
    Keyword,
    /// A line of that kind with too few or too many items.
    #[error("write it as `{0}`")]
    Form(&'static str),
    /// The key cannot be read.
    #[error("the key is not usable here: {0}")]
    Key(NoteKeyError),
    /// A name that is `none`, or was defined before.
    #[error("the name is defined already, or is `none`")]
    NameTaken,
    /// A name that no line before defines.
    #[error("the name is not defined on a line before")]
    UnknownName,
    /// A name that is a member of a group already.
    #[error("the name is a member of a group already")]
    MemberTwice,
    /// Not `any`, `all`, or a decimal number from 1 to the number of members.
    #[error("a threshold is `any`, `all`, or a number from 1 to the number of members")]
    Threshold,
    /// Two logs or two witnesses with one public key.
    #[error("another line has the same public key")]
    DuplicateKey,
    /// A second quorum.
    #[error("there is a quorum already")]
    QuorumTwice,
    /// No quorum at all.
    #[error("there is no quorum line; write `quorum none` to ask for no witness")]
    NoQuorum,
    /// A URL that is not UTF-8.
    #[error("the URL is not UTF-8")]
    Url,
}

const LOG: &str = "log <vkey> [<url>]";
const WITNESS: &str = "witness <name> <vkey> [<url>]";
const GROUP: &str = "group <name> <k>|any|all <member>...";
const QUORUM: &str = "quorum <name>|none";
const NONE: &[u8] = b"none";

impl TlogPolicy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// [`PolicySyntaxError`] names the line and what is wrong with it.
    pub fn parse(file: &[u8]) -> Result<Self, PolicySyntaxError> {
        let mut reader = Reader::default();
        if file.len() > MAX_POLICY_LEN {
            return Err(PolicySyntaxError { line: 1, kind: PolicyErrorKind::TooLong });
        }
        let mut last = 1;
        let mut lines = file.split(|byte| *byte == b'\n').peekable();
        for number in 1.. {
            let Some(line) = lines.next() else { break };
            last = number;
            let at = |kind| PolicySyntaxError { line: number, kind };
            if lines.peek().is_none() {
                // What follows the last newline is no line.
                if line.is_empty() {
                    break;
                }
                return Err(at(PolicyErrorKind::NotEnded));
            }
            if number > MAX_LINES {
                return Err(at(PolicyErrorKind::TooLong));
            }
            reader.line(line).map_err(at)?;
        }
        reader.finish().map_err(|kind| PolicySyntaxError { line: last, kind })
    }
}

/// The policy as far as it was read.
#[derive(Default)]
struct Reader {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    /// What each name stands for, and whether it is a member of a group already.
    names: HashMap<Vec<u8>, (Member, bool)>,
    quorum: Option<Option<Member>>,
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Result<(), PolicyErrorKind> {
        if line.iter().any(|byte| matches!(byte, 0..=8 | 10..=31 | 127)) {
            return Err(PolicyErrorKind::ControlCharacter);
        }
        let items: Vec<&[u8]> =
            line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|item| !item.is_empty()).collect();
        match items.split_first() {
            None => Ok(()),
            Some((first, _)) if first.starts_with(b"#") => Ok(()),
            Some((&b"log", rest)) => self.log(rest),
            Some((&b"witness", rest)) => self.witness(rest),
            Some((&b"group", rest)) => self.group(rest),
            Some((&b"quorum", rest)) => self.quorum(rest),
            Some(_) => Err(PolicyErrorKind::Keyword),
        }
    }

    fn log(&mut self, items: &[&[u8]]) -> Result<(), PolicyErrorKind> {
        let (vkey, url) = match items {
            [vkey] => (vkey, None),
            [vkey, url] => (vkey, Some(*url)),
            _ => return Err(PolicyErrorKind::Form(LOG)),
        };
        let key: LogKey = text(vkey)?.parse().map_err(PolicyErrorKind::Key)?;
        if self.logs.iter().any(|other| other.key.public_bytes() == key.public_bytes()) {
            return Err(PolicyErrorKind::DuplicateKey);
        }
        self.logs.push(PolicyLog { key, url: url.map(utf8).transpose()? });
        Ok(())
    }

    fn witness(&mut self, items: &[&[u8]]) -> Result<(), PolicyErrorKind> {
        let (name, vkey, url) = match items {
            [name, vkey] => (name, vkey, None),
            [name, vkey, url] => (name, vkey, Some(*url)),
            _ => return Err(PolicyErrorKind::Form(WITNESS)),
        };
        let key: CosignerKey = text(vkey)?.parse().map_err(PolicyErrorKind::Key)?;
        if self.witnesses.iter().any(|other| other.key.public_bytes() == key.public_bytes()) {
            return Err(PolicyErrorKind::DuplicateKey);
        }
        self.define(name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push(PolicyWitness { name: name.to_vec(), key, url: url.map(utf8).transpose()? });
        Ok(())
    }

    fn group(&mut self, items: &[&[u8]]) -> Result<(), PolicyErrorKind> {
        let [name, threshold, names @ ..] = items else { return Err(PolicyErrorKind::Form(GROUP)) };
        if names.is_empty() {
            return Err(PolicyErrorKind::Form(GROUP));
        }
        let threshold = match *threshold {
            b"any" => 1,
            b"all" => names.len(),
            number => decimal(number)
                .filter(|number| (1..=names.len()).contains(number))
                .ok_or(PolicyErrorKind::Threshold)?,
        };
        let mut members = Vec::with_capacity(names.len());
        for name in names {
            let (member, taken) = self.names.get_mut(*name).ok_or(PolicyErrorKind::UnknownName)?;
            if std::mem::replace(taken, true) {
                return Err(PolicyErrorKind::MemberTwice);
            }
            members.push(*member);
        }
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { threshold, members });
        Ok(())
    }

    fn quorum(&mut self, items: &[&[u8]]) -> Result<(), PolicyErrorKind> {
        let [name] = items else { return Err(PolicyErrorKind::Form(QUORUM)) };
        if self.quorum.is_some() {
            return Err(PolicyErrorKind::QuorumTwice);
        }
        let named = || self.names.get(*name).map(|(member, _)| *member).ok_or(PolicyErrorKind::UnknownName);
        self.quorum = Some(if *name == NONE { None } else { Some(named()?) });
        Ok(())
    }

    fn define(&mut self, name: &[u8], member: Member) -> Result<(), PolicyErrorKind> {
        if name == NONE || self.names.insert(name.to_vec(), (member, false)).is_some() {
            return Err(PolicyErrorKind::NameTaken);
        }
        Ok(())
    }

    fn finish(self) -> Result<TlogPolicy, PolicyErrorKind> {
        let Self { logs, witnesses, groups, quorum, .. } = self;
        let quorum = quorum.ok_or(PolicyErrorKind::NoQuorum)?;
        Ok(TlogPolicy { logs, witnesses, groups, quorum })
    }
}

/// A vkey: names in it are UTF-8 (NOTE-01).
fn text(item: &[u8]) -> Result<&str, PolicyErrorKind> {
    str::from_utf8(item).map_err(|_| PolicyErrorKind::Key(NoteKeyError::Syntax))
}

fn utf8(item: &[u8]) -> Result<String, PolicyErrorKind> {
    str::from_utf8(item).map(str::to_owned).map_err(|_| PolicyErrorKind::Url)
}

/// A decimal number without sign and leading zeroes.
fn decimal(item: &[u8]) -> Option<usize> {
    let digits = str::from_utf8(item).ok().filter(|text| text.starts_with(|c| matches!(c, '1'..='9')))?;
    digits.parse().ok()
}
