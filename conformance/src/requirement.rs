//! The requirements that can be seen from outside, by id.
//!
//! A check names its requirements in its own name: `scr_23_scr_25_locations_agree` stands for SCR-23 and
//! SCR-25. So nothing can claim a requirement without saying so where it is tested.

#[cfg(test)]
mod tests;

/// One requirement of a standard, in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// For instance `SCR-23`.
    pub id: &'static str,
    /// What it asks.
    pub text: &'static str,
}

macro_rules! requirements {
    ($($id:literal: $text:literal,)*) => {
        /// Every requirement that a check of this crate claims. The other ones, and who tests them, stand in
        /// this crate's `README.md`.
        pub const REQUIREMENTS: &[Requirement] = &[$(Requirement { id: $id, text: $text }),*];
    };
}

requirements! {
    "SCR-01": "what cannot be processed gets a 4xx or 5xx with concise problem details",
    "SCR-02": "problem details have a title and a detail",
    "SCR-03": "what cannot be parsed is a `Malformed request`",
    "SCR-06": "errors made by the framework are problem details too",
    "SCR-07": "problem details hold no CoAP response code",
    "SCR-08": "the keys are a COSE Key Set as application/cbor",
    "SCR-09": "every key has a kid that is a byte string",
    "SCR-11": "the key set may say how long it stays fresh",
    "SCR-13": "a fresh receipt is for the same position",
    "SCR-14": "a key is found under the unpadded base64url of its kid",
    "SCR-15": "a kid that is safe in a path is accepted raw",
    "SCR-17": "kids are RFC 9679 thumbprints",
    "SCR-18": "an unknown kid gets 404 `No such key`",
    "SCR-19": "published keys hold public parameters only, with their algorithm",
    "SCR-20": "a statement is registered by POST with application/cose",
    "SCR-23": "a registration answers 201 with the receipt and its Location",
    "SCR-24": "an asynchronous registration answers 202, empty, with a Location",
    "SCR-25": "both modes give the same Location",
    "SCR-26": "registering again gives the same Location and position",
    "SCR-27": "refusals have the titles of the draft",
    "SCR-28": "the receipt resource answers 200 with the receipt and its Location",
    "SCR-29": "a registration that is running answers 204",
    "SCR-30": "an unknown entry gets 404 `Not Found`",
    "SCR-32": "the receipt resource can be used at any later time",
    "SCR-35": "HTTP headers do not decide",
    "ARCH-01": "only tagged COSE_Sign1 is accepted",
    "ARCH-02": "statements and receipts have iss and sub in the protected CWT claims",
    "ARCH-03": "iss has 1 to 8192 characters",
    "ARCH-04": "without x5t and x5chain there is a kid",
    "ARCH-12": "the signature is verified before registration",
    "ARCH-14": "the unprotected header is emptied before registration",
    "ARCH-15": "statements of unknown issuers are refused",
    "ARCH-17": "a registration policy is applied",
    "ARCH-22": "unauthenticated HTTP signals do not decide",
    "ARCH-28": "the log is append-only",
    "ARCH-29": "one root a size, and all of them consistent",
    "ARCH-30": "what was registered can be replayed from the receipts and entries",
    "ARCH-31": "receipts prove inclusion",
    "ARCH-32": "receipts follow RFC 9942",
    "ARCH-33": "there is a receipt for every registered statement",
    "ARCH-34": "the entry is registered before its receipt is released",
    "ARCH-36": "one iss a service",
    "ARCH-38": "receipts verify offline",
    "ARCH-43": "the receipt's sub is the statement's",
    "ARCH-49": "a transparent statement is registered as the statement in it",
    "RCPT-01": "receipts are tagged COSE_Sign1",
    "RCPT-02": "alg and vds are protected",
    "RCPT-03": "vdp is unprotected and holds the proofs",
    "RCPT-04": "the signed payload is the root, of the newer tree for consistency",
    "RCPT-05": "the payload is detached",
    "RCPT-06": "vds and proof type are registered ones",
    "RCPT-07": "the signature is over the Sig_structure with that root",
    "RCPT-08": "the entry and its path lead to the signed root",
    "RCPT-09": "leaf_index < tree_size",
    "RCPT-10": "a consistency receipt leads from a trusted root to a signed one",
    "RCPT-11": "times in receipts are CWT claims",
    "RCPT-15": "no explicit type is needed",
    "RCPT-16": "no path is empty",
    "RCPT-17": "path elements have 32 bytes",
    "RCPT-18": "one proof a receipt",
    "RCPT-20": "the receipt's sub names the statement",
    "CKPT-01": "a checkpoint names its origin",
    "CKPT-02": "size in decimal, root in base64",
    "CKPT-03": "no extension lines",
    "CKPT-04": "no checkpoint contradicts another",
    "CKPT-05": "the key's name is the origin",
    "TILE-01": "the checkpoint is text/plain and hardly cacheable",
    "TILE-02": "the log signs with Ed25519",
}

/// The requirement of this id.
pub fn requirement(id: &str) -> Option<&'static Requirement> {
    REQUIREMENTS.iter().find(|known| known.id == id)
}

/// The ids in the name of a check or test, which may stand anywhere in it: `scr_23_scr_25_and_so_on` gives
/// `SCR-23` and `SCR-25`.
pub fn ids_in(name: &str) -> Vec<String> {
    let words: Vec<&str> = name.split('_').collect();
    words
        .windows(2)
        .filter_map(|pair| match pair {
            [series, number]
                if ["scr", "arch", "rcpt", "ckpt", "tile"].contains(series)
                    && number.len() == 2
                    && number.bytes().all(|digit| digit.is_ascii_digit()) =>
            {
                Some(format!("{}-{number}", series.to_ascii_uppercase()))
            }
            _ => None,
        })
        .collect()
}
