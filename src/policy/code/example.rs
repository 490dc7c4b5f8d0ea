//! Examples: how something is written wrongly, and how it would be right.
//!
//! The right lines stand in a policy that has nothing to remark, and the wrong ones in their place
//! cause the problem; a test puts them there.  A line `# …` stands for lines that are left out, and
//! keys are cut off after eight characters: `tpubDE4j…`.

use super::Code;
use super::policies::POLICIES;
use super::scripts::SCRIPTS;

/// Lines of a policy that cause a problem, and lines that do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// As it causes the problem.
    pub wrong: &'static str,
    /// As it does not.
    pub right: &'static str,
    /// What it is written in, as Markdown names it: `toml`, or `rhai` for lines of a script.
    pub language: &'static str,
}

pub(super) fn of(code: Code) -> Option<Example> {
    let (language, table) = match code.is_of_scripts() {
        true => ("rhai", SCRIPTS),
        false => ("toml", POLICIES),
    };
    let (_, wrong, right) = table.iter().find(|(other, ..)| *other == code)?;
    Some(Example {
        wrong,
        right,
        language,
    })
}
