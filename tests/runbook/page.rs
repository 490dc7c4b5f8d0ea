//! The blocks of the page.

use std::fs;
use std::path::Path;

/// The page.
pub struct Page {
    blocks: Vec<Block>,
}

/// A fenced block with a name.
struct Block {
    name: String,
    text: String,
}

impl Page {
    /// Reads it, and fails where a block has no name or two have the same.
    pub fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src/without-longstop.md");
        let page = fs::read_to_string(path).expect("there is the page");
        let mut blocks: Vec<Block> = Vec::new();
        let mut lines = page.lines();
        while let Some(line) = lines.next() {
            let Some(info) = line.strip_prefix("```") else {
                continue;
            };
            let named = info
                .split_once(',')
                .filter(|(_, name)| ["file-", "run-"].iter().any(|kind| name.starts_with(kind)));
            let (_, name) = named.unwrap_or_else(|| panic!("`{line}` has no name"));
            assert!(
                blocks.iter().all(|block| block.name != name),
                "two blocks are called {name}"
            );
            let text = (lines.by_ref()).take_while(|line| *line != "```");
            let text = text.flat_map(|line| [line, "\n"]).collect();
            let name = name.to_owned();
            blocks.push(Block { name, text });
        }
        Self { blocks }
    }

    /// The files to be saved, by name.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.blocks.iter().filter_map(|block| {
            let name = block.name.strip_prefix("file-")?;
            Some((name, block.text.as_str()))
        })
    }

    /// The names of what is to be run.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        let names = self.blocks.iter().map(|block| block.name.as_str());
        names.filter(|name| name.starts_with("run-"))
    }

    /// The commands of a step.
    pub fn step(&self, name: &str) -> &str {
        let found = self.blocks.iter().find(|block| block.name == name);
        &found.unwrap_or_else(|| panic!("there is no {name}")).text
    }
}
