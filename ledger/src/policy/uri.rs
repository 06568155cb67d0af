//! URIs as RFC 3986 §3 writes them, split and never changed: no decoding, no normalising, no guessing.

/// A URI split into the parts that matter here; every part is a slice of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uri<'a> {
    /// Without the colon.
    pub(crate) scheme: &'a str,
    /// What follows `//`, if that is there.
    pub(crate) authority: Option<&'a str>,
    /// Up to `?` or `#`.
    pub(crate) path: &'a str,
    /// From `?` or `#` on, both included; often empty.
    pub(crate) tail: &'a str,
}

impl<'a> Uri<'a> {
    /// `None` unless the text has a scheme and only the characters of RFC 3986 §2, each in a place where it may
    /// stand; so no space, backslash, control or non-ASCII character.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        let mut letters = scheme.bytes();
        if !letters.next()?.is_ascii_alphabetic()
            || !letters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        {
            return None;
        }
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        let (hierarchy, tail) = rest.split_at_checked(end)?;
        let (authority, path) = match hierarchy.strip_prefix("//") {
            None => (None, hierarchy),
            Some(after) => {
                let end = after.find('/').unwrap_or(after.len());
                let (authority, path) = after.split_at_checked(end)?;
                (Some(authority), path)
            }
        };
        let fine = authority.is_none_or(|text| is_plain(text, b"[]@:"))
            && is_plain(path, b"/:@")
            && is_plain(tail.strip_prefix('?').map_or("", before_fragment), b"/:@?")
            && tail.split_once('#').is_none_or(|(_, fragment)| is_plain(fragment, b"/:@?"));
        fine.then_some(Self { scheme, authority, path, tail })
    }

    /// Whether the path has a segment `.` or `..`, percent-encoded or not, that a resolver would take away.
    pub(crate) fn has_dot_segment(&self) -> bool {
        self.path.split('/').any(|segment| {
            let segment = segment.to_ascii_lowercase().replace("%2e", ".");
            segment == "." || segment == ".."
        })
    }

    /// The host of an authority without user information; the port is left out, an IP literal gives `None`.
    pub(crate) fn host(&self) -> Option<&'a str> {
        let authority = self.authority.filter(|text| !text.contains(['@', '[', ']']))?;
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        (!host.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(host)
    }
}

fn before_fragment(text: &str) -> &str {
    text.split_once('#').map_or(text, |(query, _)| query)
}

/// Only unreserved characters, sub-delimiters, whole percent-encodings, and `more`.
fn is_plain(text: &str, more: &[u8]) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => {
                let hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
                hex(bytes.next()) && hex(bytes.next())
            }
            b'-' | b'.' | b'_' | b'~' => true,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => true,
            _ => byte.is_ascii_alphanumeric() || more.contains(&byte),
        };
        if !fine {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_without_changing() {
        let uri = Uri::parse("https://u@Acme.com:8443/a%2Fb/../c?x=/#f?").unwrap();
        assert_eq!(uri.scheme, "https");
        assert_eq!(uri.authority, Some("u@Acme.com:8443"));
        assert_eq!(uri.path, "/a%2Fb/../c");
        assert_eq!(uri.tail, "?x=/#f?");
        assert!(uri.has_dot_segment());
        assert_eq!(uri.host(), None, "user information is no place to look for a host");
        assert_eq!(Uri::parse("urn:a:b/c").unwrap().authority, None);
        assert_eq!(Uri::parse("urn:a:b/c").unwrap().path, "a:b/c");
    }

    #[test]
    fn arch_03_what_is_not_a_uri() {
        for text in [
            "",
            "acme",
            ":x",
            "1a:x",
            "ht tp:x",
            "https://a b",
            "https://a\\@b",
            "https://a/\u{e9}",
            "https://a/%2",
            "https://a/%zz",
            "https://a#b#c",
            "https://a/[x]",
            "urn:a\n",
            "https://a?\"",
            "h_t:x",
            "https://a/<x>",
            "https://a\u{0}b",
            "https://\u{430}cme.com",
        ] {
            assert_eq!(Uri::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn hosts() {
        for (text, host) in [
            ("https://acme.com", Some("acme.com")),
            ("https://acme.com:8443/x", Some("acme.com")),
            ("https://acme.com:/x", Some("acme.com")),
            ("https://acme.com:80:90/x", None),
            ("https://acme.com:port", None),
            ("https://acme.com@evil.org", None),
            ("https://[::1]/", None),
            ("https:///x", None),
            ("https:acme.com", None),
        ] {
            assert_eq!(Uri::parse(text).unwrap().host(), host, "{text}");
        }
    }

    #[test]
    fn dot_segments_are_seen_through_percent_encoding() {
        for text in ["https://a/.", "https://a/../b", "https://a/x/%2e%2E/b", "https://a/.%2e", "urn:x/.."] {
            assert!(Uri::parse(text).unwrap().has_dot_segment(), "{text}");
        }
        for text in
            ["https://a/...", "https://a/.b", "https://a/b.", "https://a?x=/../", "https://a/%2e%2e%2e"]
        {
            assert!(!Uri::parse(text).unwrap().has_dot_segment(), "{text}");
        }
    }
}
