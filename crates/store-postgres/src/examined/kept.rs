//! What is kept in the database: how old its schemas are beside this build, and which nodes serve it.

use std::cmp::Ordering;

use jiff::Timestamp;
use store::Finding;

use super::{Looked, server::row};
use crate::{
    fault::Result,
    pool::quoted,
    registry::{self, Entry},
    schema::{self, CONTROL, CONTROL_SCHEMA, STORE},
    session::Session,
    tables::nodes,
};

/// How much is there.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) environments: usize,
    /// The most that serve one environment.
    pub(super) nodes: usize,
}

pub(super) async fn look(session: &Session) -> Result<(Kept, Vec<Finding>)> {
    let at = schema::version(session, CONTROL_SCHEMA).await?;
    let mut findings = vec![of_version("registry", "the registry", at, CONTROL.len())];
    let mut kept = Kept::default();
    // Another build's cannot be read.
    if at != CONTROL.len() {
        return Ok((kept, findings));
    }
    let entries = registry::environments(session).await?;
    for entry in entries.into_iter().filter(|entry| entry.row.elsewhere.is_none()) {
        kept.environments += 1;
        findings.extend(environment(session, &entry, &mut kept).await?);
    }
    Ok((kept, findings))
}

async fn environment(session: &Session, entry: &Entry, kept: &mut Kept) -> Looked {
    const WHAT: &str = "environment";
    let name = &entry.row.name;
    let at = schema::version(session, &entry.schema).await?;
    let named = format!("{name} (schema {})", entry.schema);
    if entry.row.making {
        let help = "run `greenroom migrate-store` again to its end";
        return Ok(vec![Finding::mind(WHAT, format!("{named} is not whole: it is being moved here"), help)]);
    }
    if at == 0 {
        let help = "put it back from a backup: `greenroom restore`";
        return Ok(vec![Finding::ill(WHAT, format!("{named} is registered, and its schema is gone"), help)]);
    }
    let mut findings = vec![of_version(WHAT, &named, at, STORE.len())];
    if at != STORE.len() {
        return Ok(findings);
    }
    session.plain(&format!("SET search_path TO {}", quoted(&entry.schema))).await?;
    let there = nodes::there(session).await?;
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    let now: i64 = row(session, sql).await?.try_get(0)?;
    kept.nodes = kept.nodes.max(there.len());
    if there.is_empty() {
        findings.push(Finding::well("nodes", format!("{name} is served by none at the moment")));
    }
    for node in there {
        let ago = |at: Timestamp| (now - at.as_microsecond()).max(0) / 1000;
        let duties = if node.duties.is_empty() {
            String::new()
        } else {
            format!(", duties: {}", node.duties.join(", "))
        };
        let found =
            format!("{name} is served by {}, last heard of {} ms ago{duties}", node.name, ago(node.seen_at));
        findings.push(Finding::well("nodes", found));
    }
    Ok(findings)
}

/// A schema beside what this build knows.
fn of_version(what: &'static str, named: &str, at: usize, known: usize) -> Finding {
    match at.cmp(&known) {
        Ordering::Equal => Finding::well(what, format!("{named} is as this build makes it")),
        Ordering::Greater => Finding::ill(
            what,
            format!("{named} has schema {at}, this build knows up to {known}"),
            "start a newer greenroom; this one opens nothing there",
        ),
        Ordering::Less if at == 0 => {
            Finding::well(what, format!("{named} is not there yet: the first start makes it"))
        }
        Ordering::Less => Finding::mind(
            what,
            format!("{named} has schema {at}, this build brings it to {known} when it starts"),
            "stop the servers of older builds first: they do not start on it afterwards",
        ),
    }
}

#[cfg(test)]
mod tests {
    use store::Health;

    use super::*;

    #[test]
    fn other_builds_schemas_are_told_of() {
        for (at, health) in [(0, Health::Well), (1, Health::Mind), (2, Health::Well), (3, Health::Ill)] {
            assert_eq!(of_version("registry", "the registry", at, 2).health, health);
        }
    }
}
