//! The registration decision as a whole. Each kind of question has its own file; the small world they share is in
//! `world`.

mod control;
mod hostile;
mod issuers;
mod keys;
mod paths;
mod rules;
mod self_certified;
mod world;
