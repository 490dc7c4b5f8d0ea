//! `longstop import`: somebody else's descriptor as a policy.

use std::path::{Path, PathBuf};

use bitcoin::bip32::Fingerprint;
use clap::Args;
use serde::Serialize;
use zeroize::Zeroizing;

use super::input::{PolicyFile, Text};
use super::render::{Prompt, Screen};
use super::{Exit, Failure, input};
use crate::import::{Naming, Source, decrypt, is_encrypted, read};
use crate::policy::{Network, format};

/// Read somebody else's descriptor or wallet policy into a policy
///
/// Takes a descriptor, or a file (`-` for the standard input) that holds one: of Bitcoin Core
/// (listdescriptors, importdescriptors), a wallet policy (BIP-388), a BSMS record (BIP-129), or plain
/// text. Prints a policy that means the same, keeps the descriptor, and so compiles to the same
/// scripts.
#[derive(Debug, Args)]
#[command(after_help = "With --json: source, descriptor, policy_id and policy, the text.")]
pub(super) struct Import {
    /// A descriptor, a file, or - for the standard input
    #[arg(value_name = "DESCRIPTOR|FILE")]
    from: String,
    /// The name of the policy
    #[arg(long, value_name = "NAME")]
    policy_name: Option<String>,
    /// The name of a party, by the fingerprint of its master key, such as 73c5da0a=alice
    #[arg(long = "name", value_name = "FINGERPRINT=NAME", value_parser = named)]
    names: Vec<(Fingerprint, String)>,
    /// Read the token of an encrypted BSMS record, in hexadecimal digits, from this file (`-` for
    /// the standard input) instead of asking for it
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The network, where the keys are of test networks
    #[arg(long, value_name = "NETWORK", value_parser = network)]
    network: Option<Network>,
}

#[derive(Serialize)]
struct Shown {
    source: Source,
    descriptor: String,
    policy_id: String,
    policy: String,
}

impl Import {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let text = input::foreign(&self.from)?;
        let failure = |source| Failure::Import {
            file: text.file.clone(),
            source,
        };
        let record = match self.token(&text)? {
            Some(token) => decrypt(&text.text, &token).map_err(failure)?,
            None => text.text.clone(),
        };
        let imported = read(&record).map_err(failure)?;
        let naming = Naming {
            policy: self.policy_name.clone(),
            parties: self.names.clone(),
            network: self.network,
        };
        imported.check_names(&naming).map_err(failure)?;
        let document = imported.document(&naming);
        let document = format(&document).unwrap_or(document);
        // What is printed is a policy that has been compiled, and means the descriptor.
        let written = PolicyFile::built_in("the imported policy", &document);
        let file = input::compiled(&written)?;
        screen.warnings(&file.checked);
        let shown = Shown {
            source: imported.source(),
            descriptor: imported.descriptor().to_string(),
            policy_id: file.compiled.id().to_string(),
            policy: document,
        };
        screen.show(&shown, |_| shown.policy.clone())?;
        Ok(Exit::Ok)
    }
}

impl Import {
    /// The token of an encrypted record.  It is a secret, so it is no argument, and never repeated.
    fn token(&self, record: &Text) -> Result<Option<Zeroizing<String>>, Failure> {
        match &self.token_file {
            Some(file) if file == Path::new("-") && self.from == "-" => Err(Failure::OneInput),
            Some(file) => input::secret(file).map(Some),
            // Without a terminal the record is refused, with what would be right.
            None if is_encrypted(&record.text) => Prompt::open()
                .map(|mut prompt| prompt.passphrase(&format!("the token of {}", record.file)))
                .transpose()
                .map_err(Failure::Unanswered),
            None => Ok(None),
        }
    }
}

/// A fingerprint and a name.
fn named(text: &str) -> Result<(Fingerprint, String), String> {
    let pair = text.split_once('=').and_then(|(fingerprint, name)| {
        let fingerprint = fingerprint.parse().ok()?;
        (!name.is_empty()).then(|| (fingerprint, name.to_owned()))
    });
    pair.ok_or_else(|| {
        "write eight hexadecimal digits and a name, such as 73c5da0a=alice".to_owned()
    })
}

fn network(text: &str) -> Result<Network, String> {
    let known = Network::ALL.iter().find(|(name, _)| *name == text);
    known.map(|(_, network)| *network).ok_or_else(|| {
        let names: Vec<&str> = Network::ALL.iter().map(|(name, _)| *name).collect();
        format!("the networks are {}", names.join(", "))
    })
}
