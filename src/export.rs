//! A compiled policy in the formats of other programs.
//!
//! Everything here is a pure function of a [`Compiled`] policy and of what is asked for.  A format
//! that cannot hold a stage refuses it by name, with the reason; nothing is left out in silence.

mod bip388;
mod bsms;
mod core;
mod dot;
mod graph;
mod labels;
mod liana;
mod mermaid;
mod svg;
mod whole;

use std::fmt;

use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::compile::{Compiled, Stage, StageDescriptor};
use crate::units::UnixTime;

pub use self::bip388::{NoWalletPolicy, wallet_policy};
pub use self::graph::{Move, Picture, Place, PlaceKind};

/// A format to export to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The array that Bitcoin Core's `importdescriptors` takes.
    Core,
    /// Wallet policies as signing devices register them (BIP-388).
    Bip388,
    /// Descriptor records of the second round of a multisig setup (BIP-129).
    Bsms,
    /// The descriptor that the Liana wallet takes.
    Liana,
    /// Labels for keys and addresses, one JSON object to a line (BIP-329).
    Labels,
    /// All there is, as one JSON document.
    Json,
    /// A picture of stages and transactions, for Mermaid.
    Mermaid,
    /// The same for Graphviz.
    Dot,
    /// The same as a drawing.
    Svg,
}

impl Format {
    /// All formats with their names on the command line.
    pub const ALL: [(&'static str, Self); 9] = [
        ("core", Self::Core),
        ("bip388", Self::Bip388),
        ("bsms", Self::Bsms),
        ("liana", Self::Liana),
        ("labels", Self::Labels),
        ("json", Self::Json),
        ("mermaid", Self::Mermaid),
        ("dot", Self::Dot),
        ("svg", Self::Svg),
    ];

    /// Whether it draws the policy as a whole.
    const fn is_picture(self) -> bool {
        matches!(self, Self::Mermaid | Self::Dot | Self::Svg)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, format)| format == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

/// What is asked for beside the format.
#[derive(Clone, Debug)]
pub struct Request {
    /// The stage, or all of them.
    pub stage: Option<Stage>,
    /// From when on a node looks for coins, if not from now on.
    pub since: Option<UnixTime>,
    /// The last index that a node watches, at least.
    pub last_index: u32,
    /// How many addresses of each keychain are listed.
    pub addresses: u32,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            stage: None,
            since: None,
            last_index: 999,
            addresses: 20,
        }
    }
}

/// One piece of an export.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exported {
    /// The stage it holds, where it holds just one.
    #[serde(flatten)]
    pub stage: Option<Stage>,
    /// What it is.
    pub content: Content,
}

/// What is exported: a JSON value where the format is one, and text otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Content {
    /// A JSON value.
    Json(Value),
    /// A text, which ends with a line feed.
    Text(String),
}

/// Exports a policy: one piece for each stage where the format holds one stage at a time, and one
/// piece altogether otherwise.
///
/// # Errors
///
/// If the policy has no such stage, or if the format cannot hold one of the stages.
pub fn export(
    compiled: &Compiled,
    format: Format,
    request: &Request,
) -> Result<Vec<Exported>, ExportError> {
    if format.is_picture() && request.stage.is_some() {
        return Err(ExportError::WholeOnly { format });
    }
    let stages = stages(compiled, request)?;
    let whole = |content| {
        Ok(vec![Exported {
            stage: None,
            content,
        }])
    };
    let each = |one: &dyn Fn(&StageDescriptor) -> Result<Content, String>| {
        stages
            .iter()
            .map(|stage| match one(stage) {
                Ok(content) => Ok(Exported {
                    stage: Some(stage.stage().clone()),
                    content,
                }),
                Err(reason) => Err(ExportError::Refused {
                    format,
                    stage: stage.stage().clone(),
                    reason,
                }),
            })
            .collect()
    };
    match format {
        Format::Core => whole(Content::Json(core::import(&stages, request)?)),
        Format::Bip388 => each(&|stage| {
            let policy = wallet_policy(compiled, stage);
            policy.map(Content::Json).map_err(|error| error.to_string())
        }),
        Format::Bsms => each(&|stage| bsms::record(compiled, stage).map(Content::Text)),
        Format::Liana => each(&|stage| liana::descriptor(compiled, stage).map(Content::Text)),
        Format::Labels => whole(Content::Text(labels::lines(compiled, &stages, request)?)),
        Format::Json => whole(Content::Json(whole::document(compiled, &stages, request)?)),
        Format::Mermaid => whole(Content::Text(mermaid::draw(&Picture::of(compiled)))),
        Format::Dot => whole(Content::Text(dot::draw(&Picture::of(compiled)))),
        Format::Svg => whole(Content::Text(svg::draw(&Picture::of(compiled)))),
    }
}

fn stages<'a>(
    compiled: &'a Compiled,
    request: &Request,
) -> Result<Vec<&'a StageDescriptor>, ExportError> {
    match &request.stage {
        None => Ok(compiled.stages().collect()),
        Some(stage) => match compiled.stage(stage) {
            Some(descriptor) => Ok(vec![descriptor]),
            None => Err(ExportError::NoSuchStage {
                stage: stage.clone(),
                known: compiled
                    .stages()
                    .map(|known| known.stage().clone())
                    .collect(),
            }),
        },
    }
}

/// Receive and change: a descriptor with each half of its branch pairs; just one where it has no
/// branches.
fn halves(
    format: Format,
    stage: &StageDescriptor,
) -> Result<Vec<Descriptor<DescriptorPublicKey>>, ExportError> {
    let halves = stage.descriptor().clone().into_single_descriptors();
    halves.map_err(|error| ExportError::Refused {
        format,
        stage: stage.stage().clone(),
        reason: error.to_string(),
    })
}

/// Why nothing is exported.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The policy has no such stage.
    #[error("this policy has no {stage}; it has {}", list(known))]
    NoSuchStage {
        /// The stage that was asked for.
        stage: Stage,
        /// The stages there are.
        known: Vec<Stage>,
    },
    /// The format cannot hold what the stage is.
    #[error("{format} cannot hold the {stage}: {reason}")]
    Refused {
        /// The format.
        format: Format,
        /// The stage.
        stage: Stage,
        /// The reason, with the name of the path where it is one.
        reason: String,
    },
    /// A picture is of the whole policy.
    #[error("{format} draws all stages; leave out `--stage`")]
    WholeOnly {
        /// The format.
        format: Format,
    },
}

fn list(stages: &[Stage]) -> String {
    let names: Vec<String> = stages.iter().map(|stage| format!("the {stage}")).collect();
    names.join(", ")
}
