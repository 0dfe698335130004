//! The formats: golden bytes, and bytes that are no records.

use std::sync::Arc;

use jiff::Timestamp;
use ledger::{Account, CurrencyKey, GroupId, LotTimes, Posting, PostingGroup, ProfileId, Reason};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;

use super::{stories::SHOP, world::World};
use crate::{
    Command, Decision, Demanded, Effect, Identity, Input, Outcome, Profile, Stopped, Times, evolve,
    input::Order,
    profile::{Observation, Observed},
    record::{self, Writing},
};

const WHO: ProfileId = ProfileId([0xaa; 16]);
const OTHER: ProfileId = ProfileId([0xbb; 16]);

fn at(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).expect("in range")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits"))
        .collect()
}

/// One of everything that a record can hold.
fn everything() -> Decision {
    let lot = |n, index| Some(GroupId { profile: WHO, n, index });
    let reasons = [
        Stopped::Condition,
        Stopped::Error,
        Stopped::Schedule,
        Stopped::Limit(3, 9),
        Stopped::Budget,
        Stopped::SwitchedOff,
        Stopped::Depth,
        Stopped::Short,
    ];
    let mut outcomes = vec![Outcome { step: 0, reactor: "r".into(), stopped: None }];
    outcomes.extend(reasons.into_iter().map(|stopped| Outcome {
        step: 1,
        reactor: "other".into(),
        stopped: Some(stopped),
    }));
    let groups = vec![PostingGroup {
        currency: CurrencyKey::from("points"),
        reason: Reason::MergeIn,
        at: at(1_000_000),
        reactor: Some("r".into()),
        cites: lot(3, 1),
        lots: vec![LotTimes {
            awarded_at: at(-5),
            matures_at: Some(at(7)),
            expires_at: Some(at(1_000_000_000_000)),
        }],
        reversed: vec![(GroupId { profile: OTHER, n: 1, index: 2 }, 30)],
        postings: vec![
            Posting { account: Account::Available, amount: 12, lot: lot(7, 0), balance: Some(12) },
            Posting { account: Account::Clearing, amount: -12, lot: None, balance: None },
        ],
    }];
    let grants = vec![Demanded {
        counter: "budget/reactor/r".into(),
        ceiling: 100,
        asked: 12,
        part: true,
        granted: 5,
        n: 9,
    }];
    let seen = |day, value| Observation { day, value };
    let number = Decimal::new(-1999, 2);
    let effects = vec![
        Effect::Identity(Identity::User("ann".into())),
        Effect::Identity(Identity::Anonymous("cookie".into())),
        Effect::Trait("email".into(), Some("\"a@b.example\"".into())),
        Effect::Trait("city".into(), None),
        Effect::Observe("orders".into(), seen(9862, Observed::Count(1))),
        Effect::Define(
            "all".into(),
            0x0102_0304_0506_0708,
            30,
            vec![
                seen(-1, Observed::Sum(number)),
                seen(0, Observed::Min(number)),
                seen(0, Observed::Max(number)),
                seen(0, Observed::Last(at(5), "\"x\"".into())),
                seen(0, Observed::Earliest(at(6))),
                seen(0, Observed::Latest(at(7))),
            ],
        ),
        Effect::Forget("old".into()),
        Effect::Entered("in".into(), at(8)),
        Effect::Left("out".into(), at(9)),
        Effect::Fired("r".into(), vec![(1, 9862), (2, 9860)]),
        Effect::Emitted(1, "Knock".into(), "{}".into()),
        Effect::Outbox("email".into(), "r".into(), "{\"template\":\"t\"}".into()),
        Effect::MergedInto(OTHER),
        Effect::Absorbed(OTHER, Profile::new(OTHER).encode()),
        Effect::Erased,
        Effect::Basis([0xcc; 32]),
        Effect::Declared(Arc::new(vec![1, u64::MAX])),
        Effect::Searchable("email".into(), true),
        Effect::Due(Some(at(10))),
        Effect::Due(None),
    ];
    Decision { outcomes, groups, grants, effects }
}

fn inputs() -> Vec<(&'static str, Input)> {
    let mut world = World::new("kind: trait\nkey: email\nspec: {type: string}\n");
    let message = world.message(
        "1997-01-01",
        json!({"event": "Order Completed", "userId": "ann", "properties": {"total": serde_json::from_str::<serde_json::Value>("1.10").expect("JSON")}}),
    );
    let command = |order| Input::Command(Command { actor: "key/ops".into(), reason: "why".into(), order });
    let points = || CurrencyKey::from("points");
    let original = Box::new(everything().groups.remove(0));
    let group = GroupId { profile: WHO, n: 3, index: 0 };
    vec![
        ("track", Input::Message(Arc::new(message), vec![Identity::User("ann".into())])),
        ("timer", Input::Timer),
        ("upgrade", Input::Upgrade { react: true, history: Arc::from([]) }),
        ("credit", command(Order::Credit { currency: points(), amount: 5 })),
        ("debit", command(Order::Debit { currency: points(), amount: 5 })),
        ("reverse", command(Order::Reverse { group, original })),
        ("erase", command(Order::Erase)),
        ("merge_out", Input::MergeOut { into: OTHER }),
        ("merge_in", Input::MergeIn { from: OTHER, state: Box::new(Profile::new(OTHER)) }),
    ]
}

fn writing<'a>(input: &'a Input, decision: &'a Decision) -> Writing<'a> {
    Writing {
        profile: WHO,
        n: 7,
        times: Times { occurred_at: at(852_076_800_000_000), decided_at: at(852_076_800_000_001) },
        epoch: 4,
        key: Some([0xdd; 16]),
        unique: Some([0x99; 16]),
        input,
        payload: None,
        decision,
        previous: [0xee; 32],
        salt: [0xff; 16],
    }
}

/// Everything a record can hold, as bytes. When this fails, a format has changed: give it a new format byte,
/// and keep reading this one.
#[test]
fn formats_are_frozen() {
    let decision = everything();
    let mut written = Vec::new();
    for (kind, input) in inputs() {
        let encoded = record::encode(&writing(&input, &decision));
        written.push(format!("{kind} header {}", hex(&encoded.header)));
        written.push(format!("{kind} body {}", hex(&encoded.body)));
    }
    written.push(format!("decision {}", hex(&record::decision_bytes(&decision))));
    let mut world = World::new(SHOP);
    let id = world.order("ann", "1997-01-01", "600.10");
    world.send("1997-01-02", json!({"type": "identify", "userId": "ann", "traits": {"city": "Bern"}}));
    // The basis and the chain depend on more than the format.
    let mut profile = world.profile(id).clone();
    (profile.basis, profile.tail) = ([0; 32], [0; 32]);
    written.push(format!("state {}", hex(&profile.encode())));
    let golden = include_str!("golden/formats.txt");
    let written = written.join("\n") + "\n";
    assert!(written == golden, "formats have changed; now they are:\n{written}");
}

/// The golden bytes still mean what they meant: those of today, and those of the formats before.
#[test]
fn golden_records_read_back() {
    for golden in [include_str!("golden/formats.txt"), include_str!("golden/formats-1.txt")] {
        read_back(golden);
    }
}

fn read_back(golden: &str) {
    let decision = everything();
    let bytes = |name: &str| {
        let line = golden.lines().find(|line| line.starts_with(name)).expect("a golden line");
        unhex(line.rsplit(' ').next().expect("hexadecimal digits"))
    };
    for (kind, input) in inputs() {
        let header = bytes(&format!("{kind} header "));
        let body = bytes(&format!("{kind} body "));
        let recorded = record::decode(&header, Some(&body)).expect("it reads back");
        assert_eq!((recorded.kind, recorded.n, recorded.epoch), (kind, 7, 4));
        assert_eq!(recorded.decision, decision);
        let read = recorded.input.as_ref().map(|input| format!("{input:?}"));
        assert_eq!(read, Some(format!("{input:?}")));
        assert_eq!(recorded.previous, [0xee; 32]);
        let bare = record::decode(&header, None).expect("it reads back without its body");
        assert_eq!((bare.hash, bare.input.is_none()), (recorded.hash, true));
        assert_eq!(bare.decision.effects, []);
        // The body of another record is refused.
        assert!(record::decode(&header, Some(&bytes("decision "))).is_err());
    }
}

fn same_if_the_bytes_are(one: &Decision, other: &Decision) {
    let bytes = record::decision_bytes(one) == record::decision_bytes(other);
    assert_eq!(record::is_same(one, other), bytes, "{one:?}\n{other:?}");
}

#[test]
fn equal_numbers_in_other_digits_are_another_decision() {
    let sum = |text: &str| Observation { day: 3, value: Observed::Sum(text.parse().expect("a number")) };
    let effects = |text: &str| {
        [
            Effect::Observe("spend".into(), sum(text)),
            Effect::Define("spend".into(), 7, 30, vec![sum("2"), sum(text)]),
        ]
    };
    for (one, other) in effects("1.0").into_iter().zip(effects("1.00")) {
        assert_eq!(one, other);
        let decision = |effect: &Effect| Decision { effects: vec![effect.clone()], ..Decision::default() };
        assert!(!record::is_same(&decision(&one), &decision(&other)));
        assert!(record::is_same(&decision(&one), &decision(&one)));
        same_if_the_bytes_are(&decision(&one), &decision(&other));
    }
}

#[test]
fn an_amount_keeps_its_text() {
    let (_, input) = inputs().remove(0);
    let encoded = record::encode(&writing(&input, &Decision::default()));
    let Some(Input::Message(message, _)) =
        record::decode(&encoded.header, Some(&encoded.body)).expect("it reads back").input
    else {
        panic!("a message")
    };
    assert_eq!(message.properties["total"].to_string(), "1.10");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_are_no_records(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = record::decode(&bytes, Some(&bytes));
        let _ = Profile::decode(&bytes);
    }

    /// Damaged bytes are refused, or read as something that can be applied; nothing panics.
    #[test]
    fn damaged_bytes_do_no_harm(
        which in 0..9_usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let decision = everything();
        let (_, input) = inputs().swap_remove(which);
        let encoded = record::encode(&writing(&input, &decision));
        let mut header = encoded.header.clone();
        for (at, byte) in &damage {
            let at = at.index(header.len());
            header[at] ^= byte;
        }
        if !whole {
            header.truncate(cut.index(header.len()));
        }
        if let Ok(recorded) = record::decode(&header, None) {
            let mut profile = Profile::new(WHO);
            evolve(&mut profile, &recorded);
            let _ = profile.encode();
            same_if_the_bytes_are(&decision, &Decision { effects: decision.effects.clone(), ..recorded.decision });
        }
        let mut body = encoded.body.clone();
        for (at, byte) in &damage {
            let at = at.index(body.len());
            body[at] ^= byte;
        }
        if body != encoded.body {
            prop_assert!(record::decode(&encoded.header, Some(&body)).is_err());
        }
        // And past the hash: the body's own reader.
        if let Ok((_, effects)) = record::body_of(&body) {
            same_if_the_bytes_are(&decision, &Decision { effects, ..everything() });
        }
        let mut state = Profile::new(OTHER).encode();
        for (at, byte) in &damage {
            let at = at.index(state.len());
            state[at] ^= byte;
        }
        let _ = Profile::decode(&state);
    }
}
