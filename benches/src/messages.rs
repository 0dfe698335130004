//! What is sent: Segment calls with the same content as the hand-rolled baseline's.

use std::io::Write;

use jiff::Timestamp;

use crate::chance::{Chance, Zipf};

/// How many members there are.
pub const MEMBERS: u32 = 200_000;
const SKEW: f64 = 1.01;
const DUPLICATES_PERCENT: u64 = 1;
const REMEMBERED: usize = 1_000;

/// Writes the identify call of a member, with the traits that the baseline's members have.
pub fn identify(member: u32, run: u64, to: &mut Vec<u8>) {
    let tier = ["silver", "gold", "bronze"][member as usize % 3];
    let country = ["AT", "CH", "FR", "DE"][member as usize % 4];
    let consent = member.is_multiple_of(2);
    // Writing to memory cannot fail.
    let _ = write!(
        to,
        r#"{{"type":"identify","messageId":"member-{run}-{member}","userId":"u_{member:09}","traits":{{"tier":"{tier}","country":"{country}","email":"user{member}@example.com","consent":{consent},"firstName":"First{member}","lastName":"Last{member}","language":"de-DE","birthday":"1988-04-12","phone":"+4917{member}","createdAt":"2024-03-01T09:00:00.000Z","plan":"standard","favoriteStore":"berlin-01","tags":["newsletter","app","vip-candidate"],"referralCode":"REF{member}"}}}}"#
    );
}

/// A source of track calls: 30 % orders, 20 % product views, 20 % cart views, 30 % app opens; 1 % are sent
/// again. Its members are the same for every source, skewed.
pub struct Tracks<'a> {
    chance: Chance,
    members: &'a Zipf,
    sent: Vec<Vec<u8>>,
    next: usize,
    /// How many of the calls made so far were sent again.
    pub repeated: u64,
}

/// The members as all sources share them.
pub fn members() -> Zipf {
    Zipf::new(MEMBERS, SKEW)
}

impl<'a> Tracks<'a> {
    /// A source; its messages' ids come from the seed.
    pub fn new(seed: u64, members: &'a Zipf) -> Self {
        Self { chance: Chance::new(seed), members, sent: Vec::new(), next: 0, repeated: 0 }
    }

    /// Writes one call, about 435 bytes.
    pub fn write(&mut self, to: &mut Vec<u8>) {
        if !self.sent.is_empty() && self.chance.between(1, 100) <= DUPLICATES_PERCENT {
            to.extend_from_slice(&self.sent[self.chance.below(self.sent.len())]);
            self.repeated += 1;
            return;
        }
        let begin = to.len();
        self.write_new(to);
        // Only some are remembered: copying each would cost more than sending it.
        if self.chance.between(1, 100) <= DUPLICATES_PERCENT * 2 {
            let call = to[begin..].to_vec();
            if self.sent.len() < REMEMBERED {
                self.sent.push(call);
            } else {
                self.sent[self.next % REMEMBERED] = call;
                self.next += 1;
            }
        }
    }

    fn write_new(&mut self, to: &mut Vec<u8>) {
        let member = self.members.draw(&mut self.chance);
        let (high, low) = (self.chance.any(), self.chance.any());
        let id = uuid_text(high, low);
        let cents = self.chance.between(500, 19_500);
        let sample = self.chance.between(0, 99);
        let event = match self.chance.between(1, 10) {
            1..=3 => "Order Completed",
            4..=5 => "Product Viewed",
            6..=7 => "Cart Viewed",
            _ => "App Opened",
        };
        let now = Timestamp::now().as_millisecond();
        let now = Timestamp::from_millisecond(now).unwrap_or(Timestamp::UNIX_EPOCH);
        let order = low % 100_000_000;
        let (whole, part) = (cents / 100, cents % 100);
        let _ = write!(
            to,
            r#"{{"type":"track","messageId":"{id}","userId":"u_{member:09}","event":"{event}","timestamp":"{now:.3}","properties":{{"order_id":"ord_{order:08}","total":{whole}.{part:02},"currency":"EUR","coupon":"WELCOME10","channel":"web","store":"berlin-35","sample":{sample},"products":[{{"product_id":"p_0364","category":"shoes","price":71.52,"quantity":2}},{{"product_id":"p_0361","category":"hats","price":11.50,"quantity":1}}]}}}}"#
        );
    }
}

fn uuid_text(high: u64, low: u64) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::*;

    fn calls(count: usize) -> Vec<Vec<u8>> {
        let members = members();
        let mut tracks = Tracks::new(1, &members);
        (0..count)
            .map(|_| {
                let mut call = Vec::new();
                tracks.write(&mut call);
                call
            })
            .collect()
    }

    #[test]
    fn a_call_is_json_of_435_bytes() {
        let calls = calls(1000);
        let average = calls.iter().map(Vec::len).sum::<usize>() / calls.len();
        assert!((425..=445).contains(&average), "{average} bytes");
        let call: Value = serde_json::from_slice(&calls[0]).expect("JSON");
        assert_eq!(call["type"], "track");
        assert_eq!(call["messageId"].as_str().map(str::len), Some(36));
        assert_eq!(call["timestamp"].as_str().map(str::len), Some(24));
    }

    #[test]
    fn the_mix_and_the_repeated() {
        let calls = calls(20_000);
        let mut events = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for call in &calls {
            let call: Value = serde_json::from_slice(call).expect("JSON");
            *events.entry(call["event"].to_string()).or_insert(0) += 1;
            ids.insert(call["messageId"].to_string());
        }
        assert!((5_700..6_300).contains(&events["\"Order Completed\""]), "{events:?}");
        assert!((3_700..4_300).contains(&events["\"Cart Viewed\""]), "{events:?}");
        let repeated = calls.len() - ids.len();
        assert!((120..280).contains(&repeated), "{repeated} repeated");
    }

    #[test]
    fn a_member_has_traits() {
        let mut call = Vec::new();
        identify(7, 1, &mut call);
        let call: Value = serde_json::from_slice(&call).expect("JSON");
        assert_eq!(call["userId"], "u_000000007");
        assert_eq!(call["traits"]["country"], "DE");
    }
}
