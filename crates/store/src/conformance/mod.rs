//! What every backend must do: async functions over two handles of one environment. A backend's tests run
//! all of them with [`conformance_tests!`](crate::conformance_tests), so that none is forgotten.
//!
//! They need no particular runtime; what is driven at once is driven by [`together`].

#![allow(clippy::missing_panics_doc)] // these are tests: panicking is how they tell

pub mod batch;
pub mod configuration;
pub mod counters;
pub mod elsewhere;
pub mod erasure;
pub mod journal;
pub mod keeping;
pub mod lists;
pub mod load;
pub mod making;
pub mod model;
pub mod overtaken;
pub mod racing;
pub mod rehearsals;
pub mod views;

use std::{
    any::Any,
    fmt,
    future::{Future, poll_fn},
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::Poll,
};

use jiff::Timestamp;

use crate::{Backend, Environment, Identity};

/// A fresh backend under test.
pub struct Bench {
    /// The backend. Nothing is in it yet.
    pub backend: Arc<dyn Backend>,
    /// An empty folder for backups.
    pub scratch: PathBuf,
    /// Whatever must live as long (temporary folders).
    pub keep: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench").field("scratch", &self.scratch).finish_non_exhaustive()
    }
}

/// Two handles of one environment.
#[derive(Clone)]
pub struct Pair {
    /// One handle.
    pub a: Arc<dyn Environment>,
    /// The other.
    pub b: Arc<dyn Environment>,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

/// Who the environment of a name is, in these tests.
pub fn identity(name: &str) -> Identity {
    let mut id = [0x5a; 16];
    for (to, from) in id.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    Identity { id, name: name.to_owned(), live: false, incarnation: 1, directory_key: [9; 32] }
}

impl Bench {
    /// Makes an environment and opens it twice.
    pub async fn pair(&self, name: &str) -> Pair {
        let a = self.backend.create(identity(name), at(0)).await.expect("an environment can be made");
        let b = self.backend.open(name).await.expect("it can be opened again");
        Pair { a, b }
    }
}

/// A time, in seconds since some moment of 2026.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).expect("it is within this century")
}

/// Drives futures at once, on whatever runtime polls this one.
pub async fn together<T>(futures: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.into_iter().map(|future| (Some(future), None)).collect();
    poll_fn(|context| {
        for (future, outcome) in &mut waiting {
            if let Some(running) = future
                && let Poll::Ready(value) = running.as_mut().poll(context)
            {
                *outcome = Some(value);
                *future = None;
            }
        }
        if waiting.iter().all(|(future, _)| future.is_none()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, outcome)| outcome).collect()
}

/// Random numbers that are the same in every run (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `sides`.
    pub fn below(&mut self, sides: u64) -> u64 {
        self.roll() % sides.max(1)
    }

    /// Whether something that happens `parts` times in a hundred happens now.
    pub fn percent(&mut self, parts: u64) -> bool {
        self.below(100) < parts
    }

    /// Some bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            let roll = self.roll().to_le_bytes();
            chunk.copy_from_slice(&roll[..chunk.len()]);
        }
        bytes
    }
}

/// Makes a test of every function of the suite, as in
/// `store::conformance_tests!(bench());` where `bench()` gives a fresh [`Bench`]. The caller has `tokio`.
#[macro_export]
macro_rules! conformance_tests {
    ($bench:expr) => {
        $crate::conformance_tests! { @tests $bench;
            journal::streams_have_no_gaps
            journal::a_gap_is_refused
            journal::records_come_back_as_they_went_in
            journal::streams_page_both_ways
            journal::the_feed_goes_both_ways_and_never_ends_forward
            journal::a_scan_gives_each_record_once_in_the_order_of_its_stream
            journal::lives_are_whole_and_come_one_after_the_other
            journal::lives_may_go_on_meanwhile
            racing::one_of_two_writers_of_a_profile_wins
            racing::one_of_two_claims_wins
            racing::a_batch_under_an_old_epoch_writes_nothing
            racing::no_batch_is_decided_under_an_old_epoch
            racing::a_conflict_leaves_its_neighbours_alone
            racing::a_panic_in_a_step_hurts_nobody_else
            overtaken::what_was_overtaken_is_decided_again
            overtaken::as_long_a_history_is_not_the_same
            overtaken::what_cannot_be_decided_again_is_a_conflict
            overtaken::others_are_decided_again_along_with_it
            overtaken::a_busy_profile_makes_no_conflicts
            counters::grants_stay_below_the_ceiling
            counters::a_part_is_given_only_when_asked_for
            counters::a_refused_batch_gives_its_grants_back
            counters::a_decision_may_ask_again
            views::the_directory_is_exact
            views::a_claim_must_find_what_it_expects
            views::due_work_comes_earliest_first
            views::behind_counts_profiles_of_other_manifests
            views::members_are_counted
            views::search_finds_exact_values
            views::sums_add_up
            views::quarantine_knows_whose_events_it_holds
            lists::pages_are_stable_under_writes
            lists::cursors_of_other_lists_are_refused
            lists::every_list_pages_through
            configuration::control_changes_are_all_or_nothing
            configuration::conditions_are_checked_inside
            configuration::configuration_and_outside_state_come_back
            erasure::an_erased_person_is_gone
            erasure::an_erased_quarantined_event_is_gone
            keeping::environments_are_apart
            keeping::making_is_idempotent_by_id
            keeping::administrators_are_kept
            keeping::the_last_administrator_stays
            keeping::a_closed_handle_answers_so_and_the_other_goes_on
            keeping::what_was_committed_is_there_after_opening_again
            keeping::a_rebuild_makes_equal_views
            keeping::a_failed_rebuild_changes_nothing
            keeping::a_backup_is_one_moment_and_restores
            keeping::a_backup_in_the_making_stays_at_its_moment
            keeping::a_backup_that_is_given_up_leaves_nothing
            keeping::a_restore_applies_later_erasures
            keeping::a_backup_of_another_environment_is_refused
            elsewhere::what_is_kept_elsewhere_is_not_opened_here
            elsewhere::what_was_elsewhere_can_be_moved_here
            rehearsals::reports_come_back_newest_first
            rehearsals::the_oldest_go
            rehearsals::nothing_is_said_of_the_erased
            rehearsals::a_restore_says_nothing_of_the_erased
            rehearsals::an_id_is_used_once
            making::what_is_carried_makes_an_equal_environment
            making::a_gap_in_what_is_put_is_refused
            making::an_unfinished_one_is_opened_by_nobody
            making::shares_of_a_view_add_up
            model::random_histories_agree_with_a_model
        }
    };
    (@tests $bench:expr; $($group:ident :: $name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let bench = $bench;
                $crate::conformance::$group::$name(&bench).await;
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    /// Every test that a file of the suite has is in the list.
    #[test]
    fn none_is_forgotten() {
        let list = include_str!("mod.rs");
        for (group, source) in [
            ("journal", include_str!("journal.rs")),
            ("racing", include_str!("racing.rs")),
            ("overtaken", include_str!("overtaken.rs")),
            ("counters", include_str!("counters.rs")),
            ("views", include_str!("views.rs")),
            ("lists", include_str!("lists.rs")),
            ("configuration", include_str!("configuration.rs")),
            ("erasure", include_str!("erasure.rs")),
            ("keeping", include_str!("keeping.rs")),
            ("elsewhere", include_str!("elsewhere.rs")),
            ("rehearsals", include_str!("rehearsals.rs")),
            ("making", include_str!("making.rs")),
            ("model", include_str!("model.rs")),
        ] {
            let names = source
                .lines()
                .filter_map(|line| line.strip_prefix("pub async fn ")?.strip_suffix("(bench: &Bench) {"));
            for name in names {
                assert!(list.contains(&format!(" {group}::{name}\n")), "{group}::{name} is not in the list");
            }
        }
    }
}
