//! Export manifests: anchoring one commits to all files that it lists.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{self, Algorithm, SHA256, SHA384, SHA512};
use data_encoding::HEXLOWER;
use serde_json::{Map, Value};

use super::super::finding::{Finding, Findings};
use super::super::json;
use super::super::look::{is_hex, objects, text};

const UNSAFE: &str = "MANIFEST_PATH_UNSAFE";
const DUPLICATE: &str = "MANIFEST_DUPLICATE_PATH";
const NO_HASH: &str = "MANIFEST_HASH_MISSING";
const UNPARSED: &str = "MANIFEST_HASH_UNPARSED";
const NO_FILE: &str = "MANIFEST_FILE_NOT_SUPPLIED";
const SIZE: &str = "MANIFEST_SIZE_MISMATCH";
const HASH: &str = "MANIFEST_HASH_MISMATCH";

pub(super) fn check(object: &Map<String, Value>, findings: &mut Findings) {
    let mut paths = BTreeSet::new();
    for (at, file) in objects(object, "files") {
        let path = text(file, "path").unwrap_or_default();
        if !is_relative(path) {
            let message = "a path must be relative, without `..` and other ways out of its folder";
            findings.error(UNSAFE, format!("/files/{at}/path"), message);
        }
        if !paths.insert(path) {
            findings.error(DUPLICATE, format!("/files/{at}/path"), "two files have one path");
        }
        let pointer = format!("/files/{at}/hash");
        match text(file, "hash") {
            None => {
                findings.warning(NO_HASH, pointer, "the manifest does not commit to the bytes of this file")
            }
            Some(hash) if parse(hash).is_none() => {
                findings.warning(
                    UNPARSED,
                    pointer,
                    "not `sha256:`, `sha384:` or `sha512:` with lower-case hex",
                );
            }
            Some(_) => {}
        }
    }
}

/// Compares the files of a manifest with their bytes, as far as `bytes_of` has them by path. `None` where `manifest` is
/// not JSON.
#[must_use]
pub fn manifest_findings(
    manifest: &[u8],
    bytes_of: &mut dyn FnMut(&str) -> Option<Vec<u8>>,
) -> Option<Vec<Finding>> {
    let value = json::read(manifest).ok()?;
    let mut findings = Findings::default();
    for (at, file) in objects(value.as_object()?, "files") {
        let path = text(file, "path").unwrap_or_default();
        let Some(bytes) = bytes_of(path) else {
            findings.info(
                NO_FILE,
                format!("/files/{at}"),
                "not compared: the bytes of this file were not supplied",
            );
            continue;
        };
        let size = file.get("size").and_then(Value::as_u64);
        if size.is_some_and(|size| u64::try_from(bytes.len()) != Ok(size)) {
            findings.error(SIZE, format!("/files/{at}/size"), "the file has another size");
        }
        let Some((algorithm, hex)) = text(file, "hash").and_then(parse) else { continue };
        if HEXLOWER.encode(digest::digest(algorithm, &bytes).as_ref()) != hex {
            findings.error(HASH, format!("/files/{at}/hash"), "the file has other bytes");
        }
    }
    Some(findings.finish())
}

fn parse(hash: &str) -> Option<(&'static Algorithm, &str)> {
    let (name, hex) = hash.split_once(':')?;
    let (algorithm, digits) = match name {
        "sha256" => (&SHA256, 64),
        "sha384" => (&SHA384, 96),
        "sha512" => (&SHA512, 128),
        _ => return None,
    };
    is_hex(hex, digits).then_some((algorithm, hex))
}

/// A path that stays below the folder that it is unpacked in, on every system.
pub(in super::super) fn is_relative(path: &str) -> bool {
    let drive = path.as_bytes().get(1) == Some(&b':');
    !path.is_empty()
        && !path.starts_with(['/', '\\', '~'])
        && !drive
        && !path.contains(|c: char| c.is_control())
        && !path.split(['/', '\\']).any(|part| part == "..")
}
