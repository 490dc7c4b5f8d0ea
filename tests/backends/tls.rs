//! Encrypted connections: a server that is believed, and every kind that is not.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bitcoin::Network;
use longstop::chain::Chain;
use longstop::chain::backend::{Address, Options, open};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tempfile::TempDir;

use super::front::{Behind, Packages, World};
use super::promises;
use super::rig::Rig;
use super::{electrum, esplora};

/// The two kinds of server that can be encrypted.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Electrum,
    Esplora,
}

const KINDS: [Kind; 2] = [Kind::Electrum, Kind::Esplora];

impl Kind {
    fn serve(self, world: World, tls: Option<Arc<ServerConfig>>) -> u16 {
        match self {
            Self::Electrum => electrum::serve(world, Packages::Known, tls),
            Self::Esplora => esplora::serve(world, Packages::Known, tls),
        }
    }

    fn address(self, host: &str, port: u16, certificate: Option<&Path>) -> Address {
        let address = match self {
            Self::Electrum => format!("electrums://{host}:{port}"),
            Self::Esplora => format!("esplora+https://{host}:{port}/api"),
        };
        let certificate = certificate.map(|file| format!("?certificate={}", file.display()));
        let text = address + &certificate.unwrap_or_default();
        text.parse().expect("an address")
    }
}

/// Somebody who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    text: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut terms = CertificateParams::default();
        terms.distinguished_name.push(DnType::CommonName, name);
        terms.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let text = terms.self_signed(&key).expect("it signs").pem();
        let issuer = Issuer::new(terms, key);
        Self { issuer, text }
    }

    fn signs(&self, terms: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = terms.signed_by(&key, &self.issuer).expect("it signs");
        Identity {
            text: certificate.pem(),
            certificate: certificate.der().clone(),
            key,
        }
    }
}

/// A certificate, and a key that is its own unless a test says otherwise.
struct Identity {
    text: String,
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    /// As home servers make one: signed by itself, and an authority by its own word.
    fn made_at_home(terms: &CertificateParams) -> Self {
        let mut terms = terms.clone();
        terms.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = terms.self_signed(&key).expect("it signs");
        Self {
            text: certificate.pem(),
            certificate: certificate.der().clone(),
            key,
        }
    }

    fn config(&self) -> Option<Arc<ServerConfig>> {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).expect("a key");
        let key = rustls::crypto::ring::sign::any_supported_type(&key).expect("a kind of key");
        let shown = CertifiedKey::new(vec![self.certificate.clone()], key);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
        Some(Arc::new(config))
    }
}

/// A certificate for a host that is good today.
fn of(host: &str) -> CertificateParams {
    CertificateParams::new(vec![host.to_owned()]).expect("a name")
}

fn from_to(from: i32, to: i32) -> CertificateParams {
    let mut terms = of("127.0.0.1");
    terms.not_before = date_time_ymd(from, 1, 1);
    terms.not_after = date_time_ymd(to, 1, 1);
    terms
}

fn options() -> Options {
    Options {
        timeout: Duration::from_millis(500),
        retries: 0,
        ..Options::new(Network::Regtest)
    }
}

/// Files with certificates.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn with(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("it is written");
        path
    }
}

/// What is said to somebody who calls a server with this identity `127.0.0.1`, and believes this file.
#[track_caller]
fn refusal(kind: Kind, identity: &Identity, file: Option<&Path>) -> String {
    let port = kind.serve(World::new(), identity.config());
    refused(&kind.address("127.0.0.1", port, file))
}

#[track_caller]
fn refused(address: &Address) -> String {
    let error = open(address, &options()).err().expect("it is refused");
    error.story()
}

/// Everything works as it does without encryption, long answers among it.
#[test]
fn a_server_that_an_authority_vouches_for_is_believed() {
    let files = Files::new();
    let authority = Authority::new("an authority");
    let file = files.with("authority.pem", &authority.text);
    let identity = authority.signs(&of("127.0.0.1"));
    for kind in KINDS {
        let world = World::new();
        let port = kind.serve(world.clone(), identity.config());
        let address = kind.address("127.0.0.1", port, Some(&file));
        let chain = open(&address, &Options::new(Network::Regtest)).expect("it is believed");
        let rig = Rig::new(Box::new(Behind { world, chain }));
        promises::outputs_have_exact_births_and_spends(rig);
    }
}

/// A certificate that stands in the file is good for whatever host it is for; one that an authority
/// has signed is good for its own.
#[test]
fn a_certificate_made_at_home_is_believed_by_whoever_has_it() {
    let files = Files::new();
    let other = Identity::made_at_home(&of("elsewhere.example"));
    for kind in KINDS {
        for host in ["127.0.0.1", "localhost", "elsewhere.example"] {
            let identity = Identity::made_at_home(&of(host));
            let file = files.with("home.pem", &(other.text.clone() + &identity.text));
            let world = World::new();
            let port = kind.serve(world.clone(), identity.config());
            let address = kind.address("127.0.0.1", port, Some(&file));
            let chain = open(&address, &options()).expect("it is believed");
            assert_eq!(chain.tip().expect("it answers"), world.lock().tip());
            // Nobody else believes it.
            let said = refused(&kind.address("127.0.0.1", port, None));
            assert!(
                said.contains("name its certificate behind the address"),
                "{said}"
            );
        }
        let identity = Identity::made_at_home(&of("127.0.0.1"));
        let file = files.with("other.pem", &other.text);
        let said = refusal(kind, &identity, Some(&file));
        assert!(
            said.contains("refused") || said.contains("none of those in"),
            "{said}"
        );
    }
}

#[test]
fn whoever_is_not_believed_is_told_apart() {
    let files = Files::new();
    let authority = Authority::new("an authority");
    let another = Authority::new("another authority");
    let file = files.with("authority.pem", &authority.text);
    for kind in KINDS {
        let good = authority.signs(&of("127.0.0.1"));
        // Somebody of whom nothing is known.
        let said = refusal(kind, &good, None);
        assert!(
            said.contains("no authority that browsers trust vouches"),
            "{said}"
        );
        assert!(said.contains("`?certificate=FILE`"), "{said}");
        let said = refusal(kind, &another.signs(&of("127.0.0.1")), Some(&file));
        assert!(said.contains("none of those in"), "{said}");
        // Another host.
        for host in ["elsewhere.example", "127.0.0.2", "localhost"] {
            let said = refusal(kind, &authority.signs(&of(host)), Some(&file));
            assert!(
                said.contains("is for another name than `127.0.0.1`"),
                "{said}"
            );
        }
        // Another time, for a certificate that stands in the file as for one that is signed.
        for (from, to, word) in [
            (2020, 2021, "has expired on 2021-01-01 00:00"),
            (4000, 4001, "is not valid before"),
        ] {
            let said = refusal(kind, &authority.signs(&from_to(from, to)), Some(&file));
            assert!(said.contains(word), "{said}");
            let own = Identity::made_at_home(&from_to(from, to));
            let own_file = files.with("own.pem", &own.text);
            let said = refusal(kind, &own, Some(&own_file));
            assert!(said.contains(word), "{said}");
        }
        let now = authority.signs(&from_to(2020, 4000));
        let port = kind.serve(World::new(), now.config());
        open(&kind.address("127.0.0.1", port, Some(&file)), &options()).expect("in between");
        // Somebody who shows a certificate that is not his.
        let home = Identity::made_at_home(&of("127.0.0.1"));
        let home_file = files.with("home.pem", &home.text);
        let thief = Identity {
            key: KeyPair::generate().expect("a key"),
            ..home
        };
        let said = refusal(kind, &thief, Some(&home_file));
        assert!(
            said.contains("the certificate of the server is refused"),
            "{said}"
        );
    }
}

#[test]
fn a_file_without_a_certificate_is_named() {
    let files = Files::new();
    let authority = Authority::new("an authority");
    let identity = authority.signs(&of("127.0.0.1"));
    let broken = authority.text.replacen("MII", "MIJ", 1);
    for kind in KINDS {
        let port = kind.serve(World::new(), identity.config());
        for text in ["", "nonsense", &identity.key.serialize_pem(), &broken] {
            let file = files.with("none.pem", text);
            let said = refused(&kind.address("127.0.0.1", port, Some(&file)));
            assert!(said.contains("none.pem` holds no certificate"), "{said}");
        }
        let missing = files.0.path().join("missing.pem");
        let said = refused(&kind.address("127.0.0.1", port, Some(&missing)));
        assert!(said.contains("cannot read the certificate"), "{said}");
    }
}

/// Encrypted where the server is not, and the other way round.
#[test]
fn the_wrong_port_is_said_to_be_one() {
    let files = Files::new();
    let authority = Authority::new("an authority");
    let file = files.with("authority.pem", &authority.text);
    let identity = authority.signs(&of("127.0.0.1"));
    for kind in KINDS {
        let port = kind.serve(World::new(), None);
        let said = refused(&kind.address("127.0.0.1", port, Some(&file)));
        assert!(said.contains("is this the port for that?"), "{said}");
    }
    // A server that says in plain words that it did not understand.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = esplora::respond(&stream, 400, b"");
            // It closes once the client has; else what it said could be lost.
            let _ = std::io::copy(&mut &stream, &mut std::io::sink());
        }
    });
    for kind in KINDS {
        let said = refused(&kind.address("127.0.0.1", port, Some(&file)));
        assert!(said.contains("is not encrypted"), "{said}");
    }
    let port = Kind::Electrum.serve(World::new(), identity.config());
    let plain = format!("electrum://127.0.0.1:{port}");
    let said = refused(&plain.parse().expect("an address"));
    assert!(said.contains("write `electrums://`"), "{said}");
    let port = Kind::Esplora.serve(World::new(), identity.config());
    let plain = format!("esplora+http://127.0.0.1:{port}/api");
    refused(&plain.parse().expect("an address"));
}
