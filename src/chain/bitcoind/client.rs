//! Calls to a node, and who makes them.

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::chain::http::{Http, Reply, StatusError};
use crate::chain::rpc::{self, Answer, Call, CallError};
use crate::chain::{BackendError, disk};

/// How a node knows that it may answer.
#[derive(Clone)]
pub enum Login {
    /// A name and a password, as `name:password`.
    Password(Zeroizing<String>),
    /// The cookie file of the node, which is written anew at each of its starts.
    Cookie(PathBuf),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password(_) => f.write_str("Password(..)"),
            Self::Cookie(path) => f.debug_tuple("Cookie").field(path).finish(),
        }
    }
}

/// Why a node does not let anybody in.
#[derive(Debug, Error)]
pub enum LoginError {
    /// The cookie file cannot be read.
    #[error(
        "cannot read the cookie `{file}` of the node: {source}; the node has to run, and its cookie file has to be readable by you"
    )]
    Cookie {
        /// Its path.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The node refuses the login.
    #[error(
        "the node refuses the login; give its cookie file, or a name and password that it knows"
    )]
    Refused,
    /// There is no login.
    #[error("the node wants a login; give its cookie file, or a name and password")]
    Missing,
}

/// A connection to a node.
pub struct Client {
    http: Http,
    url: String,
    login: Option<Login>,
    /// The header that the login makes, once it was read.
    header: RefCell<Option<Zeroizing<String>>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("url", &self.url)
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

/// Whether a request may reach the node twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    Harmless,
    Never,
}

impl Client {
    pub fn new(
        host: &str,
        port: u16,
        login: Option<Login>,
        timeout: Duration,
        retries: u32,
    ) -> Self {
        Self {
            // A node answers on its own machine, or through a tunnel of somebody else's.
            http: Http::new(timeout, retries, None),
            url: format!("http://{host}:{port}/"),
            login,
            header: RefCell::new(None),
        }
    }

    /// Asks several questions at once.
    pub fn batch(&self, calls: &[Call]) -> Result<Vec<Answer>, BackendError> {
        self.send(calls, Repeat::Harmless)
    }

    /// Asks a question.
    pub fn ask(&self, method: &'static str, params: Value) -> Result<Answer, BackendError> {
        self.one(Call::new(method, params), Repeat::Harmless)
    }

    /// Asks a question that has an answer on every node.
    pub fn get<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, BackendError> {
        rpc::read(self.ask(method, params)?.map_err(BackendError::new)?)
    }

    /// Sends something, once.
    pub fn tell(&self, method: &'static str, params: Value) -> Result<Answer, BackendError> {
        self.one(Call::new(method, params), Repeat::Never)
    }

    fn one(&self, call: Call, repeat: Repeat) -> Result<Answer, BackendError> {
        let mut answers = self.send(&[call], repeat)?;
        answers
            .pop()
            .ok_or_else(|| BackendError::nonsense("no answer"))
    }

    fn send(&self, calls: &[Call], repeat: Repeat) -> Result<Vec<Answer>, BackendError> {
        let body = rpc::request(calls);
        let mut reply = self.post(&body, repeat)?;
        if is_unauthorized(&reply) && matches!(self.login, Some(Login::Cookie(_))) {
            // A node that was started anew has another cookie.
            self.header.replace(None);
            reply = self.post(&body, repeat)?;
        }
        match reply {
            Ok(text) => rpc::answers(calls, &text),
            Err(refused) if matches!(refused.status, 401 | 403) => {
                Err(BackendError::new(match self.login {
                    Some(_) => LoginError::Refused,
                    None => LoginError::Missing,
                }))
            }
            // A single error comes with a status of its own.
            Err(refused) => {
                rpc::answers(calls, refused.text.as_bytes()).map_err(|_| BackendError::new(refused))
            }
        }
    }

    fn post(&self, body: &str, repeat: Repeat) -> Result<Reply, BackendError> {
        let login = self.login_header()?;
        let header = login
            .as_ref()
            .map(|login| ("authorization", login.as_str()));
        match repeat {
            Repeat::Harmless => self.http.post_again(&self.url, header, body),
            Repeat::Never => self.http.post(&self.url, header, body),
        }
    }

    fn login_header(&self) -> Result<Option<Zeroizing<String>>, BackendError> {
        let Some(login) = &self.login else {
            return Ok(None);
        };
        if let Some(header) = &*self.header.borrow() {
            return Ok(Some(header.clone()));
        }
        let words = match login {
            Login::Password(words) => words.clone(),
            Login::Cookie(path) => {
                let line = disk::read_line(path).map_err(|source| {
                    let file = path.display().to_string();
                    BackendError::new(LoginError::Cookie { file, source })
                })?;
                Zeroizing::new(line)
            }
        };
        let encoded = Zeroizing::new(BASE64_STANDARD.encode(words.as_bytes()));
        let header = Zeroizing::new(format!("Basic {}", *encoded));
        self.header.replace(Some(header.clone()));
        Ok(Some(header))
    }
}

fn is_unauthorized(reply: &Reply) -> bool {
    matches!(reply, Err(StatusError { status: 401, .. }))
}

/// Whether a node said that it does not have what was asked for.
pub fn is_unknown(error: &CallError) -> bool {
    /// `RPC_INVALID_ADDRESS_OR_KEY` and `RPC_INVALID_PARAMETER` (`src/rpc/protocol.h`).
    const NOT_FOUND: [i64; 2] = [-5, -8];
    NOT_FOUND.contains(&error.code)
}
