//! What is stored: compact in binary, readable in JSON, the same for the same wallets.

use ledger::{Expiry, ExpiryEnd, GroupId, LotTimes, ProfileId, Wallets};
use serde_json::json;

use crate::book::{Book, day, points, terms};

const PROFILE: &str = "07070707-0707-0707-0707-070707070707";

#[test]
fn ids_are_text_for_people_and_bytes_on_disk() {
    let profile = ProfileId([7; 16]);
    let group = GroupId { profile, n: 300, index: 2 };
    let text = format!("{PROFILE}/300/2");
    assert_eq!(serde_json::to_value(profile).expect("encodes"), json!(PROFILE));
    assert_eq!(serde_json::to_value(group).expect("encodes"), json!(text));
    assert_eq!(text.parse(), Ok(group));
    assert_eq!(serde_json::from_value::<GroupId>(json!(text)).expect("decodes"), group);
    assert_eq!(postcard::to_allocvec(&profile).expect("encodes"), [7; 16]);
    assert_eq!(postcard::to_allocvec(&group).expect("encodes").len(), 16 + 2 + 1);
    for wrong in [
        "",
        PROFILE,
        &text[1..],
        &format!("{text}/1"),
        &format!("{PROFILE}/-1/0"),
        &format!("{PROFILE}/1/65536"),
    ] {
        assert!(wrong.parse::<GroupId>().is_err(), "{wrong}");
        assert!(serde_json::from_value::<GroupId>(json!(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn times_are_microseconds_on_disk_and_cut_off_towards_the_past() {
    for (given, kept) in [
        ("2001-01-01T00:00:00.123456789Z", "2001-01-01T00:00:00.123456Z"),
        ("1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999Z"),
        ("-009999-01-02T01:59:59Z", "-009999-01-02T01:59:59Z"),
        ("9999-12-30T22:00:00.999999999Z", "9999-12-30T22:00:00.999999Z"),
    ] {
        let at = given.parse().expect("a time");
        let times = LotTimes { awarded_at: at, matures_at: None, expires_at: Some(at) };
        let bytes = postcard::to_allocvec(&times).expect("encodes");
        let read: LotTimes = postcard::from_bytes(&bytes).expect("decodes");
        assert_eq!(read.awarded_at.to_string(), kept);
        assert_eq!(read.expires_at, Some(read.awarded_at));
        let json = serde_json::to_value(times).expect("encodes");
        assert_eq!(json, json!({"awarded_at": kept, "matures_at": null, "expires_at": kept}));
        assert_eq!(serde_json::from_value::<LotTimes>(json).expect("decodes"), read);
    }
    let beyond = postcard::to_allocvec(&i64::MAX).expect("encodes");
    assert!(postcard::from_bytes::<LotTimes>(&beyond).is_err());
}

#[test]
fn a_wallet_and_a_group_read_well_as_json() {
    let mut book = Book::new(terms());
    book.terms.expiry = Expiry::AfterDays(30, ExpiryEnd::Month);
    book.award(100, day(0));
    assert_eq!(
        serde_json::to_value(&book.wallets).expect("encodes"),
        json!({"points": {
            "lots": {format!("{PROFILE}/1/0"): {
                "left": 100,
                "awarded_at": "2001-01-01T12:00:00Z",
                "matures_at": null,
                "expires_at": "2001-02-01T00:00:00Z",
            }},
            "debt": 0,
            "reversed": {},
        }})
    );
    assert_eq!(
        serde_json::to_value(&book.groups[0].1).expect("encodes"),
        json!({
            "currency": "points",
            "reason": "award",
            "at": "2001-01-01T12:00:00Z",
            "reactor": null,
            "cites": null,
            "lots": [{
                "awarded_at": "2001-01-01T12:00:00Z",
                "matures_at": null,
                "expires_at": "2001-02-01T00:00:00Z",
            }],
            "reversed": [],
            "postings": [
                {"account": "available", "amount": 100, "lot": format!("{PROFILE}/1/0"), "balance": 100},
                {"account": "issued", "amount": -100, "lot": null, "balance": null},
            ],
        })
    );
}

#[test]
fn wallets_are_small_on_disk() {
    let mut book = Book::new(terms());
    book.terms.expiry = Expiry::AfterDays(365, ExpiryEnd::Month);
    for n in 0..100 {
        book.award(150, day(n));
    }
    let bytes = postcard::to_allocvec(&book.wallets).expect("encodes").len();
    assert_eq!(book.wallet().lots.len(), 4, "points that end in the same month stand together");
    assert!(bytes < 4 * 32, "{bytes} bytes for 4 lots");
    let group = postcard::to_allocvec(&book.groups[0].1).expect("encodes").len();
    assert!(group < 80, "{group} bytes for an award");
    book.deduct(15_000, day(101)).expect("just that is there");
    let bytes = postcard::to_allocvec(&book.wallets).expect("encodes");
    assert!(bytes.len() < 12, "{bytes:?} for nothing");
    let read: Wallets = postcard::from_bytes(&bytes).expect("decodes");
    assert!(read.wallet(&points()).lots.is_empty());
}
