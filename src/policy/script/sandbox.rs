//! The interpreter, with nothing in it that a policy does not need.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage,
    BasicMathPackage, BasicStringPackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{AST, Dynamic, Engine, EvalAltResult, Module, ModuleResolver, Position, Scope, Shared};

use super::super::shown::quote;
use super::super::{Code, Diagnostic, Span};
use super::place::Sources;
use super::size::Size;
use super::trouble::{Trouble, diagnose, limit};
use super::{Expired, Imports, LIMITS, comment, strict, too_long};

/// What the interpreter would know by itself and a script must not have.
///
/// `try` is among them so that no error of a script can be passed over.
/// And `this`, whose size cannot be watched.
const FORBIDDEN: [&str; 6] = ["eval", "print", "debug", "try", "catch", "this"];

/// Steps between two looks at the clock.
const STEPS_PER_LOOK: u64 = 256;

/// Steps beyond the limit after which a script is stopped wherever it is.
///
/// The interpreter does not always say where it is when it counts a step, but it does where a variable
/// is named, so a script that names one soon is stopped there.
const GRACE: u64 = 100;

/// The stack a script runs on.
///
/// The deepest script that the limits allow, imports included, takes about a third of it in a debug
/// build; it must not depend on how much of its own stack the caller has left.
const STACK_BYTES: usize = 128 << 20;

/// Does something on a stack of its own, whose size does not depend on the caller.
pub(in crate::policy) fn on_own_stack<T: Send>(
    work: impl FnOnce() -> T + Send,
) -> Result<T, Diagnostic> {
    let failed = |message: &str| {
        Diagnostic::new(Code::ScriptFailed, message.to_owned())
            .help("this is no fault of the script; please report it")
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("script".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)
            .map_err(|_| failed("there is no memory to run a script in"))?;
        thread
            .join()
            .map_err(|_| failed("the interpreter of scripts failed"))
    })
}

/// An engine for one script.
pub(in crate::policy) struct Sandbox {
    pub engine: Engine,
    sources: Rc<RefCell<Sources>>,
}

impl Sandbox {
    pub fn new(sources: Rc<RefCell<Sources>>, imports: Arc<dyn Imports>, expired: Expired) -> Self {
        let mut engine = Engine::new_raw();
        // Arithmetic, comparisons, strings, lists and maps.  Not the core package of the language:
        // it can sleep, and end a script in the middle as if it had come to its end.
        ArithmeticPackage::new().register_into_engine(&mut engine);
        LogicPackage::new().register_into_engine(&mut engine);
        BasicMathPackage::new().register_into_engine(&mut engine);
        BasicStringPackage::new().register_into_engine(&mut engine);
        MoreStringPackage::new().register_into_engine(&mut engine);
        BasicArrayPackage::new().register_into_engine(&mut engine);
        BasicMapPackage::new().register_into_engine(&mut engine);
        BasicIteratorPackage::new().register_into_engine(&mut engine);
        BasicFnPackage::new().register_into_engine(&mut engine);
        for word in FORBIDDEN {
            engine.disable_symbol(word);
        }
        engine
            .set_strict_variables(true)
            .set_fail_on_invalid_map_property(true)
            .set_max_call_levels(LIMITS.call_depth)
            .set_max_expr_depths(LIMITS.expression_depth, LIMITS.expression_depth)
            .set_max_string_size(LIMITS.string_bytes)
            .set_max_array_size(LIMITS.list_items)
            .set_max_map_size(LIMITS.map_fields)
            .set_max_variables(LIMITS.variables)
            .set_max_functions(LIMITS.functions)
            .set_max_modules(LIMITS.imports);
        strict::register(&mut engine);
        // The interpreter begins to count anew in every import, so the steps are counted here.
        let steps = Rc::new(Cell::new(0));
        weigh_variables(&mut engine, Rc::clone(&steps));
        let looks = Cell::new(0_u64);
        engine.on_progress(move |_| {
            let taken = steps.get() + 1;
            steps.set(taken);
            if taken > LIMITS.operations + GRACE {
                return Some("operations".into());
            }
            looks.set(looks.get() + 1);
            let is_time_to_look = looks.get().is_multiple_of(STEPS_PER_LOOK);
            (is_time_to_look && expired()).then(|| "time".into())
        });
        engine.set_module_resolver(Resolver {
            imports,
            sources: Rc::clone(&sources),
            loaded: RefCell::default(),
        });
        Self { engine, sources }
    }

    /// Reads a script without running it.
    pub fn compile(&self, text: &str) -> Result<AST, Diagnostic> {
        compile(&self.engine, text, None, &self.sources)
            .map_err(|error| diagnose(*error, &self.sources.borrow()))
    }

    /// Reads and runs a script.
    pub fn run(&self, text: &str) -> Result<(), Diagnostic> {
        let ast = self.compile(text)?;
        self.engine
            .run_ast(&ast)
            .map_err(|error| diagnose(*error, &self.sources.borrow()))
    }

    /// The functions of a script, each with how many arguments it takes.
    pub fn functions(ast: &AST) -> Vec<(String, usize)> {
        let functions = ast.iter_functions();
        functions
            .map(|function| (function.name.to_owned(), function.params.len()))
            .collect()
    }

    /// Where the script defines a function.
    pub fn definition(&self, function: &str) -> Span {
        let sources = self.sources.borrow();
        sources.span(None, sources.definition(None, function))
    }

    /// Calls a function of a script that was read, once the rest of it has run.
    pub fn call(
        &self,
        ast: &AST,
        function: &str,
        argument: Dynamic,
    ) -> Result<Dynamic, Diagnostic> {
        self.engine
            .call_fn(&mut Scope::new(), ast, function, (argument,))
            .map_err(|error| diagnose(*error, &self.sources.borrow()))
    }
}

/// Checks the size of a variable whenever it is named, and counts it as steps.
///
/// The interpreter checks what is put into a map, but not the map, which could grow by one field
/// after another beyond all limits.  And to copy, sort or search a large value is one step to it,
/// so that few steps could take long.
///
/// A constant behind `::` is not seen here and stays one step.  Its value is within the limits
/// ([`Resolver`] checks those of imports), so all the steps there are copy it soon enough.
#[expect(
    deprecated,
    reason = "the interpreter marks what may change as deprecated"
)]
fn weigh_variables(engine: &mut Engine, steps: Rc<Cell<u64>>) {
    engine.on_var(move |name, _, context| {
        if let Some(value) = context.scope().get(name) {
            let size = Size::of(value);
            size.check()?;
            steps.set(steps.get() + size.steps());
        }
        if steps.get() > LIMITS.operations {
            return Err(limit("operations").into());
        }
        Ok(None)
    });
}

/// Reads a script, which must not define anew what every script has.
fn compile(
    engine: &Engine,
    text: &str,
    source: Option<&str>,
    sources: &RefCell<Sources>,
) -> Result<AST, Box<EvalAltResult>> {
    let swallowed = |at| {
        let trouble = Trouble::new(
            Code::ScriptSyntax,
            "a comment is never closed, so that nothing after it is read",
            "begins here",
            "write `*/` where it ends; each `/*` in a comment needs one of its own",
        );
        trouble.at(sources.borrow().position(source, at))
    };
    let mut ast = match engine.compile(text) {
        Ok(ast) => match comment::unclosed(engine, text) {
            Some(at) => return Err(swallowed(at)),
            None => ast,
        },
        // What is missing at the end may stand in the comment.
        Err(error) => {
            let open = comment::open_comment(text).map(swallowed);
            let is_behind = |open: &EvalAltResult| before(open.position(), error.position());
            return Err(open
                .filter(|open| is_behind(open))
                .unwrap_or_else(|| error.into()));
        }
    };
    let taken = ast
        .iter_functions()
        .map(|function| function.name)
        .find(|name| sources.borrow().usage(name).is_some());
    if let Some(name) = taken {
        let message = format!("{} is a function that every script has", quote(name));
        let trouble = Trouble::new(
            Code::ScriptSyntax,
            message,
            "defined anew",
            "choose another name",
        );
        return Err(trouble.at(sources.borrow().definition(source, name)));
    }
    if let Some(source) = source {
        ast.set_source(source);
    }
    Ok(ast)
}

/// Whether one position is before another, the end of a text having none.
fn before(first: Position, second: Position) -> bool {
    let place = |position: Position| (position.line(), position.position());
    second.is_none() || place(first) < place(second)
}

/// Imports of a script: each file is read and run once.
struct Resolver {
    imports: Arc<dyn Imports>,
    sources: Rc<RefCell<Sources>>,
    loaded: RefCell<Loaded>,
}

#[derive(Default)]
struct Loaded {
    modules: BTreeMap<String, Shared<Module>>,
    /// Files that are being run, each imported by the one before it.
    open: Vec<String>,
}

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let refuse = |trouble: Trouble| trouble.at(position);
        let path = plain_path(path).map_err(refuse)?;
        {
            let loaded = self.loaded.borrow();
            if let Some(module) = loaded.modules.get(&path) {
                return Ok(Shared::clone(module));
            }
            if loaded.open.contains(&path) {
                let message = format!("{} imports itself", quote(&path));
                let help = "what both need belongs into a third file";
                return Err(refuse(refusal(message, help)));
            }
            if loaded.open.len() >= LIMITS.import_depth {
                return Err(refuse(limit("import_depth")));
            }
            if loaded.modules.len() + loaded.open.len() >= LIMITS.imports {
                return Err(refuse(limit("imports")));
            }
        }
        let text = self.imports.text(&path).map_err(|why| {
            let message = format!("{} cannot be imported: {why}", quote(&path));
            let help = "an import names a file in the folder of the policy, such as `import \"keys\" as keys`";
            refuse(refusal(message, help))
        })?;
        if too_long(&text).is_some() {
            let message = format!(
                "{} has {} bytes, and may have {}",
                quote(&path),
                text.len(),
                LIMITS.script_bytes
            );
            let help = "split it into several files";
            return Err(refuse(Trouble::new(
                Code::ScriptLimit,
                message,
                "too long",
                help,
            )));
        }
        let at = self.sources.borrow().span(source, position);
        self.sources.borrow_mut().add(&path, &text, at);
        self.loaded.borrow_mut().open.push(path.clone());
        let module = compile(engine, &text, Some(&path), &self.sources)
            .and_then(|ast| Module::eval_ast_as_new(Scope::new(), &ast, engine))
            .map_err(|error| Box::new(EvalAltResult::ErrorInModule(path.clone(), error, position)));
        let mut loaded = self.loaded.borrow_mut();
        loaded.open.pop();
        let module = Shared::new(module?);
        // Constants of an import are not weighed where they are named, so this is where they are.
        for (_, value) in module.iter_var() {
            Size::of(value).check().map_err(|mut error| {
                error.set_position(position);
                error
            })?;
        }
        loaded.modules.insert(path, Shared::clone(&module));
        Ok(module)
    }
}

fn refusal(message: String, help: &str) -> Trouble {
    Trouble::new(Code::ImportRefused, message, "not imported", help)
}

/// A path as [`Imports`] takes it, if it stays in the folder.
fn plain_path(path: &str) -> Result<String, Trouble> {
    let help =
        "an import names a file in the folder of the policy, such as `import \"keys\" as keys`";
    let name = path.strip_suffix(".rhai").unwrap_or(path);
    let plain = name.split('/').all(|part| {
        let letters = part
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        letters && !part.is_empty() && !part.starts_with('.')
    });
    if plain {
        return Ok(format!("{name}.rhai"));
    }
    let message = format!("{} is no path inside the folder of the policy", quote(path));
    Err(refusal(message, help))
}
