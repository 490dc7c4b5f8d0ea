//! The problems of policies in SARIF 2.1.0, which tools for code review read.

use std::collections::BTreeMap;

use serde_json::json;
use serde_sarif::sarif::{
    ArtifactLocation, Location, Message, MultiformatMessageString, PhysicalLocation, PropertyBag,
    Region, ReportingConfiguration, ReportingDescriptor, Result, ResultLevel, Run, Sarif,
    Suppression, Tool, ToolComponent,
};

use super::shown;
use crate::cli::check::{Judged, Judgement};
use crate::policy::{Code, Diagnostic, Severity, Span, position, secrets};

/// The schema that the log follows.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// One run over all policies.
pub(in crate::cli) fn sarif(judgements: &[Judgement]) -> Sarif {
    let driver = ToolComponent::builder()
        .name("longstop")
        .version(env!("CARGO_PKG_VERSION").to_owned())
        .rules(Code::ALL.iter().copied().map(rule).collect::<Vec<_>>())
        .build();
    let mut results = Vec::new();
    for judgement in judgements {
        match judgement {
            Judgement::Judged(judged) => results.extend(of_policy(judged)),
            Judgement::Failed { file, failure } => results.push(
                Result::builder()
                    .level(ResultLevel::Error)
                    .message(message(&failure.to_string()))
                    .locations(vec![location(file, None, None)])
                    .build(),
            ),
        }
    }
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .column_kind(json!("unicodeCodePoints"))
        .results(results)
        .build();
    Sarif::builder()
        .schema(SCHEMA.to_owned())
        .version(json!("2.1.0"))
        .runs(vec![run])
        .build()
}

/// A code as a rule.
///
/// Its help is whole here: `helpUri` has to be an absolute URI (SARIF 2.1.0, §3.49.12), and the
/// book, which is part of the repository, has no address of its own.  Where in it the code stands
/// is among the properties.
fn rule(code: Code) -> ReportingDescriptor {
    let book = json!(code.place_in_book());
    ReportingDescriptor::builder()
        .id(code.as_str())
        .name(format!("{code:?}"))
        .short_description(words(code.title()))
        .full_description(words(code.explanation()))
        .help(help(code))
        .default_configuration(
            ReportingConfiguration::builder()
                .level(json!(level(code.severity()).to_string()))
                .build(),
        )
        .properties(
            PropertyBag::builder()
                .additional_properties(BTreeMap::from([("book".to_owned(), book)]))
                .build(),
        )
        .build()
}

fn of_policy(judged: &Judged) -> Vec<Result> {
    let checked = &judged.checked;
    let source = &judged.source;
    let mut results: Vec<Result> = checked
        .diagnostics
        .iter()
        .map(|problem| result(&judged.file.file, source, problem, None))
        .collect();
    results.extend(checked.silenced.iter().map(|silenced| {
        // The reason of a policy that is refused for a key in it.
        let reason = match secrets(&silenced.reason).is_empty() {
            true => shown(&silenced.reason),
            false => "not shown".to_owned(),
        };
        result(
            &judged.file.file,
            source,
            &silenced.diagnostic,
            Some(reason),
        )
    }));
    results
}

fn result(file: &str, source: &str, problem: &Diagnostic, silenced: Option<String>) -> Result {
    let code = problem.code();
    let text = match problem.advice() {
        Some(advice) => format!("{problem}; {advice}"),
        None => problem.to_string(),
    };
    let of = |primary: bool| {
        let labels = problem.labels().iter();
        let labels = labels.filter(move |label| label.primary == primary);
        labels
            .map(|label| {
                let text = (!label.text.is_empty()).then_some(label.text.as_str());
                location(file, Some(region(source, label.span)), text)
            })
            .collect::<Vec<_>>()
    };
    let mut locations = of(true);
    // What has no place is about the document as a whole.
    if locations.is_empty() {
        locations.push(location(file, None, None));
    }
    let index = Code::ALL.iter().position(|other| *other == code);
    let mut result = Result::builder()
        .rule_id(code.as_str().to_owned())
        .level(level(code.severity()))
        .message(message(&text))
        .locations(locations)
        .build();
    result.rule_index = index.and_then(|index| i64::try_from(index).ok());
    let related = of(false);
    if !related.is_empty() {
        result.related_locations = Some(related);
    }
    if let Some(reason) = silenced {
        result.suppressions = Some(vec![
            Suppression::builder()
                .kind(json!("inSource"))
                .justification(reason)
                .build(),
        ]);
    }
    result
}

const fn level(severity: Severity) -> ResultLevel {
    match severity {
        Severity::Error => ResultLevel::Error,
        Severity::Warning => ResultLevel::Warning,
        Severity::Note => ResultLevel::Note,
    }
}

fn location(file: &str, region: Option<Region>, text: Option<&str>) -> Location {
    let artifact = ArtifactLocation::builder().uri(uri(file)).build();
    let mut place = PhysicalLocation::builder()
        .artifact_location(artifact)
        .build();
    place.region = region;
    let mut location = Location::builder().physical_location(place).build();
    location.message = text.map(message);
    location
}

/// The place in lines and columns, both from 1, the end being the column after the last character.
fn region(source: &str, span: Span) -> Region {
    let place = |at: usize| {
        let (line, column) = position(source, at);
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        (number(line), number(column))
    };
    let (start_line, start_column) = place(span.start);
    let (end_line, end_column) = place(span.end.max(span.start));
    Region::builder()
        .start_line(start_line)
        .start_column(start_column)
        .end_line(end_line)
        .end_column(end_column)
        .build()
}

fn message(text: &str) -> Message {
    Message::builder().text(shown(text)).build()
}

/// What to do, and in Markdown also what the code means, with lines that are wrong and right.
fn help(code: Code) -> MultiformatMessageString {
    let mut markdown = format!(
        "{}\n\n**What to do.** {}\n",
        code.explanation(),
        code.remedy()
    );
    if let Some(example) = code.example() {
        for (title, lines) in [("Wrong", example.wrong), ("Right", example.right)] {
            let language = example.language;
            markdown += &format!("\n{title}:\n\n```{language}\n{lines}\n```\n");
        }
    }
    MultiformatMessageString::builder()
        .text(code.remedy())
        .markdown(markdown)
        .build()
}

fn words(text: &str) -> MultiformatMessageString {
    MultiformatMessageString::builder().text(text).build()
}

/// A path as a URI, relative where the path is.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'\\' => uri.push('/'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("policies/a b/ü.toml"), "policies/a%20b/%C3%BC.toml");
        assert_eq!(uri("/x/policy.toml"), "file:///x/policy.toml");
        assert_eq!(uri(r"a\b"), "a/b");
        assert_eq!(uri("50%#1"), "50%25%231");
    }

    #[test]
    fn regions_count_characters_and_end_after_the_last() {
        let region = |source: &str, start: usize, end: usize| {
            let region = super::region(source, Span { start, end });
            [
                region.start_line,
                region.start_column,
                region.end_line,
                region.end_column,
            ]
            .map(|number| number.expect("all four"))
        };
        assert_eq!(region("ab\nücd\n", 0, 1), [1, 1, 1, 2]);
        assert_eq!(region("ab\nücd\n", 3, 5), [2, 1, 2, 2]);
        assert_eq!(region("ab\nücd\n", 5, 8), [2, 2, 3, 1]);
        assert_eq!(region("ab", 2, 2), [1, 3, 1, 3]);
    }
}
