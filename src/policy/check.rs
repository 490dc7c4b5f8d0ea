//! Document to policy, with all problems at once.
//!
//! Each step reports what it finds and hands on what is still usable, so that one mistake does
//! not hide another; what depends on something broken is passed over in silence.  A policy comes
//! out only when nothing was an error.

mod activation;
mod directory;
mod items;
mod keys;
mod names;
mod paths;
mod roster;
mod sharing;
mod survival;
mod uses;
mod weights;

use miniscript::descriptor::checksum::desc_checksum;

use super::document::{Document, Spanned};
use super::position;
use super::shown::{hidden, presentable, quote, secrets};
use super::{Code, Diagnostic, Policy, Severity, Span, TransactionVersion, lint};

pub(in crate::policy) use self::directory::Directory;
pub(in crate::policy) use self::keys::CheckedParty;
pub use self::names::is_name;

/// Most problems that are listed.
const MAX_PROBLEMS: usize = 200;

/// What became of a document.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The document itself.
    pub document: Document,
    /// The policy it makes, if none of the diagnostics is an error.
    pub policy: Option<Policy>,
    /// All problems in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
    /// The problems that the policy silences, each with the reason it gives.
    pub silenced: Vec<Silenced>,
}

impl Checked {
    /// The text of the document as it may be shown.
    ///
    /// Private keys are blotted out and control characters replaced, byte for byte, so that the
    /// spans of the diagnostics hold for it.  Nothing else of the text should be printed.
    #[must_use]
    pub fn source(&self) -> String {
        let concealed = self
            .diagnostics
            .iter()
            .filter(|problem| problem.is_concealed());
        let spans = concealed.flat_map(|problem| problem.labels().iter().map(|label| label.span));
        presentable(&self.document.source, spans)
    }

    /// Lists a problem with the others, in the order of their places.
    pub(in crate::policy) fn add(&mut self, problem: Diagnostic) {
        let mut problem = [problem];
        self.document.relocate(&mut problem);
        for problem in &mut problem {
            problem.without_repeated_places();
            if self.document.scripted {
                problem.speak_of_script();
            }
        }
        self.diagnostics.extend(problem);
        self.diagnostics.sort_by_key(Diagnostic::place);
    }

    /// Whether any diagnostic is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        has_errors(&self.diagnostics)
    }
}

/// A problem that a policy silences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silenced {
    /// The problem.
    pub diagnostic: Diagnostic,
    /// Why the author accepts it.
    pub reason: String,
}

/// Reads and checks the text of a policy.
#[must_use]
pub fn check(text: &str) -> Checked {
    Document::parse(text).check()
}

impl Document {
    /// Makes a sound policy of the document, or says everything that stands in the way.
    #[must_use]
    pub fn check(&self) -> Checked {
        let mut problems = self.problems.clone();
        let (policy, mut silenced) = if self.stopped {
            // Everything else would be reported as missing.
            (None, Vec::new())
        } else {
            self.resolve(&mut problems)
        };
        self.check_secrets(&mut problems);
        self.check_hidden(&mut problems);
        self.relocate(&mut problems);
        for problem in &mut problems {
            problem.without_repeated_places();
            if self.scripted {
                problem.speak_of_script();
            }
        }
        if self.scripted {
            for silenced in &mut silenced {
                silenced.diagnostic.speak_of_script();
            }
        }
        problems.sort_by_key(Diagnostic::place);
        let policy = policy.filter(|_| !has_errors(&problems));
        limit(&mut problems);
        Checked {
            document: self.clone(),
            policy,
            diagnostics: problems,
            silenced,
        }
    }

    fn resolve(&self, problems: &mut Vec<Diagnostic>) -> (Option<Policy>, Vec<Silenced>) {
        names::check(self, problems);
        let parties = keys::parties(self, problems);
        let directory = Directory::resolve(self, &parties, problems);
        sharing::check_identities(self, &parties, problems);
        sharing::check_keys(&parties, &directory, problems);
        let root = directory.root(self, problems);
        let paths: Vec<_> = self
            .paths
            .iter()
            .map(|entry| paths::resolve(entry, &directory, problems))
            .collect();
        self.check_descriptor(problems);
        self.check_depths(problems);
        let items = items::resolve(self, &directory, problems);
        uses::check(self, root.as_ref(), &paths, problems);
        survival::check(self, &directory, root.as_ref(), &paths, problems);
        lint::check(
            &lint::Facts {
                document: self,
                parties: &parties,
                directory: &directory,
                root: root.as_ref(),
                paths: &paths,
            },
            problems,
        );
        let silenced = lint::silence(&self.lints, problems);
        let policy = self.policy(directory, root, paths, items);
        (policy, silenced)
    }

    /// Reports a descriptor from elsewhere that would have to hold what only ours can.
    fn check_descriptor(&self, problems: &mut Vec<Diagnostic>) {
        let Some(descriptor) = &self.settings.descriptor else {
            return;
        };
        problems.extend(check_checksum(descriptor));
        let staged = self.paths.iter().find(|path| path.escrow.is_some());
        let Some(staged) = staged else { return };
        problems.push(
            Diagnostic::new(
                Code::DescriptorForStaged,
                format!(
                    "the vault has a descriptor from elsewhere, and {} is staged",
                    staged.title()
                ),
            )
            .at(descriptor.span, "made elsewhere")
            .beside(staged.place(), "needs leaves of its own")
            .help("remove `descriptor`, or the staged paths"),
        );
    }

    /// Reports triggers in a row where every one of them would be signed at several rungs.
    fn check_depths(&self, problems: &mut Vec<Diagnostic>) {
        let Some(version) = &self.settings.version else {
            return;
        };
        if version.value != TransactionVersion::Two {
            return;
        }
        for path in &self.paths {
            let depth = path
                .escrow
                .as_ref()
                .and_then(|escrow| escrow.depth.as_ref());
            if let Some(depth) = depth.filter(|depth| depth.value > 1) {
                problems.push(
                    Diagnostic::new(
                        Code::DepthAtVersionTwo,
                        format!(
                            "{} has a depth of {}, and can have 1 with version 2",
                            path.title(),
                            depth.value
                        ),
                    )
                    .at(depth.span, "more than one")
                    .beside(version.span, "each trigger is signed at every rung")
                    .help("write `depth = 1`, or leave it out; or use version 3"),
                );
            }
        }
    }

    /// Reports private keys wherever they stand, be it in a comment.
    fn check_secrets(&self, problems: &mut Vec<Diagnostic>) {
        for (base, text) in self.texts() {
            report_secrets(base, text, "policy", problems);
        }
    }

    /// Reports what makes the text look like another, wherever it stands, be it in a comment.
    fn check_hidden(&self, problems: &mut Vec<Diagnostic>) {
        for (base, text) in self.texts() {
            report_hidden(base, text, problems);
        }
    }

    /// The source and what it imports, each with the place at which it is counted to begin.
    fn texts(&self) -> impl Iterator<Item = (usize, &str)> {
        let imported = self.imported.iter();
        let imported = imported.map(|file| (file.base, file.text.as_ref()));
        std::iter::once((0, self.source.as_ref())).chain(imported)
    }

    /// Moves places in imported files to the imports that named them, and says where they are.
    fn relocate(&self, problems: &mut [Diagnostic]) {
        for label in problems.iter_mut().flat_map(Diagnostic::labels_mut) {
            let mut places = Vec::new();
            let mut files = self.imported.iter().rev();
            // An import stands before what it imports, so this ends in the source.
            while let Some(file) = files.find(|file| file.base <= label.span.start) {
                let (line, column) = position(&file.text, label.span.start - file.base);
                let path = quote(&file.path);
                places.push(format!("line {line}, column {column} of {path}"));
                label.span = file.at;
            }
            if !places.is_empty() {
                label.text += &format!(" ({})", places.join(", imported at "));
            }
        }
    }

    /// None if a part is missing, which has been reported where it is.
    fn policy(
        &self,
        directory: Directory,
        root: Option<super::Root>,
        paths: Vec<Option<super::SpendingPath>>,
        items: Vec<Option<super::Item>>,
    ) -> Option<Policy> {
        let settings = &self.settings;
        let quorums: Option<_> = directory
            .quorums
            .into_iter()
            .map(|(name, quorum)| quorum.map(|quorum| (name, quorum)))
            .collect();
        Some(Policy {
            name: settings.name.as_ref()?.value.clone(),
            network: settings.network.as_ref()?.value,
            script: settings.script.as_ref()?.value,
            layout: self.layout(),
            version: self.version(),
            rungs: self.rungs(),
            descriptor: settings
                .descriptor
                .as_ref()
                .map(|descriptor| descriptor.value.trim().to_owned()),
            accept_total_loss: settings
                .accept_total_loss
                .as_ref()
                .map(|reason| reason.value.trim().to_owned()),
            parties: directory.parties,
            quorums: quorums?,
            items: items
                .into_iter()
                .map(|item| item.map(|item| (item.name.clone(), item)))
                .collect::<Option<_>>()?,
            root: root?,
            paths: paths.into_iter().collect::<Option<_>>()?,
            accepted: self
                .lints
                .iter()
                .map(|lint| {
                    let reason = lint.reason.value.trim();
                    (lint.code.value.clone(), reason.to_owned())
                })
                .collect(),
            canonical: self.canonical(),
        })
    }
}

/// What is wrong with the checksum of a descriptor, without which no mistake in it is noticed.
fn check_checksum(descriptor: &Spanned<String>) -> Option<Diagnostic> {
    let text = descriptor.value.trim();
    let (body, given) = match text.split_once('#') {
        Some((body, given)) => (body, Some(given)),
        None => (text, None),
    };
    // What cannot be in a descriptor at all is found when it is read.
    let expected = desc_checksum(body).ok()?;
    let (message, help) = match given {
        Some(given) if given == expected => return None,
        Some(given) => (
            format!(
                "the checksum of `descriptor` is {} and should be `{expected}`",
                quote(given)
            ),
            "a character of one or the other is wrong: copy it again".to_owned(),
        ),
        None => (
            "`descriptor` has no checksum".to_owned(),
            format!("if it is complete, write `#{expected}` at its end"),
        ),
    };
    let problem = Diagnostic::new(Code::DescriptorUnfit, message);
    Some(problem.at(descriptor.span, "made elsewhere").help(help))
}

/// Reports private keys in a text that begins at `base`, unless they have been already.
pub(in crate::policy) fn report_secrets(
    base: usize,
    text: &str,
    what: &str,
    problems: &mut Vec<Diagnostic>,
) {
    for secret in secrets(text) {
        let secret = Span::from(base + secret.start..base + secret.end);
        let mut reported = problems.iter().filter(|problem| problem.is_concealed());
        let known = reported.any(|problem| {
            let mut labels = problem.labels().iter();
            labels.any(|label| label.span.start <= secret.start && secret.end <= label.span.end)
        });
        if !known {
            problems.push(
                Diagnostic::new(
                    Code::PrivateKey,
                    format!("a private key stands in the {what}"),
                )
                .at(secret, "not shown")
                .concealed()
                .help("move the coins off this key, since it has been in a file"),
            );
        }
    }
}

/// Reports what makes a text that begins at `base` look like another, unless it has been already.
pub(in crate::policy) fn report_hidden(base: usize, text: &str, problems: &mut Vec<Diagnostic>) {
    for (at, c) in hidden(text).take(MAX_PROBLEMS) {
        let at = base + at;
        let known = problems.iter().any(|problem| {
            let mut labels = problem.labels().iter();
            problem.code() == Code::InvisibleCharacter
                && labels.any(|label| (label.span.start..label.span.end).contains(&at))
        });
        if !known {
            let span = Span::from(at..at + c.len_utf8());
            problems.push(hidden_character(c).at(span, "it stands here"));
        }
    }
}

/// A character that makes a text look like another.
pub(in crate::policy) fn hidden_character(c: char) -> Diagnostic {
    let number = u32::from(c);
    Diagnostic::new(
        Code::InvisibleCharacter,
        format!(
            "the text has an invisible or direction-changing character, U+{number:04X}, so that it does not read as it looks"
        ),
    )
    .help("remove it, in comments too; type the line again if you cannot see it")
}

fn has_errors(problems: &[Diagnostic]) -> bool {
    problems
        .iter()
        .any(|problem| problem.severity() == Severity::Error)
}

/// Leaves the first problems, errors before all else, and says that there were more.
pub(in crate::policy) fn limit(problems: &mut Vec<Diagnostic>) {
    if problems.len() <= MAX_PROBLEMS {
        return;
    }
    let all = problems.len();
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity()));
    problems.truncate(MAX_PROBLEMS);
    problems.sort_by_key(Diagnostic::place);
    problems.push(
        Diagnostic::new(
            Code::TooLarge,
            format!("there are {all} problems, of which {MAX_PROBLEMS} are shown"),
        )
        .help("mend these first"),
    );
}
