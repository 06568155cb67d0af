//! The real `stele` binary, driven as its users drive it: on the command line, over HTTP, with SIGTERM, with
//! SIGKILL, on a damaged disk.
//!
//! Every test makes its own log in its own temporary folder, starts its own server on a port that the system
//! chooses and ends only what it started. Nothing here sleeps: a test waits for a line, an answer or the end
//! of a process, and whatever could hang is ended by a bound on reads.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as it should be"
)]

#[path = "it/history.rs"]
mod history;
#[path = "it/log.rs"]
mod log;
#[path = "it/machine.rs"]
mod machine;
#[path = "it/server.rs"]
mod server;
#[path = "it/statements.rs"]
mod statements;
#[path = "it/wire.rs"]
mod wire;

#[path = "it/auditing.rs"]
mod auditing;
#[path = "it/audits.rs"]
mod audits;
#[path = "it/backups.rs"]
mod backups;
#[path = "it/barrier.rs"]
mod barrier;
#[path = "it/bench.rs"]
mod bench;
#[path = "it/commands.rs"]
mod commands;
#[path = "it/conformance.rs"]
mod conformance_suite;
#[path = "it/damage.rs"]
mod damage;
#[path = "it/duplicates.rs"]
mod duplicates;
#[path = "it/durability.rs"]
mod durability;
#[path = "it/evidence.rs"]
mod evidence;
#[path = "it/flows.rs"]
mod flows;
#[path = "it/governing.rs"]
mod governing;
#[path = "it/keeping.rs"]
mod keeping;
#[path = "it/kill_loop.rs"]
mod kill_loop;
#[path = "it/load.rs"]
mod load;
#[path = "it/memory.rs"]
mod memory;
#[path = "it/metrics.rs"]
mod metrics;
#[path = "it/profiles.rs"]
mod profiles;
#[path = "it/serving.rs"]
mod serving;
#[path = "it/trace.rs"]
mod trace;
#[path = "it/watching.rs"]
mod watching;
#[path = "it/witnessing.rs"]
mod witnessing;
