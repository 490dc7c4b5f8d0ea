//! Vaults on a chain in a file, from the first deposit to the last step, signed with seeds in files.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use bitcoin::secp256k1::Secp256k1;
use bitcoin::{Address, Network, NetworkKind};
use longstop::chain::ChainFile;
use longstop::compile::Keychain;
use longstop::engine::fee_script;
use longstop::governance::{Body, Rotation};
use longstop::identity::{Identity, Passphrase, Work};
use longstop::ledger::{Directory, Ledger, Taken};
use longstop::signer::{Seed, SoftwareSigner};
use serde_json::Value;
use tempfile::TempDir;

use super::{code, json, text};

const FRIENDS: &str = include_str!("fixtures/good/policy.toml");
const GOVERNANCE: &str = include_str!("fixtures/governance/policy.toml");
const IDENTITIES: &str = "tests/cli/fixtures/identities";
const PASSPHRASE: &str = "correct horse battery";

/// The window and the period, in blocks.
const WINDOW: u32 = 20;
const PERIOD: u32 = 30;
const DEAD_MAN: u32 = 90;

/// A folder with a vault, a chain, and the seeds of all parties.
pub(super) struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self::of(&short())
    }

    fn of(policy: &str) -> Self {
        Self::with(policy, &["ann", "ben", "cat", "dan", "eve"])
    }

    /// A vault of a policy, of whose stand-in parties these have their seeds here.
    pub(super) fn with(policy: &str, parties: &[&str]) -> Self {
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let desk = Self {
            folder: folder.expect("a folder"),
        };
        desk.keep("policy.toml", policy);
        desk.keep("passphrase", PASSPHRASE);
        desk.keep("other-passphrase", "some other words");
        for party in parties {
            let secret = SoftwareSigner::stand_in_secret(0, party);
            let seed = Seed::new(party, NetworkKind::Test, &secret).expect("a name");
            let passphrase = Passphrase::of(PASSPHRASE.to_owned().into());
            let file = seed.encrypt(&passphrase, Work::ForTests);
            desk.keep(&format!("{party}.seed"), &file.expect("random numbers"));
        }
        desk.ok("vault create vault policy.toml");
        desk
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

    fn identity(&self, file: &str, words: &str) -> Identity {
        let file = fs::read(self.folder.path().join(file)).expect("a file");
        let passphrase = Passphrase::of(words.trim().to_owned().into());
        Identity::decrypt(&file, &passphrase).expect("it is opened")
    }

    /// Does something with the ledger of the vault.
    fn in_ledger(&self, act: impl FnOnce(&mut Ledger<Directory>)) {
        let store = Directory::open(&self.folder.path().join("vault/ledger"), None, "a test");
        let mut ledger = Ledger::open(store.expect("a store")).expect("a ledger");
        act(&mut ledger);
        ledger
            .close()
            .and_then(|store| Ok(store.close()?))
            .expect("it closes");
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
    pub(super) fn says(&self, line: &str, expected: i32) -> (Value, String) {
        let output = self.run(line);
        let said = text(&output.stderr);
        let shown = text(&output.stdout);
        assert_eq!(code(&output), expected, "{line}: {said}{shown}");
        (json(&output), said)
    }

    #[track_caller]
    pub(super) fn ends(&self, line: &str, expected: i32) -> Value {
        self.says(line, expected).0
    }

    #[track_caller]
    pub(super) fn ok(&self, line: &str) -> Value {
        self.ends(line, 0)
    }

    /// It ends with a code, and says why.
    #[track_caller]
    fn fails(&self, line: &str, expected: i32, why: &str) {
        let output = self.run(line);
        let said = text(&output.stderr);
        assert_eq!(code(&output), expected, "{line}: {said}");
        assert!(said.contains(why), "{line}: {said}");
    }

    fn mine(&self, blocks: u32) {
        self.ok(&format!("chain mine chain --blocks {blocks}"));
    }

    /// Pays the vault, in a block of its own.
    fn deposit(&self, sats: u64) -> String {
        let address = self.ok("vault address vault --force");
        let address = address["address"].as_str().expect("an address");
        let mined = self.ok(&format!("chain mine chain --pay {address}:{sats}"));
        let outpoint = mined["paid"][0]["outpoint"].as_str();
        outpoint.expect("an outpoint").to_owned()
    }

    /// The only coin in a stage that nothing spends.
    pub(super) fn coin_in(&self, stage: &str) -> String {
        self.worth_in(stage).0
    }

    /// The same, with what it is worth in satoshis.
    #[track_caller]
    pub(super) fn worth_in(&self, stage: &str) -> (String, u64) {
        let coins = self.ok("vault coins vault");
        let coins = coins["coins"].as_array().expect("coins").clone();
        let found: Vec<&Value> = coins
            .iter()
            .filter(|coin| coin["stage"] == stage && coin["standing"] == "unspent")
            .collect();
        assert_eq!(found.len(), 1, "{coins:?}");
        let outpoint = found[0]["outpoint"].as_str().expect("one").to_owned();
        (outpoint, found[0]["sats"].as_u64().expect("an amount"))
    }

    /// What has to be typed for a step.
    fn confirmation(&self, step: &str) -> String {
        let plan = self.ok(&format!("{step} --dry-run"));
        plan["confirmation"].as_str().expect("a text").to_owned()
    }

    pub(super) fn key(party: &str) -> String {
        format!("--key {party}.seed --passphrase-file passphrase")
    }

    /// A step that two sign here, one after the other, and that is then in a block.
    #[track_caller]
    fn signed_by(&self, step: &str, first: &str, second: &str) -> Value {
        let typed = self.confirmation(step);
        let begun = format!("{step} {} --confirm {typed}", Self::key(first));
        let begun = self.ends(&begun, 6);
        let wanted = &begun["operations"][0]["wanted"][0]["signed"];
        assert_eq!(*wanted, serde_json::json!([first]), "{begun}");
        let resume = format!(
            "sos resume vault --base-fee-is-enough {}",
            Self::key(second)
        );
        let sent = self.ok(&resume);
        self.mine(1);
        sent
    }

    /// Arms everything that can be, with what the journal of the vault says meanwhile.
    fn arm(&self, round: &str) -> Value {
        let start = format!("arm start policy.toml --vault vault --path sos --output {round}");
        let started = self.ok(&start);
        let sign = |party: &str| {
            let key = Self::key(party);
            self.ok(&format!("arm sign policy.toml {round} --vault vault {key}"))
        };
        assert_eq!(sign("ann")["state"], "unarmed");
        let signed = sign("ben");
        assert_eq!(
            (&signed["state"], &signed["remembered"]),
            (&"protected".into(), &1.into())
        );
        for party in ["ann", "dan", "eve"] {
            let line = format!("arm acknowledge policy.toml {round} --party {party} --vault vault");
            assert_eq!(self.ok(&line)["remembered"], 1, "{party}");
        }
        assert_eq!(sign("ann")["state"], "acknowledged");
        let armed = sign("cat");
        assert_eq!(
            (&armed["state"], &armed["remembered"]),
            (&"armed".into(), &1.into())
        );
        started
    }
}

/// The policy of the friends with short waits and no terms of activation.
fn short() -> String {
    let terms = "[path.activation]\nmanual = \"helpers\"\n";
    assert!(FRIENDS.contains(terms));
    FRIENDS
        .replace(terms, "")
        .replace("\"7 days\"", &format!("\"{WINDOW} blocks\""))
        .replace("\"30 days\"", "\"40 blocks\"")
        .replace("\"14 days\"", &format!("\"{PERIOD} blocks\""))
        .replace("\"180 days\"", &format!("\"{DEAD_MAN} blocks\""))
        .replace("\"90 days\"", "\"10 blocks\"")
        + "LS0503 = \"short delays keep the test quick\"\n"
}

/// A coin is armed once it is buried, once, and nothing else is.
#[test]
fn a_round_takes_its_coins_from_the_vault() {
    let desk = Desk::new();
    let start = "arm start policy.toml --vault vault --path sos --output round";
    desk.mine(1);
    desk.fails(start, 1, "no coin in `vault` is to be armed now");
    let coin = desk.deposit(1_000_000);
    // Five blocks are one too few.
    desk.mine(4);
    desk.fails(
        start,
        1,
        "5 blocks deep, and armed once it is 6 blocks deep",
    );
    let named = format!("{start} --coin {coin}");
    desk.fails(&named, 1, "5 blocks deep");
    let dust = desk.deposit(700);
    let unknown = "--coin 0000000000000000000000000000000000000000000000000000000000000001:0";
    desk.fails(&format!("{start} {unknown}"), 2, "00001:0");
    desk.fails(
        &format!("{start} --coin {coin} --tx policy.toml"),
        2,
        "cannot be used with",
    );
    desk.fails(
        "arm start policy.toml --path sos --output round",
        2,
        "--coin",
    );
    desk.keep(
        "other.toml",
        &short().replace("\"friends\"\nnet", "\"others\"\nnet"),
    );
    let other = "arm start other.toml --vault vault --path sos --output round";
    desk.fails(other, 3, "is a vault of another policy");
    desk.fails(&start.replace("sos", "dead-man"), 3, "is direct");
    assert!(!desk.folder.path().join("round").exists());

    let started = desk.arm("round");
    let armings = started["armings"].as_array().expect("armings");
    assert_eq!(armings.len(), 1, "{started}");
    assert_eq!(armings[0]["coin"], coin);
    // Nothing is written down twice.
    let once_more = desk.ok("arm add policy.toml round round --vault vault");
    assert_eq!(once_more["remembered"], 0);
    let again = start.replace("round", "again");
    desk.fails(
        &format!("{again} --coin {coin}"),
        1,
        "it is armed on this path already",
    );
    desk.mine(5);
    desk.fails(&again, 1, "700 satoshis, and");
    desk.fails(&format!("{again} --coin {dust}"), 3, "");
    let coins = desk.ok("vault coins vault");
    let coins = coins["coins"].as_array().expect("coins");
    let armed = coins.iter().find(|known| known["outpoint"] == coin);
    assert_eq!(armed.expect("it is there")["armed"][0]["state"], "armed");

    // What is spent is not armed, whether or not a reorg could still bring it back.
    let refresh = format!("refresh vault --coin {coin}");
    desk.signed_by(&refresh, "ann", "ben");
    desk.fails(&format!("{again} --coin {coin}"), 1, "which is not buried");
    desk.mine(5);
    desk.fails(&format!("{again} --coin {coin}"), 1, "spends it\n");
}

/// From the trigger to a cancel, and from another one to the release, with nothing but seeds.
#[test]
fn seeds_sign_every_step() {
    let desk = Desk::new();
    let coin = desk.deposit(1_000_000);
    desk.mine(5);
    desk.arm("round");
    let trigger = format!("sos trigger vault --coin {coin} --path sos --base-fee-is-enough");
    let typed = desk.confirmation(&trigger);
    let go = |key: &str| format!("{trigger} {key} --confirm {typed}");
    desk.fails(
        &go("--key dan.seed --passphrase-file other-passphrase"),
        3,
        "passphrase is wrong",
    );
    desk.fails(&go(&Desk::key("ann")), 1, "are not asked for now");
    desk.fails(
        &go("--key passphrase --passphrase-file passphrase"),
        3,
        "not encrypted",
    );
    let wrong = format!("{trigger} {} --confirm 1 BTC to me", Desk::key("dan"));
    desk.fails(&wrong, 1, "BTC to");
    // None of these left anything behind.
    let status = desk.ok("sos status vault");
    assert_eq!(status["operations"], serde_json::json!([]));
    let sent = desk.signed_by(&trigger, "dan", "eve");
    assert_eq!(sent["operations"][0]["phase"], "seen");

    // A friend objects: his key completes the cancel, and sends nothing.
    let escrow = desk.coin_in("escrow");
    let veto = format!("sos veto vault --coin {escrow} --base-fee-is-enough");
    desk.fails(
        &format!("{veto} {}", Desk::key("dan")),
        1,
        "are not asked for now",
    );
    let vetoed = desk.run(&format!("{veto} {}", Desk::key("cat")));
    let operations = json(&vetoed)["operations"].clone();
    let cancel = operations.as_array().expect("operations").iter();
    let cancel = cancel
        .clone()
        .find(|one| one["what"] == "cancel")
        .expect("it is begun");
    assert_eq!(cancel["phase"], "complete", "{cancel}");
    let step = format!("sos cancel vault --coin {escrow} --base-fee-is-enough");
    let typed = desk.confirmation(&step);
    desk.ok(&format!("{step} --confirm {typed}"));
    desk.mine(6);
    let back = desk.coin_in("vault");

    // Once more, and nobody objects.
    desk.arm("second-round");
    let trigger = format!("sos trigger vault --coin {back} --path sos --base-fee-is-enough");
    desk.signed_by(&trigger, "eve", "dan");
    let escrow = desk.coin_in("escrow");
    let settle = format!("sos settle vault --coin {escrow} --base-fee-is-enough");
    desk.mine(WINDOW - 2);
    let early = format!("{settle} {} --confirm x", Desk::key("dan"));
    desk.fails(&early, 1, "1 block");
    desk.mine(1);
    let typed = desk.confirmation(&settle);
    // Root signed it in advance, so nobody has to.
    desk.ok(&format!("{settle} --confirm {typed}"));
    desk.mine(1);
    let lockup = desk.coin_in("lockup");
    let to = "bcrt1qqurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qursq2j8q4";
    let release = format!("sos release vault --coin {lockup} --to {to}");
    desk.mine(PERIOD - 2);
    let early = format!("{release} {} --confirm x", Desk::key("dan"));
    desk.fails(&early, 1, "1 block");
    desk.mine(1);
    let released = desk.signed_by(&release, "dan", "eve");
    assert_eq!(released["operations"].as_array().map(Vec::len), Some(5));
    let coins = desk.ok("vault coins vault");
    let unspent = coins["coins"].as_array().expect("coins").iter();
    assert_eq!(
        unspent.filter(|coin| coin["standing"] == "unspent").count(),
        0
    );
}

/// What moves coins beside the staged path is signed by seeds just so.
#[test]
fn seeds_sign_beside_the_staged_path() {
    let desk = Desk::new();
    let coin = desk.deposit(1_000_000);
    let to = "bcrt1qqurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qursq2j8q4";
    let spend = format!("spend vault --coin {coin} --pay {to}=300000");
    let key = Desk::key("dan");
    desk.fails(
        &format!("{spend} {key} --confirm 0.003 BTC to {to}"),
        1,
        "are not asked for now",
    );
    desk.signed_by(&spend, "ann", "cat");
    let rest = desk.coin_in("vault");
    let recover = format!("recover vault --coin {rest} --path dead-man --to {to}");
    desk.mine(DEAD_MAN - 2);
    desk.fails(&format!("{recover} {key} --confirm x"), 1, "1 block");
    desk.mine(1);
    desk.signed_by(&recover, "dan", "eve");
    assert_eq!(desk.ok("vault balance vault")["confirmed"], 0);
}

/// Root takes a coin out of the lock-up with nothing but seeds, up to the block of the release and no
/// later; and whoever is not of root signs nothing.
#[test]
fn seeds_sign_a_clawback() {
    let desk = Desk::new();
    let coin = desk.deposit(1_000_000);
    desk.mine(5);
    desk.arm("round");
    let trigger = format!("sos trigger vault --coin {coin} --path sos --base-fee-is-enough");
    desk.signed_by(&trigger, "dan", "eve");
    let escrow = desk.coin_in("escrow");
    // A coin in the escrow is none that could be clawed back.
    let early = format!("clawback vault --coin {escrow}");
    desk.fails(
        &format!("{early} {} --confirm x", Desk::key("ann")),
        1,
        "lock-up",
    );
    let settle = format!("sos settle vault --coin {escrow} --base-fee-is-enough");
    desk.mine(WINDOW - 1);
    let typed = desk.confirmation(&settle);
    desk.ok(&format!("{settle} --confirm {typed}"));
    desk.mine(1);
    let lockup = desk.coin_in("lockup");
    let clawback = format!("clawback vault --coin {lockup}");
    let typed = desk.confirmation(&clawback);
    let before = desk.ok("sos status vault")["operations"].clone();
    for (signer, confirm, code, why) in [
        // An agent is not asked, another text is refused, and so is none.
        (Desk::key("dan"), typed.as_str(), 1, "are not asked for now"),
        (Desk::key("ann"), "1 BTC to me", 1, "BTC to"),
        (
            "--key ann.seed --passphrase-file other-passphrase".to_owned(),
            &typed,
            3,
            "passphrase is wrong",
        ),
        (
            "--signer no-such-program".to_owned(),
            &typed,
            3,
            "did not sign",
        ),
    ] {
        desk.fails(
            &format!("{clawback} {signer} --confirm {confirm}"),
            code,
            why,
        );
    }
    let unconfirmed = format!("{clawback} {}", Desk::key("ann"));
    desk.fails(&unconfirmed, 2, "--confirm");
    assert_eq!(desk.ok("sos status vault")["operations"], before);

    let sent = desk.signed_by(&clawback, "ann", "cat");
    let operations = sent["operations"].as_array().expect("operations");
    let last = operations.iter().find(|one| one["what"] == "clawback");
    assert_eq!(last.expect("it is begun")["phase"], "seen", "{sent}");
    // It is in the vault again, and nothing is left in the lock-up that could be released.
    let back = desk.coin_in("vault");
    assert!(back.starts_with(last.expect("it is begun")["txid"].as_str().expect("an id")));
    let to = "bcrt1qqurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qursq2j8q4";
    desk.mine(PERIOD);
    desk.fails(
        &format!(
            "sos release vault --coin {lockup} --to {to} {} --confirm x",
            Desk::key("dan")
        ),
        1,
        "",
    );
}

/// What a miner was paid is armed from the block on after which it could be spent.
#[test]
fn what_a_miner_was_paid_is_armed_once_it_matures() {
    let desk = Desk::new();
    desk.mine(1);
    let address = desk.ok("vault address vault --force");
    let address: Address<_> = address["address"]
        .as_str()
        .expect("an address")
        .parse::<Address<bitcoin::address::NetworkUnchecked>>()
        .expect("an address");
    let script = address.assume_checked().script_pubkey();
    let mut chain = ChainFile::open(&desk.folder.path().join("chain")).expect("a chain");
    let mined = chain.change(|chain| chain.mine_to(&script));
    drop(chain);
    let born = mined.expect("it is written").height.0;
    desk.ok("vault sync vault");
    let coin = desk.coin_in("vault");
    let start =
        |round: &str| format!("arm start policy.toml --vault vault --path sos --output {round}");
    let named = |round: &str| format!("{} --coin {coin}", start(round));
    let why = format!("can spend it from height {} on", born + 100);
    // The trigger could be in the block above the tip at the earliest, which would be too early by
    // one: the coin is 99 blocks deep.
    desk.mine(98);
    desk.fails(&start("too-early"), 1, &why);
    desk.fails(&named("too-early"), 1, &why);
    assert!(!desk.folder.path().join("too-early").exists());
    // 100 blocks deep, and 101.
    for round in ["in-time", "later"] {
        desk.mine(1);
        let planned = desk.ok(&start(round));
        assert_eq!(planned["armings"][0]["coin"], coin);
        desk.ok(&named(&format!("{round}-named")));
    }
}

/// What a party with an identity acknowledges is signed with the key that speaks for it then.
#[test]
fn an_acknowledgement_is_signed_with_the_key_that_speaks() {
    let desk = Desk::of(GOVERNANCE);
    for party in ["dan", "eve", "ann"] {
        let identity = fs::read_to_string(format!("{IDENTITIES}/{party}.identity"));
        desk.keep(&format!("{party}.identity"), &identity.expect("a fixture"));
    }
    let words = fs::read_to_string(format!("{IDENTITIES}/passphrase")).expect("a fixture");
    desk.keep("words", &words);
    desk.deposit(1_000_000);
    desk.mine(5);
    let round = "policy.toml round --vault vault";
    desk.ok("arm start policy.toml --vault vault --path sos --output round");
    let when = "--height 156 --median-time 2026-01-10";
    let says = |identity: &str| {
        format!(
            "arm acknowledge {round} --identity {identity} --passphrase-file words --ledger vault/ledger {when}"
        )
    };
    desk.fails(&says("dan.identity"), 3, "must be signed before");
    for party in ["ann", "ben"] {
        desk.ok(&format!("arm sign {round} {}", Desk::key(party)));
    }
    let by_name = format!("arm acknowledge {round} --party dan");
    desk.fails(&by_name, 3, "acknowledges with a signed event");
    let said = desk.ok(&says("dan.identity"));
    assert_eq!(said["taken"]["acknowledged"]["dan"], 1, "{said}");
    assert_eq!(said["remembered"], 1);
    let holds = |line: &str, party: &str| {
        let status = desk.ok(line);
        let acknowledged = status["armings"][0]["acknowledged"].as_array();
        acknowledged
            .expect("names")
            .iter()
            .any(|name| name == party)
    };
    let (alone, with_ledger) = (
        "arm status policy.toml round",
        format!("arm status {round}"),
    );
    assert!(holds(alone, "dan") && holds(&with_ledger, "dan"));

    // Eve writes with her old key, and keeps it to herself; then she changes the key, and so does Dan.
    let old = desk.identity("eve.identity", &words);
    let mut written = Value::Null;
    desk.in_ledger(|ledger| {
        let event = ledger.events().next().expect("one").expect("it is read");
        let Body::Acknowledgement(body) = event.event().body.clone() else {
            panic!("Dan has acknowledged");
        };
        let at = event.event().at;
        let draft = ledger.draft("eve", at, Body::Acknowledgement(body));
        let signed = draft.expect("a draft").sign(old.key()).expect("signed");
        written = signed.envelope().to_line().into();
        for (party, key) in [
            ("eve", &old),
            ("dan", &desk.identity("dan.identity", &words)),
        ] {
            let next = Identity::new(party, &[party.as_bytes()[0]; 32]).expect("a name");
            let passphrase = Passphrase::of(words.trim().to_owned().into());
            let file = next.encrypt(&passphrase, Work::ForTests);
            desk.keep(
                &format!("new-{party}.identity"),
                &file.expect("random numbers"),
            );
            let rotation = Rotation {
                party: party.to_owned(),
                replaces: key.public().into(),
                identity: Some(next.public().into()),
                why: "a new machine".to_owned(),
            };
            let draft = ledger.draft(party, at, Body::Rotation(rotation));
            let signed = draft.expect("a draft").sign(key.key()).expect("signed");
            let taken = ledger.append(&[signed]).expect("it is written");
            assert!(matches!(taken[0], Taken::New(_)), "{taken:?}");
        }
    });
    // What was in the ledger before stays good, although Dan signs with another key now.
    assert!(holds(&with_ledger, "dan"));
    // What turns up with a key that was changed does not.
    let text = fs::read_to_string(desk.folder.path().join("round")).expect("a round");
    let mut copy: Value = serde_json::from_str(&text).expect("JSON");
    let said = copy["armings"][0]["acknowledged"]
        .as_array_mut()
        .expect("names");
    said.push(serde_json::json!({ "party": "eve", "envelope": written }));
    desk.keep("copy", &copy.to_string());
    let added = desk.ends(&format!("arm add {round} copy"), 0);
    let refused = added["taken"]["refused"].to_string();
    assert!(
        refused.contains("the key that speaks for its author"),
        "{added}"
    );
    assert!(!holds(&with_ledger, "eve"));
    // The policy alone knows of no change.
    assert!(holds("arm status policy.toml copy", "eve"));
    desk.fails(&says("eve.identity"), 1, "signs with");
    assert!(!holds(&with_ledger, "eve"));
    let said = desk.ok(&says("new-eve.identity"));
    assert_eq!(said["taken"]["acknowledged"]["eve"], 1, "{said}");
    assert!(holds(&with_ledger, "eve") && !holds(alone, "eve"));
    desk.ok(&says("ann.identity"));
    assert_eq!(desk.ok(&with_ledger)["state"], "acknowledged");
    for party in ["ben", "cat"] {
        desk.ok(&format!("arm sign {round} {}", Desk::key(party)));
    }
    assert_eq!(desk.ok(&with_ledger)["state"], "armed");
    assert_eq!(desk.ok(alone)["state"], "protected");
    let coins = desk.ok("vault coins vault");
    assert_eq!(coins["coins"][0]["armed"][0]["state"], "armed");
}

/// Whoever pays for a child signs it with the same seed.
#[test]
fn a_fee_child_is_signed_with_the_seed_of_its_wallet() {
    let desk = Desk::new();
    let policy = longstop::policy::check(&short())
        .policy
        .expect("it is sound");
    let compiled = longstop::compile::compile(Arc::new(policy)).expect("it compiles");
    let secp = Secp256k1::new();
    let script = fee_script(&compiled, "dan", Keychain::Receive, &secp).expect("a fee wallet");
    let fees = Address::from_script(&script, Network::Regtest).expect("an address");
    desk.ok(&format!("chain mine chain --pay {fees}:200000"));
    let coin = desk.deposit(1_000_000);
    desk.mine(5);
    desk.arm("round");
    let trigger =
        format!("sos trigger vault --coin {coin} --path sos --broadcaster dan --feerate 20");
    let typed = desk.confirmation(&trigger);
    let begun = format!("{trigger} {} --confirm {typed}", Desk::key("dan"));
    desk.ends(&begun, 6);
    let resume = "sos resume vault --broadcaster dan --feerate 20";
    // Eve completes the trigger, and has no key for the child of Dan's wallet.
    let sent = desk.ends(&format!("{resume} {}", Desk::key("eve")), 6);
    assert_eq!(
        sent["operations"][0]["fee_child_wanted_from"], "dan",
        "{sent}"
    );
    let sent = desk.ok(&format!("{resume} {}", Desk::key("dan")));
    assert_eq!(sent["operations"][0]["fee_child_wanted_from"], Value::Null);
    let mined = desk.ok("chain mine chain");
    let confirmed = mined["mined"][0]["confirmed"]
        .as_array()
        .expect("transactions");
    assert_eq!(confirmed.len(), 2, "the trigger and its child: {mined}");
}
