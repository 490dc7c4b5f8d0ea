//! Rules: scripts that each agent or holder asks before he signs.
//!
//! A rule has `fn activate(facts)`, which says whether an activation is in order, or
//! `fn review(spend)`, which looks at a payment before it is signed, or both.  The answer is `true`,
//! `false`, or `#{ allow: true, why: "…" }`.  Anything else, and every error, is a denial with its
//! reason.
//!
//! A rule is given everything it may know as [`Facts`], and stands alone: it imports nothing, so
//! its digest says all of it.  The same rule and the same facts give the same verdict on every
//! machine, and a [`Verdict`] holds what it takes to ask again.
//!
//! Whoever signs without asking is not stopped by a rule: what a rule promises is held by software,
//! never by consensus.

mod cases;
mod facts;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bitcoin::hashes::{Hash, sha256};
use rhai::Dynamic;
use serde::Serialize;

use super::check::hidden_character;
use super::document::did_you_mean;
use super::position;
use super::script::{
    Expired, LIMITS, Limits, NoImports, Sandbox, Sources, on_own_stack, too_long, type_in_words,
};
use super::shown::{hidden, presentable, quote};
use super::{Code, Diagnostic, Span};

pub use self::cases::{Case, Cases, CasesError};
pub use self::facts::{
    ActivationFacts, Alarm, Ballots, Facts, Heartbeat, Payee, Question, Sats, Silence, Spend,
    SpendKind, SpendStage, Vault,
};

/// The interpreter that judges, as a verdict names it.
const INTERPRETER: &str = "rhai 1.27.0";

/// Longest reason of a verdict, in characters: as long as one of an event can be.
const WHY_MAX: usize = 500;

/// The fields of an answer that gives its reason.
const ANSWER: [&str; 2] = ["allow", "why"];

/// A rule as a text.
#[derive(Clone)]
pub struct Rule {
    text: Arc<str>,
    expired: Expired,
}

/// What a rule says about some facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Which function was asked.
    pub question: Question,
    /// Whether to sign.
    pub allow: bool,
    /// Why, in the words of the rule, or the error it came to.
    pub why: String,
    /// Where the rule failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// SHA-256 of the text of the rule.
    pub rule_sha256: String,
    /// SHA-256 of the facts as one line of JSON, fields in their fixed order.
    pub facts_sha256: String,
    /// What ran the rule.
    pub interpreter: String,
    /// What it could take at most.
    pub limits: Limits,
}

/// An error of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What kind of error it is.
    pub code: Code,
    /// The line, the first being 1.
    pub line: usize,
    /// The column in characters, the first being 1.
    pub column: usize,
    /// That line as it may be shown.
    pub text: String,
    /// What would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Rule {
    /// A rule, whatever is in the text: what is wrong with it shows in its verdicts.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            text: Arc::from(text),
            expired: Arc::new(|| false),
        }
    }

    /// With a clock that says when to give up, which is a denial.
    #[must_use]
    pub fn give_up_when(mut self, expired: Arc<dyn Fn() -> bool + Send + Sync>) -> Self {
        self.expired = expired;
        self
    }

    /// SHA-256 of the text, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256::Hash::hash(self.text.as_bytes()).to_string()
    }

    /// Whether the text defines a function that could be asked this.
    #[must_use]
    pub fn answers(&self, question: Question) -> bool {
        on_own_stack(|| {
            let sandbox = self.sandbox();
            let functions = sandbox
                .compile(&self.text)
                .map(|ast| Sandbox::functions(&ast));
            functions.is_ok_and(|functions| functions.contains(&(question.to_string(), 1)))
        })
        .unwrap_or(false)
    }

    /// Why the text is no script at all, if it is none: a rule that could never be asked.
    #[must_use]
    pub fn syntax_error(&self) -> Option<Diagnostic> {
        if let Some(problem) = too_long(&self.text) {
            return Some(problem);
        }
        let compiled = on_own_stack(|| self.sandbox().compile(&self.text).err());
        let problem = compiled.unwrap_or_else(Some)?;
        (problem.code() == Code::ScriptSyntax).then_some(problem)
    }

    /// Asks the rule.
    #[must_use]
    pub fn judge(&self, facts: &Facts) -> Verdict {
        let answer = match too_long(&self.text) {
            Some(problem) => Err(problem),
            None => on_own_stack(|| self.ask(facts)).unwrap_or_else(Err),
        };
        let (allow, why, fault) = match answer {
            Ok((allow, why)) => (allow, why, None),
            Err(problem) => {
                let why = format!("the rule fails: {problem}");
                (false, why, Some(self.fault(&problem)))
            }
        };
        Verdict {
            question: facts.question(),
            allow,
            why: shortened(&why),
            fault,
            rule_sha256: self.sha256(),
            facts_sha256: facts.sha256(),
            interpreter: INTERPRETER.to_owned(),
            limits: LIMITS,
        }
    }

    fn sandbox(&self) -> Sandbox {
        let sources = Sources::new(Arc::clone(&self.text), &[]);
        Sandbox::new(
            Rc::new(RefCell::new(sources)),
            Arc::new(NoImports),
            Arc::clone(&self.expired),
        )
    }

    fn ask(&self, facts: &Facts) -> Result<(bool, String), Diagnostic> {
        if let Some((at, c)) = hidden(&self.text).next() {
            let span = Span::from(at..at + c.len_utf8());
            return Err(hidden_character(c).at(span, "it stands here"));
        }
        let sandbox = self.sandbox();
        let ast = sandbox.compile(&self.text)?;
        let question = facts.question().to_string();
        let functions = Sandbox::functions(&ast);
        if !functions.contains(&(question.clone(), 1)) {
            return Err(lacks(&question, &functions));
        }
        let answer = sandbox.call(&ast, &question, facts.to_script()?)?;
        verdict(&answer).map_err(|what| {
            let message = format!("`{question}` answers {what}");
            Diagnostic::new(Code::ScriptFailed, message)
                .at(sandbox.definition(&question), "answers so")
                .help("the last expression is the answer: `true`, `false`, a comparison, or `#{ allow: true, why: \"…\" }` with nothing else in it")
        })
    }

    fn fault(&self, problem: &Diagnostic) -> Fault {
        let at = problem
            .labels()
            .first()
            .map_or_else(Span::default, |label| label.span);
        let (line, column) = position(&self.text, at.start);
        let text = presentable(&self.text, []);
        let text = text.lines().nth(line - 1).unwrap_or_default();
        Fault {
            code: problem.code(),
            line,
            column,
            text: text.trim_end().to_owned(),
            help: problem.advice().map(str::to_owned),
        }
    }
}

/// The answer of a rule, or what it answers instead.
fn verdict(answer: &Dynamic) -> Result<(bool, String), String> {
    if let Ok(allow) = answer.as_bool() {
        let why = match allow {
            true => "the rule allows it",
            false => "the rule denies it",
        };
        return Ok((allow, why.to_owned()));
    }
    let Ok(map) = answer.as_map_ref() else {
        return Err(match type_in_words(answer.type_name()).as_str() {
            "nothing" => "nothing, which is neither `true` nor `false`".to_owned(),
            other => format!("with {other}, and not with `true` or `false`"),
        });
    };
    let with = |what: String| format!("with a map {what}");
    if let Some(other) = map.keys().find(|name| !ANSWER.contains(&name.as_str())) {
        let similar = did_you_mean(other, ANSWER).map(|word| format!(" (did you mean `{word}`?)"));
        let what = format!("that has a field {}", quote(other));
        return Err(with(what + &similar.unwrap_or_default()));
    }
    let field = |name: &str| {
        let field = map.get(name).cloned();
        field.ok_or_else(|| with(format!("without the field `{name}`")))
    };
    let (allow, why) = (field("allow")?, field("why")?);
    let allow = allow
        .as_bool()
        .map_err(|_| with("in which `allow` is neither `true` nor `false`".to_owned()))?;
    let why = why
        .into_immutable_string()
        .map_err(|_| with("in which `why` is no string".to_owned()))?;
    if why.trim().is_empty() {
        return Err(with("in which `why` is empty".to_owned()));
    }
    Ok((allow, why.to_string()))
}

fn lacks(question: &str, functions: &[(String, usize)]) -> Diagnostic {
    let names = functions.iter().map(|(name, _)| name.as_str());
    let with_other = functions.iter().find(|(name, _)| name == question);
    let mut help = match with_other {
        Some((_, count)) => {
            format!("its `{question}` takes {count} arguments and should take one; ")
        }
        None => did_you_mean(question, names)
            .map(|similar| format!("is {} meant to be it? ", quote(similar)))
            .unwrap_or_default(),
    };
    let input = if question == "review" {
        "spend"
    } else {
        "facts"
    };
    help += &format!("write `fn {question}({input}) {{ … }}`");
    Diagnostic::new(
        Code::UnknownFunction,
        format!("there is no `fn {question}({input})`"),
    )
    .help(help)
}

/// A reason as it may stand on one line, and so in an event.
fn shortened(why: &str) -> String {
    let line = why.replace(['\r', '\n', '\t'], " ");
    let why = presentable(line.trim(), []);
    if why.chars().count() <= WHY_MAX {
        return why;
    }
    // What is cut short can have the form of a key that the whole has not.
    let cut: String = why.chars().take(WHY_MAX - 1).collect();
    format!("{}…", presentable(&cut, []))
}
