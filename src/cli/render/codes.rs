//! Codes, one or all.

use super::{BOLD, DIM, GREEN, RED, YELLOW, hanging, paint, wrap};
use crate::cli::explain_code::Explained;
use crate::policy::Severity;

/// Everything about one code.
pub(in crate::cli) fn code(code: &Explained, width: usize) -> String {
    let mut text = format!(
        "{}\n",
        paint(BOLD, &format!("{}: {}", code.code, code.title))
    );
    text.push_str(&paint(DIM, &kind(code)));
    text.push('\n');
    paragraph(&mut text, code.explanation, width);
    text.push('\n');
    text.push_str(&hanging("What to do: ", BOLD, code.remedy, width));
    if let Some(example) = &code.example {
        lines(&mut text, &paint(RED, "wrong"), example.wrong);
        lines(&mut text, &paint(GREEN, "right"), example.right);
    }
    text.push_str(&format!("\nin the book: {}\n", code.book));
    text
}

/// All codes with their titles.
pub(in crate::cli) fn codes(codes: &[Explained], width: usize) -> String {
    let mut text = String::new();
    for code in codes {
        let style = match code.severity {
            Severity::Error => RED,
            Severity::Warning => YELLOW,
            Severity::Note => DIM,
        };
        let label = format!("{}  {:<7}  ", code.code, code.severity.to_string());
        text.push_str(&hanging(&label, style, code.title, width));
    }
    text
}

fn kind(code: &Explained) -> String {
    match code.can_be_silenced {
        true => format!("{}, can be silenced with a reason", code.severity),
        false => code.severity.to_string(),
    }
}

fn paragraph(text: &mut String, paragraph: &str, width: usize) {
    text.push('\n');
    for line in wrap(paragraph, width) {
        text.push_str(&line);
        text.push('\n');
    }
}

fn lines(text: &mut String, label: &str, lines: &str) {
    text.push_str(&format!("\n{label}\n"));
    for line in lines.lines() {
        text.push_str(&format!("    {line}\n"));
    }
}
