//! Progress for people: a bar with rate and time left, on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// How the bar looks.
const SHAPE: &str = "{msg} {wide_bar} {human_pos}/{human_len}  {per_sec}  {eta} left";

/// A bar that a script never sees.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar on standard error, if that is a terminal.
    pub(crate) fn new(what: &'static str, from: u64, to: u64) -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(to), target).with_message(what).with_position(from);
        bar.set_style(ProgressStyle::with_template(SHAPE).unwrap_or_else(|_| ProgressStyle::default_bar()));
        // What was done in an earlier run says nothing about the rate of this one.
        bar.reset_eta();
        Self(bar)
    }

    /// So much is done, of so much.
    pub(crate) fn at(&self, done: u64, of: u64) {
        self.0.set_length(of);
        self.0.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
