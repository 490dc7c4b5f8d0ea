//! The policy of an imported descriptor, as a document.

use std::collections::BTreeSet;
use std::fmt::Write;

use bitcoin::NetworkKind;
use bitcoin::bip32::Fingerprint;
use miniscript::descriptor::Descriptor;

use super::party::Holder;
use super::source::shown;
use super::way::{Expr, Way};
use super::{ImportError, Imported};
use crate::policy::{Network, is_name};
use crate::units::{AbsoluteLock, Blocks, RelativeLock, SECONDS_PER_BLOCK};

/// How much longer than the refresh interval a delay has to be.
const REFRESH_MARGIN: Blocks = Blocks(2016);

/// What the reader chooses of an imported policy.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    /// The name of the policy.
    pub policy: Option<String>,
    /// The names of parties, by the fingerprints of their master keys; [`Imported::check_names`]
    /// says whether they are fit.
    pub parties: Vec<(Fingerprint, String)>,
    /// The network, which a `tpub` does not tell by itself.
    pub network: Option<Network>,
}

impl Imported {
    /// Whether the names that were chosen are names, each for one party of the descriptor.
    ///
    /// # Errors
    ///
    /// If a fingerprint is nobody's or stands twice, or a name is none or stands twice.
    pub fn check_names(&self, naming: &Naming) -> Result<(), ImportError> {
        let known: BTreeSet<Fingerprint> = self
            .holders
            .iter()
            .filter_map(Holder::fingerprint)
            .collect();
        for (number, (fingerprint, name)) in naming.parties.iter().enumerate() {
            let before = naming.parties.iter().take(number);
            if !known.contains(fingerprint) {
                return Err(ImportError::NobodysFingerprint {
                    given: *fingerprint,
                    known: known.into_iter().collect(),
                });
            }
            if before.clone().any(|(other, _)| other == fingerprint) {
                return Err(ImportError::NamedTwice {
                    fingerprint: *fingerprint,
                });
            }
            if !is_name(name) {
                return Err(ImportError::NoName { given: shown(name) });
            }
            if before.clone().any(|(_, other)| other == name) {
                return Err(ImportError::SameName { name: name.clone() });
            }
        }
        Ok(())
    }

    /// The policy that means the same and keeps the descriptor.
    ///
    /// Signers become parties, thresholds quorums, the first way to spend that of root, and every
    /// other way a direct path.
    #[must_use]
    pub fn document(&self, naming: &Naming) -> String {
        let mut writer = Writer {
            parties: self.party_names(naming),
            quorums: Vec::new(),
        };
        let mut paths = String::new();
        let mut ways = self.ways.iter();
        let root = ways.next();
        let holders = root.map(|way| writer.quorum(&way.signers, "holders"));
        for (number, way) in ways.clone().enumerate() {
            let name = writer.free(&format!("path-{}", number + 1));
            let quorum = writer.quorum(&way.signers, &format!("signers-{}", number + 1));
            path(&mut paths, &name, &quorum, way);
        }
        let mut out = String::new();
        let mut line = |text: std::fmt::Arguments<'_>| {
            writeln!(out, "{text}").expect("writing to a string never fails");
        };
        line(format_args!(
            "# Imported from a {}.  The descriptor is kept as it is; what it means is said below.",
            self.source.name()
        ));
        line(format_args!("\n[policy]"));
        let name = naming
            .policy
            .clone()
            .or_else(|| self.name.as_deref().map(plain));
        let name = name.unwrap_or_else(|| "imported".to_owned());
        line(format_args!("name = {}", string(&name)));
        line(format_args!("network = \"{}\"", self.network(naming)));
        let script = match self.descriptor {
            Descriptor::Tr(_) => "tr",
            _ => "wsh",
        };
        line(format_args!("script = \"{script}\""));
        line(format_args!(
            "descriptor = {}",
            string(&self.descriptor.to_string())
        ));
        if !self.survives_loss_of_root() {
            line(format_args!(
                "accept_total_loss = \"as imported: every way to spend takes keys of root\""
            ));
        }
        for (holder, name) in self.holders.iter().zip(&writer.parties) {
            line(format_args!("\n[parties.{}]", key(name)));
            line(format_args!("key = {}", string(&holder.expression())));
        }
        line(format_args!("\n[quorums]"));
        for (name, _, text) in &writer.quorums {
            line(format_args!("{name} = {text}"));
        }
        line(format_args!("\n[root]"));
        line(format_args!(
            "quorum = {}",
            string(&holders.unwrap_or_default())
        ));
        let (refresh, short) = self.refresh();
        if let Some(refresh) = refresh {
            line(format_args!(
                "# Choose how often root moves every coin: it has to be before the shortest delay."
            ));
            line(format_args!("refresh = \"{refresh}\""));
        }
        out.push_str(&paths);
        if short {
            out.push_str("\n[lints]\nLS0503 = \"as imported: the delay is in the descriptor\"\n");
        }
        out
    }

    /// The names of the holders: as chosen, or by number.
    fn party_names(&self, naming: &Naming) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (number, holder) in self.holders.iter().enumerate() {
            let mut chosen = naming.parties.iter();
            let chosen = chosen.find(|(named, _)| holder.fingerprint() == Some(*named));
            let number = || format!("party-{}", number + 1);
            let name = chosen.map_or_else(number, |(_, name)| name.clone());
            // A signer with two accounts is two parties to the language.
            let mut unique = name.clone();
            let mut count = 1;
            while names.contains(&unique) {
                count += 1;
                unique = format!("{name}-{count}");
            }
            names.push(unique);
        }
        names
    }

    fn network(&self, naming: &Naming) -> Network {
        let kinds = self.holders.iter().find_map(Holder::network);
        naming.network.or(self.network).unwrap_or(match kinds {
            Some(NetworkKind::Test) => Network::Testnet4,
            Some(NetworkKind::Main) | None => Network::Bitcoin,
        })
    }

    /// Whether some path needs nobody of root.
    fn survives_loss_of_root(&self) -> bool {
        let Some((root, paths)) = self.ways.split_first() else {
            return false;
        };
        let mut gone = Vec::new();
        keys(&root.signers, &mut gone);
        paths
            .iter()
            .any(|path| is_met(&path.signers, &|key| !gone.contains(&key)))
    }

    /// A refresh interval well before the shortest delay, and whether that is shorter than the
    /// language wants.
    fn refresh(&self) -> (Option<Blocks>, bool) {
        let delays = self.ways.iter().skip(1).filter_map(|way| way.relative);
        let Some(shortest) = delays.map(RelativeLock::expected_seconds).min() else {
            return (None, false);
        };
        let blocks = shortest / u64::from(SECONDS_PER_BLOCK);
        let room = blocks.saturating_sub(u64::from(REFRESH_MARGIN.0));
        let refresh = u32::try_from(room / 2).unwrap_or(u32::MAX).max(1);
        (Some(Blocks(refresh)), room < 2)
    }
}

struct Writer {
    parties: Vec<String>,
    /// Name, meaning and text of each quorum.
    quorums: Vec<(String, Expr, String)>,
}

impl Writer {
    /// The name of the quorum of an expression, which is made with this name if it is new.
    fn quorum(&mut self, signers: &Expr, name: &str) -> String {
        if let Some((known, _, _)) = self.quorums.iter().find(|(_, known, _)| known == signers) {
            return known.clone();
        }
        let (threshold, members) = match signers {
            Expr::Key(_) => (1, std::slice::from_ref(signers)),
            Expr::Threshold(threshold, members) => (*threshold, members.as_slice()),
        };
        let members: Vec<String> = members
            .iter()
            .enumerate()
            .map(|(number, member)| match member {
                Expr::Key(number) => self.parties.get(*number).cloned().unwrap_or_default(),
                inner => self.quorum(inner, &format!("{name}-{}", number + 1)),
            })
            .map(|name| string(&name))
            .collect();
        let text = format!(
            "{{ threshold = {threshold}, of = [{}] }}",
            members.join(", ")
        );
        let name = self.free(name);
        self.quorums.push((name.clone(), signers.clone(), text));
        name
    }

    /// This name, or with a number behind it where somebody is called so.
    fn free(&self, name: &str) -> String {
        let is_taken = |name: &String| {
            self.parties.contains(name) || self.quorums.iter().any(|(known, ..)| known == name)
        };
        let numbered = (2_u32..).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        names.find(|name| !is_taken(name)).unwrap_or_default()
    }
}

fn path(out: &mut String, name: &str, quorum: &str, way: &Way) {
    let mut line = |text: std::fmt::Arguments<'_>| {
        writeln!(out, "{text}").expect("writing to a string never fails");
    };
    line(format_args!("\n[[path]]"));
    line(format_args!("name = \"{name}\""));
    line(format_args!("quorum = \"{quorum}\""));
    match way.relative {
        Some(RelativeLock::Blocks(blocks)) => line(format_args!("delay = \"{blocks} blocks\"")),
        Some(lock @ RelativeLock::Units512(_)) => {
            // The most whole minutes that the lock covers: rounded up again they are the lock.
            line(format_args!("clock = \"time\""));
            line(format_args!(
                "delay = \"{} minutes\"",
                lock.expected_seconds() / 60
            ));
        }
        None => {}
    }
    match way.absolute {
        Some(AbsoluteLock::Height(height)) => line(format_args!("unlock_height = {height}")),
        Some(lock @ AbsoluteLock::Time(_)) => {
            let moment = chrono::DateTime::from_timestamp(i64::from(lock.to_consensus()), 0);
            let moment = moment.map(|moment| moment.format("%Y-%m-%dT%H:%M:%SZ").to_string());
            line(format_args!(
                "unlock_at = \"{}\"",
                moment.unwrap_or_default()
            ));
        }
        None => {}
    }
}

fn keys(signers: &Expr, all: &mut Vec<usize>) {
    match signers {
        Expr::Key(number) => all.push(*number),
        Expr::Threshold(_, members) => members.iter().for_each(|member| keys(member, all)),
    }
}

fn is_met(signers: &Expr, signs: &dyn Fn(usize) -> bool) -> bool {
    match signers {
        Expr::Key(number) => signs(*number),
        Expr::Threshold(threshold, members) => {
            let met = members.iter().filter(|member| is_met(member, signs));
            met.count() >= *threshold
        }
    }
}

/// A name of the language made of a foreign one: its letters and digits, and `-` for the rest.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    for c in name.chars().take(48) {
        if c.is_ascii_alphanumeric() || c == '_' {
            plain.push(c);
        } else if !plain.ends_with('-') {
            plain.push('-');
        }
    }
    let plain = plain.trim_matches('-');
    if plain.is_empty() {
        "imported".to_owned()
    } else {
        plain.to_owned()
    }
}

/// A key of TOML: bare where it can be.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(is_bare) {
        name.to_owned()
    } else {
        string(name)
    }
}

/// A string of TOML.
fn string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
