//! The document that the calls of a script build.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use rhai::{Dynamic, NativeCallContext};

use super::super::document::MAX_BYTES;
use super::super::shown::quote;
use super::super::{Code, Diagnostic, Span};
use super::parameter::{Parameter, Settings};
use super::place::Sources;
use super::trouble::Trouble;
use super::value::{Fields, Kind, Node, Term, size};

/// Most problems that are kept of one script.
const MAX_PROBLEMS: usize = 200;

/// What a call made, and of each time it was called whether that is used.
type Made = (&'static str, Vec<Rc<Cell<bool>>>);

/// What has been said so far.
pub(super) struct Builder {
    sources: Rc<RefCell<Sources>>,
    settings: Settings,
    parameters: Vec<Parameter>,
    problems: Vec<Diagnostic>,
    /// `policy` and `root`.
    single: Fields,
    parties: Fields,
    quorums: Fields,
    items: Fields,
    lints: Fields,
    paths: Vec<Node>,
    /// What was made for a path, by the place of the call: what it is, and whether it is used.
    made: BTreeMap<(usize, usize), Made>,
    bytes: usize,
}

impl Builder {
    pub fn new(sources: Rc<RefCell<Sources>>, settings: Settings) -> Self {
        Self {
            sources,
            settings,
            parameters: Vec::new(),
            problems: Vec::new(),
            single: Fields::new(),
            parties: Fields::new(),
            quorums: Fields::new(),
            items: Fields::new(),
            lints: Fields::new(),
            paths: Vec::new(),
            made: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Where a function was called.
    pub fn place(&self, context: &NativeCallContext) -> Span {
        let sources = self.sources.borrow();
        sources.span(context.call_source(), context.call_position())
    }

    pub fn problem(&mut self, problem: Diagnostic) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    /// Something that belongs into a path.
    pub fn made(
        &mut self,
        what: &'static str,
        value: Dynamic,
        context: &NativeCallContext,
    ) -> Term {
        let span = self.place(context);
        let term = Term::new(value, span);
        let (_, made) = self
            .made
            .entry((span.start, span.end))
            .or_insert_with(|| (what, Vec::new()));
        made.push(Rc::clone(&term.used));
        term
    }

    /// Reports calls of which nothing got into the document.
    pub fn unused_parts(&mut self) {
        for ((start, end), (what, made)) in std::mem::take(&mut self.made) {
            if made.iter().any(|used| used.get()) {
                continue;
            }
            let one = match what {
                "escrow" => "an escrow",
                "lockup" => "a lock-up",
                other => &format!("a {other}"),
            };
            let field = match what {
                "condition" => "activation",
                other => other,
            };
            self.problem(
                Diagnostic::new(
                    Code::UnusedPart,
                    format!("{one} is made here that no path has"),
                )
                .at(Span::from(start..end), "in no path")
                .help(format!(
                    "write it into a path: `path(\"…\", #{{ …, {field}: … }})`; or remove it"
                )),
            );
        }
    }

    /// A table that a policy has once.
    pub fn single(&mut self, name: &str, fields: Fields, span: Span) -> Result<(), Trouble> {
        self.weigh(size(&fields))?;
        put(
            &mut self.single,
            &mut self.problems,
            name,
            node(fields, span),
        );
        Ok(())
    }

    pub fn party(&mut self, name: &str, fields: Fields, span: Span) -> Result<(), Trouble> {
        self.weigh(name.len() + size(&fields))?;
        put(
            &mut self.parties,
            &mut self.problems,
            name,
            node(fields, span),
        );
        Ok(())
    }

    pub fn quorum(&mut self, name: &str, fields: Fields, span: Span) -> Result<(), Trouble> {
        self.weigh(name.len() + size(&fields))?;
        put(
            &mut self.quorums,
            &mut self.problems,
            name,
            node(fields, span),
        );
        Ok(())
    }

    pub fn item(&mut self, name: &str, fields: Fields, span: Span) -> Result<(), Trouble> {
        self.weigh(name.len() + size(&fields))?;
        put(
            &mut self.items,
            &mut self.problems,
            name,
            node(fields, span),
        );
        Ok(())
    }

    pub fn lint(&mut self, code: &str, reason: Node) -> Result<(), Trouble> {
        self.weigh(code.len() + reason.size())?;
        put(&mut self.lints, &mut self.problems, code, reason);
        Ok(())
    }

    /// Two paths can have one name here: the checker has words for it.
    pub fn path(&mut self, fields: Fields, span: Span) -> Result<(), Trouble> {
        self.weigh(size(&fields))?;
        self.paths.push(node(fields, span));
        Ok(())
    }

    pub fn parameter(&mut self, parameter: Parameter) -> Result<(), Trouble> {
        self.weigh(parameter.name.len() + parameter.description.len())?;
        if let Some(first) = self
            .parameters
            .iter()
            .find(|one| one.name == parameter.name)
        {
            let problem = Diagnostic::new(
                Code::BadParameter,
                format!("the parameter {} is declared twice", quote(&parameter.name)),
            )
            .at(parameter.span, "declared again")
            .beside(first.span, "declared before")
            .help("declare it once and keep its value in a variable");
            self.problem(problem);
            return Ok(());
        }
        self.parameters.push(parameter);
        Ok(())
    }

    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Reports settings that no parameter asked for.
    pub fn unused_settings(&mut self) {
        for problem in self.settings.problems(&self.parameters) {
            self.problem(problem);
        }
    }

    pub fn take_parameters(&mut self) -> Vec<Parameter> {
        std::mem::take(&mut self.parameters)
    }

    pub fn take_problems(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.problems)
    }

    /// The document, for the reader of documents.
    pub fn take_document(&mut self) -> Fields {
        let mut document = std::mem::take(&mut self.single);
        let nowhere = Span::default();
        let tables = [
            ("parties", &mut self.parties),
            ("quorums", &mut self.quorums),
            ("items", &mut self.items),
            ("lints", &mut self.lints),
        ];
        for (name, fields) in tables {
            if !fields.is_empty() {
                document.insert(name.to_owned(), node(std::mem::take(fields), nowhere));
            }
        }
        if !self.paths.is_empty() {
            let paths = Node {
                span: nowhere,
                kind: Kind::List(std::mem::take(&mut self.paths)),
            };
            document.insert("path".to_owned(), paths);
        }
        document
    }

    /// Counts bytes, so that a loop cannot build a document without end.
    fn weigh(&mut self, bytes: usize) -> Result<(), Trouble> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes <= MAX_BYTES {
            return Ok(());
        }
        Err(Trouble::new(
            Code::TooLarge,
            format!("the script builds a document of more than {MAX_BYTES} bytes"),
            "one too many",
            "split the policy into several",
        ))
    }
}

const fn node(fields: Fields, span: Span) -> Node {
    Node {
        span,
        kind: Kind::Fields(fields),
    }
}

/// Puts something under its name, unless something is there.
fn put(fields: &mut Fields, problems: &mut Vec<Diagnostic>, name: &str, node: Node) {
    let Some(first) = fields.get(name) else {
        fields.insert(name.to_owned(), node);
        return;
    };
    if problems.len() < MAX_PROBLEMS {
        problems.push(
            Diagnostic::new(
                Code::DuplicateField,
                format!("{} is given twice", quote(name)),
            )
            .at(node.span, "given again")
            .beside(first.span, "given before")
            .help("remove one of the two, or correct its name"),
        );
    }
}
