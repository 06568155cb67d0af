use proptest::prelude::*;

use super::*;

fn prefix(text: &str) -> IssuerPrefix {
    IssuerPrefix::try_from(text.to_owned()).unwrap()
}

#[test]
fn d16_prefixes_end_where_components_end() {
    for (text, about, not_about) in [
        (
            "https://acme.com",
            &[
                "https://acme.com",
                "https://acme.com/",
                "https://acme.com/agents/1",
                "https://acme.com?x",
                "https://acme.com#x",
            ][..],
            &[
                "https://acme.com.evil.org",
                "https://acme.com.evil.org/acme.com",
                "https://acme.comx",
                "https://acme.com:8443",
                "https://acme.com:8443/x",
                "https://acme.com@evil.org/",
                "https://acme.com:x@evil.org/",
                "https://acme.com%2F.evil.org",
                "https://acme.com\\@evil.org",
                "https://acme.com /",
                "https://acme.com/\u{e9}",
                "https://acme.com/../x",
                "https://acme.com/a/%2e%2E/x",
                "https://Acme.com/",
                "HTTPS://acme.com/",
                "http://acme.com/",
                "https://www.acme.com",
                "acme.com",
                "",
            ][..],
        ),
        (
            "https://acme.com/agents",
            &["https://acme.com/agents", "https://acme.com/agents/", "https://acme.com/agents/7?x"],
            &[
                "https://acme.com/agents2",
                "https://acme.com/agents:7",
                "https://acme.com/",
                "https://acme.com/agent",
            ],
        ),
        (
            "https://acme.com/agents/",
            &["https://acme.com/agents/", "https://acme.com/agents/7"],
            &["https://acme.com/agents", "https://acme.com/agents2", "https://acme.com/agents/../x"],
        ),
        (
            "spiffe://acme.com",
            &["spiffe://acme.com/ns/a/sa/b", "spiffe://acme.com"],
            &["spiffe://acme.com.evil.org/ns", "spiffe://evil.org/acme.com", "spiffe://acme.co"],
        ),
        (
            "urn:acme",
            &["urn:acme", "urn:acme:agent:7", "urn:acme/x"],
            &["urn:acme2", "urn:acm", "urn:evil:acme"],
        ),
        (
            "did:web:acme.com",
            &["did:web:acme.com", "did:web:acme.com:agents:1"],
            &["did:web:acme.com.evil.org", "did:web:acme.com%3A8443"],
        ),
        ("did:key", &["did:key:z6Mk"], &["did:keys:z6Mk", "did:web:x"]),
        ("urn:acme:", &["urn:acme:x", "urn:acme:"], &["urn:acme", "urn:acmex"]),
    ] {
        let pattern = prefix(text);
        for issuer in about {
            assert!(pattern.matches(issuer), "{text} should be about {issuer}");
        }
        for issuer in not_about {
            assert!(!pattern.matches(issuer), "{text} should not be about {issuer}");
        }
    }
}

#[test]
fn unusable_prefixes_are_refused() {
    for (text, error) in [
        ("", PrefixError::NotAUri),
        ("acme", PrefixError::NotAUri),
        ("https://acme.com/ x", PrefixError::NotAUri),
        ("https://acme.com?x", PrefixError::Tail),
        ("https://acme.com/#x", PrefixError::Tail),
        ("https://", PrefixError::Authority),
        ("https:///x", PrefixError::Authority),
        ("https://user@acme.com", PrefixError::Authority),
        ("https:", PrefixError::OnlyScheme),
        ("https:/", PrefixError::OnlyScheme),
        ("urn:", PrefixError::OnlyScheme),
        ("urn::", PrefixError::OnlyScheme),
        ("https://acme.com/a/..", PrefixError::DotSegment),
        ("https://acme.com/%2e/a", PrefixError::DotSegment),
    ] {
        assert_eq!(IssuerPrefix::try_from(text.to_owned()), Err(error), "{text}");
    }
    assert_eq!(IssuerMatch::exact(""), Err(PrefixError::NotAnIssuer));
    assert_eq!(IssuerMatch::exact("a b: c"), Err(PrefixError::NotAnIssuer));
}

#[test]
fn an_exact_name_is_only_itself() {
    let name = IssuerMatch::exact("https://acme.com").unwrap();
    assert!(name.matches("https://acme.com"));
    for other in ["https://acme.com/", "https://Acme.com", "https://acme.co", "https://acme.com.evil.org", ""]
    {
        assert!(!name.matches(other), "{other}");
    }
    assert!(IssuerMatch::exact("just a name").unwrap().matches("just a name"));
}

/// Another reading of the rule, by lists of components: what a prefix says must be the start of what a name says.
/// It shares no code with the pattern and works from the definition in the documentation.
fn oracle(prefix: &str, issuer: &str) -> bool {
    fn components(text: &str) -> Option<Vec<String>> {
        let mut text = text.to_owned();
        // A query or fragment is one component of its own, behind all others.
        let mut tail = None;
        if let Some(at) = text.find(['?', '#']) {
            tail = Some(text.split_off(at));
        }
        let (scheme, rest) = text.split_once(':')?;
        let mut list = vec![format!("{scheme}:")];
        if let Some(rest) = rest.strip_prefix("//") {
            let mut parts = rest.split('/');
            list.push(format!("//{}", parts.next()?));
            list.extend(parts.map(|part| format!("/{part}")));
        } else {
            let mut word = String::new();
            for c in rest.chars() {
                if c == ':' || c == '/' {
                    list.push(std::mem::take(&mut word));
                }
                word.push(c);
            }
            list.push(word);
        }
        list.extend(tail);
        Some(list)
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?#%".contains(c);
    if !issuer.chars().all(legal) || issuer.matches('#').count() > 1 {
        return false;
    }
    let (Some(prefix), Some(issuer)) = (components(prefix), components(issuer)) else { return false };
    // Only slashes make segments that a resolver takes away; `urn:..:x` has none.
    let slashes = issuer.concat().split(['?', '#']).next().unwrap_or_default().to_owned();
    let hierarchy = slashes.split_once(':').map_or("", |(_, rest)| rest);
    let path = match hierarchy.strip_prefix("//") {
        Some(rest) => rest.split_once('/').map_or("", |(_, path)| path),
        None => hierarchy,
    };
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return false;
    }
    // A prefix that ends with a separator has an empty last component; any name that goes on fits it.
    let (whole, last) = match prefix.split_last() {
        Some((last, whole)) if last == "/" || last == ":" => (whole.to_vec(), Some(last.clone())),
        _ => (prefix, None),
    };
    let begins = issuer.len() >= whole.len() && issuer.iter().zip(&whole).all(|(a, b)| a == b);
    begins && last.is_none_or(|last| issuer.get(whole.len()).is_some_and(|next| next.starts_with(&last)))
}

/// Names that are often nearly alike: few hosts, few segments, and separators in wrong places.
fn name() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("acme.com"),
        Just("acme"),
        Just("a"),
        Just("b"),
        Just(".."),
        Just("."),
        Just(".evil.org"),
        Just("/"),
        Just("/"),
        Just(":"),
        Just("?"),
        Just("#"),
        Just("@"),
        Just("x y"),
        Just("\u{e9}"),
    ];
    let start = prop_oneof![
        Just("https://acme.com"),
        Just("https://"),
        Just("urn:acme"),
        Just("urn:"),
        Just("did:key")
    ];
    (start, proptest::collection::vec(piece, 0..6))
        .prop_map(|(start, pieces)| format!("{start}{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn d16_prefix_matching_agrees_with_an_independent_oracle(text in name(), issuer in name(), joined in any::<bool>()) {
        if let Ok(pattern) = IssuerPrefix::try_from(text.clone()) {
            // Half of the names begin with the prefix, else almost none would match.
            let issuer = if joined { format!("{text}{}", issuer.trim_start_matches("https:")) } else { issuer };
            prop_assert_eq!(pattern.matches(&issuer), oracle(&text, &issuer), "{} against {}", text, issuer);
        }
    }

    #[test]
    fn a_prefix_is_about_nobody_on_another_host(host in "[a-z.:@%-]{0,12}", path in "[a-z/.]{0,8}") {
        let issuer = format!("https://acme.com{host}/{path}");
        if !host.is_empty() {
            prop_assert!(!prefix("https://acme.com").matches(&issuer), "{}", issuer);
        }
    }
}
