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
    let words = text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    let ours = words.filter(|word| word.starts_with("stele_") || word.starts_with("process_"));
    let plain = |word: &str| {
        let ending = ["_bucket", "_sum", "_count"].into_iter().find_map(|ending| word.strip_suffix(ending));
        ending.unwrap_or(word).to_owned()
    };
    ours.map(plain).collect()
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
