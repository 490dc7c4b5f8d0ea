//! The same text compiles to the same bytes, in one process and in two.

use std::fs;
use std::path::Path;
use std::process::Command;

use bitcoin::hex::DisplayHex;
use longstop::compile::Compiled;
use proptest::prelude::*;

use crate::full::policies;
use crate::triples::compiled;

/// Everything that comes out of the compiler, as text.
fn output(compiled: &Compiled) -> String {
    format!("{compiled:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn twice_in_one_process(text in policies()) {
        let (one, two) = (compiled(&text), compiled(&text));
        prop_assert_eq!(one.id(), two.id());
        let bytes = one.id().to_bytes().to_lower_hex_string();
        prop_assert_eq!(&bytes, &one.id().to_string());
        prop_assert_eq!(format!("{:?}", one.id()), format!("PolicyId({bytes})"));
        prop_assert_eq!(output(&one), output(&two));
    }
}

#[test]
fn in_two_processes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let file = entry.expect("an entry").path().join("policy.toml");
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let run = || {
            let mut program = Command::new(env!("CARGO_BIN_EXE_longstop"));
            let output = program.args(["compile", "--json"]).arg(&file).output();
            let output = output.expect("the program runs");
            assert!(output.status.success(), "{}", file.display());
            String::from_utf8(output.stdout).expect("JSON is UTF-8")
        };
        let one = run();
        assert_eq!(one, run(), "{}", file.display());
        // The third process is this one.
        let compiled = compiled(&text);
        assert!(
            one.contains(&compiled.id().to_string()),
            "{}",
            file.display()
        );
        for stage in compiled.stages() {
            let descriptor = stage.descriptor().to_string();
            assert!(
                one.contains(&descriptor),
                "{}: {}",
                file.display(),
                stage.stage()
            );
        }
        count += 1;
    }
    assert!(count > 8, "only {count} policies");
}
