//! Where verification, signing and reading happen: off the reactor, on as many threads as were configured.
//!
//! The threads are our own. Handing work to the runtime's blocking threads and back cost a registration four changes of
//! thread; here it begins on one, is taken up again on one after its commit, and wakes the reactor once, with its answer.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::error::InternalError;

/// A piece of work; it answers whoever waits for it by itself.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// How many pieces of new work wait at most. The in-flight limits of `api` keep it far below; beyond them is only what
/// was begun for clients who have gone meanwhile, and that is dropped in passing.
const MAX_NEW: usize = 64 * 1024;

/// A fixed number of threads and what waits for them: a bounded number of new pieces of work, and what goes on, which
/// the mailbox has bounded.
pub(crate) struct Workers {
    queue: Arc<Queue>,
    room: usize,
}

#[derive(Default)]
struct Queue {
    state: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// What was begun earlier and goes on. It comes first: it ends something that holds memory, and somebody has waited
    /// for it longer.
    going_on: VecDeque<Job>,
    new: VecDeque<Job>,
    idle: usize,
    closed: bool,
}

impl Workers {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives none.
    pub(crate) fn new(count: usize) -> io::Result<Self> {
        Self::with_room(count, MAX_NEW)
    }

    fn with_room(count: usize, room: usize) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let workers = Self { queue: Arc::clone(&queue), room };
        for _ in 0..count.max(1) {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new().name("worker".to_owned()).spawn(move || queue.work())?;
        }
        Ok(workers)
    }

    /// Begins something new; `false`, and the job is dropped, when too much waits already.
    pub(crate) fn begin(&self, job: Job) -> bool {
        let mut waiting = self.queue.lock();
        if waiting.new.len() >= self.room {
            return false;
        }
        waiting.new.push_back(job);
        let anybody = waiting.idle > 0;
        drop(waiting);
        if anybody {
            self.queue.wake.notify_one();
        }
        true
    }

    /// Takes up again what was begun earlier, in this order.
    pub(crate) fn go_on(&self, jobs: impl IntoIterator<Item = Job>) {
        let mut waiting = self.queue.lock();
        waiting.going_on.extend(jobs);
        let wakes = waiting.idle.min(waiting.going_on.len());
        drop(waiting);
        for _ in 0..wakes {
            self.queue.wake.notify_one();
        }
    }

    /// Runs one piece of work. If the caller goes away before it began, it never does.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, InternalError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.handle(work).await.map_err(|_| InternalError::Worker)
    }

    /// Runs many pieces of work, as many at a time as there are threads, and gives their results in order.
    pub(crate) async fn run_all<T, F>(&self, works: Vec<F>) -> Vec<Result<T, InternalError>>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let begun: Vec<_> = works.into_iter().map(|work| self.handle(work)).collect();
        let mut results = Vec::with_capacity(begun.len());
        for handle in begun {
            results.push(handle.await.map_err(|_| InternalError::Worker));
        }
        results
    }

    fn handle<T, F>(&self, work: F) -> oneshot::Receiver<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (result, receiver) = oneshot::channel();
        // Without room the sender is dropped, and the caller learns that there will be no answer.
        let _begun = self.begin(Box::new(move || {
            if !result.is_closed() {
                let _gone = result.send(work());
            }
        }));
        receiver
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.wake.notify_all();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            // What a job held is dropped by its panic, and whoever waits for it learns that no answer will come.
            let _panicked = catch_unwind(AssertUnwindSafe(job));
        }
    }

    /// The next piece of work; `None` when there is none and will be none.
    fn next(&self) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            let job = waiting.going_on.pop_front().or_else(|| waiting.new.pop_front());
            if job.is_some() || waiting.closed {
                return job;
            }
            waiting.idle += 1;
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            waiting.idle -= 1;
        }
    }
}
