//! One connection: statements prepared once, and sent in flights of several that cost one round trip.

use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::Poll,
};

use futures_util::TryStreamExt;
use tokio_postgres::{Client, Row, Statement, types::ToSql};

use crate::fault::{Fault, Result};

/// A parameter.
pub(crate) type Param<'a> = &'a (dyn ToSql + Sync);

/// One statement of a flight.
pub(crate) enum Call<'a> {
    /// Prepared, with parameters.
    With(&'static str, Vec<Param<'a>>),
    /// As it stands; may be several, without parameters and without rows.
    Plain(&'static str),
}

/// What a statement answered.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<Row>,
    /// How many rows it wrote or returned.
    pub(crate) count: u64,
}

/// A connection that has logged in.
pub(crate) struct Session {
    client: Client,
    statements: Mutex<HashMap<&'static str, Statement>>,
    /// Which of the shards of sums it adds to.
    pub(crate) shard: i16,
}

impl Session {
    pub(crate) fn new(client: Client, shard: i16) -> Self {
        Self { client, statements: Mutex::default(), shard }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    fn known(&self, sql: &'static str) -> Option<Statement> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned()
    }

    async fn statement(&self, sql: &'static str) -> Result<Statement> {
        if let Some(known) = self.known(sql) {
            return Ok(known);
        }
        let prepared = self.client.prepare(sql).await?;
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(sql, prepared.clone());
        Ok(prepared)
    }

    /// Runs one statement.
    pub(crate) async fn query(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        let statement = self.statement(sql).await?;
        Ok(self.client.query(&statement, params).await?)
    }

    /// Runs one statement that answers at most one row.
    pub(crate) async fn query_opt(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Option<Row>> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Runs one statement; how many rows it wrote.
    pub(crate) async fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> Result<u64> {
        let statement = self.statement(sql).await?;
        Ok(self.client.execute(&statement, params).await?)
    }

    /// Runs plain statements.
    pub(crate) async fn plain(&self, sql: &str) -> Result<()> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// Sends these statements one after the other without waiting between them; they run in that order. The
    /// answer is the first error, or what each answered.
    pub(crate) async fn flight(&self, calls: &[Call<'_>]) -> Result<Vec<Answer>> {
        // One that is prepared on the way would be overtaken by its followers.
        for call in calls {
            if let Call::With(sql, _) = call {
                self.statement(sql).await?;
            }
        }
        let flying = calls.iter().map(|call| Box::pin(self.one(call)) as Flying<'_>).collect();
        in_order(flying).await
    }

    async fn one(&self, call: &Call<'_>) -> Result<Answer> {
        match call {
            Call::Plain(sql) => {
                self.client.batch_execute(sql).await?;
                Ok(Answer::default())
            }
            Call::With(sql, params) => {
                let statement = self.statement(sql).await?;
                let stream = self.client.query_raw(&statement, params.iter().copied()).await?;
                let mut stream = Box::pin(stream);
                let mut rows = Vec::new();
                while let Some(row) = stream.try_next().await? {
                    rows.push(row);
                }
                let count = stream.rows_affected().unwrap_or(0);
                Ok(Answer { rows, count })
            }
        }
    }
}

type Flying<'a> = Pin<Box<dyn Future<Output = Result<Answer>> + Send + 'a>>;

/// Polls in order, so that requests are sent in order, until all have answered.
async fn in_order(flying: Vec<Flying<'_>>) -> Result<Vec<Answer>> {
    let mut flying: Vec<_> = flying.into_iter().map(|future| (Some(future), None)).collect();
    poll_fn(|context| {
        let mut waiting = false;
        for (future, answer) in &mut flying {
            if let Some(running) = future {
                match running.as_mut().poll(context) {
                    Poll::Ready(told) => {
                        *answer = Some(told);
                        *future = None;
                    }
                    Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    let mut answers = Vec::with_capacity(flying.len());
    let mut failed: Option<Fault> = None;
    for told in flying.into_iter().filter_map(|(_, answer)| answer) {
        match told {
            Ok(answer) => answers.push(answer),
            // Later statements fail only because an earlier one did.
            Err(fault) if failed.as_ref().is_none_or(Fault::follows) => failed = Some(fault),
            Err(_) => {}
        }
    }
    failed.map_or(Ok(answers), Err)
}
