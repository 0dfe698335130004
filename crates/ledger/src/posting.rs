//! What is written down: accounts, postings, groups, and the ids that derive from the record's place.

use std::{fmt, str::FromStr, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Whose wallet it is. 128 bits, derived from the message that created the profile, so that a replay
/// of the same input makes the same one. Shown in the usual 8-4-4-4-12 form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProfileId(pub [u8; 16]);

impl fmt::Display for ProfileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ProfileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ProfileId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = text.len() == 36
            && text.bytes().enumerate().all(|(i, b)| match i {
                8 | 13 | 18 | 23 => b == b'-',
                _ => b.is_ascii_hexdigit(),
            });
        if !shape {
            return Err(format!("`{text}` is not a profile id (expected 8-4-4-4-12 hexadecimal digits)"));
        }
        let mut bytes = [0; 16];
        let digits: Vec<u8> = text.bytes().filter(|b| *b != b'-').collect();
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0);
            *byte = u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).unwrap_or(0);
        }
        Ok(Self(bytes))
    }
}

/// The key of a currency object, e.g. `points`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CurrencyKey(pub Arc<str>);

impl fmt::Display for CurrencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for CurrencyKey {
    fn from(key: &str) -> Self {
        Self(key.into())
    }
}

/// A posting group's address: the record that holds it, and its place in that record. Never allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupId {
    /// The stream the record stands in.
    pub profile: ProfileId,
    /// The record's position in that stream, from 1.
    pub n: u64,
    /// The group's place among the record's groups, from 0.
    pub index: u16,
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.profile, self.n, self.index)
    }
}

/// A lot is named by the group that opened it; it keeps that name when it moves to another wallet.
pub type LotId = GroupId;

/// The accounts of double entry. The first three belong to a profile and never go without a balance
/// after; the rest belong to the environment and are plain sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// Points the member can spend.
    Available,
    /// Awarded, not yet spendable.
    Pending,
    /// Reserved for a redemption in flight. (No operation uses it yet.)
    Held,
    /// Where awarded points come from (its sum is negative).
    Issued,
    /// Where spent points go.
    Redeemed,
    /// Where points go that were not spent in time.
    Expired,
    /// The other side of corrections made by hand.
    Adjusted,
    /// Between two wallets: each stream's legs balance through it; over the environment it sums to zero.
    Clearing,
}

impl Account {
    /// Whether the account belongs to a profile (and its postings carry a balance after).
    pub const fn of_profile(self) -> bool {
        matches!(self, Self::Available | Self::Pending | Self::Held)
    }
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// The account it changes.
    pub account: Account,
    /// By how much, in the currency's smallest unit; never zero.
    pub amount: i64,
    /// The lot it opens, takes from or gives back to. `None` on environment accounts and for debt.
    pub lot: Option<LotId>,
    /// The profile account's balance after this posting; `None` on environment accounts.
    pub balance: Option<i64>,
}

/// Why a group was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A reactor awarded points.
    Award,
    /// A reactor took points.
    Deduct,
    /// Pending points became spendable.
    Mature,
    /// A lot's time ran out.
    Expire,
    /// Somebody added or took points by hand.
    Adjust,
    /// An earlier group was reversed.
    Reverse,
    /// A wallet moved out of a profile that was merged into another.
    MergeOut,
    /// A wallet arrived from a profile that was merged into this one.
    MergeIn,
    /// The member was erased; what the wallet held is gone.
    Erase,
}

/// Postings that belong together and sum to zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostingGroup {
    /// The currency of all its postings.
    pub currency: CurrencyKey,
    /// Why it was posted.
    pub reason: Reason,
    /// The time it counts as of.
    pub at: Timestamp,
    /// The key of the reactor that asked for it, if one did.
    pub reactor: Option<Arc<str>>,
    /// The group it corrects (a reversal).
    pub cites: Option<GroupId>,
    /// For each lot this group opens (an award, or lots moved in): when it becomes spendable and when
    /// it expires. One entry a lot, in the order the lots first appear in `postings`.
    pub opens: Vec<LotTimes>,
    /// The lines. They sum to zero.
    pub postings: Vec<Posting>,
}

/// When a lot becomes spendable and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotTimes {
    /// When it was first awarded.
    pub awarded_at: Timestamp,
    /// Spendable from here on; `None` if at once.
    pub matures_at: Option<Timestamp>,
    /// Gone from here on; `None` if never.
    pub expires_at: Option<Timestamp>,
}
