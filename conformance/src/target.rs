//! The service under test, met over HTTP and in no other way.

use std::time::Duration;

use ureq::{Agent, http};

/// How long one request may take and how much of an answer is read.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// From the first byte sent to the last byte read.
    pub timeout: Duration,
    /// An answer with a longer body is an error, so that no service can exhaust the one that doubts it.
    pub body_bytes: u64,
}

impl Default for Caps {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), body_bytes: 8 << 20 }
    }
}

/// A service, named by the URL under which its resources stand.
///
/// An `https` URL needs a process-wide rustls provider, which the caller installs.
#[derive(Debug)]
pub struct Target {
    base: String,
    agent: Agent,
    caps: Caps,
}

/// What came back: status, headers in the order received (names in lower case) and the whole body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body, at most [`Caps::body_bytes`] long.
    pub body: Vec<u8>,
}

/// The request had no answer, or one that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The transport failed, or a cap was reached.
    #[error("{method} {path}: {source}")]
    Transport {
        /// The method of the request.
        method: String,
        /// Its path.
        path: String,
        /// What the HTTP client says.
        source: Box<ureq::Error>,
    },
    /// The request itself cannot be written as HTTP.
    #[error("{method} {path} is no HTTP request: {source}")]
    Request {
        /// The method of the request.
        method: String,
        /// Its path.
        path: String,
        /// What the HTTP client says.
        source: http::Error,
    },
}

impl Target {
    /// A service at `base`, for instance `http://127.0.0.1:8080`; a trailing slash is dropped.
    pub fn new(base: &str, caps: Caps) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(caps.timeout))
            .accept("")
            .accept_encoding("")
            .build();
        Self { base: base.trim_end_matches('/').to_owned(), agent: config.new_agent(), caps }
    }

    /// The URL given to [`Target::new`], without a trailing slash.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// `GET path` with the headers given and no others that select a representation.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, TargetError> {
        self.send("GET", path, headers, None)
    }

    /// `POST path`.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, TargetError> {
        self.send("POST", path, headers, Some(body))
    }

    /// Any method. A path that starts with the service's own URL is taken as it stands, so that a Location
    /// can be followed.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, TargetError> {
        let url = format!("{}{}", self.base, self.relative(path));
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let no_request = |source| TargetError::Request { method: method.into(), path: path.into(), source };
        let no_answer = |source: ureq::Error| TargetError::Transport {
            method: method.into(),
            path: path.into(),
            source: Box::new(source),
        };
        let response = match body {
            Some(bytes) => self.agent.run(request.body(bytes).map_err(no_request)?),
            None => self.agent.run(request.body(()).map_err(no_request)?),
        };
        let (parts, mut body) = response.map_err(no_answer)?.into_parts();
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let body = body.with_config().limit(self.caps.body_bytes).read_to_vec().map_err(no_answer)?;
        Ok(Answer { status: parts.status.as_u16(), headers, body })
    }

    /// The path of a Location: what follows the service's origin, for an absolute URL of whatever host,
    /// because a service may be met through an address that it does not know.
    pub fn relative<'a>(&self, location: &'a str) -> &'a str {
        let Some((_, rest)) = location.split_once("://") else {
            return location;
        };
        rest.find('/').and_then(|start| rest.get(start..)).unwrap_or("/")
    }
}

impl Answer {
    /// The first header of this name, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The media type of the body in lower case, without parameters.
    pub fn media_type(&self) -> Option<String> {
        let value = self.header("content-type")?;
        Some(value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase())
    }
}
