//! A picture as a Mermaid flow chart.

use std::fmt::Write;

use super::graph::{Picture, PlaceKind};

pub(super) fn draw(picture: &Picture) -> String {
    let mut text = format!(
        "---\ntitle: \"{}\"\n---\nflowchart LR\n",
        escaped(&picture.title)
    );
    for (number, place) in picture.places.iter().enumerate() {
        let name = escaped(&place.name());
        let drawn = match place.kind {
            PlaceKind::Vault => format!("[(\"{name}\")]"),
            PlaceKind::Escrow | PlaceKind::Lockup => format!("[\"{name}\"]"),
            PlaceKind::Outside => format!("([\"{name}\"])"),
        };
        writeln!(text, "  p{number}{drawn}").expect("writing to a string never fails");
    }
    for step in &picture.moves {
        let arrow = if step.presigned { "-.->" } else { "-->" };
        let label = format!(
            "{}<br/>{}<br/>{}",
            escaped(&step.name),
            escaped(&step.who()),
            escaped(&step.when())
        );
        writeln!(text, "  p{} {arrow}|\"{label}\"| p{}", step.from, step.to)
            .expect("writing to a string never fails");
    }
    text
}

/// Text inside quotes: what means something to Mermaid or to HTML as a character code.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' | '<' | '>' | '&' | '#' | ';' | '\\' | '`' | '|' | '%' => {
                write!(out, "#{};", u32::from(c)).expect("writing to a string never fails");
            }
            c if crate::policy::is_invisible(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
