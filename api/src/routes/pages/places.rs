//! How many pages are sent at once.
//!
//! A client that stops taking its page is not asked for anything by the HTTP library, so no timer of ours would run.
//! Instead whoever finds every place taken looks for one whose page has stood still, and takes it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

/// How long a page may stand still before its place can be taken.
const PATIENCE: Duration = Duration::from_secs(30);

/// The places of one service.
pub(crate) struct PagePlaces {
    limit: usize,
    taken: Mutex<Vec<Weak<Place>>>,
}

/// One page's place; free again when it is dropped.
pub(super) struct Place(Mutex<Standing>);

#[derive(Clone, Copy)]
enum Standing {
    MovedAt(Instant),
    Lost,
}

impl PagePlaces {
    /// So many places.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, taken: Mutex::default() }
    }

    /// A place, if one is free or its page has stood still.
    pub(super) fn take(&self) -> Option<Arc<Place>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|place| place.upgrade().is_some_and(|place| place.is_held()));
        if taken.len() >= self.limit {
            let still = taken.iter().position(|place| place.upgrade().is_none_or(|place| place.lose()))?;
            taken.swap_remove(still);
        }
        let place = Arc::new(Place(Mutex::new(Standing::MovedAt(Instant::now()))));
        taken.push(Arc::downgrade(&place));
        Some(place)
    }
}

impl Place {
    /// The page moves; `false` when its place was lost.
    pub(super) fn goes_on(&self) -> bool {
        let mut standing = self.standing();
        match *standing {
            Standing::Lost => false,
            Standing::MovedAt(_) => {
                *standing = Standing::MovedAt(Instant::now());
                true
            }
        }
    }

    fn is_held(&self) -> bool {
        matches!(*self.standing(), Standing::MovedAt(_))
    }

    /// Takes the place away if the page stands still.
    fn lose(&self) -> bool {
        let mut standing = self.standing();
        let still = match *standing {
            Standing::Lost => true,
            Standing::MovedAt(at) => at.elapsed() > PATIENCE,
        };
        if still {
            *standing = Standing::Lost;
        }
        still
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn places_are_given_back_and_taken_from_those_who_stand_still() {
        let places = PagePlaces::new(2);
        let (one, two) = (places.take().unwrap(), places.take().unwrap());
        assert!(places.take().is_none(), "both move");
        drop(two);
        let two = places.take().unwrap();
        tokio::time::advance(PATIENCE).await;
        assert!(places.take().is_none(), "not yet");
        assert!(two.goes_on());
        tokio::time::advance(Duration::from_millis(1)).await;
        let three = places.take().unwrap();
        assert!(!one.goes_on(), "it stood still");
        assert!(two.goes_on() && three.goes_on());
        assert!(places.take().is_none());
        drop(one);
        assert!(places.take().is_none(), "a lost place is not given back twice");
        drop(three);
        assert!(places.take().is_some());
    }
}
