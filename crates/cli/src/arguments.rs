//! The command line: what can be asked, and its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{
    commands::{
        adjust, administrators, apply, audiences, audit, backup, change_master_key, clock, config, constants,
        demo, doctor, env, explain, import, keys, migrate_store, outbox, plan, profile, pull, quarantine,
        rebuild, rehearsals, rehearse, restore, revisions, rollback, secrets, send, serve, switch, tail,
        test, validate, verify, work,
    },
    output::Format,
};

/// Greenroom: customer loyalty with environments.
///
/// Events of your shop come in; profiles, audiences and points come out. The program that decides is
/// configuration: try it in a test environment, rehearse it on real history, and promote it to live in one
/// step.
///
/// To begin: `greenroom serve` starts a server on ./greenroom-data; the other commands find it there.
#[derive(Debug, Parser)]
#[command(name = "greenroom", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, or nothing to do; 1 error; 2 there are changes (plan --detailed-exitcode); 3 the plan is
blocked; 4 stale: plan again; 5 the rehearsal failed or is not to be trusted; 6 somebody must approve.";

/// What every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// The server, e.g. `http://127.0.0.1:7780`; by default the one that serves the data folder
    #[arg(long, global = true, env = "GREENROOM_SERVER", hide_env_values = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// An administrator's token (at_) or a secret key (sk_); by default the data folder's admin.token
    #[arg(long, global = true, env = "GREENROOM_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// The data folder
    #[arg(
        long,
        global = true,
        env = "GREENROOM_DATA",
        hide_env_values = true,
        value_name = "FOLDER",
        default_value = "./greenroom-data"
    )]
    pub(crate) data: PathBuf,
    /// The form of the result
    #[arg(long, global = true, value_enum, value_name = "FORM", default_value_t)]
    pub(crate) output: Format,
}

/// Which environment.
#[derive(Clone, Debug, Args)]
pub(crate) struct In {
    /// The environment
    #[arg(long, short, env = "GREENROOM_ENVIRONMENT", hide_env_values = true, value_name = "NAME")]
    pub(crate) environment: String,
}

/// How much of a list.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Much {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

impl Much {
    pub(crate) fn rows(self) -> usize {
        self.limit as usize
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server on a data folder
    Serve(serve::Serve),
    /// Run the demonstration: a record shop with real purchase history
    Demo(demo::Demo),
    /// Check the data folder, the stores, the machine and the server, and say what to do
    Doctor(doctor::Doctor),
    /// Show the versions of everything a decision depends on
    Version,
    /// The server's configuration file
    #[command(subcommand)]
    Config(config::Config),

    /// Administrators: who may do everything in every environment
    #[command(subcommand)]
    Administrators(administrators::Administrators),
    /// Environments: list, create, show, nodes
    #[command(subcommand)]
    Env(env::Env),
    /// Keys by which machines reach one environment
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Constants: values that each environment sets for itself
    #[command(subcommand)]
    Constants(constants::Constants),
    /// Secrets: sealed values that each environment sets for itself
    #[command(subcommand)]
    Secrets(secrets::Secrets),
    /// Switch a reactor on or off in one environment
    #[command(subcommand)]
    Switch(switch::Switch),
    /// The clock of a test environment
    #[command(subcommand)]
    Clock(clock::Clock),

    /// Check a program's files, without a server; all faults together
    Validate(validate::Validate),
    /// Run a program's own test cases, without a server
    Test(test::Test),
    /// Write an environment's program into a folder, one object a file
    Pull(pull::Pull),
    /// Show what would change if a program were applied
    Plan(plan::Plan),
    /// Apply a program or a plan, all or nothing
    Apply(apply::Apply),
    /// Go back to an earlier revision
    Rollback(rollback::Rollback),
    /// Try a change on recorded history: what would have come out differently
    Rehearse(rehearse::Rehearse),
    /// Reports of rehearsals that were done
    #[command(subcommand)]
    Rehearsals(rehearsals::Rehearsals),
    /// Revisions of an environment's program, newest first
    Revisions(revisions::Revisions),
    /// Who changed what in an environment, newest first
    Audit(audit::Audit),

    /// Send one event, and see what becomes of it
    Send(send::Send),
    /// Follow what is being decided, live
    Tail(tail::Tail),
    /// Import events from a file of Segment messages, one a line
    Import(import::Import),
    /// Events that were put aside because they did not fit
    #[command(subcommand)]
    Quarantine(quarantine::Quarantine),
    /// Why an event came out as it did
    Explain(explain::Explain),

    /// Members: show, find, erase
    #[command(subcommand)]
    Profile(profile::Profile),
    /// Add, take or reverse points by hand
    #[command(subcommand)]
    Adjust(adjust::Adjust),
    /// Audiences and their members
    Audiences(audiences::Audiences),
    /// What would be sent
    Outbox(outbox::Outbox),

    /// Prove that every recorded decision comes out the same again
    Verify(verify::Verify),
    /// Make every view again from the journal
    Rebuild(rebuild::Rebuild),
    /// Long work that is under way: list it, cancel it
    #[command(subcommand)]
    Work(work::Work),
    /// Back an environment up while it serves
    Backup(backup::Backup),
    /// Put a backup in an environment's place
    Restore(restore::Restore),
    /// Move environments whole from one store into another
    MigrateStore(migrate_store::MigrateStore),
    /// Seal everything with another master key, with all servers stopped
    ChangeMasterKey(change_master_key::ChangeMasterKey),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn commands_as_they_are_documented() {
        for line in [
            "serve --listen 127.0.0.1:0 --listen [::1]:7781",
            "serve --config greenroom.toml --data x",
            "demo",
            "doctor --config greenroom.toml",
            "change-master-key --new-key-file key --auto-approve",
            "version --output json",
            "config check greenroom.toml",
            "env list",
            "env create staging --from live",
            "env show staging",
            "keys create -e live --kind wk shop",
            "keys create --environment live --kind sk ci --scope read --scope promote --expires 30d",
            "keys revoke -e live key_1",
            "constants set -e live factor 2",
            "constants unset -e live factor",
            "secrets set -e live hook",
            "switch off -e live bonus",
            "clock advance -e staging 30d",
            "clock advance -e staging --until 2026-01-01",
            "validate shop",
            "test shop",
            "pull --environment live shop",
            "plan --from staging --to live --select reactor/a --select metric/b --take source reactor/a --allow-delete -o p.json --output markdown --detailed-exitcode",
            "plan shop --to live",
            "apply p.json --expect sha256:x",
            "apply shop --to live --auto-approve",
            "apply --from staging --to live",
            "rollback live --to abc",
            "rehearse p.json --since 1997-01-01 --until 1997-06-01 --output json",
            "rehearse --from staging --to live",
            "rehearsals list -e live --limit 5",
            "rehearsals show rehearsal_1 --environment live --output markdown",
            "work list -e live",
            "work cancel -e live request-1",
            "import x.ndjson --environment live",
            "profile show -e live u-1",
            "profile erase -e live u-1 --reason request",
            "profile find -e live --trait email --value a@b.example",
            "explain -e live m-1",
            "verify --environment live",
            "rebuild --environment live",
            "backup --environment live",
            "restore --environment live x.greenroom",
            "migrate-store --from sqlite:data --to postgres://u:p@h/d",
            "migrate-store --from postgres://u:p@h/d --to sqlite:data --environment live -e staging --output json",
            "quarantine list -e live",
            "quarantine show -e live abc",
            "quarantine replay -e live --all",
            "audiences -e live",
            "audiences -e live big_spenders",
            "outbox -e live",
            "adjust credit -e live u-1 points 50 --reason late",
            "adjust reverse -e live u-1 a/1/0 --reason late --idempotency-key k",
            "send -e live --user u-1 --event Order --property total=12.50",
            "tail -e live",
        ] {
            let words = std::iter::once("greenroom").chain(line.split(' '));
            if let Err(error) = Arguments::try_parse_from(words) {
                panic!("{line}: {error}");
            }
        }
        for line in [
            "",
            "plan --to live",
            "plan shop --from staging --to live",
            "apply",
            "rehearse --to live",
            "audit",
        ] {
            let words = std::iter::once("greenroom").chain(line.split(' ').filter(|word| !word.is_empty()));
            assert!(Arguments::try_parse_from(words).is_err(), "{line}");
        }
    }
}
