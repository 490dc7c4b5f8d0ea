//! Sentences: words, what may follow what, and the names of a policy.

use super::super::actors::Actors;
use super::super::play::Armed;
use super::{Claim, ClaimError, Deed, Group, Part, Sentence, Who};
use crate::logic::AtomSet;
use crate::policy::{Domain, Duration, Policy, Quorum, Span, did_you_mean};
use crate::units::SECONDS_PER_BLOCK;

/// Longest claim in bytes.
const MAX_BYTES: usize = 1 << 12;

/// Most parts of a coalition.
const MAX_PARTS: usize = 64;

/// How each sentence may begin, said where none does.
const SENTENCES: &str = "a claim begins `never …`, `no … can …`, `nobody alone can …`, `any loss of … leaves a path …` or `veto always has …`";

/// The plural of each kind of domain.
const PLURALS: [(&str, Domain); 6] = [
    ("operators", Domain::Operator),
    ("hosts", Domain::Host),
    ("clouds", Domain::Cloud),
    ("vendors", Domain::Vendor),
    ("jurisdictions", Domain::Jurisdiction),
    ("sites", Domain::Site),
];

pub(super) fn parse(text: &str, policy: &Policy) -> Result<Claim, ClaimError> {
    let words = words(text)?;
    let mut reader = Reader {
        words: &words,
        next: 0,
        end: text.trim_end().len(),
        policy,
        actors: Actors::of(policy),
    };
    let sentence = reader.sentence()?;
    reader.ends()?;
    Ok(Claim {
        text: text.trim().to_owned(),
        sentence,
    })
}

/// A word, a quoted name, or one of `(`, `)` and `,`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: String,
    span: Span,
    is_quoted: bool,
}

fn error(message: impl Into<String>, span: Span, help: Option<String>) -> ClaimError {
    ClaimError {
        message: message.into(),
        span,
        help,
    }
}

fn words(text: &str) -> Result<Vec<Word>, ClaimError> {
    if text.len() > MAX_BYTES {
        let message = format!("a claim has no more than {MAX_BYTES} bytes");
        return Err(error(message, Span::from(0..0), None));
    }
    let mut words = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        let word = |end: usize| text.get(start..end).unwrap_or_default().to_owned();
        if first.is_whitespace() {
            continue;
        }
        let (text, end, is_quoted) = match first {
            '(' | ')' | ',' => (word(start + 1), start + 1, false),
            '"' => {
                let Some((end, _)) = rest.by_ref().find(|(_, c)| *c == '"') else {
                    let span = Span::from(start..text.len());
                    let help = "end the name with `\"`".to_owned();
                    return Err(error("a quoted name has no end", span, Some(help)));
                };
                (word(end).split_off(1), end + 1, true)
            }
            _ => {
                let is_part = |c: char| !c.is_whitespace() && !matches!(c, '(' | ')' | ',' | '"');
                let mut end = start + first.len_utf8();
                while let Some((at, c)) = rest.next_if(|(_, c)| is_part(*c)) {
                    end = at + c.len_utf8();
                }
                (word(end), end, false)
            }
        };
        words.push(Word {
            text,
            span: Span::from(start..end),
            is_quoted,
        });
    }
    Ok(words)
}

struct Reader<'a> {
    words: &'a [Word],
    next: usize,
    /// Where the text ends, for what is missing there.
    end: usize,
    policy: &'a Policy,
    actors: Actors,
}

type Read<T> = Result<T, ClaimError>;

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.next)
    }

    fn is_next(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, expected)| {
            let word = self.words.get(self.next + ahead);
            word.is_some_and(|word| !word.is_quoted && word.text == *expected)
        })
    }

    /// Takes these words if they come next.
    fn take(&mut self, words: &[&str]) -> bool {
        let found = self.is_next(words);
        if found {
            self.next += words.len();
        }
        found
    }

    fn place(&self) -> Span {
        self.peek()
            .map_or(Span::from(self.end..self.end), |word| word.span)
    }

    /// That something else is needed here, which is one of these words.
    fn expected<T>(&self, what: &str, known: &[&str]) -> Read<T> {
        let found = self.peek();
        let message = match found {
            Some(word) => format!("expected {what}, not `{}`", word.text),
            None => format!("the claim ends too early: expected {what}"),
        };
        let similar = found.and_then(|word| {
            did_you_mean(
                &word.text,
                known.iter().copied().filter(|known| *known != word.text),
            )
        });
        let help = similar.map(|word| format!("did you mean `{word}`?"));
        Err(error(message, self.place(), help))
    }

    /// Takes these words, which have to come next.
    fn must(&mut self, words: &[&str]) -> Read<()> {
        for word in words {
            if !self.take(&[word]) {
                return self.expected(&format!("`{}`", words.join(" ")), &[word]);
            }
        }
        Ok(())
    }

    fn ends(&self) -> Read<()> {
        let Some(word) = self.peek() else {
            return Ok(());
        };
        let message = format!("the claim could end before `{}`", word.text);
        let known = [
            "and",
            "before",
            "within",
            "even",
            "if",
            "after",
            "(armed)",
            "(unarmed)",
        ];
        let similar = did_you_mean(&word.text, known);
        let help = similar.filter(|known| *known != word.text).map_or_else(
            || "what may follow stands in the book under *Claims*".to_owned(),
            |known| format!("did you mean `{known}`?"),
        );
        Err(error(message, word.span, Some(help)))
    }

    fn sentence(&mut self) -> Read<Sentence> {
        if self.take(&["never"]) {
            let group = self.group()?;
            let deed = self.theft()?;
            return self.never(Who::Group(group), deed);
        }
        if self.take(&["nobody", "alone"]) || self.take(&["no", "one", "alone"]) {
            let who = Who::Group(self.anybody());
            return self.deed_of(who);
        }
        if self.take(&["no"]) {
            let who = self.who()?;
            return self.deed_of(who);
        }
        if self.take(&["any", "loss", "of"]) {
            let lost = self.group()?;
            self.must(&["leaves", "a", "path"])?;
            let within = match self.take(&["within"]) {
                true => Some(self.seconds()?),
                false => None,
            };
            let coins = self.coins()?;
            return Ok(Sentence::LeavesPath {
                lost,
                within,
                coins,
            });
        }
        if self.take(&["veto", "always", "has"]) {
            let seconds = self.seconds()?;
            let lost = if self.take(&["after"]) {
                self.must(&["any", "loss", "of"])?;
                Some(self.group()?)
            } else {
                None
            };
            return Ok(Sentence::VetoHas { seconds, lost });
        }
        // A sentence that began well says what it lacks.
        for begun in [
            &["nobody", "alone"][..],
            &["any", "loss", "of"],
            &["veto", "always", "has"],
        ] {
            if begun.first().is_some_and(|first| self.is_next(&[first])) {
                self.must(begun)?;
            }
        }
        let mut failed = self.expected("a claim", &["never", "no", "nobody", "any", "veto"]);
        if let Err(error) = &mut failed {
            error.help.get_or_insert_with(|| SENTENCES.to_owned());
        }
        failed
    }

    fn deed_of(&mut self, who: Who) -> Read<Sentence> {
        self.must(&["can"])?;
        let deed = self.deed()?;
        self.never(who, deed)
    }

    fn never(&mut self, who: Who, deed: Deed) -> Read<Sentence> {
        let coins = match deed {
            Deed::Steal { .. } | Deed::Freeze => self.coins()?,
            Deed::BlockRescue | Deed::Veto => None,
        };
        Ok(Sentence::Never { who, deed, coins })
    }

    fn deed(&mut self) -> Read<Deed> {
        if self.take(&["steal"]) {
            return self.theft();
        }
        if self.take(&["freeze"]) {
            return Ok(Deed::Freeze);
        }
        if self.take(&["veto"]) {
            return Ok(Deed::Veto);
        }
        if self.take(&["block"]) {
            self.must(&["the", "rescue"])?;
            return Ok(Deed::BlockRescue);
        }
        self.expected(
            "`steal`, `freeze`, `block the rescue` or `veto`",
            &["steal", "freeze", "block", "veto"],
        )
    }

    /// How soon, and against whom.
    fn theft(&mut self) -> Read<Deed> {
        let before = match self.take(&["before"]) {
            true => Some(self.seconds()?),
            false => None,
        };
        let defended = if self.take(&["even"]) {
            self.must(&["if", "nobody", "defends"])?;
            false
        } else if self.take(&["if"]) {
            self.must(&["the", "others", "defend"])?;
            true
        } else {
            false
        };
        Ok(Deed::Steal { before, defended })
    }

    fn coins(&mut self) -> Read<Option<Armed>> {
        if !self.take(&["("]) {
            return Ok(None);
        }
        let coins = if self.take(&["armed"]) {
            Armed::Armed
        } else if self.take(&["unarmed"]) {
            Armed::Unarmed
        } else {
            return self.expected("`armed` or `unarmed`", &["armed", "unarmed"]);
        };
        self.must(&[")"])?;
        Ok(Some(coins))
    }

    fn seconds(&mut self) -> Read<u64> {
        const MANY: [&str; 5] = ["blocks", "minutes", "hours", "days", "weeks"];
        const UNITS: [&str; 10] = [
            "block", "blocks", "minute", "minutes", "hour", "hours", "day", "days", "week", "weeks",
        ];
        let start = self.place();
        let Some(number) = self.peek() else {
            return self.expected("a duration such as `30 days`", &[]);
        };
        if number.is_quoted || !number.text.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.expected("a duration such as `30 days`", &[]);
        }
        self.next += 1;
        let unit = self
            .peek()
            .filter(|unit| UNITS.contains(&unit.text.as_str()));
        let Some(unit) = unit else {
            return self.expected("`blocks`, `minutes`, `hours`, `days` or `weeks`", &MANY);
        };
        self.next += 1;
        let duration: Result<Duration, _> = format!("{} {}", number.text, unit.text).parse();
        let span = Span::from(start.start..unit.span.end);
        let duration = duration.map_err(|reason| error(reason.to_string(), span, None))?;
        Ok(u64::from(duration.expected_blocks().0) * u64::from(SECONDS_PER_BLOCK))
    }

    fn who(&mut self) -> Read<Who> {
        if self.take(&["single"]) {
            if self.take(&["party"]) {
                return Ok(Who::Group(self.anybody()));
            }
            let mut domains = vec![self.domain()?];
            while self.take(&["and"]) {
                domains.push(self.domain()?);
            }
            return Ok(Who::Domains(domains));
        }
        if self.take(&["pair", "of"]) {
            let named = |word: &Word| PLURALS.into_iter().find(|(many, _)| *many == word.text);
            let Some((_, domain)) = self.peek().and_then(named) else {
                let known = PLURALS.map(|(many, _)| many);
                return self.expected(&one_of(&known), &known);
            };
            self.next += 1;
            return Ok(Who::Domains(vec![domain, domain]));
        }
        let first = self.peek();
        let group = self.group();
        group.map(Who::Group).map_err(|mut error| {
            // A name that is like none may be one of these.
            let meant = first.filter(|first| first.span == error.span);
            let meant = meant.and_then(|word| did_you_mean(&word.text, ["single", "pair", "one"]));
            if let Some(word) = meant {
                error.help = Some(format!("did you mean `{word}`?"));
            }
            error
        })
    }

    fn domain(&mut self) -> Read<Domain> {
        let named = self
            .peek()
            .and_then(|word| Domain::from_written(&word.text));
        let Some(domain) = named else {
            let known = Domain::ALL.map(|(word, _)| word);
            return self.expected(&one_of(&known), &known);
        };
        self.next += 1;
        Ok(domain)
    }

    fn anybody(&self) -> Group {
        let part = Part {
            size: 1,
            of: AtomSet::below(self.actors.parties()),
        };
        Group { parts: vec![part] }
    }

    fn group(&mut self) -> Read<Group> {
        let start = self.place();
        let mut parts = vec![self.part()?];
        while self.take(&["and"]) {
            parts.push(self.part()?);
        }
        if parts.len() > MAX_PARTS {
            let message = format!("a coalition has no more than {MAX_PARTS} parts");
            return Err(error(message, start, None));
        }
        Ok(Group { parts })
    }

    fn part(&mut self) -> Read<Part> {
        if self.take(&["all", "of"]) {
            let of = self.members()?;
            return Ok(Part { size: of.len(), of });
        }
        let any = self.take(&["any"]);
        let number = self.peek().filter(|word| {
            let is_number = word.text.bytes().all(|byte| byte.is_ascii_digit());
            // A party may well be called by a number; then no unit of people follows.
            let followed = self.words.get(self.next + 1).is_some_and(|next| {
                !next.is_quoted && ["of", "party", "parties"].contains(&next.text.as_str())
            });
            !word.is_quoted && is_number && (any || followed)
        });
        let Some(number) = number else {
            if any {
                return self.expected("a number, as in `any 2 of agents`", &[]);
            }
            let of = self.named()?;
            return Ok(Part { size: of.len(), of });
        };
        self.next += 1;
        let of = if self.take(&["parties"]) || self.take(&["party"]) {
            AtomSet::below(self.actors.parties())
        } else {
            self.must(&["of"])?;
            self.members()?
        };
        let size = number.text.parse().unwrap_or(usize::MAX);
        if size == 0 || size > of.len() {
            let message = format!("there are {} to choose from, not {}", of.len(), number.text);
            let help = format!("write a number from 1 to {}", of.len());
            return Err(error(message, number.span, Some(help)));
        }
        Ok(Part { size, of })
    }

    /// Those of whom some are taken: a quorum's people, or a list in parentheses.
    fn members(&mut self) -> Read<AtomSet> {
        if !self.take(&["("]) {
            return self.named();
        }
        let mut members = self.named()?;
        while self.take(&[","]) {
            members.extend(&self.named()?);
        }
        self.must(&[")"])?;
        Ok(members)
    }

    /// A party, or the people of a quorum.
    fn named(&mut self) -> Read<AtomSet> {
        let policy = self.policy;
        let is_name =
            |word: &&Word| word.is_quoted || !["(", ")", ","].contains(&word.text.as_str());
        let Some(word) = self.peek().filter(is_name) else {
            return self.expected("the name of a party or a quorum", &[]);
        };
        self.next += 1;
        if let Some(party) = self.actors.party(&word.text) {
            return Ok(AtomSet::from([party]));
        }
        let root = policy.root().quorum();
        let quorums: Vec<&Quorum> = policy.quorums().map(AsRef::as_ref).collect();
        let found = quorums.iter().find(|quorum| quorum.name() == word.text);
        let found = found
            .copied()
            .or_else(|| (word.text == "root").then_some(root));
        if let Some(quorum) = found {
            let parties = quorum.roll().into_iter();
            return Ok(parties.filter_map(|name| self.actors.party(name)).collect());
        }
        let parties = policy.parties().map(|party| party.name());
        let known = names(&quorums).into_iter();
        let similar = did_you_mean(&word.text, known.chain(parties).chain(["root"]));
        let message = format!("there is no party or quorum `{}`", word.text);
        let help = similar.map_or_else(
            || format!("the quorums are {}", one_of(&names(&quorums))),
            |name| format!("did you mean `{name}`?"),
        );
        Err(error(message, word.span, Some(help)))
    }
}

fn names<'a>(quorums: &[&'a Quorum]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for quorum in quorums {
        // Those that are made of a roster's others are nobody's word.
        if !names.contains(&quorum.name()) && !quorum.name().contains(' ') {
            names.push(quorum.name());
        }
    }
    names
}

/// Words as a choice: `a`, `b` or `c`.
fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}
