//! The subject of a certificate as one unambiguous text (RFC 4514).

use std::fmt::Write;

use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Attribute types with a short name: RFC 4514 §3, and two more under the names that OpenSSL prints.
const NAMES: [(&str, &str); 11] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// RFC 4514 §2: the last RDN first, every special character escaped, so that no value can look like two attributes.
///
/// `None` where an attribute has no short name here or a value is no plain string; such a leaf can be bound by its
/// key.
pub(super) fn rfc4514(name: &X509Name<'_>) -> Option<String> {
    let mut rdns = Vec::new();
    for rdn in name.iter_rdn() {
        let parts: Option<Vec<String>> = rdn.iter().map(attribute).collect();
        rdns.push(parts?.join("+"));
    }
    rdns.reverse();
    Some(rdns.join(","))
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let id = attribute.attr_type().to_id_string();
    let (_, name) = NAMES.iter().find(|(known, _)| *known == id)?;
    Some(format!("{name}={}", escaped(attribute.as_str().ok()?)))
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (position, character) in value.chars().enumerate() {
        let at_edge =
            (position == 0 && matches!(character, ' ' | '#')) || (position == last && character == ' ');
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => {
                text.push('\\');
                text.push(character);
            }
            _ if at_edge => {
                text.push('\\');
                text.push(character);
            }
            _ if character.is_control() => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    // Writing to a String cannot fail.
                    let _ = write!(text, "\\{byte:02X}");
                }
            }
            _ => text.push(character),
        }
    }
    text
}
