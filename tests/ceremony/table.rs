//! Transactions of every kind as files, from which the corpus starts.

use bitcoin::{Amount, Psbt};
use longstop::ceremony::{Reader, Recognised};
use longstop::compile::Role;
use longstop::transaction::{
    Coin, EscrowCoin, Kind, LockupCoin, Payee, StageTransaction, State, VaultCoin,
};

use crate::vault::{DEPOSIT, Draft, TREASURY, World, anywhere, made};

/// What a file of the corpus was before it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    Trigger,
    Cancel,
    Settle,
    Release,
    Clawback,
    Override,
    Spend,
    Refresh,
    Recovery,
    Backstop,
}

impl Base {
    pub const ALL: [Self; 10] = [
        Self::Trigger,
        Self::Cancel,
        Self::Settle,
        Self::Release,
        Self::Clawback,
        Self::Override,
        Self::Spend,
        Self::Refresh,
        Self::Recovery,
        Self::Backstop,
    ];
}

/// A vault with a coin in each stage, and files about them.
pub struct Desk {
    pub script: &'static str,
    pub world: World,
    pub coin: VaultCoin,
    pub escrow: EscrowCoin,
    pub lockup: LockupCoin,
}

impl Desk {
    pub fn new(script: &'static str) -> Self {
        Self::of(script, &Draft::new(script, TREASURY))
    }

    pub fn of(script: &'static str, draft: &Draft) -> Self {
        let mut world = draft.world();
        let coin = world.deposit(DEPOSIT);
        let trigger = world.builder().trigger(&coin, "sos").expect("it pays");
        let escrow: EscrowCoin = made(&trigger);
        let lockup = made(&world.builder().settle(&escrow).expect("it pays"));
        Self {
            script,
            world,
            coin,
            escrow,
            lockup,
        }
    }

    /// The file by which those are asked who sign first.
    pub fn file(&self, base: Base) -> Psbt {
        let builder = self.world.builder();
        match base {
            Base::Trigger => first(&builder.trigger(&self.coin, "sos").expect("it pays")),
            Base::Cancel => first(&builder.cancel(&self.escrow).expect("it pays")),
            Base::Settle => first(&builder.settle(&self.escrow).expect("it pays")),
            Base::Release => {
                let release = builder.release(&self.lockup, anywhere());
                first(&release.expect("it pays"))
            }
            Base::Clawback => first(&builder.clawback(&self.lockup).expect("it pays")),
            Base::Override => first(&builder.override_escrow(&self.escrow).expect("it pays")),
            Base::Spend => self.spend(3),
            Base::Refresh => first(&builder.refresh(&[&self.coin], 3).expect("it pays")),
            Base::Recovery => {
                let recovery = builder.recover(&self.coin, "dead-man", anywhere());
                first(&recovery.expect("it pays"))
            }
            Base::Backstop => {
                let recovery = builder.backstop(&self.escrow, anywhere());
                first(&recovery.expect("it pays"))
            }
        }
    }

    /// A payment of a tenth of the coin, with change at an index.
    pub fn spend(&self, change: u32) -> Psbt {
        let payee = Payee {
            script_pubkey: anywhere(),
            amount: Amount::from_sat(DEPOSIT / 10),
        };
        let spend = self.world.builder().spend(&[&self.coin], &[payee], change);
        first(&spend.expect("it pays"))
    }

    /// What is said of a file by somebody who has handed out one address.
    pub fn read(&self, file: &[u8]) -> Recognised {
        let mut reader = self.reader();
        reader.read(file).expect("it can be judged")
    }

    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.world.compiled, self.world.secp()).with_revealed([1, 1])
    }

    /// The words for everything that is wrong with a file.
    pub fn words(&self, file: &[u8]) -> Vec<&'static str> {
        words_of(&mut self.reader(), file)
    }
}

/// The words for everything that is wrong with a file.
pub fn words_of(reader: &mut Reader<'_>, file: &[u8]) -> Vec<&'static str> {
    match reader.read(file) {
        Ok(read) => words(&read),
        Err(fault) => vec![fault.code.word()],
    }
}

pub fn words(read: &Recognised) -> Vec<&'static str> {
    let mut words: Vec<&str> = read.faults.iter().map(|fault| fault.code.word()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn first<K: Kind, S: State>(transaction: &StageTransaction<K, S>) -> Psbt {
    let roles = transaction.roles();
    let role = if roles.contains(&Role::Arming) {
        Role::Arming
    } else {
        roles[0]
    };
    transaction.request(role).expect("a request")
}

/// Fills the fields of an input from its coin, with all leaves.
pub fn describe(psbt: &mut Psbt, input: usize, coin: &Coin) {
    use miniscript::psbt::PsbtExt;
    psbt.inputs[input].witness_utxo = Some(coin.txout());
    if !coin.txout().script_pubkey.is_p2tr() {
        psbt.inputs[input].non_witness_utxo = coin.source().map(|source| (**source).clone());
    }
    let definite = coin.derived().definite().expect("it was derived");
    psbt.update_input_with_descriptor(input, &definite)
        .expect("it is its descriptor");
}

/// A transaction like another, with one more input.
pub fn with_input(psbt: &mut Psbt, coin: &Coin) {
    let mut input = psbt.unsigned_tx.input[0].clone();
    input.previous_output = coin.outpoint();
    psbt.unsigned_tx.input.push(input);
    psbt.inputs.push(bitcoin::psbt::Input::default());
    let last = psbt.inputs.len() - 1;
    describe(psbt, last, coin);
}
