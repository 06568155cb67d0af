//! The results as the content of an answer: the next ones are made when the last were taken.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};

use super::Stream;

type Step = Pin<Box<dyn Future<Output = (Box<Stream>, Vec<u8>)> + Send>>;

/// See the [module](self).
pub(super) struct Results(Option<Step>);

impl Results {
    pub(super) fn of(stream: Stream) -> Self {
        Self(Some(step(Box::new(stream))))
    }
}

fn step(mut stream: Box<Stream>) -> Step {
    Box::pin(async move {
        let results = stream.step().await;
        (stream, results)
    })
}

impl Body for Results {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        loop {
            let Some(running) = &mut this.0 else { return Poll::Ready(None) };
            let (stream, results) = ready!(running.as_mut().poll(context));
            this.0 = (!stream.ended).then(|| step(stream));
            if !results.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(results.into()))));
            }
        }
    }
}
