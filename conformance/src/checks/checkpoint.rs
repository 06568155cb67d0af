//! The signed note that names the log's head (C2SP tlog-checkpoint).

use proofs::checkpoint::open_checkpoint;
use proofs::{Checkpoint, NoteVerifierKey};

use super::{Check, list};
use crate::{
    session::{Doubt, Session, Verdict, ensure},
    target::Answer,
};

pub(super) const CHECKS: &[Check] = list![
    tile_01_checkpoint_is_plain_text_that_nobody_caches,
    ckpt_01_ckpt_02_ckpt_03_checkpoint_has_three_lines,
    ckpt_05_tile_02_checkpoint_is_signed_with_ed25519,
    ckpt_04_arch_29_checkpoints_never_go_back,
];

fn fetch(session: &Session<'_>) -> Verdict<(Answer, String)> {
    let answer = session.target.get("/checkpoint", &[])?;
    if answer.status == 404 {
        return Err(Doubt::NotChecked("the service has no GET /checkpoint".into()));
    }
    ensure!(answer.status == 200, "GET /checkpoint answered {}", answer.status);
    let note = String::from_utf8(answer.body.clone()).map_err(|_| "NOTE-01: the checkpoint is no UTF-8")?;
    Ok((answer, note))
}

fn key(session: &Session<'_>) -> Verdict<NoteVerifierKey> {
    let Some(text) = &session.fixtures.checkpoint_key else {
        return Err(Doubt::NotChecked("the checkpoint's key is not known".into()));
    };
    Ok(text.parse().map_err(|error| format!("the fixtures' checkpoint key: {error}"))?)
}

fn opened(session: &Session<'_>) -> Verdict<Checkpoint> {
    let key = key(session)?;
    let (_, note) = fetch(session)?;
    Ok(open_checkpoint(&note, &key).map_err(|error| format!("the checkpoint does not verify: {error}"))?)
}

fn tile_01_checkpoint_is_plain_text_that_nobody_caches(session: &mut Session<'_>) -> Verdict {
    let (answer, _) = fetch(session)?;
    let media = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
    ensure!(media.replace(' ', "") == "text/plain;charset=utf-8", "the checkpoint came as {media:?}");
    let caching = answer.header("cache-control").unwrap_or_default();
    let age =
        caching.split("max-age=").nth(1).and_then(|rest| rest.split(',').next()?.trim().parse::<u32>().ok());
    ensure!(
        age.is_none_or(|seconds| seconds <= 10) && !caching.contains("immutable"),
        "the checkpoint may be cached: {caching:?}"
    );
    Ok(())
}

fn ckpt_01_ckpt_02_ckpt_03_checkpoint_has_three_lines(session: &mut Session<'_>) -> Verdict {
    let (_, note) = fetch(session)?;
    let (text, signatures) = note.rsplit_once("\n\n").ok_or("NOTE-01: no empty line")?;
    let lines: Vec<_> = text.split('\n').collect();
    let [origin, size, root] = lines.as_slice() else {
        return Err(Doubt::Failed(format!("CKPT-03: {} lines before the signatures", lines.len())));
    };
    ensure!(
        !origin.is_empty() && !origin.contains([' ', '+']) && !origin.contains("://"),
        "CKPT-01: origin {origin:?}"
    );
    let number: u64 = size.parse().map_err(|_| format!("CKPT-02: size {size:?}"))?;
    ensure!(number.to_string() == *size, "CKPT-02: size {size:?} is not written canonically");
    let hash = data_encoding::BASE64.decode(root.as_bytes()).unwrap_or_default();
    ensure!(hash.len() == 32, "CKPT-02: root {root:?}");
    ensure!(signatures.ends_with('\n'), "NOTE-02: the last signature line does not end");
    for line in signatures.lines() {
        ensure!(line.starts_with("\u{2014} "), "NOTE-02: signature line {line:?}");
    }
    Ok(())
}

fn ckpt_05_tile_02_checkpoint_is_signed_with_ed25519(session: &mut Session<'_>) -> Verdict {
    let key = key(session)?;
    let checkpoint = opened(session)?;
    ensure!(
        key.name().as_str() == checkpoint.origin.as_str(),
        "CKPT-05: the key of {} is named {}",
        checkpoint.origin,
        key.name()
    );
    Ok(())
}

/// Checkpoints join the heads of the receipts, so that the checks of the append-only property cover both.
fn ckpt_04_arch_29_checkpoints_never_go_back(session: &mut Session<'_>) -> Verdict {
    let before = opened(session)?;
    session.note_head(before.head.size.get(), before.head.root, "a checkpoint")?;
    let fresh = session.fresh()?;
    session.register(&fresh)?;
    let after = opened(session)?;
    session.note_head(after.head.size.get(), after.head.root, "a checkpoint")?;
    ensure!(
        after.head.size >= before.head.size,
        "CKPT-04: the checkpoint went from {} to {}",
        before.head.size,
        after.head.size
    );
    Ok(())
}
