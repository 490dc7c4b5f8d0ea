//! Rules: what they decide, and that whatever is wrong with one denies.

use std::fs;
use std::path::Path;

use longstop::policy::{Cases, Code, Diagnostic, Facts, LIMITS, Question, Rule, Verdict};
use serde_json::{Value, json};

/// The id of a policy that is none.
const ID: &str = "00000000000000000000000000000000000000000000000000000000000000aa";

/// A payment of 0.1 BTC from 1 BTC.
fn spend() -> Value {
    json!({ "review": {
        "policy_id": ID, "network": "regtest", "path": "root", "stage": "vault",
        "transaction": "spend", "height": 100, "median_time_past": 1_700_000_000,
        "balance": 100_000_000, "amount": 10_000_000, "change": 89_990_000, "fee": 10_000,
        "sat_per_kvb": 5_000, "payees": [{ "address": "bcrt1q", "amount": 10_000_000 }],
        "purpose": "rent",
    } })
}

fn activation() -> Value {
    json!({ "activate": {
        "policy_id": ID, "network": "regtest", "path": "sos", "height": 100,
        "median_time_past": 1_700_000_000,
        "vault": { "coins": 1, "sats": 100_000_000 },
        "heartbeats": [{ "party": "alice", "median_time_past": 1_690_000_000 }],
        "silences": [{ "quorum": "council", "members": 5, "heard": 2, "fewer_than": 3, "seconds": 2_592_000 }],
        "alarms": [{ "party": "monitor", "median_time_past": 1_699_000_000 }],
        "ballots": [{ "quorum": "council", "members": 5, "approve": 3, "reject": 1, "open_until": 1_700_000_600 }],
    } })
}

fn facts(value: &Value) -> Facts {
    Facts::from_json(&value.to_string()).expect("facts")
}

fn review(rule: &str) -> Verdict {
    Rule::new(rule).judge(&facts(&spend()))
}

#[test]
fn a_rule_allows_and_denies_as_it_says() {
    let verdict = review("fn review(spend) { spend.amount <= 10000000 }");
    assert!(verdict.allow);
    assert_eq!(verdict.why, "the rule allows it");
    assert_eq!(verdict.fault, None);
    let verdict = review("fn review(spend) { spend.amount < 10000000 }");
    assert!(!verdict.allow);
    assert_eq!(verdict.why, "the rule denies it");
    assert_eq!(verdict.fault, None);
    let verdict = review("fn review(spend) { #{ allow: true, why: \"it is \" + spend.purpose } }");
    assert!(verdict.allow);
    assert_eq!(verdict.why, "it is rent");
}

/// Whatever of these is wrong, it denies, with a reason and, where it failed, the place.
#[test]
fn misspelt_rules_deny() {
    let table = [
        // What would allow if a missing name were nothing.
        (
            "fn review(spend) { !(spend.amuont > 1) }",
            Some(Code::UnknownVariable),
        ),
        (
            "fn review(spend) { !(spend[\"amuont\"] > 1) }",
            Some(Code::UnknownVariable),
        ),
        (
            "fn review(spend) { spend?.amuont == () }",
            Some(Code::UnknownVariable),
        ),
        (
            "fn review(spend) { (spend.amuont ?? 0) < 1 }",
            Some(Code::UnknownVariable),
        ),
        (
            "fn review(spend) { !(spend.payees[0].amuont > 1) }",
            Some(Code::UnknownVariable),
        ),
        (
            "fn review(spend) { !(spent.amount > 1) }",
            Some(Code::UnknownVariable),
        ),
        (
            "fn review(spend) { let limit = 1; !(spend.amount > limt) }",
            Some(Code::UnknownVariable),
        ),
        (
            "const LIMIT = 1; fn review(spend) { !(spend.amount > LIMIT) }",
            Some(Code::UnknownVariable),
        ),
        (
            "const LIMIT = 1; fn review(spend) { !(spend.amount > global::LIMT) }",
            Some(Code::UnknownVariable),
        ),
        // What would allow if values of different types were merely unequal.
        (
            "fn review(spend) { !(spend.amount > \"1\") }",
            Some(Code::ScriptFailed),
        ),
        (
            "fn review(spend) { spend.amount != \"10000000\" }",
            Some(Code::ScriptFailed),
        ),
        (
            "fn review(spend) { spend.path != 0 }",
            Some(Code::ScriptFailed),
        ),
        (
            "fn review(spend) { !(spend.payees.contains(\"bcrt1q\")) }",
            Some(Code::ScriptFailed),
        ),
        (
            "fn review(spend) { !(\"bcrt1q\" in spend.payees) }",
            Some(Code::ScriptFailed),
        ),
        ("fn review(spend) { true != 1 }", Some(Code::ScriptFailed)),
        // Functions.
        ("fn revieww(spend) { true }", Some(Code::UnknownFunction)),
        ("fn Review(spend) { true }", Some(Code::UnknownFunction)),
        ("fn review() { true }", Some(Code::UnknownFunction)),
        (
            "fn review(spend, more) { true }",
            Some(Code::UnknownFunction),
        ),
        ("fn activate(facts) { true }", Some(Code::UnknownFunction)),
        ("", Some(Code::UnknownFunction)),
        ("true", Some(Code::UnknownFunction)),
        ("let review = |spend| true;", Some(Code::UnknownFunction)),
        (
            "fn small(n) { n < 1 } fn review(spend) { !smal(spend.amount) }",
            Some(Code::UnknownFunction),
        ),
        (
            "fn review(spend) { !spend.payees.is_emty() }",
            Some(Code::UnknownFunction),
        ),
        // Answers that are none.
        ("fn review(spend) { }", Some(Code::ScriptFailed)),
        (
            "fn review(spend) { let allow = true; }",
            Some(Code::ScriptFailed),
        ),
        ("fn review(spend) { 1 }", Some(Code::ScriptFailed)),
        ("fn review(spend) { \"true\" }", Some(Code::ScriptFailed)),
        ("fn review(spend) { [true] }", Some(Code::ScriptFailed)),
        (
            "fn review(spend) { #{ allow: true } }",
            Some(Code::ScriptFailed),
        ),
        (
            "fn review(spend) { #{ why: \"because\" } }",
            Some(Code::ScriptFailed),
        ),
        (
            "fn review(spend) { #{ allow: true, why: \"\" } }",
            Some(Code::ScriptFailed),
        ),
        (
            "fn review(spend) { #{ allow: true, why: 1 } }",
            Some(Code::ScriptFailed),
        ),
        (
            "fn review(spend) { #{ allow: 1, why: \"because\" } }",
            Some(Code::ScriptFailed),
        ),
        (
            "fn review(spend) { #{ alow: true, why: \"because\" } }",
            Some(Code::ScriptFailed),
        ),
        (
            "fn review(spend) { #{ allow: true, why: \"because\", more: 1 } }",
            Some(Code::ScriptFailed),
        ),
        ("fn review(spend) { || true }", Some(Code::ScriptFailed)),
        (
            "fn review(spend) { if spend.amount > 1 { } else { true } }",
            Some(Code::ScriptFailed),
        ),
        ("fn review(spend) { throw true }", Some(Code::ScriptFailed)),
        (
            "return true; fn review(spend) { 1 / 0 == 0 }",
            Some(Code::ScriptFailed),
        ),
        // What a rule must not have.
        (
            "fn review(spend) { try { spend.amuont < 1 } catch { true } }",
            Some(Code::ScriptSyntax),
        ),
        (
            "fn review(spend) { eval(\"true\") }",
            Some(Code::UnknownFunction),
        ),
        (
            "fn review(spend) { exit(true) }",
            Some(Code::UnknownFunction),
        ),
        (
            "exit(true); fn review(spend) { true }",
            Some(Code::UnknownFunction),
        ),
        (
            "fn review(spend) { print(\"x\"); true }",
            Some(Code::UnknownFunction),
        ),
        (
            "fn review(spend) { sleep(1); true }",
            Some(Code::UnknownFunction),
        ),
        (
            "fn review(spend) { timestamp() > 0 }",
            Some(Code::UnknownFunction),
        ),
        (
            "import \"keys\" as keys; fn review(spend) { true }",
            Some(Code::ImportRefused),
        ),
        (
            "fn review(spend) { party(\"alice\", #{}); true }",
            Some(Code::UnknownFunction),
        ),
        (
            "fn review(spend) { spend.amount * 1.5 > 0 }",
            Some(Code::ScriptSyntax),
        ),
        (
            "fn review(spend) { spend.amount > 0",
            Some(Code::ScriptSyntax),
        ),
        ("fn review(spend) { loop { } }", Some(Code::ScriptLimit)),
        (
            "loop { } fn review(spend) { true }",
            Some(Code::ScriptLimit),
        ),
        (
            "fn review(spend) { review(spend) }",
            Some(Code::ScriptLimit),
        ),
        (
            "fn review(spend) { spend.amount * 9223372036854775807 > 0 }",
            Some(Code::ScriptFailed),
        ),
        (
            "fn review(spend) { -9223372036854775808 - spend.amount < 0 }",
            Some(Code::ScriptFailed),
        ),
    ];
    for (rule, code) in table {
        let verdict = review(rule);
        assert!(!verdict.allow, "{rule}");
        assert_eq!(
            verdict.fault.as_ref().map(|fault| fault.code),
            code,
            "{rule}: {verdict:?}"
        );
        assert!(
            verdict.why.starts_with("the rule fails: "),
            "{rule}: {}",
            verdict.why
        );
    }
}

#[test]
fn a_rule_that_does_not_touch_what_is_misspelt_is_a_rule() {
    let verdict = review("fn review(spend) { spend.amount > 1 || spend.amuont > 1 }");
    assert!(verdict.allow, "what is not asked cannot fail");
}

#[test]
fn a_fault_has_its_place() {
    let verdict = review("// A comment.\nfn review(spend) {\n    spend.amuont > 1\n}\n");
    let fault = verdict.fault.expect("a fault");
    assert_eq!((fault.line, fault.column), (3, 11));
    assert_eq!(fault.code, Code::UnknownVariable);
}

#[test]
fn the_same_question_has_the_same_answer() {
    let rule = Rule::new(
        "fn review(spend) { let seen = #{}; for payee in spend.payees { seen[payee.address] = payee.amount; }
         #{ allow: seen.len() == 1, why: seen.keys().reduce(|all, one| all + one, \"to \") } }",
    );
    let facts = facts(&spend());
    let first = rule.judge(&facts);
    assert!(first.allow, "{first:?}");
    for _ in 0..20 {
        assert_eq!(rule.judge(&facts), first);
    }
}

#[test]
fn a_verdict_says_what_it_takes_to_ask_again() {
    let text = "fn review(spend) { true }";
    let verdict = review(text);
    assert_eq!(verdict.question, Question::Review);
    assert_eq!(verdict.limits, LIMITS);
    assert_eq!(verdict.rule_sha256, Rule::new(text).sha256());
    assert_ne!(
        verdict.rule_sha256,
        Rule::new("fn review(spend) { true } ").sha256()
    );
    assert_eq!(verdict.facts_sha256, facts(&spend()).sha256());
    let lock = fs::read_to_string("Cargo.lock").expect("a lock file");
    let version = lock
        .split("[[package]]")
        .find(|package| package.contains("name = \"rhai\"\n"))
        .and_then(|package| package.split("version = \"").nth(1)?.split('"').next());
    let version = version.expect("the version of the interpreter");
    assert_eq!(
        verdict.interpreter,
        format!("rhai {version}"),
        "the lock file has moved on"
    );
}

/// A misspelt fact would make a rule answer a question that nobody asked.
#[test]
fn facts_are_spelt_exactly() {
    let with = |base: Value, question: &str, field: &str, value: Value| {
        let mut facts = base;
        facts[question][field] = value;
        Facts::from_json(&facts.to_string()).map_err(|error| error.to_string())
    };
    for (field, right, wrong, help) in [
        ("stage", "vault", "valut", "did you mean `vault`?"),
        ("stage", "escrow", "Escrow", "did you mean `escrow`?"),
        ("stage", "lock-up", "lockup", "did you mean `lock-up`?"),
        ("transaction", "spend", "Spend", "did you mean `spend`?"),
        (
            "transaction",
            "trigger",
            "triger",
            "did you mean `trigger`?",
        ),
        ("transaction", "settle", "settles", "did you mean `settle`?"),
        (
            "transaction",
            "release",
            "releese",
            "did you mean `release`?",
        ),
        ("transaction", "refresh", "", "it is one of `spend`"),
        (
            "transaction",
            "sweep",
            "foo",
            "and `sweep` at line 1 column",
        ),
        (
            "policy_id",
            ID,
            "xyz",
            "`xyz` is no id of a policy, which has 64 hexadecimal digits",
        ),
        ("policy_id", ID, &ID[1..], "64 hexadecimal digits"),
        ("policy_id", ID, &ID.to_uppercase(), "of lower case"),
        ("network", "regtest", "Regtest", "unknown variant"),
    ] {
        assert!(
            with(spend(), "review", field, right.into()).is_ok(),
            "{right}"
        );
        let error = with(spend(), "review", field, wrong.into()).expect_err(wrong);
        assert!(error.contains(help), "{field} {wrong}: {error}");
    }
    assert!(with(activation(), "activate", "policy_id", "00".into()).is_err());
    for (amount, right) in [(9_999_999, false), (10_000_000, true), (10_000_001, false)] {
        let read = with(spend(), "review", "amount", amount.into());
        assert_eq!(read.is_ok(), right, "{amount}: {read:?}");
    }
    let most = json!([{ "address": "a", "amount": 2_100_000_000_000_000_i64 }]);
    assert!(with(spend(), "review", "payees", most).is_err());
    for (value, told) in [
        (json!("1"), "expected an amount in satoshis, a whole number"),
        (json!(1.5), "expected an amount in satoshis, a whole number"),
        (json!(-1), "an amount is 0 to 2100000000000000 satoshis"),
    ] {
        let error = with(spend(), "review", "fee", value).expect_err(told);
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn facts_are_of_one_question() {
    let mut both = spend();
    both["activate"] = activation()["activate"].clone();
    for (facts, told) in [
        (
            json!({}),
            "facts have one of the fields `activate` and `review`",
        ),
        (both, "and these have both"),
        (
            json!({ "reveiw": spend()["review"] }),
            "unknown field `reveiw`",
        ),
    ] {
        let error = Facts::from_json(&facts.to_string()).expect_err(told);
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn what_a_rule_answers_instead_is_said_with_its_place() {
    for (body, told) in [
        (
            "#{ allow: true }",
            "answers with a map without the field `why`",
        ),
        (
            "#{ why: \"x\" }",
            "answers with a map without the field `allow`",
        ),
        (
            "#{ allow: true, why: \" \" }",
            "answers with a map in which `why` is empty",
        ),
        (
            "#{ allow: true, why: 1 }",
            "answers with a map in which `why` is no string",
        ),
        (
            "#{ allow: 1, why: \"x\" }",
            "answers with a map in which `allow` is neither",
        ),
        (
            "#{ alow: true, why: \"x\" }",
            "has a field `alow` (did you mean `allow`?)",
        ),
        (
            "1",
            "answers with a whole number, and not with `true` or `false`",
        ),
        ("", "answers nothing, which is neither `true` nor `false`"),
    ] {
        let verdict = review(&format!("// A rule.\nfn review(spend) {{ {body} }}"));
        assert!(!verdict.allow);
        assert!(verdict.why.contains(told), "{body}: {}", verdict.why);
        let fault = verdict.fault.expect("a fault");
        assert_eq!((fault.line, fault.column), (2, 4), "{body}");
        assert!(fault.text.starts_with("fn review(spend)"), "{body}");
        let help = fault.help.expect("what would be right");
        assert!(help.contains("#{ allow: true, why: "), "{body}: {help}");
    }
    let verdict = review("fn reveiw(spend) { true }");
    let help = verdict.fault.and_then(|fault| fault.help).expect("help");
    assert!(help.contains("is `reveiw` meant to be it?"), "{help}");
}

/// What those who read a rule do not see, or see elsewhere, denies.
#[test]
fn what_hides_in_a_rule_denies() {
    for (rule, column) in [
        (
            "fn review(spend) { true /* swallowed } fn more() { */",
            None,
        ),
        ("fn review(spend) { true } /* never closed", Some(27)),
        ("fn review(spend) { true } /* a /* b */", Some(27)),
        ("fn review(spend) { true } // \u{202e} turned", Some(30)),
        (
            "fn review(spend) { spend.purpose == \"\u{2066}rent\" || true }",
            Some(38),
        ),
        (
            "fn review(spend) { \"a\u{200b}\" == \"a\" || true }",
            Some(22),
        ),
        ("\u{feff}fn review(spend) { true }", None),
        (
            "fn review(spend) { true } // שלום \u{200f}! 👩\u{200d}🚀 \u{2764}\u{fe0f}",
            Some(0),
        ),
    ] {
        let verdict = review(rule);
        assert_eq!(verdict.allow, column == Some(0), "{rule}: {verdict:?}");
        if let Some(column) = column.filter(|column| *column > 0) {
            assert_eq!(verdict.fault.expect("a fault").column, column, "{rule}");
        }
    }
}

/// The forms are frozen: other digests would make every recorded verdict a stranger.
#[test]
fn the_digests_of_facts_do_not_change() {
    assert_eq!(
        facts(&spend()).sha256(),
        "2ddd9906687040b96a77be58573daf705add93563c2c948b921570d07fd942c3"
    );
    assert_eq!(
        facts(&activation()).sha256(),
        "1a7b539587a62ff86433ec456d92637f593597db5904f95e6a8f824457190b38"
    );
}

#[test]
fn the_order_of_fields_and_the_layout_do_not_matter() {
    let pretty = serde_json::to_string_pretty(&spend()).expect("JSON");
    let read = Facts::from_json(&pretty).expect("facts");
    assert_eq!(read.sha256(), facts(&spend()).sha256());
}

/// Every field is needed and no other is there, at every level.
#[test]
fn facts_are_complete_and_have_nothing_else() {
    fn paths(value: &Value, at: &str, into: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    into.push(format!("{at}/{name}"));
                    paths(value, &format!("{at}/{name}"), into);
                }
            }
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    paths(item, &format!("{at}/{number}"), into);
                }
            }
            _ => {}
        }
    }
    for whole in [spend(), activation()] {
        let mut all = Vec::new();
        paths(&whole, "", &mut all);
        assert!(all.len() > 15);
        for path in all {
            let (parent, name) = path.rsplit_once('/').expect("a path");
            let mut missing = whole.clone();
            let fields = missing.pointer_mut(parent).and_then(Value::as_object_mut);
            let fields = fields.expect("a parent");
            let value = fields.remove(name).expect("a field");
            assert!(
                Facts::from_json(&missing.to_string()).is_err(),
                "without {path}"
            );
            let fields = missing.pointer_mut(parent).and_then(Value::as_object_mut);
            fields.expect("a parent").insert(format!("{name}s2"), value);
            assert!(
                Facts::from_json(&missing.to_string()).is_err(),
                "misspelt {path}"
            );
        }
    }
}

#[test]
fn amounts_out_of_range_are_no_facts() {
    for (amount, possible) in [
        (json!(-1), false),
        (json!(0), true),
        (json!(2_100_000_000_000_000_i64), true),
        (json!(2_100_000_000_000_001_i64), false),
        (json!(1.5), false),
        (json!(1.0), false),
        (json!("1"), false),
        (json!(u64::MAX), false),
    ] {
        let mut value = spend();
        value["review"]["amount"] = amount.clone();
        value["review"]["payees"][0]["amount"] = amount.clone();
        assert_eq!(
            Facts::from_json(&value.to_string()).is_ok(),
            possible,
            "{amount}"
        );
    }
}

#[test]
fn every_field_is_there_for_a_rule() {
    let rule = format!("const ID = \"{ID}\";") + "
        fn activate(facts) {
            facts.policy_id == global::ID && facts.network == \"regtest\" && facts.path == \"sos\"
            && facts.height == 100 && facts.median_time_past == 1700000000
            && facts.vault.coins == 1 && facts.vault.sats == 100000000
            && facts.heartbeats[0].party == \"alice\" && facts.heartbeats[0].median_time_past == 1690000000
            && facts.silences[0].quorum == \"council\" && facts.silences[0].members == 5
            && facts.silences[0].heard == 2 && facts.silences[0].fewer_than == 3
            && facts.silences[0].seconds == 2592000
            && facts.alarms[0].party == \"monitor\" && facts.alarms[0].median_time_past == 1699000000
            && facts.ballots[0].quorum == \"council\" && facts.ballots[0].members == 5
            && facts.ballots[0].approve == 3 && facts.ballots[0].reject == 1
            && facts.ballots[0].open_until == 1700000600
        }
        fn review(spend) {
            spend.policy_id == global::ID && spend.network == \"regtest\" && spend.path == \"root\"
            && spend.stage == \"vault\" && spend.transaction == \"spend\"
            && spend.height == 100 && spend.median_time_past == 1700000000
            && spend.balance == 100000000 && spend.amount == 10000000 && spend.change == 89990000
            && spend.fee == 10000 && spend.sat_per_kvb == 5000 && spend.purpose == \"rent\"
            && spend.payees[0].address == \"bcrt1q\" && spend.payees[0].amount == 10000000
        }";
    let rule = Rule::new(&rule);
    for value in [spend(), activation()] {
        let verdict = rule.judge(&facts(&value));
        assert!(verdict.allow, "{verdict:?}");
    }
}

#[test]
fn a_party_with_a_hostile_name_says_nothing_to_a_terminal() {
    let verdict = review(
        "fn review(spend) { #{ allow: false, why: \"\\x1b[31m\\u202e tprv8ZgxMBicQKsPdWn5Xy3\" } }",
    );
    assert!(!verdict.why.contains('\u{1b}') && !verdict.why.contains('\u{202e}'));
    assert!(!verdict.why.contains("tprv8"), "{}", verdict.why);
}

#[test]
fn shipped_rules_come_to_what_their_cases_say() {
    let folder = Path::new("policies/club/rules");
    for name in ["allowance", "rescue"] {
        let text = fs::read_to_string(folder.join(format!("{name}.rhai"))).expect("a rule");
        let cases = fs::read_to_string(folder.join(format!("{name}.cases.toml"))).expect("cases");
        for case in Cases::parse(&cases).expect("cases").cases() {
            assert_eq!(case.check(&Rule::new(&text)), Vec::<String>::new());
            // A rule that always says the opposite fails every case.
            let opposite = format!(
                "fn review(s) {{ {0} }} fn activate(f) {{ {0} }}",
                !case.allow
            );
            assert_ne!(case.check(&Rule::new(&opposite)), Vec::<String>::new());
        }
    }
}

#[test]
fn cases_that_cannot_be_read_say_why() {
    let case = "[[case]]\nname = \"n\"\nallow = true\n";
    for (text, code, why) in [
        (
            "".to_owned(),
            Code::MissingField,
            "line 1, column 1: LS0104: there is no `[[case]]` in it",
        ),
        (
            "# none\ncase = []\n".to_owned(),
            Code::MissingField,
            "line 2, column 10: LS0104: there is no `[[case]]` in it",
        ),
        (
            "case = 3".to_owned(),
            Code::WrongType,
            "line 1, column 8: LS0105: `case` is a whole number, and should be a list of tables",
        ),
        (
            "[[case]".to_owned(),
            Code::Syntax,
            "line 1, column 8: LS0101: this is not TOML",
        ),
        (
            format!("[revew]\n{case}review = {{}}"),
            Code::UnknownField,
            "line 1, column 2: LS0103: the file has no field `revew`; did you mean `review`?",
        ),
        (
            format!("{case}name = \"m\""),
            Code::DuplicateField,
            "line 4, column 1: LS0102: `name` is given twice",
        ),
        (
            "[[case]]\nallow = true".to_owned(),
            Code::MissingField,
            "line 1, column 1: LS0104: case 1 lacks `name`",
        ),
        (
            "[[case]]\nname = \"n\"".to_owned(),
            Code::MissingField,
            "line 1, column 1: LS0104: case 1 lacks `allow`",
        ),
        (
            case.to_owned(),
            Code::FieldConflict,
            "line 1, column 1: LS0113: case 1 has neither `activate` nor `review`",
        ),
        (
            format!("{case}review = {{}}\nactivate = {{}}"),
            Code::FieldConflict,
            "line 1, column 1: LS0113: case 1 has both `activate` and `review`",
        ),
        (
            format!("{case}code = \"LS804\"\nreview = {{}}"),
            Code::WrongWord,
            "line 4, column 8: LS0106: there is no code `LS804`; did you mean `LS0804`",
        ),
        (
            format!("{case}review = {{}}"),
            Code::MissingField,
            "line 4, column 10: LS0104: `review` lacks `policy_id`",
        ),
        (
            format!("{case}review = {{ amuont = 1 }}"),
            Code::UnknownField,
            "line 4, column 12: LS0103: `review` has no field `amuont`; did you mean `amount`?",
        ),
        (
            format!("{case}review = {{ policy_id = \"{}\" }}", ID.to_uppercase()),
            Code::WrongType,
            "line 4, column 24: LS0105: `000000",
        ),
        (
            format!("{case}becuase = 1\nreview = {{}}"),
            Code::UnknownField,
            "line 4, column 1: LS0103: case 1 has no field `becuase`",
        ),
        (
            format!("{case}review = {{}} # \u{202e}"),
            Code::InvisibleCharacter,
            "line 4, column 15: LS0204: the text has an invisible",
        ),
    ] {
        let error = Cases::parse(&text).expect_err(&text);
        let mut codes = error.diagnostics().iter().map(Diagnostic::code);
        assert!(codes.any(|found| found == code), "{text}: {error}");
        let told = error.to_string();
        assert!(told.contains(why), "{text}: {told}");
    }
}

/// One mistake hides no other, and what cases have in common is told once.
#[test]
fn all_problems_of_cases_are_told_together() {
    let text = "\
[review]
network = \"regtset\"
height = -1
fee = 2_100_000_000_000_001

[[case]]
nam = \"first\"
allow = \"yes\"
review = { payees = [{ adress = \"x\", amount = 1 }, 3], sat_per_kvb = 4_294_967_296 }

[[case]]
name = \"second\"
why = 3
activate = { vault = { coins = 1.5 }, alarms = 3 }
";
    let error = Cases::parse(text).expect_err(text).to_string();
    let starts = error.lines().map(|line| line.split(" LS").next());
    let starts: Vec<&str> = starts.flatten().collect();
    assert_eq!(
        starts,
        [
            // What the common facts lack, with the first case.
            "line 1, column 1:",
            "line 2, column 11:",
            "line 3, column 10:",
            "line 4, column 7:",
            // No name, and a field that is unknown, and one of another type.
            "line 6, column 1:",
            "line 7, column 1:",
            "line 8, column 9:",
            // A payee without an address, the misspelt one, no payee, and too high a feerate.
            "line 9, column 22:",
            "line 9, column 24:",
            "line 9, column 52:",
            "line 9, column 70:",
            // The second case.
            "line 11, column 1:",
            "line 13, column 7:",
            "line 14, column 12:",
            "line 14, column 22:",
            "line 14, column 32:",
            "line 14, column 48:",
        ],
        "{error}"
    );
    assert!(error.contains("did you mean `regtest`?"), "{error}");
    assert!(error.contains("did you mean `address`?"), "{error}");
    assert!(
        error.contains("write 0 to 2100000000000000 satoshis"),
        "{error}"
    );
    assert!(error.contains("write 0 to 4294967295"), "{error}");
}

/// A private key in cases is told of, and not shown.
#[test]
fn a_private_key_in_cases_is_not_repeated() {
    let secret = "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA";
    let text = format!("# {secret}\n[[case]]\nname = \"{secret}\"\nallow = true\nreview = {{}}");
    let error = Cases::parse(&text).expect_err("a secret");
    let mut codes = error.diagnostics().iter().map(Diagnostic::code);
    assert_eq!(
        codes
            .by_ref()
            .filter(|code| *code == Code::PrivateKey)
            .count(),
        2
    );
    assert!(!error.to_string().contains(secret), "{error}");
    assert!(!error.text().contains(secret), "{}", error.text());
}

/// Cases are read by other code than facts in JSON, because they are told with all their problems.
/// The two take the same facts, and refuse the same.
#[test]
fn facts_of_cases_are_those_of_json() {
    fn places(value: &Value, at: &str, into: &mut Vec<String>) {
        let mut inner = |key: &str, value: &Value| {
            let path = format!("{at}/{key}");
            into.push(path.clone());
            places(value, &path, into);
        };
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| inner(name, value)),
            Value::Array(items) => (0..).zip(items).for_each(|(number, item)| {
                let number: usize = number;
                inner(&number.to_string(), item);
            }),
            _ => {}
        }
    }
    let cases = |facts: &Value| {
        let mut case = json!({ "name": "n", "allow": true });
        let (question, asked) = facts
            .as_object()
            .and_then(|all| all.iter().next())
            .expect("one");
        case[question] = asked.clone();
        Cases::parse(&toml::to_string(&json!({ "case": [case] })).expect("TOML"))
    };
    let others = [
        json!("x"),
        json!(""),
        json!("vault"),
        json!("regtest"),
        json!(ID),
        json!(true),
        json!(1.5),
        json!(-1),
        json!(0),
        json!(4_294_967_295_u32),
        json!(4_294_967_296_u64),
        json!(2_100_000_000_000_000_u64),
        json!(2_100_000_000_000_001_u64),
        json!([]),
        json!({}),
    ];
    for whole in [spend(), activation()] {
        let mut paths = Vec::new();
        places(&whole, "", &mut paths);
        assert!(paths.len() > 15);
        let mut tried = vec![whole.clone()];
        for path in paths.iter().filter(|path| path.matches('/').count() > 1) {
            for other in &others {
                let mut changed = whole.clone();
                *changed.pointer_mut(path).expect("a place") = other.clone();
                tried.push(changed);
            }
        }
        let mut right = 0;
        for facts in tried {
            match (Facts::from_json(&facts.to_string()), cases(&facts)) {
                (Ok(told), Ok(cases)) => {
                    right += 1;
                    assert_eq!(cases.cases()[0].facts, told);
                }
                (Err(_), Err(_)) => {}
                (json, toml) => panic!("{facts}: {json:?}, but {toml:?}"),
            }
        }
        assert!(right > 20, "{right}");
    }
}
