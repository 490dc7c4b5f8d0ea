//! Addresses of backends, as people write them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use bitcoin::Network;
use thiserror::Error;

/// Where a chain is to be reached.  It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// The RPC interface of a Bitcoin Core node.
    Bitcoind {
        /// Name or IP address; IPv6 in brackets.
        host: String,
        /// The port, where it is not the usual one of the network.
        port: Option<u16>,
        /// The cookie file of the node.
        cookie: Option<PathBuf>,
    },
    /// An Electrum server.
    Electrum {
        /// Name or IP address; IPv6 in brackets.
        host: String,
        /// The port.
        port: u16,
        /// Whether the connection is encrypted.
        tls: bool,
        /// The file with the certificates that are believed in place of those of public authorities.
        certificate: Option<PathBuf>,
    },
    /// An Esplora server.
    Esplora {
        /// The address of its interface, without a slash at the end.
        url: String,
        /// The file with the certificates that are believed in place of those of public authorities.
        certificate: Option<PathBuf>,
    },
    /// An embedded chain in a file.
    Embedded {
        /// The file.
        file: PathBuf,
    },
}

/// The forms that an address has.
const FORMS: &str = "`bitcoind://HOST:PORT`, `bitcoind+cookie:///PATH/.cookie?host=HOST:PORT`, `electrum://HOST:PORT`, `electrums://HOST:PORT`, `esplora+https://HOST/PATH`, `esplora+http://HOST/PATH` or `embedded:FILE`";

/// Why a text is no address of a backend.  What the text holds is not repeated where it could hold
/// a password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// It begins like none of the forms.
    #[error("`{given}` is no address of a backend; it is one of {FORMS}")]
    Form {
        /// What it begins with.
        given: String,
    },
    /// A password stands in it.
    #[error(
        "a password stands in the address, where everybody who lists processes or logs can read it: take the cookie file of the node (`bitcoind+cookie://`), or put `NAME:PASSWORD` into a file that only you can read and give that with `--backend-auth`"
    )]
    Password,
    /// There is no host.
    #[error("the address names no host; write `{scheme}{example}`")]
    NoHost {
        /// The beginning of the address.
        scheme: &'static str,
        /// What could stand behind it.
        example: &'static str,
    },
    /// The port is none.
    #[error("`{given}` is no port: it is a number from 1 to 65535")]
    Port {
        /// What stands there.
        given: String,
    },
    /// Something stands behind the host that has no meaning there.
    #[error("`{given}` stands behind the host and means nothing there; remove it")]
    Surplus {
        /// What stands there.
        given: String,
    },
    /// A cookie address without a file.
    #[error(
        "the address names no cookie file; write `bitcoind+cookie:///var/lib/bitcoind/.cookie`"
    )]
    NoCookie,
    /// A certificate that is not named.
    #[error("the address names no certificate; write `?certificate=/PATH/server.pem`")]
    NoCertificate,
    /// A certificate where nothing is encrypted.
    #[error(
        "a connection without encryption has no certificate; write `electrums://` or `esplora+https://`, or leave it out"
    )]
    NotEncrypted,
    /// A question that a cookie address does not have.
    #[error("a cookie address takes `?host=HOST:PORT` and nothing else, not `{given}`")]
    Query {
        /// What stands there.
        given: String,
    },
    /// No file after `embedded:`.
    #[error("the address names no file; write `embedded:chain.txt`")]
    NoFile,
}

impl Address {
    /// The same address from whatever folder it is read: files are named from the root of the file
    /// system on.
    ///
    /// # Errors
    ///
    /// If nobody knows which folder this is.
    pub fn absolute(&self) -> std::io::Result<Self> {
        Ok(match self.clone() {
            Self::Embedded { file } => Self::Embedded {
                file: std::path::absolute(file)?,
            },
            Self::Bitcoind {
                host,
                port,
                cookie: Some(cookie),
            } => Self::Bitcoind {
                host,
                port,
                cookie: Some(std::path::absolute(cookie)?),
            },
            Self::Electrum {
                host,
                port,
                tls,
                certificate: Some(certificate),
            } => Self::Electrum {
                host,
                port,
                tls,
                certificate: Some(std::path::absolute(certificate)?),
            },
            Self::Esplora {
                url,
                certificate: Some(certificate),
            } => Self::Esplora {
                url,
                certificate: Some(std::path::absolute(certificate)?),
            },
            other => other,
        })
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(file) = text.strip_prefix("embedded:") {
            if file.is_empty() {
                return Err(AddressError::NoFile);
            }
            let file = PathBuf::from(file);
            return Ok(Self::Embedded { file });
        }
        if let Some(rest) = text.strip_prefix("bitcoind+cookie://") {
            return cookie_address(rest);
        }
        if let Some(rest) = text.strip_prefix("bitcoind://") {
            let (host, port) = host_and_port(rest, "bitcoind://", "127.0.0.1:8332")?;
            return Ok(Self::Bitcoind {
                host,
                port,
                cookie: None,
            });
        }
        for (scheme, tls, usual) in [("electrum://", false, 50001), ("electrums://", true, 50002)] {
            if let Some(rest) = text.strip_prefix(scheme) {
                let (rest, certificate) = certificate_of(rest, tls)?;
                let (host, port) = host_and_port(rest, scheme, "electrum.example.org:50002")?;
                return Ok(Self::Electrum {
                    host,
                    port: port.unwrap_or(usual),
                    tls,
                    certificate,
                });
            }
        }
        for (scheme, tls) in [("esplora+http://", false), ("esplora+https://", true)] {
            if let Some(rest) = text.strip_prefix(scheme) {
                let (rest, certificate) = certificate_of(rest, tls)?;
                let rest = rest.trim_end_matches('/');
                let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
                if authority.contains('@') {
                    return Err(AddressError::Password);
                }
                if authority.is_empty() {
                    let example = "esplora.example.org/api";
                    return Err(AddressError::NoHost { scheme, example });
                }
                host_and_port(authority, scheme, "esplora.example.org/api")?;
                let http = scheme.strip_prefix("esplora+").unwrap_or(scheme);
                let url = format!("{http}{rest}");
                return Ok(Self::Esplora { url, certificate });
            }
        }
        let beginning = text.split([':', '/', '@']).next().unwrap_or_default();
        let given = beginning.chars().take(40).collect();
        Err(AddressError::Form { given })
    }
}

fn cookie_address(rest: &str) -> Result<Address, AddressError> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if path.trim_matches('/').is_empty() {
        return Err(AddressError::NoCookie);
    }
    let (host, port) = match query.strip_prefix("host=") {
        Some(host) => host_and_port(
            host,
            "bitcoind+cookie:///PATH/.cookie?host=",
            "127.0.0.1:8332",
        )?,
        None if query.is_empty() => ("127.0.0.1".to_owned(), None),
        None => {
            let given = query.to_owned();
            return Err(AddressError::Query { given });
        }
    };
    Ok(Address::Bitcoind {
        host,
        port,
        cookie: Some(PathBuf::from(path)),
    })
}

/// Takes the file of `?certificate=FILE` off the end of an address.
fn certificate_of(rest: &str, is_encrypted: bool) -> Result<(&str, Option<PathBuf>), AddressError> {
    let Some((before, query)) = rest.split_once('?') else {
        return Ok((rest, None));
    };
    match query.strip_prefix("certificate=") {
        Some("") => Err(AddressError::NoCertificate),
        Some(_) if !is_encrypted => Err(AddressError::NotEncrypted),
        Some(file) => Ok((before, Some(PathBuf::from(file)))),
        // It can be the second half of a password.
        None if query.contains('@') => Err(AddressError::Password),
        None => Err(AddressError::Surplus {
            given: format!("?{query}"),
        }),
    }
}

/// Splits `HOST[:PORT]`, where the host can be an IPv6 address in brackets.
fn host_and_port(
    text: &str,
    scheme: &'static str,
    example: &'static str,
) -> Result<(String, Option<u16>), AddressError> {
    if text.contains('@') {
        return Err(AddressError::Password);
    }
    let text = text.strip_suffix('/').unwrap_or(text);
    if let Some(at) = text.find(['/', '?', '#']) {
        let given = text.get(at..).unwrap_or_default().to_owned();
        return Err(AddressError::Surplus { given });
    }
    let bracket = text.rfind(']').map_or(0, |at| at + 1);
    let (address, rest) = text.split_at_checked(bracket).unwrap_or((text, ""));
    let (host, port) = match rest.split_once(':') {
        Some((name, port)) => (format!("{address}{name}"), Some(port)),
        None => (format!("{address}{rest}"), None),
    };
    if host.is_empty() {
        return Err(AddressError::NoHost { scheme, example });
    }
    let port = port.map(|given| match given.parse() {
        Ok(0) | Err(_) => Err(AddressError::Port {
            given: given.to_owned(),
        }),
        Ok(port) => Ok(port),
    });
    Ok((host, port.transpose()?))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = |port: &Option<u16>| port.map(|port| format!(":{port}")).unwrap_or_default();
        match self {
            Self::Bitcoind {
                host,
                port: number,
                cookie: None,
            } => write!(f, "bitcoind://{host}{}", port(number)),
            Self::Bitcoind {
                host,
                port: number,
                cookie: Some(cookie),
            } => {
                let number = port(number);
                write!(
                    f,
                    "bitcoind+cookie://{}?host={host}{number}",
                    cookie.display()
                )
            }
            Self::Electrum {
                host,
                port,
                tls,
                certificate,
            } => {
                let scheme = if *tls { "electrums" } else { "electrum" };
                write!(f, "{scheme}://{host}:{port}{}", query(certificate.as_ref()))
            }
            Self::Esplora { url, certificate } => {
                write!(f, "esplora+{url}{}", query(certificate.as_ref()))
            }
            Self::Embedded { file } => write!(f, "embedded:{}", file.display()),
        }
    }
}

/// A certificate as it stands behind an address.
fn query(certificate: Option<&PathBuf>) -> String {
    let query = certificate.map(|file| format!("?certificate={}", file.display()));
    query.unwrap_or_default()
}

/// The usual port of the RPC interface (Bitcoin Core's `src/chainparamsbase.cpp`).
pub const fn rpc_port(network: Network) -> u16 {
    match network {
        Network::Testnet => 18332,
        Network::Testnet4 => 48332,
        Network::Signet => 38332,
        Network::Regtest => 18443,
        _ => 8332,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Address, AddressError> {
        text.parse()
    }

    #[test]
    fn an_address_is_written_as_it_is_read() {
        for text in [
            "bitcoind://127.0.0.1",
            "bitcoind://node.example.org:8332",
            "bitcoind://[::1]:18443",
            "bitcoind+cookie:///var/lib/bitcoind/.cookie?host=127.0.0.1:8332",
            "electrum://127.0.0.1:60401",
            "electrums://electrum.example.org:50002",
            "electrums://[::1]:50002?certificate=/home/me/a server?.pem",
            "esplora+https://esplora.example.org/api?certificate=server.pem",
            "esplora+https://esplora.example.org/api",
            "esplora+http://127.0.0.1:3002",
            "embedded:chain.txt",
            "embedded:/tmp/a chain",
        ] {
            let address = parse(text).expect(text);
            assert_eq!(address.to_string(), text);
        }
        let usual = parse("bitcoind+cookie:///data/.cookie").expect("local");
        let local = Address::Bitcoind {
            host: "127.0.0.1".to_owned(),
            port: None,
            cookie: Some("/data/.cookie".into()),
        };
        assert_eq!(usual, local);
        assert_eq!(
            parse("electrums://a").map(|address| address.to_string()),
            Ok("electrums://a:50002".to_owned())
        );
        assert_eq!(
            parse("esplora+https://a/api/").map(|address| address.to_string()),
            Ok("esplora+https://a/api".to_owned())
        );
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for text in [
            "bitcoind://me:hunter2@127.0.0.1:8332",
            "bitcoind://me@127.0.0.1",
            "electrum://me:hunter2@a:1",
            "esplora+https://me:hunter2@a/api",
            "bitcoind+cookie:///data/.cookie?host=me:hunter2@a",
            "http://me:hunter2@127.0.0.1:8332",
            "electrums://me:hunter2@a:1?certificate=server.pem",
            "electrums://me:x?hunter2@a:1",
            "esplora+https://me:hunter2@a/api?certificate=server.pem",
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let says = |text: &str| parse(text).expect_err(text).to_string();
        assert!(says("http://127.0.0.1").starts_with("`http` is no address of a backend"));
        assert!(says("").starts_with("`` is no address"));
        assert!(says("bitcoind://").contains("names no host"));
        assert!(says("bitcoind://:8332").contains("names no host"));
        assert!(says("esplora+https:///api").contains("names no host"));
        for port in ["0", "65536", "x", ""] {
            let text = says(&format!("electrum://a:{port}"));
            assert!(text.contains(&format!("`{port}` is no port")), "{text}");
        }
        assert!(says("electrum://a:1/b").contains("`/b` stands behind"));
        assert!(says("bitcoind+cookie://").contains("no cookie file"));
        assert!(says("bitcoind+cookie:///c?port=1").contains("not `port=1`"));
        assert!(says("embedded:").contains("names no file"));
        assert!(says("electrums://a?certificate=").contains("names no certificate"));
        assert!(says("electrum://a?certificate=c").contains("without encryption"));
        assert!(says("esplora+http://a?certificate=c").contains("without encryption"));
        assert!(says("electrums://a?port=1").contains("`?port=1` stands behind"));
        assert!(says("esplora+https://a/api?x").contains("`?x` stands behind"));
    }

    #[test]
    fn files_are_named_from_the_root_on() {
        let here = std::path::absolute("server.pem").expect("a folder");
        for (relative, absolute) in [
            (
                "electrums://a:1?certificate=server.pem",
                "electrums://a:1?certificate=",
            ),
            (
                "esplora+https://a?certificate=server.pem",
                "esplora+https://a?certificate=",
            ),
            ("bitcoind+cookie://server.pem?host=a", ""),
            ("embedded:server.pem", "embedded:"),
        ] {
            let address = parse(relative).expect("an address").absolute();
            let text = address.expect("a folder").to_string();
            assert!(text.contains(&here.display().to_string()), "{text}");
            assert!(text.starts_with(absolute), "{text}");
        }
        for text in ["electrums://a:1", "esplora+https://a", "bitcoind://a:1"] {
            let address = parse(text).expect("an address").absolute();
            assert_eq!(address.expect("a folder").to_string(), text);
        }
    }

    #[test]
    fn ports_end_where_they_end() {
        assert!(parse("electrum://a:1").is_ok() && parse("electrum://a:65535").is_ok());
    }
}
