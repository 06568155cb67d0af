//! What is kept when a log has contradicted itself: enough for anybody to see it.

use super::{Equivocation, SignedHead, Trust};
use crate::failure::Failure;
use crate::files;
use anyhow::Context;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Writes both signed heads, as received, and what contradicts, into a folder of their own below `folder`; gives it.
/// The same contradiction is written to the same place, so that finding it again changes nothing.
pub(crate) fn keep_evidence(folder: &Path, trust: &Trust, found: &Equivocation) -> Result<PathBuf, Failure> {
    let both = proofs::sha256(format!("{}\n{}", found.known.note, found.other.note).as_bytes()).to_string();
    let short = both.get(..16).unwrap_or(&both);
    let place = folder.join(format!("{}-{}-{short}", found.known.head.size, found.other.head.size));
    std::fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    files::replace(&place.join("known.checkpoint"), found.known.note.as_bytes())?;
    files::replace(&place.join("other.checkpoint"), found.other.note.as_bytes())?;
    let head = |signed: &SignedHead| {
        json!({
            "size": signed.head.size.get(),
            "root": signed.head.root.to_string(),
            "cosigned_by": trust.cosigners(signed),
        })
    };
    let summary = json!({
        "origin": trust.origin(),
        "what": found.to_string(),
        "known": head(&found.known),
        "other": head(&found.other),
        "recomputed_root": found.recomputed.to_string(),
    });
    files::replace(&place.join("contradiction.json"), format!("{summary:#}\n").as_bytes())?;
    Ok(place)
}
