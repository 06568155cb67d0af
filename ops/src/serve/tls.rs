//! TLS of the public API: rustls with aws-lc-rs, HTTP/2 and HTTP/1.1.

use crate::failure::Failure;
use crate::files;
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::PathBuf;
use std::sync::Arc;

/// Where certificate and key lie.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
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
    let mut config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| {
                Failure::local(format_args!("tls.certificate {certificate} and tls.key do not work: {error}"))
            })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}
