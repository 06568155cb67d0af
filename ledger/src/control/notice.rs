//! What the operator puts on record without changing the rules: that an entry was erased (D20), and from where a log
//! that was restored goes on (D11).

use proofs::{EntryId, Hash, TreeHead, TreeSize};
use serde::{Deserialize, Serialize};

use super::json::{self, JsonError};

/// The longest reason, in bytes.
pub const MAX_REASON_BYTES: usize = 4096;

const VERSION: u32 = 1;

/// Why the document of an erasure or incident statement is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// Not JSON, or not the members that it has.
    #[error("the document does not read: {0}")]
    Json(#[from] JsonError),
    /// Another version than this code reads.
    #[error("the document has version {found}, this service reads {VERSION}")]
    Version {
        /// The version that the document names.
        found: u32,
    },
    /// The entry id or the root is not 64 hexadecimal digits in lower case.
    #[error("`{member}` is 64 hexadecimal digits in lower case")]
    Digest {
        /// Which member.
        member: &'static str,
    },
    /// The reason is empty or too long.
    #[error("`reason` has 1 to {MAX_REASON_BYTES} bytes, and stays on the log for ever")]
    Reason,
}

/// Names an entry whose statement is erased, and why. Its JSON Schema is `ledger/schemas/erasure.schema.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The entry.
    pub entry: EntryId,
    /// Why, for everybody to read.
    pub reason: String,
}

/// Names the head from which a log goes on after it was restored, and why it had to be. Its JSON Schema is
/// `ledger/schemas/incident.schema.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Size and root of the log as it was restored.
    pub head: TreeHead,
    /// Why, for everybody to read.
    pub reason: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ErasureDocument {
    version: u32,
    entry: String,
    reason: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IncidentDocument {
    version: u32,
    size: u64,
    root: String,
    reason: String,
}

impl Erasure {
    /// Reads and checks the document; unknown and duplicate members are refused.
    ///
    /// # Errors
    /// [`NoticeError`]
    pub fn from_json(bytes: &[u8]) -> Result<Self, NoticeError> {
        let ErasureDocument { version, entry, reason } = json::parse(bytes)?;
        check(version, &reason)?;
        Ok(Self { entry: EntryId::from_bytes(digest("entry", &entry)?), reason })
    }

    /// Writes the document; refuses what [`Self::from_json`] would refuse.
    ///
    /// # Errors
    /// [`NoticeError`]
    pub fn to_json(&self) -> Result<Vec<u8>, NoticeError> {
        check(VERSION, &self.reason)?;
        let (entry, reason) = (self.entry.to_string(), self.reason.clone());
        Ok(json::write(&ErasureDocument { version: VERSION, entry, reason })?)
    }
}

impl Incident {
    /// Reads and checks the document; unknown and duplicate members are refused.
    ///
    /// # Errors
    /// [`NoticeError`]
    pub fn from_json(bytes: &[u8]) -> Result<Self, NoticeError> {
        let IncidentDocument { version, size, root, reason } = json::parse(bytes)?;
        check(version, &reason)?;
        let head = TreeHead { size: TreeSize::new(size), root: Hash::new(digest("root", &root)?) };
        Ok(Self { head, reason })
    }

    /// Writes the document; refuses what [`Self::from_json`] would refuse.
    ///
    /// # Errors
    /// [`NoticeError`]
    pub fn to_json(&self) -> Result<Vec<u8>, NoticeError> {
        check(VERSION, &self.reason)?;
        let root = data_encoding::HEXLOWER.encode(self.head.root.as_bytes());
        let (size, reason) = (self.head.size.get(), self.reason.clone());
        Ok(json::write(&IncidentDocument { version: VERSION, size, root, reason })?)
    }
}

fn check(version: u32, reason: &str) -> Result<(), NoticeError> {
    if version != VERSION {
        return Err(NoticeError::Version { found: version });
    }
    if !(1..=MAX_REASON_BYTES).contains(&reason.len()) {
        return Err(NoticeError::Reason);
    }
    Ok(())
}

fn digest(member: &'static str, text: &str) -> Result<[u8; 32], NoticeError> {
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(NoticeError::Digest { member })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn erasure() -> Erasure {
        Erasure { entry: EntryId::from_bytes([0xab; 32]), reason: "court order 7".into() }
    }

    fn incident() -> Incident {
        let head = TreeHead { size: TreeSize::new(7), root: Hash::new([0xcd; 32]) };
        Incident { head, reason: "the disk burned".into() }
    }

    #[test]
    fn the_documents_come_back_whole() {
        assert_eq!(Erasure::from_json(&erasure().to_json().unwrap()), Ok(erasure()));
        assert_eq!(Incident::from_json(&incident().to_json().unwrap()), Ok(incident()));
    }

    /// The schemas are for others; this keeps their members those of the code.
    #[test]
    fn the_schemas_name_the_members_that_are_written() {
        for (schema, document) in [
            (&include_bytes!("../../schemas/erasure.schema.json")[..], erasure().to_json().unwrap()),
            (&include_bytes!("../../schemas/incident.schema.json")[..], incident().to_json().unwrap()),
        ] {
            let schema: serde_json::Value = serde_json::from_slice(schema).unwrap();
            let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
            let members: Vec<&String> = document.as_object().unwrap().keys().collect();
            let described: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
            assert_eq!(members, described);
            assert_eq!(schema["additionalProperties"], false);
            assert_eq!(schema["properties"]["reason"]["maxLength"], MAX_REASON_BYTES);
            assert_eq!(schema["required"].as_array().unwrap().len(), members.len());
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let refused = |text: &str| Erasure::from_json(text.as_bytes()).unwrap_err();
        let entry = "ab".repeat(32);
        assert!(matches!(refused("{}"), NoticeError::Json(_)));
        assert_eq!(
            refused(&format!(r#"{{"version":2,"entry":"{entry}","reason":"r"}}"#)),
            NoticeError::Version { found: 2 }
        );
        for bad in [entry.to_uppercase(), entry[2..].to_owned()] {
            assert_eq!(
                refused(&format!(r#"{{"version":1,"entry":"{bad}","reason":"r"}}"#)),
                NoticeError::Digest { member: "entry" }
            );
        }
        for reason in [String::new(), "r".repeat(MAX_REASON_BYTES + 1)] {
            assert_eq!(
                refused(&format!(r#"{{"version":1,"entry":"{entry}","reason":"{reason}"}}"#)),
                NoticeError::Reason
            );
            assert_eq!(Erasure { reason, ..erasure() }.to_json(), Err(NoticeError::Reason));
        }
        let root = "x".repeat(64);
        let text = format!(r#"{{"version":1,"size":3,"root":"{root}","reason":"r"}}"#);
        assert_eq!(Incident::from_json(text.as_bytes()), Err(NoticeError::Digest { member: "root" }));
    }
}
