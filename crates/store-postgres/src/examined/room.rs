//! Whether the server has connections enough for all nodes, and any that are free now.

use store::Finding;

use super::{Looked, kept::Kept, server::row};
use crate::{Options, backend::INSTALLING, session::Session};

const WHAT: &str = "connections";

pub(super) async fn look(session: &Session, options: &Options, kept: &Kept) -> Looked {
    // Those of the server itself are in no database, and come out of no limit.
    let sql = "SELECT current_setting('max_connections')::bigint,
               (SELECT coalesce(sum(setting::bigint), 0)::bigint FROM pg_settings
                WHERE name IN ('superuser_reserved_connections', 'reserved_connections')),
               (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL)";
    let answer = row(session, sql).await?;
    let (all, reserved, used): (i64, i64, i64) = (answer.try_get(0)?, answer.try_get(1)?, answer.try_get(2)?);
    Ok(enough(&Room { all, reserved, used }, options.connections_max, kept))
}

/// Connections of the server.
struct Room {
    all: i64,
    /// For superusers and the like.
    reserved: i64,
    used: i64,
}

fn enough(room: &Room, connections_max: usize, kept: &Kept) -> Vec<Finding> {
    let whole = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let others = room.all - room.reserved;
    let each = whole(INSTALLING + connections_max * kept.environments.max(1));
    let nodes = whole(kept.nodes.max(1));
    let need = each.saturating_mul(nodes);
    let sum = format!(
        "{others} of `max_connections` {} are for ordinary roles; {nodes} × {each} may be needed (nodes × ({INSTALLING} + \
         {connections_max} for each environment))",
        room.all
    );
    let mut findings = vec![if need <= others {
        Finding::well(WHAT, sum)
    } else {
        let help = "raise `max_connections` of the server, or lower `connections_max` of [store]: nodes that find none \
                    answer 503 under load";
        Finding::mind(WHAT, sum, help)
    }];
    let free = (others - room.used).max(0);
    let now = format!("{free} are free now, {} are in use", room.used);
    // Nobody who serves it already takes all of these anew; whoever starts does.
    let least = whole(INSTALLING) + 1;
    findings.push(if free >= least {
        Finding::well(WHAT, now)
    } else {
        let help = "look in `pg_stat_activity` at who has them: no node can be started, and none that lost its own \
                    comes back";
        Finding::ill(WHAT, now, help)
    });
    findings
}

#[cfg(test)]
mod tests {
    use store::Health::{self, Ill, Mind, Well};

    use super::*;

    #[test]
    fn too_few_connections_are_told_of() {
        let check = |all, used, environments, nodes| -> Vec<Health> {
            let room = Room { all, reserved: 3, used };
            enough(&room, 8, &Kept { environments, nodes }).iter().map(|one| one.health).collect()
        };
        // Three nodes with two environments: 3 × (3 + 2 × 8) = 57.
        assert_eq!(check(60, 20, 2, 3), [Well, Well]);
        assert_eq!(check(59, 20, 2, 3), [Mind, Well]);
        assert_eq!(check(59, 53, 2, 3), [Mind, Ill]);
        // Nobody there yet: one node, one environment.
        assert_eq!(check(14, 1, 0, 0), [Well, Well]);
        assert_eq!(check(13, 1, 0, 0), [Mind, Well]);
    }
}
