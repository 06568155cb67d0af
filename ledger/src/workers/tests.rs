use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::time::Duration;

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
        let lost = block_on(workers.run(Sort::Read, || -> u8 { panic!("a bug") }));
        assert!(matches!(lost, Err(InternalError::Worker)));
    }
    assert_eq!(block_on(workers.run(Sort::Read, || 7)).unwrap(), 7);
}

#[test]
fn what_goes_on_comes_before_what_is_new() {
    let workers = Workers::new(1).unwrap();
    let gate = Arc::new(Barrier::new(2));
    let held = Arc::clone(&gate);
    assert!(workers.begin(
        Sort::Registration,
        Box::new(move || {
            held.wait();
        })
    ));
    let order = Arc::new(Mutex::new(Vec::new()));
    let say = |word: &'static str| -> Job {
        let order = Arc::clone(&order);
        Box::new(move || order.lock().unwrap().push(word))
    };
    assert!(workers.begin(Sort::Registration, say("new")));
    workers.go_on([say("first"), say("second")]);
    gate.wait();
    block_on(workers.run(Sort::Registration, || ())).unwrap();
    assert_eq!(*order.lock().unwrap(), ["first", "second", "new"]);
}

#[test]
fn nothing_is_begun_for_a_caller_who_has_gone() {
    let workers = Workers::new(1).unwrap();
    let gate = Arc::new(Barrier::new(2));
    let held = Arc::clone(&gate);
    assert!(workers.begin(
        Sort::Registration,
        Box::new(move || {
            held.wait();
        })
    ));
    let (sender, begun) = mpsc::channel();
    drop(workers.handle(Sort::Registration, move || sender.send(())));
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
    assert!(workers.begin(
        Sort::Registration,
        Box::new(move || {
            started.0.send(()).unwrap();
            held.wait();
        })
    ));
    started.1.recv().unwrap();
    assert!(
        workers.begin(Sort::Registration, Box::new(|| ()))
            && workers.begin(Sort::Registration, Box::new(|| ()))
    );
    assert!(!workers.begin(Sort::Registration, Box::new(|| ())));
    assert!(matches!(block_on(workers.run(Sort::Registration, || ())), Err(InternalError::Worker)));
    let (sender, done) = mpsc::channel();
    let job: Job = Box::new(move || sender.send(7).unwrap());
    workers.go_on([job]);
    gate.wait();
    assert_eq!(done.recv(), Ok(7));
}

/// Longer than anything here takes on any machine: it only makes of a test that would wait for ever one that fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// Pieces of work that have begun and do not end before they are let go.
struct Held {
    begun: mpsc::Receiver<Sort>,
    say: mpsc::Sender<Sort>,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

impl Held {
    fn new() -> Self {
        let (say, begun) = mpsc::channel();
        Self { begun, say, gate: Arc::default() }
    }

    fn job(&self, sort: Sort) -> Job {
        let (say, gate) = (self.say.clone(), Arc::clone(&self.gate));
        Box::new(move || {
            say.send(sort).unwrap();
            drop(gate.1.wait_while(gate.0.lock().unwrap(), |open| !*open).unwrap());
        })
    }

    /// Which have begun, so many of them.
    fn begun(&self, count: usize) -> Vec<Sort> {
        (0..count).map(|_| self.begun.recv_timeout(PATIENCE).unwrap()).collect()
    }

    fn let_go(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }
}

#[test]
fn reads_never_take_all_threads() {
    let (workers, held) = (Workers::new(4).unwrap(), Held::new());
    for _ in 0..8 {
        assert!(workers.begin(Sort::Read, held.job(Sort::Read)));
    }
    assert_eq!(held.begun(3), [Sort::Read; 3]);
    // Behind eight reads that do not end, a registration begins all the same, is taken up again, and a next one too.
    for _ in 0..3 {
        let (say, done) = mpsc::channel();
        let again = say.clone();
        assert!(workers.begin(Sort::Registration, Box::new(move || say.send(1).unwrap())));
        assert_eq!(done.recv_timeout(PATIENCE), Ok(1));
        let job: Job = Box::new(move || again.send(2).unwrap());
        workers.go_on([job]);
        assert_eq!(done.recv_timeout(PATIENCE), Ok(2));
    }
    assert!(held.begun.try_recv().is_err(), "no fourth read has begun meanwhile");
    held.let_go();
    assert_eq!(held.begun(5), [Sort::Read; 5], "the others follow");
}

#[test]
fn searches_leave_a_thread_to_reads_of_one_entry() {
    let (workers, held) = (Workers::new(4).unwrap(), Held::new());
    for _ in 0..8 {
        assert!(workers.begin(Sort::Search, held.job(Sort::Search)));
    }
    assert_eq!(held.begun(2), [Sort::Search; 2]);
    for _ in 0..2 {
        assert!(workers.begin(Sort::Read, held.job(Sort::Read)));
    }
    assert_eq!(held.begun(1), [Sort::Read]);
    assert!(workers.begin(Sort::Registration, held.job(Sort::Registration)));
    assert_eq!(held.begun(1), [Sort::Registration]);
    assert!(
        held.begun.try_recv().is_err(),
        "all four threads are taken, by two searches, a read and a registration"
    );
    held.let_go();
    let mut rest = held.begun(7);
    rest.retain(|sort| *sort == Sort::Search);
    assert_eq!(rest.len(), 6);
}

#[test]
fn without_reads_registrations_have_all_threads() {
    let (workers, held) = (Workers::new(4).unwrap(), Held::new());
    for _ in 0..4 {
        assert!(workers.begin(Sort::Registration, held.job(Sort::Registration)));
    }
    assert_eq!(held.begun(4), [Sort::Registration; 4]);
    held.let_go();
}

#[test]
fn the_sorts_take_turns() {
    for threads in [1, 2] {
        let (workers, held) = (Workers::new(threads).unwrap(), Held::new());
        for _ in 0..threads {
            assert!(workers.begin(Sort::Registration, held.job(Sort::Registration)));
        }
        held.begun(threads);
        let order = Arc::new(Mutex::new(Vec::new()));
        for sort in [Sort::Search, Sort::Read, Sort::Registration] {
            for _ in 0..3 {
                let order = Arc::clone(&order);
                assert!(workers.begin(sort, Box::new(move || order.lock().unwrap().push(sort))));
            }
        }
        held.let_go();
        let mut queue = workers.queue.lock();
        while queue.idle < threads {
            drop(queue);
            std::thread::yield_now();
            queue = workers.queue.lock();
        }
        let order = order.lock().unwrap().clone();
        assert_eq!(order.len(), 9);
        if threads == 1 {
            let turns = [Sort::Read, Sort::Search, Sort::Registration];
            assert_eq!(order, [turns, turns, turns].concat());
        }
        assert_eq!((queue.reading, queue.searching), (0, 0));
    }
}

#[test]
fn nothing_is_left_lying_whatever_comes_together() {
    let workers = Workers::new(3).unwrap();
    let sorts = [Sort::Read, Sort::Search, Sort::Search, Sort::Registration, Sort::Read];
    let handles: Vec<_> = (0..20_000_usize)
        .map(|n| {
            let work = move || if n.is_multiple_of(4_999) { panic!("a bug") } else { n };
            workers.handle(sorts[n % sorts.len()], work)
        })
        .collect();
    let mut lost = 0;
    for (n, handle) in handles.into_iter().enumerate() {
        match block_on(handle) {
            Ok(result) => assert_eq!(result, n),
            Err(_) => lost += 1,
        }
    }
    assert_eq!(lost, 20_000_usize.div_ceil(4_999), "those that panicked, and they took no thread away");
}
