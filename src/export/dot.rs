//! A picture as a Graphviz graph.

use std::fmt::Write;

use super::graph::{Picture, PlaceKind};

pub(super) fn draw(picture: &Picture) -> String {
    let mut text = format!(
        "digraph policy {{\n  label=\"{}\\n{}\";\n  labelloc=t;\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n",
        escaped(&picture.title),
        escaped(&picture.about)
    );
    for (number, place) in picture.places.iter().enumerate() {
        let shape = match place.kind {
            PlaceKind::Vault => "cylinder",
            PlaceKind::Escrow | PlaceKind::Lockup => "box",
            PlaceKind::Outside => "oval",
        };
        let name = escaped(&place.name());
        writeln!(text, "  p{number} [label=\"{name}\", shape={shape}];")
            .expect("writing to a string never fails");
    }
    for step in &picture.moves {
        let style = if step.presigned { "dashed" } else { "solid" };
        writeln!(
            text,
            "  p{} -> p{} [label=\"{}\\n{}\\n{}\", style={style}];",
            step.from,
            step.to,
            escaped(&step.name),
            escaped(&step.who()),
            escaped(&step.when())
        )
        .expect("writing to a string never fails");
    }
    text.push_str("}\n");
    text
}

/// Text inside a quoted string.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if crate::policy::is_invisible(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
