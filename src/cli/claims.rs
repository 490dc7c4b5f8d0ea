//! Claims about a policy: from the command line, or from a file with one in each line.

use std::path::{Component, Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::custody::{CustodyArgs, ShownProblem};
use super::failure::BadClaim;
use super::render::{self, Screen};
use super::{Exit, Failure, input, output};
use crate::analysis::fate::Facts;
use crate::analysis::{Analyst, Claim, Verdict};
use crate::compile::{Compiled, PolicyId};
use crate::logic::TooLarge;
use crate::policy::Policy;

/// Claims that a policy is held to.
#[derive(Debug, Args)]
pub(super) struct ClaimArgs {
    /// Judge a claim, such as 'never 2 of agents before 30 days'; may be given several times
    #[arg(long, value_name = "CLAIM")]
    require: Vec<String>,
    /// Judge the claims of a file, one in each line; `#` begins a remark
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
    /// Write the first counterexample as an incident, which `longstop simulate` plays
    #[arg(long, value_name = "FILE")]
    counterexample: Option<PathBuf>,
}

/// What came of all claims.
#[derive(Debug, Serialize)]
pub(super) struct Judged {
    pub policy: String,
    pub id: PolicyId,
    pub passed: bool,
    pub claims: Vec<Verdict>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attestation_problems: Vec<ShownProblem>,
    /// The file to which the first counterexample was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterexample: Option<String>,
}

impl ClaimArgs {
    /// Whether there is anything to judge.
    pub(super) const fn are_given(&self) -> bool {
        !self.require.is_empty() || self.claims.is_some() || self.counterexample.is_some()
    }

    /// Judges all claims, also those after one that does not hold.
    pub(super) fn judge(
        &self,
        file: &str,
        policy_path: &Path,
        compiled: &Compiled,
        custody: &CustodyArgs,
        screen: &Screen,
    ) -> Result<Exit, Failure> {
        let policy = compiled.policy();
        let mut lines: Vec<Line> = (1..)
            .zip(&self.require)
            .map(|(number, text)| Line {
                place: format!("--require {number}"),
                text: text.clone(),
            })
            .collect();
        if let Some(path) = &self.claims {
            lines.extend(read(path)?);
        }
        if lines.is_empty() {
            return Err(Failure::NothingClaimed);
        }
        let claims = parsed(&lines, policy)?;
        let mut analyst = Analyst::of(policy);
        let (claims, attestation_problems) = match custody.are_given() {
            false => (verdicts(file, &mut analyst, &claims)?, Vec::new()),
            true => {
                let (attestations, problems) = custody.attestations(compiled)?;
                screen.attestations(&problems);
                let facts = Facts::of(policy, &attestations);
                let verdicts = claims.iter();
                let verdicts = verdicts.map(|claim| analyst.judge_attested(claim, &facts));
                (all(file, verdicts.collect())?, problems)
            }
        };
        let mut judged = Judged {
            policy: policy.name().to_owned(),
            id: compiled.id(),
            passed: claims.iter().all(Verdict::holds),
            claims,
            attestation_problems,
            counterexample: None,
        };
        if let Some(path) = &self.counterexample {
            judged.counterexample = written(path, policy_path, &analyst, &judged.claims)?;
        }
        screen.show(&judged, |width| render::claims(&judged, width))?;
        Ok(if judged.passed { Exit::Ok } else { Exit::Unmet })
    }
}

/// A claim as it was written, and where.
pub(super) struct Line {
    place: String,
    text: String,
}

/// The claims of a file.
pub(super) fn read(path: &Path) -> Result<Vec<Line>, Failure> {
    let text = input::policy_text(path)?;
    let lines = (1..).zip(text.text.lines()).map(|(number, line)| Line {
        place: format!("`{}`, line {number}", text.file),
        text: line.split('#').next().unwrap_or_default().trim().to_owned(),
    });
    let lines: Vec<Line> = lines.filter(|line| !line.text.is_empty()).collect();
    if lines.is_empty() {
        return Err(Failure::NoClaims { file: text.file });
    }
    Ok(lines)
}

/// The claims, or all that is wrong with them.
pub(super) fn parsed(lines: &[Line], policy: &Policy) -> Result<Vec<Claim>, Failure> {
    let mut claims = Vec::new();
    let mut bad = Vec::new();
    for line in lines {
        match Claim::parse(&line.text, policy) {
            Ok(claim) => claims.push(claim),
            Err(error) => bad.push(BadClaim {
                place: line.place.clone(),
                text: line.text.clone(),
                error,
            }),
        }
    }
    if bad.is_empty() {
        Ok(claims)
    } else {
        Err(Failure::Claims(bad))
    }
}

/// A verdict for each claim.
pub(super) fn verdicts(
    file: &str,
    analyst: &mut Analyst<'_>,
    claims: &[Claim],
) -> Result<Vec<Verdict>, Failure> {
    let verdicts = claims.iter().map(|claim| analyst.judge(claim));
    all(file, verdicts.collect())
}

fn all(file: &str, verdicts: Result<Vec<Verdict>, TooLarge>) -> Result<Vec<Verdict>, Failure> {
    verdicts.map_err(|source| Failure::Analysis {
        file: file.to_owned(),
        source,
    })
}

/// Writes the first counterexample that can be played, and says to which file; nothing where
/// there is none.
fn written(
    path: &Path,
    policy: &Path,
    analyst: &Analyst<'_>,
    verdicts: &[Verdict],
) -> Result<Option<String>, Failure> {
    let policy = beside(policy, path);
    let mut incidents = verdicts
        .iter()
        .filter_map(|verdict| analyst.incident(verdict, &policy));
    let Some(incident) = incidents.next() else {
        return Ok(None);
    };
    let file = input::file_name(path);
    output::replace(path, |writer| writer.write_all(incident.as_bytes())).map_err(|source| {
        Failure::Write {
            file: file.clone(),
            source,
        }
    })?;
    Ok(Some(file))
}

/// The name of a policy file as an incident in another file names it.
fn beside(policy: &Path, incident: &Path) -> String {
    let folder = incident.parent().unwrap_or(Path::new(""));
    let is_plain = |path: &Path| {
        path.components()
            .all(|part| matches!(part, Component::Normal(_)))
    };
    let name = if is_plain(policy) && is_plain(folder) {
        let shared = policy.components().zip(folder.components());
        let shared = shared.take_while(|(one, other)| one == other).count();
        let up = folder
            .components()
            .skip(shared)
            .map(|_| Component::ParentDir);
        up.chain(policy.components().skip(shared)).collect()
    } else {
        std::path::absolute(policy).unwrap_or_else(|_| policy.to_owned())
    };
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_finds_its_policy() {
        let cases = [
            ("policy.toml", "found.toml", "policy.toml"),
            ("a/policy.toml", "found.toml", "a/policy.toml"),
            ("a/policy.toml", "a/found.toml", "policy.toml"),
            ("a/policy.toml", "a/incidents/found.toml", "../policy.toml"),
            ("a/policy.toml", "b/found.toml", "../a/policy.toml"),
        ];
        for (policy, incident, expected) in cases {
            assert_eq!(beside(Path::new(policy), Path::new(incident)), expected);
        }
        let absolute = beside(Path::new("/a/policy.toml"), Path::new("found.toml"));
        assert_eq!(absolute, "/a/policy.toml");
        assert!(Path::new(&beside(Path::new("../p.toml"), Path::new("f.toml"))).is_absolute());
    }
}
