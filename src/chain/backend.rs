//! Where a chain is to be reached, and the one function that goes there.

mod address;

use std::path::PathBuf;
use std::time::Duration;

use bitcoin::Network;
use bitcoin::constants::genesis_block;
use zeroize::Zeroizing;

pub use self::address::{Address, AddressError};
pub use super::bitcoind::Login;

use super::{BackendError, Bitcoind, Chain, ChainFile, Electrum, Esplora};
use crate::units::BlockHeight;

/// How a backend is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// The network that the backend must be on.
    pub network: Network,
    /// The lowest block in which a script that will be asked about can have been paid.  Only a node
    /// of Bitcoin Core needs it, whose blocks are read from there on.
    pub birth: BlockHeight,
    /// The login of a node, where the address names no cookie file.
    pub login: Option<Login>,
    /// The file with the certificates that are believed in place of those of public authorities,
    /// where the address names none.
    pub certificate: Option<PathBuf>,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How often a question is repeated that was not answered.  A transaction is sent once.
    pub retries: u32,
    /// What the backend [remembered](Chain::memory) when it was last open.
    pub memory: Option<Vec<u8>>,
}

impl Options {
    /// The usual: half a minute for an answer, three repetitions, blocks from the first on.
    #[must_use]
    pub const fn new(network: Network) -> Self {
        Self {
            network,
            birth: BlockHeight::GENESIS,
            login: None,
            certificate: None,
            timeout: Duration::from_secs(30),
            retries: 3,
            memory: None,
        }
    }
}

impl Login {
    /// A name and a password, as `name:password`; nothing if the text is not of this form.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (name, password) = text.split_once(':')?;
        let is_whole = !name.is_empty() && !password.is_empty();
        is_whole.then(|| Self::Password(Zeroizing::new(text.to_owned())))
    }

    /// The cookie file of a node.
    #[must_use]
    pub const fn from_cookie(path: PathBuf) -> Self {
        Self::Cookie(path)
    }
}

/// Reaches the chain at an address, and makes sure that it is the right one.
///
/// The backend answers for itself alone: to hold it against others, give several to
/// [`Compared`](super::Compared).
///
/// # Errors
///
/// If it does not answer, is on another network, or lacks blocks that have to be read.
pub fn open(address: &Address, options: &Options) -> Result<Box<dyn Chain + Send>, BackendError> {
    let chain: Box<dyn Chain + Send> = match address {
        Address::Bitcoind { host, port, cookie } => {
            let cookie = cookie.clone().map(Login::Cookie);
            let options = Options {
                login: cookie.or_else(|| options.login.clone()),
                ..options.clone()
            };
            let port = port.unwrap_or(address::rpc_port(options.network));
            let node = Bitcoind::new(host, port, &options);
            check_network(&node, options.network)?;
            node.check_blocks()?;
            return Ok(Box::new(node));
        }
        Address::Electrum {
            host,
            port,
            tls,
            certificate,
        } => {
            let options = with_certificate(options, certificate.as_ref());
            Box::new(Electrum::connect(host, *port, *tls, &options)?)
        }
        Address::Esplora { url, certificate } => {
            let options = with_certificate(options, certificate.as_ref());
            Box::new(Esplora::new(url, &options)?)
        }
        Address::Embedded { file } => Box::new(ChainFile::open(file).map_err(BackendError::new)?),
    };
    check_network(&chain, options.network)?;
    Ok(chain)
}

/// The options, with the certificate that an address names.
fn with_certificate(options: &Options, certificate: Option<&PathBuf>) -> Options {
    let certificate = certificate.or(options.certificate.as_ref());
    Options {
        certificate: certificate.cloned(),
        ..options.clone()
    }
}

/// Refuses a backend whose first block is not that of the network.
fn check_network(chain: &impl Chain, expected: Network) -> Result<(), BackendError> {
    let should = genesis_block(expected).block_hash();
    let found = chain.block_hash(BlockHeight::GENESIS)?;
    let found = found.ok_or_else(|| BackendError::nonsense("there is no first block"))?;
    if found == should {
        return Ok(());
    }
    Err(BackendError::WrongNetwork {
        expected,
        found,
        should,
    })
}
