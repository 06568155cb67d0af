//! How much of a room each client has, so that one cannot have it all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::rate::{Network, network};

/// The part of all the room that one client may have: a quarter.
const PARTS: usize = 4;

/// The bytes of each client that has any: never more clients than there is room for.
#[derive(Debug, Clone)]
pub(super) struct Shares {
    held: Arc<Mutex<HashMap<Network, usize>>>,
    most: usize,
}

/// Bytes of one client, given back on drop.
#[derive(Debug)]
pub(super) struct Share {
    shares: Shares,
    of: Option<(Network, usize)>,
}

impl Shares {
    /// Shares of so much room.
    pub(super) fn new(room: usize) -> Self {
        Self { held: Arc::default(), most: room / PARTS }
    }

    /// Whether the client has no more than its part. One that has none may have any number, and so may everybody who has
    /// no address to be told apart by.
    pub(super) fn have_room(&self, client: Option<IpAddr>) -> bool {
        let Some(client) = client.map(network) else { return true };
        self.held().get(&client).is_none_or(|held| *held <= self.most)
    }

    /// Counts so many bytes as the client's, if it may have them.
    pub(super) fn try_count(&self, client: Option<IpAddr>, bytes: usize) -> Option<Share> {
        let of = client.map(|client| (network(client), bytes));
        if let Some((client, bytes)) = of {
            let mut clients = self.held();
            let held = clients.get(&client).copied().unwrap_or_default();
            if held > 0 && held.saturating_add(bytes) > self.most {
                return None;
            }
            clients.insert(client, held.saturating_add(bytes));
        }
        Some(Share { shares: self.clone(), of })
    }

    /// Counts so many bytes as the client's, whether it may have them or not: they are there.
    pub(super) fn count(&self, client: Option<IpAddr>, bytes: usize) -> Share {
        let of = client.map(|client| (network(client), bytes));
        if let Some((client, bytes)) = of {
            let mut held = self.held();
            let entry = held.entry(client).or_default();
            *entry = entry.saturating_add(bytes);
        }
        Share { shares: self.clone(), of }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Network, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some((client, bytes)) = self.of else { return };
        let mut held = self.shares.held();
        if let Some(entry) = held.get_mut(&client) {
            *entry = entry.saturating_sub(bytes);
            if *entry == 0 {
                held.remove(&client);
            }
        }
    }
}
