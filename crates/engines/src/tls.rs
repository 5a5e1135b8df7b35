//! TLS for every driver: verified against the system's authorities or the one that the fleet file names.
//!
//! There is no mode without verification: an unverified connection is a plain one with extra steps.

use std::sync::Arc;

use roadstead_core::{Error, Kind, Result, Text, model::TlsSpec};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject};

/// The certificate authorities that a connection trusts.
pub(crate) fn authorities(tls: &TlsSpec) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    if let Some(path) = &tls.ca {
        let unreadable = |error: &(dyn std::error::Error + 'static)| {
            Error::new(Kind::Input, Text::new("engines-tls-ca-unreadable").with("path", path))
                .caused_by(error)
                .cure(Text::new("engines-tls-ca-unreadable-cure"))
        };
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))? {
            let certificate = certificate.map_err(|error| unreadable(&error))?;
            store.add(certificate).map_err(|error| unreadable(&error))?;
        }
        if store.is_empty() {
            return Err(Error::new(Kind::Input, Text::new("engines-tls-ca-empty").with("path", path))
                .cure(Text::new("engines-tls-ca-unreadable-cure")));
        }
    } else {
        let found = rustls_native_certs::load_native_certs();
        store.add_parsable_certificates(found.certs);
    }
    Ok(store)
}

/// A client configuration that verifies the server's chain and name.
pub(crate) fn client(tls: &TlsSpec) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(authorities(tls)?)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The failure of TLS in an error of a connection, if that is what it is.
pub(crate) fn failure(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Why no TLS connection came about, or why it was broken off, and what is to be changed for it.
pub(crate) fn refused(error: &rustls::Error) -> Error {
    let told = |what: Text, cure: &str| Error::new(Kind::Denied, what).cure(Text::new(cure)).caused_by(error);
    match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                told(Text::new("engines-tls-expired"), "engines-tls-expired-cure")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                told(Text::new("engines-tls-not-yet"), "engines-tls-not-yet-cure")
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                let names = if presented.is_empty() { "-".to_owned() } else { presented.join(", ") };
                told(Text::new("engines-tls-other-name").with("names", names), "engines-tls-other-name-cure")
            }
            CertificateError::UnknownIssuer => {
                told(Text::new("engines-tls-authority"), "engines-tls-authority-cure")
            }
            _ => told(Text::new("engines-tls-certificate"), "engines-tls-certificate-cure"),
        },
        rustls::Error::InvalidMessage(_) => told(Text::new("engines-tls-none"), "engines-tls-none-cure"),
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            told(Text::new("engines-tls-client"), "engines-tls-client-cure")
        }
        _ => told(Text::new("engines-tls-broken-off"), "engines-tls-broken-off-cure"),
    }
}

/// Whether a host is this machine by its very name: a loopback address or `localhost`.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
