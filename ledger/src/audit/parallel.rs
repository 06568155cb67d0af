//! Spreading independent work over threads, with results in the order of the input.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many items a thread takes at a time.
const RUN: usize = 64;

/// Applies `work` to every item on at most `threads` threads.
pub(super) fn map<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if threads <= 1 || items.len() <= RUN {
        return items.iter().map(work).collect();
    }
    let runs: Vec<&[T]> = items.chunks(RUN).collect();
    let done = Mutex::new(Vec::with_capacity(runs.len()));
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(run) = runs.get(at) else { return };
                    let results: Vec<R> = run.iter().map(&work).collect();
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, results));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().flat_map(|(_, results)| results).collect()
}
