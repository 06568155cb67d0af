//! Whether what came back proves what it claims: offline, after the clock has stopped.

#[cfg(test)]
mod tests;
mod tree;

pub(super) use tree::TreeVerifier;

use crate::failure::Failure;
use proofs::{KeySet, Proof, Receipt, SignedStatement, verify_transparent};
use std::collections::HashMap;

/// What receipts are verified with.
pub(super) struct Verifier {
    /// The service's keys.
    pub(super) keys: KeySet,
    /// The issuer every receipt has to name.
    pub(super) service: String,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Checked {
    /// Answers that prove what they should: receipts the registration of their statement, tiles and checkpoints that
    /// they are the log's.
    pub(super) verified: u64,
    /// Answers that do not.
    pub(super) wrong: u64,
    /// Why the first of them does not.
    pub(super) first: Option<String>,
}

impl Checked {
    pub(super) fn note(&mut self, found: Result<(), String>) {
        match found {
            Ok(()) => self.verified = self.verified.saturating_add(1),
            Err(why) => {
                self.wrong = self.wrong.saturating_add(1);
                self.first.get_or_insert(why);
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.verified = self.verified.saturating_add(other.verified);
        self.wrong = self.wrong.saturating_add(other.wrong);
        self.first = self.first.take().or(other.first);
    }
}

impl Verifier {
    /// Verifies receipts against the statements they were given for, on every core, and that no two distinct statements
    /// were given one index.
    pub(super) fn receipts(
        &self,
        statements: &[Vec<u8>],
        receipts: &[(u64, Vec<u8>)],
    ) -> Result<Checked, Failure> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let share = receipts.len().div_ceil(cores).max(1);
        let parts: Vec<(Checked, Vec<(u64, u64)>)> = std::thread::scope(|scope| {
            let work: Vec<_> =
                receipts.chunks(share).map(|part| scope.spawn(|| self.part(statements, part))).collect();
            let join = |part: std::thread::ScopedJoinHandle<'_, _>| {
                part.join().map_err(|_| Failure::local("a thread that verifies failed"))
            };
            work.into_iter().map(join).collect::<Result<_, _>>()
        })?;
        let mut checked = Checked::default();
        let mut holders: HashMap<u64, u64> = HashMap::new();
        for (found, places) in parts {
            checked.add(found);
            for (index, n) in places {
                if *holders.entry(index).or_insert(n) != n {
                    checked.verified = checked.verified.saturating_sub(1);
                    checked.note(Err(format!("two statements have a receipt for index {index}")));
                }
            }
        }
        Ok(checked)
    }

    fn part(&self, statements: &[Vec<u8>], receipts: &[(u64, Vec<u8>)]) -> (Checked, Vec<(u64, u64)>) {
        let (mut checked, mut places) = (Checked::default(), Vec::new());
        for (n, receipt) in receipts {
            let statement = usize::try_from(*n).ok().and_then(|n| statements.get(n));
            let found = statement.ok_or_else(|| "an answer to nothing".to_owned());
            let found = found.and_then(|statement| self.receipt(statement, receipt));
            checked.note(found.map(|index| places.push((index, *n))));
        }
        (checked, places)
    }

    /// The index, if the receipt proves the statement's registration by this service.
    fn receipt(&self, statement: &[u8], receipt: &[u8]) -> Result<u64, String> {
        let statement =
            SignedStatement::parse(statement, statement.len()).map_err(|error| error.to_string())?;
        let report = verify_transparent(&statement, receipt, &self.keys, Some(&self.service), None, None);
        if !report.is_valid() {
            let failed = report.first_failure().map(ToString::to_string);
            return Err(failed.unwrap_or_else(|| "something indispensable was not checked".to_owned()));
        }
        match Receipt::parse(receipt).map_err(|error| error.to_string())?.proof() {
            Proof::Inclusion(proof) => Ok(proof.index.get()),
            Proof::Consistency(_) => Err("a consistency receipt".to_owned()),
        }
    }
}
