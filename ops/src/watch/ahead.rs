//! The statements of a log one by one, while the next page of them is on its way.

use super::{PageFault, Row, Statements};
use std::collections::VecDeque;
use std::thread::{Scope, ScopedJoinHandle};

/// Rows in log order. At most two pages are in memory: the one that is used and the one that is fetched.
pub(crate) struct Ahead<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    statements: &'env dyn Statements,
    /// The end of what is wanted.
    to: u64,
    rows: VecDeque<Row>,
    next: Option<Fetching<'scope>>,
}

/// A page on its way, and the index it begins with.
struct Fetching<'scope> {
    from: u64,
    page: ScopedJoinHandle<'scope, Result<Vec<Row>, PageFault>>,
}

impl<'scope, 'env> Ahead<'scope, 'env> {
    /// Nothing is fetched before a row is asked for.
    pub(crate) fn new(scope: &'scope Scope<'scope, 'env>, statements: &'env dyn Statements, to: u64) -> Self {
        Self { scope, statements, to, rows: VecDeque::new(), next: None }
    }

    /// The row of this entry; `None` if the log leaves it out. Entries are asked for in their order.
    pub(crate) fn row(&mut self, index: u64) -> Result<Option<Row>, PageFault> {
        if self.rows.is_empty() {
            self.rows = self.page(index)?.into();
        }
        Ok(self.rows.pop_front().filter(|row| row.index == index))
    }

    fn page(&mut self, from: u64) -> Result<Vec<Row>, PageFault> {
        let page = match self.next.take().filter(|fetching| fetching.from == from) {
            Some(Fetching { page, .. }) => page.join().unwrap_or_else(|_| {
                let what = "the thread that fetches it ended without an answer".to_owned();
                Err(PageFault::Form { from, what })
            }),
            None => self.statements.page(from, self.to),
        }?;
        let (statements, to) = (self.statements, self.to);
        let from = page.last().map_or(to, |row| row.index.saturating_add(1));
        self.next =
            (from < to).then(|| Fetching { from, page: self.scope.spawn(move || statements.page(from, to)) });
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kept;
    use super::*;
    use proofs::Hash;
    use std::sync::Mutex;

    /// Pages of three rows; the first index of each that was asked for.
    struct Threes(Mutex<Vec<u64>>, Option<u64>);

    impl Statements for Threes {
        fn page(&self, from: u64, to: u64) -> Result<Vec<Row>, PageFault> {
            self.0.lock().unwrap().push(from);
            if self.1.is_some_and(|bad| (from..from + 3).contains(&bad)) {
                return Err(PageFault::Form { from, what: "bad".to_owned() });
            }
            let row = |index| Row {
                index,
                entry: [0; 32],
                statement: None,
                collateral: Kept::Digest(Hash::new([0; 32])),
            };
            Ok((from..to.min(from + 3)).map(row).collect())
        }
    }

    #[test]
    fn every_row_comes_once_and_every_page_is_fetched_once() {
        let log = Threes(Mutex::default(), None);
        std::thread::scope(|scope| {
            let mut ahead = Ahead::new(scope, &log, 10);
            for index in 2..10 {
                assert_eq!(ahead.row(index).unwrap().unwrap().index, index);
            }
        });
        assert_eq!(*log.0.lock().unwrap(), [2, 5, 8]);
    }

    #[test]
    fn a_fault_is_told_when_its_page_is_used() {
        let log = Threes(Mutex::default(), Some(5));
        std::thread::scope(|scope| {
            let mut ahead = Ahead::new(scope, &log, 10);
            for index in 0..3 {
                assert_eq!(ahead.row(index).unwrap().unwrap().index, index);
            }
            assert!(matches!(ahead.row(3), Err(PageFault::Form { from: 3, .. })));
            assert_eq!(ahead.row(7).unwrap().unwrap().index, 7);
            assert_eq!(ahead.row(9).unwrap(), None, "8 comes next");
        });
    }
}
