//! The whole room over HTTP: a real ledger on the in-memory store, driven through the router as a client
//! drives it.
//!
//! Nothing of our own is mocked. Requirement ids (`scr_25_…`) name the rules of SCRAPI that concern a
//! service; those that concern clients (SCR-05, 12, 36, 37) have no test here.

#[cfg(test)]
mod batch;
#[cfg(test)]
mod busy;
#[cfg(test)]
mod ccf;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod erased;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod findings;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod machines;
#[cfg(test)]
mod ours;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod proofs;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod register;
#[cfg(test)]
mod rekor;
#[cfg(test)]
mod resolve;
#[cfg(test)]
mod search;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tiles;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod witness;
