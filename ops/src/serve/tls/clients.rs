//! What a client's certificate is called, told to the requests of its connection.

use api::ClientNames;
use axum::Extension;
use axum::middleware::AddExtension;
use axum_server::accept::Accept;
use axum_server::tls_rustls::RustlsAcceptor;
use rustls::pki_types::CertificateDer;
use std::future::Future;
use std::io;
use std::pin::Pin;
use tokio::net::TcpStream;
use tower::Layer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Accepts TLS connections, and tells their requests the names in the client's certificate, if it showed one: TLS has
/// verified it before anything is asked.
#[derive(Clone)]
pub(crate) struct Named(pub(crate) RustlsAcceptor);

type Accepted<S> = <RustlsAcceptor as Accept<TcpStream, S>>::Stream;

impl<S: Send + 'static> Accept<TcpStream, S> for Named {
    type Stream = Accepted<S>;
    type Service = AddExtension<S, ClientNames>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let accepted = self.0.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            let shown = stream.get_ref().1.peer_certificates().and_then(<[CertificateDer<'_>]>::first);
            let names = shown.map(|certificate| names(certificate)).unwrap_or_default();
            Ok((stream, Extension(ClientNames::new(names)).layer(service)))
        })
    }
}

/// The URIs and DNS names that a certificate is for (RFC 5280 §4.2.1.6); the subject names nobody.
fn names(certificate: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::URI(name) | GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, SanType};

    #[test]
    fn a_certificate_has_the_names_it_is_for() {
        let mut params = CertificateParams::new(vec!["ci.acme.example".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::URI("spiffe://acme.example/ci".try_into().unwrap()));
        params.distinguished_name.push(rcgen::DnType::CommonName, "admin");
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(names(certificate.der()), ["ci.acme.example", "spiffe://acme.example/ci"]);
        let bare = CertificateParams::new(Vec::new()).unwrap();
        assert!(names(bare.self_signed(&KeyPair::generate().unwrap()).unwrap().der()).is_empty());
        assert!(names(b"no certificate").is_empty());
    }
}
