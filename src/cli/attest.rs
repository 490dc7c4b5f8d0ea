//! `longstop attest`: parties sign where their keys are kept, and others countersign.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use thiserror::Error;

use super::identity::IdentityArgs;
use super::input::PolicyArgs;
use super::render::{self, Screen, shown};
use super::{Exit, Failure, export, input, output};
use crate::governance::{
    ATTESTATION_TYPE, Attestation, Digest, Envelope, EnvelopeError, Identity, KEY_PROOF_TYPE,
    KeyProof,
};
use crate::policy::{Custody, CustodyFact, Domain, Policy, quote};
use crate::units::UnixTime;

/// Sign where keys are kept, or countersign it
///
/// An attestation is a party's own word of where its keys and its items are, for a time. It counts
/// as attested once the party has shown its keys with it (`longstop keys`).
#[derive(Debug, Args)]
pub(super) struct Attest {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(New),
    Countersign(Countersign),
}

/// Sign where the keys of a party are kept
///
/// Without --fact, the party attests just what the policy claims of it and of its items.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: party, digest, custody, items, issued, expires, serial (dates in seconds since 1970)\nand file."
)]
struct New {
    #[command(flatten)]
    policy: PolicyArgs,
    /// The party; without it, the one with the name of the identity
    #[arg(long, value_name = "NAME")]
    party: Option<String>,
    #[command(flatten)]
    identity: IdentityArgs,
    /// The day or moment from which on it holds
    #[arg(long, value_name = "DATE", value_parser = export::date)]
    issued: UnixTime,
    /// The day or moment from which on it holds no more
    #[arg(long, value_name = "DATE", value_parser = export::date)]
    expires: UnixTime,
    /// Which of several attestations of the party counts: the highest number
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    serial: u32,
    /// Attest this instead of what the policy claims, such as `cloud=none`, or of an item
    /// `tower.site=oslo`; nothing behind `=` leaves the fact out
    #[arg(long, value_name = "FACT=VALUE", value_parser = fact)]
    fact: Vec<Said>,
    /// Write to this file, which must not be there yet
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Sign as well what others have signed
///
/// Whoever countersigns says that he knows it to be so; read what is told of every line.
#[derive(Debug, Args)]
#[command(after_help = "With --json: signer, lines [line, what, party, digest] and file.")]
struct Countersign {
    /// A file of attestations and proofs of keys
    file: PathBuf,
    #[command(flatten)]
    identity: IdentityArgs,
    /// Write to this file, which must not be there yet
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// A fact on the command line.
#[derive(Clone, Debug)]
struct Said {
    item: Option<String>,
    domain: Domain,
    fact: Option<CustodyFact>,
}

/// An attestation that was signed.
#[derive(Debug, Serialize)]
pub(super) struct Signed {
    pub party: String,
    pub digest: Digest,
    pub custody: Vec<SignedFact>,
    pub items: Vec<SignedItem>,
    pub issued: UnixTime,
    pub expires: UnixTime,
    pub serial: u32,
    pub file: String,
}

/// One fact.
#[derive(Debug, Serialize)]
pub(super) struct SignedFact {
    pub domain: Domain,
    pub value: String,
}

/// The facts about one item.
#[derive(Debug, Serialize)]
pub(super) struct SignedItem {
    pub item: String,
    pub custody: Vec<SignedFact>,
}

/// Lines that were countersigned.
#[derive(Debug, Serialize)]
pub(super) struct Countersigned {
    pub signer: String,
    pub lines: Vec<CountersignedLine>,
    pub file: String,
}

/// One of them.
#[derive(Debug, Serialize)]
pub(super) struct CountersignedLine {
    pub line: usize,
    pub what: &'static str,
    pub party: String,
    pub digest: Digest,
    /// What it says, ready to be shown.
    #[serde(skip)]
    pub says: String,
}

/// Why nothing was signed.
#[derive(Debug, Error)]
pub(super) enum AttestError {
    /// The policy has no such party.
    #[error("the policy has no party {}", quote(.0))]
    UnknownParty(String),
    /// The policy does not name this identity.
    #[error(
        "the policy names another identity of {}, or none: attestations are signed with the one it names",
        quote(.0)
    )]
    OtherIdentity(String),
    /// The party has no such item.
    #[error("the policy has no item {} of {}", quote(item), quote(party))]
    NotItsItem { item: String, party: String },
    /// It would never hold.
    #[error("it would expire before it is issued, or at once; write a later --expires")]
    NeverValid,
    /// A line cannot be read.
    #[error("line {line}: {source}")]
    Envelope { line: usize, source: EnvelopeError },
    /// A line is something else.
    #[error("line {line} is neither an attestation nor a proof of keys")]
    OtherLine { line: usize },
    /// There is nothing to sign.
    #[error("it has no line to countersign")]
    Nothing,
    /// There is no attestation of the party to show keys for.
    #[error("it holds no attestation of {} about this policy", quote(.0))]
    NoAttestation(String),
}

impl Attest {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match &self.command {
            Command::New(new) => new.run(screen),
            Command::Countersign(countersign) => countersign.run(screen),
        }
    }
}

impl New {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let read = input::policy(&self.policy)?;
        let file = input::compiled(&read)?;
        screen.warnings(&file.checked);
        refuse_to_overwrite(&self.output)?;
        let identity = self.identity.open()?;
        let policy = file.compiled.policy();
        let name = self.party.as_deref().unwrap_or_else(|| identity.name());
        let party = policy.party(name);
        let party = party.ok_or_else(|| AttestError::UnknownParty(name.to_owned()))?;
        if party.identity() != Some(&identity.public()) {
            return Err(AttestError::OtherIdentity(name.to_owned()).into());
        }
        if self.expires <= self.issued {
            return Err(AttestError::NeverValid.into());
        }
        let id = file.compiled.id().to_bytes();
        let (issued, expires) = (self.issued, self.expires);
        let mut attestation =
            Attestation::of_claims(policy, id, party, issued, expires, self.serial);
        for said in &self.fact {
            said.apply(policy, &mut attestation)?;
        }
        write_line(&self.output, &attestation.sign(identity.key()).to_line())?;
        let signed = Signed {
            party: name.to_owned(),
            digest: attestation.digest(),
            custody: facts(&attestation.custody),
            items: items(&attestation),
            issued,
            expires,
            serial: self.serial,
            file: input::file_name(&self.output),
        };
        screen.show(&signed, |width| render::attested(&signed, width))?;
        Ok(Exit::Ok)
    }
}

impl Said {
    /// Puts the fact into an attestation.
    fn apply(&self, policy: &Policy, into: &mut Attestation) -> Result<(), AttestError> {
        let custody = match &self.item {
            None => &mut into.custody,
            Some(name) => {
                let own = policy
                    .item(name)
                    .filter(|item| item.of().name() == into.party);
                if own.is_none() {
                    let (item, party) = (name.clone(), into.party.clone());
                    return Err(AttestError::NotItsItem { item, party });
                }
                into.items.entry(name.clone()).or_default()
            }
        };
        let others = custody.iter().filter(|(domain, _)| *domain != self.domain);
        let others = others.map(|(domain, fact)| (domain, fact.clone()));
        let said = self.fact.clone().map(|fact| (self.domain, fact));
        *custody = others.chain(said).collect();
        Ok(())
    }
}

impl Countersign {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let text = input::attestations(&self.file)?;
        let failure = |source| Failure::Attestations {
            file: text.file.clone(),
            source,
        };
        refuse_to_overwrite(&self.output)?;
        let envelopes = envelopes(&text.text).map_err(failure)?;
        if envelopes.is_empty() {
            return Err(failure(AttestError::Nothing));
        }
        let lines = envelopes
            .iter()
            .map(|(line, envelope)| told(*line, envelope))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failure)?;
        let identity = self.identity.open()?;
        let countersigned = envelopes.into_iter();
        let countersigned: Vec<String> = countersigned
            .map(|(_, envelope)| envelope.countersign(identity.key()).to_line())
            .collect();
        write_line(&self.output, &countersigned.join("\n"))?;
        let result = Countersigned {
            signer: Identity::from(identity.public()).to_string(),
            lines,
            file: input::file_name(&self.output),
        };
        screen.show(&result, |width| render::countersigned(&result, width))?;
        Ok(Exit::Ok)
    }
}

/// The digest of what a party attests in a file, the highest serial if there are several.
pub(super) fn attested_in(
    path: &Path,
    party: &str,
    policy_id: [u8; 32],
) -> Result<Digest, Failure> {
    let text = input::attestations(path)?;
    let failure = |source| Failure::Attestations {
        file: text.file.clone(),
        source,
    };
    let envelopes = envelopes(&text.text).map_err(failure)?;
    let attestations = envelopes
        .iter()
        .filter(|(_, envelope)| envelope.payload_type() == ATTESTATION_TYPE)
        .filter_map(|(_, envelope)| Attestation::from_payload(envelope.payload()).ok())
        .filter(|it| it.party == party && it.policy_id == policy_id);
    attestations
        .max_by_key(|attestation| attestation.serial)
        .map(|attestation| attestation.digest())
        .ok_or_else(|| failure(AttestError::NoAttestation(party.to_owned())))
}

/// A file that must not be there yet is not.
pub(super) fn refuse_to_overwrite(path: &Path) -> Result<(), Failure> {
    // A link that leads nowhere is there as well.
    if path.symlink_metadata().is_ok() {
        return Err(Failure::There {
            file: input::file_name(path),
        });
    }
    Ok(())
}

/// Writes lines to a file that is not there yet.
pub(super) fn write_line(path: &Path, text: &str) -> Result<(), Failure> {
    output::create(path, &format!("{text}\n")).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::There {
            file: input::file_name(path),
        },
        _ => Failure::Write {
            file: input::file_name(path),
            source,
        },
    })
}

/// The envelopes of a file, each with its line.
fn envelopes(text: &str) -> Result<Vec<(usize, Envelope)>, AttestError> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, json)| !json.trim().is_empty());
    let envelopes = lines.map(|(at, json)| {
        let line = at + 1;
        let envelope = Envelope::open(json);
        let envelope = envelope.map_err(|source| AttestError::Envelope { line, source })?;
        Ok((line, envelope))
    });
    envelopes.collect()
}

/// What a line says, for whoever is about to sign it.
fn told(line: usize, envelope: &Envelope) -> Result<CountersignedLine, AttestError> {
    let other = AttestError::OtherLine { line };
    let digest = Digest::sha256(&envelope.signed_bytes());
    match envelope.payload_type() {
        ATTESTATION_TYPE => {
            let attestation = Attestation::from_payload(envelope.payload()).map_err(|_| other)?;
            let items = items(&attestation).into_iter();
            let items = items.map(|item| format!("; {}: {}", item.item, in_words(&item.custody)));
            let says = format!(
                "{}{}; from {} to {} UTC, serial {}",
                in_words(&facts(&attestation.custody)),
                items.collect::<String>(),
                attestation.issued,
                attestation.expires,
                attestation.serial
            );
            Ok(CountersignedLine {
                line,
                what: "attestation",
                party: attestation.party,
                digest,
                says: shown(&says),
            })
        }
        KEY_PROOF_TYPE => {
            let proof = KeyProof::from_payload(envelope.payload()).map_err(|_| other)?;
            let says = format!(
                "{} keys shown on {} UTC; whether they are those of the policy is not looked at here",
                proof.signatures.len(),
                proof.statement.date
            );
            Ok(CountersignedLine {
                line,
                what: "proof of keys",
                party: proof.statement.party,
                digest,
                says: shown(&says),
            })
        }
        _ => Err(other),
    }
}

fn items(attestation: &Attestation) -> Vec<SignedItem> {
    let items = attestation.items.iter();
    let items = items.map(|(item, custody)| SignedItem {
        item: item.clone(),
        custody: facts(custody),
    });
    items.collect()
}

fn facts(custody: &Custody) -> Vec<SignedFact> {
    let facts = custody.iter().map(|(domain, fact)| SignedFact {
        domain,
        value: fact.to_string(),
    });
    facts.collect()
}

/// Facts in one line.
pub(super) fn in_words(facts: &[SignedFact]) -> String {
    if facts.is_empty() {
        return "nothing".to_owned();
    }
    let facts = facts.iter();
    let facts: Vec<String> = facts
        .map(|SignedFact { domain, value }| format!("{domain} {value}"))
        .collect();
    facts.join(", ")
}

/// `DOMAIN=VALUE` or `ITEM.DOMAIN=VALUE` on the command line.
fn fact(text: &str) -> Result<Said, String> {
    let form = || "write it like `cloud=none`, or `tower.site=oslo` of an item".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(form)?;
    let (item, word) = match name.rsplit_once('.') {
        Some((item, word)) => (Some(item.to_owned()), word),
        None => (None, name),
    };
    let domain = Domain::ALL.iter().find(|(known, _)| *known == word);
    let (_, domain) = domain.ok_or_else(|| {
        let words: Vec<&str> = Domain::ALL.iter().map(|(word, _)| *word).collect();
        format!("the facts are {}", words.join(", "))
    })?;
    let said = value.trim();
    let fact = match said {
        "" => None,
        said => Some(CustodyFact::of_text(said).ok_or_else(form)?),
    };
    Ok(Said {
        item,
        domain: *domain,
        fact,
    })
}
