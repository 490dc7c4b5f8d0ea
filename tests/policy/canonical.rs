//! Laws of the canonical form, and of policies with other keys.

use bitcoin::bip32::DerivationPath;
use bitcoin::secp256k1::Secp256k1;
use longstop::policy::{AccountKey, Diagnostic, Document, FeeWallet, Network, check};
use longstop::signer::SoftwareSigner;
use proptest::prelude::*;

use crate::BASE;
use crate::template::Filled;

const PARTIES: [&str; 6] = ["alice", "bob", "carol", "gina", "hal", "ivan"];

/// What a policy says, apart from how it is written.
#[derive(Clone, Debug)]
struct Meaning {
    script: &'static str,
    base_fee: u64,
    threshold: usize,
    veto_key: bool,
    custody: Option<String>,
    time_clock: bool,
    delay_days: u32,
    unlock: Option<&'static str>,
    window_days: u32,
    period_days: u32,
    depth: u8,
    clawback: bool,
    spend_path: bool,
    activation: bool,
    acceptance: bool,
    reason: String,
}

/// How it is written.
#[derive(Clone, Debug)]
struct Style {
    defaults: bool,
    apostrophes: bool,
    sections: Vec<usize>,
    party_tables: bool,
    singular_weeks: bool,
    comments: bool,
    reversed: bool,
    inline: bool,
}

fn meaning() -> impl Strategy<Value = Meaning> {
    let who = (
        prop::sample::select(vec!["tr", "wsh"]),
        1u64..=3,
        1usize..=3,
        any::<bool>(),
        prop::option::of("[a-z \"\\\\é]{1,12}"),
        any::<bool>(),
        any::<bool>(),
    );
    let when = (
        any::<bool>(),
        105u32..=388,
        prop::option::of(prop::sample::select(vec![
            "unlock_height = 1000000",
            "unlock_at = \"2031-01-01T00:00:00Z\"",
        ])),
        1u32..=30,
        1u32..=60,
        1u8..=8,
        any::<bool>(),
        any::<bool>(),
    );
    let rest = "[a-z\"\\\\]{1,12}";
    (who, when, rest).prop_map(|(who, when, reason)| {
        let (script, base_fee, threshold, veto_key, custody, activation, acceptance) = who;
        let (time_clock, delay_days, unlock, window_days, period_days, depth, clawback, spend_path) =
            when;
        Meaning {
            script,
            base_fee,
            threshold,
            veto_key,
            custody,
            time_clock,
            delay_days,
            unlock,
            window_days,
            period_days,
            depth,
            clawback,
            spend_path,
            activation,
            acceptance,
            reason,
        }
    })
}

fn style() -> impl Strategy<Value = Style> {
    (
        any::<[bool; 7]>(),
        Just((0..5).collect::<Vec<usize>>()).prop_shuffle(),
    )
        .prop_map(|(flags, sections)| {
            let [
                defaults,
                apostrophes,
                party_tables,
                singular_weeks,
                comments,
                reversed,
                inline,
            ] = flags;
            Style {
                defaults,
                apostrophes,
                sections,
                party_tables,
                singular_weeks,
                comments,
                reversed,
                inline,
            }
        })
}

/// A TOML string with everything escaped that could be.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn written(meaning: &Meaning, style: &Style) -> String {
    let order = |mut fields: Vec<String>| {
        if style.reversed {
            fields.reverse();
        }
        fields
    };
    let days = |days: u32| match days {
        1 if style.singular_weeks => "\" 1days \"".to_owned(),
        1 => "\"1 day\"".to_owned(),
        n if style.singular_weeks => format!("\"{n} day\""),
        n => format!("\"0{n}  days\""),
    };
    let clock = if meaning.time_clock {
        Some("clock = \"time\"")
    } else {
        None
    };
    let clock = clock.or(style.defaults.then_some("clock = \"blocks\""));

    let mut settings = vec![
        "name = \"generated\"".to_owned(),
        "network = \"regtest\"".to_owned(),
        format!("script = \"{}\"", meaning.script),
    ];
    if meaning.base_fee != 2 || style.defaults {
        settings.push(format!("base_fee = \"{} sat/vB\"", meaning.base_fee));
    }
    if style.defaults {
        settings.push("layout = \"device\"".to_owned());
        settings.push("transaction_version = 3".to_owned());
    }
    if meaning.acceptance {
        settings.push(format!("accept_total_loss = {}", quoted(&meaning.reason)));
    }
    let settings = format!("[policy]\n{}\n", order(settings).join("\n"));

    let mut parties = String::new();
    for name in order(PARTIES.map(str::to_owned).to_vec()) {
        let mut fields = vec![format!("key = \"{{{name}}}\"")];
        if name == "alice" {
            if meaning.veto_key {
                fields.push(format!("veto = \"{{{name}.veto}}\""));
            }
            if let Some(custody) = &meaning.custody {
                let custody = quoted(custody);
                fields.push(format!("custody = {{ site = {custody}, host = \"nas\" }}"));
            }
        }
        let fields = order(fields);
        if style.party_tables {
            parties += &format!("[parties.{name}]\n{}\n", fields.join("\n"));
        } else {
            parties += &format!("parties.{name} = {{ {} }}\n", fields.join(", "));
        }
    }

    let quorums = order(vec![
        format!(
            "council = {{ threshold = {}, of = [\"alice\", \"bob\", \"carol\"] }}",
            meaning.threshold
        ),
        "agents = { of = [\"gina\", \"hal\", \"ivan\"], threshold = 3 }".to_owned(),
    ]);
    let quorums = format!("[quorums]\n{}\n", quorums.join("\n"));
    let root = order(vec![
        "quorum = \"council\"".to_owned(),
        "refresh = \"90 days\"".to_owned(),
    ]);
    let root = format!("[root]\n{}\n", root.join("\n"));

    let mut direct = vec![
        "name = \"dead-man\"".to_owned(),
        "quorum = \"agents\"".to_owned(),
    ];
    direct.push(format!("delay = {}", days(meaning.delay_days)));
    direct.extend(meaning.unlock.map(str::to_owned));
    direct.extend(clock.map(str::to_owned));
    let mut staged = vec![
        "name = \"sos\"".to_owned(),
        "quorum = \"agents\"".to_owned(),
    ];
    staged.extend(clock.map(str::to_owned));
    if meaning.activation {
        let open = days(7);
        staged.push(format!(
            "activation = {{ any = [{{ manual = \"agents\" }}, {{ vote = \"council\", open = {open}, turnout = \"60%\", approve = \" 66 %\" }}] }}"
        ));
    }
    let mut escrow = vec![
        format!("window = {}", days(meaning.window_days)),
        "veto = \"council\"".to_owned(),
    ];
    if meaning.depth != 1 || style.defaults {
        escrow.push(format!("depth = {}", meaning.depth));
    }
    if meaning.spend_path {
        staged.push("purpose = \"spend\"".to_owned());
    } else {
        if style.defaults {
            staged.push("purpose = \"recover\"".to_owned());
            direct.push("purpose = \"recover\"".to_owned());
        }
        escrow.push(format!("backstop = {}", days(meaning.period_days)));
        let mut lockup = vec![format!("period = {}", days(meaning.period_days))];
        if !meaning.clawback || style.defaults {
            lockup.push(format!("clawback = {}", meaning.clawback));
        }
        staged.push(format!("lockup = {{ {} }}", order(lockup).join(", ")));
    }
    let escrow = order(escrow);
    let (direct, mut staged) = (order(direct).join("\n"), order(staged).join("\n"));
    if style.inline {
        staged += &format!("\nescrow = {{ {} }}\n", escrow.join(", "));
    } else {
        staged += &format!("\n[path.escrow]\n{}\n", escrow.join("\n"));
    }
    let paths = format!("[[path]]\n{direct}\n[[path]]\n{staged}\n");

    let sections = [settings, quorums, root, paths];
    // Dotted keys for parties can only stand before the first table.
    let mut text = String::new();
    if !style.party_tables {
        text += &parties;
    }
    for section in &style.sections {
        match sections.get(*section) {
            Some(section) => text += section,
            None if style.party_tables => text += &parties,
            None => {}
        }
    }
    if style.comments {
        text = text.replace('\n', "  # a remark\n\n");
    }
    let filled = Filled::new(&text).text;
    if style.apostrophes {
        filled.replace("48h/1h", "48'/1'")
    } else {
        filled
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn how_it_is_written_does_not_matter(
        meaning in meaning(), one in style(), other in style()
    ) {
        let checked = check(&written(&meaning, &one));
        let policy = checked.policy;
        prop_assert!(policy.is_some(), "{:?}", checked.diagnostics);
        let canonical = policy.expect("a policy").canonical().to_owned();
        prop_assert_eq!(&check(&written(&meaning, &other)).document.canonical(), &canonical);

        // The canonical text is a policy, with the same form and the same problems.
        let again = check(&canonical);
        prop_assert_eq!(again.document.canonical(), canonical.clone());
        let codes = |problems: &[Diagnostic]| {
            let mut codes: Vec<_> = problems.iter().map(Diagnostic::code).collect();
            codes.sort_unstable();
            codes
        };
        prop_assert_eq!(codes(&again.diagnostics), codes(&checked.diagnostics));
        let policy = again.policy.expect("the canonical text is a policy");
        prop_assert_eq!(policy.canonical(), canonical);
        prop_assert_eq!(policy.root().quorum().threshold(), meaning.threshold);
        let direct = policy.path("dead-man").and_then(|path| path.direct()).expect("direct");
        let delay = direct.delay().expect("a delay");
        let plural = if meaning.delay_days == 1 { "day" } else { "days" };
        prop_assert_eq!(delay.text(), format!("{} {plural}", meaning.delay_days));
        prop_assert!(delay.lock().expected_seconds() >= u64::from(meaning.delay_days) * 86_400);
        let staged = policy.path("sos").and_then(|path| path.staged()).expect("staged");
        prop_assert_eq!(staged.depth(), meaning.depth);
        if let Some(lockup) = staged.lockup() {
            prop_assert_eq!(lockup.clawback(), meaning.clawback);
            // The backstop begins when the window ends.
            prop_assert_eq!(
                lockup.backstop_lock().expected_seconds(),
                staged.window().lock().expected_seconds()
                    + lockup.backstop().lock().expected_seconds()
            );
        }
    }

    #[test]
    fn what_it_says_does_matter(one in meaning(), other in meaning(), style in style()) {
        let forms = [&one, &other].map(|meaning| {
            Document::parse(&written(meaning, &style)).canonical()
        });
        let same = format!("{one:?}") == format!("{other:?}");
        // A reason or a clawback that is not written, or nothing at all, may be the difference.
        let hidden = |meaning: &Meaning| {
            let mut meaning = meaning.clone();
            if !meaning.acceptance {
                meaning.reason.clear();
            }
            if meaning.spend_path {
                meaning.clawback = true;
                meaning.period_days = 0;
            }
            format!("{meaning:?}")
        };
        prop_assert_eq!(forms[0] == forms[1], same || hidden(&one) == hidden(&other));
    }
}

#[test]
fn the_canonical_form_of_the_base_policy() {
    let canonical = Document::parse(&Filled::new(BASE).text).canonical();
    // Keys are left out here, so that no test contains one.
    let lines: Vec<&str> = canonical
        .lines()
        .filter(|line| !line.starts_with("key = "))
        .collect();
    let expected = r#"[policy]
name = "base"
network = "regtest"
script = "tr"
layout = "device"
base_fee = "2 sat/vB"
transaction_version = 3

[parties.alice]

[parties.bob]

[parties.carol]

[parties.gina]

[parties.hal]

[parties.ivan]

[parties.judy]

[parties.kim]

[quorums]
agents = { threshold = 2, of = ["gina", "hal", "ivan"] }
council = { threshold = 2, of = ["alice", "bob", "carol"] }
objectors = { threshold = 2, of = ["judy", "kim"] }

[root]
quorum = "council"
refresh = "90 days"

[[path]]
name = "dead-man"
purpose = "recover"
quorum = "agents"
clock = "blocks"
delay = "365 days"

[[path]]
name = "sos"
purpose = "recover"
quorum = "agents"
clock = "blocks"
escrow = { window = "14 days", veto = "objectors", depth = 1, backstop = "60 days" }
lockup = { period = "30 days", clawback = true }"#;
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn stand_in_keys_change_keys_and_network_only() {
    let template = BASE
        .replace("\"regtest\"", "\"bitcoin\"")
        .replace("{alice}\"", "{alice.main}\"")
        .replace("{bob}\"", "{bob.main}\", veto = \"{x.veto}\"")
        .replace("{carol}\"", "{carol}\", fees = \"{carol.fees}\"");
    let document = Document::parse(&Filled::new(&template).text);
    let secp = Secp256k1::new();
    let mut asked = Vec::new();
    let rekeyed = document.rekeyed(Network::Signet, &mut |party, key| {
        asked.push((party.to_owned(), key.path().to_string()));
        let path: DerivationPath = key.path().clone();
        SoftwareSigner::stand_in(7, party, &secp).account(&path, &secp)
    });
    assert_eq!(
        asked.len(),
        10,
        "eight keys, one veto, one fee wallet: {asked:?}"
    );
    let policy = rekeyed
        .check()
        .policy
        .expect("stand-ins are good keys for test networks");
    assert_eq!(policy.network(), Network::Signet);
    for party in policy.parties() {
        let stand_in = SoftwareSigner::stand_in(7, party.name(), &secp);
        let keys: [Option<&AccountKey>; 3] = [
            Some(party.key()),
            party.veto(),
            party.fees().map(FeeWallet::account),
        ];
        for key in keys.into_iter().flatten() {
            assert_eq!(
                key.fingerprint(),
                stand_in.fingerprint(),
                "{}",
                party.name()
            );
        }
    }
    let same = rekeyed.rekeyed(Network::Signet, &mut |_, key| key.clone());
    assert_eq!(same.canonical(), rekeyed.canonical());
    let back = check(policy.canonical())
        .policy
        .expect("its canonical text is a policy");
    assert_eq!(back.canonical(), policy.canonical());
}
