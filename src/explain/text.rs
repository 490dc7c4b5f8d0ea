//! The explanation as plain text.

use super::{Explanation, Guarantee};

/// Narrowest text column, in characters: below it the width asked for is exceeded.
const MIN_COLUMN: usize = 24;

/// Width of the margin that holds the marks.
const MARGIN: usize = "consensus  ".len();

pub(super) fn render(explanation: &Explanation, width: usize) -> String {
    let mut out = String::new();
    let title = format!("{}: who can do what, and when", explanation.policy);
    for line in wrap(&title, width) {
        push(&mut out, "", 0, &line);
    }
    let id = explanation.id.to_string();
    push(&mut out, "", 0, &format!("policy  {id}"));
    push(
        &mut out,
        "",
        0,
        &format!(
            "network {}, script {}",
            explanation.network, explanation.script
        ),
    );
    for section in &explanation.sections {
        out.push('\n');
        let lines = wrap(&section.title, width);
        let longest = lines
            .iter()
            .map(|line| line.chars().count())
            .max()
            .unwrap_or(0);
        for line in &lines {
            push(&mut out, "", 0, line);
        }
        push(&mut out, "", 0, &"-".repeat(longest));
        for sentence in &section.sentences {
            let mark = match sentence.guarantee {
                Guarantee::Consensus => "consensus",
                Guarantee::Software => "software",
                Guarantee::Fact => "",
            };
            for (at, line) in wrap(&sentence.text, width.saturating_sub(MARGIN))
                .iter()
                .enumerate()
            {
                push(&mut out, if at == 0 { mark } else { "" }, MARGIN, line);
            }
        }
    }
    out
}

fn push(out: &mut String, mark: &str, margin: usize, line: &str) {
    out.push_str(&format!("{mark:margin$}{line}"));
    out.push('\n');
}

/// Lines of at most so many characters; a longer word has a line of its own.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(MIN_COLUMN);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let added = word.chars().count();
        if length > 0 && length + 1 + added > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += added;
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_word_that_fits_just_so_stays() {
        let exact = "x".repeat(MIN_COLUMN - 2);
        assert_eq!(wrap(&format!("a {exact}"), MIN_COLUMN).len(), 1);
        assert_eq!(
            wrap(&format!("ab {exact}"), MIN_COLUMN),
            ["ab".to_owned(), exact]
        );
    }

    proptest! {
        #[test]
        fn wrapping_loses_no_word_and_keeps_the_width(text in "[a-zü \n]{0,200}", width in 0usize..100) {
            let lines = wrap(&text, width);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&lines.join(" ")), words(&text));
            for line in lines {
                let fits = line.chars().count() <= width.max(MIN_COLUMN);
                prop_assert!(fits || !line.contains(' '), "{}", line);
            }
        }
    }
}
