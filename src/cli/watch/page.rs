//! Numbers for Prometheus, on an address of this machine alone.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use crate::cli::Failure;
use crate::cli::custody::unix_time;
use crate::cli::failure::WatchFailure;
use crate::watch::{Facts, Metrics, Notice};

/// Most bytes of a request.
const MOST: usize = 4_096;

/// Most bytes that are taken in behind a request.
const MOST_DRAINED: usize = 1 << 20;

/// How long one visitor may take, for his request and for the answer.
const LIMIT: Duration = Duration::from_secs(2);

/// How often it is asked for visitors.
const PAUSE: Duration = Duration::from_millis(50);

/// A page of numbers that somebody can ask for.
pub(super) struct Page {
    address: SocketAddr,
    metrics: Arc<Mutex<Metrics>>,
    is_over: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

/// Answers on an address, which must be one of this machine: whoever can ask learns what a vault is
/// worth.
pub(super) fn serve(address: SocketAddr) -> Result<Page, Failure> {
    if !address.ip().is_loopback() {
        return Err(WatchFailure::NotLoopback { address }.into());
    }
    let failed = |source| WatchFailure::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let metrics = Arc::new(Mutex::new(Metrics::default()));
    let is_over = Arc::new(AtomicBool::new(false));
    let server = {
        let (metrics, is_over) = (Arc::clone(&metrics), Arc::clone(&is_over));
        thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                match listener.accept() {
                    // One after the other: nobody can have more than one thread of this machine.
                    Ok((visitor, _)) => drop(answer(visitor, &metrics)),
                    Err(_) => thread::sleep(PAUSE),
                }
            }
        })
    };
    Ok(Page {
        address,
        metrics,
        is_over,
        server: Some(server),
    })
}

impl Page {
    /// Where it is.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes what a look has brought.
    pub(super) fn take(&self, facts: &Facts, notices: &[Notice]) {
        let mut metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        metrics.take(facts, notices, unix_time(SystemTime::now()));
    }

    /// Takes notices that came after it.
    pub(super) fn add(&self, notices: &[Notice]) {
        let mut metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        metrics.add(notices);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(server) = self.server.take() {
            // If it has panicked, it has ended.
            let _ = server.join();
        }
    }
}

fn answer(mut visitor: TcpStream, metrics: &Mutex<Metrics>) -> std::io::Result<()> {
    visitor.set_nonblocking(false)?;
    visitor.set_write_timeout(Some(LIMIT))?;
    let (status, body) = match request(&mut visitor)? {
        Asked::Metrics => {
            let metrics = metrics.lock().unwrap_or_else(PoisonError::into_inner);
            ("200 OK", metrics.text())
        }
        Asked::Elsewhere => ("404 Not Found", "the numbers are at /metrics\n".to_owned()),
        Asked::Otherwise => ("405 Method Not Allowed", "ask with GET\n".to_owned()),
        Asked::Nonsense => ("400 Bad Request", "this is no request\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    visitor.write_all(head.as_bytes())?;
    visitor.write_all(body.as_bytes())?;
    drain(&mut visitor)
}

/// Takes in what a visitor still sends, within the limits, before his connection is closed.
///
/// A connection that is closed with something unread in it is reset, and the visitor can lose the
/// answer that was on its way to him.
fn drain(visitor: &mut TcpStream) -> std::io::Result<()> {
    visitor.shutdown(Shutdown::Write)?;
    let started = Instant::now();
    let mut taken = 0;
    let mut some = [0; 4_096];
    while taken < MOST_DRAINED {
        let left = LIMIT.saturating_sub(started.elapsed());
        if left.is_zero() {
            break;
        }
        visitor.set_read_timeout(Some(left))?;
        match visitor.read(&mut some) {
            Ok(0) => break,
            Ok(count) => taken += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What a visitor wants.
enum Asked {
    Metrics,
    Elsewhere,
    Otherwise,
    Nonsense,
}

/// Reads a request up to its empty line, within the limits.
fn request(visitor: &mut TcpStream) -> std::io::Result<Asked> {
    let started = Instant::now();
    let mut head = Vec::new();
    let mut some = [0; 512];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let left = LIMIT.saturating_sub(started.elapsed());
        if left.is_zero() || head.len() > MOST {
            return Ok(Asked::Nonsense);
        }
        visitor.set_read_timeout(Some(left))?;
        match visitor.read(&mut some) {
            Ok(0) => return Ok(Asked::Nonsense),
            Ok(count) => head.extend(some.iter().take(count)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let Ok(head) = String::from_utf8(head) else {
        return Ok(Asked::Nonsense);
    };
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    if !version.is_some_and(|version| version.starts_with("HTTP/1.")) || words.next().is_some() {
        return Ok(Asked::Nonsense);
    }
    // A page in a browser can be made to ask under a name of its own, and would read the answer.
    let host = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host")
            .then(|| value.trim().to_owned())
    });
    if host.is_some_and(|host| !is_local(&host)) {
        return Ok(Asked::Elsewhere);
    }
    Ok(match (method, target) {
        (Some("GET"), Some("/metrics")) => Asked::Metrics,
        (Some("GET"), _) => Asked::Elsewhere,
        _ => Asked::Otherwise,
    })
}

/// Whether a name with or without a port is that of this machine for itself.
fn is_local(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let name = bare.rsplit_once(':').map_or(bare, |(name, _)| name);
    let is_address = |text: &str| {
        let parsed = text.parse::<std::net::IpAddr>();
        parsed.is_ok_and(|address| address.is_loopback())
    };
    name.eq_ignore_ascii_case("localhost") || is_address(bare) || is_address(name)
}
