//! Sums of the ledger's accounts over the environment.

use std::collections::BTreeMap;

use ledger::{Account, CurrencyKey};
use rusqlite::{Connection, OptionalExtension};
use store::SumChange;

use crate::{
    checksum::Sum,
    codec::{account, account_no},
    fault::{Result, refused, verify},
};

fn sum(currency: &str, account: i64, amount: i64) -> i64 {
    Sum::of("sum").text(currency).int(account).int(amount).end()
}

fn read(connection: &Connection, currency: &str, account: i64) -> Result<i64> {
    let row: Option<(i64, i64)> = connection
        .prepare_cached("SELECT amount, crc FROM sum WHERE currency = ?1 AND account = ?2")?
        .query_row((currency, account), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((amount, crc)) = row else { return Ok(0) };
    verify(sum(currency, account, amount), crc, || format!("the sum of `{currency}`"))?;
    Ok(amount)
}

/// Adds up a commit's changes.
pub(crate) fn add(connection: &Connection, changes: &[SumChange]) -> Result<()> {
    let mut gathered: BTreeMap<(&CurrencyKey, i64), i128> = BTreeMap::new();
    for change in changes {
        *gathered.entry((&change.currency, account_no(change.account))).or_default() +=
            i128::from(change.amount);
    }
    for ((currency, account), change) in gathered {
        let amount = i128::from(read(connection, &currency.0, account)?) + change;
        let amount = i64::try_from(amount)
            .map_err(|_| refused(format!("the sum of `{currency}` would leave the range of 64 bits")))?;
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO sum (currency, account, amount, crc) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((currency.0.as_ref(), account, amount, sum(&currency.0, account, amount)))?;
    }
    Ok(())
}

/// The sums that are not zero.
pub(crate) fn list(connection: &Connection) -> Result<Vec<(CurrencyKey, Account, i64)>> {
    let mut statement = connection
        .prepare_cached("SELECT currency, account, amount, crc FROM sum ORDER BY currency, account")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let currency = row.get_ref(0)?.as_str()?;
        let (no, amount): (i64, i64) = (row.get(1)?, row.get(2)?);
        verify(sum(currency, no, amount), row.get(3)?, || format!("the sum of `{currency}`"))?;
        if amount != 0 {
            found.push((currency.into(), account(no)?, amount));
        }
    }
    Ok(found)
}

/// What profiles hold of a currency, in all.
pub(crate) fn held(connection: &Connection, currency: &str) -> Result<Vec<(Account, i64)>> {
    Ok(list(connection)?
        .into_iter()
        .filter(|(of, account, _)| &*of.0 == currency && account.of_profile())
        .map(|(_, account, amount)| (account, amount))
        .collect())
}
