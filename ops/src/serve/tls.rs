//! TLS of the public API: rustls with aws-lc-rs, HTTP/2 and HTTP/1.1, and clients that show a certificate.

mod clients;

use crate::failure::Failure;
use crate::files;
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use clients::Named;

/// Where certificate and key lie.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Who signs the certificates of clients, if those are asked for.
    pub(crate) client_ca: Option<PathBuf>,
}

/// Reads certificate and key.
pub(super) fn config(files: &Files) -> Result<RustlsConfig, Failure> {
    let certificate = files.certificate.display();
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&files::read(&files.certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::local(format_args!("tls.certificate {certificate} is not PEM: {error}")))?;
    if chain.is_empty() {
        return Err(Failure::local(format_args!("tls.certificate {certificate} holds no certificate")));
    }
    let key = PrivateKeyDer::from_pem_slice(&files::read(&files.key)?).map_err(|error| {
        Failure::local(format_args!("tls.key {} holds no private key in PEM: {error}", files.key.display()))
    })?;
    let clients = clients(files.client_ca.as_deref())?;
    let mut config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_client_cert_verifier(clients).with_single_cert(chain, key))
            .map_err(|error| {
                Failure::local(format_args!("tls.certificate {certificate} and tls.key do not work: {error}"))
            })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

/// What decides on certificates of clients. Whoever shows none is served as ever: only producers need one.
fn clients(authorities: Option<&Path>) -> Result<Arc<dyn ClientCertVerifier>, Failure> {
    let Some(file) = authorities else { return Ok(WebPkiClientVerifier::no_client_auth()) };
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::local(format_args!(
            "tls.client_ca {} holds no certificates of authorities: {why}",
            file.display()
        ))
    };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&files::read(file)?) {
        roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier: Arc<dyn ClientCertVerifier> =
        verifier.allow_unauthenticated().build().map_err(|error| wrong(&error))?;
    Ok(verifier)
}
