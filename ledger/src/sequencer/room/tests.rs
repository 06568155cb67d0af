use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::metrics::Metrics;

fn mailbox(entries: usize, bytes: usize) -> MailboxRoom {
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    MailboxRoom::new(entries, bytes, &metrics.mailbox)
}

/// What waiting for room comes to at once.
fn now(future: impl Future<Output = Option<Room>>) -> Option<Room> {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(room) => Some(room.unwrap()),
        Poll::Pending => None,
    }
}

#[test]
fn batches_take_no_more_than_half_of_the_bytes() {
    let room = mailbox(100, 1000);
    let held: Vec<Room> = (0..5).map(|_| now(room.of_batch(100)).unwrap()).collect();
    assert!(now(room.of_batch(1)).is_none(), "all that batches may take is taken");
    assert_eq!(room.taken(), 500);
    drop(held);
    assert_eq!(room.taken(), 0);
}

#[test]
fn a_batch_that_waits_keeps_nobody_out_who_comes_alone() {
    let room = mailbox(100, 1000);
    let _held = now(room.of_batch(450)).unwrap();
    let mut waiting = pin!(room.of_batch(100));
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    // Whoever waits has the first claim to what is common, the 50 that are free of it included.
    let alone: Vec<Option<Room>> = (0..6).map(|_| room.try_alone(100)).collect();
    assert_eq!(alone.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, true, true, true, false]);
}

#[test]
fn without_batches_all_of_it_is_for_those_who_come_alone() {
    let room = mailbox(100, 1000);
    let mut held: Vec<Room> = (0..3).map(|_| room.try_alone(300).unwrap()).collect();
    assert_eq!(room.taken(), 900);
    assert_eq!((room.gauges.entries.get(), room.gauges.bytes.get()), (3, 900), "operators see it");
    assert!(room.try_alone(101).is_none());
    held.push(room.try_alone(100).unwrap());
    assert_eq!(room.taken(), 1000);
    held.clear();
    // One larger than all of it, alone.
    let large = room.try_alone(usize::MAX).unwrap();
    assert!(room.try_alone(1).is_none() && now(room.of_batch(1)).is_none());
    drop(large);
    assert_eq!(room.taken(), 0, "what was tried in vain is given back");
    assert_eq!((room.gauges.entries.get(), room.gauges.bytes.get()), (0, 0));
}

#[test]
fn places_of_batches_are_half_of_all_and_at_least_one() {
    for (entries, places) in [(0, 1), (1, 1), (5, 2)] {
        let room = mailbox(entries, 1000);
        let held: Vec<Room> = (0..places).map(|_| now(room.of_batch(1)).unwrap()).collect();
        assert!(now(room.of_batch(1)).is_none(), "{entries}");
        assert_eq!(room.places_for_batches(), 0);
        drop(held);
    }
    // The smallest mailbox there is, and a batch larger than its half.
    let room = mailbox(1, 1);
    assert!(now(room.of_batch(9)).is_some());
    assert!(room.try_alone(9).is_some());
}
