//! Frozen shapes shared by records and states. The order and types of fields and variants here *are* the
//! format: never change one, write a new form beside it under a new format byte.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ledger::{CurrencyKey, GroupId, Lot, ProfileId, Wallet, Wallets};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer};

use super::Undecodable;
use crate::{
    Identity, names,
    profile::{Observation, Observed},
};

type Result<T> = std::result::Result<T, Undecodable>;

pub(crate) fn bad(what: &str) -> Undecodable {
    Undecodable(what.into())
}

/// Postcard of a frozen shape, behind its format byte (and whatever else `start` holds).
pub(crate) fn put<T: Serialize>(start: Vec<u8>, form: &T) -> Vec<u8> {
    // Writing into a vector fails only for sequences of unknown length; the frozen shapes have none.
    postcard::serialize_with_flavor(form, Bytes(start)).unwrap_or_default()
}

/// The same over what a vector held. Says whether it could be done.
pub(crate) fn write<T: Serialize>(to: &mut Vec<u8>, form: &T) -> bool {
    to.clear();
    match postcard::serialize_with_flavor(form, Bytes(std::mem::take(to))) {
        Ok(bytes) => *to = bytes,
        Err(_) => return false,
    }
    true
}

/// Written to a vector, slices in one piece.
struct Bytes(Vec<u8>);

impl postcard::ser_flavors::Flavor for Bytes {
    type Output = Vec<u8>;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// A list that is written as it is gone through: the forms of its items are never all there at once.
pub(crate) struct Each<F>(pub(crate) F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: ExactSizeIterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// The other way; nothing may be left over.
pub(crate) fn take<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    let (form, rest) = take_front(bytes)?;
    if rest.is_empty() { Ok(form) } else { Err(bad("bytes are left over")) }
}

/// The same, and what is left over.
pub(crate) fn take_front<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8])> {
    postcard::take_from_bytes(bytes).map_err(|e| Undecodable(e.to_string()))
}

pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

pub(crate) fn time(micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| bad("a time is out of range"))
}

/// A time as distance from another: small numbers take few bytes.
pub(crate) fn since(at: Timestamp, base: Timestamp) -> i64 {
    micros(at).wrapping_sub(micros(base))
}

pub(crate) fn after(base: Timestamp, distance: i64) -> Result<Timestamp> {
    time(micros(base).wrapping_add(distance))
}

/// The place of a word in its table. The tables hold every word there is (a test says so).
pub(crate) fn code<T: PartialEq>(table: &[T], word: &T) -> u8 {
    table.iter().position(|known| known == word).and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

pub(crate) fn word<T: Copy>(table: &[T], code: u8) -> Result<T> {
    table.get(usize::from(code)).copied().ok_or_else(|| bad("a code is not known"))
}

/// An exact decimal: mantissa and scale.
#[derive(Serialize, Deserialize)]
pub(crate) struct DecimalForm(i128, u8);

impl From<Decimal> for DecimalForm {
    fn from(decimal: Decimal) -> Self {
        Self(decimal.mantissa(), u8::try_from(decimal.scale()).unwrap_or(u8::MAX))
    }
}

impl DecimalForm {
    fn read(self) -> Result<Decimal> {
        Decimal::try_from_i128_with_scale(self.0, u32::from(self.1))
            .map_err(|_| bad("a number is out of range"))
    }
}

/// The id of a group or lot, relative to the record (or state) it stands in.
#[derive(Serialize, Deserialize)]
pub(crate) enum IdForm {
    /// None.
    None,
    /// Of this record.
    Here(u16),
    /// Of this profile.
    Own(u64, u16),
    /// Of another profile.
    Other([u8; 16], u64, u16),
}

impl IdForm {
    pub(crate) fn of(id: Option<GroupId>, profile: ProfileId, n: u64) -> Self {
        match id {
            None => Self::None,
            Some(id) if id.profile != profile => Self::Other(id.profile.0, id.n, id.index),
            Some(id) if id.n == n => Self::Here(id.index),
            Some(id) => Self::Own(id.n, id.index),
        }
    }

    pub(crate) fn read(self, profile: ProfileId, n: u64) -> Option<GroupId> {
        match self {
            Self::None => None,
            Self::Here(index) => Some(GroupId { profile, n, index }),
            Self::Own(n, index) => Some(GroupId { profile, n, index }),
            Self::Other(profile, n, index) => Some(GroupId { profile: ProfileId(profile), n, index }),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) enum IdentityForm<'a> {
    User(&'a str),
    Anonymous(&'a str),
}

impl<'a> From<&'a Identity> for IdentityForm<'a> {
    fn from(identity: &'a Identity) -> Self {
        match identity {
            Identity::User(id) => Self::User(id),
            Identity::Anonymous(id) => Self::Anonymous(id),
        }
    }
}

impl From<IdentityForm<'_>> for Identity {
    fn from(form: IdentityForm<'_>) -> Self {
        match form {
            IdentityForm::User(id) => Self::User(id.into()),
            IdentityForm::Anonymous(id) => Self::Anonymous(id.into()),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) enum ObservedForm<'a> {
    Count(u64),
    Sum(DecimalForm),
    Min(DecimalForm),
    Max(DecimalForm),
    Last(i64, &'a str),
    Earliest(i64),
    Latest(i64),
}

impl<'a> From<&'a Observed> for ObservedForm<'a> {
    fn from(observed: &'a Observed) -> Self {
        match observed {
            Observed::Count(n) => Self::Count(*n),
            Observed::Sum(d) => Self::Sum((*d).into()),
            Observed::Min(d) => Self::Min((*d).into()),
            Observed::Max(d) => Self::Max((*d).into()),
            Observed::Last(at, value) => Self::Last(micros(*at), value),
            Observed::Earliest(at) => Self::Earliest(micros(*at)),
            Observed::Latest(at) => Self::Latest(micros(*at)),
        }
    }
}

impl ObservedForm<'_> {
    pub(crate) fn read(self) -> Result<Observed> {
        Ok(match self {
            Self::Count(n) => Observed::Count(n),
            Self::Sum(d) => Observed::Sum(d.read()?),
            Self::Min(d) => Observed::Min(d.read()?),
            Self::Max(d) => Observed::Max(d.read()?),
            Self::Last(at, value) => Observed::Last(time(at)?, value.into()),
            Self::Earliest(at) => Observed::Earliest(time(at)?),
            Self::Latest(at) => Observed::Latest(time(at)?),
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ObservationForm<'a>(i32, #[serde(borrow)] ObservedForm<'a>);

impl<'a> ObservationForm<'a> {
    pub(crate) fn of(day: i32, value: &'a Observed) -> Self {
        Self(day, value.into())
    }

    pub(crate) fn read(self) -> Result<Observation> {
        Ok(Observation { day: self.0, value: self.1.read()? })
    }
}

#[derive(Serialize, Deserialize)]
struct LotForm {
    id: IdForm,
    left: i64,
    awarded_at: i64,
    /// Distances from `awarded_at`.
    matures: Option<i64>,
    expires: Option<i64>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct WalletForm<'a> {
    currency: &'a str,
    lots: Vec<LotForm>,
    debt: i64,
    reversed: Vec<(IdForm, i64)>,
}

impl<'a> WalletForm<'a> {
    /// The wallets of `profile`; its own lots are written without its id.
    pub(crate) fn of(wallets: &'a Wallets, profile: ProfileId) -> Vec<Self> {
        let own = |id: GroupId| IdForm::of(Some(id), profile, 0);
        wallets
            .0
            .iter()
            .map(|(currency, wallet)| Self {
                currency: &currency.0,
                lots: wallet
                    .lots
                    .iter()
                    .map(|(id, lot)| LotForm {
                        id: own(*id),
                        left: lot.left,
                        awarded_at: micros(lot.awarded_at),
                        matures: lot.matures_at.map(|at| since(at, lot.awarded_at)),
                        expires: lot.expires_at.map(|at| since(at, lot.awarded_at)),
                    })
                    .collect(),
                debt: wallet.debt,
                reversed: wallet.reversed.iter().map(|(id, amount)| (own(*id), *amount)).collect(),
            })
            .collect()
    }

    pub(crate) fn read(forms: Vec<Self>, profile: ProfileId) -> Result<Wallets> {
        let own = |id: IdForm| id.read(profile, 0).ok_or_else(|| bad("a lot has no id"));
        let mut wallets = BTreeMap::new();
        for form in forms {
            let mut wallet = Wallet { debt: form.debt, ..Wallet::default() };
            for lot in form.lots {
                let awarded_at = time(lot.awarded_at)?;
                let at = |distance: Option<i64>| distance.map(|d| after(awarded_at, d)).transpose();
                let (matures_at, expires_at) = (at(lot.matures)?, at(lot.expires)?);
                wallet.lots.insert(own(lot.id)?, Lot { left: lot.left, awarded_at, matures_at, expires_at });
            }
            for (id, amount) in form.reversed {
                wallet.reversed.insert(own(id)?, amount);
            }
            wallets.insert(CurrencyKey(names::shared(form.currency)), wallet);
        }
        Ok(Wallets(wallets))
    }
}
