//! What formatting changed.

use super::{BOLD, GREEN, RED, YELLOW, paint, shown};
use crate::cli::fmt::Formatted;

/// Most lines of a difference that are shown.
const DIFF_MAX: usize = 24;

/// Texts of more lines than this are compared from both ends only, to be done in good time.
const LINES_MAX: usize = 2_000;

pub(in crate::cli) fn formatted(formatted: &Formatted) -> String {
    let mut text = String::new();
    for file in &formatted.files {
        if let Some(formatted) = &file.text {
            text.push_str(formatted);
            continue;
        }
        if !file.changed {
            continue;
        }
        let verb = match formatted.check {
            true => paint(YELLOW, "would change"),
            false => paint(GREEN, "formatted"),
        };
        text.push_str(&format!("{verb} {}\n", paint(BOLD, &file.file)));
        for line in &file.diff {
            let style = match line.as_bytes().first() {
                Some(b'-') => RED,
                Some(b'+') => GREEN,
                _ => super::DIM,
            };
            text.push_str(&format!("  {}\n", paint(style, &shown(line))));
        }
    }
    let all_shown = formatted.files.iter().all(|file| file.text.is_some());
    if !all_shown {
        let total = formatted.files.len();
        let rest = total - formatted.changed;
        let verb = match formatted.check {
            true => "would change",
            false => "changed",
        };
        text.push_str(&format!("{} {verb}, {rest} unchanged\n", formatted.changed));
    }
    text
}

/// The lines that differ, each behind a sign and its number, as far as they are not too many.
pub(in crate::cli) fn diff(before: &str, after: &str) -> Vec<String> {
    let old: Vec<&str> = before.lines().collect();
    let new: Vec<&str> = after.lines().collect();
    let mut lines = Vec::new();
    for change in changes(&old, &new) {
        let line = match change {
            Change::Gone(at, line) => format!("- {at:>4}  {line}"),
            Change::New(at, line) => format!("+ {at:>4}  {line}"),
        };
        lines.push(line.trim_end().to_owned());
    }
    if lines.is_empty() && before != after {
        lines.push("  only the ends of lines differ".to_owned());
    }
    if lines.len() > DIFF_MAX {
        let more = lines.len() - DIFF_MAX;
        lines.truncate(DIFF_MAX);
        lines.push(format!("  … and {more} more lines"));
    }
    lines
}

enum Change<'a> {
    Gone(usize, &'a str),
    New(usize, &'a str),
}

/// What of two lists is not in the longest list of lines that they have in common.
fn changes<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Change<'a>> {
    let same = |(a, b): &(&&str, &&str)| a == b;
    let start = old.iter().zip(new).take_while(same).count();
    let (old_rest, new_rest) = (
        old.get(start..).unwrap_or_default(),
        new.get(start..).unwrap_or_default(),
    );
    let end = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(same)
        .count();
    let old_rest = old_rest.get(..old_rest.len() - end).unwrap_or_default();
    let new_rest = new_rest.get(..new_rest.len() - end).unwrap_or_default();
    let common = common(old_rest, new_rest);
    let (mut common, mut changes) = (common.into_iter().peekable(), Vec::new());
    let mut numbered_new = new_rest.iter().enumerate().peekable();
    for (at, line) in old_rest.iter().enumerate() {
        if let Some((_, other)) = common.next_if(|(mine, _)| *mine == at) {
            while let Some((at, line)) = numbered_new.next_if(|(at, _)| *at < other) {
                changes.push(Change::New(start + at + 1, line));
            }
            numbered_new.next();
        } else {
            changes.push(Change::Gone(start + at + 1, line));
        }
    }
    changes.extend(numbered_new.map(|(at, line)| Change::New(start + at + 1, line)));
    changes
}

/// The places of a longest common list of lines.
fn common(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    if old.len() > LINES_MAX || new.len() > LINES_MAX {
        return Vec::new();
    }
    let width = new.len() + 1;
    // Row by row from the end: how long the longest common list of the rest is.
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    let at = |lengths: &[u32], row: usize, column: usize| {
        lengths.get(row * width + column).copied().unwrap_or(0)
    };
    for (row, a) in old.iter().enumerate().rev() {
        for (column, b) in new.iter().enumerate().rev() {
            let length = if a == b {
                at(&lengths, row + 1, column + 1) + 1
            } else {
                at(&lengths, row + 1, column).max(at(&lengths, row, column + 1))
            };
            if let Some(cell) = lengths.get_mut(row * width + column) {
                *cell = length;
            }
        }
    }
    let (mut row, mut column, mut pairs) = (0, 0, Vec::new());
    while let (Some(a), Some(b)) = (old.get(row), new.get(column)) {
        if a == b {
            pairs.push((row, column));
            row += 1;
            column += 1;
        } else if at(&lengths, row + 1, column) >= at(&lengths, row, column + 1) {
            row += 1;
        } else {
            column += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_the_lines_that_differ() {
        let diff = |a: &str, b: &str| diff(a, b).join("|");
        assert_eq!(diff("a\nb\nc\n", "a\nb\nc\n"), "");
        assert_eq!(diff("a\nb\nc\n", "a\nc\n"), "-    2  b");
        assert_eq!(diff("a\nc\n", "a\nb\nc\n"), "+    2  b");
        assert_eq!(
            diff("a\nx\nb\ny\nc", "a\nb\nz\nc"),
            "-    2  x|-    4  y|+    3  z"
        );
        assert_eq!(diff("a", "a\n"), "  only the ends of lines differ");
    }

    #[test]
    fn a_long_difference_is_cut_short() {
        let many = "x\n".repeat(DIFF_MAX + 1);
        let shown = diff("", &many);
        assert_eq!(shown.len(), DIFF_MAX + 1);
        assert_eq!(
            shown.last().map(String::as_str),
            Some("  … and 1 more lines")
        );
        assert_eq!(diff("", &"x\n".repeat(DIFF_MAX)).len(), DIFF_MAX);
    }
}
