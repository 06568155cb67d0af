//! Concise problem details, RFC 9290, as SCRAPI demands them for everything that goes wrong.

use ciborium::Value;

use crate::{cose, target::Answer};

/// The media type of every error on a SCITT path.
pub const MEDIA_TYPE: &str = "application/concise-problem-details+cbor";

/// Title and detail of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Key -1.
    pub title: String,
    /// Key -2.
    pub detail: String,
}

impl Problem {
    /// Reads the body of an answer as SCR-01, SCR-02 and SCR-07 demand; says what is wrong otherwise.
    pub fn read(answer: &Answer) -> Result<Self, String> {
        if !(400..600).contains(&answer.status) {
            return Err(format!("status {} is no error", answer.status));
        }
        let media = answer.media_type();
        if media.as_deref() != Some(MEDIA_TYPE) {
            return Err(format!("an error {} came as {media:?} instead of {MEDIA_TYPE}", answer.status));
        }
        let map = cose::decode(&answer.body)?.into_map().map_err(|_| "the problem details are no map")?;
        if cose::get(&map, -4).is_some() {
            return Err("the problem details hold a CoAP response code (-4)".into());
        }
        let text = |key, name| {
            cose::get(&map, key)
                .and_then(words)
                .ok_or_else(|| format!("the problem details of an error {} have no {name}", answer.status))
        };
        Ok(Self { title: text(-1, "title")?, detail: text(-2, "detail")? })
    }
}

/// `oltext`: text, or tag 38 around `[language, text, ? direction]`.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) if !text.is_empty() => Some(text.clone()),
        Value::Tag(38, inner) => inner.as_array()?.get(1)?.as_text().map(str::to_owned),
        _ => None,
    }
}
