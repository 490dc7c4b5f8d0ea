//! Problems of a policy with the lines where they are.

use std::error::Error;
use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};

use crate::policy::{Checked, Diagnostic, Located};

/// How much of a line is shown where nothing in it is marked: keys are long.
const WIDEST: usize = 80;

/// All problems, each with its lines.
pub(super) fn graphical(file: &str, checked: &Checked, width: usize) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode())
        .with_width(width)
        .with_context_lines(1)
        .with_links(false);
    let source = Lines {
        file: file.to_owned(),
        text: checked.source(),
    };
    let mut text = String::new();
    for problem in &checked.diagnostics {
        let headed = Headed {
            problem,
            source: &source,
        };
        // Writing to a string does not fail.
        if handler.render_report(&mut text, &headed).is_err() {
            text.push_str(&problem.to_string());
        }
        text.push('\n');
    }
    text
}

/// All problems, for other programs.
pub(super) fn located(checked: &Checked) -> Vec<Located<'_>> {
    let source = checked.source();
    checked
        .diagnostics
        .iter()
        .map(|problem| problem.located(&source))
        .collect()
}

/// A problem that says how grave it is in words, not by colour alone.
#[derive(Debug)]
struct Headed<'a> {
    problem: &'a Diagnostic,
    source: &'a Lines,
}

impl fmt::Display for Headed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl Error for Headed<'_> {}

impl miette::Diagnostic for Headed<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(format!(
            "{}[{}]",
            self.problem.severity(),
            self.problem.code()
        )))
    }

    fn severity(&self) -> Option<miette::Severity> {
        miette::Diagnostic::severity(self.problem)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        miette::Diagnostic::help(self.problem)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        miette::Diagnostic::labels(self.problem)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.source)
    }
}

/// The text of a policy, of which whole lines are shown, though of long ones only the beginning.
#[derive(Debug)]
struct Lines {
    file: String,
    text: String,
}

impl SourceCode for Lines {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        _lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let [from, to] = shown_part(&self.text, span.offset(), span.offset() + span.len())
            .ok_or(MietteError::OutOfBounds)?;
        let text = &self.text;
        let (before, part) = text
            .get(..from)
            .zip(text.get(from..to))
            .ok_or(MietteError::OutOfBounds)?;
        // Asked for no line around it, the place itself is meant rather than what to show.
        let place = if lines_before == 0 {
            text.get(..span.offset()).unwrap_or(before)
        } else {
            before
        };
        let column = place
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count();
        Ok(Box::new(MietteSpanContents::new_named(
            self.file.clone(),
            part.as_bytes(),
            (from, to - from).into(),
            before.matches('\n').count(),
            column,
            part.matches('\n').count(),
        )))
    }
}

/// What is shown around a marked part, from where to where.
fn shown_part(text: &str, start: usize, end: usize) -> Option<[usize; 2]> {
    let before = text.get(..start)?;
    let first_line = before.rfind('\n').map_or(0, |at| at + 1);
    let last_line = text.get(..end)?.rfind('\n').map_or(0, |at| at + 1);
    let line_end = text
        .get(end..)?
        .find('\n')
        .map_or(text.len(), |at| end + at);
    let from = if start - first_line > WIDEST {
        start
    } else {
        first_line
    };
    let mut to = line_end.min(end.max(last_line + WIDEST));
    while !text.is_char_boundary(to) {
        to += 1;
    }
    Some([from, to])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, start: usize, end: usize) -> Option<&str> {
        shown_part(text, start, end).and_then(|[from, to]| text.get(from..to))
    }

    #[test]
    fn whole_lines_are_shown() {
        let text = "one\ntwo\nthree";
        assert_eq!(part(text, 5, 6), Some("two"));
        assert_eq!(part(text, 2, 6), Some("one\ntwo"));
        assert_eq!(part(text, 13, 13), Some("three"));
        assert_eq!(part(text, 13, 14), None);
        assert_eq!(part("", 0, 0), Some(""));
    }

    #[test]
    fn of_long_lines_the_marked_part_and_little_else() {
        let line = "x".repeat(WIDEST) + &"y".repeat(300);
        assert_eq!(part(&line, 3, 5).map(str::len), Some(WIDEST));
        assert_eq!(part(&line, 3, 200).map(str::len), Some(200));
        assert_eq!(part(&line, WIDEST + 1, WIDEST + 9), Some("yyyyyyyy"));
        let wide = "x".repeat(WIDEST - 1) + "é tail";
        assert_eq!(part(&wide, 0, 1).map(str::len), Some(WIDEST + 1));
    }
}
