//! Which signing devices can register and sign the stages of a policy.
//!
//! What is known of them stands in one file, `devices.toml`, every cell with a source and the
//! month in which it was read.  A cell without both is unknown, and whatever rests on an unknown
//! cell is unknown as well.

use std::collections::BTreeSet;
use std::fmt;

use miniscript::descriptor::{Descriptor, DescriptorPublicKey, SinglePub};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::compile::{
    Compiled, Leaf, LeafKind, Piece, Stage, StageDescriptor, is_unspendable, pieces,
};
use crate::export::{NoWalletPolicy, wallet_policy};
use crate::units::{AbsoluteLock, RelativeLock};

/// The file.
const DATA: &str = include_str!("devices/devices.toml");

/// What is known of the devices.
#[derive(Clone, Debug)]
pub struct Devices {
    devices: Vec<Device>,
}

/// One device, or rather the software on it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Device {
    name: String,
    software: String,
    wsh: Option<Cell>,
    tr: Option<Cell>,
    keys_wsh: Option<Cell>,
    keys_tr: Option<Cell>,
    template: Option<Cell>,
    leaves: Option<Cell>,
    depth: Option<Cell>,
    repeats_wsh: Option<Cell>,
    repeats_tr: Option<Cell>,
    others: Option<Cell>,
    origins: Option<Cell>,
    version3: Option<Cell>,
    blocks: Option<Cell>,
    time: Option<Cell>,
    height: Option<Cell>,
    date: Option<Cell>,
}

#[derive(Clone, Debug, Deserialize)]
struct File {
    device: Vec<Device>,
}

/// What somebody has written down, and where.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Cell {
    answer: Option<Answer>,
    since: Option<String>,
    most: Option<usize>,
    counts: Counts,
    note: Option<String>,
    source: Option<String>,
    read: Option<String>,
}

/// What a limit on keys counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Counts {
    /// Extended keys, each once.
    #[default]
    Keys,
    /// Key expressions, each branch pair by itself; one that stands in several leaves, once.
    Uses,
}

/// Whether a device can do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Somebody has written that it cannot.
    No,
    /// Nobody has written it down.
    Unknown,
    /// Somebody has written that it can.
    Yes,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        })
    }
}

/// An answer with what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The answer.
    pub answer: Answer,
    /// Every fact behind it, the decisive ones first.
    pub because: Vec<Fact>,
}

/// One fact: what is asked, what is known of it, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What is asked of the device.
    pub what: String,
    /// What is known.
    pub answer: Answer,
    /// The first version, where one is stated.
    pub since: Option<String>,
    /// What else is stated.
    pub note: Option<String>,
    /// Where it is stated.
    pub source: Option<String>,
    /// The month in which it was read there.
    pub read: Option<String>,
}

/// What the devices can do with one stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageDevices {
    /// The stage.
    #[serde(flatten)]
    pub stage: Stage,
    /// How many extended keys it has, or single ones, each once.
    pub keys: usize,
    /// How many key expressions.
    pub key_uses: usize,
    /// How many characters its template has, where it is a wallet policy (BIP-388).
    pub template: Option<usize>,
    /// How many leaves its tree has; none in P2WSH.
    pub leaves: usize,
    /// How deep its tree is.
    pub depth: usize,
    /// Device by device.
    pub devices: Vec<StageDevice>,
}

/// What one device can do with one stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageDevice {
    /// The device.
    pub device: String,
    /// What runs on it.
    pub software: String,
    /// Whether it can register the stage.
    pub register: Finding,
    /// Whether it can sign each leaf, in the order of the stage's.
    pub sign: Vec<LeafDevice>,
}

/// Whether a device can sign one leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeafDevice {
    /// The leaf.
    #[serde(flatten)]
    pub leaf: LeafKind,
    /// Whether it can.
    pub finding: Finding,
}

impl Devices {
    /// What stands in the file.
    ///
    /// # Panics
    ///
    /// Never: the file is part of the program, and a test reads it.
    #[must_use]
    pub fn known() -> Self {
        Self::parse(DATA).expect("the file is part of the program, and a test reads it")
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let file: File = toml::from_str(text)?;
        Ok(Self {
            devices: file.device,
        })
    }

    /// What the devices can do with each stage of a policy.
    #[must_use]
    pub fn preflight(&self, compiled: &Compiled) -> Vec<StageDevices> {
        let stages = compiled.stages();
        stages.map(|stage| self.stage(compiled, stage)).collect()
    }

    fn stage(&self, compiled: &Compiled, stage: &StageDescriptor) -> StageDevices {
        let policy = wallet_policy(compiled, stage);
        let size = Size::of(stage, policy.as_ref().ok());
        let devices = self.devices.iter().map(|device| {
            let register = device.register(stage, &size, policy.as_ref().err());
            let sign = stage
                .leaves()
                .iter()
                .map(|leaf| LeafDevice {
                    leaf: leaf.kind().clone(),
                    finding: device.sign(stage, leaf, &register),
                })
                .collect();
            StageDevice {
                device: device.name.clone(),
                software: device.software.clone(),
                register,
                sign,
            }
        });
        StageDevices {
            stage: stage.stage().clone(),
            keys: size.keys,
            key_uses: size.uses,
            template: size.template,
            leaves: size.leaves,
            depth: size.depth,
            devices: devices.collect(),
        }
    }
}

/// What limits are about.
struct Size {
    keys: usize,
    uses: usize,
    /// Uses of keys that differ.
    distinct: usize,
    template: Option<usize>,
    leaves: usize,
    depth: usize,
    without_origin: usize,
}

impl Size {
    fn of(stage: &StageDescriptor, policy: Option<&Value>) -> Self {
        let text = format!("{:#}", stage.descriptor());
        let mut keys: Vec<String> = Vec::new();
        let mut distinct: BTreeSet<&str> = BTreeSet::new();
        let (mut uses, mut without_origin) = (0, 0);
        for piece in pieces(&text) {
            let Piece::Key(word, key) = piece else {
                continue;
            };
            uses += 1;
            distinct.insert(word);
            let (origin, text) = match &*key {
                DescriptorPublicKey::XPub(key) => (&key.origin, key.xkey.to_string()),
                DescriptorPublicKey::MultiXPub(key) => (&key.origin, key.xkey.to_string()),
                DescriptorPublicKey::Single(single) => {
                    let bare = SinglePub {
                        origin: None,
                        key: single.key.clone(),
                    };
                    let text = DescriptorPublicKey::Single(bare).to_string();
                    (&single.origin, text)
                }
            };
            if keys.contains(&text) {
                continue;
            }
            // With the key of nobody, nobody looks for an own one.
            if origin.is_none() && !is_unspendable(&key) {
                without_origin += 1;
            }
            keys.push(text);
        }
        let depths: Vec<usize> = match stage.descriptor() {
            Descriptor::Tr(tr) => tr.iter_scripts().map(|(depth, _)| depth.into()).collect(),
            _ => Vec::new(),
        };
        Self {
            keys: keys.len(),
            uses,
            distinct: distinct.len(),
            template: policy
                .and_then(|policy| policy.get("descriptor_template"))
                .and_then(Value::as_str)
                .map(str::len),
            leaves: depths.len(),
            depth: depths.into_iter().max().unwrap_or_default(),
            without_origin,
        }
    }
}

impl Device {
    fn register(
        &self,
        stage: &StageDescriptor,
        size: &Size,
        form: Option<&NoWalletPolicy>,
    ) -> Finding {
        let taproot = stage.is_taproot();
        let (script, keys, repeats) = if taproot {
            (&self.tr, &self.keys_tr, &self.repeats_tr)
        } else {
            (&self.wsh, &self.keys_wsh, &self.repeats_wsh)
        };
        let name = if taproot { "tr" } else { "wsh" };
        let mut facts = vec![fact(script.as_ref(), format!("miniscript in {name}"))];
        // Without miniscript in it, nothing else of the stage matters.
        if facts.iter().any(|fact| fact.answer == Answer::No) {
            return finding(facts);
        }
        let (count, noun) = match keys.as_ref().map(|cell| cell.counts) {
            Some(Counts::Uses) => (size.distinct, ["use of a key", "uses of keys"]),
            _ => (size.keys, ["key", "keys"]),
        };
        facts.push(limit(keys.as_ref(), noun, count));
        // Most devices state no limit of their own for templates and trees; those that do are
        // asked.
        if let (Some(cell), Some(count)) = (&self.template, size.template) {
            let noun = ["character of the template", "characters of the template"];
            facts.push(limit(Some(cell), noun, count));
        }
        let tree = [
            (&self.leaves, ["leaf", "leaves"], size.leaves),
            (
                &self.depth,
                ["level of the tree", "levels of the tree"],
                size.depth,
            ),
        ];
        for (cell, noun, count) in tree.into_iter().filter(|(cell, ..)| cell.is_some()) {
            if taproot {
                facts.push(limit(cell.as_ref(), noun, count));
            }
        }
        facts.extend(form.map(|reason| {
            let (cell, what) = match reason {
                NoWalletPolicy::Twice { .. } => (repeats, "branches of keys in two places"),
                NoWalletPolicy::Key { .. } => (&self.others, "keys without a branch pair"),
            };
            let mut fact = fact(cell.as_ref(), what.to_owned());
            fact.note = fact.note.or_else(|| Some(reason.to_string()));
            fact
        }));
        if size.without_origin > 0 {
            let noun = if size.without_origin == 1 {
                "key without origin"
            } else {
                "keys without origin"
            };
            let what = format!("{} {noun}", size.without_origin);
            facts.push(fact(self.origins.as_ref(), what));
        }
        finding(facts)
    }

    fn sign(&self, stage: &StageDescriptor, leaf: &Leaf, register: &Finding) -> Finding {
        let mut facts = register.because.clone();
        // Every device signs version 2, which wallets have used for years.
        if stage.version().has_anchor() {
            facts.push(fact(
                self.version3.as_ref(),
                "transactions of version 3".to_owned(),
            ));
        }
        let relative = leaf.relative().map(|lock| match lock {
            RelativeLock::Blocks(_) => (&self.blocks, "locks in blocks"),
            RelativeLock::Units512(_) => (&self.time, "locks in time since the coin"),
        });
        let absolute = leaf.absolute().map(|lock| match lock {
            AbsoluteLock::Height(_) => (&self.height, "locks by height"),
            AbsoluteLock::Time(_) => (&self.date, "locks by date"),
        });
        for (cell, what) in relative.into_iter().chain(absolute) {
            facts.push(fact(cell.as_ref(), what.to_owned()));
        }
        finding(facts)
    }
}

/// The answer of a cell; unknown without a source and a date.
fn fact(cell: Option<&Cell>, what: String) -> Fact {
    let told = cell.filter(|cell| cell.is_told());
    Fact {
        what,
        answer: told.and_then(|cell| cell.answer).unwrap_or(Answer::Unknown),
        since: told.and_then(|cell| cell.since.clone()),
        note: told.and_then(|cell| cell.note.clone()),
        source: told.and_then(|cell| cell.source.clone()),
        read: told.and_then(|cell| cell.read.clone()),
    }
}

/// Whether so many are within what a cell says.
fn limit(cell: Option<&Cell>, [one, many]: [&str; 2], count: usize) -> Fact {
    let noun = if count == 1 { one } else { many };
    let mut fact = fact(cell, format!("{count} {noun}"));
    let most = cell
        .filter(|cell| cell.is_told())
        .and_then(|cell| cell.most);
    match most {
        Some(most) if count <= most => fact.answer = Answer::Yes,
        Some(most) => fact.what = format!("{count} {noun} ({most} at most)"),
        // Somebody has looked for a limit and found none, or nobody has looked.
        None => {}
    }
    fact
}

/// All facts must say yes.
fn finding(mut facts: Vec<Fact>) -> Finding {
    facts.sort_by_key(|fact| fact.answer);
    Finding {
        answer: facts.first().map_or(Answer::Unknown, |fact| fact.answer),
        because: facts,
    }
}

impl Cell {
    fn is_told(&self) -> bool {
        self.source.is_some() && self.read.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_has_a_source_and_a_month() {
        let devices = Devices::known().devices;
        assert!(!devices.is_empty());
        for device in devices {
            let cells = [
                &device.wsh,
                &device.tr,
                &device.keys_wsh,
                &device.keys_tr,
                &device.template,
                &device.leaves,
                &device.depth,
                &device.repeats_wsh,
                &device.repeats_tr,
                &device.others,
                &device.origins,
                &device.version3,
                &device.blocks,
                &device.time,
                &device.height,
                &device.date,
            ];
            for cell in cells.into_iter().flatten() {
                let source = cell.source.as_deref().expect("a source");
                assert!(source.starts_with("https://"), "{}: {source}", device.name);
                let read = cell.read.as_deref().expect("a month");
                let month = chrono::NaiveDate::parse_from_str(&format!("{read}-01"), "%Y-%m-%d");
                assert!(month.is_ok(), "{}: {read}", device.name);
                assert!(
                    cell.answer.is_some() || cell.most.is_some(),
                    "{}",
                    device.name
                );
            }
            let limits = [
                &device.keys_wsh,
                &device.keys_tr,
                &device.template,
                &device.leaves,
                &device.depth,
            ];
            for cell in limits.into_iter().flatten() {
                let unlimited = cell.answer == Some(Answer::Yes);
                assert_ne!(cell.most.is_some(), unlimited, "{}", device.name);
            }
        }
    }

    #[test]
    fn what_nobody_wrote_down_is_unknown() {
        let told = Cell {
            answer: Some(Answer::Yes),
            source: Some("https://example.org".to_owned()),
            read: Some("2026-11".to_owned()),
            ..Cell::default()
        };
        let answer = |cell: &Cell| fact(Some(cell), String::new()).answer;
        assert_eq!(answer(&told), Answer::Yes);
        for untold in [
            Cell {
                source: None,
                ..told.clone()
            },
            Cell {
                read: None,
                ..told.clone()
            },
            Cell {
                answer: None,
                ..told
            },
        ] {
            assert_eq!(answer(&untold), Answer::Unknown);
        }
        assert_eq!(fact(None, String::new()).answer, Answer::Unknown);
    }

    #[test]
    fn a_limit_is_up_to_and_including_itself() {
        let cell = |answer| Cell {
            answer,
            most: Some(15),
            source: Some("https://example.org".to_owned()),
            read: Some("2026-11".to_owned()),
            ..Cell::default()
        };
        let answer = |cell: &Cell, count| limit(Some(cell), ["key", "keys"], count).answer;
        for (count, beyond) in [(14, None), (15, None), (16, Some(()))] {
            let firm = answer(&cell(Some(Answer::No)), count);
            let open = answer(&cell(None), count);
            if beyond.is_some() {
                assert_eq!((firm, open), (Answer::No, Answer::Unknown));
            } else {
                assert_eq!((firm, open), (Answer::Yes, Answer::Yes));
            }
        }
    }

    #[test]
    fn where_somebody_found_no_limit_any_number_is_taken() {
        let unlimited = Cell {
            answer: Some(Answer::Yes),
            source: Some("https://example.org".to_owned()),
            read: Some("2026-11".to_owned()),
            ..Cell::default()
        };
        let unread = Cell {
            read: None,
            ..unlimited.clone()
        };
        for (cell, answer) in [
            (Some(&unlimited), Answer::Yes),
            (Some(&unread), Answer::Unknown),
            (None, Answer::Unknown),
        ] {
            let fact = limit(cell, ["key", "keys"], 1000);
            assert_eq!((fact.answer, fact.what.as_str()), (answer, "1000 keys"));
        }
    }

    #[test]
    fn one_no_outweighs_everything_and_one_unknown_every_yes() {
        let facts = |answers: &[Answer]| {
            let facts = answers.iter().map(|answer| Fact {
                answer: *answer,
                ..fact(None, String::new())
            });
            finding(facts.collect()).answer
        };
        assert_eq!(
            facts(&[Answer::Yes, Answer::Unknown, Answer::No]),
            Answer::No
        );
        assert_eq!(facts(&[Answer::Yes, Answer::Unknown]), Answer::Unknown);
        assert_eq!(facts(&[Answer::Yes, Answer::Yes]), Answer::Yes);
    }
}
