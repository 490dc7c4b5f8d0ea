//! Parameters of a script: values that can be set from outside.

use std::collections::BTreeMap;
use std::fmt;

use rhai::{Dynamic, Map};
use serde::{Serialize, Serializer};

use super::super::document::did_you_mean;
use super::super::shown::{list, quote};
use super::super::{Code, Diagnostic, Span};
use super::trouble::Trouble;

/// A parameter that a script declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its value where nothing else is set, which also says its type.
    pub default: Value,
    /// Its value in this run.
    pub value: Value,
    /// What it can be.
    pub allowed: Allowed,
    #[serde(skip)]
    pub(super) span: Span,
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// `true` or `false`.
    Boolean(bool),
    /// A string.
    Text(String),
}

impl Value {
    /// The name of its type: `integer`, `boolean` or `string`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Integer(_) => "integer",
            Self::Boolean(_) => "boolean",
            Self::Text(_) => "string",
        }
    }

    fn from_script(value: &Dynamic) -> Option<Self> {
        if let Ok(number) = value.as_int() {
            return Some(Self::Integer(number));
        }
        if let Ok(truth) = value.as_bool() {
            return Some(Self::Boolean(truth));
        }
        let text = value.as_immutable_string_ref().ok()?;
        Some(Self::Text(text.to_string()))
    }

    /// Another value of the same type, as it is typed on a command line.
    fn parse_like(&self, text: &str) -> Option<Self> {
        match self {
            Self::Integer(_) => text.trim().parse().ok().map(Self::Integer),
            Self::Boolean(_) => text.trim().parse().ok().map(Self::Boolean),
            Self::Text(_) => Some(Self::Text(text.to_owned())),
        }
    }

    fn to_script(&self) -> Dynamic {
        match self {
            Self::Integer(number) => Dynamic::from(*number),
            Self::Boolean(truth) => Dynamic::from(*truth),
            Self::Text(text) => Dynamic::from(text.clone()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(truth) => truth.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Boolean(truth) => serializer.serialize_bool(*truth),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

/// What a parameter can be, beside being of its type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// The smallest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    /// The greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    /// One of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Value>,
}

impl Allowed {
    fn from_script(map: &Map, default: &Value) -> Result<Self, Trouble> {
        let mut allowed = Self::default();
        for (field, value) in map {
            match (field.as_str(), Value::from_script(value)) {
                ("min", Some(Value::Integer(min))) => allowed.min = Some(min),
                ("max", Some(Value::Integer(max))) => allowed.max = Some(max),
                ("choices", None) => {
                    let choices = value.as_array_ref().ok();
                    let choices = choices.and_then(|choices| {
                        let choices = choices.iter().map(Value::from_script);
                        choices.collect::<Option<Vec<_>>>()
                    });
                    allowed.choices = choices
                        .filter(|choices| {
                            let alike = choices.iter().all(|one| one.kind() == default.kind());
                            alike && !choices.is_empty()
                        })
                        .ok_or_else(|| {
                            malformed(&format!("`choices` is no list of {}s", default.kind()))
                        })?;
                }
                (other, _) => {
                    let fields = ["min", "max", "choices"];
                    if fields.contains(&other) {
                        return Err(malformed(&format!("{} has the wrong type", quote(other))));
                    }
                    let similar = did_you_mean(other, fields)
                        .map(|similar| format!("; did you mean `{similar}`?"))
                        .unwrap_or_default();
                    return Err(malformed(&format!(
                        "there is no field {}{similar}",
                        quote(other)
                    )));
                }
            }
        }
        if (allowed.min.is_some() || allowed.max.is_some()) && default.kind() != "integer" {
            return Err(malformed("only whole numbers have `min` and `max`"));
        }
        Ok(allowed)
    }

    fn allows(&self, value: &Value) -> bool {
        let in_range = match value {
            Value::Integer(number) => {
                self.min.is_none_or(|min| *number >= min)
                    && self.max.is_none_or(|max| *number <= max)
            }
            _ => true,
        };
        in_range && (self.choices.is_empty() || self.choices.contains(value))
    }
}

impl fmt::Display for Allowed {
    /// Such as `3 to 9`, or nothing where everything is allowed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.choices.is_empty() {
            let choices: Vec<String> = self.choices.iter().map(ToString::to_string).collect();
            return f.write_str(&list(&choices, "or"));
        }
        match (self.min, self.max) {
            (Some(min), Some(max)) => write!(f, "{min} to {max}"),
            (Some(min), None) => write!(f, "at least {min}"),
            (None, Some(max)) => write!(f, "at most {max}"),
            (None, None) => Ok(()),
        }
    }
}

fn malformed(what: &str) -> Trouble {
    Trouble::new(
        Code::BadParameter,
        format!("the last part of a parameter cannot be read: {what}"),
        "declared here",
        "write `#{ min: 3, max: 9 }` or `#{ choices: [\"tr\", \"wsh\"] }`, or leave it out",
    )
}

/// What was set from outside, and what has been asked for.
#[derive(Default)]
pub(super) struct Settings {
    values: BTreeMap<String, String>,
    twice: Vec<String>,
}

impl Settings {
    pub fn new(settings: &[(String, String)]) -> Self {
        let mut values = BTreeMap::new();
        let mut twice = Vec::new();
        for (name, value) in settings {
            if values.insert(name.clone(), value.clone()).is_some() {
                twice.push(name.clone());
            }
        }
        Self { values, twice }
    }

    /// Settings for which there is no parameter, and those that are given twice.
    pub fn problems(&self, parameters: &[Parameter]) -> Vec<Diagnostic> {
        let names: Vec<&str> = parameters.iter().map(|one| one.name.as_str()).collect();
        let mut problems = Vec::new();
        for name in &self.twice {
            problems.push(
                Diagnostic::new(
                    Code::BadParameter,
                    format!("the parameter {} is set twice", quote(name)),
                )
                .help("set it once"),
            );
        }
        for name in self.values.keys() {
            if names.contains(&name.as_str()) {
                continue;
            }
            let mut help = did_you_mean(name, names.iter().copied())
                .map(|similar| format!("did you mean `{similar}`? "))
                .unwrap_or_default();
            let quoted: Vec<String> = names.iter().map(|name| quote(name)).collect();
            help += &match quoted.is_empty() {
                true => "the script has no parameters".to_owned(),
                false => format!("the parameters are {}", list(&quoted, "and")),
            };
            problems.push(
                Diagnostic::new(
                    Code::UnknownParameter,
                    format!("the script has no parameter {}", quote(name)),
                )
                .help(help),
            );
        }
        problems
    }

    /// A parameter as it is declared, with its value for this run, or with a problem and its
    /// default.
    pub fn declare(
        &self,
        name: &str,
        default: &Dynamic,
        description: &str,
        allowed: &Map,
        span: Span,
    ) -> Result<(Parameter, Option<Diagnostic>), Trouble> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
            return Err(Trouble::new(
                Code::BadParameter,
                format!("{} is no name for a parameter", quote(name)),
                "declared here",
                "names have 1 to 64 characters: letters a to z, digits, `-` and `_`",
            ));
        }
        let Some(default) = Value::from_script(default) else {
            return Err(Trouble::new(
                Code::BadParameter,
                format!("the default of {} has no type that can be set", quote(name)),
                "declared here",
                "a parameter is a whole number, a string, or `true` or `false`",
            ));
        };
        let allowed = Allowed::from_script(allowed, &default)?;
        if !allowed.allows(&default) {
            return Err(Trouble::new(
                Code::BadParameter,
                format!(
                    "the default of {} is {}, and can only be {allowed}",
                    quote(name),
                    quote(&default.to_string())
                ),
                "declared here",
                "choose a default that is allowed",
            ));
        }
        let mut parameter = Parameter {
            name: name.to_owned(),
            description: description.to_owned(),
            value: default.clone(),
            default,
            allowed,
            span,
        };
        let problem = self.values.get(name).and_then(|text| parameter.take(text));
        Ok((parameter, problem))
    }
}

impl Parameter {
    /// Its value for the script.
    pub(super) fn to_script(&self) -> Dynamic {
        self.value.to_script()
    }

    /// Takes a value from outside, or says why not.
    fn take(&mut self, text: &str) -> Option<Diagnostic> {
        let name = quote(&self.name);
        let problem = |message: String, help: String| {
            Diagnostic::new(Code::BadParameter, message)
                .at(self.span, "declared here")
                .help(help)
        };
        let Some(value) = self.default.parse_like(text) else {
            let wanted = match self.default {
                Value::Integer(_) => "a whole number",
                Value::Boolean(_) => "`true` or `false`",
                Value::Text(_) => "a string",
            };
            return Some(problem(
                format!("{name} is set to {}, and should be {wanted}", quote(text)),
                format!(
                    "write `--set {}={}`, or another value like this",
                    self.name, self.default
                ),
            ));
        };
        if !self.allowed.allows(&value) {
            return Some(problem(
                format!(
                    "{name} is set to {}, and can only be {}",
                    quote(text),
                    self.allowed
                ),
                format!(
                    "the script's own value is {}",
                    quote(&self.default.to_string())
                ),
            ));
        }
        self.value = value;
        None
    }
}
