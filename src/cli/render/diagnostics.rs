//! Problems of a policy with the lines where they are.

use std::error::Error;
use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};

use super::wrap;
use crate::policy::{Checked, Diagnostic, Located};

/// What stands before a line of the policy: its number and a rule.
const MARGIN: usize = 8;

/// What stands before each line of a message, in columns.
const INDENT_OF_MESSAGES: usize = 4;

/// What stands before each line of help.
const INDENT_OF_HELP: usize = 8;

/// All problems of a policy, each with its lines.
pub(super) fn graphical(file: &str, checked: &Checked, width: usize) -> String {
    of_text(file, checked.source(), &checked.diagnostics, width)
}

/// All problems of a text, which may be shown, each with its lines.
pub(super) fn of_text(file: &str, text: String, problems: &[Diagnostic], width: usize) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode())
        .with_width(width)
        .with_wrap_lines(false)
        .with_context_lines(1)
        .with_links(false);
    let source = Lines {
        file: file.to_owned(),
        text,
        widest: width.saturating_sub(MARGIN),
    };
    let mut told = String::new();
    for problem in problems {
        let headed = Headed {
            problem,
            source: &source,
            width,
        };
        // Writing to a string does not fail.
        if handler.render_report(&mut told, &headed).is_err() {
            told.push_str(&problem.to_string());
        }
        told.push('\n');
    }
    told
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
    width: usize,
}

impl Headed<'_> {
    /// A text in lines that are broken between words only: a key in it can be copied as it stands.
    fn lines(&self, text: &str, indent: usize) -> String {
        let width = self.width.saturating_sub(2 + indent);
        let lines = text.lines().flat_map(|line| {
            if line.chars().count() <= width {
                vec![line.to_owned()]
            } else {
                wrap(line, width)
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Headed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines(&self.problem.to_string(), INDENT_OF_MESSAGES))
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
        let help = miette::Diagnostic::help(self.problem)?.to_string();
        Some(Box::new(self.lines(&help, INDENT_OF_HELP)))
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = miette::Diagnostic::labels(self.problem)?;
        Some(Box::new(labels.map(|label| {
            let [start, end] = self.source.marked(label.offset(), label.len());
            let text = label.label().map(str::to_owned);
            let span = SourceSpan::from((start, end - start));
            if label.primary() {
                LabeledSpan::new_primary_with_span(text, span)
            } else {
                LabeledSpan::new_with_span(text, span)
            }
        })))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.source)
    }
}

/// The text of a policy, of which whole lines are shown, though of long ones (keys are long) only
/// as much as fits.
#[derive(Debug)]
struct Lines {
    file: String,
    text: String,
    widest: usize,
}

impl Lines {
    /// What of a place is marked: of a long line only what is shown of it, and instead of the end of
    /// a line, which has no width, the last character before it.
    fn marked(&self, start: usize, length: usize) -> [usize; 2] {
        let end = start + length;
        let (Some(before), Some(marked), Some(rest)) = (
            self.text.get(..start),
            self.text.get(start..end),
            self.text.get(start..),
        ) else {
            return [start, end];
        };
        if rest.is_empty() || rest.starts_with(['\r', '\n']) {
            let last = before.chars().next_back().filter(|c| *c != '\n');
            return [start - last.map_or(0, char::len_utf8), start];
        }
        if marked.contains('\n') {
            return [start, end];
        }
        let from = shown_from(before, start, end, self.widest);
        let mut shown = end.min(from + self.widest);
        while !self.text.is_char_boundary(shown) {
            shown += 1;
        }
        [start, shown]
    }
}

impl SourceCode for Lines {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        _lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let [from, to] = shown_part(
            &self.text,
            span.offset(),
            span.offset() + span.len(),
            self.widest,
        )
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

/// What is shown around a marked part, from where to where, if lines have so many bytes at most.
fn shown_part(text: &str, start: usize, end: usize, widest: usize) -> Option<[usize; 2]> {
    let from = shown_from(text.get(..start)?, start, end, widest);
    let last_line = text.get(..end)?.rfind('\n').map_or(0, |at| at + 1);
    let rest = text.get(end..)?;
    let line = rest.split('\n').next().unwrap_or_default();
    let line_end = end + line.strip_suffix('\r').unwrap_or(line).len();
    let mut to = line_end.min(end.max(from.max(last_line) + widest));
    while !text.is_char_boundary(to) {
        to += 1;
    }
    Some([from, to])
}

/// Where to begin to show: with the line, unless the marked part would not be seen then.
fn shown_from(before: &str, start: usize, end: usize, widest: usize) -> usize {
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let far = start - line > widest / 2 && end - line > widest;
    if far { start } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDEST: usize = 80;

    fn part(text: &str, start: usize, end: usize) -> Option<&str> {
        shown_part(text, start, end, WIDEST).and_then(|[from, to]| text.get(from..to))
    }

    fn marked(text: &str, start: usize, end: usize) -> [usize; 2] {
        let lines = Lines {
            file: String::new(),
            text: text.to_owned(),
            widest: WIDEST,
        };
        lines.marked(start, end - start)
    }

    /// What is to be copied stands in one line, however narrow the terminal is.
    #[test]
    fn keys_are_not_broken() {
        let mut templates = crate::author::Template::ALL.iter();
        let template = templates.find(|template| template.policy().contains("\nkey = \""));
        let text = template.expect("one with a table for each party").policy();
        let (before, rest) = text.split_once("\nkey = \"").expect("a key");
        let (key, after) = rest.split_once('"').expect("its end");
        let text = format!("{before}\nkey = \"{key}/<0;1>/*\"{after}");
        let checked = crate::policy::check(&text);
        for width in [60, 80, 100] {
            let said = graphical("policy.toml", &checked, width);
            let said = anstream::adapter::strip_str(&said).to_string();
            let help = said.split("help: ").nth(1).expect("help");
            assert!(help.contains(key), "{width}: {said}");
            // Marks stand where the source has what they are about.
            let is_prose = |line: &&str| !line.contains("tpub") && !line.starts_with("    ·");
            let prose = said.lines().filter(is_prose);
            let widest = prose.map(|line| line.chars().count()).max();
            assert!(widest <= Some(width), "{width}: {said}");
        }
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
    fn ends_of_lines_are_not_shown_and_the_last_character_is_marked() {
        for end in ["\n", "\r\n"] {
            let text = format!("one{end}twö{end}{end}");
            let two = 3 + end.len();
            assert_eq!(part(&text, two, two + 4), Some("twö"));
            assert_eq!(marked(&text, 3, two), [2, 3]);
            assert_eq!(marked(&text, two + 4, two + 4), [two + 2, two + 4]);
            let empty = two + 4 + end.len();
            assert_eq!(marked(&text, empty, empty), [empty, empty]);
            assert_eq!(marked(&text, 1, two + 1), [1, two + 1], "over two lines");
        }
        assert_eq!(marked("one", 3, 3), [2, 3]);
        assert_eq!(marked("", 0, 0), [0, 0]);
    }

    #[test]
    fn of_long_lines_only_what_fits() {
        let line = "x".repeat(WIDEST) + &"y".repeat(300);
        assert_eq!(part(&line, 3, 5).map(str::len), Some(WIDEST));
        assert_eq!(marked(&line, 3, 200), [3, WIDEST]);
        assert_eq!(marked(&line, WIDEST, WIDEST + 8), [WIDEST, WIDEST + 8]);
        assert_eq!(
            part(&line, WIDEST, WIDEST + 8),
            Some("y".repeat(WIDEST).as_str())
        );
        let wide = "x".repeat(WIDEST - 1) + "é tail";
        assert_eq!(part(&wide, 0, 1).map(str::len), Some(WIDEST + 1));
        assert_eq!(marked(&wide, 0, wide.len()), [0, WIDEST + 1]);
    }
}
