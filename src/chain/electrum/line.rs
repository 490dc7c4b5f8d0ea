//! The connection to an Electrum server: JSON-RPC with one message to a line.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::chain::BackendError;
use crate::chain::rpc::{self, Answer, Call};
use crate::chain::tls::Tls;

/// Most bytes of a line.
const LINE_LIMIT: u64 = 64 << 20;

/// The versions of the protocol that are understood here.
const VERSIONS: [&str; 2] = ["1.4", "1.6"];

/// How long to wait before the first repetition; each further one waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// How the complaint of a server begins that was not greeted in encrypted form (RFC 8446, 5.1).
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

/// A connection that is made when it is needed, and made again when it broke.
pub struct Connection {
    host: String,
    port: u16,
    tls: Option<Tls>,
    timeout: Duration,
    retries: u32,
    open: Option<Open>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

/// What bytes go through.
trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

struct Open {
    stream: BufReader<Box<dyn Stream>>,
    /// Ids are never used twice, so that a late answer is not taken for another's.
    next_id: u64,
}

impl Connection {
    pub fn new(host: &str, port: u16, tls: Option<Tls>, timeout: Duration, retries: u32) -> Self {
        Self {
            host: host.to_owned(),
            port,
            tls,
            timeout,
            retries,
            open: None,
        }
    }

    /// Asks several questions; they are repeated if the connection breaks.
    pub fn ask(&mut self, calls: &[Call]) -> Result<Vec<Answer>, BackendError> {
        let mut pause = FIRST_PAUSE;
        let mut left = self.retries;
        loop {
            match self.attempt(calls) {
                Err(error) if left > 0 && !error.is_lasting() => left -= 1,
                outcome => return outcome,
            }
            thread::sleep(pause);
            pause = pause.saturating_mul(2);
        }
    }

    /// Sends something, once.
    pub fn tell(&mut self, call: Call) -> Result<Answer, BackendError> {
        // The server may have closed an idle connection; that is found out by a question.
        self.ask(&[Call::new("server.ping", json!([]))])?;
        let mut answers = self.attempt(&[call])?;
        answers
            .pop()
            .ok_or_else(|| BackendError::nonsense("no answer"))
    }

    fn attempt(&mut self, calls: &[Call]) -> Result<Vec<Answer>, BackendError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.connect()?,
        };
        let answers = open.exchange(calls)?;
        // What failed is not used again: answers to it may still be on their way.
        self.open = Some(open);
        Ok(answers)
    }

    fn connect(&self) -> Result<Open, BackendError> {
        let tcp = self.reach().map_err(BackendError::new)?;
        tcp.set_read_timeout(Some(self.timeout))
            .and_then(|()| tcp.set_write_timeout(Some(self.timeout)))
            .and_then(|()| tcp.set_nodelay(true))
            .map_err(BackendError::new)?;
        let stream: Box<dyn Stream> = match &self.tls {
            Some(tls) => {
                let session = tls.begin(&self.host, tcp).map_err(BackendError::new)?;
                Box::new(session)
            }
            None => Box::new(tcp),
        };
        let mut open = Open {
            stream: BufReader::new(stream),
            next_id: 0,
        };
        let client = concat!("longstop/", env!("CARGO_PKG_VERSION"));
        let hello = Call::new("server.version", json!([client, VERSIONS]));
        for answer in open.exchange(&[hello])? {
            answer.map_err(BackendError::new)?;
        }
        Ok(open)
    }

    /// The host without the brackets of an IPv6 address.
    fn bare_host(&self) -> &str {
        let host = self.host.strip_prefix('[');
        host.and_then(|host| host.strip_suffix(']'))
            .unwrap_or(&self.host)
    }

    fn reach(&self) -> io::Result<TcpStream> {
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for address in (self.bare_host(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.timeout) {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

impl Open {
    fn exchange(&mut self, calls: &[Call]) -> Result<Vec<Answer>, BackendError> {
        let first = self.next_id;
        let mut text = String::new();
        for call in calls {
            let message = json!({
                "jsonrpc": "2.0",
                "id": self.next_id,
                "method": call.method,
                "params": call.params,
            });
            text += &format!("{message}\n");
            self.next_id += 1;
        }
        let stream = self.stream.get_mut();
        stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.flush())
            .map_err(BackendError::new)?;
        let mut entries = Vec::with_capacity(calls.len());
        while entries.len() < calls.len() {
            let mut entry = self.read_message()?;
            // Notifications have no id.
            let Some(id) = entry.get("id").and_then(Value::as_u64) else {
                if entry.get("method").is_some() {
                    continue;
                }
                return rpc::answers(calls, entry.to_string().as_bytes());
            };
            let index = id.checked_sub(first);
            if let (Some(index), Some(slot)) = (index, entry.get_mut("id")) {
                *slot = json!(index);
                entries.push(entry);
            }
        }
        rpc::answers(calls, Value::Array(entries).to_string().as_bytes())
    }

    fn read_message(&mut self) -> Result<Value, BackendError> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(LINE_LIMIT);
        limited
            .read_until(b'\n', &mut line)
            .map_err(BackendError::new)?;
        if line.starts_with(&TLS_ALERT) {
            return Err(BackendError::new(
                "the server speaks in encrypted form only; write `electrums://`",
            ));
        }
        if line.last() != Some(&b'\n') {
            return Err(BackendError::new("the server closed the connection"));
        }
        serde_json::from_slice(&line).map_err(BackendError::nonsense)
    }
}
