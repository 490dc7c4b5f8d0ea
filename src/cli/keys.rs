//! `longstop keys`: who holds which keys?

use std::fs;
use std::path::{Path, PathBuf};

use bitcoin::Psbt;
use bitcoin::secp256k1::Secp256k1;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::attest::{attested_in, refuse_to_overwrite, write_line};
use super::identity::IdentityArgs;
use super::input::{CompiledFile, PolicyArgs};
use super::render::{self, Screen};
use super::{Exit, Failure, export, input, output};
use crate::compile::Stage;
use crate::governance::{KeyStatement, is_nonce};
use crate::keys::{KeyCheck, KeyCheckError, KeyStanding};
use crate::transaction::message_of;
use crate::units::UnixTime;

/// The name of the file with what is signed.
const STATEMENT_FILE: &str = "statement.txt";

/// Show that a party holds the keys of its leaves
///
/// A challenge is a message, signed in the way of BIP-322 with the very keys that spend: any device
/// that signs PSBTs for the policy answers it. It moves no coins, and nobody can make it move any.
#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Challenge(ChallengeOf),
    Check(Check),
}

/// Write the challenges for the keys of a party as PSBT files
///
/// One file for each stage in which the party has keys, and the statement that is signed. Whoever
/// signs makes them himself, from a policy he knows: then he knows that they are no spends.
#[derive(Debug, Args)]
#[command(after_help = "With --json: party, statement, folder and files [stage, file, keys].")]
struct ChallengeOf {
    #[command(flatten)]
    policy: PolicyArgs,
    /// The party
    #[arg(long, value_name = "NAME")]
    party: String,
    /// The day or moment on which its keys are shown
    #[arg(long, value_name = "DATE", value_parser = export::date)]
    date: UnixTime,
    /// Let the keys stand behind what the party attests in this file
    #[arg(long, value_name = "FILE")]
    attestation: Option<PathBuf>,
    /// A word that somebody chose who wants to see the keys now: letters, digits, `-` and `_`
    #[arg(long, value_name = "WORD", value_parser = nonce)]
    nonce: Option<String>,
    /// Write to this folder, which must not be there yet
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
}

/// Verify the answers of a party, and keep them as a proof
///
/// Every signature is verified against the challenge, which is computed from the policy again.
/// Exit code 1 says that a key was not shown.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: party, statement, complete, keys [stage, path, leaf, role, key, is_shown], stripped\n[file, what] and proof (the file)."
)]
struct Check {
    #[command(flatten)]
    policy: PolicyArgs,
    /// The party
    #[arg(long, value_name = "NAME")]
    party: String,
    /// The signed files, in any order and from any number of devices
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What was signed, for devices that return files without it
    #[arg(long, value_name = "FILE")]
    statement: Option<PathBuf>,
    /// Sign the proof with the identity in this file
    #[arg(long, value_name = "FILE", requires = "output")]
    identity: Option<PathBuf>,
    /// Read the passphrase from the only line of this file instead of asking for it
    #[arg(long, value_name = "FILE", requires = "identity")]
    passphrase_file: Option<PathBuf>,
    /// Write the proof, signed with --identity as well, to this file, which must not be there yet
    #[arg(long, short, value_name = "FILE", requires = "identity")]
    output: Option<PathBuf>,
}

/// Challenges that were written.
#[derive(Debug, Serialize)]
pub(super) struct Challenged {
    pub party: String,
    pub statement: String,
    pub folder: String,
    pub files: Vec<ChallengeFile>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub(super) struct ChallengeFile {
    pub stage: String,
    pub file: String,
    pub keys: usize,
}

/// What was shown.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    pub party: String,
    pub statement: String,
    pub complete: bool,
    pub keys: Vec<KeyStanding>,
    pub stripped: Vec<StrippedFrom>,
    pub proof: Option<String>,
}

/// A signature that counts for nothing.
#[derive(Debug, Serialize)]
pub(super) struct StrippedFrom {
    pub file: String,
    pub what: String,
}

impl Keys {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match &self.command {
            Command::Challenge(challenge) => challenge.run(screen),
            Command::Check(check) => check.run(screen),
        }
    }
}

impl ChallengeOf {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let file = compiled(&self.policy, screen)?;
        let refused = |source| Failure::Keys {
            file: input::file_name(self.policy.path()),
            source,
        };
        refuse_to_overwrite(&self.output)?;
        let compiled = &file.compiled;
        let id = compiled.id().to_bytes();
        let attests = match &self.attestation {
            Some(path) => Some(attested_in(path, &self.party, id)?),
            None => None,
        };
        let (party, nonce) = (&self.party, self.nonce.clone());
        let statement = KeyCheck::statement(compiled, party, attests, self.date, nonce);
        let secp = Secp256k1::new();
        let statement = statement.map_err(refused)?;
        let check = KeyCheck::new(compiled, statement, &secp).map_err(refused)?;
        let unwritable = |path: &Path, source| Failure::Write {
            file: input::file_name(path),
            source,
        };
        fs::create_dir(&self.output).map_err(|source| unwritable(&self.output, source))?;
        let statement = check.stated().text();
        let path = self.output.join(STATEMENT_FILE);
        output::create(&path, &statement).map_err(|source| unwritable(&path, source))?;
        let mut files: Vec<ChallengeFile> = Vec::new();
        for challenge in check.challenges() {
            let stage = challenge.stage().to_string();
            let before = files.iter().filter(|file| file.stage == stage).count();
            let name = psbt_name(challenge.stage(), before);
            let path = self.output.join(&name);
            let psbt = challenge.request().map_err(Failure::Challenge)?;
            output::create_bytes(&path, &psbt.serialize())
                .map_err(|source| unwritable(&path, source))?;
            files.push(ChallengeFile {
                stage,
                file: name,
                keys: challenge.asked().len(),
            });
        }
        let written = Challenged {
            party: party.clone(),
            statement,
            folder: input::file_name(&self.output),
            files,
        };
        screen.show(&written, |width| render::challenged(&written, width))?;
        Ok(Exit::Ok)
    }
}

impl Check {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let file = compiled(&self.policy, screen)?;
        if let Some(path) = &self.output {
            refuse_to_overwrite(path)?;
        }
        let mut psbts = Vec::new();
        for path in &self.files {
            psbts.push((input::file_name(path), input::psbt(path)?));
        }
        let (from, text) = self.stated(&psbts)?;
        let read = KeyStatement::of_text(&text);
        let statement = read.map_err(|source| Failure::Statement {
            file: from.clone(),
            source,
        })?;
        let refused = |file: &str| {
            let file = file.to_owned();
            move |source| Failure::Keys { file, source }
        };
        if statement.party != self.party {
            let other = KeyCheckError::OtherParty {
                found: statement.party,
                wanted: self.party.clone(),
            };
            return Err(refused(&from)(other));
        }
        let secp = Secp256k1::new();
        let mut check = KeyCheck::new(&file.compiled, statement, &secp).map_err(refused(&from))?;
        let mut stripped = Vec::new();
        for (file, psbt) in &psbts {
            let taken = check.take(psbt, &secp).map_err(refused(file))?;
            stripped.extend(taken.stripped.iter().map(|stripped| StrippedFrom {
                file: file.clone(),
                what: stripped.to_string(),
            }));
        }
        if let (Some(path), Some(identity)) = (&self.output, &self.identity) {
            let passphrase = self.passphrase_file.as_deref();
            let identity = IdentityArgs::of(identity, passphrase).open()?;
            let named = check.stated().identity;
            if named != Some(identity.public().into()) {
                return Err(refused(&from)(KeyCheckError::OtherIdentity(
                    self.party.clone(),
                )));
            }
            write_line(path, &check.proof().sign(identity.key()).to_line())?;
        }
        let checked = Checked {
            party: self.party.clone(),
            statement: text,
            complete: check.is_complete(),
            keys: check.keys(),
            stripped,
            proof: self.output.as_deref().map(input::file_name),
        };
        screen.show(&checked, |width| render::shown_keys(&checked, width))?;
        Ok(if checked.complete {
            Exit::Ok
        } else {
            Exit::Unmet
        })
    }

    /// What was signed, and where that was read.
    fn stated(&self, psbts: &[(String, Psbt)]) -> Result<(String, String), Failure> {
        if let Some(path) = &self.statement {
            let text = input::statement(path)?;
            return Ok((text.file, text.text));
        }
        let found = psbts
            .iter()
            .find_map(|(file, psbt)| Some((file.clone(), message_of(psbt)?.to_owned())));
        found.ok_or(Failure::NoStatement)
    }
}

fn compiled(policy: &PolicyArgs, screen: &Screen) -> Result<CompiledFile, Failure> {
    let file = input::compiled(&input::policy(policy)?)?;
    screen.warnings(&file.checked);
    Ok(file)
}

/// The name of the file for a challenge, of which there may be several for a stage.
fn psbt_name(stage: &Stage, before: usize) -> String {
    let name = match stage {
        Stage::Vault => "vault".to_owned(),
        Stage::Escrow(path) => format!("escrow-{path}"),
        Stage::Lockup(path) => format!("lock-up-{path}"),
    };
    match before {
        0 => format!("{name}.psbt"),
        before => format!("{name}-{}.psbt", before + 1),
    }
}

fn nonce(text: &str) -> Result<String, String> {
    if is_nonce(text) {
        Ok(text.to_owned())
    } else {
        Err("write 1 to 64 letters, digits, `-` and `_`".to_owned())
    }
}
