//! What goes wrong in a script, in the words of a diagnostic.

use rhai::{Dynamic, EvalAltResult, LexError, ParseErrorType, Position};

use super::super::document::did_you_mean;
use super::super::shown::{list, quote, shortened};
use super::super::{Code, Diagnostic};
use super::LIMITS;
use super::place::Sources;

/// Longest sentence of the interpreter that is repeated, in characters.
const SENTENCE_MAX: usize = 240;

/// A problem that a function of ours reports through the interpreter, which adds the place.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Trouble {
    pub code: Code,
    pub message: String,
    pub label: String,
    pub help: String,
}

impl Trouble {
    pub fn new(code: Code, message: impl Into<String>, label: &str, help: &str) -> Self {
        Self {
            code,
            message: message.into(),
            label: label.to_owned(),
            help: help.to_owned(),
        }
    }

    pub fn at(self, position: Position) -> Box<EvalAltResult> {
        Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(self), position))
    }
}

impl From<Trouble> for Box<EvalAltResult> {
    fn from(trouble: Trouble) -> Self {
        trouble.at(Position::NONE)
    }
}

/// Why a script stopped.
pub(super) fn diagnose(error: EvalAltResult, sources: &Sources) -> Diagnostic {
    let (source, error) = innermost(error);
    let source = source.as_deref();
    let position = error.position();
    let trouble = match error {
        EvalAltResult::ErrorParsing(kind, _) => syntax(&kind, position, source, sources),
        EvalAltResult::ErrorRuntime(value, _) => match value.clone().try_cast::<Trouble>() {
            Some(trouble) => trouble,
            None => Trouble::new(
                Code::ScriptFailed,
                format!(
                    "the script stops: {}",
                    shortened(&value.to_string(), SENTENCE_MAX)
                ),
                "stops here",
                "this is the script's own error",
            ),
        },
        EvalAltResult::ErrorTerminated(why, _) => limit(&why.to_string()),
        other => failed(&other, source, sources),
    };
    let diagnostic = Diagnostic::new(trouble.code, trouble.message).help(trouble.help);
    if position.is_none() {
        return diagnostic;
    }
    diagnostic.at(sources.span(source, position), trouble.label)
}

/// The error at the bottom of calls and imports, and the file it is in.
fn innermost(error: EvalAltResult) -> (Option<String>, EvalAltResult) {
    let mut source = None;
    let mut error = error;
    loop {
        error = match error {
            EvalAltResult::ErrorInFunctionCall(_, of, inner, _) => {
                source = Some(of);
                *inner
            }
            EvalAltResult::ErrorInModule(of, inner, _) => {
                source = Some(of);
                *inner
            }
            other => return (source, other),
        };
    }
}

fn failed(error: &EvalAltResult, source: Option<&str>, sources: &Sources) -> Trouble {
    match error {
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            unknown_function(signature, source, sources)
        }
        EvalAltResult::ErrorVariableNotFound(name, _)
        | EvalAltResult::ErrorModuleNotFound(name, _) => unknown_name(name, source, sources),
        EvalAltResult::ErrorPropertyNotFound(name, _) => {
            let help = suggestion(name, sources.words(source));
            Trouble::new(
                Code::UnknownVariable,
                format!("the map has no field {}", quote(name)),
                "unknown field",
                &format!("{help}a field that may be missing is asked for with `\"name\" in map`"),
            )
        }
        EvalAltResult::ErrorTooManyVariables(_) => limit("variables"),
        EvalAltResult::ErrorTooManyModules(_) => limit("imports"),
        EvalAltResult::ErrorStackOverflow(_) => limit("call_depth"),
        EvalAltResult::ErrorTooManyOperations(_) => limit("operations"),
        EvalAltResult::ErrorDataTooLarge(what, _) if what.contains("string") => limit("strings"),
        EvalAltResult::ErrorDataTooLarge(what, _) if what.contains("map") => limit("maps"),
        EvalAltResult::ErrorDataTooLarge(..) => limit("lists"),
        EvalAltResult::ErrorArithmetic(what, _) => Trouble::new(
            Code::ScriptFailed,
            format!("the script stops: {}", lowercase(what)),
            "no result",
            "whole numbers go from -9223372036854775808 to 9223372036854775807, and nothing is divided by zero",
        ),
        EvalAltResult::ErrorMismatchDataType(wanted, found, _)
        | EvalAltResult::ErrorMismatchOutputType(wanted, found, _) => Trouble::new(
            Code::ScriptFailed,
            format!(
                "the script stops: this is {}, and should be {}",
                type_in_words(found),
                type_in_words(wanted)
            ),
            "wrong type",
            "write a value of the type that is needed",
        ),
        other => {
            let mut other = other.to_string();
            if let Some(at) = other.rfind(" (line ") {
                other.truncate(at);
            }
            Trouble::new(
                Code::ScriptFailed,
                format!("the script stops: {}", lowercase(&other)),
                "stops here",
                "correct the marked place",
            )
        }
    }
}

fn unknown_function(signature: &str, source: Option<&str>, sources: &Sources) -> Trouble {
    let (name, arguments) = signature.split_once(" (").unwrap_or((signature, ")"));
    let arguments = arguments.strip_suffix(')').unwrap_or(arguments);
    let name = name.rsplit("::").next().unwrap_or(name);
    let types: Vec<String> = arguments
        .split(", ")
        .filter(|argument| !argument.is_empty())
        .map(type_in_words)
        .collect();
    let given = list(&types, "and");
    if let Some(usage) = sources.usage(name) {
        return Trouble::new(
            Code::UnknownFunction,
            match given.is_empty() {
                true => format!("{} is given nothing", quote(name)),
                false => format!("{} is given {given}", quote(name)),
            },
            "cannot be called so",
            &format!("write {usage}"),
        );
    }
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return Trouble::new(
            Code::UnknownFunction,
            format!("{} is not possible between {given}", quote(name)),
            "not for these",
            "both sides must be of one type; `to_string` makes a string of a number",
        );
    }
    let similar = suggestion(name, sources.functions().chain(sources.words(source)));
    Trouble::new(
        Code::UnknownFunction,
        match given.is_empty() {
            true => format!("there is no function {}", quote(name)),
            false => format!("there is no function {} for {given}", quote(name)),
        },
        "unknown function",
        &format!("{similar}scripts have no clock, no files, no chance and no output"),
    )
}

fn unknown_name(name: &str, source: Option<&str>, sources: &Sources) -> Trouble {
    let help = match sources.maker(source, &["param", "party", "quorum", "path"], name) {
        Some("param") => {
            let kept = quote(&format!("let {name} = param(\"{name}\", …)"));
            format!("`param` makes no variable by itself: write {kept}")
        }
        Some(maker) => {
            let kept = quote(&format!("let {name} = {maker}(\"{name}\", …)"));
            let text = quote(&format!("\"{name}\""));
            format!("`{maker}` makes no variable by itself: write {text} here, or {kept} there")
        }
        None => {
            let similar = suggestion(name, sources.words(source));
            format!(
                "{similar}declare it with `let` before; functions see only their own variables, and `global::NAME` for a `const`"
            )
        }
    };
    Trouble::new(
        Code::UnknownVariable,
        format!("{} is unknown", quote(name)),
        "unknown name",
        &help,
    )
}

fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known = known.into_iter();
    did_you_mean(name, known.filter(|word| word.len() > 1 && *word != name))
        .map(|similar| format!("did you mean `{similar}`? "))
        .unwrap_or_default()
}

fn syntax(
    kind: &ParseErrorType,
    position: Position,
    source: Option<&str>,
    sources: &Sources,
) -> Trouble {
    match kind {
        ParseErrorType::VariableUndefined(name) | ParseErrorType::ModuleUndefined(name) => {
            unknown_name(name, source, sources)
        }
        ParseErrorType::Reserved(name) => forbidden(name),
        ParseErrorType::BadInput(LexError::ImproperSymbol(name, why))
            if why.ends_with("is disabled") =>
        {
            forbidden(name)
        }
        ParseErrorType::BadInput(LexError::MalformedNumber(_)) => {
            number(sources.written(source, position))
        }
        ParseErrorType::ExprTooDeep => limit("expression_depth"),
        ParseErrorType::TooManyFunctions => limit("functions"),
        ParseErrorType::LiteralTooLarge(what, _) => limit(match what {
            what if what.contains("string") => "strings",
            what if what.contains("map") => "maps",
            _ => "lists",
        }),
        ParseErrorType::PropertyExpected
            if sources
                .before(source, position)
                .trim_end_matches('.')
                .ends_with(|c: char| c.is_ascii_digit()) =>
        {
            Trouble::new(
                Code::ScriptSyntax,
                "scripts have no decimal numbers",
                "after the point",
                "write whole numbers: satoshis, percent, blocks",
            )
        }
        ParseErrorType::MismatchedType(wanted, found) => Trouble::new(
            Code::ScriptSyntax,
            format!("{found} stands where {wanted} is needed"),
            "wrong type",
            "compare it, for instance `x > 0`",
        ),
        other => Trouble::new(
            Code::ScriptSyntax,
            format!(
                "the script cannot be read: {}",
                lowercase(&other.to_string())
            ),
            "cannot be read",
            "statements end with `;`, maps are written `#{ name: value }`, and lists `[1, 2]`",
        ),
    }
}

/// What looks like a whole number, and is none.
fn number(text: &str) -> Trouble {
    let digits = text.trim_start_matches('-').replace('_', "");
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, digits.get(2..)),
        Some("0o" | "0O") => (8, digits.get(2..)),
        Some("0b" | "0B") => (2, digits.get(2..)),
        _ => (10, Some(digits.as_str())),
    };
    let digits = digits.unwrap_or_default();
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    let (what, label) = match is_number {
        true => ("no number that a script can have", "too large"),
        false => ("no whole number", "cannot be read"),
    };
    Trouble::new(
        Code::ScriptSyntax,
        format!("{} is {what}", quote(text)),
        label,
        &format!("whole numbers go from {} to {}", i64::MIN, i64::MAX),
    )
}

fn forbidden(name: &str) -> Trouble {
    let help = match name {
        "print" | "debug" => {
            "a script has no output; `require(condition, \"why\")` reports a problem"
        }
        "eval" => "write the script itself; what is shared between scripts is imported",
        "try" | "catch" => "an error in a script is never passed over; ask with `if` before",
        "this" => "hand the value to the function",
        _ => "choose another name",
    };
    let code = match name {
        "print" | "debug" | "eval" => Code::UnknownFunction,
        _ => Code::ScriptSyntax,
    };
    Trouble::new(
        code,
        format!("scripts have no {}", quote(name)),
        "not available",
        help,
    )
}

/// The problem of a script that takes more than it may.
pub(super) fn limit(which: &str) -> Trouble {
    let (message, help) = match which {
        "operations" => (
            format!("the script takes more than {} steps", LIMITS.operations),
            "does a loop never end?",
        ),
        "time" => (
            "the script takes too long".to_owned(),
            "make its loops and values smaller, or try again on a machine that is less busy",
        ),
        "call_depth" => (
            format!(
                "functions call one another more than {} deep",
                LIMITS.call_depth
            ),
            "does a function call itself for ever?",
        ),
        "expression_depth" => (
            format!(
                "expressions and blocks stand more than {} deep",
                LIMITS.expression_depth
            ),
            "give parts of it names with `let`, or make them functions",
        ),
        "strings" => (
            format!(
                "a value has more than {} bytes of strings",
                LIMITS.string_bytes
            ),
            "make it smaller",
        ),
        "lists" => (
            format!("a value has more than {} items in lists", LIMITS.list_items),
            "make it smaller",
        ),
        "maps" => (
            format!("a value has more than {} fields in maps", LIMITS.map_fields),
            "make it smaller",
        ),
        "variables" => (
            format!(
                "the script has more than {} variables at once",
                LIMITS.variables
            ),
            "put parts of it into functions, whose variables end with them",
        ),
        "functions" => (
            format!("a script has more than {} functions", LIMITS.functions),
            "put some of them into a file of their own and `import` it",
        ),
        "import_depth" => (
            format!("imports stand more than {} deep", LIMITS.import_depth),
            "import from the script itself what its imports import",
        ),
        _ => (
            format!("the script imports more than {} files", LIMITS.imports),
            "put them together",
        ),
    };
    Trouble::new(Code::ScriptLimit, message, "here it is stopped", help)
}

/// A type of the interpreter in words.
pub(in crate::policy) fn type_in_words(name: &str) -> String {
    let words = match name.trim() {
        "i64" => "a whole number",
        "bool" => "`true` or `false`",
        "char" => "a single character",
        "()" => "nothing",
        "map" => "a map",
        "array" => "a list",
        "Fn" => "a function",
        "term" => "a term",
        name if name.contains("tring") => "a string",
        name if name.contains("ange") => "a range",
        other => other,
    };
    words.to_owned()
}

/// A sentence of the interpreter as ours begin, without anything a terminal would act on.  It is cut
/// short where it repeats much of the script.
fn lowercase(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_lowercase);
    let text: String = first.into_iter().flatten().chain(characters).collect();
    shortened(&text.replace('\n', " ").replace('\'', "`"), SENTENCE_MAX)
}
