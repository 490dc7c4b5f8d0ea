//! A problem with its place, and how it may be shown.

use std::fmt;
use std::ops::Range;

use miette::{LabeledSpan, SourceSpan};
use serde::Serialize;

use super::{Code, Severity};

/// A place in the text of a document: bytes from `start` up to but without `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self {
            start: range.start,
            end: range.end.max(range.start),
        }
    }
}

impl From<Span> for SourceSpan {
    fn from(span: Span) -> Self {
        (span.start, span.end - span.start).into()
    }
}

/// A remark at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// The remark.
    pub text: String,
    /// Whether this is where the problem is, or only what it has to do with.
    pub primary: bool,
}

/// A problem of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    code: Code,
    message: String,
    labels: Vec<Label>,
    help: Option<String>,
    help_in_script: Option<String>,
    conceal: bool,
}

impl Diagnostic {
    pub(in crate::policy) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            labels: Vec::new(),
            help: None,
            help_in_script: None,
            conceal: false,
        }
    }

    /// With the place where the problem is.
    pub(in crate::policy) fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            text: text.into(),
            primary: true,
        });
        self
    }

    /// With a place that has to do with it.
    pub(in crate::policy) fn beside(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            text: text.into(),
            primary: false,
        });
        self
    }

    /// With advice.
    pub(in crate::policy) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// With other advice for whoever wrote a script: in the words of scripts.
    pub(in crate::policy) fn help_in_script(mut self, text: impl Into<String>) -> Self {
        self.help_in_script = Some(text.into());
        self
    }

    /// With its places blotted out wherever the text of the document is shown.
    pub(in crate::policy) const fn concealed(mut self) -> Self {
        self.conceal = true;
        self
    }

    /// What kind of problem it is.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// How grave it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// The problem in one sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The places it has to do with, the main one first.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Whether the marked text is a secret.
    #[must_use]
    pub const fn is_concealed(&self) -> bool {
        self.conceal
    }

    /// The problem with lines and columns, for other programs to read.
    ///
    /// `source` is the text of the document, from which only the positions are taken.
    #[must_use]
    pub fn located<'a>(&'a self, source: &str) -> Located<'a> {
        let labels = self.labels.iter().map(|label| {
            let (line, column) = position(source, label.span.start);
            LocatedLabel {
                primary: label.primary,
                text: &label.text,
                line,
                column,
                span: label.span,
            }
        });
        Located {
            code: self.code,
            severity: self.severity(),
            message: &self.message,
            help: self.help.as_deref(),
            labels: labels.collect(),
        }
    }

    /// Leaves out what is beside the problem and at its very place, as where one call of a script
    /// says both.
    pub(in crate::policy) fn without_repeated_places(&mut self) {
        let main = self.labels.first().map(|label| label.span);
        self.labels
            .retain(|label| label.primary || Some(label.span) != main);
    }

    /// Says the same in the words of scripts, which have maps and no tables.
    pub(in crate::policy) fn speak_of_script(&mut self) {
        if self.code.is_of_scripts() {
            return;
        }
        self.help = match self.help_in_script.take() {
            Some(help) => Some(help),
            None => self.help.as_deref().map(of_script),
        };
        if self.code == Code::WrongType {
            self.message = of_script(&self.message);
            for label in &mut self.labels {
                label.text = of_script(&label.text);
            }
        }
    }

    /// The places, to move them.
    pub(in crate::policy) fn labels_mut(&mut self) -> &mut [Label] {
        &mut self.labels
    }

    /// The order in which problems are listed: by place, then by code.
    pub(in crate::policy) fn place(&self) -> (usize, Code) {
        let start = self.labels.first().map_or(0, |label| label.span.start);
        (start, self.code)
    }
}

/// A sentence about a document as it is of a script: with every `field = value` as it stands in a
/// map, `field: value`, and outside of what is quoted with maps for tables.
fn of_script(sentence: &str) -> String {
    let pieces = sentence.split('`').enumerate().map(|(number, piece)| {
        if number % 2 == 0 {
            return piece.replace(" table", " map");
        }
        let field = piece.split_once(" = ").map(|(field, _)| field);
        let is_field = |field: &str| field.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        match field.is_some_and(is_field) {
            true => piece.replace(" = ", ": ").replace("{ ", "#{ "),
            false => piece.to_owned(),
        }
    });
    pieces.collect::<Vec<_>>().join("`")
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}

impl miette::Diagnostic for Diagnostic {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.code.severity() {
            Severity::Note => miette::Severity::Advice,
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display + 'a>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.labels.is_empty() {
            return None;
        }
        Some(Box::new(self.labels.iter().map(|label| {
            let text = Some(label.text.clone()).filter(|text| !text.is_empty());
            if label.primary {
                LabeledSpan::new_primary_with_span(text, label.span)
            } else {
                LabeledSpan::new_with_span(text, label.span)
            }
        })))
    }
}

/// A diagnostic as other programs read it.
#[derive(Clone, Debug, Serialize)]
pub struct Located<'a> {
    /// What kind of problem it is.
    pub code: Code,
    /// How grave it is.
    pub severity: Severity,
    /// The problem in one sentence.
    pub message: &'a str,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<&'a str>,
    /// The places it has to do with, the main one first.
    pub labels: Vec<LocatedLabel<'a>>,
}

/// A label with its position.
#[derive(Clone, Debug, Serialize)]
pub struct LocatedLabel<'a> {
    /// Whether this is where the problem is.
    pub primary: bool,
    /// The remark.
    pub text: &'a str,
    /// The line, the first being 1.
    pub line: usize,
    /// The column in characters, the first being 1.
    pub column: usize,
    /// The bytes.
    pub span: Span,
}

/// Line and column of a byte, both counted from one, columns in characters.
pub(crate) fn position(source: &str, at: usize) -> (usize, usize) {
    let before = source.get(..at).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}
