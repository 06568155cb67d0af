//! The gzip form of a bundle (TILE-08).

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Compresses as fast as gzip can: entries are digests, in which no effort finds much to save.
pub(super) fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len()), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::compress;

    #[test]
    fn what_was_compressed_comes_back_and_has_one_form() {
        let bundle: Vec<u8> =
            (0..256_u32).flat_map(|n| *proofs::sha256(&n.to_be_bytes()).as_bytes()).collect();
        let zipped = compress(&bundle).unwrap();
        let mut unzipped = Vec::new();
        GzDecoder::new(&zipped[..]).read_to_end(&mut unzipped).unwrap();
        assert_eq!(unzipped, bundle);
        // No time and no name within, or two servers would answer with two tags.
        assert_eq!(compress(&bundle).unwrap(), zipped);
        assert_eq!(zipped[4..8], [0; 4]);
    }
}
