//! Questions on the terminal.

use std::io::{self, IsTerminal};
use std::process;
use std::sync::Once;
use std::thread;

use dialoguer::console::Term;
use dialoguer::{Confirm, Error, Input, Password, Select};
use zeroize::Zeroizing;

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

    /// A passphrase, which is not shown while it is typed.
    #[expect(clippy::unused_self, reason = "the terminal asks")]
    pub(in crate::cli) fn passphrase(&mut self, question: &str) -> io::Result<Zeroizing<String>> {
        let typed = Password::new()
            .with_prompt(question)
            .report(false)
            .interact();
        typed.map(Zeroizing::new).map_err(|Error::IO(error)| error)
    }

    /// A passphrase that is typed twice, and asked for anew until it follows the rule.
    #[expect(clippy::unused_self, reason = "the terminal asks")]
    pub(in crate::cli) fn new_passphrase(
        &mut self,
        rule: &dyn Fn(&str) -> Result<(), String>,
    ) -> io::Result<Zeroizing<String>> {
        let typed = Password::new()
            .with_prompt("a new passphrase")
            .with_confirmation("the same once more", "these are two different ones")
            .validate_with(|text: &String| rule(text))
            .report(false)
            .interact();
        typed.map(Zeroizing::new).map_err(|Error::IO(error)| error)
    }
}

/// The exit code of a program that an interrupt has ended, as shells write it.
const INTERRUPTED: i32 = 130;

/// Has an interrupt leave the terminal as it was: menus hide the cursor.
fn show_cursor_at_interrupt() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Where this fails, an interrupt ends the program all the same.
        let _ = ctrlc::set_handler(|| {
            let _ = Term::stderr().show_cursor();
            process::exit(INTERRUPTED);
        });
    });
}

/// The answer to a menu, if the terminal gives one.
fn answered<T>(answer: Result<T, Error>) -> io::Result<T> {
    answer.map_err(|Error::IO(error)| {
        if error.kind() == io::ErrorKind::Interrupted {
            // The interrupt is being handled, which ends the program.
            loop {
                thread::park();
            }
        }
        let _ = Term::stderr().show_cursor();
        error
    })
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
        show_cursor_at_interrupt();
        let menu = Select::new().with_prompt(question).items(items);
        answered(menu.default(0).interact())
    }

    fn confirm(&mut self, question: &str) -> io::Result<bool> {
        show_cursor_at_interrupt();
        answered(
            Confirm::new()
                .with_prompt(question)
                .default(true)
                .interact(),
        )
    }
}
