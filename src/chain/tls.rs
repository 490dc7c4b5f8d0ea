//! Encrypted connections: which server is believed to be itself, and what is said of any other.
//!
//! A server that is run for everybody has a certificate of an authority that browsers trust.  One at
//! home has a certificate that it made itself; whoever names that in a file believes it and what it
//! has signed, and no authority beside it.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{self, CertificateDer, ServerName};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme, StreamOwned,
};
use thiserror::Error as ThisError;

use super::disk;
use crate::units::UnixTime;

/// Most bytes of a file with certificates: a chain of a few has some thousand.
const CERTIFICATES_LIMIT: u64 = 1 << 20;

/// What helps against a certificate that nobody vouches for.
const REMEDY: &str =
    "if the server is your own, name its certificate behind the address: `?certificate=FILE`";

/// Why there is no encrypted connection to the server that was meant.
#[derive(Debug, ThisError)]
pub enum TlsError {
    /// The file with certificates cannot be read.
    #[error("cannot read the certificate `{file}`: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// No certificate is in the file, or one that is none.
    #[error(
        "`{file}` holds no certificate that can be used; it is a text with `-----BEGIN CERTIFICATE-----` (PEM)"
    )]
    NoCertificate {
        /// The file.
        file: String,
    },
    /// A host that no certificate can be for.
    #[error("`{host}` is no name that a certificate could be for")]
    NoName {
        /// The host.
        host: String,
    },
    /// No public authority vouches for the certificate.
    #[error("no authority that browsers trust vouches for the certificate of the server; {REMEDY}")]
    Unvouched,
    /// It is none of the certificates in a file, nor signed by one.
    #[error(
        "the certificate of the server is none of those in `{file}`, and none of them has signed it"
    )]
    NotInFile {
        /// The file.
        file: String,
    },
    /// It is the certificate of another server.
    #[error("the certificate of the server is for another name than `{host}`")]
    OtherName {
        /// The name that was asked for.
        host: String,
    },
    /// It is out of date.
    #[error("the certificate of the server has expired on {on}")]
    Expired {
        /// When.
        on: UnixTime,
    },
    /// It is not valid yet.
    #[error(
        "the certificate of the server is not valid before {from}; is the clock of this machine right?"
    )]
    NotYet {
        /// From when on it is.
        from: UnixTime,
    },
    /// It is wrong in another way.
    #[error("the certificate of the server is refused ({0}); {REMEDY}")]
    Refused(CertificateError),
    /// What answers does not speak TLS.
    #[error(
        "what the server answers is not encrypted; is this its port for encrypted connections?"
    )]
    NotEncrypted,
    /// No connection has come about.
    #[error("no encrypted connection has come about; is this the port for that?")]
    NoHandshake(#[source] io::Error),
    /// The library refuses to begin.
    #[error("encryption cannot be set up")]
    SetUp(#[source] Error),
}

impl TlsError {
    /// Whether it will be the same a second later.
    pub(super) const fn is_lasting(&self) -> bool {
        !matches!(self, Self::NoHandshake(_))
    }
}

/// An encrypted connection over another one.
pub type Session<S> = StreamOwned<ClientConnection, S>;

/// Which servers are believed, ready to meet them.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ClientConfig>,
    /// The file with the certificates that are believed, for messages.
    file: Option<String>,
}

impl Tls {
    /// Believes public authorities, or in their place the certificates in a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or holds no certificate.
    pub fn new(file: Option<&Path>) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::SetUp)?;
        let config = match file {
            Some(file) => {
                let judge = Arc::new(Judge::of(file, provider)?);
                // The library's word for any judge but its own; ours asks the library's.
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(judge)
                    .with_no_client_auth()
            }
            None => {
                let roots = RootCertStore {
                    roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
                };
                builder.with_root_certificates(roots).with_no_client_auth()
            }
        };
        Ok(Self {
            config: Arc::new(config),
            file: file.map(|file| file.display().to_string()),
        })
    }

    /// Greets a server over a connection, and returns once it has shown that it is the host.
    ///
    /// # Errors
    ///
    /// If it is not, or does not answer.
    pub fn begin<S: Read + Write>(
        &self,
        host: &str,
        mut stream: S,
    ) -> Result<Session<S>, TlsError> {
        // IPv6 addresses stand in brackets where a port can follow.
        let bare = host.strip_prefix('[');
        let bare = bare.and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| TlsError::NoName {
            host: host.to_owned(),
        })?;
        let mut session =
            ClientConnection::new(Arc::clone(&self.config), name).map_err(TlsError::SetUp)?;
        while session.is_handshaking() {
            session
                .complete_io(&mut stream)
                .map_err(|error| self.fault(error, bare))?;
        }
        Ok(StreamOwned::new(session, stream))
    }

    /// What a failed greeting is called.
    fn fault(&self, error: io::Error, host: &str) -> TlsError {
        let inner = error.get_ref();
        match inner.and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(fault)) => self.certificate_fault(fault, host),
            Some(Error::InvalidMessage(_)) => TlsError::NotEncrypted,
            _ => TlsError::NoHandshake(error),
        }
    }

    fn certificate_fault(&self, fault: &CertificateError, host: &str) -> TlsError {
        match (fault, &self.file) {
            (CertificateError::UnknownIssuer, Some(file)) => {
                TlsError::NotInFile { file: file.clone() }
            }
            (CertificateError::UnknownIssuer, None) => TlsError::Unvouched,
            (
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                _,
            ) => TlsError::OtherName {
                host: host.to_owned(),
            },
            (CertificateError::ExpiredContext { not_after, .. }, _) => TlsError::Expired {
                on: seconds(*not_after),
            },
            (CertificateError::NotValidYetContext { not_before, .. }, _) => TlsError::NotYet {
                from: seconds(*not_before),
            },
            (other, _) => TlsError::Refused(other.clone()),
        }
    }
}

fn seconds(time: pki_types::UnixTime) -> UnixTime {
    UnixTime(u32::try_from(time.as_secs()).unwrap_or(u32::MAX))
}

/// Believes the certificates of a file.
#[derive(Debug)]
struct Judge {
    /// Those that authorities have signed that stand in the file.
    chains: Arc<WebPkiServerVerifier>,
    /// Those in the file themselves.
    own: Vec<CertificateDer<'static>>,
}

impl Judge {
    fn of(path: &Path, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let file = || path.display().to_string();
        let text = disk::read(path, CERTIFICATES_LIMIT).map_err(|source| TlsError::Unreadable {
            file: file(),
            source,
        })?;
        let none = || TlsError::NoCertificate { file: file() };
        let own: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|_| none())?;
        let mut roots = RootCertStore::empty();
        for certificate in &own {
            roots.add(certificate.clone()).map_err(|_| none())?;
        }
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|_| none())?;
        Ok(Self { chains, own })
    }
}

impl ServerCertVerifier for Judge {
    /// A certificate that stands in the file itself is that of the server, whatever it is called and
    /// whoever signed it: certificates made at home often name no host, or call themselves
    /// authorities.  Out of date is out of date all the same.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: pki_types::UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.chains.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verdict {
            Err(Error::InvalidCertificate(fault))
                if self.own.contains(end_entity) && !is_of_time(&fault) =>
            {
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Whether a certificate is wrong for the date alone.
const fn is_of_time(fault: &CertificateError) -> bool {
    matches!(
        fault,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}
