//! To whom a monitor reports: a line of JSON to standard output, and a webhook.

#[cfg(test)]
mod tests;

use super::event::Event;
use crate::failure::Failure;
use crate::http::{Client, HttpError, Transport};
use crate::submit::Patience;
use ledger::{Clock, SystemClock};
use std::io::Write;
use std::time::Duration;
use url::Url;

/// How long one report is offered to a webhook in one round, and how often. What was not taken is offered again in the
/// next round.
const PATIENCE: (Duration, u32) = (Duration::from_secs(60), 6);

/// Takes reports. What was taken is never offered again, but for a crash right after.
pub(super) trait Sink {
    /// Delivers one report.
    fn deliver(&mut self, event: &Event) -> Result<(), Failure>;
}

/// Standard output and, if there is one, a webhook.
pub(super) struct Receivers<'a> {
    out: &'a mut dyn Write,
    webhook: Option<Webhook>,
    said: Option<String>,
}

struct Webhook {
    client: Client,
    url: Url,
    patience: Patience,
}

impl<'a> Receivers<'a> {
    pub(super) fn new(
        out: &'a mut dyn Write,
        webhook: Option<&Url>,
        transport: &Transport,
    ) -> Result<Self, Failure> {
        Self::patient(out, webhook, transport, Patience::of(PATIENCE.0, PATIENCE.1))
    }

    fn patient(
        out: &'a mut dyn Write,
        webhook: Option<&Url>,
        transport: &Transport,
        patience: Patience,
    ) -> Result<Self, Failure> {
        let webhook = match webhook {
            Some(url) => Some(Webhook { client: Client::new(url, transport)?, url: url.clone(), patience }),
            None => None,
        };
        Ok(Self { out, webhook, said: None })
    }
}

impl Sink for Receivers<'_> {
    fn deliver(&mut self, event: &Event) -> Result<(), Failure> {
        let line = event.line();
        // A webhook that did not answer has the line offered again; standard output has had it.
        if self.said.as_deref() != Some(&line) {
            writeln!(self.out, "{line}")
                .and_then(|()| self.out.flush())
                .map_err(|error| Failure::local(format_args!("cannot write to standard output: {error}")))?;
            self.said = Some(line.clone());
        }
        self.webhook.as_ref().map_or(Ok(()), |webhook| webhook.post(event, &line))
    }
}

impl Webhook {
    fn post(&self, event: &Event, line: &str) -> Result<(), Failure> {
        let mut waits = self.patience.start();
        loop {
            let (why, retry_after) = match self.client.post_json(&self.url, line.as_bytes(), &event.id) {
                Ok(reply) if (200..300).contains(&reply.status) => return Ok(()),
                Ok(reply) => (reply.problem(), reply.retry_after),
                Err(HttpError::NobodyThere(why) | HttpError::Lost(why) | HttpError::NotTrusted(why)) => {
                    (why, None)
                }
            };
            let asked = retry_after.map(|after| after.wait(SystemClock.now()));
            let Some(pause) = waits.next(asked) else {
                return Err(Failure::unreachable(format_args!("the webhook does not take reports: {why}"))
                    .hint("nothing is lost: reporting goes on from here when it answers"));
            };
            std::thread::sleep(pause);
        }
    }
}
