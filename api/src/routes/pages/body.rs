//! The content of a page, read as it is sent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use ledger::{Detail, Ledger, PagePiece, PageRange, ReadError};
use proofs::LeafIndex;
use proofs::page::{MAX_PAGE_LEN, write_next};

use super::places::Place;

/// What the number at the end of a page takes at most.
const END_BYTES: usize = 9;

type Reading = Pin<Box<dyn Future<Output = Result<PagePiece, ReadError>> + Send>>;

/// A page on its way. Holds its place until it is dropped, or loses it when its client stands still.
pub(super) struct PageBody {
    ledger: Ledger,
    range: PageRange,
    detail: Detail,
    place: Arc<Place>,
    next: LeafIndex,
    /// How many bytes may still follow, the end not counted.
    room: usize,
    reading: Option<Reading>,
    ended: bool,
}

/// Why a page breaks off.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the page could not be read on: {0}")]
    Read(#[from] ReadError),
    #[error("the client took nothing for too long, and others waited")]
    Stalled,
}

impl PageBody {
    pub(super) fn new(ledger: Ledger, range: PageRange, detail: Detail, place: Arc<Place>) -> Self {
        let room = MAX_PAGE_LEN - END_BYTES;
        Self { ledger, range, detail, place, next: range.from(), room, reading: None, ended: false }
    }

    /// Begins to read the next piece; `None` when the page is full or whole.
    fn read_on(&self) -> Option<Reading> {
        let rest = self.range.rest(self.next)?;
        let (ledger, detail, room) = (self.ledger.clone(), self.detail, self.room);
        Some(Box::pin(async move { ledger.page_piece(rest, detail, room).await }))
    }

    fn end(&mut self) -> Bytes {
        let mut end = Vec::with_capacity(END_BYTES);
        write_next(&mut end, self.next);
        self.ended = true;
        end.into()
    }

    fn break_off(&mut self, why: Broken) -> Broken {
        tracing::warn!(leaf_index = self.next.get(), cause = %why, "a page of statements broke off");
        self.ended = true;
        why
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        if !this.place.goes_on() {
            return Poll::Ready(Some(Err(this.break_off(Broken::Stalled))));
        }
        if this.reading.is_none() {
            this.reading = this.read_on();
        }
        let Some(reading) = &mut this.reading else {
            return Poll::Ready(Some(Ok(Frame::data(this.end()))));
        };
        let piece = ready!(reading.as_mut().poll(context));
        this.reading = None;
        let bytes = match piece {
            Err(error) => return Poll::Ready(Some(Err(this.break_off(error.into())))),
            // The next row does not fit any more.
            Ok(piece) if piece.next == this.next => this.end(),
            Ok(piece) => {
                this.next = piece.next;
                this.room = this.room.saturating_sub(piece.bytes.len());
                piece.bytes.into()
            }
        };
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}
