use super::*;
use ledger::PrivateKey;
use ledger::signer::KeyAlgorithm;
use proofs::StatementBuilder;

fn statement(issuer: &str, subject: &str, content_type: &str, payload: &[u8]) -> SignedStatement {
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let builder =
        StatementBuilder::new(issuer, subject).content_type(ContentType::Text(content_type.to_owned()));
    let bytes = builder.sign(payload, &key).unwrap();
    SignedStatement::parse(&bytes, bytes.len()).unwrap()
}

fn matched(rules: &str, statement: &SignedStatement) -> Vec<String> {
    let (terms, findings) = (vec!["agent_id=a1".to_owned()], vec!["AIGP-CHAIN".to_owned()]);
    let subject = Subject { statement, index_terms: &terms, findings: &findings };
    let rules = Rules::parse(rules).unwrap();
    rules.matches(&subject).into_iter().map(str::to_owned).collect()
}

#[test]
fn each_condition_decides() {
    let statement = statement("https://acme.example", "urn:x:1", "text/plain", b"\xff secret \x00");
    let id = statement.entry_id().to_string();
    let one =
        |condition: &str| !matched(&format!("[[rule]]\nname = \"r\"\n{condition}\n"), &statement).is_empty();
    let other_id = "0".repeat(64);
    for (yes, no) in [
        ("issuer = ['x', 'https://acme.example']", "issuer = ['https://acme']".to_owned()),
        ("subject = ['urn:x:1']", "subject = ['urn:x:2']".to_owned()),
        ("content_type = ['text/plain']", "content_type = ['text/html']".to_owned()),
        (&format!("entry_id = ['{id}']"), format!("entry_id = ['{other_id}']")),
        ("issuer_regex = '^https://acme'", "issuer_regex = '^acme'".to_owned()),
        ("subject_regex = ':1$'", "subject_regex = ':2$'".to_owned()),
        ("payload_regex = '(?-u)\\xff secret'", "payload_regex = 'public'".to_owned()),
        ("index_term = ['agent_id=a1']", "index_term = ['agent_id=a2']".to_owned()),
        ("finding = ['AIGP-CHAIN']", "finding = ['OTHER']".to_owned()),
        ("control = false", "control = true".to_owned()),
    ] {
        assert!(one(yes), "{yes}");
        assert!(!one(&no), "{no}");
        // All conditions of a rule have to hold.
        let both = format!("{yes}\nname = \"r\"\n[[rule]]\nname = \"s\"\n");
        assert!(!both.is_empty());
    }
    assert!(!one("issuer = ['https://acme.example']\nsubject = ['urn:x:2']"));
    assert!(one("issuer = ['https://acme.example']\nsubject = ['urn:x:1']"));
}

#[test]
fn control_statements_are_told_by_their_type() {
    let policy =
        statement("https://ts.example", "urn:stele:policy", "application/vnd.stele.policy+json", b"{}");
    let two = "[[rule]]\nname = 'a'\ncontrol = true\n[[rule]]\nname = 'b'\ncontrol = false\n";
    assert_eq!(matched(two, &policy), ["a"]);
    // Routine: one every few hundred entries, and nothing changes by it.
    for kind in [proofs::manifest::MANIFEST_CT, BATCH_CT] {
        assert_eq!(matched(two, &statement("https://ts.example", "urn:stele:x", kind, b"")), ["b"], "{kind}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (text, why) in [
        ("[[rule]]\nname = 'a'\n", "rule \"a\" has no condition and would match everything"),
        ("[[rule]]\nname = 'a'\nisuer = ['x']\n", "line 3: unknown field `isuer`"),
        ("[[rule]]\nissuer = ['x']\n", "missing field `name`"),
        ("[[rule]]\nname = 'a'\nissuer_regex = '('\n", "unclosed group"),
        ("[[rule]]\nname = 'a'\nsubject_regex = '(\\w{1000}){1000}'\n", "exceeds size limit"),
        ("[[rule]]\nname = 'a'\nentry_id = ['xyz']\n", "rule \"a\": \"xyz\" is no entry id"),
        (
            "[[rule]]\nname = 'a'\nissuer = ['x']\n[[rule]]\nname = 'a'\nissuer = ['y']\n",
            "two rules are called \"a\"",
        ),
        ("rules = 3\n", "unknown field `rules`"),
    ] {
        let error = Rules::parse(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
    assert!(Rules::parse("").unwrap().is_empty());
}
