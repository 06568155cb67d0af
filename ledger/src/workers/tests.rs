use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};

use super::*;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn results_come_in_order_and_never_from_more_threads_than_configured() {
    let workers = Workers::new(3).unwrap();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let works: Vec<_> = (0..200)
        .map(|n| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
                n
            }
        })
        .collect();
    let results: Vec<_> = block_on(workers.run_all(works)).into_iter().map(Result::unwrap).collect();
    assert_eq!(results, (0..200).collect::<Vec<_>>());
    assert!(most.load(Ordering::SeqCst) <= 3);
}

#[test]
fn a_panic_is_an_answer_and_takes_no_thread_away() {
    let workers = Workers::new(1).unwrap();
    for _ in 0..3 {
        let lost = block_on(workers.run(|| -> u8 { panic!("a bug") }));
        assert!(matches!(lost, Err(InternalError::Worker)));
    }
    assert_eq!(block_on(workers.run(|| 7)).unwrap(), 7);
}

#[test]
fn what_goes_on_comes_before_what_is_new() {
    let workers = Workers::new(1).unwrap();
    let gate = Arc::new(Barrier::new(2));
    let held = Arc::clone(&gate);
    assert!(workers.begin(Box::new(move || {
        held.wait();
    })));
    let order = Arc::new(Mutex::new(Vec::new()));
    let say = |word: &'static str| -> Job {
        let order = Arc::clone(&order);
        Box::new(move || order.lock().unwrap().push(word))
    };
    assert!(workers.begin(say("new")));
    workers.go_on([say("first"), say("second")]);
    gate.wait();
    block_on(workers.run(|| ())).unwrap();
    assert_eq!(*order.lock().unwrap(), ["first", "second", "new"]);
}

#[test]
fn nothing_is_begun_for_a_caller_who_has_gone() {
    let workers = Workers::new(1).unwrap();
    let gate = Arc::new(Barrier::new(2));
    let held = Arc::clone(&gate);
    assert!(workers.begin(Box::new(move || {
        held.wait();
    })));
    let (sender, begun) = mpsc::channel();
    drop(workers.handle(move || sender.send(())));
    gate.wait();
    assert!(begun.recv().is_err(), "the work was dropped, not done");
}

#[test]
fn the_threads_end_with_the_workers() {
    let workers = Workers::new(2).unwrap();
    let queue = Arc::downgrade(&workers.queue);
    drop(workers);
    while queue.strong_count() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn new_work_waits_in_bounds_and_what_goes_on_is_never_refused() {
    let workers = Workers::with_room(1, 2).unwrap();
    let gate = Arc::new(Barrier::new(2));
    let (held, started) = (Arc::clone(&gate), mpsc::channel());
    assert!(workers.begin(Box::new(move || {
        started.0.send(()).unwrap();
        held.wait();
    })));
    started.1.recv().unwrap();
    assert!(workers.begin(Box::new(|| ())) && workers.begin(Box::new(|| ())));
    assert!(!workers.begin(Box::new(|| ())));
    assert!(matches!(block_on(workers.run(|| ())), Err(InternalError::Worker)));
    let (sender, done) = mpsc::channel();
    let job: Job = Box::new(move || sender.send(7).unwrap());
    workers.go_on([job]);
    gate.wait();
    assert_eq!(done.recv(), Ok(7));
}
