//! Cases of a rule: facts, and the verdict they should come to.

use thiserror::Error;
use toml::{Table, Value};

use super::super::shown::hidden;
use super::super::{Code, position};
use super::{Facts, Rule, Verdict};

/// What the cases of a rule are written in.
const KEYS: [&str; 6] = ["name", "allow", "why", "code", "activate", "review"];

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

/// Why a text holds no cases.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CasesError {
    /// It is no TOML.
    #[error("this is no TOML: {0}")]
    Syntax(String),
    /// It has a character that makes it look like another text.
    #[error(
        "line {line} has an invisible or direction-changing character, U+{number:04X}, so that it does not read as it looks; remove it, in comments too"
    )]
    Hidden {
        /// The line, the first being 1.
        line: usize,
        /// The number of the character.
        number: u32,
    },
    /// It has no cases in it.
    #[error("there is no `[[case]]` in it")]
    Empty,
    /// A case cannot be read.
    #[error("case {number}: {problem}")]
    Case {
        /// Which, the first being 1.
        number: usize,
        /// What is wrong with it.
        problem: String,
    },
}

impl Cases {
    /// Reads cases.
    ///
    /// The tables `[activate]` and `[review]` at the beginning are what the cases have in common:
    /// each case names the fields that it has otherwise.
    ///
    /// # Errors
    ///
    /// If the text is something else, or a case has facts that no rule is told.
    pub fn parse(text: &str) -> Result<Self, CasesError> {
        if let Some((at, c)) = hidden(text).next() {
            let (line, _) = position(text, at);
            return Err(CasesError::Hidden {
                line,
                number: u32::from(c),
            });
        }
        let mut table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| CasesError::Syntax(error.message().to_owned()))?;
        let Some(Value::Array(cases)) = table.remove("case") else {
            return Err(CasesError::Empty);
        };
        for other in table.keys() {
            if other != "activate" && other != "review" {
                return Err(CasesError::Syntax(format!(
                    "there is a `{other}`, which is neither `activate`, `review` nor `case`"
                )));
            }
        }
        let cases = cases.into_iter().enumerate().map(|(number, case)| {
            read(case, &table).map_err(|problem| CasesError::Case {
                number: number + 1,
                problem,
            })
        });
        let cases: Vec<Case> = cases.collect::<Result<_, _>>()?;
        if cases.is_empty() {
            return Err(CasesError::Empty);
        }
        Ok(Self { cases })
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

fn read(case: Value, common: &Table) -> Result<Case, String> {
    let Value::Table(mut case) = case else {
        return Err("it is no table".to_owned());
    };
    let mut take = |name: &str| case.remove(name);
    let Some(Value::String(name)) = take("name") else {
        return Err("it needs a `name` in quotes".to_owned());
    };
    let Some(Value::Boolean(allow)) = take("allow") else {
        return Err("it needs `allow = true` or `allow = false`".to_owned());
    };
    let why = match take("why") {
        None => None,
        Some(Value::String(why)) => Some(why),
        Some(_) => return Err("`why` is a part of the reason, in quotes".to_owned()),
    };
    let code = match take("code") {
        None => None,
        Some(Value::String(code)) => {
            Some(Code::from_written(&code).ok_or_else(|| format!("there is no code `{code}`"))?)
        }
        Some(_) => return Err("`code` is a code in quotes".to_owned()),
    };
    let asked: Vec<&str> = ["activate", "review"]
        .into_iter()
        .filter(|question| case.contains_key(*question))
        .collect();
    let [question] = asked.as_slice() else {
        return Err(
            "it needs one of `activate` and `review`, with the fields in which it differs"
                .to_owned(),
        );
    };
    let Some(Value::Table(own)) = case.remove(*question) else {
        return Err(format!("`{question}` is a table of facts"));
    };
    if let Some(other) = case.keys().next() {
        return Err(format!(
            "there is no field `{other}`; there are {}",
            KEYS.map(|key| format!("`{key}`")).join(", ")
        ));
    }
    let mut facts = match common.get(*question) {
        Some(Value::Table(common)) => common.clone(),
        _ => Table::new(),
    };
    facts.extend(own);
    let mut asked = Table::new();
    asked.insert((*question).to_owned(), Value::Table(facts));
    let facts = asked
        .try_into()
        .map_err(|error: toml::de::Error| error.message().to_owned())?;
    Ok(Case {
        name,
        facts,
        allow,
        why,
        code,
    })
}
