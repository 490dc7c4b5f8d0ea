//! Cases of a rule: facts, and the verdict they should come to.

mod facts;

use thiserror::Error;
use toml::de::DeTable;

use self::facts::Extent;
use super::super::check::{limit, report_hidden, report_secrets};
use super::super::document::{Fields, toml_table};
use super::super::shown::{presentable, quote};
use super::super::{Code, Diagnostic, Span, position};
use super::{Facts, Question, Rule, Verdict};

/// The questions that cases can be about.
const QUESTIONS: [(&str, Question); 2] = [
    ("activate", Question::Activate),
    ("review", Question::Review),
];

/// The cases of a rule.
///
/// ```
/// use longstop::policy::{Cases, Rule};
///
/// let rule = Rule::new("fn review(spend) { spend.amount <= 100000 }");
/// let text = std::fs::read_to_string("policies/club/rules/allowance.cases.toml")?;
/// assert!(Cases::parse(&text)?.cases().len() > 2);
/// # drop(rule);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cases {
    cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// What the rule is told.
    pub facts: Facts,
    /// Whether it should allow it.
    pub allow: bool,
    /// What its reason should say somewhere, if anything is asked of it.
    pub why: Option<String>,
    /// The code of the error it should come to.  Without one it should come to no error.
    pub code: Option<Code>,
}

/// Why a text holds no cases: everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", lines(.source_text, .diagnostics))]
pub struct CasesError {
    source_text: String,
    diagnostics: Vec<Diagnostic>,
}

impl CasesError {
    /// All problems in the order of their places, at least one.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The text as it may be shown.  The places of the problems hold for it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.source_text
    }
}

/// Problems in words, each in a line that begins with its place.
fn lines(source: &str, diagnostics: &[Diagnostic]) -> String {
    let lines = diagnostics.iter().map(|problem| {
        let start = problem.labels().first().map_or(0, |label| label.span.start);
        let (line, column) = position(source, start);
        let help = problem.advice().map(|help| format!("; {help}"));
        let help = help.unwrap_or_default();
        format!(
            "line {line}, column {column}: {}: {problem}{help}",
            problem.code()
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl Cases {
    /// Reads cases.
    ///
    /// The tables `[activate]` and `[review]` at the beginning are what the cases have in common:
    /// each case names the fields that it has otherwise.
    ///
    /// # Errors
    ///
    /// If the text is something else, or a case has facts that no rule is told.  All problems are
    /// found together.
    pub fn parse(text: &str) -> Result<Self, CasesError> {
        let mut problems = Vec::new();
        let cases = read(text, &mut problems);
        report_secrets(0, text, "cases", &mut problems);
        report_hidden(0, text, &mut problems);
        if problems.is_empty() {
            return Ok(Self { cases });
        }
        // What is wrong with the facts that cases have in common is found with each of them.
        problems.sort_by(|one, other| {
            let places = one.place().cmp(&other.place());
            places.then_with(|| one.message().cmp(other.message()))
        });
        problems.dedup();
        limit(&mut problems);
        let concealed = problems.iter().filter(|problem| problem.is_concealed());
        let concealed = concealed.flat_map(|problem| problem.labels().iter());
        Err(CasesError {
            source_text: presentable(text, concealed.map(|label| label.span)),
            diagnostics: problems,
        })
    }

    /// The cases in their order.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }
}

impl Case {
    /// Asks a rule, and says what is not as it should be.
    #[must_use]
    pub fn check(&self, rule: &Rule) -> Vec<String> {
        let verdict = rule.judge(&self.facts);
        let mut problems = Vec::new();
        let mut problem = |what: String| problems.push(format!("`{}`: {what}", self.name));
        let word = |allow| if allow { "allowed" } else { "denied" };
        if verdict.allow != self.allow {
            problem(format!(
                "expected to be {}, but it is {}: {}",
                word(self.allow),
                word(verdict.allow),
                verdict.why
            ));
        }
        if let Some(why) = &self.why
            && !verdict.why.contains(why.as_str())
        {
            problem(format!(
                "expected the reason `{why}`, but it is `{}`",
                verdict.why
            ));
        }
        let code = verdict.fault.as_ref().map(|fault| fault.code);
        if code != self.code {
            let word = |code: Option<Code>| {
                code.map_or("no error".to_owned(), |code| format!("the error {code}"))
            };
            problem(format!(
                "expected {}, but there is {}{}",
                word(self.code),
                word(code),
                place(&verdict)
            ));
        }
        problems
    }
}

/// Where a rule failed.
fn place(verdict: &Verdict) -> String {
    verdict.fault.as_ref().map_or_else(String::new, |fault| {
        format!(
            " in line {}, column {}: {}",
            fault.line, fault.column, verdict.why
        )
    })
}

/// Reads all cases, and notes whatever is wrong.
fn read(text: &str, problems: &mut Vec<Diagnostic>) -> Vec<Case> {
    let table = toml_table(text, "case", problems);
    let is_toml = problems.is_empty();
    let mut fields = Fields::new(&table, Span::default(), "the file", problems);
    let common = QUESTIONS.map(|(name, question)| {
        let (table, span) = fields.table(name)?;
        facts::read(question, table, span, Extent::Part, fields.problems);
        Some((table, span))
    });
    let written = fields.tables("case");
    if written.is_empty() && is_toml {
        let end = text.trim_end().len();
        fields.problems.push(
            Diagnostic::new(Code::MissingField, "there is no `[[case]]` in it")
                .at((end..end).into(), "the first is needed here")
                .help("write cases, each with a `name`, `allow` and `review` or `activate`"),
        );
    }
    let cases = (1..).zip(written).filter_map(|(number, (table, span))| {
        let title = format!("case {number}");
        let fields = Fields::new(table, span, title.clone(), fields.problems);
        case(fields, span, &title, &common)
    });
    let cases = cases.collect();
    fields.finish();
    cases
}

/// The facts that cases have in common, for each question.
type Common<'t, 'i> = [Option<(&'t DeTable<'i>, Span)>; QUESTIONS.len()];

fn case(
    mut fields: Fields<'_, '_, '_>,
    span: Span,
    title: &str,
    common: &Common<'_, '_>,
) -> Option<Case> {
    fields.require(&["name", "allow"]);
    let name = fields.text("name");
    let allow = fields.boolean("allow");
    let why = fields.text("why");
    let expected = fields.text("code");
    let code = expected
        .as_ref()
        .and_then(|code| Code::from_written(&code.value));
    if let (Some(expected), None) = (&expected, code) {
        let similar = Code::similar_to(&expected.value);
        let help = similar.map_or_else(
            || "`longstop explain-code` lists all codes".to_owned(),
            |code| format!("did you mean `{code}` ({})?", code.title()),
        );
        fields.problems.push(
            Diagnostic::new(
                Code::WrongWord,
                format!("there is no code {}", quote(&expected.value)),
            )
            .at(expected.span, "no code")
            .help(help),
        );
    }
    let conflict = match QUESTIONS.map(|(name, _)| fields.has(name)) {
        [true, true] => Some("both `activate` and `review`"),
        [false, false] => Some("neither `activate` nor `review`"),
        _ => None,
    };
    if let Some(what) = conflict {
        fields.problems.push(
            Diagnostic::new(Code::FieldConflict, format!("{title} has {what}"))
                .at(span, "which function is asked?")
                .help("write one of them, with the facts in which the case differs, such as `review = { fee = 2000 }`"),
        );
    }
    let mut facts = None;
    for ((name, question), common) in QUESTIONS.into_iter().zip(common) {
        let Some((own, place)) = fields.table(name) else {
            continue;
        };
        // What is missing can be added to what the cases have in common, if there is that.
        let (mut whole, place) = match common {
            Some((common, place)) => ((*common).clone(), *place),
            None => (DeTable::new(), place),
        };
        whole.extend(own.clone());
        facts = facts::read(question, &whole, place, Extent::Whole, fields.problems);
    }
    fields.finish();
    Some(Case {
        name: name?.value,
        facts: facts?,
        allow: allow?.value,
        why: why.map(|why| why.value),
        code,
    })
}
