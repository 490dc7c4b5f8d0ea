//! Any text as a policy script.
//!
//! A line `// set: NAME=VALUE` sets a parameter, and what follows a line `// file: NAME` is a file
//! that the script can import.

use std::collections::BTreeMap;
use std::sync::Arc;

use longstop::policy::{Diagnostic, Imports, Script, ScriptRun};

use super::keys::fill;
use super::policy::laws_of_check;
use super::said::assert_presentable;

/// The files of one input.
struct Files(BTreeMap<String, String>);

impl Imports for Files {
    fn text(&self, path: &str) -> Result<String, String> {
        let found = self.0.get(path).cloned();
        found.ok_or_else(|| "there is no such file".to_owned())
    }
}

/// The laws for bytes: those of any policy, and that a script does the same each time.
pub fn laws(bytes: &[u8]) {
    let text = fill(&String::from_utf8_lossy(bytes));
    let mut parts = text.split("// file: ");
    let main = parts.next().unwrap_or_default();
    let files = parts.map(|part| {
        let (name, text) = part.split_once('\n').unwrap_or((part, ""));
        (format!("{}.rhai", name.trim()), text.to_owned())
    });
    let mut script = Script::new(main).with_imports(Arc::new(Files(files.collect())));
    for line in main.lines() {
        let setting = line.strip_prefix("// set: ");
        if let Some((name, value)) = setting.and_then(|setting| setting.split_once('=')) {
            script = script.set(name, value);
        }
    }
    let [run, again] = [script.run(), script.run()];
    assert_eq!(run.parameters, again.parameters);
    assert_eq!(run.document.canonical(), again.document.canonical());
    for parameter in &run.parameters {
        let _ = serde_json::to_string(parameter).expect("a parameter serialises");
    }
    let ScriptRun { document, .. } = run;
    let checked = document.check();
    assert_eq!(checked.diagnostics, again.document.check().diagnostics);
    // What the interpreter itself could not do, a panic of its among it, asks to be reported.
    let ours = |problem: &&Diagnostic| {
        problem
            .advice()
            .is_some_and(|advice| advice.contains("please report"))
    };
    assert_eq!(checked.diagnostics.iter().find(ours), None);
    assert_presentable(&document.canonical());
    laws_of_check(main, checked);
}
