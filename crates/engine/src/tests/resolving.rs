//! Whose event it is: every combination.

use ledger::ProfileId;

use super::world::World;
use crate::{Identity, Known, Resolution, decide::profile_id_for, resolve, resolve::Owner};
use serde_json::{Value as Json, json};

const X: ProfileId = ProfileId([1; 16]);
const Y: ProfileId = ProfileId([2; 16]);
const Z: ProfileId = ProfileId([3; 16]);

fn known(profile: ProfileId) -> Option<Owner> {
    Some(profile).map(|profile| Owner { profile, known: true })
}

fn anonymous(profile: ProfileId) -> Option<Owner> {
    Some(profile).map(|profile| Owner { profile, known: false })
}

/// `user` and `previous` are ids `u` and `p`, `anonymous` is `a`. The target `None` is a new profile.
fn check(
    json: Json,
    owners: [Option<Owner>; 3],
    target: Option<ProfileId>,
    merges: &[ProfileId],
    claims: &str,
) {
    let mut world = World::new("kind: trait\nkey: email\nspec: {type: string}\n");
    let message = world.message("1997-01-01", json);
    let [user, anonymous, previous] = owners;
    let resolution = resolve(&message, Known { user, anonymous, previous });
    let claims = claims
        .split_whitespace()
        .map(|claim| match claim.split_once(':') {
            Some(("user", id)) => Identity::User(id.into()),
            Some((_, id)) => Identity::Anonymous(id.into()),
            None => panic!("a claim"),
        })
        .collect();
    let expected = Resolution {
        target: target.unwrap_or_else(|| profile_id_for(&message.message_id)),
        created: target.is_none(),
        merges: merges.to_vec(),
        claims,
    };
    assert_eq!(resolution, expected, "{message:?} with {owners:?}");
}

#[test]
fn track_and_identify() {
    let user = || json!({"userId": "u"});
    let anon = || json!({"anonymousId": "a"});
    let both = || json!({"userId": "u", "anonymousId": "a"});
    check(user(), [None, None, None], None, &[], "user:u");
    check(user(), [known(X), None, None], Some(X), &[], "");
    check(anon(), [None, None, None], None, &[], "anonymous:a");
    check(anon(), [None, anonymous(Y), None], Some(Y), &[], "");
    check(anon(), [None, known(Y), None], Some(Y), &[], "");
    check(both(), [None, None, None], None, &[], "user:u anonymous:a");
    check(both(), [known(X), None, None], Some(X), &[], "anonymous:a");
    check(both(), [known(X), known(X), None], Some(X), &[], "");
    check(both(), [known(X), anonymous(Y), None], Some(X), &[Y], "");
    check(both(), [None, anonymous(Y), None], Some(Y), &[], "user:u");
    // A shared device: the anonymous id stays with whom it belongs to.
    check(both(), [None, known(Y), None], None, &[], "user:u");
    check(both(), [known(X), known(Y), None], Some(X), &[], "");
}

#[test]
fn alias() {
    let alias = || json!({"type": "alias", "userId": "u", "previousId": "p"});
    check(alias(), [None, None, None], None, &[], "user:u user:p anonymous:p");
    check(alias(), [known(X), None, None], Some(X), &[], "user:p anonymous:p");
    check(alias(), [known(X), None, anonymous(Y)], Some(X), &[Y], "");
    check(alias(), [known(X), None, known(Y)], Some(X), &[Y], "");
    check(alias(), [known(X), None, known(X)], Some(X), &[], "");
    check(alias(), [None, None, anonymous(Y)], Some(Y), &[], "user:u");
    check(alias(), [None, None, known(Y)], Some(Y), &[], "user:u");
    let whole = || json!({"type": "alias", "userId": "u", "previousId": "p", "anonymousId": "a"});
    check(whole(), [known(X), anonymous(Y), known(Z)], Some(X), &[Y, Z], "");
    check(whole(), [None, anonymous(Y), known(Z)], Some(Z), &[Y], "user:u");
    check(whole(), [None, anonymous(Y), anonymous(Y)], Some(Y), &[], "user:u");
    let same = json!({"type": "alias", "userId": "u", "previousId": "u"});
    check(same, [known(X), None, known(X)], Some(X), &[], "");
    let same_new = json!({"type": "alias", "userId": "u", "previousId": "u"});
    check(same_new, [None, None, None], None, &[], "user:u");
    // `previousId` means something in an alias only.
    check(json!({"userId": "u", "previousId": "p"}), [known(X), None, known(Y)], Some(X), &[], "");
}

#[test]
fn a_browser_cannot_take_over_a_known_person() {
    let alias = || json!({"type": "alias", "userId": "u", "previousId": "p", "source": "browser"});
    check(alias(), [known(X), None, known(Y)], Some(X), &[], "");
    check(alias(), [None, None, known(Y)], None, &[], "user:u");
    check(alias(), [known(X), None, anonymous(Y)], Some(X), &[Y], "");
    check(alias(), [known(X), None, None], Some(X), &[], "anonymous:p");
}
