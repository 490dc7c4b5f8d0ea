//! A vault of the policy `guild`, whose transactions have version 2: stuck at the lowest rung, taken
//! up by going on, vetoed at a rung of its own, and back in the vault.

use serde_json::{Value, json};

use super::runs::Desk;

const GUILD: &str = include_str!("../../policies/guild/policy.toml");
const DEPOSIT: u64 = 1_000_000;

/// The rung, and where the feerate comes from.
fn chosen(plan: &Value) -> (&Value, &Value) {
    (&plan["feerate"]["rung"], &plan["feerate"]["from"])
}

#[test]
fn a_guild_goes_up_the_rungs_and_back_into_its_vault() {
    let hall = Desk::with(GUILD, &["alice", "bob", "carol", "gina", "hal"]);
    let address = hall.ok("vault address vault --force");
    let address = address["address"].as_str().expect("an address").to_owned();
    hall.ok(&format!(
        "chain mine chain --blocks 6 --pay {address}:{DEPOSIT}"
    ));
    hall.ok("arm start policy.toml --vault vault --path sos --output round");
    let sign = |party: &str| {
        let key = Desk::key(party);
        hall.ok(&format!("arm sign policy.toml round --vault vault {key}"))
    };
    sign("alice");
    assert_eq!(sign("bob")["state"], "protected");
    for party in ["alice", "bob", "gina", "hal"] {
        hall.ok(&format!(
            "arm acknowledge policy.toml round --party {party} --vault vault"
        ));
    }
    sign("alice");
    assert_eq!(sign("bob")["state"], "armed");

    // Nobody has asked the miners for anything: there is no estimate, and the lowest rung is taken.
    let coin = hall.coin_in("vault");
    let trigger = format!("sos trigger vault --coin {coin} --path sos");
    let plan = hall.ok(&format!("{trigger} --dry-run"));
    assert_eq!(chosen(&plan), (&json!(1), &json!("no-estimate")));
    let typed = plan["confirmation"].as_str().expect("a text").to_owned();
    let begun = format!("{trigger} {} --confirm {typed}", Desk::key("gina"));
    let (_, said) = hall.says(&begun, 6);
    assert!(
        said.contains("has no estimate; that is rung 1 of 3"),
        "{said}"
    );
    let resume = |party: &str| format!("sos resume vault {}", Desk::key(party));
    let sent = hall.ok(&resume("hal"));
    assert_eq!(sent["operations"][0]["phase"], "seen");
    let low = sent["operations"][0]["txid"].clone();

    // Miners ask for more, and it is stuck.  What going on would do is shown, and not done.
    let mined = hall.ok("chain mine chain --blocks 2 --feerate 15");
    assert_eq!(mined["mined"][1]["confirmed"], json!([]));
    for _ in 0..2 {
        let shown = hall.ok("sos resume vault --dry-run");
        let operations = shown["operations"].as_array().expect("operations");
        assert_eq!(operations.len(), 1);
        let would = operations[0]["would"].as_str().expect("it is said");
        assert!(
            would.ends_with("in its place, which pays 20 sat/vB"),
            "{would}"
        );
        assert_eq!(operations[0]["feerate"]["sat_per_vb"], "15");
    }

    // Going on begins the next rung, which agents sign anew; the lower one waits until they have.
    let (raised, said) = hall.says(&resume("gina"), 6);
    assert!(said.contains("waits at 2 sat/vB"), "{said}");
    assert!(said.contains("takes its place, at 20 sat/vB"), "{said}");
    let operations = raised["operations"].as_array().expect("operations");
    assert_eq!(operations.len(), 2);
    assert_eq!(operations[0]["txid"], low);
    assert_eq!(operations[0]["phase"], "seen");
    assert_eq!(operations[1]["wanted"][0]["signed"], json!(["gina"]));
    assert_eq!(operations[1]["approved"], true);
    let sent = hall.ok(&resume("hal"));
    assert_eq!(sent["operations"][0]["phase"], "rivalled");
    assert_eq!(sent["operations"][1]["phase"], "seen");
    let high = sent["operations"][1]["txid"].clone();
    let mined = hall.ok("chain mine chain");
    assert_eq!(mined["mined"][0]["confirmed"], json!([high]));

    // A veto on the rung that the estimate asks for, and the cancel that it leads to.
    let escrow = hall.coin_in("escrow");
    let veto = format!("sos veto vault --coin {escrow}");
    hall.ends(&format!("{veto} {}", Desk::key("alice")), 6);
    hall.ok(&format!("{veto} {}", Desk::key("carol")));
    let cancel = format!("sos cancel vault --coin {escrow}");
    let plan = hall.ok(&format!("{cancel} --dry-run"));
    assert_eq!(chosen(&plan), (&json!(2), &json!("estimate")));
    assert_eq!(plan["joins"], true);
    let fee = plan["fee_sats"].as_u64().expect("a fee");
    let typed = plan["confirmation"].as_str().expect("a text").to_owned();
    hall.ok(&format!("{cancel} --confirm {typed}"));
    hall.ok("chain mine chain --blocks 6");
    let (_, sats) = hall.worth_in("vault");
    assert!(sats < DEPOSIT - fee && sats > DEPOSIT - 4 * fee, "{sats}");
    let done = hall.ok("sos resume vault");
    let phases = done["operations"].as_array().expect("operations").iter();
    let phases: Vec<&Value> = phases.map(|one| &one["phase"]).collect();
    assert_eq!(phases, ["replaced", "buried", "buried"]);
}
