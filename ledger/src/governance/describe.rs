//! What is in force, for whoever asks (`GET /policy`).

use serde_json::{Value, json};

use super::Governance;
use crate::trust::Registered;

impl Governance {
    /// Policy and trust anchors with their indices and entry ids.
    ///
    /// ```json
    /// { "log_id": "…", "iss": "…", "origin": "…",
    ///   "policy":  { "index": 1, "entry_id": "…", "document": { … } },
    ///   "anchors": { "index": 2, "entry_id": "…",
    ///                "in_force": [ { "from": 3, "anchor": { … } } ],
    ///                "retired":  [ { "from": 3, "to": 9, "id": "…" } ] } }
    /// ```
    ///
    /// `from` and `to` are the first and last leaf index that an anchor counts for; the statement at `from - 1`
    /// has the whole of a retired one.
    pub fn describe(&self) -> Value {
        let (retired, in_force): (Vec<_>, Vec<_>) =
            self.anchors().iter().partition(|entry| entry.retired.is_some());
        json!({
            "log_id": self.identity().log_id.to_string(),
            "iss": self.identity().genesis.issuer,
            "origin": self.identity().genesis.origin,
            "policy": {
                "index": self.policy_index().get(),
                "entry_id": self.policy_id().to_string(),
                "document": self.policy(),
            },
            "anchors": {
                "index": self.anchors_index().get(),
                "entry_id": self.anchors_id().to_string(),
                "in_force": in_force.into_iter().map(anchor_in_force).collect::<Vec<_>>(),
                "retired": retired.into_iter().map(retired_anchor).collect::<Vec<_>>(),
            },
        })
    }
}

fn anchor_in_force(entry: &Registered) -> Value {
    json!({ "from": entry.added.next().get(), "anchor": entry.anchor.as_ref() })
}

fn retired_anchor(entry: &Registered) -> Value {
    let to = entry.retired.map(|index| index.get());
    json!({ "from": entry.added.next().get(), "to": to, "id": entry.anchor.id() })
}
