//! Views made again in the target, from its own journal: share by share, so that no more is held in memory than
//! one share needs.

use std::{collections::BTreeMap, sync::Arc};

use store::{CounterKey, Making};

use super::Stage;
use crate::{
    Environment, Result,
    history::{rebuild::Rebuilder, walk},
};

/// Records whose keys are held at once (about 100 bytes each).
const RECORDS_AT_ONCE: u64 = 500_000;
/// Profiles that are held at once (a few kilobytes each).
const PROFILES_AT_ONCE: u64 = 50_000;

/// Makes the views of profiles: `environment` is what `making` has put, with so many records and profiles.
pub(super) async fn make(
    environment: &Environment,
    making: &Arc<dyn Making>,
    (records, profiles): (u64, u64),
    tell: &mut dyn FnMut(Stage, u64, u64),
) -> Result<()> {
    let shares = records.div_ceil(RECORDS_AT_ONCE).max(profiles.div_ceil(PROFILES_AT_ONCE));
    let mut counters: BTreeMap<CounterKey, (i64, u64)> = BTreeMap::new();
    let mut done = 0;
    for share in walk::split(shares) {
        let mut rebuilder = Rebuilder::new(environment.hasher.clone());
        let mut pages = walk::share(environment, share);
        while let Some(page) = pages.next().await? {
            for record in page {
                let recorded = engine::record::decode(&record.header, record.body.as_deref())?;
                rebuilder.add(recorded.profile, &recorded);
                done += 1;
            }
            tell(Stage::Views, done, records);
        }
        for views in rebuilder.finish() {
            making.fill(views).await?;
        }
        for (key, used, n) in store::Refill::counters(&mut rebuilder) {
            let counter = counters.entry(key).or_default();
            *counter = (counter.0 + used, counter.1.max(n));
        }
    }
    let counters = counters.into_iter().map(|(key, (used, n))| (key, used, n));
    Ok(making.counters(counters.collect()).await?)
}
