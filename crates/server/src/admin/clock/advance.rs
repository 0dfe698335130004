use axum::Json;
use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ClockForm;
use crate::{
    Code, Problem,
    admin::{
        access::{Access, Operate},
        input::{Input, read},
        paths::InEnvironment,
    },
};

/// How far: to a time, or by a span. One of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advance {
    /// To this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// By this span, ISO 8601 or in words: `P30D`, `2 weeks`. Days and longer go by the program's time zone.
    #[schema(example = "30 days")]
    by: Option<String>,
}

/// Moves a test environment's clock forward
///
/// Everything that is due until then happens, in the order of its time. From then on the clock stands still
/// until it is moved again.
#[utoipa::path(
    post, path = "/environments/{environment}/clock/advance", operation_id = "advanceClock", tag = "clock",
    params(InEnvironment), request_body = Advance,
    responses((status = 200, body = ClockForm))
)]
pub(crate) async fn advance(
    access: Access<Operate>,
    Input(advance): Input<Advance>,
) -> Result<Json<ClockForm>, Problem> {
    let environment = &access.environment;
    if environment.is_live() {
        return Err(Problem::new(
            Code::TestOnly,
            format!("`{}` is a live environment: its clock is the world's.", environment.name()),
        ));
    }
    let zone = environment.rules().program.settings.time_zone.clone();
    let to = target(advance, environment.now(), &zone)?;
    environment.advance_clock(access.actor(), to).await?;
    Ok(Json(ClockForm::of(environment)))
}

fn target(advance: Advance, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, Problem> {
    match (advance.to, advance.by) {
        (Some(to), None) => Ok(to),
        (None, Some(by)) => {
            let span: Span = read("/by", &by)?;
            let to = now.to_zoned(zone.clone()).checked_add(span).map_err(|_| {
                Problem::new(Code::BadParameter, "A field is wrong.")
                    .at("/by", "that is later than 9999-12-30T22:00:00Z, the last moment there is")
            })?;
            if to.timestamp().duration_since(now) <= SignedDuration::ZERO {
                return Err(Problem::new(Code::BadParameter, "A field is wrong.")
                    .at("/by", "the clock only moves forward"));
            }
            Ok(to.timestamp())
        }
        _ => Err(Problem::new(Code::BadParameter, "Say either `to` or `by`.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_a_time_or_by_a_span() {
        let now: Timestamp = "2024-03-30T12:00:00Z".parse().expect("a time");
        let berlin = TimeZone::get("Europe/Berlin").expect("it is bundled");
        let by = |by: &str| target(Advance { to: None, by: Some(by.into()) }, now, &berlin);
        // The night in between has an hour less.
        assert_eq!(by("1 day").map(|at| at.to_string()).ok().as_deref(), Some("2024-03-31T11:00:00Z"));
        assert_eq!(by("PT36H").map(|at| at.to_string()).ok().as_deref(), Some("2024-04-01T00:00:00Z"));
        for wrong in ["", "soon", "-1 day", "PT0S", "9000 years"] {
            assert!(by(wrong).is_err(), "{wrong}");
        }
        assert_eq!(target(Advance { to: Some(now), by: None }, now, &berlin).ok(), Some(now));
        assert!(target(Advance { to: None, by: None }, now, &berlin).is_err());
        assert!(target(Advance { to: Some(now), by: Some("1 day".into()) }, now, &berlin).is_err());
    }
}
