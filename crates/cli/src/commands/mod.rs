//! The commands, one file each.

pub(crate) mod adjust;
pub(crate) mod administrators;
pub(crate) mod apply;
pub(crate) mod audiences;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod change_master_key;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod constants;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod explain;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod migrate_store;
pub(crate) mod outbox;
pub(crate) mod plan;
pub(crate) mod profile;
pub(crate) mod pull;
pub(crate) mod quarantine;
pub(crate) mod rebuild;
pub(crate) mod rehearsals;
pub(crate) mod rehearse;
pub(crate) mod restore;
pub(crate) mod revisions;
pub(crate) mod rollback;
pub(crate) mod secrets;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod switch;
pub(crate) mod tail;
pub(crate) mod test;
pub(crate) mod validate;
pub(crate) mod verify;
pub(crate) mod version;
pub(crate) mod work;

mod change;
mod files;
mod long;
mod span;
#[cfg(test)]
mod stories;

use anyhow::{Result, bail};

use crate::{arguments::Command, context::Context, exit::Exit, output::Format};

/// Runs a command.
pub(crate) fn run(command: Command, context: &mut Context) -> Result<Exit> {
    // Before anything is done: a change whose result could not be shown would have happened all the same.
    let takes_markdown = matches!(
        command,
        Command::Plan(_) | Command::Rehearse(_) | Command::Rehearsals(rehearsals::Rehearsals::Show { .. })
    );
    if context.global.output == Format::Markdown && !takes_markdown {
        bail!("`--output markdown` is for `plan`, `rehearse` and `rehearsals show` only");
    }
    match command {
        Command::Serve(it) => it.run(context),
        Command::Demo(it) => it.run(context),
        Command::Doctor(it) => it.run(context),
        Command::Version => version::run(context),
        Command::Config(it) => it.run(context),
        Command::Administrators(it) => it.run(context),
        Command::Env(it) => it.run(context),
        Command::Keys(it) => it.run(context),
        Command::Constants(it) => it.run(context),
        Command::Secrets(it) => it.run(context),
        Command::Switch(it) => it.run(context),
        Command::Clock(it) => it.run(context),
        Command::Validate(it) => it.run(context),
        Command::Test(it) => it.run(context),
        Command::Pull(it) => it.run(context),
        Command::Plan(it) => it.run(context),
        Command::Apply(it) => it.run(context),
        Command::Rollback(it) => it.run(context),
        Command::Rehearse(it) => it.run(context),
        Command::Rehearsals(it) => it.run(context),
        Command::Revisions(it) => it.run(context),
        Command::Audit(it) => it.run(context),
        Command::Send(it) => it.run(context),
        Command::Tail(it) => it.run(context),
        Command::Import(it) => it.run(context),
        Command::Quarantine(it) => it.run(context),
        Command::Explain(it) => it.run(context),
        Command::Profile(it) => it.run(context),
        Command::Adjust(it) => it.run(context),
        Command::Audiences(it) => it.run(context),
        Command::Outbox(it) => it.run(context),
        Command::Verify(it) => it.run(context),
        Command::Rebuild(it) => it.run(context),
        Command::Work(it) => it.run(context),
        Command::Backup(it) => it.run(context),
        Command::Restore(it) => it.run(context),
        Command::MigrateStore(it) => it.run(context),
        Command::ChangeMasterKey(it) => it.run(context),
    }
}
