//! One Idempotency-Key in many hands at once: one effect, one answer.

use std::sync::Barrier;
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};

use crate::{
    asked::{Admin, said},
    place::{Place, Sender, one_point_per_dollar, order, points, verified},
};

const CLIENTS: usize = 16;
const TRIES: usize = 200;
const KEY: (&str, &str) = ("Idempotency-Key", "parcel-4711");

fn fifty() -> Value {
    json!({ "currency": "points", "amount": 50, "reason": "the parcel came late" })
}

/// Sends the order until it has an answer. The answer, and whether it says that it is an earlier one's.
fn answered(admin: &Admin, path: &str) -> Result<(Value, bool)> {
    for _ in 0..TRIES {
        let answer = admin.post(path, &[KEY], &fifty())?;
        if answer.status == 409 {
            let told = "A request with this Idempotency-Key is being carried out at this moment; send this one \
                        again to get its answer.";
            assert_eq!(answer.refused(409, "conflict")?, told);
            continue;
        }
        let replayed = answer.header("Idempotent-Replayed").context("whether it is a replay is not said")?;
        let replayed = replayed == "true";
        return Ok((answer.done()?, replayed));
    }
    Err(anyhow!("no answer after {TRIES} tries"))
}

#[test]
fn a_key_used_sixteen_times_at_once_has_one_effect() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let sender = Sender::new(&server, &server.write_key("live")?)?;
    sender.send(&[order("1", "ann", "7.00")?, order("2", "bob", "7.00")?])?;
    let path_of = |user: &str| -> Result<String> {
        let shown = server.json(&["profile", "show", user, "-e", "live"])?;
        let id = shown["profile"]["id"].as_str().with_context(|| format!("no id in {shown}"))?;
        Ok(format!("/environments/live/profiles/{id}/adjustments"))
    };
    let (path, other_path) = (path_of("ann")?, path_of("bob")?);

    let begin = Barrier::new(CLIENTS);
    let answers = thread::scope(|scope| -> Result<Vec<(Value, bool)>> {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (server, path, begin) = (&server, &path, &begin);
                scope.spawn(move || {
                    let admin = Admin::new(server);
                    begin.wait();
                    answered(&admin?, path)
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().map_err(|_| anyhow!("a client failed"))?).collect()
    })?;
    let first = &answers[0].0;
    ensure!(answers.iter().all(|(answer, _)| answer == first), "answers differ: {answers:#?}");
    assert_eq!(answers.iter().filter(|(_, replayed)| !replayed).count(), 1, "one of them did it");
    assert_eq!(first["groups"][0]["postings"][0]["amount"], 50, "{first}");
    assert_eq!(points(&server, "ann")?, Some(57));

    let admin = Admin::new(&server)?;
    let reused = "This Idempotency-Key was used before for another order; use a new key for a new order.";
    let mut more = fifty();
    more["amount"] = json!(51);
    assert_eq!(admin.post(&path, &[KEY], &more)?.refused(422, "key_reused")?, reused);
    assert_eq!(admin.post(&other_path, &[KEY], &fifty())?.refused(422, "key_reused")?, reused);
    let deductions = path.replace("adjustments", "deductions");
    assert_eq!(admin.post(&deductions, &[KEY], &fifty())?.refused(422, "key_reused")?, reused);
    let by_hand = [
        "adjust",
        "credit",
        "ann",
        "points",
        "51",
        "-e",
        "live",
        "--reason",
        "late",
        "--idempotency-key",
        KEY.1,
    ];
    let refused = said(&server, &by_hand)?.exits(1)?;
    let told = format!(
        "error: The Idempotency-Key was used for another request\n  {reused}\n  see \
         https://greenroom.dev/docs/errors/key_reused (request …)\n"
    );
    assert_eq!(refused.err, told);
    assert_eq!(
        (points(&server, "ann")?, points(&server, "bob")?),
        (Some(57), Some(7)),
        "nothing has changed"
    );

    // For ever: also for another process.
    server.stop()?;
    let server = place.serve()?;
    assert_eq!(answered(&Admin::new(&server)?, &path)?, (first.clone(), true));
    let new = [("Idempotency-Key", "parcel-4712")];
    Admin::new(&server)?.post(&path, &new, &fifty())?.done()?;
    assert_eq!(points(&server, "ann")?, Some(107), "a new key is a new order");
    verified(&server)?;
    server.stop()
}
