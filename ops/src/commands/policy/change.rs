//! Changes of policy and anchors: made, signed, submitted, told.

use super::in_force::InForce;
use super::{Operator, RetireArgs, SetArgs};
use crate::commands::register::submit_politely;
use crate::console::Console;
use crate::failure::Failure;
use crate::files;
use crate::http::Client;
use crate::keys;
use ledger::PrivateKey;
use ledger::control::{
    Erasure, Incident, LogRef, MakeError, anchors_statement, erasure_statement, incident_statement,
    policy_statement,
};
use ledger::policy::Policy;
use ledger::trust::{AnchorId, AnchorIncrement};
use proofs::{EntryId, Proof, Receipt, SignedStatement, Signer};
use serde_json::json;

/// The operator at work on one log.
pub(super) struct Session<'a> {
    client: Client,
    args: &'a Operator,
    key: PrivateKey,
    pub(super) in_force: InForce,
}

/// A change that is on the log.
#[derive(Debug)]
pub(super) struct Done {
    what: &'static str,
    entry_id: String,
    /// As the receipt has it.
    index: Option<u64>,
}

impl<'a> Session<'a> {
    /// Asks what is in force, and checks that this operator may change it.
    pub(super) fn open(args: &'a Operator, console: &mut Console<'_>) -> Result<Self, Failure> {
        let client = Client::of(&args.service)?;
        let key = keys::private(&args.operator_key, console)?;
        let in_force = InForce::fetch(&client)?;
        if let Some(expected) = args.log_id.filter(|expected| *expected != in_force.log_id) {
            return Err(Failure::refused(format_args!(
                "the service at {} is the log {}, not {expected}",
                args.service.url, in_force.log_id
            )));
        }
        let named = in_force.policy.document.operator.thumbprint();
        if key.public_key().thumbprint() != named {
            return Err(Failure::local(format_args!(
                "the key in {} is not the operator's: the policy in force names {named}",
                args.operator_key.display()
            ))
            .hint("the operator key of a new log is keys/operator.pem in its folder"));
        }
        Ok(Self { client, args, key, in_force })
    }

    fn log(&self) -> LogRef<'_> {
        LogRef { log_id: self.in_force.log_id, issuer: &self.in_force.iss }
    }

    /// Puts a new policy in force.
    pub(super) fn set_policy(
        &self,
        policy: &Policy,
        new_operator: Option<&PrivateKey>,
        console: &mut Console<'_>,
    ) -> Result<Done, Failure> {
        let new_operator = new_operator.map(|key| -> &dyn Signer { key });
        let follows = self.in_force.policy.entry_id;
        let statement =
            policy_statement(self.log(), follows, policy, &self.key, new_operator).map_err(cannot_make)?;
        self.submit("policy", &statement, console)
    }

    /// Adds and retires trust anchors.
    pub(super) fn change_anchors(
        &self,
        increment: &AnchorIncrement,
        console: &mut Console<'_>,
    ) -> Result<Done, Failure> {
        let follows = self.in_force.anchors.entry_id;
        let statement = anchors_statement(self.log(), follows, increment, &self.key).map_err(cannot_make)?;
        self.submit("trust anchors", &statement, console)
    }

    /// Has the statement of an entry erased.
    pub(super) fn erase(&self, erasure: &Erasure, console: &mut Console<'_>) -> Result<Done, Failure> {
        let statement = erasure_statement(self.log(), erasure, &self.key).map_err(cannot_make)?;
        self.submit("erasure", &statement, console)
    }

    /// Puts an incident on the record, right behind the head that it names.
    pub(super) fn report(
        &self,
        incident: &Incident,
        last: EntryId,
        console: &mut Console<'_>,
    ) -> Result<Done, Failure> {
        let statement = incident_statement(self.log(), last, incident, &self.key).map_err(cannot_make)?;
        self.submit("incident", &statement, console)
    }

    /// How many entries are committed, if the service is well enough to tell.
    pub(super) fn committed(&self) -> Option<u64> {
        let state = self.client.fetch("readyz", "application/json").ok()?;
        serde_json::from_slice::<serde_json::Value>(&state).ok()?.get("committed_size")?.as_u64()
    }

    fn submit(
        &self,
        what: &'static str,
        statement: &[u8],
        console: &mut Console<'_>,
    ) -> Result<Done, Failure> {
        let submitted = submit_politely(&self.client, statement, true, &self.args.patience, console)
            .map_err(|failure| Failure { message: format!("{what}: {}", failure.message), ..failure })?;
        let receipt = submitted.receipt.as_deref().map(Receipt::parse);
        let index = match receipt.as_ref().and_then(|receipt| receipt.as_ref().ok()).map(Receipt::proof) {
            Some(Proof::Inclusion(proof)) => Some(proof.index.get()),
            _ => None,
        };
        let entry_id = SignedStatement::parse(statement, statement.len())
            .map_or_else(|_| String::new(), |statement| statement.entry_id().to_string());
        Ok(Done { what, entry_id, index })
    }

    /// Tells what is on the log now.
    pub(super) fn tell(&self, done: &[Done], console: &mut Console<'_>) -> Result<(), Failure> {
        if self.args.json {
            let changes: Vec<_> = done
                .iter()
                .map(|Done { what, entry_id, index }| json!({ "change": what, "entry_id": entry_id, "index": index }))
                .collect();
            return console.json(&json!({ "log_id": self.in_force.log_id.to_string(), "changes": changes }));
        }
        for Done { what, entry_id, index } in done {
            let index = index.map_or_else(
                || "an index its receipt does not tell".to_owned(),
                |index| format!("index {index}"),
            );
            console.line(format_args!("{what:13}  in force after {index}, entry {entry_id}"))?;
        }
        if done.is_empty() {
            console.line("nothing to change: this is in force already")?;
        }
        Ok(())
    }
}

fn cannot_make(error: MakeError) -> Failure {
    let failure = Failure::local(format_args!("cannot make the change: {error}"));
    match error {
        MakeError::NewOperatorMissing | MakeError::NewOperatorDiffers => {
            failure.hint("give the private key of the operator the document names with --new-operator-key")
        }
        _ => failure,
    }
}

/// `stele policy set`
pub(super) fn set(args: &SetArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let bytes = files::read(&args.document)?;
    let mut policy = Policy::from_json(&bytes)
        .map_err(|error| Failure::local(format_args!("{}: {error}", args.document.display())))?;
    let session = Session::open(&args.operator, console)?;
    let new_operator =
        args.new_operator_key.as_deref().map(|path| keys::private(path, console)).transpose()?;
    if let Some(key) = &new_operator {
        policy.operator = key.public_key().clone();
    }
    let done = if policy == session.in_force.policy.document {
        Vec::new()
    } else {
        vec![session.set_policy(&policy, new_operator.as_ref(), console)?]
    };
    session.tell(&done, console)
}

/// `stele policy retire`
pub(super) fn retire(args: &RetireArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let retire = args
        .anchors
        .iter()
        .map(|id| AnchorId::new(id.as_str()).map_err(|error| Failure::local(format_args!("{id:?}: {error}"))))
        .collect::<Result<Vec<_>, _>>()?;
    let session = Session::open(&args.operator, console)?;
    let in_force =
        |id: &AnchorId| session.in_force.anchors.in_force.iter().any(|entry| entry.anchor.id() == id);
    if let Some(id) = retire.iter().find(|id| !in_force(id)) {
        return Err(Failure::local(format_args!("no trust anchor {id} is in force"))
            .hint("stele policy show lists those that are"));
    }
    let done = session.change_anchors(&AnchorIncrement::new(Vec::new(), retire), console)?;
    session.tell(&[done], console)
}
