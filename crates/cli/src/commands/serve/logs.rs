//! Log lines, to standard error. Nothing personal is in them: ids of requests, templates of paths, counts.

use anyhow::{Result, anyhow};
use tracing_subscriber::EnvFilter;

use crate::config::LogForm;

/// Begins to log.
pub(super) fn begin(form: LogForm, level: &str) -> Result<()> {
    let filter: EnvFilter =
        level.parse().map_err(|error| anyhow!("the log level `{level}` is not understood: {error}"))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun = match form {
        LogForm::Json => logs.json().flatten_event(true).try_init(),
        LogForm::Text => {
            let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            logs.with_ansi(terminal).try_init()
        }
    };
    begun.map_err(|error| anyhow!("logging could not be set up: {error}"))
}
