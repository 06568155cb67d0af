//! The room of the mailbox: how many bytes of statements may wait, and how much of it batches may take.
//!
//! Half of the bytes is common to all, half is for statements that come alone. A batch waits for room, and whoever waits
//! for permits of a semaphore gets them before anybody who only tries; so it waits for common ones and for no others, and
//! what comes alone finds its own half as free as it left it.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics::MailboxGauges;

/// See the [module](self).
pub(crate) struct MailboxRoom {
    /// Bytes that batches never take.
    alone: Arc<Semaphore>,
    /// Bytes that whoever comes first takes.
    common: Arc<Semaphore>,
    common_bytes: usize,
    bytes: usize,
    /// The places that batches may take together; the mailbox itself bounds how many there are in all.
    batch_places: Arc<Semaphore>,
    gauges: MailboxGauges,
}

/// The room of one statement in the mailbox, given back when it is dropped. Operators see it for as long.
pub(crate) struct Room {
    alone: Option<OwnedSemaphorePermit>,
    common: Option<OwnedSemaphorePermit>,
    #[expect(dead_code, reason = "held, not read")]
    batch_place: Option<OwnedSemaphorePermit>,
    gauges: MailboxGauges,
}

impl MailboxRoom {
    /// A mailbox of so many places and bytes, nothing of it taken.
    pub(crate) fn new(entries: usize, bytes: usize, gauges: &MailboxGauges) -> Self {
        let bytes = bytes.clamp(1, Semaphore::MAX_PERMITS);
        let common_bytes = (bytes / 2).max(1);
        Self {
            alone: Arc::new(Semaphore::new(bytes.saturating_sub(common_bytes))),
            common: Arc::new(Semaphore::new(common_bytes)),
            common_bytes,
            bytes,
            batch_places: Arc::new(Semaphore::new((entries / 2).clamp(1, Semaphore::MAX_PERMITS))),
            gauges: gauges.clone(),
        }
    }

    /// Room for a statement that comes alone; never waits. One larger than the whole mailbox passes if it is empty.
    pub(crate) fn try_alone(&self, bytes: usize) -> Option<Room> {
        let bytes = bytes.min(self.bytes);
        let room = |alone, common| self.taken_up(alone, common, None);
        if let Some(alone) = take(&self.alone, bytes) {
            return Some(room(Some(alone), None));
        }
        if let Some(common) = take(&self.common, bytes) {
            return Some(room(None, Some(common)));
        }
        let part = self.alone.available_permits().min(bytes);
        let alone = take(&self.alone, part)?;
        let common = take(&self.common, bytes.saturating_sub(part))?;
        Some(room(Some(alone), Some(common)))
    }

    /// Room for a statement of a batch, once there is some; `None` if it is too large to be counted. One larger than
    /// what batches may take counts as that much.
    pub(crate) async fn of_batch(&self, bytes: usize) -> Option<Room> {
        let bytes = u32::try_from(bytes.min(self.common_bytes)).ok()?;
        let place = Arc::clone(&self.batch_places).acquire_owned().await.ok()?;
        let common = Arc::clone(&self.common).acquire_many_owned(bytes).await.ok()?;
        Some(self.taken_up(None, Some(common), Some(place)))
    }

    fn taken_up(
        &self,
        alone: Option<OwnedSemaphorePermit>,
        common: Option<OwnedSemaphorePermit>,
        batch_place: Option<OwnedSemaphorePermit>,
    ) -> Room {
        let room = Room { alone, common, batch_place, gauges: self.gauges.clone() };
        room.gauges.entries.inc();
        room.gauges.bytes.add(room.shown_bytes());
        room
    }

    /// How many bytes are taken.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        let free = self.alone.available_permits().saturating_add(self.common.available_permits());
        self.bytes.saturating_sub(free)
    }

    /// How many more places batches could take.
    #[cfg(test)]
    pub(crate) fn places_for_batches(&self) -> usize {
        self.batch_places.available_permits()
    }
}

impl Room {
    fn shown_bytes(&self) -> i64 {
        let bytes = [&self.alone, &self.common].into_iter().flatten().map(OwnedSemaphorePermit::num_permits);
        i64::try_from(bytes.sum::<usize>()).unwrap_or(i64::MAX)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.gauges.entries.dec();
        self.gauges.bytes.sub(self.shown_bytes());
    }
}

fn take(from: &Arc<Semaphore>, bytes: usize) -> Option<OwnedSemaphorePermit> {
    Arc::clone(from).try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()
}
