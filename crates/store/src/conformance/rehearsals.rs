//! Reports of rehearsals.

use std::sync::Arc;

use super::{
    Bench, at,
    batch::{must, profile},
    erasure::{erasure, settle},
};
use crate::{
    AboutMember, Environment, Error, OutsideChange, REHEARSALS_KEPT, Rehearsal, RehearsalRow, VIEWS,
};

/// A report that speaks of these people.
pub fn rehearsal(no: u32, people: &[u32]) -> Rehearsal {
    let about = |person: &u32| AboutMember {
        profile: profile(*person),
        about: format!("{{\"saw\":\"marker of {person} in {no} ☕\"}}"),
    };
    Rehearsal {
        row: RehearsalRow {
            id: format!("rehearsal_{no}"),
            at: at(no.into()),
            actor_id: "admin_1".to_owned(),
            actor: "Ada".to_owned(),
            digest: format!("digest {no}"),
            current: (no > 0).then_some([1; 32]),
            candidate: [2; 32],
            since: no.is_multiple_of(2).then(|| at(1)),
            until: no.is_multiple_of(3).then(|| at(9)),
            trusted: no != 1,
        },
        report: format!("{{\"events\":{no}}}"),
        members: people.iter().map(about).collect(),
    }
}

async fn keep(environment: &Arc<dyn Environment>, rehearsal: Rehearsal) {
    environment.outside(OutsideChange::PutRehearsal(Box::new(rehearsal))).await.expect("it is kept");
}

async fn read(environment: &Arc<dyn Environment>, no: u32) -> Option<Rehearsal> {
    environment.rehearsal(&rehearsal(no, &[]).row.id).await.expect("well")
}

/// What is said of each, empty when it is gone.
async fn said(environment: &Arc<dyn Environment>, no: u32) -> Vec<String> {
    let found = read(environment, no).await.expect("it is kept");
    found.members.into_iter().map(|member| member.about).collect()
}

/// What went in comes out, at another handle too.
pub async fn reports_come_back_newest_first(bench: &Bench) {
    let pair = bench.pair("one").await;
    for no in 0..4 {
        keep(&pair.a, rehearsal(no, &[1, 2, 1])).await;
    }
    for no in 0..4 {
        assert_eq!(read(&pair.b, no).await, Some(rehearsal(no, &[1, 2, 1])));
    }
    assert_eq!(read(&pair.b, 9).await, None);
    let rows = pair.b.rehearsals(None, 99).await.expect("well").rows;
    assert_eq!(rows, [3, 2, 1, 0].map(|no| rehearsal(no, &[]).row));
    assert_eq!(pair.a.epoch().await.expect("well"), 0, "outside state moves no epoch");
    for view in VIEWS {
        assert_eq!(pair.a.export_view(view).await.expect("well"), Vec::<String>::new(), "it is no view");
    }
    assert_eq!(pair.a.check().await.expect("well"), Vec::<String>::new());
}

/// The newest are kept, whole; the others are gone with all that they said.
pub async fn the_oldest_go(bench: &Bench) {
    let pair = bench.pair("one").await;
    let kept = u32::try_from(REHEARSALS_KEPT).expect("it is small");
    for no in 0..kept + 3 {
        keep(&pair.a, rehearsal(no, &[no])).await;
    }
    let rows = pair.b.rehearsals(None, 1_000).await.expect("well").rows;
    assert_eq!(rows.len(), REHEARSALS_KEPT);
    assert_eq!(rows.last().map(|row| row.id.as_str()), Some("rehearsal_3"));
    assert_eq!(read(&pair.b, 2).await, None);
    assert_eq!(read(&pair.b, 3).await, Some(rehearsal(3, &[3])));
    // The place of one that has gone is not taken for another's.
    keep(&pair.b, rehearsal(2, &[7])).await;
    assert_eq!(read(&pair.a, 2).await, Some(rehearsal(2, &[7])));
    assert_eq!(pair.a.check().await.expect("well"), Vec::<String>::new());
}

/// Neither in reports of before, nor in one that was being made meanwhile.
pub async fn nothing_is_said_of_the_erased(bench: &Bench) {
    let pair = bench.pair("one").await;
    settle(&pair.a, 1, "otto").await;
    settle(&pair.a, 2, "anna").await;
    keep(&pair.a, rehearsal(1, &[2, 1])).await;
    keep(&pair.a, rehearsal(2, &[1])).await;
    must(&pair.b, 0, erasure(1)).await;
    keep(&pair.b, rehearsal(3, &[1, 2])).await;
    let whole = |no, place: usize| rehearsal(no, &[2, 2]).members[place].about.clone();
    assert_eq!(said(&pair.a, 1).await, [whole(1, 0), String::new()]);
    assert_eq!(said(&pair.a, 2).await, [String::new()]);
    assert_eq!(said(&pair.a, 3).await, [String::new(), whole(3, 1)]);
    let people = read(&pair.a, 3).await.expect("it is kept").members;
    assert_eq!(people[0].profile, profile(1), "that there was somebody stays");
    assert_eq!(pair.a.check().await.expect("well"), Vec::<String>::new());
}

/// A backup brings reports back, but nothing of who was erased since.
pub async fn a_restore_says_nothing_of_the_erased(bench: &Bench) {
    let pair = bench.pair("one").await;
    settle(&pair.a, 1, "otto").await;
    settle(&pair.a, 2, "anna").await;
    keep(&pair.a, rehearsal(1, &[1, 2])).await;
    let to = bench.scratch.join("backup");
    pair.a.backup(&to).await.expect("well");
    must(&pair.a, 0, erasure(1)).await;
    keep(&pair.a, rehearsal(2, &[2])).await;
    pair.a.close().await.expect("well");
    pair.b.close().await.expect("well");
    let restored = bench.backend.restore("one", &to, at(9)).await.expect("it restores");
    assert_eq!(said(&restored, 1).await, [String::new(), rehearsal(1, &[2]).members[0].about.clone()]);
    assert_eq!(read(&restored, 2).await, None, "it is that moment");
    assert_eq!(restored.check().await.expect("well"), Vec::<String>::new());
}

/// Another report under the same id is refused, and the first one stays.
pub async fn an_id_is_used_once(bench: &Bench) {
    let pair = bench.pair("one").await;
    keep(&pair.a, rehearsal(1, &[1])).await;
    let other = Rehearsal { report: "{}".to_owned(), ..rehearsal(1, &[2]) };
    let again = pair.b.outside(OutsideChange::PutRehearsal(Box::new(other))).await;
    assert!(matches!(again, Err(Error::Exists(_))), "{again:?}");
    assert_eq!(read(&pair.a, 1).await, Some(rehearsal(1, &[1])));
}
