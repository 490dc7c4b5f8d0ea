//! The shipped policies, be they TOML or scripts.

#![allow(
    dead_code,
    reason = "shared by several test programs, each of which uses a part"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use longstop::policy::{Checked, Imports, Script, check};

/// A shipped policy.
pub struct Shipped {
    /// The name of its folder.
    pub name: String,
    pub folder: PathBuf,
    /// As its author typed it.
    pub text: String,
    pub checked: Checked,
}

/// All of them in the order of their names.
pub fn shipped() -> Vec<Shipped> {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut shipped = Vec::new();
    for entry in fs::read_dir(policies).expect("the shipped policies") {
        let folder = entry.expect("a policy").path();
        let name = folder.file_name().and_then(|name| name.to_str());
        let name = name.expect("a plain name").to_owned();
        let read = |file: &str| fs::read_to_string(folder.join(file)).ok();
        let (text, checked) = if let Some(text) = read("policy.toml") {
            let checked = check(&text);
            (text, checked)
        } else if let Some(text) = read("policy.rhai") {
            let imports = Arc::new(Folder(folder.clone()));
            let run = Script::new(&text).with_imports(imports).run();
            (text, run.document.check())
        } else {
            continue;
        };
        shipped.push(Shipped {
            name,
            folder,
            text,
            checked,
        });
    }
    shipped.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(shipped.len() > 8, "there are shipped policies");
    shipped
}

/// A folder that scripts import from.
struct Folder(PathBuf);

impl Imports for Folder {
    fn text(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(self.0.join(path)).map_err(|error| error.to_string())
    }
}
