//! Questions on the terminal.

use std::io::{self, IsTerminal};

use dialoguer::{Confirm, Error, Input, Select};

use super::shown;
use crate::author::Ask;

/// A terminal with somebody at it.
pub(in crate::cli) struct Prompt {}

impl Prompt {
    /// The terminal, if there is one.
    pub(in crate::cli) fn open() -> Option<Self> {
        // Questions go to standard error, so that the result can go elsewhere.
        let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        terminal.then_some(Self {})
    }
}

impl Ask for Prompt {
    type Error = io::Error;

    fn text(
        &mut self,
        question: &str,
        default: &str,
        rule: &dyn Fn(&str) -> Result<(), String>,
    ) -> io::Result<String> {
        let mut input = Input::<String>::new()
            .with_prompt(question)
            .allow_empty(true)
            .validate_with(|text: &String| rule(text).map_err(|reason| shown(&reason)));
        if !default.is_empty() {
            input = input.default(default.to_owned());
        }
        input.interact_text().map_err(|Error::IO(error)| error)
    }

    fn choice(&mut self, question: &str, choices: &[(&str, &str)]) -> io::Result<usize> {
        let items = choices
            .iter()
            .map(|(word, meaning)| format!("{word}: {meaning}"));
        Select::new()
            .with_prompt(question)
            .items(items)
            .default(0)
            .interact()
            .map_err(|Error::IO(error)| error)
    }

    fn confirm(&mut self, question: &str) -> io::Result<bool> {
        Confirm::new()
            .with_prompt(question)
            .default(true)
            .interact()
            .map_err(|Error::IO(error)| error)
    }
}
