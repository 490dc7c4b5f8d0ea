//! What the book shows of analyses is what the program writes.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::root;

/// A file of the book, the policy it is about, and what is asked of it.
struct Figure {
    file: &'static str,
    policy: &'static str,
    show: Show,
}

enum Show {
    /// A drawing.
    Picture(&'static str),
    /// The part of the text below a heading.
    Section(&'static str),
}

const FIGURES: &[Figure] = &[
    Figure {
        file: "dao-treasury-timeline.svg",
        policy: "dao-treasury",
        show: Show::Picture("timeline"),
    },
    Figure {
        file: "dao-treasury-map.svg",
        policy: "dao-treasury",
        show: Show::Picture("map"),
    },
    Figure {
        file: "departments-custody.svg",
        policy: "departments",
        show: Show::Picture("custody"),
    },
    Figure {
        file: "dao-treasury-escrow.txt",
        policy: "dao-treasury",
        show: Show::Section("ESCROW OF SOS"),
    },
    Figure {
        file: "dao-treasury-thefts.txt",
        policy: "dao-treasury",
        show: Show::Section("TAKING A COIN"),
    },
    Figure {
        file: "dao-treasury-losses.txt",
        policy: "dao-treasury",
        show: Show::Section("LOSSES"),
    },
    Figure {
        file: "exchange-controls.txt",
        policy: "exchange",
        show: Show::Section("POWER OVER THE OTHERS"),
    },
    Figure {
        file: "departments-root.txt",
        policy: "departments",
        show: Show::Section("LOSSES"),
    },
    Figure {
        file: "departments-fate.txt",
        policy: "departments",
        show: Show::Section("SHARED FATE AS STATED"),
    },
    Figure {
        file: "departments-rescue.txt",
        policy: "departments",
        show: Show::Section("IF ALL OF ROOT VANISHES TODAY"),
    },
];

#[test]
fn figures_of_analyses_are_up_to_date() {
    let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("figures");
    fs::create_dir_all(&fresh).expect("a place for figures");
    let mut stale = Vec::new();
    for figure in FIGURES {
        let current = figure.current();
        let committed = fs::read_to_string(root().join("book/src/figures").join(figure.file));
        if committed.unwrap_or_default() != current {
            fs::write(fresh.join(figure.file), current).expect("a place for a figure");
            stale.push(figure.file);
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?} are out of date; as they should be they are in {}",
        fresh.display()
    );
}

#[test]
fn the_chapter_shows_every_figure() {
    let page = super::page("analysis.md");
    for figure in FIGURES {
        let shown = format!("figures/{}", figure.file);
        assert!(page.contains(&shown), "the chapter lacks {shown}");
    }
}

impl Figure {
    /// The figure as the program writes it now.
    fn current(&self) -> String {
        let policy = format!("policies/{}/policy.toml", self.policy);
        let mut command = Command::new(env!("CARGO_BIN_EXE_longstop"));
        command.current_dir(root()).args(["analyze", &policy]);
        if let Show::Picture(picture) = self.show {
            command.args(["--picture", picture]);
        }
        let output = command.output().expect("the program runs");
        assert!(output.status.success(), "{}", self.file);
        let text = String::from_utf8(output.stdout).expect("text");
        match self.show {
            Show::Picture(_) => text,
            Show::Section(heading) => section(&text, heading),
        }
    }
}

/// The text below a heading, up to the next.
fn section(text: &str, heading: &str) -> String {
    let is_heading = |line: &&str| {
        !line.is_empty() && line.chars().any(char::is_alphabetic) && line.to_uppercase() == **line
    };
    let mut lines = text.lines().skip_while(|line| *line != heading).skip(1);
    let mut section: Vec<&str> = Vec::new();
    for line in lines.by_ref().take_while(|line| !is_heading(line)) {
        section.push(line);
    }
    assert!(!section.is_empty(), "there is no section {heading}");
    format!("{}\n", section.join("\n").trim_end())
}
