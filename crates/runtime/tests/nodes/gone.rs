//! A database that goes away in the middle of a verification: nothing is known then, and nothing is found.

use std::sync::Arc;

use engine::{Effect, Fault, Input, Profile, Proposal, Rules, Times};
use runtime::{
    Environment, Error, Greenroom, clock::SystemClock, environment::Options, history::Verified,
    work::Progress,
};
use testing::Database;

use crate::ground::{MASTER_KEY, SHOP, apply, at, order, send};

/// Decides `forged` as no engine does.
fn forges(rules: &Rules, profile: &Profile, input: &Input, times: Times) -> Result<Proposal, Fault> {
    let mut proposal = engine::decide(rules, profile, input, times)?;
    if let (Input::Message(message, _), Proposal::Decided(decision, _)) = (input, &mut proposal)
        && message.message_id == "forged"
    {
        decision.effects.push(Effect::Trait("~forged".into(), Some("true".into())));
    }
    Ok(proposal)
}

/// `live` in a database of its own, with some orders.
async fn shop(database: &Database) -> Arc<Environment> {
    let options = Options { decide: forges, ..Options::default() };
    let backend = database.backend().await;
    let greenroom =
        Greenroom::open(backend, MASTER_KEY, Arc::new(SystemClock), options).await.expect("it opens");
    let live = greenroom.environment("live").expect("it is there from the start");
    apply(&live, SHOP).await;
    for (id, user) in [("m1", "ann"), ("m2", "ann"), ("m3", "bob")] {
        send(&live, vec![order(id, user, "10", at("2025-03-01T10:00:00Z"))]).await;
    }
    live
}

async fn verified(live: &Environment) -> Result<Verified, Error> {
    live.verify(&Progress::default()).await
}

/// What `verify` answers when the server ends whatever connection reads a single member's stream, and no other.
async fn verified_while_streams_are_gone(database: &Database, live: &Environment) -> Result<Verified, Error> {
    let (admin, journal) = (database.superuser().await, format!("{}.journal", database.schema("live").await));
    let ends = format!(
        "CREATE OR REPLACE FUNCTION public.is_there() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
             IF current_query() LIKE '%stream = $2%ORDER BY n DESC%' THEN
                 PERFORM pg_terminate_backend(pg_backend_pid());
                 PERFORM pg_sleep(10);
             END IF;
             RETURN true;
         END $$;
         CREATE POLICY is_there ON {journal} FOR SELECT USING (public.is_there());
         ALTER TABLE {journal} ENABLE ROW LEVEL SECURITY"
    );
    admin.batch_execute(&ends).await.expect("a superuser may");
    let told = verified(live).await;
    let back = format!("ALTER TABLE {journal} DISABLE ROW LEVEL SECURITY; DROP POLICY is_there ON {journal}");
    admin.batch_execute(&back).await.expect("a superuser may");
    told
}

fn is_gone(told: &Result<Verified, Error>) {
    assert!(matches!(told, Err(Error::Store(store::Error::Recovering(_)))), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_differs_is_not_told_before_its_stream_has_been_read_again() {
    let database = Database::make().await;
    let live = shop(&database).await;
    // Where everything comes out as it was, no stream is read again.
    let whole = verified_while_streams_are_gone(&database, &live).await.expect("nobody reads one");
    assert!(whole.passed() && whole.redecided == 3, "{whole:?}");
    send(&live, vec![order("forged", "ann", "10", at("2025-03-02T10:00:00Z"))]).await;
    is_gone(&verified_while_streams_are_gone(&database, &live).await);
    let found = verified(&live).await.expect("it is there again").findings;
    assert_eq!(found.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["decision"], "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_is_what_a_new_metric_counts_from_history() {
    let database = Database::make().await;
    let live = shop(&database).await;
    let metric = "\n---\nkind: metric\nkey: dearest\nspec: {event: order_completed, aggregate: max, of: properties.total}\n";
    apply(&live, &format!("{SHOP}{metric}")).await;
    for user in ["ann", "bob"] {
        send(&live, vec![order(&format!("upgrades-{user}"), user, "5", at("2025-03-03T10:00:00Z"))]).await;
    }
    is_gone(&verified_while_streams_are_gone(&database, &live).await);
    let whole = verified(&live).await.expect("it is there again");
    assert!(whole.passed() && whole.redecided == 7, "{whole:?}");
}
