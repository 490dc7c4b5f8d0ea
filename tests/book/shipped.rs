//! The page of shipped policies, which is written by its test.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bitcoin::secp256k1::Secp256k1;
use longstop::compile::{Compiled, SpendCost, compile};
use longstop::simulate::Scenario;
use longstop::transaction::Builder;

use super::root;
use super::shipped_policies::{Shipped, shipped};

const HEAD: &str = "# Shipped policies

The policies under `policies/`, in the words of their authors, with the incidents that are rehearsed on each, and what it takes to spend a coin through each leaf.
They are examples and tests: every incident is played, and judged, with every change to the program.
A test writes this page, and fails when it is out of date.

*Witness* is the most that the witness can weigh, in weight units.
*vB* is the size of a transaction with this one input, one output to a stage, and an anchor where the version has one, in virtual bytes; a transaction to another kind of output, or with several, differs by that.
*Fee* is what that takes at the base fee or the lowest rung of the policy, in satoshis.
The *smallest coin* is the smallest that can be armed on a path.
";

#[test]
fn the_page_of_shipped_policies_is_up_to_date() {
    let committed = fs::read_to_string(root().join("book/src/shipped.md")).unwrap_or_default();
    let current = current_page();
    if committed != current {
        let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shipped.md");
        fs::write(&fresh, current).expect("a place for the page");
        panic!(
            "book/src/shipped.md is out of date; as it should be it is in {}",
            fresh.display()
        );
    }
}

/// What is in a folder, in the order of the names; nothing if there is no such folder.
fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}

fn current_page() -> String {
    let mut out = HEAD.to_owned();
    for Shipped {
        name,
        folder,
        text,
        checked,
    } in shipped()
    {
        let policy = checked.policy;
        let policy = policy.unwrap_or_else(|| panic!("{name} has errors"));
        let compiled = compile(Arc::new(policy)).expect("a shipped policy compiles");
        writeln!(out, "\n## {name}\n\n{}", words_of_the_author(&text)).expect("a string");
        rehearsed(&mut out, &folder, &name);
        costs(&mut out, &compiled).expect("writing to a string");
    }
    out
}

/// The comment at the head of a policy: paragraphs, with one sentence to a line.
fn words_of_the_author(text: &str) -> String {
    let lines = text.lines().skip_while(|line| line.starts_with("#:schema"));
    let comment = lines.map_while(|line| {
        let comment = line.strip_prefix('#');
        comment.or_else(|| line.strip_prefix("//"))
    });
    let lines: Vec<&str> = comment.map(str::trim).collect();
    let paragraphs = lines.split(|line| line.is_empty());
    let paragraphs = paragraphs.map(|lines| lines.join(" ").replace(".  ", ". "));
    let paragraphs: Vec<String> = paragraphs.map(|text| text.replace(". ", ".\n")).collect();
    paragraphs.join("\n\n").trim().to_owned()
}

/// The incidents of a policy, and the policies beside it that must be refused.
fn rehearsed(out: &mut String, folder: &Path, name: &str) {
    let mut items = Vec::new();
    for path in sorted(&folder.join("incidents")) {
        let text = fs::read_to_string(&path).expect("an incident is text");
        let incident = Scenario::parse(&text).expect("a shipped incident can be read");
        let file = path
            .file_name()
            .and_then(|file| file.to_str())
            .expect("a plain name");
        let link = format!("../../policies/{name}/incidents/{file}");
        items.push(format!("- [{}]({link}): {}", incident.name, incident.about));
    }
    for path in sorted(&folder.join("refused")) {
        let text = fs::read_to_string(&path).expect("a policy is text");
        let codes = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# expect:"));
        let codes = codes.expect("it says what it is refused for").trim();
        let file = path
            .file_name()
            .and_then(|file| file.to_str())
            .expect("a plain name");
        let link = format!("../../policies/{name}/refused/{file}");
        items.push(format!("- [{file}]({link}) is refused for {codes}."));
    }
    if !items.is_empty() {
        writeln!(out, "\n{}", items.join("\n")).expect("a string");
    }
}

fn costs(out: &mut String, compiled: &Compiled) -> std::fmt::Result {
    let policy = compiled.policy();
    let rate = policy.base_fee();
    let rungs = policy.rungs().iter();
    let rungs: Vec<String> = rungs
        .map(|rung| rung.to_sat_per_vb_ceil().to_string())
        .collect();
    let what = match policy.version().has_anchor() {
        true => "base fee",
        false => "version 2, rungs",
    };
    writeln!(
        out,
        "\nScript `{}`, {what} {} sat/vB.",
        policy.script(),
        rungs.join(", ")
    )?;
    let secp = Secp256k1::new();
    let builder = Builder::new(compiled, &secp);
    for staged in compiled.staged() {
        let path = staged.path();
        let smallest = builder.smallest_armable(path).expect("the path is staged");
        writeln!(out, "Smallest coin on `{path}`: {} sat.", smallest.to_sat())?;
    }
    writeln!(
        out,
        "\n| stage | leaf | witness | vB | fee |\n|---|---|---:|---:|---:|"
    )?;
    for stage in compiled.stages() {
        for leaf in stage.leaves() {
            let cost = SpendCost::of(stage, leaf);
            let fee = cost.fee(rate).expect("the base fee is small");
            writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                stage.stage(),
                leaf.kind(),
                cost.witness_weight,
                cost.vbytes,
                fee.to_sat()
            )?;
        }
    }
    Ok(())
}
