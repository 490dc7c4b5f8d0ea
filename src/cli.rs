//! The command line.
//!
//! This is the only layer that reads files and the environment, and that prints.  Each command has
//! a file with its arguments and what it does; how things look is in `render`, which alone writes
//! to the terminal.  Results go to the standard output, everything else to standard error.

mod analyze;
mod arm;
mod attest;
mod backend;
mod case;
mod chain;
mod check;
mod claims;
mod compile;
mod completions;
mod custody;
mod demo;
mod devices;
mod diff;
mod evidence;
mod explain;
mod explain_code;
mod export;
mod failure;
mod fees;
mod fmt;
mod founding;
mod frames;
mod identity;
mod import;
mod input;
mod keys;
mod known;
mod ledger;
mod man;
mod moves;
mod new;
mod output;
mod params;
mod policy;
mod psbt;
mod recovery;
mod render;
mod render_policy;
mod replica;
mod rule;
mod say;
mod schema;
mod signer;
mod signing;
mod simulate;
mod sos;
mod test;
mod vault;
mod verify;
mod watch;
mod when;

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::failure::Failure;
use self::render::Screen;

/// What is done with the program, and with which commands.
const GUIDE: &str = "\
Hold bitcoin as a group: policies, vaults, and delayed SOS recovery

A policy is a TOML file that says who may move the coins of a group, when, and who may object.
A vault is a directory with the coins of one policy. An incident is a TOML file that says what
happens to them; it is played with real transactions on a chain in memory, and with stand-in keys.

to write a policy      new, check, fmt, params, render, schema
to understand it       compile, explain, analyze, diff, devices
to rehearse            demo, simulate, test, rule
to agree on it         identity, policy, keys, attest, ledger
to hold coins          signer, vault, arm, psbt, watch, chain
in the hour it counts  case, sos, clawback, refresh, spend, recover
to show others         export, import, verify, evidence";

/// Hold bitcoin as a group: policies, vaults, and delayed SOS recovery
#[derive(Debug, Parser)]
#[command(name = "longstop", version, long_about = GUIDE, after_help = exit_codes(), max_term_width = 100)]
pub struct Cli {
    /// Print the result as one JSON document
    #[arg(long, global = true, display_order = 100)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    New(new::New),
    Analyze(analyze::Analyze),
    Arm(arm::ArmCommand),
    Attest(attest::Attest),
    Case(case::CaseCommand),
    Chain(chain::ChainCommand),
    Check(check::Check),
    Clawback(moves::Clawback),
    Compile(compile::Compile),
    Completions(completions::Completions),
    Devices(devices::DevicesOf),
    Diff(diff::Diff),
    Evidence(evidence::EvidenceCommand),
    Explain(explain::Explain),
    ExplainCode(explain_code::ExplainCode),
    Export(export::Export),
    Fmt(fmt::Fmt),
    Identity(identity::IdentityCommand),
    Import(import::Import),
    Keys(keys::Keys),
    Ledger(ledger::LedgerCommand),
    Man(man::Man),
    Params(params::Params),
    Policy(policy::PolicyCommand),
    Psbt(psbt::PsbtCommand),
    Recover(moves::Recover),
    Refresh(moves::Refresh),
    Render(render_policy::Render),
    Rule(rule::Rule),
    Schema(schema::Schema),
    Signer(signer::SignerCommand),
    Simulate(simulate::Simulate),
    Sos(sos::SosCommand),
    Spend(moves::Spend),
    Test(test::Test),
    Vault(vault::VaultCommand),
    Verify(verify::Verify),
    Watch(watch::Watch),
}

impl Cli {
    /// Does what the command line says, and says how it went.
    #[must_use]
    pub fn run(&self) -> Exit {
        let json = match &self.command {
            Command::Analyze(analyze) => analyze.wants_json(self.json),
            Command::Check(check) => check.wants_json(self.json),
            Command::Test(test) => test.wants_json(self.json),
            Command::Rule(rule) => rule.wants_json(self.json),
            _ => Ok(self.json),
        };
        let screen = Screen::new(*json.as_ref().unwrap_or(&self.json));
        let outcome = json.and_then(|_| self.command.run(&screen));
        outcome.unwrap_or_else(|failure| {
            screen.failure(&failure);
            failure.exit()
        })
    }
}

impl Command {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match self {
            Self::Demo(demo) => demo.run(screen),
            Self::New(new) => new.run(screen),
            Self::Analyze(analyze) => analyze.run(screen),
            Self::Arm(arm) => arm.run(screen),
            Self::Attest(attest) => attest.run(screen),
            Self::Case(case) => case.run(screen),
            Self::Chain(chain) => chain.run(screen),
            Self::Check(check) => check.run(screen),
            Self::Clawback(clawback) => clawback.run(screen),
            Self::Compile(compile) => compile.run(screen),
            Self::Completions(completions) => completions.run(screen),
            Self::Devices(devices) => devices.run(screen),
            Self::Diff(diff) => diff.run(screen),
            Self::Evidence(evidence) => evidence.run(screen),
            Self::Explain(explain) => explain.run(screen),
            Self::ExplainCode(explain_code) => explain_code.run(screen),
            Self::Export(export) => export.run(screen),
            Self::Fmt(fmt) => fmt.run(screen),
            Self::Identity(identity) => identity.run(screen),
            Self::Import(import) => import.run(screen),
            Self::Keys(keys) => keys.run(screen),
            Self::Ledger(ledger) => ledger.run(screen),
            Self::Man(man) => man.run(screen),
            Self::Params(params) => params.run(screen),
            Self::Policy(policy) => policy.run(screen),
            Self::Psbt(psbt) => psbt.run(screen),
            Self::Recover(recover) => recover.run(screen),
            Self::Refresh(refresh) => refresh.run(screen),
            Self::Render(render) => render.run(screen),
            Self::Rule(rule) => rule.run(screen),
            Self::Schema(schema) => schema.run(screen),
            Self::Signer(signer) => signer.run(screen),
            Self::Simulate(simulate) => simulate.run(screen),
            Self::Sos(sos) => sos.run(screen),
            Self::Spend(spend) => spend.run(screen),
            Self::Test(test) => test.run(screen),
            Self::Vault(vault) => vault.run(screen),
            Self::Verify(verify) => verify.run(screen),
            Self::Watch(watch) => watch.run(screen),
        }
    }
}

/// How a command went.  The numbers never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Ok,
    /// An expectation of a rehearsal or of a test was not met, a rule denies, a file is not to be
    /// signed, or a ledger refuses.
    Unmet,
    /// The command line makes no sense.
    Usage,
    /// A document has errors.
    Document,
    /// A file cannot be read or written, or a chain not reached.
    File,
    /// A fault of this program.
    Internal,
    /// Something has to be done first: two policies differ, somebody has not ratified, an event
    /// waits for others, or the view of a chain is too old; `watch --once` told a warning or an alarm.
    Pending,
}

impl Exit {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Ok,
        Self::Unmet,
        Self::Usage,
        Self::Document,
        Self::File,
        Self::Internal,
        Self::Pending,
    ];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Unmet => 1,
            Self::Usage => 2,
            Self::Document => 3,
            Self::File => 4,
            Self::Internal => 5,
            Self::Pending => 6,
        }
    }

    /// What it means.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "all is well",
            Self::Unmet => {
                "an expectation of `simulate`, `test` or `demo` was not met, a rule denies, `fmt --check` found something to change, `verify`, `ledger verify` or `evidence verify` a difference, `analyze` that a claim does not hold, `keys check` that a key was not shown, `psbt check` that a file is not to be signed, a ledger refused an event, or a step of a recovery run is refused"
            }
            Self::Usage => "the command line makes no sense, or there is nothing to test",
            Self::Document => {
                "a policy, an incident, a file of facts, a bundle, a checkpoint or evidence has errors, an identity is not opened, or an answer is none"
            }
            Self::File => {
                "a file or a ledger cannot be read or written, or is not what was known of it; a chain cannot be reached, or is another one"
            }
            Self::Internal => "a fault of this program",
            Self::Pending => {
                "something has to be done first: after a `diff` ratify, arm coins anew or move them; somebody has not ratified; an event waits for others; the view of a chain is too old; signatures are missing; `watch --once` told a warning or an alarm"
            }
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

fn exit_codes() -> String {
    let mut text = "Exit codes:\n".to_owned();
    for exit in Exit::ALL {
        let _ = writeln!(text, "  {}  {}", exit.code(), exit.meaning());
    }
    text.push_str("\nThe result goes to the standard output, everything else to standard error.\nColours are left out where the output is no terminal, or where NO_COLOR is set.");
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn exit_codes_are_numbered_in_order() {
        for (number, exit) in Exit::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), number);
        }
    }

    /// Commands about the program itself are in the list alone.
    #[test]
    fn the_guide_has_every_command_once() {
        let lists = GUIDE.lines().filter_map(|line| line.split_once("  "));
        let listed = lists.flat_map(|(_, names)| names.split(',').map(str::trim));
        let mut listed: Vec<String> = listed.map(str::to_owned).collect();
        listed.sort_unstable();
        let command = Cli::command();
        let names = command.get_subcommands().map(clap::Command::get_name);
        let about_itself = ["completions", "explain-code", "man"];
        let mut names: Vec<&str> = names.filter(|name| !about_itself.contains(name)).collect();
        names.sort_unstable();
        assert_eq!(listed, names);
    }

    #[test]
    fn help_begins_with_an_imperative_and_no_period() {
        for command in Cli::command().get_subcommands() {
            let about = command.get_about().map(ToString::to_string);
            let about = about.expect("every command says what it does");
            assert!(about.starts_with(char::is_uppercase), "{about}");
            assert!(!about.ends_with('.'), "{about}");
        }
    }
}
