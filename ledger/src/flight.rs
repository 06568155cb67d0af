//! Which statements are on their way to the sequencer: what `GET /entries/{id}` answers 204 for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use proofs::EntryId;

/// The ids in flight. Bounded by the mailbox, because an id stays only as long as its statement waits.
#[derive(Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<HashMap<EntryId, usize>>>);

impl InFlight {
    /// Marks `id` as in flight until the guard is dropped.
    pub(crate) fn enter(&self, id: EntryId) -> FlightGuard {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_insert(0) += 1;
        FlightGuard { flights: self.clone(), id }
    }

    pub(crate) fn contains(&self, id: &EntryId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }
}

/// Keeps one id marked as in flight.
pub(crate) struct FlightGuard {
    flights: InFlight,
    id: EntryId,
}

impl Drop for FlightGuard {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = flights.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                flights.remove(&self.id);
            }
        }
    }
}
