//! The JSON Schema of an incident, for editors that complete and check a file as it is typed.
//!
//! A schema sees one value at a time: that a coin was deposited, that a party is in the policy and
//! that a step is possible is said by the rehearsal alone.

use serde_json::{Map, Value as Json, json};

use super::Word;
use super::scenario::Saying;
use crate::policy::Domain;

/// A duration as the policy language has it.
const DURATION: &str = r"^\s*[0-9]+\s*(blocks?|minutes?|hours?|days?|weeks?)\s*$";

/// An amount with its unit.
const AMOUNT: &str = r"^([0-9]+\.?[0-9]*|\.[0-9]+) ?[A-Za-zµ]+$";

/// What an event can say besides what happens.
const REMARKS: [&str; 2] = ["note", "refused"];

/// The JSON Schema (draft-07) of an incident in TOML.
#[must_use]
pub fn incident_schema() -> Json {
    let mut schema = table(
        "An incident: what happens to the coins of a policy, and what is expected of it.",
        &[
            ("incident", head()),
            (
                "event",
                json!({ "type": "array", "items": event(), "description": "What happens, in this order." }),
            ),
            ("expect", expect("What is expected at the end.")),
        ],
        &["incident"],
    );
    if let Json::Object(schema) = &mut schema {
        schema.insert(
            "$schema".to_owned(),
            json!("http://json-schema.org/draft-07/schema#"),
        );
        schema.insert("title".to_owned(), json!("Longstop incident"));
    }
    schema
}

fn head() -> Json {
    table(
        "What the incident is.",
        &[
            ("name", text("Its name.")),
            ("about", text("What it is about, in a sentence.")),
            (
                "policy",
                with_default(
                    text("The policy file, relative to this one."),
                    json!("../policy.toml"),
                ),
            ),
            (
                "seed",
                with_default(
                    count(
                        "The number from which all stand-in keys are computed.",
                        u64::MAX,
                    ),
                    json!(0),
                ),
            ),
            ("start", date("When the chain starts.")),
            (
                "fee_coins",
                with_default(
                    count(
                        "How many confirmed coins each fee wallet has at the start.",
                        u64::from(u32::MAX),
                    ),
                    json!(4),
                ),
            ),
        ],
        &["name", "about", "start"],
    )
}

/// An event says one thing, or is a note.
fn event() -> Json {
    let step = |about: &str| step(about, true);
    let mut fields = vec![
        ("note", text("What is said of it.")),
        (
            "refused",
            text("The class of the refusal, where the step is expected to be refused."),
        ),
        ("deposit", deposit()),
        ("arm", step("Root signs in advance.")),
        ("lose", names("Parties whose keys are lost.")),
        (
            "lose_files",
            names("Coins whose pre-signed files are lost, every copy."),
        ),
        ("compromise", names("Parties whose keys a thief has too.")),
        ("seize", seize()),
        ("veto", veto()),
        ("attempt", attempt()),
        ("child", child()),
        ("heartbeat", say("Parties give a sign of life.")),
        (
            "attest",
            say("Parties attest what the policy says of their custody."),
        ),
        ("alarm", say("Parties raise the alarm.")),
        ("withdraw", say("Parties withdraw their alarms.")),
        ("propose", say("Somebody proposes a case.")),
        ("vote", say("Parties vote on a case.")),
        ("activate", say("Parties activate a case.")),
        ("decide", say("Parties say how a case ended.")),
        ("forge", forge()),
        ("fork", fork()),
        (
            "mine",
            count("So many blocks are mined.", u64::from(u32::MAX)),
        ),
        (
            "wait",
            pattern(
                "As many blocks are mined as are expected in this time.",
                DURATION,
            ),
        ),
        (
            "until",
            date("Blocks are mined until the clock shows this."),
        ),
        ("reorg", reorg()),
        (
            "fees",
            text(
                "From now on it takes this feerate, such as `25 sat/vB`, to be relayed and mined.",
            ),
        ),
        ("expect", expect("How it must be by now.")),
    ];
    for word in Word::ALL {
        fields.push((word.as_str(), step(about(word))));
    }
    let said = |names: &[&str]| json!({ "required": names });
    let happenings = fields.iter().map(|(name, _)| *name);
    let happenings = happenings.filter(|name| !REMARKS.contains(name));
    let mut one_of: Vec<Json> = happenings.clone().map(|name| said(&[name])).collect();
    let any: Vec<Json> = one_of.clone();
    one_of.push(json!({ "required": ["note"], "not": { "anyOf": any } }));
    let mut event = table("One thing that happens.", &fields, &[]);
    if let Json::Object(event) = &mut event {
        event.insert("oneOf".to_owned(), json!(one_of));
    }
    event
}

const fn about(word: Word) -> &'static str {
    match word {
        Word::Trigger => "Vault to escrow, on the staged path `path`.",
        Word::Cancel => "Escrow to vault, by veto.",
        Word::Settle => "Escrow to lock-up, or to payees.",
        Word::Release => "Lock-up to payee `to`, everything.",
        Word::Clawback => "Lock-up to vault, by root.",
        Word::Override => "Escrow to vault, by root.",
        Word::Refresh => "Vault to vault, by root.",
        Word::Spend => "Vault to payees, by root.",
        Word::Recover => {
            "Vault to payee `to` by the direct path `path`, or escrow to one by its backstop."
        }
    }
}

fn deposit() -> Json {
    table(
        "Somebody pays to the next address of the vault.",
        &[
            (
                "coin",
                text("A name by which later events follow the money."),
            ),
            ("amount", pattern("How much.", AMOUNT)),
        ],
        &["coin", "amount"],
    )
}

/// A step of the protocol; `coin` or `coins` says of what, and `to` or `pay` to whom.
fn step(about: &str, is_sent: bool) -> Json {
    let mut fields = step_fields();
    if is_sent {
        fields.push((
            "broadcaster",
            text("Who broadcasts, and pays for a fee child."),
        ));
        fields.push((
            "unconfirmed",
            with_default(flag("Leave the transaction in the mempool."), json!(false)),
        ));
        fields.push((
            "bare",
            with_default(
                flag("Send it without a fee child, whatever it pays."),
                json!(false),
            ),
        ));
        fields.push((
            "replace",
            with_default(
                flag("Spend the coin as the last block has it, in place of what waits in the mempool."),
                json!(false),
            ),
        ));
        fields.push((
            "regardless",
            with_default(
                flag("Go ahead whatever has been said of the case."),
                json!(false),
            ),
        ));
    }
    one_coin(table(about, &fields, &[]))
}

/// Somebody spends an anchor.
fn child() -> Json {
    table(
        "Somebody spends the anchor of what waits in the mempool, past all our own checks.",
        &[
            ("coin", text("The coin whose last move waits.")),
            (
                "by",
                text("The party whose fee wallet pays; left out, somebody outside the policy."),
            ),
            ("fee", pattern("What the child pays.", AMOUNT)),
            (
                "vbytes",
                count("How many vbytes it has at least.", u64::from(u32::MAX)),
            ),
            ("version", with_default(count("Its version.", 3), json!(3))),
        ],
        &["coin", "fee"],
    )
}

/// A veto of a coin's trigger, or of a case.
fn veto() -> Json {
    let of_a_case = [
        ("case", text("The name of a case.")),
        ("why", text("Why.")),
        (
            "expires",
            pattern("After how long it counts no more.", DURATION),
        ),
    ];
    let of_a_coin = [
        (
            "broadcaster",
            text("Who broadcasts, and pays for a fee child."),
        ),
        (
            "unconfirmed",
            with_default(flag("Leave the transaction in the mempool."), json!(false)),
        ),
    ];
    let mut fields = step_fields();
    fields.extend(of_a_case);
    fields.extend(of_a_coin);
    let none_of = |names: &[&str]| {
        let each: Vec<Json> = names
            .iter()
            .map(|name| json!({ "required": [name] }))
            .collect();
        json!({ "anyOf": each })
    };
    let only_coins = none_of(&[
        "coin",
        "coins",
        "broadcaster",
        "to",
        "amount",
        "pay",
        "unconfirmed",
    ]);
    let only_cases = none_of(&["why", "expires"]);
    let mut veto = one_coin(table(
        "Veto holders sign the cancel, and nothing is sent; or they sign that they object to a case.",
        &fields,
        &[],
    ));
    if let Json::Object(veto) = &mut veto {
        let one = [
            json!({ "required": ["case"], "not": only_coins }),
            json!({ "required": ["coin"], "not": only_cases }),
            json!({ "required": ["coins"], "not": only_cases }),
        ];
        veto.insert("oneOf".to_owned(), json!(one));
    }
    veto
}

/// Something that parties sign about cases.
fn say(about: &str) -> Json {
    let mut fields = say_fields();
    fields.push((
        "expires",
        pattern("After how long it counts no more.", DURATION),
    ));
    table(about, &fields, &[])
}

fn say_fields() -> Vec<(&'static str, Json)> {
    let outcomes = ["completed", "abandoned"];
    vec![
        ("by", names("Who says it.")),
        (
            "case",
            text("The name of a case: given where it is proposed, and used from then on."),
        ),
        ("path", text("The path.")),
        ("why", text("Why.")),
        ("approve", flag("Whether it is a vote for it.")),
        (
            "outcome",
            json!({ "enum": outcomes, "description": "How the case ended." }),
        ),
    ]
}

fn forge() -> Json {
    let mut fields = say_fields();
    fields.push(("say", what_is_said()));
    fields.push(("as", text("In whose name.")));
    table(
        "Something is signed with the key of somebody else.",
        &fields,
        &["say", "as"],
    )
}

fn fork() -> Json {
    let mut fields = say_fields();
    fields.push(("say", what_is_said()));
    table(
        "A second story beside the last thing that somebody said.",
        &fields,
        &["say"],
    )
}

fn what_is_said() -> Json {
    let words: Vec<&str> = Saying::ALL.iter().map(|saying| saying.as_str()).collect();
    json!({ "enum": words, "description": "What is said." })
}

fn step_fields() -> Vec<(&'static str, Json)> {
    let payee = table(
        "Somebody outside the policy.",
        &[
            ("to", text("Who is paid.")),
            ("amount", pattern("How much.", AMOUNT)),
        ],
        &["to", "amount"],
    );
    vec![
        ("coin", text("The name of a coin, wherever it is by now.")),
        (
            "coins",
            json!({ "type": "array", "items": { "type": "string" }, "minItems": 1, "description": "Several coins." }),
        ),
        ("path", text("The path.")),
        (
            "by",
            names("Who signs; otherwise everybody in the quorum who still can."),
        ),
        ("to", text("Who is paid.")),
        ("amount", pattern("How much.", AMOUNT)),
        (
            "pay",
            json!({ "type": "array", "items": payee, "description": "Several payees." }),
        ),
    ]
}

/// Just one of `coin` and `coins`, at most one of `to` and `pay`, and no amount for nobody.
fn one_coin(mut step: Json) -> Json {
    if let Json::Object(step) = &mut step {
        let one = [
            json!({ "required": ["coin"] }),
            json!({ "required": ["coins"] }),
        ];
        step.insert("oneOf".to_owned(), json!(one));
        step.insert("not".to_owned(), json!({ "required": ["to", "pay"] }));
        step.insert("dependencies".to_owned(), json!({ "amount": ["to"] }));
    }
    step
}

fn attempt() -> Json {
    let words: Vec<&str> = Word::ALL.iter().map(|word| word.as_str()).collect();
    let defects = [
        "too-early",
        "missing-signature",
        "redirected",
        "sequence-lowered",
    ];
    let mut fields = step_fields();
    fields.push(("step", json!({ "enum": words, "description": "The step." })));
    fields.push((
        "defect",
        json!({ "enum": defects, "description": "The one thing that is wrong with it." }),
    ));
    one_coin(table(
        "A defective transaction is handed to the chain past all our own checks.",
        &fields,
        &["step", "defect"],
    ))
}

fn seize() -> Json {
    let domains: Vec<&str> = Domain::ALL.iter().map(|(word, _)| *word).collect();
    let effect =
        json!({ "enum": ["lose", "compromise"], "description": "What becomes of the keys." });
    table(
        "Something happens to all who share a custody fact.",
        &[
            (
                "domain",
                json!({ "enum": domains, "description": "Which fact." }),
            ),
            ("value", text("Its value.")),
            ("effect", with_default(effect, json!("lose"))),
            (
                "also",
                names("Parties who were there although the policy says otherwise."),
            ),
        ],
        &["domain", "value"],
    )
}

fn reorg() -> Json {
    let forget = flag("Nobody remembers the transactions of the replaced blocks.");
    table(
        "The last blocks are replaced by others.",
        &[
            ("depth", count("How many blocks.", u64::from(u32::MAX))),
            ("forget", with_default(forget, json!(false))),
        ],
        &["depth"],
    )
}

fn expect(about: &str) -> Json {
    let place = r"^(vault|gone|escrow of .*|lock-up of .*)$";
    let amount = AMOUNT.trim_start_matches('^');
    let holding = format!(
        "^(nothing|((at least|at most) )?{})$",
        amount.trim_end_matches('$')
    );
    let each = |about: &str, pattern: &str| {
        json!({
            "type": "object",
            "description": about,
            "additionalProperties": { "type": "string", "pattern": pattern },
        })
    };
    table(
        about,
        &[
            ("coins", each("Where coins are.", place)),
            ("holds", each("What payees hold.", &holding)),
            ("cases", each("How far cases are.", ".")),
            (
                "missing",
                json!({
                    "type": "object",
                    "description": "Whose word is missing for the activation of cases.",
                    "additionalProperties": { "type": "array", "items": { "type": "string" } },
                }),
            ),
            ("forks", names("Who has told two stories.")),
        ],
        &[],
    )
}

fn table(about: &str, fields: &[(&str, Json)], required: &[&str]) -> Json {
    let fields = fields.iter();
    let properties: Map<String, Json> = fields
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    let mut table = json!({
        "type": "object",
        "description": about,
        "properties": properties,
        "additionalProperties": false,
    });
    if let (Json::Object(table), false) = (&mut table, required.is_empty()) {
        table.insert("required".to_owned(), json!(required));
    }
    table
}

fn text(about: &str) -> Json {
    json!({ "type": "string", "description": about })
}

fn names(about: &str) -> Json {
    json!({ "type": "array", "items": { "type": "string" }, "description": about })
}

fn flag(about: &str) -> Json {
    json!({ "type": "boolean", "description": about })
}

fn count(about: &str, most: u64) -> Json {
    json!({ "type": "integer", "minimum": 0, "maximum": most, "description": about })
}

fn pattern(about: &str, pattern: &str) -> Json {
    json!({ "type": "string", "pattern": pattern, "description": about })
}

/// A moment as RFC 3339 writes it.
fn date(about: &str) -> Json {
    pattern(
        about,
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
    )
}

fn with_default(mut schema: Json, default: Json) -> Json {
    if let Json::Object(schema) = &mut schema {
        schema.insert("default".to_owned(), default);
    }
    schema
}

#[cfg(test)]
mod tests;
