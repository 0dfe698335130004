//! The `greenroom` command: it serves a data folder, and is a client of the server that does.
//!
//! One file a command in `commands`; everything but `serve`, `demo`, `doctor`, `validate`, `test`, `config`,
//! `migrate-store` and `change-master-key` goes through the admin API. Results go to standard output in the form that `--output` asks for,
//! everything else to standard error; the exit codes are in [`exit`](exit::Exit).

mod arguments;
mod client;
mod commands;
mod config;
mod context;
mod exit;
mod hexadecimal;
mod output;
mod progress;
#[cfg(test)]
mod reference;
mod store;
mod suggest;

use std::{ffi::OsString, io, process::ExitCode};

use clap::Parser;

use crate::{arguments::Arguments, client::Refusal, context::Context, exit::Exit};

/// Runs the command that the arguments name, and gives its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; a closed pipe is nobody's fault.
            let _ = error.print();
            return if error.use_stderr() { Exit::Failed } else { Exit::Done }.into();
        }
    };
    let Arguments { global, command } = arguments;
    let mut context = Context::new(global);
    match commands::run(command, &mut context) {
        Ok(exit) => exit.into(),
        Err(error) if is_closed_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            context.complain(&error);
            Refusal::exit_of(&error).into()
        }
    }
}

/// Whether the reader of our output went away (`greenroom tail | head`).
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
