//! The questions, one after the other.

use std::collections::BTreeMap;

use crate::policy::{Duration, Network, ScriptType, format};

use super::draft::{
    AGENTS, Agents, BACKUP, Desk, Draft, HEIRS, Lockup, Rescue, Staged, Wait, Words,
};

/// The reason that is suggested where nobody is to rescue the coins.
const NO_RESCUE: &str = "if too few holders are left, the coins are lost, and we accept that";

/// How long after the window files are taken for lost, where nothing else is said.
const BACKSTOP: &str = "60 days";

/// Names for agents that are suggested.
const OUTSIDERS: [&str; 6] = ["gina", "hal", "ivan", "judy", "kurt", "lena"];

/// Most names that are tried: whatever the holders are called, it is hardly all of these.
const OUTSIDERS_MAX: usize = 50;

/// Which of the kinds of policy those are of which more is asked than of the first.
const SIMPLE: usize = 1;
const GUARDED: usize = 2;
const INHERITANCE: usize = 3;

/// Names for a desk that are suggested.
const CLERKS: [&str; 4] = ["tess", "uwe", "vera", "will"];

/// Names for a backup key that are suggested.
const BACKUPS: [&str; 2] = ["backup-key", "reserve-key"];

/// Names for heirs that are suggested.
const CHILDREN: [&str; 4] = ["mia", "noah", "olga", "paul"];

/// The date of an inheritance that is suggested.
const DATE: &str = "2035-01-01T00:00:00Z";

/// Whoever answers questions.
pub trait Ask {
    /// Why there is no answer.
    type Error;

    /// A text.  An answer that `rule` refuses, which says why, is asked for again.  Without an
    /// answer it is the `default`, which is empty where there is none.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    fn text(
        &mut self,
        question: &str,
        default: &str,
        rule: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<String, Self::Error>;

    /// One of several words with their meanings, by its place; the first is the default.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    fn choice(&mut self, question: &str, choices: &[(&str, &str)]) -> Result<usize, Self::Error>;

    /// Yes or no; yes is the default.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    fn confirm(&mut self, question: &str) -> Result<bool, Self::Error>;
}

/// Asks for everything a policy needs, and writes it.
///
/// Each answer is judged by the rules of [`check`](crate::policy::check), so that the policy has
/// no errors.
///
/// # Errors
///
/// If a question is not answered.
pub fn interview<A: Ask>(ask: &mut A) -> Result<String, A::Error> {
    let mut draft = Draft {
        name: "treasury".to_owned(),
        network: Network::Regtest,
        script: ScriptType::Tr,
        holders: names("alice, bob, carol"),
        threshold: "2".to_owned(),
        refresh: "90 days".to_owned(),
        desk: None,
        rescue: Rescue::None(NO_RESCUE.to_owned()),
        keys: BTreeMap::new(),
    };
    let name = draft.name.clone();
    answer(
        ask,
        &mut draft,
        "Name of the policy",
        &name,
        |draft, text| {
            text.clone_into(&mut draft.name);
        },
    )?;
    let kind = ask.choice(
        "What is it for?",
        &[
            (
                "rescue",
                "a group spends, and others rescue its coins if it cannot",
            ),
            (
                "simple",
                "one group spends, perhaps with a backup key that sleeps",
            ),
            (
                "guarded",
                "a desk pays day by day, a board objects, and its keys are kept cold",
            ),
            (
                "inheritance",
                "holders spend, and heirs take over on a date or after a long rest",
            ),
        ],
    )?;
    let network = ask.choice(
        "Network",
        &[
            ("testnet4", "public coins without a price"),
            ("signet", "the same, with blocks that a few make"),
            ("regtest", "a private chain"),
            ("bitcoin", "coins with a price"),
        ],
    )?;
    let networks = [
        Network::Testnet4,
        Network::Signet,
        Network::Regtest,
        Network::Bitcoin,
    ];
    draft.network = networks.get(network).copied().unwrap_or(Network::Regtest);
    let script = ask.choice(
        "Script",
        &[
            (
                "tr",
                "taproot: cheaper, and shows only the leaf that is used",
            ),
            ("wsh", "P2WSH: for signing devices that cannot do taproot"),
        ],
    )?;
    draft.script = if script == 1 {
        ScriptType::Wsh
    } else {
        ScriptType::Tr
    };
    holders(ask, &mut draft, kind == GUARDED)?;
    match kind {
        SIMPLE => backup(ask, &mut draft)?,
        INHERITANCE => inheritance(ask, &mut draft)?,
        _ => {
            if kind == GUARDED {
                desk(ask, &mut draft)?;
            }
            rescue(ask, &mut draft)?;
        }
    }
    keys(ask, &mut draft)?;
    let text = draft.to_toml();
    // A draft is TOML, and the formatter changes no meaning.
    Ok(format(&text).unwrap_or(text))
}

fn holders<A: Ask>(ask: &mut A, draft: &mut Draft, are_cold: bool) -> Result<(), A::Error> {
    answer(
        ask,
        draft,
        if are_cold {
            "Who holds the coins, with keys that are kept cold? (names, with commas)"
        } else {
            "Who holds the coins day by day? (names, with commas)"
        },
        "alice, bob, carol",
        |draft, text| {
            draft.holders = names(text);
            draft.threshold = majority(&draft.holders);
        },
    )?;
    let most = majority(&draft.holders);
    let question = format!("How many of these {} spend together?", draft.holders.len());
    answer(ask, draft, &question, &most, |draft, text| {
        text.clone_into(&mut draft.threshold);
    })
}

fn refresh<A: Ask>(ask: &mut A, draft: &mut Draft) -> Result<(), A::Error> {
    answer(
        ask,
        draft,
        "How often do the holders promise to move or refresh every coin?",
        "90 days",
        |draft, text| {
            text.clone_into(&mut draft.refresh);
            // A promise is too rare if no lock is long enough after it.
            let delay = long_after(text);
            with_agents(draft, |agents| {
                if let Wait::Rest(rest) = &mut agents.wait {
                    *rest = delay;
                }
            });
        },
    )
}

fn rescue<A: Ask>(ask: &mut A, draft: &mut Draft) -> Result<(), A::Error> {
    let kind = ask.choice(
        "Who rescues the coins if the holders cannot?",
        &[
            (
                "staged",
                "agents, with a window for objections, and directly after a long rest",
            ),
            ("direct", "agents, directly after a long rest of a coin"),
            ("nobody", "the loss of all holders is the loss of the coins"),
        ],
    )?;
    if kind == 2 {
        return nobody(ask, draft);
    }
    let suggested = outsiders(draft, AGENTS, &OUTSIDERS, 3).join(", ");
    refresh(ask, draft)?;
    people(
        ask,
        draft,
        "Who are the agents, outside the holders? (names, with commas)",
        &suggested,
    )?;
    rest(
        ask,
        draft,
        "After how long a rest can they take a coin without any file?",
    )?;
    if kind == 0 {
        staged(ask, draft)?;
    }
    Ok(())
}

/// Who else gets at the coins, and how many of them together.
fn people<A: Ask>(
    ask: &mut A,
    draft: &mut Draft,
    question: &str,
    suggested: &str,
) -> Result<(), A::Error> {
    answer(ask, draft, question, suggested, |draft, text| {
        with_agents(draft, |agents| {
            agents.names = names(text);
            agents.threshold = majority(&agents.names);
        });
    })?;
    let count = match &draft.rescue {
        Rescue::Agents(agents) => agents.names.clone(),
        Rescue::None(_) => Vec::new(),
    };
    let question = format!("How many of these {} act together?", count.len());
    answer(ask, draft, &question, &majority(&count), |draft, text| {
        with_agents(draft, |agents| text.clone_into(&mut agents.threshold));
    })
}

/// After how long a rest of a coin.
fn rest<A: Ask>(ask: &mut A, draft: &mut Draft, question: &str) -> Result<(), A::Error> {
    let delay = long_after(&draft.refresh);
    answer(ask, draft, question, &delay, |draft, text| {
        with_agents(draft, |agents| agents.wait = Wait::Rest(text.to_owned()));
    })
}

/// A key that sleeps, or none.
fn backup<A: Ask>(ask: &mut A, draft: &mut Draft) -> Result<(), A::Error> {
    if !ask.confirm("Is there a backup key, worth nothing until a coin has rested for long?")? {
        return nobody(ask, draft);
    }
    let suggested = outsiders(draft, BACKUP, &BACKUPS, 1).join(", ");
    refresh(ask, draft)?;
    people(ask, draft, "Who has it? (a name, or several)", &suggested)?;
    rest(ask, draft, "After how long a rest can it spend a coin?")
}

/// Heirs, from a date on or after a rest.
fn inheritance<A: Ask>(ask: &mut A, draft: &mut Draft) -> Result<(), A::Error> {
    let suggested = outsiders(draft, HEIRS, &CHILDREN, 3).join(", ");
    refresh(ask, draft)?;
    people(
        ask,
        draft,
        "Who are the heirs? (names, with commas)",
        &suggested,
    )?;
    let kind = ask.choice(
        "From when on can they take the coins?",
        &[
            (
                "rest",
                "once a coin has rested for long; each refresh puts it off",
            ),
            (
                "date",
                "from a fixed date on, whatever has become of the holders",
            ),
        ],
    )?;
    if kind == 0 {
        return rest(ask, draft, "After how long a rest?");
    }
    answer(ask, draft, "From which moment on?", DATE, |draft, text| {
        with_agents(draft, |agents| agents.wait = Wait::Date(text.to_owned()));
    })
}

/// Who pays day by day, and how many holders object.
fn desk<A: Ask>(ask: &mut A, draft: &mut Draft) -> Result<(), A::Error> {
    let set = |draft: &mut Draft, names: Vec<String>| {
        draft.desk = Some(Desk {
            threshold: majority(&names),
            names,
            window: "1 day".to_owned(),
            objectors: "1".to_owned(),
        });
    };
    let suggested = suggested(draft, &CLERKS, 3, &|draft, names| {
        set(draft, names.to_vec());
    });
    answer(
        ask,
        draft,
        "Who pays day by day? (names, with commas)",
        &suggested.join(", "),
        |draft, text| set(draft, names(text)),
    )?;
    let clerks = draft
        .desk
        .as_ref()
        .map_or_else(Vec::new, |desk| desk.names.clone());
    let with_desk = |draft: &mut Draft, change: &dyn Fn(&mut Desk)| {
        if let Some(desk) = &mut draft.desk {
            change(desk);
        }
    };
    let question = format!(
        "How many of these {} trigger a payment together?",
        clerks.len()
    );
    answer(ask, draft, &question, &majority(&clerks), |draft, text| {
        with_desk(draft, &|desk| text.clone_into(&mut desk.threshold));
    })?;
    answer(
        ask,
        draft,
        "For how long can a payment be objected to?",
        "1 day",
        |draft, text| with_desk(draft, &|desk| text.clone_into(&mut desk.window)),
    )?;
    answer(
        ask,
        draft,
        "How many holders stop a payment together?",
        "1",
        |draft, text| with_desk(draft, &|desk| text.clone_into(&mut desk.objectors)),
    )
}

/// Nobody else, for a reason.
fn nobody<A: Ask>(ask: &mut A, draft: &mut Draft) -> Result<(), A::Error> {
    answer(
        ask,
        draft,
        "Why is that accepted?",
        NO_RESCUE,
        |draft, text| draft.rescue = Rescue::None(text.to_owned()),
    )?;
    refresh(ask, draft)
}

fn staged<A: Ask>(ask: &mut A, draft: &mut Draft) -> Result<(), A::Error> {
    let vetoers = draft.threshold.clone();
    with_agents(draft, |agents| {
        agents.staged = Some(Staged {
            window: "14 days".to_owned(),
            vetoers: vetoers.clone(),
            // A window after which no lock-up fits is refused.
            lockup: Some(Lockup {
                period: "30 days".to_owned(),
                backstop: BACKSTOP.to_owned(),
                clawback: true,
            }),
        });
    });
    answer(
        ask,
        draft,
        "For how long can a rescue be objected to?",
        "14 days",
        |draft, text| with_staged(draft, |staged| text.clone_into(&mut staged.window)),
    )?;
    answer(
        ask,
        draft,
        "How many holders object together?",
        &vetoers,
        |draft, text| with_staged(draft, |staged| text.clone_into(&mut staged.vetoers)),
    )?;
    if !ask.confirm("Does a rescued coin wait in a lock-up before it is paid out?")? {
        with_staged(draft, |staged| staged.lockup = None);
        return Ok(());
    }
    answer(ask, draft, "For how long?", "30 days", |draft, text| {
        with_staged(draft, |staged| {
            staged.lockup = Some(Lockup {
                period: text.to_owned(),
                backstop: at_least(BACKSTOP, text),
                clawback: true,
            });
        });
    })?;
    let backstop = match &draft.rescue {
        Rescue::Agents(Agents {
            staged:
                Some(Staged {
                    lockup: Some(lockup),
                    ..
                }),
            ..
        }) => lockup.backstop.clone(),
        _ => String::new(),
    };
    let set = |draft: &mut Draft, change: &dyn Fn(&mut Lockup)| {
        with_staged(draft, |staged| {
            if let Some(lockup) = &mut staged.lockup {
                change(lockup);
            }
        });
    };
    answer(
        ask,
        draft,
        "If the files are lost, how long after the window can the agents take the coin?",
        &backstop,
        |draft, text| set(draft, &|lockup| text.clone_into(&mut lockup.backstop)),
    )?;
    let clawback = ask.confirm("Can the holders take it back out of the lock-up?")?;
    set(draft, &|lockup| lockup.clawback = clawback);
    Ok(())
}

fn keys<A: Ask>(ask: &mut A, draft: &mut Draft) -> Result<(), A::Error> {
    let real = draft.network == Network::Bitcoin;
    for party in draft.parties() {
        let rest = if real {
            "as the signing device exports it: [fingerprint/steps]xpub…"
        } else {
            "[fingerprint/steps]tpub…, or nothing for a worthless stand-in"
        };
        let question = format!("Account of {party} ({rest})");
        let set = |draft: &mut Draft, text: &str| {
            let text = text.trim();
            if !text.is_empty() {
                draft.keys.insert(party.clone(), text.to_owned());
            }
        };
        let typed = {
            let trial = &*draft;
            let rule = |text: &str| {
                if real && text.trim().is_empty() {
                    return Err(
                        "with a stand-in everybody has the key: it takes a real one".to_owned()
                    );
                }
                let mut trial = trial.clone();
                set(&mut trial, text);
                trial.objections()
            };
            ask.text(&question, "", &rule)?
        };
        set(draft, &typed);
    }
    Ok(())
}

/// Asks for a text that makes a sound policy together with everything so far.
fn answer<A: Ask>(
    ask: &mut A,
    draft: &mut Draft,
    question: &str,
    default: &str,
    set: impl Fn(&mut Draft, &str),
) -> Result<(), A::Error> {
    let rule = |text: &str| {
        let mut trial = draft.clone();
        set(&mut trial, text);
        trial.objections()
    };
    let text = ask.text(question, default, &rule)?;
    set(draft, &text);
    Ok(())
}

fn with_agents(draft: &mut Draft, change: impl FnOnce(&mut Agents)) {
    if let Rescue::Agents(agents) = &mut draft.rescue {
        change(agents);
    }
}

fn with_staged(draft: &mut Draft, change: impl FnOnce(&mut Staged)) {
    with_agents(draft, |agents| {
        if let Some(staged) = &mut agents.staged {
            change(staged);
        }
    });
}

/// Lets people whose names go with those that there are get at the coins after a long rest.
fn outsiders(draft: &mut Draft, words: Words, candidates: &[&str], count: usize) -> Vec<String> {
    let wait = Wait::Rest(long_after(&draft.refresh));
    suggested(draft, candidates, count, &|draft, names| {
        draft.rescue = Rescue::Agents(Agents {
            words,
            threshold: majority(names),
            names: names.to_vec(),
            wait: wait.clone(),
            staged: None,
        });
    })
}

/// So many names that go with those that there are, after which the draft has them.
fn suggested(
    draft: &mut Draft,
    candidates: &[&str],
    count: usize,
    set: &dyn Fn(&mut Draft, &[String]),
) -> Vec<String> {
    let further = (1..).map(|number| format!("party-{number}"));
    let candidates = candidates.iter().map(|name| (*name).to_owned());
    let mut chosen: Vec<String> = Vec::new();
    for name in candidates.chain(further).take(OUTSIDERS_MAX) {
        let mut names = chosen.clone();
        names.push(name);
        let mut trial = draft.clone();
        set(&mut trial, &names);
        if trial.objections().is_ok() {
            *draft = trial;
            chosen = names;
        }
        if chosen.len() == count {
            break;
        }
    }
    chosen
}

fn names(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// More than half of them.
fn majority(names: &[String]) -> String {
    (names.len() / 2 + 1).to_string()
}

/// A year, or more where that is not long enough after the refresh interval.
fn long_after(refresh: &str) -> String {
    let days = refresh
        .parse::<Duration>()
        .map_or(0, |duration| duration.expected_blocks().0 / 144);
    format!("{} days", (days + 30).max(365))
}

/// The longer of two durations.
fn at_least(least: &str, other: &str) -> String {
    let blocks = |text: &str| text.parse::<Duration>().map(Duration::expected_blocks);
    match (blocks(least), blocks(other)) {
        (Ok(a), Ok(b)) if b > a => other.to_owned(),
        _ => least.to_owned(),
    }
}
