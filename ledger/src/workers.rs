//! Where verification, signing and reading happen: off the reactor, and never more at once than was configured.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::error::InternalError;

/// Runs blocking work on a bounded number of threads. Those who wait for a place are bounded by the caller (the
/// in-flight limit of `api`).
#[derive(Clone)]
pub(crate) struct Workers(Arc<Semaphore>);

impl Workers {
    pub(crate) fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count.max(1))))
    }

    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, InternalError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.begin(work).await?.await.map_err(|_| InternalError::Worker)
    }

    /// Runs many pieces of work, as many at a time as there are places, and gives their results in order.
    pub(crate) async fn run_all<T, F>(&self, works: Vec<F>) -> Vec<Result<T, InternalError>>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let mut begun = Vec::new();
        for work in works {
            begun.push(self.begin(work).await);
        }
        let mut results = Vec::with_capacity(begun.len());
        for handle in begun {
            results.push(match handle {
                Ok(handle) => handle.await.map_err(|_| InternalError::Worker),
                Err(error) => Err(error),
            });
        }
        results
    }

    /// Waits for a place and starts the work.
    async fn begin<T, F>(&self, work: F) -> Result<JoinHandle<T>, InternalError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(|_| InternalError::Worker)?;
        // The place is given back by the work itself: a caller who goes away does not make room for more work than
        // there are threads.
        Ok(tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        }))
    }
}
