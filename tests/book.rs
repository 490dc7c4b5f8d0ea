//! What the book and the other documents say of the program, compared with the program.

#![allow(
    clippy::panic,
    reason = "a helper that cannot go on says why, as an assertion does"
)]

#[path = "book/faults.rs"]
mod faults;
#[path = "book/figures.rs"]
mod figures;
#[path = "book/links.rs"]
mod links;
#[path = "book/reference.rs"]
mod reference;
#[path = "book/shipped.rs"]
mod shipped;
#[path = "common/shipped.rs"]
mod shipped_policies;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the project.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A page of the book.
fn page(name: &str) -> String {
    let path = root().join("book/src").join(name);
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every page of the book, and the documents beside it.
fn documents() -> Vec<(PathBuf, String)> {
    let beside = [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
    ];
    let mut paths: Vec<PathBuf> = beside.iter().map(|name| root().join(name)).collect();
    let book = fs::read_dir(root().join("book/src")).expect("there is a book");
    let pages = book.map(|entry| entry.expect("a page").path());
    paths.extend(pages.filter(|path| path.extension().is_some_and(|end| end == "md")));
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a document is text");
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

/// What stands in backticks in a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The first cell of every row of every table whose first column has this heading.
fn first_cells<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let mut cells = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        let cell = line
            .strip_prefix("| ")
            .and_then(|row| row.split(" | ").next());
        match cell {
            None if line.starts_with("|---") => {}
            None => inside = false,
            Some(cell) if inside => cells.push(cell),
            Some(cell) => inside = cell == heading,
        }
    }
    cells
}
