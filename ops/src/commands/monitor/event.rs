//! What a monitor reports.

use serde::{Deserialize, Serialize};

/// One report. As JSON it has `event`, `id`, `origin` and the members named at [`What`]; two reports of the same thing
/// have the same id, so that a receiver who hears something twice can tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Event {
    /// The same for the same thing, in every run.
    pub(super) id: String,
    /// Which log.
    pub(super) origin: String,
    #[serde(flatten)]
    pub(super) what: What,
}

/// The kinds of report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum What {
    /// A new head was verified.
    Head { tree_size: u64, root: String, from: u64 },
    /// A rule matched an entry.
    Match {
        rule: String,
        leaf_index: u64,
        entry_id: String,
        issuer: String,
        subject: String,
        content_type: Option<String>,
    },
    /// What the log gives as a statement is not the one that was hashed into it.
    NotTheStatement { leaf_index: u64, entry_id: String, detail: String },
    /// Collateral was rewritten: the records are not those that the manifest at this entry registered (D12).
    CollateralRewritten { leaf_index: u64, detail: String },
    /// The log's list of statements does not go on where it should.
    Gap { leaf_index: u64, detail: String },
    /// The log shows a head that is shorter than one it showed before.
    RolledBack { tree_size: u64, known_size: u64 },
    /// The log signed two heads that cannot both be true.
    Equivocation { detail: String, evidence: String },
    /// The log cannot be followed now: what it serves is not what it signed, or nobody vouches for it.
    NotVerified { detail: String },
}

impl Event {
    /// Names the event by what it says.
    pub(super) fn new(origin: &str, what: What) -> Self {
        // Text and numbers always serialise.
        let text = serde_json::to_string(&what).unwrap_or_default();
        let digest = proofs::sha256(format!("{origin}\n{text}").as_bytes()).to_string();
        let id = digest.get(..32).unwrap_or(&digest).to_owned();
        Self { id, origin: origin.to_owned(), what }
    }

    /// The name of the event, for metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self.what {
            What::Head { .. } => "head",
            What::Match { .. } => "match",
            What::NotTheStatement { .. } => "not_the_statement",
            What::CollateralRewritten { .. } => "collateral_rewritten",
            What::Gap { .. } => "gap",
            What::RolledBack { .. } => "rolled_back",
            What::Equivocation { .. } => "equivocation",
            What::NotVerified { .. } => "not_verified",
        }
    }

    /// One line of JSON.
    pub(super) fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
