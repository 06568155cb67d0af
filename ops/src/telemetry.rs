//! Logs and metrics: what the service says about itself, to those who run it.

use crate::config::{Log, LogFormat};
use crate::failure::Failure;
use anyhow::Context;
use prometheus::{IntGaugeVec, Opts, Registry};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error, as the configuration says. Once a process.
pub(crate) fn start_log(log: &Log) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&log.level).map_err(|error| {
        Failure::local(format_args!("{:?} is not a log filter: {error}", log.level))
            .hint("for example: warn, info, or warn,ledger=debug")
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match log.format {
        LogFormat::Text => builder.with_target(true).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Failure::local(format_args!("cannot start the log: {error}")))
}

/// A registry that knows which program it belongs to.
pub(crate) fn registry() -> Result<Registry, Failure> {
    let registry = Registry::new();
    let build = IntGaugeVec::new(
        Opts::new("stele_build_info", "Always 1; the label says which version of Stele is running."),
        &["version"],
    )
    .context("cannot make the metrics")?;
    build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    registry.register(Box::new(build)).context("cannot make the metrics")?;
    Ok(registry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_says_which_version_runs() {
        let families = registry().unwrap().gather();
        assert_eq!(families.len(), 1);
        assert_eq!(families[0].name(), "stele_build_info");
        assert_eq!(families[0].get_metric()[0].get_label()[0].value(), env!("CARGO_PKG_VERSION"));
        assert!(families[0].help().ends_with('.'));
    }

    #[test]
    fn a_log_filter_that_is_none_is_refused() {
        let log = Log { level: "a=b=c".to_owned(), format: LogFormat::Text };
        assert!(start_log(&log).unwrap_err().message.contains("is not a log filter"));
    }
}
