//! One file a command. Each takes its arguments and a console, and gives the exit code or a failure.

pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod config;
pub(crate) mod fsck;
pub(crate) mod incident;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod mirror;
pub(crate) mod monitor;
pub(crate) mod policy;
pub(crate) mod register;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod sign;
pub(crate) mod token;
pub(crate) mod verify;
pub(crate) mod witness;
