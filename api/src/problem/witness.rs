//! What a witness answers when it does not cosign (WIT-01, WIT-08): a status, and one line for people.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use ledger::CosigningError;
use proofs::witness::SIZE_MEDIA_TYPE;

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// The witness said no.
    #[error(transparent)]
    Said(#[from] CosigningError),
    /// Too many requests at once.
    #[error("too many requests at once")]
    Busy,
    /// The body did not arrive in time.
    #[error("the content did not arrive in time")]
    Slow,
    /// The body is longer than any request.
    #[error("the content is longer than a request can be")]
    TooLarge,
    /// Nothing to show.
    #[error("this witness has cosigned no checkpoint of such a log")]
    NeverCosigned,
}

impl Refused {
    /// The reason as a metric label.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Said(error) => error.kind(),
            Self::Busy => "busy",
            Self::Slow => "slow",
            Self::TooLarge => "too_large",
            Self::NeverCosigned => "never_cosigned",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Said(error) => match error {
                CosigningError::Request(_)
                | CosigningError::Checkpoint(_)
                | CosigningError::OldLarger
                | CosigningError::BeyondTree => StatusCode::BAD_REQUEST,
                CosigningError::UnknownLog => StatusCode::NOT_FOUND,
                CosigningError::Signature(_) | CosigningError::NotOurs => StatusCode::FORBIDDEN,
                CosigningError::Conflict(_) => StatusCode::CONFLICT,
                CosigningError::EmptyRoot
                | CosigningError::ProofOfNothing
                | CosigningError::Inconsistent(_)
                | CosigningError::Subtree(_) => StatusCode::UNPROCESSABLE_ENTITY,
                // The endpoint is optional, and this witness has not the key for it.
                CosigningError::NoSubtrees => StatusCode::NOT_FOUND,
                CosigningError::Overloaded | CosigningError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
                CosigningError::Cosign(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NeverCosigned => StatusCode::NOT_FOUND,
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.status();
        if let Self::Said(CosigningError::Conflict(size)) = &self {
            return (status, [(CONTENT_TYPE, SIZE_MEDIA_TYPE)], format!("{size}\n")).into_response();
        }
        let mut response = (status, format!("{self}\n")).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static("1"));
        }
        response
    }
}
