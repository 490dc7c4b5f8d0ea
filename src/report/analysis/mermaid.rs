//! The time line as a Mermaid drawing.

use std::fmt::Write;

use super::timeline::Timeline;
use crate::policy::is_invisible;

/// Stages as sections, moments as periods, and what opens as events.
pub(super) fn timeline(title: &str, timeline: &Timeline) -> String {
    let mut text = format!("timeline\n  title {}\n", escaped(title));
    for track in &timeline.tracks {
        writeln!(text, "  section {}", escaped(&track.title))
            .expect("writing to a string never fails");
        let mut last: Option<&str> = None;
        for bar in &track.bars {
            let event = format!("{}, {}", bar.name, bar.who);
            let event = escaped(&event);
            if last == Some(&bar.from) {
                writeln!(text, "      : {event}").expect("writing to a string never fails");
            } else {
                writeln!(text, "    {} : {event}", escaped(&bar.from))
                    .expect("writing to a string never fails");
            }
            last = Some(&bar.from);
        }
    }
    text
}

/// What means something to Mermaid or to HTML, as a character code.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' | '<' | '>' | '&' | '#' | ';' | ':' | '\\' | '`' | '|' | '%' | '{' | '}' => {
                write!(out, "#{};", u32::from(c)).expect("writing to a string never fails");
            }
            c if is_invisible(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
