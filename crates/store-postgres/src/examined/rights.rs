//! What the role of the URL may do: make schemas and roles, and use what is there.

use store::Finding;

use super::{Looked, server::row};
use crate::{pool::quoted, schema::CONTROL_SCHEMA, session::Session};

const WHAT: &str = "role";

pub(super) async fn look(session: &Session) -> Looked {
    let sql = "SELECT current_user::text, current_database()::text, rolsuper, rolcreaterole,
               has_database_privilege(current_database(), 'CREATE')
               FROM pg_roles WHERE rolname = current_user";
    let answer = row(session, sql).await?;
    let (role, database): (String, String) = (answer.try_get(0)?, answer.try_get(1)?);
    let (is_super, makes_roles, makes_schemas): (bool, bool, bool) =
        (answer.try_get(2)?, answer.try_get(3)?, answer.try_get(4)?);
    let mut findings = Vec::new();
    if !is_super && !makes_roles {
        findings.push(Finding::ill(
            WHAT,
            format!("`{role}` may not make roles, and each environment is served by one of its own"),
            format!("as a superuser: ALTER ROLE {} CREATEROLE;", quoted(&role)),
        ));
    }
    if !makes_schemas {
        findings.push(Finding::ill(
            WHAT,
            format!("`{role}` may not make schemas in the database, and each environment has one"),
            format!("as its owner: GRANT CREATE ON DATABASE {} TO {};", quoted(&database), quoted(&role)),
        ));
    }
    let sql = "SELECT nspowner::regrole::text FROM pg_namespace
               WHERE nspname = $1 AND NOT pg_has_role(current_user, nspowner, 'USAGE')";
    if let Some(answer) = session.query_opt(sql, &[&CONTROL_SCHEMA]).await? {
        let owner: String = answer.try_get(0)?;
        findings.push(Finding::ill(
            WHAT,
            format!(
                "schema {CONTROL_SCHEMA} is another role's, {owner}: `{role}` cannot use what that has made"
            ),
            format!(
                "name {owner} in the URL, or let `{role}` act for it: GRANT {owner} TO {};",
                quoted(&role)
            ),
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::well(WHAT, format!("`{role}` may make roles and schemas")));
    }
    Ok(findings)
}
