//! Where verification, signing and reading happen: off the reactor, on as many threads as were configured.
//!
//! The threads are our own. Handing work to the runtime's blocking threads and back cost a registration four changes of
//! thread; here it begins on one, is taken up again on one after its commit, and wakes the reactor once, with its answer.
//!
//! New work is of three [sorts](Sort), each with a queue of its own, and they take turns: none waits for a crowd of another.
//! One thread is always left to registrations, and one more to reads of a single entry, where there are as many: the rest
//! may be as slow as the disk, or take a tenth of a second each.

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

/// How many pieces of new work of one sort wait at most. The in-flight limits of `api` keep it far below; beyond them is only what
/// was begun for clients who have gone meanwhile, and that is dropped in passing.
const MAX_NEW: usize = 64 * 1024;

/// What a piece of new work is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// To register something.
    Registration,
    /// To read one entry, one tile or one proof.
    Read,
    /// To look through many entries.
    Search,
}

/// A fixed number of threads and what waits for them: a bounded number of new pieces of work, and what goes on, which
/// the mailbox has bounded.
pub(crate) struct Workers {
    queue: Arc<Queue>,
    room: usize,
}

struct Queue {
    state: Mutex<Waiting>,
    wake: Condvar,
}

struct Waiting {
    /// What was begun earlier and goes on. It comes first: it ends something that holds memory, and somebody has waited
    /// for it longer.
    going_on: VecDeque<Job>,
    registrations: VecDeque<Job>,
    reads: VecDeque<Job>,
    searches: VecDeque<Job>,
    /// How many threads read now, searches included, and how many may.
    reading: usize,
    most_reading: usize,
    /// How many threads search now, and how many may.
    searching: usize,
    most_searching: usize,
    /// Whose turn it is next.
    turn: Sort,
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
        let count = count.max(1);
        let queue = Arc::new(Queue { state: Mutex::new(Waiting::new(count)), wake: Condvar::new() });
        let workers = Self { queue: Arc::clone(&queue), room };
        for _ in 0..count {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new().name("worker".to_owned()).spawn(move || queue.work())?;
        }
        Ok(workers)
    }

    /// Begins something new; `false`, and the job is dropped, when too much waits already.
    pub(crate) fn begin(&self, sort: Sort, job: Job) -> bool {
        let mut waiting = self.queue.lock();
        if waiting.of(sort).len() >= self.room {
            return false;
        }
        waiting.of(sort).push_back(job);
        // Whoever ends what keeps it from beginning takes it up, or wakes somebody.
        let anybody = waiting.idle > 0 && waiting.may(sort);
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
    pub(crate) async fn run<T, F>(&self, sort: Sort, work: F) -> Result<T, InternalError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.handle(sort, work).await.map_err(|_| InternalError::Worker)
    }

    /// Runs many pieces of work of registrations, as many at a time as there are threads, and gives their results in
    /// order.
    pub(crate) async fn run_all<T, F>(&self, works: Vec<F>) -> Vec<Result<T, InternalError>>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let begun: Vec<_> = works.into_iter().map(|work| self.handle(Sort::Registration, work)).collect();
        let mut results = Vec::with_capacity(begun.len());
        for handle in begun {
            results.push(handle.await.map_err(|_| InternalError::Worker));
        }
        results
    }

    fn handle<T, F>(&self, sort: Sort, work: F) -> oneshot::Receiver<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (result, receiver) = oneshot::channel();
        // Without room the sender is dropped, and the caller learns that there will be no answer.
        let job = Box::new(move || {
            if !result.is_closed() {
                let _gone = result.send(work());
            }
        });
        let _begun = self.begin(sort, job);
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
        let mut done = Sort::Registration;
        while let Some((sort, job)) = self.next(done) {
            // What a job held is dropped by its panic, and whoever waits for it learns that no answer will come.
            let _panicked = catch_unwind(AssertUnwindSafe(job));
            done = sort;
        }
    }

    /// The next piece of work, for a thread that has `done` one; `None` when there is none and will be none.
    fn next(&self, done: Sort) -> Option<(Sort, Job)> {
        let mut waiting = self.lock();
        waiting.ended(done);
        loop {
            if let Some((sort, job)) = waiting.take() {
                // What ended here may have kept another read from beginning.
                let wakes = done != Sort::Registration && waiting.idle > 0 && waiting.could_read();
                drop(waiting);
                if wakes {
                    self.wake.notify_one();
                }
                return Some((sort, job));
            }
            if waiting.closed {
                return None;
            }
            waiting.idle += 1;
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            waiting.idle -= 1;
        }
    }
}

impl Waiting {
    fn new(threads: usize) -> Self {
        Self {
            going_on: VecDeque::new(),
            registrations: VecDeque::new(),
            reads: VecDeque::new(),
            searches: VecDeque::new(),
            reading: 0,
            most_reading: threads.saturating_sub(1).max(1),
            searching: 0,
            most_searching: threads.saturating_sub(2).max(1),
            turn: Sort::Registration,
            idle: 0,
            closed: false,
        }
    }

    fn of(&mut self, sort: Sort) -> &mut VecDeque<Job> {
        match sort {
            Sort::Registration => &mut self.registrations,
            Sort::Read => &mut self.reads,
            Sort::Search => &mut self.searches,
        }
    }

    /// Whether another piece of work of this sort may begin now.
    fn may(&self, sort: Sort) -> bool {
        match sort {
            Sort::Registration => true,
            Sort::Read => self.reading < self.most_reading,
            Sort::Search => self.reading < self.most_reading && self.searching < self.most_searching,
        }
    }

    fn could_read(&self) -> bool {
        !self.reads.is_empty() && self.may(Sort::Read) || !self.searches.is_empty() && self.may(Sort::Search)
    }

    /// What goes on; otherwise something new of the sort whose turn it is, or of the next that has something.
    fn take(&mut self) -> Option<(Sort, Job)> {
        if let Some(job) = self.going_on.pop_front() {
            return Some((Sort::Registration, job));
        }
        let first = self.turn;
        for sort in [first, first.following(), first.following().following()] {
            if self.may(sort)
                && let Some(job) = self.of(sort).pop_front()
            {
                self.turn = sort.following();
                self.began(sort);
                return Some((sort, job));
            }
        }
        None
    }

    fn began(&mut self, sort: Sort) {
        self.reading += usize::from(sort != Sort::Registration);
        self.searching += usize::from(sort == Sort::Search);
    }

    fn ended(&mut self, sort: Sort) {
        self.reading -= usize::from(sort != Sort::Registration);
        self.searching -= usize::from(sort == Sort::Search);
    }
}

impl Sort {
    fn following(self) -> Self {
        match self {
            Self::Registration => Self::Read,
            Self::Read => Self::Search,
            Self::Search => Self::Registration,
        }
    }
}
