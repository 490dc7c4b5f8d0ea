//! Who signs: a seed in a file, or another program with a device behind it.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use bitcoin::bip32::Fingerprint;
use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{NetworkKind, Psbt};
use clap::Args;
use serde::Deserialize;

use super::identity::PassphraseArgs;
use super::{Failure, input};
use crate::ceremony::PsbtFile;
use crate::identity::MAX_FILE;
use crate::policy::Network;
use crate::signer::{Seed, SoftwareSigner};

/// Most bytes that are read of what a program answers.
const MAX_ANSWER: u64 = 16 << 20;

/// Who signs.
#[derive(Clone, Debug, Args)]
pub(super) struct SigningArgs {
    /// Sign with the seed in this file
    #[arg(long, value_name = "FILE", conflicts_with = "signer")]
    key: Option<PathBuf>,
    /// Have this program sign: it is called as Bitcoin Core calls its external signers
    #[arg(long, value_name = "COMMAND")]
    signer: Option<String>,
    /// The device, where the program has several
    #[arg(long, value_name = "HEX", requires = "signer")]
    fingerprint: Option<Fingerprint>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Somebody who signs.
pub(super) enum Hand {
    Seed(SoftwareSigner),
    Program(Program),
}

/// A program that signs with the device of a fingerprint.
pub(super) struct Program {
    command: String,
    fingerprint: Fingerprint,
    chain: &'static str,
}

impl SigningArgs {
    /// Nobody.
    pub(super) const fn none() -> Self {
        Self {
            key: None,
            signer: None,
            fingerprint: None,
            passphrase: PassphraseArgs::none(),
        }
    }

    /// Whether somebody is named.
    pub(super) const fn is_named(&self) -> bool {
        self.key.is_some() || self.signer.is_some()
    }

    /// Whoever signs, given the fingerprints of those who are asked.
    pub(super) fn open(
        &self,
        network: Network,
        asked: &[Fingerprint],
        secp: &Secp256k1<All>,
    ) -> Result<Hand, Failure> {
        match (&self.key, &self.signer) {
            (Some(path), _) => {
                let seed = seed(path, &self.passphrase)?;
                let wanted: NetworkKind = network.to_bitcoin().into();
                if seed.network() != wanted {
                    return Err(Failure::SeedNetwork {
                        file: input::file_name(path),
                        network,
                    });
                }
                Ok(Hand::Seed(seed.signer(secp)))
            }
            (None, Some(command)) => {
                Program::find(command, self.fingerprint, network, asked).map(Hand::Program)
            }
            (None, None) => Err(Failure::NobodySigns),
        }
    }
}

/// The seed in a file.
pub(super) fn seed(path: &Path, passphrase: &PassphraseArgs) -> Result<Seed, Failure> {
    // Before anybody types a passphrase for nothing.
    let file = input::private(path, MAX_FILE)?;
    let passphrase = passphrase.give(path)?;
    Seed::decrypt(&file, &passphrase).map_err(|source| Failure::Seed {
        file: input::file_name(path),
        source,
    })
}

impl Hand {
    /// The fingerprint of the master key that signs.
    pub(super) const fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Seed(signer) => signer.fingerprint(),
            Self::Program(program) => program.fingerprint,
        }
    }

    /// The PSBT as it comes back.  It is as foreign as any.
    pub(super) fn sign(&self, mut psbt: Psbt, secp: &Secp256k1<All>) -> Result<Psbt, Failure> {
        match self {
            Self::Seed(signer) => {
                signer.sign(&mut psbt, secp);
                Ok(psbt)
            }
            Self::Program(program) => program.sign(&psbt),
        }
    }
}

/// A device, as a program lists it.
#[derive(Deserialize)]
struct Device {
    fingerprint: Option<String>,
}

/// What a program says of a file that it was to sign.
#[derive(Deserialize)]
struct Answer {
    psbt: Option<String>,
    error: Option<String>,
}

impl Program {
    /// The device of a program that holds keys of somebody who is asked.
    fn find(
        command: &str,
        wanted: Option<Fingerprint>,
        network: Network,
        asked: &[Fingerprint],
    ) -> Result<Self, Failure> {
        let answer = call(command, &["enumerate"], None)?;
        let devices: Vec<Device> =
            serde_json::from_slice(&answer).map_err(|error| failed(command, &error.to_string()))?;
        let mut known: Vec<Fingerprint> = devices
            .iter()
            .filter_map(|device| device.fingerprint.as_ref()?.parse().ok())
            .filter(|found| wanted.map_or(asked.contains(found), |wanted| wanted == *found))
            .collect();
        known.sort_unstable();
        known.dedup();
        let fingerprint = match known.as_slice() {
            [only] => *only,
            [] => {
                let what = "it lists no device with a key that is asked for";
                return Err(failed(command, what));
            }
            _ => {
                let what = "it lists several devices with such keys; name one with --fingerprint";
                return Err(failed(command, what));
            }
        };
        Ok(Self {
            command: command.to_owned(),
            fingerprint,
            chain: match network {
                Network::Bitcoin => "main",
                Network::Testnet4 => "testnet4",
                Network::Signet => "signet",
                Network::Regtest => "regtest",
            },
        })
    }

    fn sign(&self, psbt: &Psbt) -> Result<Psbt, Failure> {
        let fingerprint = self.fingerprint.to_string();
        let arguments = [
            "--stdin",
            "--fingerprint",
            &fingerprint,
            "--chain",
            self.chain,
        ];
        let answer = call(&self.command, &arguments, Some(&format!("signtx {psbt}\n")))?;
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|error| failed(&self.command, &error.to_string()))?;
        if let Some(error) = answer.error {
            return Err(failed(&self.command, &error));
        }
        let text = answer
            .psbt
            .ok_or_else(|| failed(&self.command, "it answers without a PSBT"))?;
        let file = PsbtFile::read(text.as_bytes());
        Ok(file
            .map_err(|fault| failed(&self.command, &fault.to_string()))?
            .psbt)
    }
}

/// Runs a program and returns what it prints.
fn call(command: &str, arguments: &[&str], stdin: Option<&str>) -> Result<Vec<u8>, Failure> {
    let mut words = command.split_whitespace();
    let program = words.next().ok_or(Failure::NobodySigns)?;
    let broken = |error: io::Error| failed(command, &error.to_string());
    let mut child = Command::new(program)
        .args(words)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(broken)?;
    // Written beside, since whoever does not read would otherwise never be read.
    let writer = child.stdin.take().map(|mut pipe| {
        let text = stdin.unwrap_or_default().to_owned();
        thread::spawn(move || {
            // A program that does not want to hear it answers all the same.
            let _ = pipe.write_all(text.as_bytes());
        })
    });
    let mut answer = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        let read = pipe.take(MAX_ANSWER).read_to_end(&mut answer);
        read.map_err(broken)?;
    }
    let status = child.wait().map_err(broken)?;
    if let Some(writer) = writer {
        let _ = writer.join();
    }
    if status.success() {
        Ok(answer)
    } else {
        Err(failed(command, &format!("it ended with {status}")))
    }
}

fn failed(command: &str, what: &str) -> Failure {
    Failure::SignerProgram {
        command: super::render::shown(command),
        what: super::render::shown(what),
    }
}
