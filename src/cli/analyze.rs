//! `longstop analyze`: who can do what, when, and who can stop it?

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Serialize, Serializer};

use super::claims::ClaimArgs;
use super::custody::{CustodyArgs, ShownProblem};
use super::input::PolicyArgs;
use super::render::{self, Screen};
use super::{Exit, Failure, input, output};
use crate::analysis::fate::{Facts, Fate};
use crate::analysis::{Analysis, Analyst};
use crate::compile::PolicyId;
use crate::policy::{Code, Diagnostic};
use crate::report::analysis::{Dossier, Picture};

/// Say exactly who can do what, when, and who can stop it
///
/// Coalitions and losses are minimal ones, all of them counted and none sampled. What a defender
/// can do supposes that he watches the chain, has fees, and broadcasts what the files let him.
///
/// Shared fate is told in two readings: with everything where it is said to be, and with only what
/// is attested as independence.
///
/// With claims, only these are judged: each is proved, or answered by a counterexample and exit code
/// 1. With attestations, a claim about domains has to hold in both readings.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: policy, id, parties, stages [stage, path, moments [at, powers [power, path, leads, opens,\nwho, unarmed]]], thefts, controls, losses, rescue, fate, attestation_problems and lints [code, message, advice];\nwho: count, sizes, groups, sets with --all; fate: facts, items, already, stated and worst [findings\n[domains, consequences, remedy]]."
)]
pub(super) struct Analyze {
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    custody: CustodyArgs,
    /// List minimal sets one by one, so many of each
    #[arg(long, value_name = "LIMIT", num_args = 0..=1, default_missing_value = "1000")]
    all: Option<usize>,
    /// What to make of it
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["require", "claims"])]
    format: Option<AnalysisFormat>,
    /// Draw one picture as SVG: timeline, map or custody
    #[arg(long, value_name = "PICTURE", value_parser = picture, conflicts_with_all = ["format", "require", "claims"])]
    picture: Option<Picture>,
    /// Write to a file, whole or not at all
    #[arg(long, value_name = "FILE", conflicts_with_all = ["require", "claims"])]
    output: Option<PathBuf>,
    #[command(flatten)]
    claims: ClaimArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AnalysisFormat {
    /// For the terminal.
    Text,
    /// One JSON document, as with `--json`.
    Json,
    /// One page that needs nothing else, with pictures.
    Html,
    /// The pictures, one below the other.
    Svg,
    /// The time line for Mermaid.
    Mermaid,
}

/// The result as it is shown.
#[derive(Serialize)]
pub(super) struct Shown {
    pub id: PolicyId,
    #[serde(flatten)]
    pub analysis: Analysis,
    pub fate: Fate,
    pub attestation_problems: Vec<ShownProblem>,
    /// What the check of the policy found; those lints are shown that are about who can do what.
    #[serde(serialize_with = "of_analysis")]
    pub lints: Vec<Diagnostic>,
    /// Whether everything is listed.
    #[serde(skip)]
    pub all: bool,
}

/// The lints that are about who can do what, without their places in the policy.
fn of_analysis<S: Serializer>(found: &[Diagnostic], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Lint<'a> {
        code: Code,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        advice: Option<&'a str>,
    }
    let lints = found
        .iter()
        .filter(|problem| problem.code().is_of_analysis());
    serializer.collect_seq(lints.map(|problem| Lint {
        code: problem.code(),
        message: problem.message(),
        advice: problem.advice(),
    }))
}

impl Analyze {
    /// Whether the result is JSON.
    pub(super) fn wants_json(&self, json: bool) -> Result<bool, Failure> {
        match self.format {
            None if json && self.picture.is_some() => Err(Failure::TwoFormats),
            None => Ok(json),
            Some(AnalysisFormat::Json) => Ok(true),
            Some(_) if json => Err(Failure::TwoFormats),
            Some(_) => Ok(false),
        }
    }

    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let read = input::policy(&self.policy)?;
        let file = input::compiled(&read)?;
        screen.warnings(&file.checked);
        if self.claims.are_given() {
            let path = self.policy.path();
            let claims = &self.claims;
            return claims.judge(&read.file, path, &file.compiled, &self.custody, screen);
        }
        let policy = file.compiled.policy();
        let too_large = |source| Failure::Analysis {
            file: read.file.clone(),
            source,
        };
        let (attestations, attestation_problems) = self.custody.attestations(&file.compiled)?;
        screen.attestations(&attestation_problems);
        let mut analyst = Analyst::of(policy);
        let mut analysis = analyst.analyze().map_err(too_large)?;
        let mut fate = analyst.fate(&Facts::of(policy, &attestations));
        if let Some(limit) = self.all {
            analysis.list(limit);
            fate.list(limit);
        }
        let shown = Shown {
            id: file.compiled.id(),
            analysis,
            fate,
            attestation_problems,
            lints: file.checked.diagnostics.clone(),
            all: self.all.is_some(),
        };
        let dossier = || {
            Dossier::of(
                policy,
                shown.id,
                &shown.analysis,
                &attestations,
                &shown.lints,
            )
            .map_err(too_large)
        };
        let drawn = match (self.format, self.picture) {
            (_, Some(picture)) => Some(dossier()?.svg(Some(picture))),
            (Some(AnalysisFormat::Svg), None) => Some(dossier()?.svg(None)),
            (Some(AnalysisFormat::Html), None) => Some(dossier()?.html()),
            (Some(AnalysisFormat::Mermaid), None) => Some(dossier()?.mermaid()),
            (None | Some(AnalysisFormat::Text | AnalysisFormat::Json), None) => None,
        };
        let text = |width| drawn.unwrap_or_else(|| render::analysis(&shown, width));
        match &self.output {
            None => screen.show(&shown, text)?,
            Some(path) => {
                let text = screen.plain(&shown, text)?;
                output::replace(path, |writer| writer.write_all(text.as_bytes())).map_err(
                    |source| Failure::Write {
                        file: input::file_name(path),
                        source,
                    },
                )?;
            }
        }
        Ok(Exit::Ok)
    }
}

fn picture(text: &str) -> Result<Picture, String> {
    let known = Picture::ALL.iter().find(|(name, _)| *name == text);
    known.map(|(_, picture)| *picture).ok_or_else(|| {
        let names: Vec<&str> = Picture::ALL.iter().map(|(name, _)| *name).collect();
        format!("the pictures are {}", names.join(", "))
    })
}
