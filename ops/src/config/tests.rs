use super::*;
use serde::de::{Error as _, Visitor};
use std::collections::BTreeSet;

const MINIMAL: &str = "[service]\nurl = \"https://ts.example\"\n";

fn complaint(text: &str) -> String {
    let Complaint { line, message } = Config::parse(text).unwrap_err();
    line.map_or_else(String::new, |line| format!("{line}: ")) + &message
}

/// A deserializer that only listens which fields a struct asks for.
struct Fields<'a>(&'a mut Vec<&'static str>);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.extend(fields);
        Err(Self::Error::custom("only listening"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("not a struct"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn fields<T: for<'de> Deserialize<'de>>(section: &str) -> Vec<String> {
    let mut fields = Vec::new();
    T::deserialize(Fields(&mut fields)).err();
    assert!(!fields.is_empty(), "{section} is a struct");
    fields.iter().map(|field| format!("{section}.{field}")).collect()
}

/// The names that the annotated file gives, those without default included.
fn annotated() -> BTreeSet<String> {
    let mut section = "";
    let mut names = BTreeSet::new();
    for line in TEMPLATE.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((name, _)) = line.strip_prefix('#').unwrap_or(line).split_once(" = ")
            && !name.starts_with(' ')
        {
            names.insert(format!("{section}.{name}"));
        }
    }
    names
}

#[test]
fn the_annotated_file_names_every_setting_and_no_other() {
    let code: BTreeSet<String> = [
        fields::<Service>("service"),
        fields::<Listen>("listen"),
        fields::<Tls>("tls"),
        fields::<Log>("log"),
        fields::<api::Limits>("limits"),
        fields::<api::ReadSettings>("read"),
        fields::<api::EvidenceSettings>("evidence"),
        fields::<ledger::Settings>("ledger"),
        fields::<Witness>("witness"),
        fields::<storage::Settings>("store"),
    ]
    .concat()
    .into_iter()
    .collect();
    assert_eq!(annotated(), code);
    assert_eq!(
        fields::<Config>("").concat(),
        ".service.listen.tls.log.limits.read.evidence.ledger.witness.store"
    );
}

#[test]
fn the_annotated_file_gives_the_defaults_of_the_code() {
    let minimal = "[service]\nurl = \"http://127.0.0.1:8080\"\n";
    assert_eq!(Config::parse(TEMPLATE).unwrap(), Config::parse(minimal).unwrap());
}

#[test]
fn every_setting_has_a_remark() {
    let mut before = "";
    for line in TEMPLATE.lines() {
        let setting = !line.starts_with("# ") && line.contains(" = ");
        assert!(!(setting || line.starts_with('[')) || before.starts_with("# "), "no remark above {line:?}");
        before = line;
    }
}

#[test]
fn a_new_log_gets_its_own_address_and_the_remarks() {
    let url = PublicUrl::parse("https://ts.example/log").unwrap();
    let text = for_new_log(&url, "127.0.0.1:9999".parse().unwrap());
    let config = Config::parse(&text).unwrap();
    assert_eq!(config.service.url, url);
    assert_eq!(config.listen.address.port(), 9999);
    assert_eq!(text.lines().count(), TEMPLATE.lines().count());
}

#[test]
fn unknown_names_are_refused_with_their_line() {
    assert!(
        complaint("[service]\nurl = \"https://ts.example\"\nurll = 1\n")
            .starts_with("3: unknown field `urll`")
    );
    assert!(complaint(&format!("{MINIMAL}[lisen]\n")).contains("unknown field `lisen`"));
    for section in ["listen", "tls", "log", "limits", "read", "evidence", "ledger", "store"] {
        let text = format!("{MINIMAL}[{section}]\nnonsense = 1\n");
        assert!(
            complaint(&text).starts_with("4: unknown field `nonsense`"),
            "{section}: {}",
            complaint(&text)
        );
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (text, part) in [
        ("", "missing field `service`"),
        ("[service]\n", "missing field `url`"),
        ("[service]\nurl = \"ts.example\"\n", "public URL"),
        ("[service\n", ""),
    ] {
        assert!(complaint(text).contains(part), "{text:?}: {}", complaint(text));
    }
    for (more, part) in [
        ("[tls]\nkey = \"k\"\n", "needs both"),
        ("[log]\nlevel = \"a=b=c\"\n", "log.level"),
        ("[log]\nformat = \"xml\"\n", "xml"),
        ("[listen]\nprivate = \"none\"\n", "nor \"off\""),
        ("[listen]\naddress = \"localhost\"\n", "socket address"),
        ("[limits]\nrate_cells = 0\n", "limits.rate_cells must not be 0"),
        ("[limits]\nbody_bytes = 99999999\n", "would never fit"),
        ("[read]\nstatements = \"token\"\n", "nobody could read a statement"),
        ("[read]\nstatements = \"friends\"\n", "friends"),
        ("[read]\ntoken_sha256 = [\"secret\"]\n", "64 lower-case hexadecimal digits"),
        ("[tls]\nclient_ca = \"c\"\n", "tls.client_ca needs certificate and key"),
        (
            "[[evidence.producers]]\nid = \"a\"\ncertificates = [\"b\"]\ndoors = [\"evidence\"]\n",
            "no tls.client_ca to verify them",
        ),
        ("[evidence]\nstreams = 0\n", "evidence.streams must not be 0"),
        (
            "[[evidence.producers]]\nid = \"\"\ntoken_sha256 = []\ndoors = []\n",
            "evidence.producers: a producer's id",
        ),
        ("[[evidence.producers]]\nid = \"a\"\ntoken_sha256 = []\ndoors = [\"cellar\"]\n", "cellar"),
        ("[read]\npages_in_flight = 0\n", "read.pages_in_flight must not be 0"),
        ("[read]\nsearches_in_flight = 0\n", "read.searches_in_flight must not be 0"),
    ] {
        let text = format!("{MINIMAL}{more}");
        assert!(complaint(&text).contains(part), "{more:?}: {}", complaint(&text));
    }
}

#[test]
fn workers_are_twice_the_cores_unless_they_are_named() {
    for (cores, fitting) in [(0, 2), (1, 2), (2, 4), (16, 32), (usize::MAX, usize::MAX)] {
        assert_eq!(workers(0, cores), fitting, "{cores}");
        assert_eq!(workers(3, cores), 3);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stele.toml");
    let read = |text: &str| {
        std::fs::write(&file, text).unwrap();
        Config::read(&file).unwrap().ledger.workers
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    assert_eq!(read(TEMPLATE), workers(0, cores));
    assert_eq!(read(&format!("{MINIMAL}[ledger]\nworkers = 1\n")), 1);
}

#[test]
fn the_private_door_can_be_closed() {
    let config = Config::parse(&format!("{MINIMAL}[listen]\nprivate = \"off\"\n")).unwrap();
    assert_eq!(config.listen.private, None);
}

#[test]
fn the_reference_has_every_setting() {
    let page = markdown(TEMPLATE);
    for name in annotated() {
        let (section, name) = name.split_once('.').unwrap();
        assert!(page.contains(&format!("\n## `[{section}]`\n")), "{section}");
        assert!(page.contains(&format!("\n**`{name}`**, ")), "{name}");
    }
    assert!(page.contains("**`certificate`**, no default; for example `\"tls/chain.pem\"`"));
    assert!(!page.contains("\n# Every"), "remarks are text, not headings");
}
