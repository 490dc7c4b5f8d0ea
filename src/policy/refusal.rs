//! What only the compiler finds out about a policy, told like everything else that is wrong.

use super::document::Document;
use super::shown::presentable;
use super::{Checked, Code, Diagnostic, Span};

/// A part of a policy that has a place in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The path of this name.
    Path(String),
    /// The quorum of this name.
    Quorum(String),
    /// Who is root.
    Root,
    /// The type of the scripts.
    Script,
    /// The rung of this many sat/vB.
    Rung(u64),
    /// The vault descriptor from elsewhere.
    Descriptor,
}

/// Why a policy that is sound in itself is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of problem it is.
    pub code: Code,
    /// The problem in one sentence.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// The parts it is about, each with a remark, the main one first.
    pub parts: Vec<(Part, String)>,
}

impl Checked {
    /// Takes the policy back for a reason that is none of the document's own.
    ///
    /// The reason stands among the [diagnostics](Self::diagnostics) then, with its places.
    pub fn refuse(&mut self, refusal: &Refusal) {
        // What is said of a descriptor can repeat a piece of it.
        let text = |text: &str| presentable(text, []).replace('\n', " ");
        let mut problem = Diagnostic::new(refusal.code, text(&refusal.message));
        for (number, (part, remark)) in refusal.parts.iter().enumerate() {
            let span = self.document.place_of(part);
            problem = match number {
                0 => problem.at(span, text(remark)),
                _ => problem.beside(span, text(remark)),
            };
        }
        let problem = problem.help(text(&refusal.help));
        self.policy = None;
        self.add(problem);
    }
}

impl Document {
    /// Where a part stands, or what it follows from where the policy is silent.
    fn place_of(&self, part: &Part) -> Span {
        let settings = &self.settings;
        let script = settings.script.as_ref().map(|typed| typed.span);
        let place = match part {
            Part::Path(name) => {
                let named = |path: &&super::document::PathEntry| {
                    path.name.as_ref().is_some_and(|own| own.value == *name)
                };
                self.paths
                    .iter()
                    .find(named)
                    .map(super::document::PathEntry::place)
            }
            Part::Quorum(name) => {
                let mut quorums = self.quorums.iter();
                let quorum = quorums.find(|quorum| quorum.name.value == *name);
                quorum.map(|quorum| quorum.name.span)
            }
            Part::Root => {
                let quorum = self.root.quorum.as_ref();
                Some(quorum.map_or(self.root.span, |quorum| quorum.span))
            }
            Part::Script => script,
            Part::Rung(rate) => {
                let typed = settings.rungs.as_ref().and_then(|rungs| {
                    let rung = rungs.value.iter().find(|rung| rung.value == *rate)?;
                    Some(rung.span)
                });
                typed.or_else(|| settings.version.as_ref().map(|typed| typed.span))
            }
            Part::Descriptor => settings.descriptor.as_ref().map(|typed| typed.span),
        };
        place.or(script).unwrap_or_default()
    }
}
