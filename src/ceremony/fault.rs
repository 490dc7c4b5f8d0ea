//! Everything that can be wrong with a PSBT, in one table.
//!
//! The words never change their meaning: other programs read them, and the book has a page with a
//! section for each, which a test compares with this table.

use std::fmt;

use serde::{Serialize, Serializer};

/// What a fault means for whoever is asked to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// Worth knowing: it is taken out, or passed over, and does no harm.
    Note,
    /// The file is not to be signed.
    Error,
}

impl fmt::Display for Gravity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Error => "error",
        })
    }
}

/// What a fault is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase", tag = "of", content = "number")]
pub enum Place {
    /// The file or the transaction as a whole.
    File,
    /// An input, counted from 0.
    Input(usize),
    /// An output, counted from 0.
    Output(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("file"),
            Self::Input(number) => write!(f, "input {number}"),
            Self::Output(number) => write!(f, "output {number}"),
        }
    }
}

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What kind of fault.
    pub code: FaultCode,
    /// How grave it is.
    pub gravity: Gravity,
    /// What it is of.
    pub place: Place,
    /// What is wrong, in a sentence.
    pub message: String,
}

impl Fault {
    pub(super) fn new(code: FaultCode, place: Place, message: impl Into<String>) -> Self {
        Self {
            code,
            gravity: code.gravity(),
            place,
            message: message.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::File => write!(f, "{} ({})", self.message, self.code),
            place => write!(f, "{place}: {} ({})", self.message, self.code),
        }
    }
}

impl std::error::Error for Fault {}

macro_rules! faults {
    ($($word:literal $name:ident $gravity:ident $title:literal $remedy:literal)*) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultCode {
            $(#[doc = concat!("`", $word, "`: ", $title, ".")] $name,)*
        }

        impl FaultCode {
            /// All kinds, in the order of the book.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its word, which never changes its meaning.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// How grave it is.
            #[must_use]
            pub const fn gravity(self) -> Gravity {
                match self { $(Self::$name => Gravity::$gravity,)* }
            }

            /// What it says, in a line.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What it means, and what to do.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }
        }
    };
}

faults! {
"not-a-psbt" NotAPsbt Error "the file is no PSBT"
"A PSBT is read as bytes, in base64 or hexadecimal, or as the frames that QR codes say. None of these was found."
"malformed" Malformed Error "the PSBT cannot be read"
"A length, a key or a value is not as BIP-174 or BIP-371 has it, or the file ends too early or too late. A signature with a sighash type that does not exist is such a value. Have the file written again."
"too-large" TooLarge Error "the file is larger than any that is read"
"Files have at most 4 MiB, also once they are decompressed, a thousand inputs and a thousand outputs, 20,000 fields altogether and 1 MiB in one field. No transaction of a policy comes near."
"frames-missing" FramesMissing Error "frames are missing"
"The file was shown as several QR codes, and not all were read. The message names the missing ones; read on until none is, and put them into the same file, in any order."
"frames-mixed" FramesMixed Error "frames are of different files"
"One file is read from one series of frames. These are of two, or of two formats, or two are different under one number. Read one series alone."
"frames-type" FramesType Error "the frames hold no PSBT"
"What they are is said in each frame: file type `P` in BBQr; `crypto-psbt`, `psbt` or `bytes` in UR. Have the signer show the PSBT."
"frame-damaged" FrameDamaged Error "a frame cannot be read"
"Characters are missing or changed, or its numbers contradict each other. Read that code again, or the whole series."
"frames-checksum" FramesChecksum Error "the checksum of a series is wrong"
"Each part is whole, and the file that they come to is another than the one that was shown. Read the series again."
"duplicate-field" DuplicateField Error "a field stands twice"
"One of the two would be passed over, and programs do not agree which."
"psbt-version" PsbtVersion Error "the PSBT is of another version than 0"
"Files of version 2 (BIP-370) leave open what is spent and paid, and are not taken. Have the signer or the coordinator write version 0 (BIP-174), which all of them can."
"unknown-field" UnknownField Note "a field is unknown"
"Other programs may keep things of their own in a PSBT. They are passed over, and are not in what is written."
"key-challenge" KeyChallenge Error "the file is a challenge for keys and moves no coins"
"It carries a message and was made by `longstop keys challenge`. Sign it if you were asked to show your keys, and check it with `longstop keys check`."
"network" Network Error "the file is for another network"
"It says so itself, or has account keys of another network."
"policy-id" PolicyId Error "the file is for another policy"
"It was written under another policy id: an older or a newer text of the policy, or somebody else's."
"version" Version Error "the version of the transaction is not that of the policy"
"Transactions of a policy are of version 3 (BIP-431), or of version 2 where it says so. Version 1 knows no relative locks at all."
"input-twice" InputTwice Error "two inputs spend the same coin"
"No block could hold the transaction."
"no-coin" NoCoin Error "nothing says what an input spends"
"Without the script and the amount of a coin nobody can tell what is signed. The file lacks `witness_utxo` and `non_witness_utxo`, or the latter has no such output."
"previous-transaction" PreviousTransaction Error "the previous transaction is another"
"`non_witness_utxo` is not the transaction that the input spends from: its id is another."
"no-previous-transaction" NoPreviousTransaction Error "the previous transaction is missing"
"A version 0 (P2WSH) signature commits to the amount of its own input only, so that a false amount in another would make a fee of what was thought to come back (CVE-2020-14199). Have the whole previous transaction put in, or let the coin be known from the vault."
"coin-differs" CoinDiffers Error "the file says something else of a coin than is known"
"Amount or script of a coin differ between two fields of the file, or from what the chain says."
"legacy-input" LegacyInput Error "an input is of no witness script"
"Coins of a policy are P2TR or P2WSH. For other kinds a signature does not commit to the amount."
"foreign-input" ForeignInput Error "an input is no coin of this policy"
"Its script is none of the policy's at any index up to the last revealed one and the gap. Nothing is signed together with coins of others."
"index-beyond" IndexBeyond Error "a script of our own lies beyond all revealed indexes"
"A coin there would not be found again from the descriptors. If the index was handed out, say so with `--revealed`."
"mixed-coins" MixedCoins Error "the inputs are of different stages"
"One transaction spends coins of one stage through one leaf."
"sequence" SequenceNumber Error "a sequence number fits no leaf"
"Each leaf is spent with exactly its own relative lock, or with 0xfffffffd where it has none. A final one, or one with the disable flag, locks nothing and opens nothing."
"lock-time" LockTime Error "the lock time fits no leaf"
"Each leaf is spent with exactly its own absolute lock, or with 0 where it has none."
"too-many-coins" TooManyCoins Error "several coins where one is moved"
"What root signs in advance, and what leaves an escrow or a lock-up, moves one coin."
"coin-script" CoinScript Error "a script in the file is not that of the coin"
"Witness script, redeem script, internal key, tree or leaf script differ from what the policy gives at the coin's index. A signer that believed the file would sign something else."
"key-origin" KeyOrigin Error "a key or its origin is not that of the coin"
"The file names a key, or says of a key where it comes from, as the policy does not."
"more-than-asked" MoreThanAsked Note "the file names keys or scripts of other leaves"
"A device that signs with every key it owns would sign more than is asked. What is written here has only the keys of the one leaf."
"sighash-type" SighashType Error "the file asks for signatures that do not commit to everything"
"Only ALL, and DEFAULT in taproot, are signed. Anything else lets outputs or inputs be changed afterwards."
"finalized" Finalized Error "an input is finalized already"
"A finished witness says nothing of who signed, and takes a path of its own choosing. Return the file with its signatures instead."
"no-destination" NoDestination Error "the output is missing that the transaction is for"
"A trigger pays the escrow of its path, a settle the lock-up, a cancel, an override and a clawback the vault: each at the coin's own index."
"foreign-output" ForeignOutput Error "an output pays somebody outside the policy"
"This kind of transaction pays nobody outside."
"wrong-stage" WrongStage Error "an output pays a stage that this transaction does not lead to"
"Coins come into an escrow by a trigger and into a lock-up by a settle, and in no other way. What leaves the policy does not come back to one of its scripts."
"wrong-index" WrongIndex Error "an output pays the right stage at a wrong index"
"Escrow and lock-up of a coin have the coin's own index and keychain, and what comes back to the vault has its index on the change keychain: so the descriptors and the chain alone find it again."
"fake-change" FakeChange Error "the file says of a foreign output that it is ours"
"The output has key origins of parties of this policy, and its script is none of the policy's."
"anchor" Anchor Error "the anchor is missing, or is not as it should be"
"Each transaction of version 3 has exactly one pay-to-anchor output of 240 satoshis, by which anybody can raise the fee. Of version 2 none has one: an outsider could hang on to it what keeps the transaction from being replaced."
"dust" Dust Error "an output is dust"
"No node relays the transaction."
"presigned-differs" PresignedDiffers Error "a transaction that root signs in advance is not as the policy makes it"
"Triggers, cancels and settles are fixed by the coin and the policy to the last satoshi, at each rung where there are several. This one has another amount, or the coin is too small for it."
"too-heavy" TooHeavy Error "the transaction is larger than nodes relay"
"A version 3 transaction has at most 10,000 virtual bytes, one of version 2 at most 100,000."
"amount" AmountOverflow Error "amounts add up to more than there can be"
"No block could hold the transaction."
"negative-fee" NegativeFee Error "the outputs are worth more than the inputs"
"No block could hold the transaction."
"fee-too-high" FeeTooHigh Error "the fee is higher than anybody would mean"
"A mistyped amount or feerate gives coins to a miner. If it is meant, raise `--max-fee` (satoshis) or `--max-feerate` (sat/vB)."
"fee-too-low" FeeTooLow Error "the fee is less than nodes relay"
"It pays less than 1 sat/vB."
"signature-foreign" SignatureForeign Note "a signature of a key that is not the coin's"
"It is passed over."
"signature-not-asked" SignatureNotAsked Note "a signature for another leaf than the one that is spent"
"A device signed with every key it owns. It is passed over and is not in what is written."
"signature-sighash" SignatureSighash Error "a signature does not commit to the whole transaction"
"It would hold for other outputs or inputs too. It counts for nothing; find out who made it, and why."
"signature-invalid" SignatureInvalid Error "a signature does not verify"
"It is for another transaction, amount or script, or was damaged. It counts for nothing."
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for FaultCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}
