//! Control changes, configuration, outside state.

use super::{
    Bench, at,
    batch::{life, must, profile, record, sum},
};
use crate::{
    Commit, Condition, ControlWrites, Error, KeyRow, ObjectRow, OutsideChange, PromotionRow, RevisionRow,
    SecretRow, Stream, Writes,
};

fn revision(no: u8) -> RevisionRow {
    RevisionRow {
        id: [no; 32],
        manifest: [no ^ 0xff; 32],
        canonical: format!("{{\"no\":{no}}}").into(),
        made_at: at(no.into()),
    }
}

fn object(no: u8) -> ObjectRow {
    ObjectRow { hash: [no; 32], canonical: format!("{{\"key\":\"object {no} ☕\"}}").into() }
}

fn promotion(epoch: u64) -> PromotionRow {
    PromotionRow {
        epoch,
        source: "staging".to_owned(),
        source_manifest: [3; 32],
        source_revision: Some([4; 32]),
        digest: "abc".to_owned(),
        plan: "{\"changes\":[]}".into(),
        actor: "ada".to_owned(),
        at: at(5),
    }
}

fn secret(key: &str, sealed: &[u8]) -> SecretRow {
    SecretRow { key: key.to_owned(), sealed: sealed.to_vec(), set_at: at(1), actor: "ada".to_owned() }
}

/// One that is refused leaves nothing behind, whatever it is refused for.
pub async fn control_changes_are_all_or_nothing(bench: &Bench) {
    let pair = bench.pair("one").await;
    let whole = |n| ControlWrites {
        record: Some(record(Stream::Control, n)),
        conditions: Vec::new(),
        objects: vec![object(1)],
        revisions: vec![revision(1)],
        promotion: Some(promotion(n)),
        schedules: Some(vec![("reactor/spring".to_owned(), at(7))]),
        outside: vec![OutsideChange::PutSecret(secret("smtp", b"sealed"))],
    };
    let refused = [
        ControlWrites { conditions: vec![Condition::SecretBound("sms".to_owned())], ..whole(1) },
        whole(2),
        ControlWrites { record: Some(record(Stream::Profile(profile(1)), 1)), ..whole(1) },
    ];
    for writes in refused {
        assert!(pair.a.control(0, writes).await.is_err());
    }
    assert_eq!(pair.a.control(3, whole(4)).await.expect("well"), Commit::EpochMoved(0));
    assert_eq!(pair.b.epoch().await.expect("well"), 0);
    assert_eq!(pair.b.objects(&[[1; 32]]).await.expect("well"), vec![None]);
    assert_eq!(pair.b.revision([1; 32]).await.expect("well"), None);
    assert!(pair.b.promotions(None, 9).await.expect("well").rows.is_empty());
    assert!(pair.b.secrets().await.expect("well").is_empty());
    assert_eq!(pair.b.next_due().await.expect("well"), None);

    assert_eq!(pair.a.control(0, whole(1)).await.expect("well"), Commit::Committed);
    assert_eq!(pair.b.epoch().await.expect("well"), 1);
    let header = pair.b.control_records(0).await.expect("well").remove(0).header;
    let audit = pair.b.audit(None, 9).await.expect("well").rows;
    assert_eq!((audit.len(), audit[0].n, &audit[0].header), (1, 1, &header));
    assert_eq!(pair.b.next_due().await.expect("well"), Some(at(7)));
}

/// Checked in the same transaction, and the one that fails is named.
pub async fn conditions_are_checked_inside(bench: &Bench) {
    let pair = bench.pair("one").await;
    let asking = |condition| ControlWrites { conditions: vec![condition], ..ControlWrites::default() };
    let mut writes = life(profile(1), 0, 1);
    writes.profiles[0].entered = vec![("club".into(), at(1))];
    writes.sums =
        vec![sum("points", ledger::Account::Pending, 5), sum("points", ledger::Account::Issued, -5)];
    must(&pair.a, 0, writes).await;
    let bound = || Condition::SecretBound("smtp".to_owned());
    let unbound = || Condition::SecretUnbound("smtp".to_owned());
    assert_eq!(pair.b.control(0, asking(unbound())).await.expect("well"), Commit::Committed);
    let empty = |key: &str| Condition::NoBalance(key.to_owned());
    let members = |count| Condition::Members("club".to_owned(), count);
    for condition in
        [bound(), empty("points"), members(0), members(2), Condition::Members("vip".to_owned(), 1)]
    {
        match pair.b.control(0, asking(condition.clone())).await {
            Err(Error::Unmet { condition: named, found }) => {
                assert_eq!(named, condition);
                assert!(!found.is_empty());
            }
            other => panic!("{condition:?}: {other:?}"),
        }
    }
    let sums = Writes {
        sums: vec![sum("points", ledger::Account::Pending, -5), sum("points", ledger::Account::Expired, 5)],
        ..Writes::default()
    };
    must(&pair.a, 0, sums).await;
    pair.a.outside(OutsideChange::PutSecret(secret("smtp", b"x"))).await.expect("well");
    let refused = pair.b.control(0, asking(unbound())).await;
    assert!(matches!(refused, Err(Error::Unmet { .. })), "{refused:?}");
    let vip = Condition::Members("vip".to_owned(), 0);
    for condition in [bound(), empty("points"), empty("stars"), members(1), vip] {
        assert_eq!(pair.b.control(0, asking(condition)).await.expect("well"), Commit::Committed);
    }
}

/// What went in comes out, and is written anew or kept as promised.
pub async fn configuration_and_outside_state_come_back(bench: &Bench) {
    let pair = bench.pair("one").await;
    let writes = |n| ControlWrites {
        record: Some(record(Stream::Control, n)),
        objects: vec![object(1), object(2)],
        revisions: vec![revision(1), revision(u8::try_from(n).unwrap_or(0) + 1)],
        promotion: Some(promotion(n)),
        ..ControlWrites::default()
    };
    for n in 1..=2 {
        assert_eq!(pair.a.control(n - 1, writes(n)).await.expect("well"), Commit::Committed);
    }
    let objects = pair.b.objects(&[[2; 32], [9; 32], [1; 32]]).await.expect("well");
    assert_eq!(objects, vec![Some(object(2)), None, Some(object(1))]);
    assert_eq!(pair.b.revision([1; 32]).await.expect("well"), Some(revision(1)));
    let revisions = pair.b.revisions(None, 9).await.expect("well").rows;
    assert_eq!(revisions, vec![revision(3), revision(2), revision(1)], "one that is there stays where it is");
    assert_eq!(pair.b.promotions(None, 9).await.expect("well").rows, vec![promotion(2), promotion(1)]);

    let key = |id: &str, revoked: bool| KeyRow {
        id: id.to_owned(),
        hash: [7; 32],
        prefix: "sk".to_owned(),
        name: "shop \"server\"".to_owned(),
        scopes: vec!["ingest".to_owned(), "read".to_owned()],
        made_at: at(1),
        expires_at: Some(at(900)),
        revoked_at: revoked.then(|| at(2)),
        hint: "beef".to_owned(),
    };
    for change in [
        OutsideChange::PutKey(key("one", false)),
        OutsideChange::PutKey(key("two", false)),
        OutsideChange::PutKey(key("one", true)),
        OutsideChange::PutSecret(secret("smtp", b"old")),
        OutsideChange::PutSecret(secret("sms", &[0, 255])),
        OutsideChange::PutSecret(secret("smtp", b"new")),
        OutsideChange::DropSecret("sms".to_owned()),
        OutsideChange::DropSecret("never".to_owned()),
        OutsideChange::PutCheckpoint("orders.ndjson".to_owned(), "17".to_owned()),
        OutsideChange::PutCheckpoint("orders.ndjson".to_owned(), "18".to_owned()),
    ] {
        pair.a.outside(change).await.expect("well");
    }
    assert_eq!(pair.b.keys().await.expect("well"), vec![key("one", true), key("two", false)]);
    assert_eq!(pair.b.secrets().await.expect("well"), vec![secret("smtp", b"new")]);
    let checkpoints = pair.b.checkpoints().await.expect("well");
    assert_eq!(checkpoints, vec![("orders.ndjson".to_owned(), "18".to_owned())]);
    assert_eq!(pair.b.epoch().await.expect("well"), 2, "outside state moves no epoch");
}
