use super::*;
use std::collections::BTreeSet;

#[test]
fn the_registry_says_which_version_runs() {
    let families = registry().unwrap().gather();
    let build = families.iter().find(|family| family.name() == "stele_build_info").unwrap();
    assert_eq!(build.get_metric()[0].get_label()[0].value(), env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_log_filter_that_is_none_is_refused() {
    let log = Log { level: "a=b=c".to_owned(), format: LogFormat::Text };
    assert!(start_log(&log).unwrap_err().message.contains("is not a log filter"));
}

/// The names in `ops/dashboards/metrics.md`, which a test of the running service holds to what it really shows.
fn documented() -> BTreeSet<String> {
    let lines = include_str!("../../dashboards/metrics.md").lines();
    lines.filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned())).collect()
}

/// Whatever looks like the name of a metric in this text, without the endings that histograms give theirs.
fn named(text: &str) -> BTreeSet<String> {
    text.split(no_word).filter_map(metric).map(str::to_owned).collect()
}

fn no_word(character: char) -> bool {
    !(character.is_ascii_alphanumeric() || character == '_')
}

fn metric(word: &str) -> Option<&str> {
    let ending = ["_bucket", "_sum", "_count"].into_iter().find_map(|ending| word.strip_suffix(ending));
    (word.starts_with("stele_") || word.starts_with("process_")).then(|| ending.unwrap_or(word))
}

/// Each metric, label and value that a selector in this text asks for; variables of the dashboard left out.
fn selected(text: &str) -> BTreeSet<(String, String, String)> {
    let text = text.replace("\\\"", "\"");
    let mut found = BTreeSet::new();
    for (before, after) in text.match_indices('{').map(|(at, _)| text.split_at(at)) {
        let Some(name) = before.rsplit(no_word).next().and_then(metric) else { continue };
        let selector = after.trim_start_matches('{').split('}').next().unwrap();
        for matcher in selector.split(',') {
            let label = matcher.split(no_word).next().unwrap();
            let values = matcher.split('"').nth(1).unwrap().split('|');
            let values = values.filter(|value| !value.starts_with('$'));
            found.extend(values.map(|value| (name.to_owned(), label.to_owned(), value.to_owned())));
        }
    }
    found
}

/// Everything that a service shows before its first request, and the folder of its store.
fn shown() -> (Vec<prometheus::proto::MetricFamily>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = RocksStore::create(&folder.path().join("store"), &storage::Settings::default()).unwrap();
    let registry = registry().unwrap();
    watch_store(&Arc::new(store), &registry).unwrap();
    ledger::Metrics::new(&registry).unwrap();
    api::HttpMetrics::register(&registry).unwrap();
    (registry.gather(), folder)
}

const DASHBOARD: &str = include_str!("../../dashboards/stele.json");
const ALERTS: &str = include_str!("../../dashboards/alerts.yml");

#[test]
fn the_dashboard_and_the_alerts_use_only_metrics_that_exist() {
    let documented = documented();
    assert!(documented.len() > 40, "{documented:?}");
    for (file, text) in [("stele.json", DASHBOARD), ("alerts.yml", ALERTS)] {
        let named = named(text);
        assert!(named.len() > 10, "{file}: {named:?}");
        let unknown: Vec<_> = named.difference(&documented).collect();
        assert!(unknown.is_empty(), "{file} uses {unknown:?}, which ops/dashboards/metrics.md does not list");
    }
}

/// Also those of a rate: what is not there from the start has no increase when it comes.
#[test]
fn the_dashboard_and_the_alerts_ask_only_for_label_values_that_are_there_from_the_start() {
    let (families, _folder) = shown();
    let values = |name: Option<&str>, label: &str| -> BTreeSet<String> {
        let of = families.iter().filter(|family| name.is_none_or(|name| family.name() == name));
        let labels = of.flat_map(|family| family.get_metric()).flat_map(|metric| metric.get_label());
        labels.filter(|pair| pair.name() == label).map(|pair| pair.value().to_owned()).collect()
    };
    for (file, text, least) in [("stele.json", DASHBOARD, 1), ("alerts.yml", ALERTS, 12)] {
        let selected = selected(text);
        assert!(selected.len() >= least, "{file}: {selected:?}");
        for (name, label, value) in selected {
            let own = values(Some(&name), &label);
            // A histogram of a route begins with its first request; the route is known all the same.
            let known = if own.is_empty() { values(None, &label) } else { own };
            assert!(known.contains(&value), "{file}: {name} has no {label}={value:?}, only {known:?}");
        }
    }
}

/// What RocksDB itself says in its file of options: at how many unsorted files of a family it slows commits down.
fn slowdowns(folder: &std::path::Path) -> std::collections::BTreeMap<String, u64> {
    let files = std::fs::read_dir(folder.join("store/db")).unwrap().map(|file| file.unwrap().path());
    let named =
        |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("OPTIONS-");
    let options = std::fs::read_to_string(files.filter(named).max().unwrap()).unwrap();
    let family = |section: &str| {
        let (name, rest) = section.split_once("\"]")?;
        let limit =
            rest.lines().find_map(|line| line.trim().strip_prefix("level0_slowdown_writes_trigger="))?;
        Some((name.to_owned(), limit.parse().unwrap()))
    };
    options.split("[CFOptions \"").skip(1).filter_map(family).collect()
}

#[test]
fn unsorted_files_alert_before_they_slow_commits_down() {
    let (families, folder) = shown();
    let slowdowns = slowdowns(folder.path());
    let unsorted = families.iter().find(|family| family.name() == "stele_store_unsorted_files").unwrap();
    let labels = unsorted.get_metric().iter().map(|metric| metric.get_label()[0].value().to_owned());
    let mut watched = BTreeSet::new();
    for part in ALERTS.split("stele_store_unsorted_files{family=~\"").skip(1) {
        let (names, rest) = part.split_once('"').unwrap();
        let threshold = rest.split("> ").nth(1).unwrap().split(|character: char| !character.is_ascii_digit());
        let threshold: u64 = threshold.into_iter().next().unwrap().parse().unwrap();
        for name in names.split('|') {
            assert!(threshold + 1 < slowdowns[name], "{name}: {threshold} of {}", slowdowns[name]);
            watched.insert(name.to_owned());
        }
    }
    assert_eq!(watched, labels.collect::<BTreeSet<_>>(), "each family is watched");
}

#[test]
fn the_dashboard_is_json_and_every_panel_asks_for_something() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let targets = panel["targets"].as_array().map_or(0, Vec::len);
        assert!(panel["type"] == "row" || targets > 0, "{panel}");
        let described = panel["description"].as_str().is_some_and(|text| text.ends_with('.'));
        assert!(panel["type"] == "row" || described, "{} says what it means", panel["title"]);
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let alerts: BTreeSet<&str> =
        ALERTS.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let linked: BTreeSet<&str> =
        ALERTS.lines().filter_map(|line| line.trim().strip_prefix("runbook: ops/runbooks/")).collect();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("Stele"))
        .collect();
    let expected: BTreeSet<String> = alerts.iter().map(|alert| format!("{alert}.md")).collect();
    assert!(alerts.len() > 8);
    assert_eq!(files, expected);
    assert_eq!(linked.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), expected);
}
