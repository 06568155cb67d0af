//! The suite that every store passes. It panics where a promise of [`LogStore`](crate::LogStore) is broken.
//!
//! A new store passes [`check`] before anything else is written for it. What needs a disk (opening again, damage) is
//! tested beside the store that has one.

#![expect(clippy::unwrap_used, reason = "this is test code that stores outside this crate can call too")]

mod commits;
mod erasing;
mod published;
mod reads;
pub mod sample;

use crate::store::LogStore;

type Promise = fn(&dyn LogStore);

/// Holds a store to its promises. `make` gives a new empty store each time it is called.
///
/// # Panics
/// When a promise is broken; the message names it.
pub fn check(make: &dyn Fn() -> Box<dyn LogStore>) {
    let promises: &[Promise] = &[
        commits::an_empty_store_holds_nothing,
        commits::a_commit_is_visible_whole,
        commits::a_commit_for_another_head_is_refused,
        commits::sizes_add_up_and_time_does_not_go_back,
        commits::of_two_writers_with_one_base_one_wins,
        commits::tiles_grow_by_appending_only,
        commits::a_tile_has_the_form_of_one,
        commits::a_key_leads_to_one_leaf_for_ever,
        commits::a_row_has_the_form_of_one,
        commits::a_row_of_a_list_ends_with_its_new_leaf,
        commits::a_refused_commit_changes_nothing,
        commits::large_and_empty_values_come_back_whole,
        reads::a_snapshot_stays_at_its_commit,
        reads::entries_are_clipped_to_the_tree,
        reads::tiles_come_in_the_order_asked,
        reads::scans_are_in_order_and_limited,
        reads::scans_stop_at_the_end_of_a_prefix,
        reads::a_scan_goes_on_where_it_ended,
        reads::every_head_is_kept,
        erasing::what_is_erased_is_gone_and_its_entry_stays,
        erasing::an_erasure_that_does_not_fit_changes_nothing,
        erasing::a_key_that_was_erased_is_free_again,
        erasing::scrubbing_changes_nothing_that_is_seen,
        published::a_checkpoint_is_replaced_whole,
        published::a_checkpoint_is_apart_from_the_commits,
        published::an_announced_checkpoint_is_apart_from_the_published_one,
    ];
    for promise in promises {
        promise(make().as_ref());
    }
}
