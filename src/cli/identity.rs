//! `longstop identity`: the keys with which parties sign.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use zeroize::Zeroizing;

use super::render::{self, Prompt, Screen};
use super::{Exit, Failure, input, output};
use crate::identity::{Identity, MAX_FILE, Passphrase, Work};

/// Most bytes of a file with a passphrase.
const MAX_PASSPHRASE: usize = 1 << 10;

/// Make and show the keys with which parties sign
///
/// An identity is an ed25519 key that signs what a party says: attestations, ballots, alarms,
/// vetoes. It moves no coins. Its public key stands in the policy; the secret lies in a file that
/// is encrypted with a passphrase and that only its owner may read.
#[derive(Debug, Args)]
pub(super) struct IdentityCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(New),
    Show(Show),
}

/// Make a new identity
///
/// The passphrase is asked for twice, unless a file has it. Keep a copy of the file and of the
/// passphrase, apart: nobody can bring them back.
#[derive(Debug, Args)]
#[command(after_help = "With --json: name, identity (the public key) and file.")]
struct New {
    /// The party's name, as in the policy
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Write to this file, which must not be there yet
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Show the name and the public key of an identity
#[derive(Debug, Args)]
#[command(after_help = "With --json: name, identity (the public key) and file.")]
struct Show {
    /// The file of the identity
    identity: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// The identity that signs, for all commands that sign.
#[derive(Clone, Debug, Args)]
pub(super) struct IdentityArgs {
    /// Sign with the identity in this file
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Where the passphrase comes from.  Never from an argument or the environment, which others see.
#[derive(Clone, Debug, Args)]
pub(super) struct PassphraseArgs {
    /// Read the passphrase from the only line of this file instead of asking for it
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// What may be shown of an identity.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub name: String,
    pub identity: String,
    pub file: String,
}

impl Shown {
    fn of(identity: &Identity, path: &Path) -> Self {
        let public = identity.public();
        let digits = public.as_bytes().iter().map(|byte| format!("{byte:02x}"));
        Self {
            name: identity.name().to_owned(),
            identity: digits.collect(),
            file: input::file_name(path),
        }
    }
}

impl PassphraseArgs {
    /// None is given beforehand.
    pub(super) const fn none() -> Self {
        Self {
            passphrase_file: None,
        }
    }
}

impl IdentityArgs {
    /// The identity in a file, for commands that need not sign.
    pub(super) fn of(identity: &Path, passphrase_file: Option<&Path>) -> Self {
        Self {
            identity: identity.to_owned(),
            passphrase: PassphraseArgs {
                passphrase_file: passphrase_file.map(Path::to_owned),
            },
        }
    }

    /// The identity.
    pub(super) fn open(&self) -> Result<Identity, Failure> {
        open(&self.identity, &self.passphrase)
    }
}

impl IdentityCommand {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match &self.command {
            Command::New(new) => new.run(screen),
            Command::Show(show) => show.run(screen),
        }
    }
}

impl New {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let exists = || Failure::Taken {
            file: input::file_name(&self.output),
        };
        // Nobody wants to think of a passphrase for nothing.  A link that leads nowhere is there
        // as well.
        if self.output.symlink_metadata().is_ok() {
            return Err(exists());
        }
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *secret)
            .map_err(|error| Failure::NoRandomNumbers(std::io::Error::other(error)))?;
        let identity = Identity::new(&self.name, &secret).map_err(Failure::Name)?;
        let passphrase = self.passphrase.choose()?;
        let text = identity
            .encrypt(&passphrase, Work::Usual)
            .map_err(Failure::NoRandomNumbers)?;
        output::create_private(&self.output, &text).map_err(|source| match source.kind() {
            std::io::ErrorKind::AlreadyExists => exists(),
            _ => Failure::Write {
                file: input::file_name(&self.output),
                source,
            },
        })?;
        let shown = Shown::of(&identity, &self.output);
        screen.show(&shown, |_| render::new_identity(&shown))?;
        Ok(Exit::Ok)
    }
}

impl Show {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let identity = open(&self.identity, &self.passphrase)?;
        let shown = Shown::of(&identity, &self.identity);
        screen.show(&shown, |_| render::identity(&shown))?;
        Ok(Exit::Ok)
    }
}

/// The identity in a file.
fn open(path: &Path, passphrase: &PassphraseArgs) -> Result<Identity, Failure> {
    // Before anybody types a passphrase for nothing.
    let file = input::private(path, MAX_FILE)?;
    let passphrase = passphrase.give(path)?;
    Identity::decrypt(&file, &passphrase).map_err(|source| Failure::Identity {
        file: input::file_name(path),
        source,
    })
}

impl PassphraseArgs {
    /// Whether a file has it.
    pub(super) const fn is_in_a_file(&self) -> bool {
        self.passphrase_file.is_some()
    }

    /// The passphrase of a file that is there.
    pub(super) fn give(&self, of: &Path) -> Result<Passphrase, Failure> {
        let text = match &self.passphrase_file {
            Some(path) => line(path)?,
            None => {
                let mut prompt = Prompt::open().ok_or(Failure::NoPassphrase)?;
                let question = format!("the passphrase of {}", input::file_name(of));
                prompt.passphrase(&question).map_err(Failure::Unanswered)?
            }
        };
        Ok(Passphrase::of(text))
    }

    /// The passphrase of a new file.
    pub(super) fn choose(&self) -> Result<Passphrase, Failure> {
        let (text, file) = match &self.passphrase_file {
            Some(path) => (line(path)?, input::file_name(path)),
            None => {
                let mut prompt = Prompt::open().ok_or(Failure::NoPassphrase)?;
                let rule = |text: &str| {
                    let checked = Passphrase::new(Zeroizing::new(text.to_owned()));
                    checked.map(drop).map_err(|error| error.to_string())
                };
                let typed = prompt.new_passphrase(&rule);
                (
                    typed.map_err(Failure::Unanswered)?,
                    "the terminal".to_owned(),
                )
            }
        };
        Passphrase::new(text).map_err(|source| Failure::Passphrase { file, source })
    }
}

/// The line of a file with a passphrase.
fn line(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = input::private(path, MAX_PASSPHRASE)?;
    Passphrase::line(&bytes).map_err(|source| Failure::Passphrase {
        file: input::file_name(path),
        source,
    })
}
