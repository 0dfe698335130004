//! Requests that take long: whoever watches sees how far they are. Ended with Ctrl-C, the connection closes, and with
//! it the work ends.

use std::{
    io::Write,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow};
use serde_json::Value;
use ureq::http::Method;

use crate::{
    client::{Client, routes},
    context::Context,
    output::text::count,
    progress::Progress,
};

/// How often the server is asked how far it is.
const EVERY: Duration = Duration::from_millis(250);

/// Asks an environment for `what`, a part of its path.
pub(super) fn post(context: &mut Context, environment: &str, what: &str, body: &Value) -> Result<Value> {
    let client = context.client()?;
    let place = routes::environment(environment);
    if context.watched {
        watched(&client, &place, what, body, &mut *context.err)
    } else {
        client.post(&format!("{place}/{what}"), body)
    }
}

fn watched(client: &Client, place: &str, what: &str, body: &Value, err: &mut dyn Write) -> Result<Value> {
    let (path, work) = (format!("{place}/{what}"), format!("{place}/work"));
    // The work bears the request's id.
    let id = format!("cli-{}-{}", std::process::id(), jiff::Timestamp::now().as_nanosecond());
    let mut progress = Progress::new(true);
    let (answer, answered) = mpsc::channel();
    thread::scope(|scope| {
        let (path, id) = (&path, &id);
        scope.spawn(move || {
            let header = [("x-request-id", id.as_str())];
            let told = client.send(Method::POST, path, &header, Some(body)).and_then(|told| told.json());
            // Nobody listens when telling how far it is has failed.
            let _ = answer.send(told);
        });
        loop {
            match answered.recv_timeout(EVERY) {
                Ok(told) => {
                    progress.end(err)?;
                    return told;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(anyhow!("the request ended without an answer"));
                }
                Err(RecvTimeoutError::Timeout) => {
                    // Somebody who may ask for the work may not be able to list it; then there is nothing to tell.
                    let list = client.list(&work, usize::MAX).unwrap_or_default();
                    if let Some((done, total, unit)) = how_far(&list, id) {
                        progress.tell(err, done, |rate| so_far(done, total, unit, rate))?;
                    }
                }
            }
        }
    })
}

/// How much is done, of how much, and what both are counted in.
fn how_far<'a>(list: &'a Value, id: &str) -> Option<(u64, u64, &'a str)> {
    let all = list.get("data")?.as_array()?;
    let own = all.iter().find(|work| work.get("id").and_then(Value::as_str) == Some(id))?;
    Some((own.get("done")?.as_u64()?, own.get("total")?.as_u64()?, own.get("unit")?.as_str()?))
}

/// How far it is, in words.
fn so_far(done: u64, total: u64, unit: &str, rate: u64) -> String {
    let of = |n: u64| count(i64::try_from(n).unwrap_or(i64::MAX));
    // More may have come than there were in the beginning.
    let total = total.max(done);
    let percent = done.saturating_mul(100) / total.max(1);
    format!("{} of {} {unit} ({percent}%), {} a second", of(done), of(total), of(rate))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn its_own_work_is_found_and_told() {
        let list = json!({"data": [
            {"id": "other", "done": 1, "total": 2, "unit": "records"},
            {"id": "own", "done": 1500, "total": 6000, "unit": "bytes"},
        ]});
        assert_eq!(how_far(&list, "own"), Some((1500, 6000, "bytes")));
        assert_eq!(how_far(&list, "ended"), None);
        assert_eq!(how_far(&Value::Null, "own"), None);
        assert_eq!(so_far(1500, 6000, "records", 1200), "1,500 of 6,000 records (25%), 1,200 a second");
        assert_eq!(so_far(7, 6, "bytes", 1), "7 of 7 bytes (100%), 1 a second");
        assert_eq!(so_far(0, 0, "records", 0), "0 of 0 records (0%), 0 a second");
    }
}
