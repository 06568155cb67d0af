//! The policy as a document: read, checked, written.

use std::collections::BTreeSet;

use proofs::{Algorithm, PublicKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::rules::{Rule, RuleError};
use crate::control::json::{self, JsonError};
use crate::control::jwk;
use crate::governance::shown;
use crate::profile::{Kind, MAX_PROFILE_RULES, ProfileRule, ProfileRuleError};

/// The version of the policy document that this code reads and writes.
pub const POLICY_VERSION: u32 = 1;
/// The largest statement that any policy can admit, and the largest control statement, in bytes.
pub const MAX_STATEMENT_BYTES: usize = 1024 * 1024;
/// The largest statement where a policy does not say otherwise, in bytes.
pub const DEFAULT_STATEMENT_BYTES: usize = MAX_STATEMENT_BYTES;
/// The most rules of one policy.
pub const MAX_RULES: usize = 1024;
/// The most issuer patterns of all rules of one policy together, which bounds the work for each statement.
pub const MAX_ISSUERS: usize = 16_384;

/// The registration policy (ARCH-17), version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// [`POLICY_VERSION`].
    pub version: u32,
    /// The key that signs control statements while this policy is in force.
    #[serde(with = "jwk")]
    pub operator: PublicKey,
    /// The algorithms that issuers may use; all supported ones if absent. Control statements may use any that the
    /// operator key allows.
    #[serde(default = "all_algorithms", with = "names")]
    pub algorithms: Vec<Algorithm>,
    /// The largest canonical statement, in bytes; 1 MiB if absent, and it can only be lowered. Control statements
    /// may always have [`MAX_STATEMENT_BYTES`].
    #[serde(default = "default_statement_bytes")]
    pub max_statement_bytes: usize,
    /// Who may register; without rules, nobody but the operator.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// What payloads of which content types must be (D18); none is examined if absent, as in policies from before
    /// there were profiles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfileRule>,
}

/// Why a policy document is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not JSON, or not the members that a policy has.
    #[error("the policy does not read: {0}")]
    Json(#[from] JsonError),
    /// Another version than this code reads.
    #[error("the policy has version {found}, this service reads {POLICY_VERSION}")]
    Version {
        /// The version that the document names.
        found: u32,
    },
    /// The list of algorithms is there and empty.
    #[error("the policy's list `algorithms` is empty; leave it out to allow all that are supported")]
    NoAlgorithms,
    /// The size limit is zero or above the hard cap.
    #[error("the policy's max_statement_bytes must be 1 to {MAX_STATEMENT_BYTES}")]
    Size,
    /// More than [`MAX_RULES`] rules.
    #[error("the policy has more than {MAX_RULES} rules")]
    TooManyRules,
    /// More than [`MAX_ISSUERS`] issuer patterns.
    #[error("the rules of the policy have more than {MAX_ISSUERS} issuer patterns together")]
    TooManyIssuers,
    /// Two rules have one name.
    #[error("two rules of the policy are called `{name}`")]
    DuplicateRule {
        /// The name.
        name: String,
    },
    /// More than [`MAX_PROFILE_RULES`] profiles.
    #[error("the policy has more than {MAX_PROFILE_RULES} profiles")]
    TooManyProfiles,
    /// A profile rule is not usable.
    #[error("profile `{profile}` of the policy: {error}")]
    Profile {
        /// The profile.
        profile: String,
        /// What is wrong with it.
        error: ProfileRuleError,
    },
    /// A rule is not usable.
    #[error("rule `{name}` of the policy: {error}")]
    Rule {
        /// The rule.
        name: String,
        /// What is wrong with it.
        error: RuleError,
    },
}

fn all_algorithms() -> Vec<Algorithm> {
    Algorithm::ALL.to_vec()
}

const fn default_statement_bytes() -> usize {
    DEFAULT_STATEMENT_BYTES
}

mod names {
    use super::{Algorithm, Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(list: &[Algorithm], serializer: S) -> Result<S::Ok, S::Error> {
        let names: Vec<&str> = list.iter().map(|algorithm| algorithm.name()).collect();
        names.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Algorithm>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let read = |name: &String| {
            Algorithm::from_name(name).ok_or_else(|| {
                serde::de::Error::custom(format_args!("`{name}` is not a supported algorithm"))
            })
        };
        names.iter().map(read).collect()
    }
}

impl Policy {
    /// The policy that admits nobody but the operator, as a log begins (D3); every profile is on, and refuses what its
    /// system says is not one of its records.
    pub fn closed(operator: PublicKey) -> Self {
        Self {
            version: POLICY_VERSION,
            operator,
            algorithms: all_algorithms(),
            max_statement_bytes: DEFAULT_STATEMENT_BYTES,
            rules: Vec::new(),
            profiles: Kind::all().map(ProfileRule::of).collect(),
        }
    }

    /// Reads and checks a policy; unknown and duplicate members are refused.
    ///
    /// # Errors
    /// [`PolicyError`]
    pub fn from_json(bytes: &[u8]) -> Result<Self, PolicyError> {
        let policy: Self = json::parse(bytes)?;
        policy.check()?;
        Ok(policy)
    }

    /// Writes the policy; refuses what [`Policy::from_json`] would refuse.
    ///
    /// # Errors
    /// [`PolicyError`]
    pub fn to_json(&self) -> Result<Vec<u8>, PolicyError> {
        self.check()?;
        Ok(json::write(self)?)
    }

    fn check(&self) -> Result<(), PolicyError> {
        if self.version != POLICY_VERSION {
            return Err(PolicyError::Version { found: self.version });
        }
        if self.algorithms.is_empty() {
            return Err(PolicyError::NoAlgorithms);
        }
        if !(1..=MAX_STATEMENT_BYTES).contains(&self.max_statement_bytes) {
            return Err(PolicyError::Size);
        }
        if self.rules.len() > MAX_RULES {
            return Err(PolicyError::TooManyRules);
        }
        if self.rules.iter().map(|rule| rule.issuers.len()).sum::<usize>() > MAX_ISSUERS {
            return Err(PolicyError::TooManyIssuers);
        }
        let mut names = BTreeSet::new();
        for rule in &self.rules {
            rule.check().map_err(|error| PolicyError::Rule { name: rule.name.clone(), error })?;
            if !names.insert(rule.name.as_str()) {
                return Err(PolicyError::DuplicateRule { name: rule.name.clone() });
            }
        }
        self.check_profiles()
    }

    fn check_profiles(&self) -> Result<(), PolicyError> {
        if self.profiles.len() > MAX_PROFILE_RULES {
            return Err(PolicyError::TooManyProfiles);
        }
        let mut types = BTreeSet::new();
        for rule in &self.profiles {
            let fault = |error| PolicyError::Profile { profile: shown(&rule.profile), error };
            rule.check().map_err(fault)?;
            if !types.insert(rule.content_type().unwrap_or_default().to_ascii_lowercase()) {
                return Err(fault(ProfileRuleError::Taken));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
