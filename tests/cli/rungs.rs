//! A vault of the policy `guild`, whose transactions have version 2: stuck at the lowest rung, taken
//! up by going on, vetoed at a rung of its own, and back in the vault.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use bitcoin::NetworkKind;
use longstop::identity::{Passphrase, Work};
use longstop::signer::{Seed, SoftwareSigner};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{code, json as read, text};

const GUILD: &str = include_str!("../../policies/guild/policy.toml");
const PASSPHRASE: &str = "correct horse battery";
const DEPOSIT: u64 = 1_000_000;

/// A folder with a vault of the guild, a chain, and the seeds of everybody.
struct Hall {
    folder: TempDir,
}

impl Hall {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let hall = Self {
            folder: folder.expect("a folder"),
        };
        hall.keep("policy.toml", GUILD);
        hall.keep("passphrase", PASSPHRASE);
        for party in ["alice", "bob", "carol", "gina", "hal"] {
            let secret = SoftwareSigner::stand_in_secret(0, party);
            let seed = Seed::new(party, NetworkKind::Test, &secret).expect("a name");
            let passphrase = Passphrase::of(PASSPHRASE.to_owned().into());
            let file = seed.encrypt(&passphrase, Work::ForTests);
            hall.keep(&format!("{party}.seed"), &file.expect("random numbers"));
        }
        hall.ok("vault create vault policy.toml");
        hall
    }

    /// Writes what nobody else may read.
    fn keep(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::Permissions::from_mode(0o600);
            fs::set_permissions(&path, mode).expect("its mode can be set");
        }
    }

    /// Runs a command; what stands behind ` --confirm ` is one argument.
    fn run(&self, line: &str) -> Output {
        let (words, confirm) = match line.split_once(" --confirm ") {
            Some((words, confirm)) => (words, vec!["--confirm", confirm]),
            None => (line, Vec::new()),
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_longstop"));
        command
            .args(words.split_whitespace())
            .args(confirm)
            .arg("--json")
            .current_dir(self.folder.path())
            .env("LONGSTOP_STATE", self.folder.path().join("state"))
            .env("LONGSTOP_BACKEND", "embedded:chain")
            .stdin(Stdio::null());
        command.output().expect("the program runs")
    }

    /// What a command that ends with this code shows, and what it says beside that.
    #[track_caller]
    fn says(&self, line: &str, expected: i32) -> (Value, String) {
        let output = self.run(line);
        let said = text(&output.stderr);
        let shown = text(&output.stdout);
        assert_eq!(code(&output), expected, "{line}: {said}{shown}");
        (read(&output), said)
    }

    #[track_caller]
    fn ends(&self, line: &str, expected: i32) -> Value {
        self.says(line, expected).0
    }

    #[track_caller]
    fn ok(&self, line: &str) -> Value {
        self.ends(line, 0)
    }

    /// The only coin in a stage that nothing spends, with what it is worth.
    #[track_caller]
    fn coin_in(&self, stage: &str) -> (String, u64) {
        let coins = self.ok("vault coins vault");
        let coins = coins["coins"].as_array().expect("coins").clone();
        let found = coins.iter();
        let found: Vec<&Value> = found
            .filter(|coin| coin["stage"] == stage && coin["standing"] == "unspent")
            .collect();
        assert_eq!(found.len(), 1, "{coins:?}");
        let outpoint = found[0]["outpoint"].as_str().expect("one").to_owned();
        (outpoint, found[0]["sats"].as_u64().expect("an amount"))
    }
}

fn key(party: &str) -> String {
    format!("--key {party}.seed --passphrase-file passphrase")
}

/// The rung, and where the feerate comes from.
fn chosen(plan: &Value) -> (&Value, &Value) {
    (&plan["feerate"]["rung"], &plan["feerate"]["from"])
}

#[test]
fn a_guild_goes_up_the_rungs_and_back_into_its_vault() {
    let hall = Hall::new();
    let address = hall.ok("vault address vault --force");
    let address = address["address"].as_str().expect("an address").to_owned();
    hall.ok(&format!(
        "chain mine chain --blocks 6 --pay {address}:{DEPOSIT}"
    ));
    hall.ok("arm start policy.toml --vault vault --path sos --output round");
    let sign = |party: &str| {
        let key = key(party);
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
    let (coin, _) = hall.coin_in("vault");
    let trigger = format!("sos trigger vault --coin {coin} --path sos");
    let plan = hall.ok(&format!("{trigger} --dry-run"));
    assert_eq!(chosen(&plan), (&json!(1), &json!("no-estimate")));
    let typed = plan["confirmation"].as_str().expect("a text").to_owned();
    let begun = format!("{trigger} {} --confirm {typed}", key("gina"));
    let (_, said) = hall.says(&begun, 6);
    assert!(
        said.contains("has no estimate; that is rung 1 of 3"),
        "{said}"
    );
    let resume = |party: &str| format!("sos resume vault {}", key(party));
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
    let (escrow, _) = hall.coin_in("escrow");
    let veto = format!("sos veto vault --coin {escrow}");
    hall.ends(&format!("{veto} {}", key("alice")), 6);
    hall.ok(&format!("{veto} {}", key("carol")));
    let cancel = format!("sos cancel vault --coin {escrow}");
    let plan = hall.ok(&format!("{cancel} --dry-run"));
    assert_eq!(chosen(&plan), (&json!(2), &json!("estimate")));
    assert_eq!(plan["joins"], true);
    let fee = plan["fee_sats"].as_u64().expect("a fee");
    let typed = plan["confirmation"].as_str().expect("a text").to_owned();
    hall.ok(&format!("{cancel} --confirm {typed}"));
    hall.ok("chain mine chain --blocks 6");
    let (_, sats) = hall.coin_in("vault");
    assert!(sats < DEPOSIT - fee && sats > DEPOSIT - 4 * fee, "{sats}");
    let done = hall.ok("sos resume vault");
    let phases = done["operations"].as_array().expect("operations").iter();
    let phases: Vec<&Value> = phases.map(|one| &one["phase"]).collect();
    assert_eq!(phases, ["replaced", "buried", "buried"]);
}
