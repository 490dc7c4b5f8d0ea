//! HTTP: one request, its answer, and how often it is tried; encrypted as connections to Electrum
//! servers are.

use std::fmt;
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use thiserror::Error;
use ureq::Agent;
use ureq::http::Response;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, TcpConnector,
    Transport, TransportAdapter,
};
use ureq::{Body, config::Config};

use super::BackendError;
use super::tls::{Session, Tls};

/// Most bytes of one answer: a batch of blocks in hex is the largest.
const ANSWER_LIMIT: u64 = 256 << 20;

/// How long to wait before the first repetition; each further one waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// A server said no to the request itself.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the server answered with status {status}{}", told(.text))]
pub struct StatusError {
    pub status: u16,
    pub text: String,
}

fn told(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        return String::new();
    }
    format!(": {}", line.chars().take(300).collect::<String>())
}

/// Connections to one server.
#[derive(Clone, Debug)]
pub struct Http {
    agent: Agent,
    retries: u32,
}

/// What came back: a body, or the refusal of the server to answer such a request.
pub type Reply = Result<Vec<u8>, StatusError>;

impl Http {
    /// Gives up on a request after this time, and repeats one that may be repeated so often.
    ///
    /// Addresses with `https` are reached by `tls` alone.
    pub fn new(timeout: Duration, retries: u32, tls: Option<Tls>) -> Self {
        let config = Config::builder()
            .http_status_as_error(false)
            .timeout_global(Some(timeout))
            // What the environment says is for the command line to read, if anybody.
            .proxy(None)
            .max_redirects(0)
            .user_agent(concat!("longstop/", env!("CARGO_PKG_VERSION")))
            .build();
        let connector = ().chain(TcpConnector::default()).chain(Encrypting(tls));
        Self {
            agent: Agent::with_parts(config, connector, DefaultResolver::default()),
            retries,
        }
    }

    /// Asks for a document.
    pub fn get(&self, url: &str) -> Result<Reply, BackendError> {
        self.repeated(|| reply(self.agent.get(url).call()))
    }

    /// Sends a document that may arrive more than once.
    pub fn post_again(
        &self,
        url: &str,
        header: Option<(&str, &str)>,
        body: &str,
    ) -> Result<Reply, BackendError> {
        self.repeated(|| self.post(url, header, body))
    }

    /// Sends a document once.
    pub fn post(
        &self,
        url: &str,
        header: Option<(&str, &str)>,
        body: &str,
    ) -> Result<Reply, BackendError> {
        let mut request = self.agent.post(url);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        reply(request.content_type("application/json").send(body))
    }

    /// Repeats what failed on the way, and what a busy server put off.
    fn repeated(
        &self,
        attempt: impl Fn() -> Result<Reply, BackendError>,
    ) -> Result<Reply, BackendError> {
        let mut pause = FIRST_PAUSE;
        let mut left = self.retries;
        loop {
            let outcome = attempt();
            let is_passing = match &outcome {
                Err(error) => !error.is_lasting(),
                Ok(Err(refused)) => matches!(refused.status, 429 | 502 | 503 | 504),
                Ok(Ok(_)) => false,
            };
            if !is_passing || left == 0 {
                return outcome;
            }
            left -= 1;
            thread::sleep(pause);
            pause = pause.saturating_mul(2);
        }
    }
}

fn reply(outcome: Result<Response<Body>, ureq::Error>) -> Result<Reply, BackendError> {
    let mut response = outcome.map_err(|error| match error {
        // Our own, of the connection.
        ureq::Error::Other(cause) => BackendError::Silent(cause),
        error => BackendError::new(error),
    })?;
    let status = response.status().as_u16();
    let limited = response.body_mut().with_config().limit(ANSWER_LIMIT);
    let body = limited.read_to_vec().map_err(BackendError::new)?;
    if (200..300).contains(&status) {
        return Ok(Ok(body));
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    Ok(Err(StatusError { status, text }))
}

/// Encrypts connections where an address asks for it.
#[derive(Debug)]
struct Encrypting(Option<Tls>);

impl<In: Transport> Connector<In> for Encrypting {
    type Out = Either<In, Encrypted<In>>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else {
            return Ok(None);
        };
        let tls = self.0.as_ref().filter(|_| details.needs_tls());
        let Some(tls) = tls else {
            // The library refuses an unencrypted connection where another one is needed.
            return Ok(Some(Either::A(transport)));
        };
        let host = details.uri.host().unwrap_or_default();
        let mut stream = TransportAdapter::new(transport, details.current_time.clone());
        stream.set_timeout(details.timeout);
        let stream = tls
            .begin(host, stream)
            .map_err(|error| ureq::Error::Other(Box::new(error)))?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Either::B(Encrypted { buffers, stream })))
    }
}

/// An encrypted connection over another one.
struct Encrypted<In: Transport> {
    buffers: LazyBuffers,
    stream: Session<TransportAdapter<In>>,
}

impl<In: Transport> Transport for Encrypted<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.stream.write_all(output)?;
        Ok(self.stream.flush()?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let amount = self.stream.read(input)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl<In: Transport> fmt::Debug for Encrypted<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypted")
            .field("over", self.stream.sock.inner())
            .finish_non_exhaustive()
    }
}
