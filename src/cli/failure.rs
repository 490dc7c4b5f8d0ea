//! Why a command did not come to a result.

mod ledger;
mod vault;
mod watch;

use std::io;

use bitcoin::OutPoint;
use bitcoin::bip32::Fingerprint;
use thiserror::Error;

use super::Exit;
use super::attest::AttestError;
use crate::analysis::ClaimError;
use crate::ceremony::{CodeVersion, Fault, FramesError, MergeError, RoundError};
use crate::chain::backend::AddressError;
use crate::chain::{BackendError, ChainFileError};
use crate::compile::CompileError;
use crate::export::ExportError;
use crate::governance::KeyProofError;
use crate::identity::{IdentityFileError, NameError, PassphraseError};
use crate::import::ImportError;
use crate::keys::KeyCheckError;
use crate::logic::TooLarge;
use crate::policy::{Checked, Code, FormatError, Network};
use crate::signer::SeedFileError;
use crate::simulate::{RehearsalError, ScenarioError};
use crate::transaction::BuildError;

pub(super) use self::ledger::LedgerFailure;
pub(super) use self::vault::VaultFailure;
pub(super) use self::watch::WatchFailure;

/// Why a command did not come to a result.  File names are ready to be shown.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error("cannot read `{file}`: {source}")]
    Read { file: String, source: io::Error },
    #[error("cannot write `{file}`: {source}")]
    Write { file: String, source: io::Error },
    #[error("cannot write the result: {0}")]
    Output(io::Error),
    #[error("`{file}` is no text: byte {at} is not UTF-8; save the file in this encoding")]
    NotText { file: String, at: usize },
    #[error("`{file}` is too large: it has more than the {limit} bytes that are read")]
    TooLarge { file: String, limit: u64 },
    #[error("a private key stands in line {line} of `{file}`: move the coins off this key")]
    Secret { file: String, line: usize },
    #[error(
        "line {line} of `{file}` has an invisible or direction-changing character, U+{number:04X}, so that it does not read as it looks; remove it, in comments too"
    )]
    Hidden {
        file: String,
        line: usize,
        number: u32,
    },
    #[error("the policy `{file}` has errors")]
    Policy { file: String, checked: Box<Checked> },
    #[error("`{file}`: {source}")]
    Compile { file: String, source: CompileError },
    #[error("`{file}`: {source}")]
    Export { file: String, source: ExportError },
    #[error("`{file}`: {source}")]
    Import { file: String, source: ImportError },
    #[error("`{file}` cannot be analysed: {source}")]
    Analysis { file: String, source: TooLarge },
    #[error("{}", claims(.0))]
    Claims(Vec<BadClaim>),
    #[error(
        "`{file}` holds no claim; write one in a line, such as `never 2 of agents before 30 days`"
    )]
    NoClaims { file: String },
    #[error("there is no claim to find a counterexample to; write it with --require or --claims")]
    NothingClaimed,
    #[error("there is no stage `{given}`: write `vault`, `escrow PATH`, `lockup PATH` or `all`")]
    BadStage { given: String },
    #[error("`{file}`: {source}")]
    Format { file: String, source: FormatError },
    #[error(
        "`{file}` is a script, and `fmt` formats TOML; `longstop render` prints the TOML of a script"
    )]
    FormatScript { file: String },
    #[error("`{file}`, {source}")]
    Incident { file: String, source: ScenarioError },
    #[error("`{file}`: {source}")]
    Rehearsal {
        file: String,
        source: RehearsalError,
    },
    #[error("there is nothing to test under `{folder}`: {expected}")]
    NothingToTest {
        folder: String,
        expected: &'static str,
    },
    #[error("there is no code `{typed}`{}", did_you_mean(*.similar))]
    UnknownCode {
        typed: String,
        similar: Option<Code>,
    },
    #[error(
        "`{file}` has no parameter `{name}` to set: it is TOML, and only scripts (`.rhai`) have parameters"
    )]
    NoParameters { file: String, name: String },
    #[error("`{file}` holds no facts for a rule: {source}")]
    Facts {
        file: String,
        source: serde_json::Error,
    },
    #[error("there is no template `{typed}`; there are `{known}`")]
    UnknownTemplate { typed: String, known: String },
    #[error(
        "there is no terminal to ask questions on; write `longstop new --template NAME --output FILE`, and see the names with `longstop new --list`"
    )]
    NoTerminal,
    #[error("a question was not answered: {0}")]
    Unanswered(io::Error),
    #[error("`{file}` is there already; choose another name, or write over it with --force")]
    Exists { file: String },
    #[error("`{file}` is there already, and no identity is written over it; choose another name")]
    Taken { file: String },
    #[error("others can read `{file}`: its mode is {mode:03o}; `chmod 600` it first")]
    TooOpen { file: String, mode: u32 },
    #[error("`{file}`: {source}")]
    Identity {
        file: String,
        source: IdentityFileError,
    },
    #[error(transparent)]
    Name(NameError),
    #[error("`{file}`: {source}")]
    Passphrase {
        file: String,
        source: PassphraseError,
    },
    #[error(
        "there is no terminal to ask for the passphrase on; write --passphrase-file FILE, where only you can read the file"
    )]
    NoPassphrase,
    #[error(
        "the standard input can be only one of the things that are read; give the others as files"
    )]
    OneInput,
    #[error("the system has no random numbers: {0}")]
    NoRandomNumbers(io::Error),
    #[error("`{file}` is there already; choose another name")]
    There { file: String },
    #[error(transparent)]
    Attest(#[from] AttestError),
    #[error("`{file}`: {source}")]
    Attestations { file: String, source: AttestError },
    #[error("`{file}`: {source}")]
    Keys { file: String, source: KeyCheckError },
    #[error("`{file}`: {source}")]
    Statement { file: String, source: KeyProofError },
    #[error("no file says what was signed; name it with `--statement FOLDER/statement.txt`")]
    NoStatement,
    #[error("a challenge cannot be made: {0}")]
    Challenge(BuildError),
    #[error("`{file}`: {source}")]
    Fault { file: String, source: Fault },
    #[error("`{file}`: {source}")]
    Frames { file: String, source: FramesError },
    #[error(
        "there is no terminal to show codes on; write them to a page with --qr-page FILE, or what they say with --qr-out FILE"
    )]
    NoCodes,
    #[error("the terminal is too small for any code; write them to a page with --qr-page FILE")]
    NoRoom,
    #[error(
        "codes of version {version} do not fit into the terminal, which has room for version {room}; make it larger, or write a page with --qr-page FILE"
    )]
    CodesTooLarge {
        version: CodeVersion,
        room: CodeVersion,
    },
    #[error("`{file}`: {source}")]
    Merge { file: String, source: MergeError },
    #[error("`{file}`: {source}")]
    Round { file: String, source: RoundError },
    #[error("`{file}`: {source}")]
    Seed { file: String, source: SeedFileError },
    #[error(
        "the seed in `{file}` is not for {network}; `longstop signer new --network` says for which"
    )]
    SeedNetwork { file: String, network: Network },
    #[error("nobody is named who signs; write --key FILE or --signer COMMAND")]
    NobodySigns,
    #[error("the program `{command}` did not sign: {what}")]
    SignerProgram { command: String, what: String },
    #[error("the keys of {fingerprint} are not asked for now in `{file}`")]
    NoSeat {
        fingerprint: Fingerprint,
        file: String,
    },
    #[error("{fingerprint} returned no signature that counts")]
    NothingSigned { fingerprint: Fingerprint },
    #[error("`{party}` has nothing to sign now in `{file}`")]
    NothingAsked { party: String, file: String },
    #[error("`{file}` is not signed: {}", faults.join("; "))]
    NotSound { file: String, faults: Vec<String> },
    #[error(
        "a payment of {sats} satoshis to {address} is not confirmed; if it is meant, write --yes-to {address}={sats}"
    )]
    Unconfirmed { address: String, sats: u64 },
    #[error(
        "`{file}` is a trigger, which nobody signs without its cancel and settle: root signs it in `longstop arm sign`, and its path with --round FILE, the round in which it is armed"
    )]
    TriggerAlone { file: String },
    #[error("the transaction of the coin {coin} is missing; give it with --tx FILE")]
    NoSource { coin: OutPoint },
    #[error("`{file}` holds no transaction in hexadecimal")]
    NotATransaction { file: String },
    #[error("`--json` and another `--format` ask for two results; choose one")]
    TwoFormats,
    #[error("there is no command `{typed}`; `longstop help` lists them")]
    UnknownCommand { typed: String },
    #[error(transparent)]
    Ledger(Box<LedgerFailure>),
    #[error(transparent)]
    Vault(Box<VaultFailure>),
    #[error(transparent)]
    Watch(Box<WatchFailure>),
    #[error(
        "no chain is named; write --backend ADDRESS, such as bitcoind+cookie:///var/lib/bitcoind/.cookie or embedded:chain.txt, or set LONGSTOP_BACKEND"
    )]
    NoBackend,
    #[error(
        "nothing says where the chain is; write --height N and --median-time DATE, or --backend ADDRESS for a chain that is to be asked"
    )]
    NoChainTime,
    #[error(
        "`{address}` says that the median time of its chain is {median} UTC, which is ahead of this machine's clock: one of the two is wrong, and nothing is dated by it; write --height N and --median-time DATE"
    )]
    FutureTip { address: String, median: String },
    #[error(
        "whoever signs with an identity speaks in a ledger; write --ledger DIR, or --vault DIR of a vault that has one"
    )]
    NoLedger,
    #[error("{variable}: {source}")]
    Address {
        variable: &'static str,
        source: AddressError,
    },
    #[error("`{address}`: {}", .source.story())]
    Backend {
        address: String,
        source: Box<BackendError>,
    },
    #[error("`{file}` holds no login: its first line is a name, a colon and a password")]
    BackendLogin { file: String },
    #[error(transparent)]
    Chain(ChainFileError),
    #[error("`{file}`: {reason}; nothing was changed")]
    Mine { file: String, reason: String },
    #[error("a rehearsal ended unexpectedly")]
    Panic,
}

/// A text that is no claim about the policy.
#[derive(Debug)]
pub(super) struct BadClaim {
    /// Where it stands, ready to be shown.
    pub place: String,
    pub text: String,
    pub error: ClaimError,
}

fn claims(bad: &[BadClaim]) -> String {
    let told = bad.iter().map(|BadClaim { place, error, .. }| {
        let help = error.help.iter().map(|help| format!("; {help}"));
        format!("{place}: {error}{}", help.collect::<String>())
    });
    told.collect::<Vec<_>>().join("; ")
}

impl From<LedgerFailure> for Failure {
    fn from(failure: LedgerFailure) -> Self {
        Self::Ledger(Box::new(failure))
    }
}

impl From<WatchFailure> for Failure {
    fn from(failure: WatchFailure) -> Self {
        Self::Watch(Box::new(failure))
    }
}

impl From<VaultFailure> for Failure {
    fn from(failure: VaultFailure) -> Self {
        Self::Vault(Box::new(failure))
    }
}

impl Failure {
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Ledger(failure) => failure.exit(),
            Self::Vault(failure) => failure.exit(),
            Self::Watch(failure) => failure.exit(),
            Self::Read { .. }
            | Self::Write { .. }
            | Self::Output(_)
            | Self::Exists { .. }
            | Self::Taken { .. }
            | Self::There { .. }
            | Self::TooOpen { .. }
            | Self::Backend { .. }
            | Self::FutureTip { .. }
            | Self::Chain(_) => Exit::File,
            Self::NotText { .. }
            | Self::TooLarge { .. }
            | Self::Secret { .. }
            | Self::Hidden { .. }
            | Self::Identity { .. }
            | Self::Attestations { .. }
            | Self::Keys { .. }
            | Self::Statement { .. }
            | Self::Fault { .. }
            | Self::Merge { .. }
            | Self::BackendLogin { .. }
            | Self::Round { .. }
            | Self::Seed { .. }
            | Self::SeedNetwork { .. }
            | Self::SignerProgram { .. }
            | Self::NotATransaction { .. }
            | Self::Passphrase { .. }
            | Self::Policy { .. }
            | Self::Format {
                source: FormatError::NotToml(_),
                ..
            }
            | Self::Facts { .. }
            | Self::Incident { .. }
            | Self::Analysis { .. }
            | Self::Export { .. }
            | Self::Import { .. }
            | Self::Rehearsal {
                source: RehearsalError::Scenario(_) | RehearsalError::Policy(_),
                ..
            } => Exit::Document,
            Self::Compile { source, .. }
            | Self::Rehearsal {
                source: RehearsalError::Compile(source),
                ..
            } => match is_of_policy(source) {
                true => Exit::Document,
                false => Exit::Internal,
            },
            Self::NotSound { .. }
            | Self::NoSeat { .. }
            | Self::NothingSigned { .. }
            | Self::NothingAsked { .. }
            | Self::Unconfirmed { .. }
            | Self::TriggerAlone { .. } => Exit::Unmet,
            Self::NobodySigns
            | Self::Frames { .. }
            | Self::NoCodes
            | Self::NoRoom
            | Self::CodesTooLarge { .. }
            | Self::NoSource { .. }
            | Self::NothingToTest { .. }
            | Self::Claims(_)
            | Self::NoClaims { .. }
            | Self::NothingClaimed
            | Self::FormatScript { .. }
            | Self::UnknownTemplate { .. }
            | Self::NoTerminal
            | Self::NoPassphrase
            | Self::OneInput
            | Self::Name(_)
            | Self::TwoFormats
            | Self::Attest(_)
            | Self::NoStatement
            | Self::UnknownCommand { .. }
            | Self::Unanswered(_)
            | Self::UnknownCode { .. }
            | Self::BadStage { .. }
            | Self::NoBackend
            | Self::NoChainTime
            | Self::NoLedger
            | Self::Address { .. }
            | Self::Mine { .. }
            | Self::NoParameters { .. } => Exit::Usage,
            Self::Challenge(_)
            | Self::Format { .. }
            | Self::Rehearsal { .. }
            | Self::NoRandomNumbers(_)
            | Self::Panic => Exit::Internal,
        }
    }

    /// One word for the kind of failure, stable, for other programs.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Ledger(failure) => failure.kind(),
            Self::Vault(failure) => failure.kind(),
            Self::Watch(failure) => failure.kind(),
            Self::Read { .. } => "unreadable",
            Self::Write { .. } | Self::Output(_) => "unwritable",
            Self::NotText { .. } => "not-text",
            Self::TooLarge { .. } => "too-large",
            Self::Secret { .. } => "secret",
            Self::Hidden { .. } => "hidden",
            Self::Policy { .. } => "policy",
            Self::Compile { .. } => "compile",
            Self::Format { .. } | Self::FormatScript { .. } => "format",
            Self::Incident { .. } => "incident",
            Self::Analysis { .. } => "analysis",
            Self::Export { .. } => "export",
            Self::Import { .. } => "import",
            Self::BadStage { .. } => "stage",
            Self::Claims(_) | Self::NoClaims { .. } | Self::NothingClaimed => "claims",
            Self::Rehearsal { .. } => "rehearsal",
            Self::NothingToTest { .. } => "nothing-to-test",
            Self::UnknownCode { .. } => "unknown-code",
            Self::NoParameters { .. } => "no-parameters",
            Self::Facts { .. } => "facts",
            Self::UnknownTemplate { .. } => "unknown-template",
            Self::NoTerminal
            | Self::NoPassphrase
            | Self::Unanswered(_)
            | Self::NoCodes
            | Self::NoRoom => "no-terminal",
            Self::Frames { .. } | Self::CodesTooLarge { .. } => "frames",
            Self::TooOpen { .. } => "too-open",
            Self::Identity { .. } => "identity",
            Self::Name(_) => "name",
            Self::Passphrase { .. } => "passphrase",
            Self::NoRandomNumbers(_) => "no-random-numbers",
            Self::Exists { .. } | Self::Taken { .. } => "exists",
            Self::TwoFormats => "two-formats",
            Self::OneInput => "one-input",
            Self::UnknownCommand { .. } => "unknown-command",
            Self::There { .. } => "there",
            Self::Attest(_) | Self::Attestations { .. } => "attest",
            Self::Keys { .. } | Self::Statement { .. } | Self::NoStatement | Self::Challenge(_) => {
                "keys"
            }
            Self::Merge { .. } | Self::NotATransaction { .. } => "psbt",
            Self::Round { .. } | Self::NoSource { .. } => "round",
            Self::Seed { .. } | Self::SeedNetwork { .. } => "seed",
            Self::NobodySigns
            | Self::SignerProgram { .. }
            | Self::NoSeat { .. }
            | Self::NothingSigned { .. }
            | Self::NothingAsked { .. } => "signer",
            Self::NotSound { .. } | Self::Unconfirmed { .. } | Self::TriggerAlone { .. } => {
                "not-signed"
            }
            Self::Fault { source, .. } => source.code.word(),
            Self::NoBackend
            | Self::NoChainTime
            | Self::Address { .. }
            | Self::Backend { .. }
            | Self::FutureTip { .. } => "backend",
            Self::NoLedger => "no-ledger",
            Self::BackendLogin { .. } => "backend-login",
            Self::Chain(_) | Self::Mine { .. } => "chain",
            Self::Panic => "panic",
        }
    }

    /// The claims that are none, where these are the reason.
    pub(super) fn bad_claims(&self) -> &[BadClaim] {
        match self {
            Self::Claims(bad) => bad,
            _ => &[],
        }
    }

    /// The policy with its diagnostics, where these are the reason.
    pub(super) fn checked(&self) -> Option<(&str, &Checked)> {
        match self {
            Self::Policy { file, checked } => Some((file, checked)),
            _ => None,
        }
    }
}

/// Whether it is the policy that has to change.  The others are faults of the compiler.
const fn is_of_policy(error: &CompileError) -> bool {
    match error {
        CompileError::Limit { .. }
        | CompileError::Undecided { .. }
        | CompileError::Given { .. }
        | CompileError::Rungs { .. } => true,
        CompileError::Refused { .. }
        | CompileError::Meaning { .. }
        | CompileError::RepeatedKey { .. } => false,
    }
}

fn did_you_mean(similar: Option<Code>) -> String {
    similar.map_or_else(
        || "; without one, `longstop explain-code` lists them all".to_owned(),
        |code| format!("; did you mean `{code}` ({})?", code.title()),
    )
}
