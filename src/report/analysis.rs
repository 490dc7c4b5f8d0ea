//! An analysis as a document: in words, in pictures, and as one page that stands alone.
//!
//! A picture is data first: [`Timeline`] says what opens when, [`Map`] who can do what by when, and
//! [`Matrix`] what is kept where.  How each is drawn is decided in `draw`, and everything that is
//! told in words in [`told`], so that terminal, page and picture say the same.

mod draw;
mod glance;
mod map;
mod matrix;
mod mermaid;
mod page;
mod shared;
mod timeline;
pub mod told;

use serde::Serialize;

pub use self::draw::Picture;
pub use self::glance::Card;
pub use self::map::{Ability, Map, Row};
pub use self::matrix::{Cell, Line, Mark, Matrix, Value};
pub use self::page::Visible;
pub use self::timeline::{Bar, BarKind, Scale, Tick, Timeline, Track};

use crate::analysis::fate::Facts;
use crate::analysis::{Analysis, Analyst};
use crate::compile::PolicyId;
use crate::governance::Attestations;
use crate::logic::TooLarge;
use crate::policy::{Diagnostic, Policy};

/// An analysis with its pictures, ready to be shown.
#[derive(Clone, Debug, Serialize)]
pub struct Dossier {
    /// The name of the policy.
    pub policy: String,
    /// Its id.
    pub id: PolicyId,
    /// How many parties it has.
    pub parties: usize,
    /// What to know first.
    pub glance: Vec<Card>,
    /// Everything in words.
    pub sections: Vec<told::Section>,
    /// What opens when.
    pub timeline: Timeline,
    /// Who can do what by when.
    pub map: Map,
    /// What is kept where.
    pub matrix: Matrix,
}

impl Dossier {
    /// Puts together what can be shown of an analysis, and of what the check of the policy found.
    ///
    /// # Errors
    ///
    /// If a condition is too large to be decided.
    pub fn of(
        policy: &Policy,
        id: PolicyId,
        analysis: &Analysis,
        attestations: &Attestations,
        found: &[Diagnostic],
    ) -> Result<Self, TooLarge> {
        let mut analyst = Analyst::of(policy);
        let fate = analyst.fate(&Facts::of(policy, attestations));
        let mut sections = told::sections(analysis);
        sections.extend(told::fate(&fate, false));
        sections.extend(told::lints(found));
        Ok(Self {
            policy: policy.name().to_owned(),
            id,
            parties: analysis.parties,
            glance: glance::cards(analysis, &fate),
            sections,
            timeline: Timeline::of(analysis),
            map: Map::of(&analyst, analysis)?,
            matrix: Matrix::of(policy, attestations),
        })
    }

    /// The sections about stages.
    fn stages(&self) -> &[told::Section] {
        let stages = self.timeline.tracks.len().min(self.sections.len());
        self.sections.split_at(stages).0
    }

    /// The sections about the policy as a whole.
    fn rest(&self) -> &[told::Section] {
        let stages = self.timeline.tracks.len().min(self.sections.len());
        self.sections.split_at(stages).1
    }

    /// One page of HTML that needs nothing else: no script, no font, no other file.
    #[must_use]
    pub fn html(&self) -> String {
        page::html(self)
    }

    /// A picture, or all of them one below the other, as a drawing that stands alone.
    #[must_use]
    pub fn svg(&self, picture: Option<Picture>) -> String {
        draw::alone(self, picture)
    }

    /// The time line for Mermaid.
    #[must_use]
    pub fn mermaid(&self) -> String {
        mermaid::timeline(&self.policy, &self.timeline)
    }
}
