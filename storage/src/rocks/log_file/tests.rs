use super::*;

/// Writes records as RocksDB does.
fn log(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut log = Vec::new();
    for payload in payloads {
        let mut rest = payload.as_slice();
        let mut first = true;
        loop {
            let room = BLOCK - log.len() % BLOCK;
            if room < 7 {
                log.extend(vec![0; room]);
                continue;
            }
            let (part, after) = rest.split_at(rest.len().min(room - 7));
            let kind = match (first, after.is_empty()) {
                (true, true) => WHOLE,
                (true, false) => FIRST,
                (false, false) => MIDDLE,
                (false, true) => LAST,
            };
            log.extend(record(kind, part));
            (rest, first) = (after, false);
            if rest.is_empty() {
                break;
            }
        }
    }
    log
}

fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    let crc = crc32c_append(crc32c(&[kind]), payload);
    let masked = crc.rotate_right(15).wrapping_add(0xa282_ead8);
    let length = u16::try_from(payload.len()).unwrap();
    [&masked.to_le_bytes()[..], &length.to_le_bytes(), &[kind], payload].concat()
}

fn payloads(lengths: &[usize]) -> Vec<Vec<u8>> {
    lengths
        .iter()
        .enumerate()
        .map(|(seed, length)| (0..*length).map(|at| at.to_le_bytes()[0] ^ seed.to_le_bytes()[0]).collect())
        .collect()
}

fn judge(log: &[u8]) -> Result<(), &'static str> {
    scan(log).unwrap().map_or(Ok(()), |flaw| Err(flaw.reason))
}

#[test]
fn whole_logs_are_good() {
    assert_eq!(judge(&[]), Ok(()));
    assert_eq!(judge(&log(&payloads(&[0, 1, 100, 40_000, 7, 100_000, 3]))), Ok(()));
    // Ends that leave 0 to 8 bytes of a block.
    for short in 0..9 {
        assert_eq!(judge(&log(&payloads(&[BLOCK - 7 - short, 20]))), Ok(()));
    }
    let unknown_but_whole = [record(130, b"predecessor"), record(WHOLE, b"commit")].concat();
    assert_eq!(judge(&unknown_but_whole), Ok(()));
}

#[test]
fn a_log_cut_short_anywhere_is_good() {
    let log = log(&payloads(&[0, 90, 400, 33_000, 50]));
    for end in (0..log.len()).filter(|end| end % 7 == 0 || *end < 600 || *end + 600 > log.len()) {
        assert_eq!(judge(&log[..end]), Ok(()), "cut at {end}");
    }
    let unwritten = [log.as_slice(), &[0; 40_000]].concat();
    assert_eq!(judge(&unwritten), Ok(()));
}

#[test]
fn any_flipped_bit_of_a_record_is_noticed() {
    let log = log(&payloads(&[60, 33_000, 0, 50, 300]));
    for at in (0..400).chain(32_600..log.len()) {
        for bit in 0..8 {
            let mut damaged = log.clone();
            damaged[at] ^= 1 << bit;
            assert!(judge(&damaged).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn parts_that_do_not_fit_are_noticed() {
    let missing = Err("a part of a record is missing");
    assert_eq!(judge(&[record(MIDDLE, b"a"), record(LAST, b"b")].concat()), missing);
    assert_eq!(judge(&[record(FIRST, b"a"), record(WHOLE, b"b")].concat()), missing);
    assert_eq!(judge(&[record(FIRST, b"a"), record(FIRST, b"b")].concat()), missing);
    assert!(judge(&record(RECYCLED[0], b"a")).is_err());
    let after_the_end = [record(WHOLE, b"a"), vec![0; 100], record(WHOLE, b"b")].concat();
    assert_eq!(judge(&after_the_end), Err("there are bytes after the end of the log"));
}
