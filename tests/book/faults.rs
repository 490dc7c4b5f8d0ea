//! The page of what can be wrong with a PSBT is the table of the program.

use longstop::ceremony::FaultCode;

use super::{page, root};

/// The heading under which the table stands.
const HEADING: &str = "## Faults";

#[test]
fn faults_are_those_of_the_page() {
    let page = page("ceremonies.md");
    let (before, section) = page.split_once(HEADING).expect("a section of faults");
    let intro = section.split("\n| ").next().unwrap_or_default();
    let mut table = String::from(
        "| word | gravity | what is wrong | what it means, and what to do |\n|---|---|---|---|\n",
    );
    for code in FaultCode::ALL {
        table += &format!(
            "| `{code}` | {} | {} | {} |\n",
            code.gravity(),
            code.title(),
            code.remedy()
        );
    }
    let rest = section.rsplit_once("|\n").map_or("", |(_, rest)| rest);
    let right = format!("{before}{HEADING}{}\n\n{table}{rest}", intro.trim_end());
    if page != right {
        let corrected = root().join("target/tmp/ceremonies.md");
        std::fs::create_dir_all(root().join("target/tmp")).expect("a folder");
        std::fs::write(&corrected, right).expect("it is written");
        panic!(
            "the page lacks a fault or has one too many; see {}",
            corrected.display()
        );
    }
}
