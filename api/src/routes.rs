//! The handlers, one module a resource. A handler reads what it was asked, asks the ledger, and dresses the
//! outcome.

pub(crate) mod batch;
pub(crate) mod ccf;
pub(crate) mod checkpoint;
pub(crate) mod consistency;
pub(crate) mod events;
pub(crate) mod evidence;
pub(crate) mod health;
pub(crate) mod keys;
pub(crate) mod openapi;
pub(crate) mod pages;
pub(crate) mod policy;
pub(crate) mod proofs;
pub(crate) mod register;
pub(crate) mod rekor;
pub(crate) mod resolve;
pub(crate) mod search;
pub(crate) mod statements;
pub(crate) mod summary;
pub(crate) mod tiles;
pub(crate) mod trace;

mod answer;
mod locator;
mod query;
