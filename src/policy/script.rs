//! Policies and rules as scripts, in a sandbox.
//!
//! A script calls functions (`party`, `quorum`, `path` …) that build the very same document a
//! TOML text does, so everything that is checked, compiled or computed from a document holds for
//! scripts too.  Scripts compute with whole numbers, strings, lists and maps.  They reach no file,
//! clock, network or terminal; what they import is handed to them by an [`Imports`], and they stop
//! at the [`LIMITS`].
//!
//! ```
//! use longstop::policy::Script;
//!
//! let script = Script::new("policy(#{ name: \"tiny\" }); let n = param(\"n\", 3, \"seats\");");
//! let run = script.set("n", "5").run();
//! assert_eq!(run.parameters[0].value.to_string(), "5");
//! assert!(run.document.check().has_errors(), "nobody is in it yet");
//! ```

mod build;
mod builtin;
mod comment;
mod parameter;
mod place;
mod sandbox;
mod size;
mod strict;
mod trouble;
mod value;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;

use self::build::Builder;
use self::parameter::Settings;
use super::document::Document;
use super::{Code, Diagnostic};

pub use self::comment::code_alone;
pub use self::parameter::{Allowed, Parameter, Value};
pub(in crate::policy) use self::place::{Imported, Sources};
pub(in crate::policy) use self::sandbox::{Sandbox, on_own_stack};
pub(in crate::policy) use self::trouble::type_in_words;

/// What a script may take at most.  A script that takes more is refused, whoever runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Steps, over the script and everything it imports.  Naming a variable takes one more for every
    /// 32 items and fields, and for every 1,024 bytes of strings, in its value.
    pub operations: u64,
    /// Functions inside one another.
    pub call_depth: usize,
    /// Expressions and blocks inside one another.
    pub expression_depth: usize,
    /// Bytes of all strings in one value.
    pub string_bytes: usize,
    /// Items of all lists in one value.
    pub list_items: usize,
    /// Fields of all maps in one value.
    pub map_fields: usize,
    /// Variables at one time.
    pub variables: usize,
    /// Functions of one script.
    pub functions: usize,
    /// Imported files.
    pub imports: usize,
    /// Imports inside one another.
    pub import_depth: usize,
    /// Bytes of one script.
    ///
    /// The interpreter counts lines and columns in 16 bits, so in a longer text places would be
    /// wrong.
    pub script_bytes: usize,
}

/// The limits of every script.
pub const LIMITS: Limits = Limits {
    operations: 25_000,
    call_depth: 24,
    expression_depth: 64,
    string_bytes: 32_768,
    list_items: 1024,
    map_fields: 1024,
    variables: 256,
    functions: 256,
    imports: 16,
    import_depth: 3,
    script_bytes: 65_535,
};

/// Where a script's imports come from.
///
/// Paths are relative to the folder of the script, without `..`, with `/` between their parts and
/// `.rhai` at the end.  Whoever reads them from a disk must follow no link out of the folder.
pub trait Imports: Send + Sync {
    /// The text of a file.
    ///
    /// # Errors
    ///
    /// Why there is none, in words for the author of the script.
    fn text(&self, path: &str) -> Result<String, String>;
}

/// No imports at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoImports;

impl Imports for NoImports {
    fn text(&self, _path: &str) -> Result<String, String> {
        Err("this script stands alone, without a folder to import from".to_owned())
    }
}

/// Whether time is up.  Asked now and then while a script runs.
pub(in crate::policy) type Expired = Arc<dyn Fn() -> bool + Send + Sync>;

/// The text of a policy script, with what it is run with.
#[derive(Clone)]
pub struct Script {
    text: Arc<str>,
    settings: Vec<(String, String)>,
    imports: Arc<dyn Imports>,
    expired: Expired,
}

/// What came of running a script.
#[derive(Clone, Debug)]
pub struct ScriptRun {
    /// The document it built.  [`Document::check`] reports the problems of the script as well.
    pub document: Document,
    /// The parameters it declared, in their order, as far as it came.
    pub parameters: Vec<Parameter>,
}

impl Script {
    /// A script with its default parameters and no imports.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            text: Arc::from(text),
            settings: Vec::new(),
            imports: Arc::new(NoImports),
            expired: Arc::new(|| false),
        }
    }

    /// With another value for a parameter, as it is typed on a command line.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With files it can import.
    #[must_use]
    pub fn with_imports(mut self, imports: Arc<dyn Imports>) -> Self {
        self.imports = imports;
        self
    }

    /// With a clock that says when to give up.
    ///
    /// The limits stop every script by themselves, the same on every machine.  This is for machines
    /// that are very slow or very busy.
    #[must_use]
    pub fn give_up_when(mut self, expired: Arc<dyn Fn() -> bool + Send + Sync>) -> Self {
        self.expired = expired;
        self
    }

    /// Runs the script.  What goes wrong is among the problems of the document.
    #[must_use]
    pub fn run(&self) -> ScriptRun {
        let run = on_own_stack(|| self.run_here());
        run.unwrap_or_else(|problem| ScriptRun {
            document: Document::stopped(Arc::clone(&self.text), problem),
            parameters: Vec::new(),
        })
    }

    fn run_here(&self) -> ScriptRun {
        if let Some(problem) = too_long(&self.text) {
            return ScriptRun {
                document: Document::stopped(Arc::from(""), problem),
                parameters: Vec::new(),
            };
        }
        let sources = Rc::new(RefCell::new(Sources::new(
            Arc::clone(&self.text),
            builtin::FUNCTIONS,
        )));
        let mut sandbox = Sandbox::new(
            Rc::clone(&sources),
            Arc::clone(&self.imports),
            Arc::clone(&self.expired),
        );
        let settings = Settings::new(&self.settings);
        let builder = Rc::new(RefCell::new(Builder::new(Rc::clone(&sources), settings)));
        builtin::register(&mut sandbox, &builder);
        let ended = sandbox.run(&self.text);
        let mut builder = builder.borrow_mut();
        let stopped = ended.err();
        if stopped.is_none() {
            builder.unused_settings();
            builder.unused_parts();
        }
        let parameters = builder.take_parameters();
        let mut problems = builder.take_problems();
        let is_stopped = stopped.is_some();
        problems.extend(stopped);
        let document = builder.take_document();
        let document = Document::scripted(
            Arc::clone(&self.text),
            sources.borrow().imported().to_vec(),
            &value::to_toml(&document),
            problems,
            is_stopped,
        );
        ScriptRun {
            document,
            parameters,
        }
    }
}

/// The problem of a script that has more bytes than are read.
pub(in crate::policy) fn too_long(text: &str) -> Option<Diagnostic> {
    (text.len() > LIMITS.script_bytes).then(|| {
        Diagnostic::new(
            Code::ScriptLimit,
            format!(
                "the script has {} bytes, and may have {}",
                text.len(),
                LIMITS.script_bytes
            ),
        )
        .help("put parts of it into files of their own and `import` them")
    })
}
