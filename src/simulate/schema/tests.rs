//! The schema says what the reader says.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::incident_schema;
use crate::simulate::Scenario;
use crate::simulate::scenario::document::{
    AttemptDocument, ChildDocument, DepositDocument, EventDocument, ExpectDocument, ForgeDocument,
    ForkDocument, Head, PayDocument, ReorgDocument, SayDocument, SeizeDocument, StepDocument,
    VetoDocument,
};

/// A TOML document as an editor hands it to a schema.
fn json_of(text: &str) -> Json {
    let table: toml::Table = text.parse().expect("TOML");
    serde_json::to_value(table).expect("TOML is JSON but for dates")
}

fn is_valid(text: &str) -> bool {
    let validator = jsonschema::draft7::new(&incident_schema()).expect("it is a schema");
    validator.is_valid(&json_of(text))
}

/// What the reader lists when it is given a field that it does not know.
fn fields<T: DeserializeOwned>() -> BTreeSet<String> {
    let error = match toml::from_str::<T>("no-such-field = 1") {
        Ok(_) => panic!("the reader takes any field"),
        Err(error) => error.message().to_owned(),
    };
    let (_, listed) = error.split_once("expected").expect("it says what there is");
    let words = listed.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

fn properties(of: &Json) -> BTreeSet<String> {
    let properties = of["properties"].as_object().expect("it is a table");
    properties.keys().cloned().collect()
}

#[test]
fn the_schema_knows_every_field_of_the_reader_and_no_other() {
    let schema = incident_schema();
    assert!(jsonschema::meta::is_valid(&schema));
    let of = |name: &str| schema["properties"]["event"]["items"]["properties"][name].clone();
    assert_eq!(
        properties(&schema["properties"]["incident"]),
        fields::<Head>()
    );
    assert_eq!(
        properties(&schema["properties"]["expect"]),
        fields::<ExpectDocument>()
    );
    // `override` is a word of Rust, and of the file.
    assert_eq!(
        properties(&schema["properties"]["event"]["items"]),
        fields::<EventDocument>()
    );
    assert_eq!(properties(&of("deposit")), fields::<DepositDocument>());
    assert_eq!(properties(&of("seize")), fields::<SeizeDocument>());
    assert_eq!(properties(&of("reorg")), fields::<ReorgDocument>());
    assert_eq!(properties(&of("attempt")), fields::<AttemptDocument>());
    assert_eq!(properties(&of("child")), fields::<ChildDocument>());
    assert_eq!(properties(&of("expect")), fields::<ExpectDocument>());
    assert_eq!(properties(&of("veto")), fields::<VetoDocument>());
    assert_eq!(properties(&of("forge")), fields::<ForgeDocument>());
    assert_eq!(properties(&of("fork")), fields::<ForkDocument>());
    for say in ["heartbeat", "attest", "propose", "decide"] {
        assert_eq!(properties(&of(say)), fields::<SayDocument>(), "{say}");
    }
    for step in ["arm", "override", "spend"] {
        assert_eq!(properties(&of(step)), fields::<StepDocument>(), "{step}");
    }
    let pay = &of("spend")["properties"]["pay"]["items"];
    assert_eq!(properties(pay), fields::<PayDocument>());
}

/// A head, with something after it.
fn incident(rest: &str) -> String {
    format!("[incident]\nname = \"a\"\nabout = \"b\"\nstart = \"2021-03-01T00:00:00Z\"\n{rest}\n")
}

/// What may stand after the head, and whether it is an incident: the reader and the schema say
/// the same.
#[test]
fn the_schema_and_the_reader_agree() {
    for (rest, is_one) in [
        ("", true),
        ("seed = 7\nfee_coins = 0", true),
        ("seed = -1", false),
        ("seed = \"7\"", false),
        ("speed = 7", false),
        ("[[event]]\nnote = \"nothing happens\"", true),
        ("[[event]]", false),
        ("[[event]]\nrefused = \"not-due\"", false),
        ("[[event]]\nmine = 6\nnote = \"a day\"", true),
        ("[[event]]\nmine = 6\nwait = \"1 day\"", false),
        ("[[event]]\nmine = -6", false),
        ("[[event]]\nwait = \"2 weeks\"", true),
        ("[[event]]\nwait = \"soon\"", false),
        ("[[event]]\nuntil = \"2021-04-01T12:00:00+01:00\"", true),
        ("[[event]]\nuntil = \"2021-04-01\"", false),
        (
            "[[event]]\ndeposit = { coin = \"c\", amount = \"2.5 BTC\" }",
            true,
        ),
        (
            "[[event]]\ndeposit = { coin = \"c\", amount = \"5000 sat\" }",
            true,
        ),
        (
            "[[event]]\ndeposit = { coin = \"c\", amount = \"5000\" }",
            false,
        ),
        ("[[event]]\ndeposit = { coin = \"c\" }", false),
        ("[[event]]\nlose = [\"carol\"]", true),
        ("[[event]]\nlose = \"carol\"", false),
        (
            "[[event]]\nspend = { coin = \"c\", to = \"shop\", amount = \"1 BTC\" }",
            true,
        ),
        (
            "[[event]]\nspend = { coin = \"c\", amount = \"1 BTC\" }",
            false,
        ),
        (
            "[[event]]\nspend = { coin = \"c\", coins = [\"d\"] }",
            false,
        ),
        ("[[event]]\nspend = { to = \"shop\" }", false),
        (
            "[[event]]\nrefresh = { coins = [\"c\", \"d\"], unconfirmed = true }",
            true,
        ),
        ("[[event]]\nrefresh = { coins = [] }", false),
        (
            "[[event]]\nspend = { coin = \"c\", to = \"x\", pay = [] }",
            false,
        ),
        (
            "[[event]]\nspend = { coin = \"c\", pay = [{ to = \"x\" }] }",
            false,
        ),
        (
            "[[event]]\nattempt = { step = \"settle\", defect = \"too-early\", coin = \"c\" }",
            true,
        ),
        (
            "[[event]]\nchild = { coin = \"c\", by = \"gina\", fee = \"16 sat\", vbytes = 1000, version = 2 }",
            true,
        ),
        ("[[event]]\nchild = { coin = \"c\" }", false),
        ("[[event]]\nchild = { coin = \"c\", fee = \"16\" }", false),
        (
            "[[event]]\nchild = { coin = \"c\", fee = \"16 sat\", path = \"sos\" }",
            false,
        ),
        (
            "[[event]]\ntrigger = { coin = \"c\", path = \"sos\", bare = true, replace = true }",
            true,
        ),
        (
            "[[event]]\nattempt = { step = \"steal\", defect = \"too-early\", coin = \"c\" }",
            false,
        ),
        (
            "[[event]]\nattempt = { step = \"settle\", defect = \"late\", coin = \"c\" }",
            false,
        ),
        (
            "[[event]]\nattempt = { step = \"settle\", defect = \"redirected\", coin = \"c\", unconfirmed = true }",
            false,
        ),
        (
            "[[event]]\nseize = { domain = \"cloud\", value = \"nimbus\", effect = \"compromise\" }",
            true,
        ),
        (
            "[[event]]\nseize = { domain = \"colour\", value = \"red\" }",
            false,
        ),
        (
            "[[event]]\nseize = { domain = \"cloud\", value = \"n\", effect = \"burn\" }",
            false,
        ),
        ("[[event]]\nreorg = { depth = 2, forget = true }", true),
        ("[[event]]\nreorg = { forget = true }", false),
        (
            "[expect]\ncoins = { c = \"escrow of sos\", d = \"gone\" }",
            true,
        ),
        ("[expect]\ncoins = { c = \"nowhere\" }", false),
        (
            "[expect]\nholds = { shop = \"at least 2 BTC\", thief = \"nothing\" }",
            true,
        ),
        ("[expect]\nholds = { shop = \"much\" }", false),
        ("[outcome]", false),
    ] {
        let text = incident(rest);
        assert_eq!(Scenario::parse(&text).is_ok(), is_one, "the reader: {rest}");
        assert_eq!(is_valid(&text), is_one, "the schema: {rest}");
    }
}
