//! `stele token`: bearer tokens, of which the service keeps only the digest.

use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::files;
use clap::Subcommand;
use data_encoding::HEXLOWER;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Bytes of randomness in a token: nobody guesses 256 bits.
const TOKEN_BYTES: usize = 32;

/// Make a bearer token for a service
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token: a file, readable for its owner only, and the digest that goes into stele.toml
    ///
    /// The service never sees the file: it is for whoever is to be let in, and whoever reads the configuration cannot
    /// use the digest in its place. Send the token as `Authorization: Bearer TOKEN`.
    #[command(after_help = EXIT_CODES)]
    New {
        /// The file to make; an existing one is never replaced
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print the digest as JSON
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match &args.action {
        Action::New { file, json } => make(file, *json, console),
    }
}

fn make(file: &Path, json: bool, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut secret = [0; TOKEN_BYTES];
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut secret)
        .map_err(|_| Failure::local("the system gives no randomness"))?;
    let token = HEXLOWER.encode(&secret);
    files::write_secret(file, token.as_bytes())?;
    let digest = HEXLOWER.encode(proofs::sha256(token.as_bytes()).as_bytes());
    if json {
        console.json(&json!({ "file": file.display().to_string(), "token_sha256": digest }))?;
    } else {
        console.line(format_args!("token         {}", file.display()))?;
        console.line(format_args!("token_sha256  {digest}"))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn made(file: &Path) -> (String, Result<Exit, Failure>) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let result = make(file, true, &mut Console::new(&mut out, &mut err));
        (String::from_utf8(out).unwrap(), result)
    }

    #[test]
    fn the_digest_is_that_of_the_file_and_the_token_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("reader.token");
        let (said, result) = made(&file);
        assert_eq!(result.unwrap(), Exit::Done);
        let token = std::fs::read_to_string(&file).unwrap();
        assert_eq!(token.len(), 2 * TOKEN_BYTES);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        let digest = said["token_sha256"].as_str().unwrap().to_owned();
        // What `[read] token_sha256` takes, and what opens it.
        assert_eq!(api::TokenDigest::try_from(digest).unwrap(), api::TokenDigest::of(&token));
        assert!(!said.to_string().contains(&token));
    }

    #[test]
    fn no_two_tokens_are_the_same_and_none_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        assert!(made(&one).1.is_ok() && made(&two).1.is_ok());
        let first = std::fs::read(&one).unwrap();
        assert_ne!(first, std::fs::read(&two).unwrap());
        assert_eq!(made(&one).1.unwrap_err().exit, Exit::Local);
        assert_eq!(std::fs::read(&one).unwrap(), first);
    }
}
