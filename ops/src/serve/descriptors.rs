//! File descriptors: enough for the connections allowed, and never so few that clients could take them from the disk.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the store, the logs and the runtime may have open: the store keeps up to 512 files.
const RESERVED: u64 = 768;

/// Raises the process's own limit if it has to and may, and says how many connections there is room for.
pub(super) fn room_for(connections: usize) -> usize {
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let mut soft = current.unwrap_or(u64::MAX);
    let target = target(soft, maximum.unwrap_or(u64::MAX), wanted);
    if target > soft && setrlimit(Resource::Nofile, Rlimit { current: Some(target), maximum }).is_ok() {
        soft = target;
    }
    let room = room(soft, wanted);
    if room < wanted {
        tracing::warn!(
            limit = soft,
            connections = room,
            "the limit of open files is too low for listen.max_connections; fewer connections are taken"
        );
    }
    usize::try_from(room).unwrap_or(connections)
}

/// The limit to ask for: what is needed, as far as the hard limit goes, and never less than there is.
fn target(soft: u64, hard: u64, wanted: u64) -> u64 {
    wanted.saturating_add(RESERVED).min(hard).max(soft)
}

/// The connections a limit has room for; a few always, because a service that takes none is none.
fn room(soft: u64, wanted: u64) -> u64 {
    soft.saturating_sub(RESERVED).max(16).min(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_needed_and_allowed() {
        assert_eq!(target(1024, 1 << 20, 4096), 4096 + RESERVED);
        assert_eq!(target(1024, 2048, 4096), 2048);
        assert_eq!(target(1 << 20, 1 << 20, 4096), 1 << 20, "never lowered");
        assert_eq!(target(u64::MAX, u64::MAX, 4096), u64::MAX);
    }

    #[test]
    fn the_store_keeps_its_descriptors() {
        assert_eq!(room(1024, 4096), 1024 - RESERVED);
        assert_eq!(room(1 << 20, 4096), 4096);
        assert_eq!(room(256, 4096), 16);
        assert_eq!(room(u64::MAX, 4096), 4096);
    }
}
