use super::*;
use crate::checks;

#[test]
fn ids_stand_in_names() {
    assert_eq!(ids_in("scr_23_scr_25_locations_agree"), ["SCR-23", "SCR-25"]);
    assert_eq!(ids_in("a_name_with_rcpt_16_in_the_middle"), ["RCPT-16"]);
    assert!(ids_in("scr_2_scr_1234_x_12_arch").is_empty());
}

#[test]
fn every_check_names_requirements_that_are_known() {
    for check in checks::all() {
        let ids = ids_in(check.name);
        assert!(!ids.is_empty(), "{} names no requirement", check.name);
        for id in ids {
            assert!(requirement(&id).is_some(), "{} names {id}, which is not in the table", check.name);
        }
    }
}

#[test]
fn every_known_requirement_has_a_check() {
    let claimed: Vec<_> = checks::all().flat_map(|check| ids_in(check.name)).collect();
    for known in REQUIREMENTS {
        assert!(claimed.iter().any(|id| id == known.id), "{} has no check", known.id);
    }
}
