//! What can be seen of a database from outside, for an operator: whether it can be reached, whether it keeps what it
//! acknowledges, what its role may do, and who is there. Nothing is made or changed.

mod kept;
mod rights;
mod room;
mod server;

use std::sync::Arc;

use store::{Finding, Result};

use crate::{
    Options,
    address::Address,
    backend::installing,
    fault::{self, Fault},
    pool::{Lane, Lease, Pool},
};

/// What this is called.
const DATABASE: &str = "database";

/// Looks at the database of a URL as a process with these options would find it.
pub async fn examined(url: &str, options: &Options) -> Vec<Finding> {
    match reached(url, options).await {
        Ok((address, lease)) => looked_at(&address, &lease, options).await,
        Err(error) => {
            let help = "no server keeps anything there before that is mended";
            vec![Finding::ill(DATABASE, error.to_string(), help)]
        }
    }
}

async fn reached(url: &str, options: &Options) -> Result<(Address, Lease)> {
    let address = Address::parse(url, options)?;
    let lease = Arc::new(Pool::new(installing(&address), 1, options)).lease(Lane::Short).await?;
    Ok((address, lease))
}

async fn looked_at(address: &Address, session: &Lease, options: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (kept, stored) = match kept::look(session).await {
        Ok((kept, findings)) => (kept, Ok(findings)),
        Err(fault) => (kept::Kept::default(), Err(fault)),
    };
    let parts = [
        server::look(address, session).await,
        rights::look(session).await,
        room::look(session, options, &kept).await,
        stored,
    ];
    for part in parts {
        findings.extend(part.unwrap_or_else(unseen));
    }
    findings
}

/// What stood in the way of looking.
fn unseen(fault: Fault) -> Vec<Finding> {
    let error = fault.told_installing("the database", "looking at it");
    vec![Finding::ill(DATABASE, error.to_string(), "mend that, and look again")]
}

type Looked = fault::Result<Vec<Finding>>;
