//! Examples in scripts, in the order of the codes.

use super::Code;

/// Wrong lines, and the right ones in their place.
pub(super) const SCRIPTS: &[(Code, &str, &str)] = &[
    (
        Code::ScriptSyntax,
        r#"root("council", #{ refresh: days(90) );"#,
        r#"root("council", #{ refresh: days(90) });"#,
    ),
    (
        Code::ScriptFailed,
        r#"let people = ["alice", "bob", "carol"];
quorum("council", 2, [people[1], people[2], people[3]]);"#,
        r#"let people = ["alice", "bob", "carol"];
quorum("council", 2, [people[0], people[1], people[2]]);"#,
    ),
    (
        Code::UnknownFunction,
        r#"root("council", #{ refresh: months(3) });"#,
        r#"root("council", #{ refresh: days(90) });"#,
    ),
    (
        Code::UnknownVariable,
        r#"path("dead-man", #{ quorum: agent, delay: days(365) });"#,
        r#"path("dead-man", #{ quorum: agents, delay: days(365) });"#,
    ),
    (
        Code::ScriptLimit,
        "let n = 1;
while n < 8 { }",
        "let n = 1;
while n < 8 { n += 1; }",
    ),
    (
        Code::ImportRefused,
        r#"import "../keys" as keys;"#,
        r#"import "people/keys" as keys;"#,
    ),
    (
        Code::RequirementUnmet,
        r#"let seats = param("seats", 4, "how many agents");
require(seats % 2 == 1, "an odd number of agents");"#,
        r#"let seats = param("seats", 3, "how many agents");
require(seats % 2 == 1, "an odd number of agents");"#,
    ),
    (
        Code::UnknownParameter,
        r#"// longstop check policy.rhai --set seat=5
let seats = param("seats", 3, "how many agents");"#,
        r#"// longstop check policy.rhai --set seats=5
let seats = param("seats", 3, "how many agents");"#,
    ),
    (
        Code::BadParameter,
        r#"let seats = param("seats", 9, "how many agents", #{ min: 1, max: 5 });"#,
        r#"let seats = param("seats", 3, "how many agents", #{ min: 1, max: 5 });"#,
    ),
    (
        Code::UnusedPart,
        r#"let wait = lockup(#{ period: days(30) });
path("sos", #{ quorum: agents, escrow: slow });"#,
        r#"let wait = lockup(#{ period: days(30) });
path("sos", #{ quorum: agents, escrow: slow, lockup: wait });"#,
    ),
];
