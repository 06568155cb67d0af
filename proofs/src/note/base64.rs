//! Base64 with one spelling for each value (RFC 4648 §4, CKPT-08).

use data_encoding::BASE64;

/// Decodes canonical base64. The decoder alone would take several padded texts in a row for one, as in `MQ==Mg==`.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.as_bytes()).ok().filter(|bytes| BASE64.encode(bytes) == text)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn ckpt_08_base64_has_one_spelling() {
        assert_eq!(decode("MQ=="), Some(b"1".to_vec()));
        assert_eq!(decode("MTI="), Some(b"12".to_vec()));
        for other in ["MQ==Mg==", "MTI=MTI=", "MQ", "MR==", "MQ==\n", " MQ==", "M-=="] {
            assert_eq!(decode(other), None, "{other:?}");
        }
    }
}
