//! Every kind of problem, in one table.
//!
//! A code never changes its meaning: policies silence lints by it, and other tools read it.  One
//! that nothing causes any more (LS0616, an activation that nothing evaluates) is gone, and its
//! number stays free.  The book has a page with a section for each, which a test compares with this
//! table.

mod example;
mod policies;
mod scripts;

use std::fmt;

use serde::{Serialize, Serializer};

use super::document::did_you_mean;

pub use self::example::Example;

/// How grave a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing, and in nobody's way.
    Note,
    /// Allowed, and often a mistake.
    Warning,
    /// The document makes no policy.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Whether `[lints]` can silence a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silence {
    Never,
    WithReason,
}

struct Entry {
    number: &'static str,
    severity: Severity,
    silence: Silence,
    title: &'static str,
    explanation: &'static str,
    remedy: &'static str,
}

macro_rules! codes {
    ($($number:literal $name:ident $severity:ident $silence:ident $title:literal $explanation:literal $remedy:literal)*) => {
        /// What kind of problem a diagnostic reports.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $number, "`: ", $title, ".")] $name,)*
        }

        impl Code {
            /// All codes in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            const fn entry(self) -> Entry {
                match self {
                    $(Self::$name => Entry {
                        number: $number,
                        severity: Severity::$severity,
                        silence: Silence::$silence,
                        title: $title,
                        explanation: $explanation,
                        remedy: $remedy,
                    },)*
                }
            }
        }
    };
}

codes! {
"LS0101" Syntax Error Never "the text is not TOML"
"The policy could not be read as TOML 1.1. The reader goes on after such a place as well as it can, so further problems may follow from the first."
"Correct the marked place. Strings need quotes, tables stand in `[brackets]`, and each path starts with `[[path]]`."

"LS0102" DuplicateField Error Never "a field or table is given twice"
"The same key stands twice in one table. One of the two would be ignored, and nobody could tell which."
"Remove one, or give it the name it was meant to have."

"LS0103" UnknownField Error Never "a field is unknown"
"A policy has no such field here. It is refused rather than ignored, because a misspelt rule that is ignored leaves the policy without that rule."
"Correct the spelling, or remove the field."

"LS0104" MissingField Error Never "a required field is missing"
"The table lacks something for which there is no default."
"Add the field."

"LS0105" WrongType Error Never "a value has the wrong type"
"The field needs another kind of value, for instance a string where a number stands."
"Write the value as the message shows."

"LS0106" WrongWord Error Never "a value is not one of the possible words"
"The field takes one of a few fixed words."
"Choose one of the words in the message."

"LS0108" TooLarge Error Never "the document exceeds a limit"
"Size, number of parties, quorums and paths, seats of a quorum and depth of nesting are limited, so that no document can keep the checker or the compiler busy for ever."
"Split the policy, or make the named part smaller."

"LS0109" OutOfRange Error Never "a number is out of range"
"The number is understood, but no policy can have it."
"Choose a number inside the range of the message."

"LS0110" EmptyReason Error Never "a reason is empty"
"To silence a lint or to accept total loss takes a reason, written down for whoever reads the policy next."
"Say why, in a sentence."

"LS0111" UnknownCode Error Never "a code in `[lints]` does not exist"
"A silenced code that does not exist silences nothing."
"Use a code from this page."

"LS0112" NotSilenceable Error Never "a code in `[lints]` cannot be silenced"
"Only lints can be silenced, and a few errors whose text says so. Everything else would make the policy wrong or hide what it does not do."
"Remove the entry, and mend what the code reports."

"LS0113" FieldConflict Error Never "fields exclude one another"
"Two fields say different things about the same question, or none of several does of which exactly one is needed."
"Keep one of them."

"LS0114" RungsUnfit Error Never "rungs are none, too many, or not ascending"
"With version 2, triggers, cancels and settles are signed in advance at one to three feerates, the rungs, because nobody can add a fee afterwards. A transaction at a rung replaces the one at the rung below, for which it has to pay more. With n rungs, n triggers, n² cancels and n² settles are signed for each coin."
"Write one to three feerates in sat/vB, each above the one before."

"LS0115" DepthAtVersionTwo Error Never "a depth above one with version 2"
"With version 2 there is a trigger at each rung, and a cancel of each at each rung, so what follows a cancel would have to be signed for every one of the coins that it can make. Only one trigger in a row is signed."
"Write `depth = 1`, or leave it out; or use version 3."

"LS0201" UnknownName Error Never "a name is unknown"
"No party, quorum or path has this name, or it is a party where a quorum is needed, or a quorum where a party is."
"Correct the spelling or declare the name. For a single party write a quorum of one."

"LS0202" DuplicateName Error Never "a name is used twice"
"Parties and quorums share one set of names, since either can be a member of a quorum, and items share it with them, since all are told of in the same lists. Paths have a set of their own."
"Rename one of the two."

"LS0203" BadName Error Never "a name has forbidden characters or a forbidden length"
"Names have 1 to 64 characters: letters, digits, `-` and `_`. The policy itself follows the same rule. They stand in files, commands and reports, where anything else is read differently by different programs."
"Choose a name of letters, digits, `-` and `_`."

"LS0204" InvisibleCharacter Error Never "a text has invisible or direction-changing characters"
"Characters that are not drawn, or that change the direction of the text around them, make two different texts look the same, or make a text look like another."
"Type the text again without them; the message says which character it is and where."

"LS0205" ConfusableNames Error Never "two names look the same"
"The names differ, but are drawn alike or nearly so, or differ only in upper and lower case, or in a digit that stands for a letter, as in `al1ce`. Somebody would sign for the wrong one."
"Rename one of the two."

"LS0206" ReservedName Error Never "a name is reserved"
"`root`, `vault`, `escrow`, `lockup` and `lock-up` mean something in every policy. Only the quorum that is root may be called `root`."
"Choose another name."

"LS0207" ThresholdOutOfRange Error Never "a threshold is out of range"
"A threshold is at least one, or nobody would have to agree; and at most the number of members, or they never could."
"Choose a threshold from 1 to the number of members."

"LS0208" EmptyQuorum Error Never "a quorum has no members"
"A quorum without members can never act."
"Name its members."

"LS0209" MemberTwice Error Never "a member stands twice in one quorum"
"One party in two seats of one list would count twice towards the threshold with one signature."
"Remove one of the two. To give a party more weight, nest quorums."

"LS0210" CyclicQuorum Error Never "quorums contain one another"
"A quorum that contains itself, directly or through others, has no meaning."
"Break the circle at one of the marked places."

"LS0211" TooManyMembers Error Never "a quorum has more members than the script allows"
"In `wsh` scripts one threshold has at most 20 keys (the limit of `OP_CHECKMULTISIG`, BIP-383 and Bitcoin Core's `MAX_PUBKEYS_PER_MULTISIG`)."
"Use `script = \"tr\"`, or nest smaller quorums."

"LS0212" WeightsIrreducible Error Never "weights are no threshold of thresholds"
"A script counts keys and not weights. Weights are compiled where they say the same as quorums inside one another in which every member has one seat: members who suffice alone, members nobody can act without, members who weigh alike, and a group that counts as one, which is looked for among up to 12 members. Other weights, and weights that never matter, are refused."
"Change the weights, or write the rule with quorums inside one another."

"LS0213" RosterUnfit Error Never "a roster is not just enough to act"
"A standing roster is one set of signers: the parties who usually act for a quorum. With one too few they cannot act, and with one too many it would not say who signs."
"Name just as many parties as the quorum needs."

"LS0214" ItemUnfit Error Never "an item does not fit its party or its paths"
"A copy of the files and a watchtower are of staged paths, for which something is signed in advance; other kinds of item are of no path. A fee wallet is the one that its party names in `fees`. The item would say something of a thing that there is not."
"Correct what the message names, or remove the item."

"LS0301" PrivateKey Error Never "a private key stands in the policy"
"A policy is shown to many people and holds public keys only. The key is not repeated in any message, and it is blotted out wherever the text is shown."
"Take the coins off this key: it has been in a file. Then export the extended *public* key of a fresh account."

"LS0302" MalformedKey Error Never "a key cannot be read"
"A key is written `[73c5da0a/48h/1h/0h/3h]tpub…`: fingerprint of the master key, the steps down to the account, and the account's extended public key (BIP-380)."
"Copy the key again from the signing device."

"LS0303" SingleKey Error Never "a key is a single public key"
"Every use of a party has a key of its own, derived from the party's account. From a single public key nothing can be derived."
"Export an extended public key (`xpub…`, or `tpub…` on test networks) with its origin."

"LS0304" NoOrigin Error Never "a key has no origin"
"Without the fingerprint and the steps from the master key, no signing device can tell that the key is its own, and the coins cannot be signed for."
"Put the origin before the key. The message shows it where it follows from the key itself."

"LS0305" StepsAfterKey Error Never "derivation steps stand after a key"
"The compiler assigns the steps after the account, a pair for each use of the key. Steps in the policy would collide with these."
"Remove what stands after the key."

"LS0306" HardenedAfterKey Error Never "hardened steps stand after a key"
"Hardened steps can only be taken with the private key, so nothing can be derived from this."
"Export the account at the deeper path from the signing device, so that all hardened steps stand inside the brackets."

"LS0307" OriginMismatch Error Never "a key and its origin contradict one another"
"An extended key says how many steps below the master key it is, and which was the last of them. The origin says something else, so one of the two belongs to another account."
"Export key and origin together from the signing device."

"LS0308" WrongNetwork Error Never "a key is for another network"
"Keys are written `xpub…` for the main network and `tpub…` for test networks. Mixing them risks money on addresses that were meant for tests."
"Export the account for the policy's network, or correct `network`."

"LS0309" KeySharedInQuorum Error Never "two parties of one quorum have the same key"
"Who holds that key counts as two members: the threshold is lower than it says."
"Give each party an account on a signing device of its own."

"LS0310" OriginSharedInQuorum Error Never "two parties of one quorum have the same master key"
"The fingerprints of the master keys are equal, so both accounts are on one signing device: who holds that counts as two members."
"Give each party a signing device of its own."

"LS0311" RolesShareAccount Error Never "two roles of a party share one account"
"`key`, `veto` and `fees` of a party must be three different accounts. A device signs with every key it owns in a coin, so a shared account would give more than it was asked for, and would use the same addresses twice."
"Use another account number for one of them."

"LS0312" BadIdentity Error Never "an identity is no ed25519 public key"
"An identity signs governance events. It is written as the 64 hexadecimal digits of an ed25519 public key in its one canonical encoding (RFC 8032)."
"Copy the public key again."

"LS0313" WeakIdentity Error Never "an identity is a weak key"
"The key has small order: there are signatures under it that hold for many messages, without anybody's secret."
"Make a fresh ed25519 key."

"LS0314" IdentityShared Error Never "two parties have the same identity"
"Their events could not be told apart, and one person would vote twice."
"Give each party an identity of its own."

"LS0315" BadFees Error Never "a fee wallet is not a single-key wallet that can be derived"
"A fee wallet is written `wpkh([fingerprint/path]tpub…/<0;1>/*)`: one key with its origin, receiving and change addresses."
"Write it in this form."

"LS0401" NoUnit Error Never "a duration has no unit"
"A bare number could be blocks, hours or days."
"Add the unit: `\"14 days\"`, `\"36 hours\"`, `\"2 weeks\"` or `\"2016 blocks\"`."

"LS0402" BadDuration Error Never "a duration cannot be read"
"A duration is a whole number and one of the units `blocks`, `minutes`, `hours`, `days` and `weeks`."
"Write it like `\"14 days\"`."

"LS0403" ZeroDuration Error Never "a duration is zero"
"A lock of zero waits for nothing, and consensus does not notice it."
"Leave the field out if there is nothing to wait for, or choose a duration."

"LS0404" TooLong Error Never "a duration is longer than a relative lock can hold"
"A relative lock has 16 bits: at most 65,535 blocks (about 455 days), or 65,535 units of 512 seconds (about 388 days). Larger numbers would be cut off by consensus and wait for less, or for nothing."
"Use an absolute lock (`unlock_at` or `unlock_height`), or one more stage."

"LS0405" WrongClock Error Never "a duration in blocks on the time clock"
"With `clock = \"time\"` all locks of the path count median time. Blocks and time cannot be mixed in one lock."
"Write minutes, hours, days or weeks, or use `clock = \"blocks\"`."

"LS0406" BadDate Error Never "a date cannot be read"
"An unlock date is a full moment in RFC 3339 form with its zone, since a day alone begins at different moments in different places."
"Write it like `\"2031-01-01T00:00:00Z\"`."

"LS0407" AbsoluteOutOfRange Error Never "a height or date cannot be a lock"
"Consensus reads numbers below 500,000,000 as heights and the others as seconds since 1970, and locks hold 31 bits: heights 1 to 499,999,999, dates from 1985-11-05 to 2038-01-19."
"Choose a height or date inside these bounds."

"LS0501" NoSurvivor Error Never "nothing survives the total loss of root"
"If everyone in root vanished for good, with every pre-signed file, no path could move the coins any more. A direct path survives if its quorum can be met by parties outside root alone."
"Add a direct delayed path for a quorum that does not need root's members, or say `accept_total_loss = \"why\"` under `[policy]`."

"LS0502" RefreshMissing Error Never "a delayed path without a refresh promise"
"A direct path with a relative delay opens for every coin that has rested that long. Without root's promise to move each coin in time, nobody can tell whether live coins will be open to it."
"Add `refresh = \"90 days\"` or the like under `[root]`."

"LS0503" DelayWithinRefresh Error WithReason "a delay is not longer than the refresh interval and a margin"
"The path would open for coins that root still uses and refreshes as promised. This is how the emergency keys of a federation became able to spend live coins in 2020. The delay must exceed the refresh interval by more than 2,016 blocks: two weeks to gather signers, wait out a fee spike and bury the refresh."
"Lengthen the delay or shorten `refresh`. A rehearsal of the fault itself may silence this code with a reason."

"LS0504" BackstopMissing Error Never "a lock-up without a backstop"
"The settle into a lock-up is signed by root in advance. If that file were lost while root is gone, the coin would stay in the escrow for ever."
"Add `backstop` to the escrow: how long after the veto window the path's quorum can take the coin without any file. It must be at least the lock-up period."

"LS0505" BackstopShort Error Never "a backstop is shorter than the lock-up period"
"The path's quorum could just not settle, wait for the backstop, and so have the coin earlier than through the lock-up."
"Make the backstop at least as long as the lock-up period."

"LS0506" BackstopTooLong Error Never "window and backstop together exceed one relative lock"
"The backstop counts from the end of the veto window, so its lock is both together: at most 65,535 blocks, or 65,535 units of 512 seconds."
"Shorten the window or the backstop."

"LS0507" FieldNotForPath Error Never "a field does not belong to this kind of path"
"A path with `escrow` is staged, one without is direct. Direct paths have `delay` and unlock fields; staged paths have activation, and recover paths a lock-up with its backstop. The field would have no effect here."
"Remove the field, or change the kind of the path as the message says."

"LS0508" DescriptorForStaged Error Never "a descriptor from elsewhere beside a staged path"
"A staged path needs leaves of its own in the vault, with arming keys on branches of their own. A descriptor that was made elsewhere has no such leaves."
"Remove `descriptor`, so that the vault is compiled from the policy, or keep to direct paths."

"LS0601" ShortWindow Warning WithReason "a veto window is shorter than a day"
"Veto holders have less than 144 blocks to notice the trigger, gather and get a cancel buried."
"Lengthen the window."

"LS0602" DirectBeforeStaged Warning WithReason "a direct path opens before a staged one can finish"
"The delay of the direct path is shorter than veto window and lock-up period together, so a quorum that waits has the coins earlier than through the staged path with its vetoes."
"Lengthen the delay."

"LS0603" WeakRescue Warning WithReason "a rescue quorum is weaker than root"
"Fewer parties are enough on this path than for root. That is common for recovery agents, and it makes them the first to be attacked or tempted."
"Raise the threshold of the quorum, or say why it is enough."

"LS0604" OnePersonVeto Warning WithReason "one person alone can veto"
"A single party can cancel every attempt and so stall the path."
"Raise the threshold, or add a direct path with an absolute lock, which bounds the stalling."

"LS0605" PartyOnBothSides Warning WithReason "a party is in root and in the quorum of a staged path"
"The trigger is meant to need two groups. A party in both counts on both sides."
"Choose the members of the path's quorum outside root."

"LS0606" KeyReused Warning WithReason "two parties have the same key"
"The parties are not in one quorum, but they are one holder, and analysis takes them for two. Of a fee wallet that two share, each can spend the coins that the other counts on."
"Give each party an account of its own, or make them one party."

"LS0607" OriginReused Warning WithReason "two parties have the same master key"
"The fingerprints are equal, so both accounts are on one signing device: lost or stolen together."
"Give each party a signing device of its own, or make them one party."

"LS0608" MixedLocks Warning WithReason "a path mixes heights and dates"
"The relative delay counts blocks and the absolute lock counts time, or the other way round. This is allowed in one script (BIP-379 forbids only two locks of the same kind), but the two drift apart as blocks come faster or slower than expected."
"Use `unlock_height` beside a delay in blocks, or `unlock_at` beside a delay on the time clock."

"LS0609" UnusedParty Warning WithReason "a party is in no quorum"
"The party cannot do anything under this policy."
"Add it to a quorum, or remove it."

"LS0610" UnusedQuorum Warning WithReason "a quorum is used nowhere"
"Neither root nor a path, a veto, an activation or another quorum names it."
"Use it, or remove it."

"LS0611" SharedSeat Warning WithReason "a party has several seats through nested quorums"
"The party is reached more than once. Each seat gets a key of its own, so this is valid, but one person signs for several seats."
"Check that this is meant."

"LS0612" MixedScript Warning WithReason "a name mixes scripts"
"The name has letters of several writing systems. Such names are easily mistaken for others."
"Write the name in one script."

"LS0613" NeedlessAcceptance Warning WithReason "total loss is accepted where a path survives it"
"`accept_total_loss` is given, but a direct path does survive the loss of root. The sentence misleads whoever reads the policy."
"Remove `accept_total_loss`."

"LS0614" IdleSilence Warning Never "a silenced lint does not fire"
"Nothing in the policy causes this lint any more. The entry would hide it when it comes back."
"Remove the entry."

"LS0615" OpenPath Warning WithReason "a direct path has no lock"
"Its quorum can spend every coin at once, as root can: it is a second root. A lock until a height or a date long past is none: below height 900,000 or before 2025-06-06 on the main network, before that date on the test networks, and on any network up to height 100 or before 2011-02-02, where no coin waits for it. A policy is checked without a clock, so a date that has passed since is not noticed."
"Add `delay`, `unlock_at` or `unlock_height`, or correct what is there."

"LS0617" ShadowedPath Warning WithReason "a direct path adds nothing"
"Everybody who can use the path can use root or another direct path, which is open no later. So the path is never needed. Mostly another quorum or a shorter delay was meant. Locks that count by different clocks are not compared; for staged paths there is LS0620."
"Remove the path, let fewer members suffice for it, or let it open sooner."

"LS0618" DomainsAlike Warning WithReason "two custody facts differ by a trifle"
"Domains are compared letter by letter. Names that differ only in upper and lower case, in spaces and signs, or in letters that look alike are two domains, so what is kept in one would count as independent of the other."
"Write both alike if they are one. If they are two, give one a name that nobody takes for the other."

"LS0619" CoinTypeMismatch Warning WithReason "an account has the coin type of another network"
"By BIP-44 and its successors the second step of an account says which network it is for: `0h` for the main network, `1h` for test networks. A signing device may refuse to sign with such an account, or it was made for another wallet."
"Export the account for the policy's network, or correct `network`."

"LS0620" IdleStagedPath Warning WithReason "a staged path adds nothing"
"Everybody who can use the path can use root, or another staged path that takes no longer, leads to the same, is no harder to activate, and where nobody can object who could not here. So the path is never needed. Locks that count by different clocks are not compared."
"Remove the path, let fewer suffice for it, or shorten its window or lock-up."

"LS0621" DeadKey Warning WithReason "the keys of a party never matter"
"The party is in a quorum, but it is in no smallest coalition of any way to move a coin or to veto: whatever others can do with it, they can do without. That comes of nested quorums in which somebody else is enough both with it and alone. Whoever relies on this party being asked is mistaken."
"Give the party a seat that can make a difference, or remove it."

"LS0622" VetoBlocked Warning WithReason "those who trigger can prevent the veto"
"So many parties of the path's quorum are needed for a veto that some who trigger, and are no more than must be, leave no veto quorum among the others. Against them there is no veto: only root can stop them, by its own way out of the escrow."
"Choose veto holders outside the path's quorum, or lower the threshold of the veto."

"LS0623" CollapsedQuorum Warning WithReason "one operator, host or cloud account is enough for a quorum"
"By the custody facts of the policy the parties that one operator, one host or one cloud account reaches meet the threshold of the quorum, with backups counted. So it takes one intruder, one order of a court or one bankruptcy, and not as many parties as the threshold says. This is how a platform lost everything whose signers all ran under the cloud account of one person."
"Keep the keys of enough parties elsewhere, or raise the threshold."

"LS0624" Voiceless Warning WithReason "a party that an activation counts on has no identity"
"What an activation turns on is said in signed events, and a party signs them with its `identity`. A party without one is never heard of: it counts for no decision, alarm, vote or veto, and where silence is asked for it has been silent from the beginning."
"Give the party an `identity`, or take it out of the quorum."

"LS0701" VetoersAllInRoot Note WithReason "every veto holder is in root"
"If root vanishes, nobody is left who can veto. A cancel by veto holders needs root's pre-signature, but not root itself: outsiders could hold the veto."
"Consider a veto holder outside root."

"LS0702" NoVetoKey Note WithReason "a party arms and vetoes with one account"
"The party is in root, which signs the cancel in advance, and in the veto quorum, which completes it. A device that signs with every key it owns would give both signatures at once."
"Give the party a `veto` key from an account of its own."

"LS0703" SingleKeyRoot Note WithReason "root is a single key"
"The key becomes the taproot key path, which has no relative lock of one block. That an over-eager device also signs for the key path is prevented only by our stripping its signature."
"Nothing to mend. Only hand PSBTs on that have been through the stripping."

"LS0704" VetoFromWithin Note WithReason "whoever triggers could also veto"
"Among those who trigger there are always enough to veto. So each attempt can be undone by some of the very people who made it, and a veto says nothing about what others think of it."
"Consider veto holders outside the path's quorum."

"LS0801" ScriptSyntax Error Never "the script cannot be read"
"The text is no script: a bracket is missing, a word is reserved, or something is used that scripts do not have, such as decimal numbers or `try`."
"Correct the marked place."

"LS0802" ScriptFailed Error Never "the script stops"
"While it ran, the script came to something that has no result: a sum beyond 64 bits, a place beyond the end of a list, a comparison of a number with a string, or a `throw` of its own. No error of a script is passed over, so there is no policy."
"Correct the marked place."

"LS0803" UnknownFunction Error Never "a function is unknown, or cannot be called so"
"Scripts have the functions that the book lists, those they define or import, and those of strings, lists, maps and whole numbers. There is nothing in a script that reads files, clocks, chance or the network, that prints, waits or runs a text as a script."
"Correct the spelling, or call it as the message shows."

"LS0804" UnknownVariable Error Never "a variable or a field of a map is unknown"
"A misspelt name is an error rather than nothing, because a rule that asks for nothing would often be met."
"Correct the spelling, or declare the variable before."

"LS0805" ScriptLimit Error Never "a script exceeds a limit"
"Steps, depth and sizes are limited, so that no script can keep anybody's machine busy. The limits are the same everywhere, so a script that stays inside them does so on every machine."
"Make the script simpler. The book has the table of limits."

"LS0806" ImportRefused Error Never "an import is refused"
"A script imports files of its own folder and of folders inside it, by a plain path: no absolute path, no `..`, no link that leads out of the folder. A file must not import itself, directly or through others."
"Put the file into the folder of the policy and name it like `import \"keys\" as keys`."

"LS0807" RequirementUnmet Error Never "a requirement of the script is not met"
"The script calls `require` with a condition that is false. The sentence beside it is the author's own."
"Choose other parameters, or correct the script."

"LS0808" UnknownParameter Error Never "a parameter is unknown"
"A value was set for a parameter that the script does not have. It is refused rather than ignored."
"Correct the name. `longstop params` lists the parameters."

"LS0809" BadParameter Error Never "a parameter cannot have this value"
"The value has the wrong type or is not allowed, or the parameter itself is not declared well: its name, its default, or what it allows."
"Choose a value that the message shows as possible."

"LS0810" UnusedPart Error Never "something is made for a path and stands in none"
"The script makes an escrow, a lock-up or a condition, and hands it to no path: the call stands alone, or what it makes is kept in a variable that nothing uses. The policy would lack what its author wrote."
"Write it into the path, as `path(\"sos\", #{ quorum: \"agents\", escrow: escrow(#{ … }) })`, or remove the call."

"LS0901" BeyondLimit Error Never "a stage is larger than what can be spent"
"A script and a transaction have limits: 3,600 bytes, 201 operations and 100 stack items for `wsh`, 128 levels for `tr`, and a weight beyond which nodes pass nothing on. Whether a stage stays inside is known once it is compiled, and what does not is refused before anybody could deposit there."
"Do what the message says: it names the first path that does not fit, or the quorum that is too large."

"LS0902" RungsTooClose Error Never "two rungs are too close"
"A transaction that is signed at the higher rung has to replace that at the lower one, whoever has signed that one, and however light the witness is. The higher one is reckoned as heavy as it can be, so how far apart the rungs must be follows from the quorums."
"Choose the rungs as far apart as the message says."

"LS0903" DescriptorUnfit Error Never "`descriptor` is not that of the policy"
"The vault descriptor from elsewhere is used as it stands, so it has to be readable, with its checksum, and can be spent by root and through the paths of the policy and in no other way."
"Copy the descriptor again from where it was made, with its checksum; or say in the policy what it means. `longstop import` writes a policy from a descriptor."
}

impl Code {
    /// The code as it is written, such as `LS0201`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.entry().number
    }

    /// How grave it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        self.entry().severity
    }

    /// Whether a policy can silence it with a reason.
    #[must_use]
    pub const fn can_be_silenced(self) -> bool {
        matches!(self.entry().silence, Silence::WithReason)
    }

    /// Whether it says something of who can do what, and when: `analyze` repeats it then.
    #[must_use]
    pub const fn is_of_analysis(self) -> bool {
        matches!(
            self,
            Self::ShortWindow
                | Self::DirectBeforeStaged
                | Self::WeakRescue
                | Self::OnePersonVeto
                | Self::PartyOnBothSides
                | Self::SharedSeat
                | Self::OpenPath
                | Self::ShadowedPath
                | Self::IdleStagedPath
                | Self::DeadKey
                | Self::VetoBlocked
                | Self::CollapsedQuorum
                | Self::VetoersAllInRoot
                | Self::SingleKeyRoot
                | Self::VetoFromWithin
        )
    }

    /// Whether it is about a script rather than about the document it builds.
    #[must_use]
    pub fn is_of_scripts(self) -> bool {
        self.as_str().starts_with("LS08")
    }

    /// A headline.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.entry().title
    }

    /// What is the matter, in a paragraph.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        self.entry().explanation
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        self.entry().remedy
    }

    /// How it comes about and how it goes away, for codes where a few lines show it.
    #[must_use]
    pub fn example(self) -> Option<Example> {
        example::of(self)
    }

    /// Where the book explains it: a page and a heading, relative to the book.
    #[must_use]
    pub fn place_in_book(self) -> String {
        let heading = format!("{self}: {}", self.title());
        let kept = heading.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
            _ => None,
        });
        format!("codes.md#{}", kept.collect::<String>())
    }

    /// The code that was perhaps meant by something that is none: one with the same number, or
    /// else the one that looks most like it.
    #[must_use]
    pub fn similar_to(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let number = digits.parse::<u32>().ok();
        let same = |code: &Self| {
            let own = code.as_str().trim_start_matches("LS").parse::<u32>().ok();
            own.is_some() && own == number
        };
        let all = || Self::ALL.iter().copied();
        let numbered = all().find(same);
        numbered.or_else(|| {
            let written = did_you_mean(text, all().map(Self::as_str))?;
            Self::from_written(written)
        })
    }

    /// The code written like this.
    #[must_use]
    pub fn from_written(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
