//! The functions a policy script is written with.

use std::cell::RefCell;
use std::rc::Rc;

use rhai::{Array, Dynamic, EvalAltResult, Map, NativeCallContext};

use super::super::shown::quote;
use super::super::{Code, Diagnostic};
use super::Sandbox;
use super::build::Builder;
use super::trouble::Trouble;
use super::value::{Fields, Node, Term, fields};

/// Every function with how it is called.
pub(super) const FUNCTIONS: &[(&str, &str)] = &[
    (
        "policy",
        "`policy(#{ name: \"…\", network: \"…\", script: \"…\" })`",
    ),
    ("party", "`party(\"alice\", #{ key: \"…\" })`"),
    (
        "quorum",
        "`quorum(\"council\", 2, [\"alice\", \"bob\", \"carol\"])` or `quorum(\"council\", #{ … })`",
    ),
    (
        "root",
        "`root(\"council\")` or `root(\"council\", #{ refresh: days(90) })`",
    ),
    ("path", "`path(\"sos\", #{ quorum: \"agents\", … })`"),
    (
        "escrow",
        "`escrow(#{ window: days(14), veto: \"vetoers\" })`",
    ),
    ("lockup", "`lockup(#{ period: days(30) })`"),
    ("blocks", "`blocks(2016)`"),
    ("minutes", "`minutes(90)`"),
    ("hours", "`hours(36)`"),
    ("days", "`days(14)`"),
    ("weeks", "`weeks(2)`"),
    ("percent", "`percent(60)`"),
    ("date", "`date(\"2031-01-01T00:00:00Z\")`"),
    ("height", "`height(1000000)`"),
    ("manual", "`manual(\"agents\")`"),
    ("alarm", "`alarm(\"monitors\")`"),
    (
        "silence",
        "`silence(\"council\", days(30), 3)`: fewer than three heard of for so long",
    ),
    (
        "vote",
        "`vote(\"council\", #{ turnout: percent(60), approve: percent(66), open: days(7) })`",
    ),
    (
        "any_of",
        "`any_of([manual(\"agents\"), alarm(\"monitors\")])`",
    ),
    (
        "all_of",
        "`all_of([manual(\"agents\"), alarm(\"monitors\")])`",
    ),
    (
        "item",
        "`item(\"gina-copy\", #{ kind: \"files\", of: \"gina\", custody: #{ site: \"basel\" } })`",
    ),
    ("lint", "`lint(\"LS0603\", \"why\")`"),
    ("require", "`require(seats > 2, \"why\")`"),
    (
        "param",
        "`param(\"seats\", 5, \"how many seats\")` or `param(\"seats\", 5, \"how many seats\", #{ min: 3, max: 9 })`",
    ),
];

type Raised = Box<EvalAltResult>;
type Shared = Rc<RefCell<Builder>>;

/// Gives a sandbox the functions that build a policy.
pub(super) fn register(sandbox: &mut Sandbox, builder: &Shared) {
    sandbox.engine.register_type_with_name::<Term>("term");
    tables(sandbox, builder);
    quorums(sandbox, builder);
    terms(sandbox, builder);
    conditions(sandbox, builder);
    checks(sandbox, builder);
}

/// `policy`, `party`, `item`, `root`, `path` and `lint`.
fn tables(sandbox: &mut Sandbox, builder: &Shared) {
    let engine = &mut sandbox.engine;
    let b = Rc::clone(builder);
    engine.register_fn("policy", move |context: NativeCallContext, map: Map| {
        let span = b.borrow().place(&context);
        let fields = fields(&map, span)?;
        Ok::<_, Raised>(b.borrow_mut().single("policy", fields, span)?)
    });
    let b = Rc::clone(builder);
    engine.register_fn(
        "party",
        move |context: NativeCallContext, name: &str, map: Map| {
            let span = b.borrow().place(&context);
            let fields = fields(&map, span)?;
            b.borrow_mut().party(name, fields, span)?;
            Ok::<_, Raised>(name.to_owned())
        },
    );
    let b = Rc::clone(builder);
    engine.register_fn(
        "item",
        move |context: NativeCallContext, name: &str, map: Map| {
            let span = b.borrow().place(&context);
            let fields = fields(&map, span)?;
            b.borrow_mut().item(name, fields, span)?;
            Ok::<_, Raised>(name.to_owned())
        },
    );
    for takes_fields in [false, true] {
        let b = Rc::clone(builder);
        let root = move |context: &NativeCallContext, quorum: &str, map: &Map| {
            let span = b.borrow().place(context);
            let mut fields = fields(map, span)?;
            add(&mut fields, "quorum", Node::text(quorum, span))?;
            Ok::<_, Raised>(b.borrow_mut().single("root", fields, span)?)
        };
        if takes_fields {
            engine.register_fn(
                "root",
                move |context: NativeCallContext, quorum: &str, map: Map| {
                    root(&context, quorum, &map)
                },
            );
        } else {
            engine.register_fn("root", move |context: NativeCallContext, quorum: &str| {
                root(&context, quorum, &Map::new())
            });
        }
    }
    let b = Rc::clone(builder);
    engine.register_fn(
        "path",
        move |context: NativeCallContext, name: &str, map: Map| {
            let span = b.borrow().place(&context);
            let mut fields = fields(&map, span)?;
            add(&mut fields, "name", Node::text(name, span))?;
            b.borrow_mut().path(fields, span)?;
            Ok::<_, Raised>(name.to_owned())
        },
    );
    let b = Rc::clone(builder);
    engine.register_fn(
        "lint",
        move |context: NativeCallContext, code: &str, reason: &str| {
            let span = b.borrow().place(&context);
            Ok::<_, Raised>(b.borrow_mut().lint(code, Node::text(reason, span))?)
        },
    );
}

fn quorums(sandbox: &mut Sandbox, builder: &Shared) {
    let engine = &mut sandbox.engine;
    let b = Rc::clone(builder);
    engine.register_fn(
        "quorum",
        move |context: NativeCallContext, name: &str, threshold: i64, members: Array| {
            let span = b.borrow().place(&context);
            let members = Node::new(&Dynamic::from(members), span, "of")?;
            let fields = Fields::from([
                ("threshold".to_owned(), Node::integer(threshold, span)),
                ("of".to_owned(), members),
            ]);
            b.borrow_mut().quorum(name, fields, span)?;
            Ok::<_, Raised>(name.to_owned())
        },
    );
    let b = Rc::clone(builder);
    engine.register_fn(
        "quorum",
        move |context: NativeCallContext, name: &str, map: Map| {
            let span = b.borrow().place(&context);
            let fields = fields(&map, span)?;
            b.borrow_mut().quorum(name, fields, span)?;
            Ok::<_, Raised>(name.to_owned())
        },
    );
}

/// Terms of a path: each remembers where it was made.
fn terms(sandbox: &mut Sandbox, builder: &Shared) {
    let engine = &mut sandbox.engine;
    for unit in ["blocks", "minutes", "hours", "days", "weeks"] {
        let b = Rc::clone(builder);
        engine.register_fn(unit, move |context: NativeCallContext, number: i64| {
            let period = format!("{number} {unit}");
            Term::new(period.into(), b.borrow().place(&context))
        });
    }
    let b = Rc::clone(builder);
    engine.register_fn("percent", move |context: NativeCallContext, number: i64| {
        Term::new(format!("{number}%").into(), b.borrow().place(&context))
    });
    let b = Rc::clone(builder);
    engine.register_fn("height", move |context: NativeCallContext, number: i64| {
        Term::new(number.into(), b.borrow().place(&context))
    });
    let b = Rc::clone(builder);
    engine.register_fn("date", move |context: NativeCallContext, moment: &str| {
        Term::new(moment.into(), b.borrow().place(&context))
    });
    for name in ["escrow", "lockup"] {
        let b = Rc::clone(builder);
        engine.register_fn(name, move |context: NativeCallContext, map: Map| {
            b.borrow_mut().made(name, map.into(), &context)
        });
    }
    engine.register_fn("to_string", |term: &mut Term| term.value.to_string());
}

/// Conditions of an activation.
fn conditions(sandbox: &mut Sandbox, builder: &Shared) {
    let engine = &mut sandbox.engine;
    for kind in ["manual", "alarm"] {
        let b = Rc::clone(builder);
        engine.register_fn(kind, move |context: NativeCallContext, quorum: &str| {
            condition(&b, &context, [(kind, quorum.into())], Map::new())
        });
    }
    let b = Rc::clone(builder);
    engine.register_fn(
        "silence",
        move |context: NativeCallContext, quorum: &str, period: Dynamic, fewer_than: i64| {
            let fields = [
                ("silence", quorum.into()),
                ("for", period),
                ("fewer_than", fewer_than.into()),
            ];
            condition(&b, &context, fields, Map::new())
        },
    );
    let b = Rc::clone(builder);
    engine.register_fn(
        "vote",
        move |context: NativeCallContext, quorum: &str, map: Map| {
            condition(&b, &context, [("vote", quorum.into())], map)
        },
    );
    // Lists have methods `any` and `all` of their own, which ask.
    for (function, kind) in [("any_of", "any"), ("all_of", "all")] {
        let b = Rc::clone(builder);
        engine.register_fn(function, move |context: NativeCallContext, of: Array| {
            condition(&b, &context, [(kind, of.into())], Map::new())
        });
    }
}

fn condition<const N: usize>(
    builder: &Shared,
    context: &NativeCallContext,
    named: [(&str, Dynamic); N],
    map: Map,
) -> Term {
    let mut map = map;
    for (name, value) in named {
        map.insert(name.into(), value);
    }
    let mut builder = builder.borrow_mut();
    builder.made("condition", map.into(), context)
}

/// `require` and `param`.
fn checks(sandbox: &mut Sandbox, builder: &Shared) {
    let engine = &mut sandbox.engine;
    let b = Rc::clone(builder);
    engine.register_fn(
        "require",
        move |context: NativeCallContext, holds: bool, why: &str| {
            // The script goes on, so that all problems are reported at once.
            if !holds {
                let mut builder = b.borrow_mut();
                let span = builder.place(&context);
                let problem = Diagnostic::new(
                    Code::RequirementUnmet,
                    format!("the script requires what is not so: {}", quote(why)),
                )
                .at(span, "required here")
                .help("this rule is the author's own; choose other values, or change the rule");
                builder.problem(problem);
            }
        },
    );
    for has_limits in [false, true] {
        let b = Rc::clone(builder);
        let declare = move |context: &NativeCallContext,
                            name: &str,
                            default: &Dynamic,
                            description: &str,
                            allowed: &Map| {
            let mut builder = b.borrow_mut();
            let span = builder.place(context);
            let declared = builder
                .settings()
                .declare(name, default, description, allowed, span);
            let (parameter, problem) = declared?;
            let value = parameter.to_script();
            builder.parameter(parameter)?;
            if let Some(problem) = problem {
                builder.problem(problem);
            }
            Ok::<Dynamic, Raised>(value)
        };
        if has_limits {
            engine.register_fn(
                "param",
                move |context: NativeCallContext,
                      name: &str,
                      default: Dynamic,
                      description: &str,
                      allowed: Map| {
                    declare(&context, name, &default, description, &allowed)
                },
            );
        } else {
            engine.register_fn(
                "param",
                move |context: NativeCallContext,
                      name: &str,
                      default: Dynamic,
                      description: &str| {
                    declare(&context, name, &default, description, &Map::new())
                },
            );
        }
    }
}

/// Adds what a call says outside its map, and the map must not say too.
fn add(fields: &mut Fields, name: &str, node: Node) -> Result<(), Trouble> {
    if fields.contains_key(name) {
        return Err(Trouble::new(
            Code::DuplicateField,
            format!("{} is given twice", quote(name)),
            "given before the map and in it",
            "remove it from the map",
        ));
    }
    fields.insert(name.to_owned(), node);
    Ok(())
}
