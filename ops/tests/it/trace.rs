//! Reads what `strace -f -y` wrote and judges whether every 201 came after the sync that it promises. Pure:
//! text in, verdict out.

use data_encoding::HEXLOWER;

/// One system call of one thread, by the lines at which it began and ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// What the first argument's file descriptor leads to: a path, `socket:[…]`.
    pub(crate) file: String,
    /// All bytes that it was given.
    pub(crate) data: Vec<u8>,
    pub(crate) began: usize,
    /// None if the trace ends, or the process, before the call does.
    pub(crate) ended: Option<usize>,
    /// What it returned.
    pub(crate) result: Option<i64>,
}

/// Why a 201 should not have been sent yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TooEarly {
    /// Its entry was not in any write to the write-ahead log before it.
    NotWritten { entry: String },
    /// No sync of the write-ahead log began after that write and succeeded before the response.
    NotSynced { entry: String },
}

/// What a trace shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// How many 201 were sent.
    pub(crate) responses: usize,
    pub(crate) too_early: Vec<TooEarly>,
}

/// Which writes to the write-ahead log a response depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Every write that began before it. Right where one client waits for each answer.
    LastWrite,
    /// Every write that holds its entry id. Right under concurrency, where the next round may be written while
    /// the answers of this one go out.
    OwnEntry,
}

/// Judges every 201 in a trace.
pub(crate) fn judge(trace: &str, rule: Rule) -> Judgement {
    let calls = parse(trace);
    let mut judgement = Judgement::default();
    for response in calls.iter().filter(|call| is_created(call)) {
        judgement.responses += 1;
        let entry = entry_of(response);
        let raw = HEXLOWER.decode(entry.as_bytes()).unwrap_or_default();
        let depends = |call: &&Call| {
            is_wal(&call.file)
                && is_write(&call.name)
                && call.began < response.began
                && (rule == Rule::LastWrite || contains(&call.data, &raw))
        };
        // A write that has the entry must exist whatever the rule.
        let written = calls
            .iter()
            .any(|call| is_wal(&call.file) && call.began < response.began && contains(&call.data, &raw));
        match calls.iter().filter(depends).max_by_key(|call| call.began) {
            Some(last) if written => {
                if !calls.iter().any(|call| syncs(call, last, response)) {
                    judgement.too_early.push(TooEarly::NotSynced { entry });
                }
            }
            _ => judgement.too_early.push(TooEarly::NotWritten { entry }),
        }
    }
    judgement
}

fn syncs(call: &Call, write: &Call, response: &Call) -> bool {
    ["fdatasync", "fsync"].contains(&call.name.as_str())
        && call.file == write.file
        && write.ended.is_some_and(|ended| call.began > ended)
        && call.result == Some(0)
        && call.ended.is_some_and(|ended| ended < response.began)
}

fn is_wal(file: &str) -> bool {
    file.contains("/store/db/") && file.ends_with(".log")
}

fn is_write(name: &str) -> bool {
    ["write", "pwrite64", "writev", "pwritev", "pwritev2"].contains(&name)
}

fn is_created(call: &Call) -> bool {
    call.file.starts_with("socket:") && contains(&call.data, b"HTTP/1.1 201 ")
}

/// The entry id in the Location of a response.
fn entry_of(response: &Call) -> String {
    let text = String::from_utf8_lossy(&response.data).into_owned();
    let after = text.split("/entries/").nth(1).unwrap_or_default();
    after.chars().take_while(char::is_ascii_hexdigit).collect()
}

fn contains(data: &[u8], wanted: &[u8]) -> bool {
    !wanted.is_empty() && data.windows(wanted.len()).any(|window| window == wanted)
}

/// The calls of a trace in the order in which they began. Lines about signals and exits are passed over.
pub(crate) fn parse(trace: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut open: Vec<(&str, usize)> = Vec::new();
    for (at, line) in trace.lines().enumerate() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if rest.starts_with("<... ") {
            let Some(position) = open.iter().position(|(of, _)| *of == pid) else { continue };
            let (_, index) = open.swap_remove(position);
            calls[index].ended = Some(at);
            calls[index].result = result(rest);
        } else if let Some(mut call) = call(rest, at) {
            if rest.ends_with("<unfinished ...>") {
                open.push((pid, calls.len()));
            } else {
                call.ended = Some(at);
                call.result = result(rest);
            }
            calls.push(call);
        }
    }
    calls
}

fn call(text: &str, began: usize) -> Option<Call> {
    let (name, arguments) = text.split_once('(')?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return None;
    }
    // A path may hold a '>', but not one before a comma, bracket or blank in what this test traces.
    let file = arguments.split_once('<').map_or("", |(_, rest)| {
        let ends = [">,", ">)", "> "].iter().filter_map(|end| rest.find(end)).min();
        ends.map_or("", |end| &rest[..end])
    });
    Some(Call {
        name: name.into(),
        file: file.into(),
        data: strings(arguments),
        began,
        ended: None,
        result: None,
    })
}

/// What stands behind the last `= `.
fn result(text: &str) -> Option<i64> {
    text.rsplit_once("= ")?.1.split_whitespace().next()?.parse().ok()
}

/// All quoted strings one after the other, with their escapes undone.
fn strings(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut data = Vec::new();
    let (mut at, mut inside) = (0, false);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match (inside, byte) {
            (_, b'"') => inside = !inside,
            (true, b'\\') => {
                let (value, used) = escape(&bytes[at..]);
                data.push(value);
                at += used;
            }
            (true, plain) => data.push(plain),
            (false, _) => {}
        }
    }
    data
}

/// The byte of an escape behind its backslash, and how many characters it took.
fn escape(text: &[u8]) -> (u8, usize) {
    let octal = text.iter().take(3).take_while(|digit| (b'0'..=b'7').contains(digit)).count();
    if octal > 0 {
        let value = text[..octal].iter().fold(0_u16, |value, digit| value * 8 + u16::from(digit - b'0'));
        return (value.to_le_bytes()[0], octal);
    }
    let value = match text.first() {
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'v') => 0x0b,
        Some(b'f') => 0x0c,
        Some(&other) => other,
        None => 0,
    };
    (value, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "30313233343536373839616263646566303132333435363738396162636465ff";
    const RAW: &str = r"0123456789abcdef0123456789abcde\377";

    /// A trace of these calls by letter: w and W write the entry (W unfinished, then finished by 2), o writes
    /// something else, s syncs (S unfinished, finished by 3), f a sync that fails, r the response.
    fn trace(script: &str) -> String {
        let log = "15</d/store/db/000008.log>";
        let lines = script.chars().map(|step| match step {
            'w' => format!("7 write({log}, \"a\\000{RAW}b\", 40) = 40"),
            'W' => format!("7 write({log}, \"a\\000{RAW}b\", 40 <unfinished ...>"),
            '2' => "7 <... write resumed>)             = 40".to_owned(),
            'o' => format!("7 write({log}, \"other\", 5) = 5"),
            's' => format!("7 fdatasync({log})                   = 0"),
            'x' => "7 fdatasync(16</d/store/db/MANIFEST-000005>) = 0".to_owned(),
            'S' => format!("7 fdatasync({log} <unfinished ...>"),
            '3' => "7 <... fdatasync resumed>)          = 0".to_owned(),
            'f' => format!("7 fdatasync({log}) = -1 EIO (Input/output error)"),
            'r' => format!(
                "9 writev(20<socket:[77]>, [{{iov_base=\"HTTP/1.1 201 Created\\r\\nlocation: \
                 http://h/entries/{ID}\\r\\n\", iov_len=9}}, {{iov_base=\"\\322\", iov_len=1}}], 2) = 10"
            ),
            other => panic!("no step {other}"),
        });
        lines.map(|line| line + "\n").collect()
    }

    fn verdict(script: &str, rule: Rule) -> bool {
        let judgement = judge(&trace(script), rule);
        assert_eq!(judgement.responses, script.matches('r').count());
        judgement.too_early.is_empty()
    }

    #[test]
    fn a_response_after_the_sync_of_its_write_is_right() {
        for script in ["wsr", "W2S3r", "oswsr", "wsxr", "wssr"] {
            assert!(verdict(script, Rule::LastWrite) && verdict(script, Rule::OwnEntry), "{script}");
        }
        for script in ["wsor", "wsoSr3"] {
            assert!(verdict(script, Rule::OwnEntry), "{script}: the other write is the next round's");
            assert!(!verdict(script, Rule::LastWrite), "{script}");
        }
    }

    #[test]
    fn a_response_before_the_sync_of_its_write_is_wrong() {
        for script in ["wr", "swr", "wrs", "wSr3", "WS2r3", "WS23r", "wfr", "wxr", "sr", "osr", "W2S3wr"] {
            assert!(!verdict(script, Rule::LastWrite) && !verdict(script, Rule::OwnEntry), "{script}");
        }
    }

    #[test]
    fn calls_are_read_with_their_bytes() {
        let calls = parse(&trace("WSr23"));
        assert_eq!(calls.len(), 3);
        assert_eq!((calls[0].began, calls[0].ended, calls[0].result), (0, Some(3), Some(40)));
        assert_eq!(calls[0].data, [b"a\0", &HEXLOWER.decode(ID.as_bytes()).unwrap()[..], b"b"].concat());
        assert_eq!(calls[2].file, "socket:[77]");
        assert!(calls[2].data.ends_with(b"\r\n\xd2"));
        let noise = "7 --- SIGCHLD {si_signo=SIGCHLD} ---\n7 +++ exited with 0 +++\nstrace: nothing\n";
        assert!(parse(noise).is_empty());
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(strings(r#"1, "\0\12\1779\"q\\\n", 3, "tail"..."#), b"\0\n\x7f9\"q\\\ntail");
    }
}
