//! Sums of the ledger's accounts over the environment, and how many records there are: both in shards.

use std::collections::BTreeMap;

use ledger::{Account, CurrencyKey};
use store::{
    SumChange,
    encoding::{account, account_no, uint},
};

use super::shards::{SHARDS_MAX, mirrored, salt, verified};
use crate::{
    fault::{Result, damaged, refused},
    session::{Answer, Call, Session},
};

const TABLE: &str = "account_sum";

fn key(currency: &str, account: i16) -> Vec<u8> {
    let mut key = account.to_be_bytes().to_vec();
    key.extend_from_slice(currency.as_bytes());
    key
}

const ADD: &str = "INSERT INTO account_sum (currency, account, shard, amount, mirror)
    SELECT currency, account, $3, amount, mirror
    FROM unnest($1::text[], $2::smallint[], $4::bigint[], $5::bigint[]) AS u (currency, account, amount, mirror)
    ON CONFLICT (currency, account, shard) DO UPDATE
    SET amount = account_sum.amount + excluded.amount,
        mirror = (account_sum.amount + excluded.amount) # (excluded.amount # excluded.mirror)
    WHERE account_sum.amount # account_sum.mirror = excluded.amount # excluded.mirror
    RETURNING currency, account, amount";

/// A commit's changes, ready to be written: sorted by currency and account.
#[derive(Default)]
pub(crate) struct Columns {
    shard: i16,
    pub(crate) currency: Vec<String>,
    account: Vec<i16>,
    amount: Vec<i64>,
    mirror: Vec<i64>,
}

impl Columns {
    pub(crate) fn of(changes: &[SumChange], shard: i16) -> Result<Self> {
        let mut gathered: BTreeMap<(&str, i16), i128> = BTreeMap::new();
        for change in changes {
            let account = i16::try_from(account_no(change.account)).unwrap_or(i16::MAX);
            *gathered.entry((&change.currency.0, account)).or_default() += i128::from(change.amount);
        }
        let mut columns = Self { shard, ..Self::default() };
        for ((currency, account), amount) in gathered.into_iter().filter(|(_, amount)| *amount != 0) {
            let amount = i64::try_from(amount).map_err(|_| too_far(currency))?;
            columns.currency.push(currency.to_owned());
            columns.account.push(account);
            columns.amount.push(amount);
            columns.mirror.push(mirrored(amount, salt(TABLE, &key(currency, account), shard)));
        }
        Ok(columns)
    }

    pub(crate) fn add(&self) -> Call<'_> {
        Call::With(ADD, vec![&self.currency, &self.account, &self.shard, &self.amount, &self.mirror])
    }

    /// Checks that every change was taken, and that no total has left its range: looked at closely only when
    /// a shard is so far out that the others could carry it over.
    pub(crate) async fn check(&self, session: &Session, answer: &Answer) -> Result<()> {
        super::shards::all_took(answer.count, self.currency.len(), "the sums of accounts")?;
        for row in &answer.rows {
            let (currency, amount): (&str, i64) = (row.try_get(0)?, row.try_get(2)?);
            if amount.unsigned_abs() >= i64::MAX.unsigned_abs() / SHARDS_MAX {
                let account: i16 = row.try_get(1)?;
                let total = read(session).await?.get(&(currency.into(), account)).copied().unwrap_or(0);
                i64::try_from(total).map_err(|_| too_far(currency))?;
            }
        }
        Ok(())
    }
}

fn too_far(currency: &str) -> crate::fault::Fault {
    refused(format!("the sum of `{currency}` would leave the range of 64 bits"))
}

/// The shards added up.
async fn read(session: &Session) -> Result<BTreeMap<(CurrencyKey, i16), i128>> {
    let rows = session.query("SELECT currency, account, shard, amount, mirror FROM account_sum", &[]).await?;
    let mut sums = BTreeMap::new();
    for row in &rows {
        let (currency, account): (&str, i16) = (row.try_get(0)?, row.try_get(1)?);
        let salt = salt(TABLE, &key(currency, account), row.try_get(2)?);
        let amount = verified(row.try_get(3)?, row.try_get(4)?, salt, || format!("the sum of `{currency}`"))?;
        *sums.entry((CurrencyKey::from(currency), account)).or_insert(0_i128) += i128::from(amount);
    }
    Ok(sums)
}

/// The sums that are not zero.
pub(crate) async fn list(session: &Session) -> Result<Vec<(CurrencyKey, Account, i64)>> {
    let sums = read(session).await?;
    sums.into_iter()
        .filter(|(_, amount)| *amount != 0)
        .map(|((currency, no), amount)| {
            let amount = i64::try_from(amount)
                .map_err(|_| damaged(format!("the sum of `{currency}`"), "it is beyond 64 bits"))?;
            Ok((currency, account(no.into())?, amount))
        })
        .collect()
}

/// What profiles hold of a currency, in all.
pub(crate) async fn held(session: &Session, currency: &str) -> Result<Vec<(Account, i64)>> {
    Ok(list(session)
        .await?
        .into_iter()
        .filter(|(of, account, _)| &*of.0 == currency && account.of_profile())
        .map(|(_, account, amount)| (account, amount))
        .collect())
}

// ---- records -----------------------------------------------------------------------------------------------

const COUNT: &str = "INSERT INTO tally (shard, records, mirror) VALUES ($1, $2, $3)
    ON CONFLICT (shard) DO UPDATE
    SET records = tally.records + excluded.records,
        mirror = (tally.records + excluded.records) # (excluded.records # excluded.mirror)
    WHERE tally.records # tally.mirror = excluded.records # excluded.mirror";

/// How many records of profiles a commit adds.
pub(crate) struct Counted {
    shard: i16,
    pub(crate) records: i64,
    mirror: i64,
}

impl Counted {
    pub(crate) fn of(records: i64, shard: i16) -> Self {
        Self { shard, records, mirror: mirrored(records, salt("tally", &[], shard)) }
    }

    pub(crate) fn add(&self) -> Call<'_> {
        Call::With(COUNT, vec![&self.shard, &self.records, &self.mirror])
    }
}

/// How many records of profiles there are.
pub(crate) async fn records(session: &Session) -> Result<u64> {
    let rows = session.query("SELECT shard, records, mirror FROM tally", &[]).await?;
    let mut all = 0;
    for row in &rows {
        let salt = salt("tally", &[], row.try_get(0)?);
        all += verified(row.try_get(1)?, row.try_get(2)?, salt, || "the count of records".to_owned())?;
    }
    Ok(uint(all)?)
}
