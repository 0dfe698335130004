//! Plan files that were spoilt or overtaken: refused in words that say what to do, and nothing has changed.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use xtask::{greenroom::Greenroom, process};

use crate::{
    asked::{Admin, masked, said},
    place::{
        Place, Sender, one_point_per_dollar, one_point_per_dollar_text, order, points,
        two_points_from_thirty, verified,
    },
};

/// Plans a folder for live, into a file.
fn planned(server: &Greenroom, place: &Place, folder: &str) -> Result<PathBuf> {
    let file = place.file("plan.json");
    process::output(server.command(&["plan", folder, "--to", "live", "-o"]).arg(&file))?;
    Ok(file)
}

/// Everything that was ever changed in live.
fn changes(server: &Greenroom) -> Result<Value> {
    server.json(&["audit", "--environment", "live", "--limit", "1000"])
}

#[test]
fn a_spoilt_plan_file_is_refused_and_changes_nothing() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let sender = Sender::new(&server, &server.write_key("live")?)?;
    let file = planned(&server, &place, &two_points_from_thirty().to_string_lossy())?;
    let whole = fs::read_to_string(&file)?;
    let before = changes(&server)?;
    let edited = |pointer: &str, value: Value| -> Result<String> {
        let mut plan: Value = serde_json::from_str(&whole)?;
        *plan.pointer_mut(pointer).with_context(|| format!("{pointer} is not in {whole}"))? = value;
        Ok(serde_json::to_string_pretty(&plan)?)
    };
    let half = &whole[..whole.len() / 2];
    let end = (half.lines().count(), half.lines().last().map_or(0, |line| line.chars().count()));
    let rate = "/bundle/reactor~1points_for_large_orders/actions/0/award/rate";
    let by_hand = "the plan file was edited by hand: its contents have the digest …, and it says …. A plan is \
                   not a script; change the choices and make a new one";
    let shown = "the plan file was edited by hand, in what it shows: its contents have the checksum …, and it \
                 says …. Make a new plan";
    for (spoilt, told) in [
        (edited("/choices/allow_delete", json!(true))?, by_hand),
        (edited("/actions/0/op", json!("delete"))?, by_hand),
        (edited(rate, json!(9))?, shown),
        (edited("/source/origin/name", json!("reviewed"))?, shown),
        (
            half.to_owned(),
            &format!(
                "the plan file is cut off at line {}, column {}: copy it again, or make a new plan",
                end.0, end.1
            ),
        ),
        (
            edited("/format_version", json!(2))?,
            "the plan file has format_version 2, and this Greenroom reads 1: use the version of Greenroom that \
             made it, or make a new plan",
        ),
    ] {
        fs::write(&file, &spoilt)?;
        let path = file.to_string_lossy();
        let refused = said(&server, &["apply", &path, "--auto-approve"])?.exits(1)?;
        assert_eq!(refused.err, format!("error: {path}: {told}\n"));
        assert_eq!(refused.out, "", "a spoilt plan is not shown as if it were one");
        // A client of the API has no command line in front of it.
        if let Ok(plan) = serde_json::from_str::<Value>(&spoilt) {
            let body = json!({ "from": { "plan": plan } });
            let answer = Admin::new(&server)?.post("/environments/live/apply", &[], &body)?;
            let told = format!("The plan file cannot be used: {told}.");
            assert_eq!(masked(answer.refused(400, "bad_json")?), told);
        }
        assert_eq!(changes(&server)?, before, "{told}");
    }
    sender.send(&[order("before", "ann", "40.00")?])?;
    assert_eq!(points(&server, "ann")?, Some(40), "the program is the one before");

    fs::write(&file, whole)?;
    said(&server, &["apply", &file.to_string_lossy(), "--auto-approve"])?.exits(0)?;
    sender.send(&[order("after", "ann", "40.00")?])?;
    assert_eq!(points(&server, "ann")?, Some(120));
    verified(&server)?;
    server.stop()
}

/// The files of one point per dollar, in another wording: nothing that the other program touches.
fn renamed(place: &Place) -> Result<String> {
    let text = one_point_per_dollar_text()?.replace("name: Points", "name: Stars");
    Ok(place.program("renamed", &[("program.yaml", &text)])?.to_string_lossy().into_owned())
}

#[test]
fn a_plan_whose_target_moved_is_refused_with_who_moved_it() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let renamed = renamed(&place)?;
    let binding = "a constant, a secret or a switch was set, a change was taken back, or something was applied that was there already";
    for (moves, did) in [
        (
            vec!["switch", "off", "points_for_orders", "--environment", "live"],
            "switched reactor `points_for_orders` off",
        ),
        (vec!["constants", "set", "threshold", "30", "--environment", "live"], "set constant `threshold`"),
        (
            vec!["apply", &renamed, "--to", "live", "--auto-approve", "--message", "new name"],
            "applied files (“new name”)",
        ),
    ] {
        let file = planned(&server, &place, &two_points_from_thirty().to_string_lossy())?;
        let plan: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
        said(&server, &moves)?.exits(0)?;
        let before = changes(&server)?;
        let newest = &before["data"][0];
        let (then, now) = (&plan["target"]["epoch"], &newest["epoch"]);
        let what = match moves[0] {
            "apply" => "the target's configuration was changed since".to_owned(),
            _ => format!("the target moved from epoch {then} to {now} ({binding})"),
        };
        let who = masked(newest["actor_id"].as_str().context("the audit says who")?);
        let told = format!(
            "The plan is stale, and nothing was changed: {what}. Make a new plan, and review it. Since then: \
             administrator ({who}) {did}, epoch {now}."
        );
        let refused = said(&server, &["apply", &file.to_string_lossy(), "--auto-approve"])?.exits(4)?;
        assert_eq!(
            refused.err,
            format!(
                "error: It has changed since\n  {told}\n  see https://greenroom.dev/docs/errors/stale (request …)\n"
            )
        );
        let answer = Admin::new(&server)?.post(
            "/environments/live/apply",
            &[],
            &json!({ "from": { "plan": plan } }),
        )?;
        assert_eq!(masked(answer.refused(412, "stale")?), told);
        assert_eq!(changes(&server)?, before, "{told}");
    }
    // Made again, it goes through.
    said(&server, &["switch", "on", "points_for_orders", "--environment", "live"])?.exits(0)?;
    let file = planned(&server, &place, &two_points_from_thirty().to_string_lossy())?;
    said(&server, &["apply", &file.to_string_lossy(), "--auto-approve"])?.exits(0)?;
    let sender = Sender::new(&server, &server.write_key("live")?)?;
    sender.send(&[order("after", "ann", "40.00")?])?;
    assert_eq!(points(&server, "ann")?, Some(80));
    verified(&server)?;
    server.stop()
}

/// It would do the same, and yet: what the next plans are compared with is not what it was when this one was reviewed.
#[test]
fn a_plan_is_stale_also_when_only_its_base_moved() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let first = server.json(&["revisions", "--environment", "live"])?;
    let first = first["data"][0]["id"].as_str().context("it has a revision")?.to_owned();
    said(&server, &["apply", &renamed(&place)?, "--to", "live", "--auto-approve"])?.exits(0)?;
    said(&server, &["rollback", "live", "--to", &first])?.exits(0)?;
    let file = planned(&server, &place, &two_points_from_thirty().to_string_lossy())?;
    let actions = |path: &PathBuf| -> Result<Value> {
        let plan: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
        Ok(plan["actions"].clone())
    };
    let before = actions(&file)?;
    let folder = one_point_per_dollar().to_string_lossy().into_owned();
    said(&server, &["apply", &folder, "--to", "live", "--auto-approve"])?.exits(0)?;
    let refused = said(&server, &["apply", &file.to_string_lossy(), "--auto-approve"])?.exits(4)?;
    ensure!(refused.err.contains("or something was applied that was there already)"), "{}", refused.err);
    ensure!(refused.err.contains("applied files, epoch"), "{}", refused.err);
    // Made again it does the same, and goes through.
    let file = planned(&server, &place, &two_points_from_thirty().to_string_lossy())?;
    ensure!(actions(&file)? == before, "another plan");
    said(&server, &["apply", &file.to_string_lossy(), "--auto-approve"])?.exits(0)?;
    verified(&server)?;
    server.stop()
}

#[test]
fn a_plan_whose_source_moved_does_what_was_reviewed_and_no_more() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    server.json(&["env", "create", "staging", "--from", "live"])?;
    server.apply(&two_points_from_thirty(), "staging")?;
    let file = place.file("plan.json").to_string_lossy().into_owned();
    said(&server, &["plan", "--from", "staging", "--to", "live", "-o", &file])?.exits(0)?;
    let plan: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
    let digest = plan["digest"].as_str().context("a plan has a digest")?;
    let before = changes(&server)?;
    let text = fs::read_to_string(two_points_from_thirty().join("program.yaml"))?;
    let text = text.replace("name: Points", "name: Stars");
    server.apply(&place.program("stars", &[("program.yaml", &text)])?, "staging")?;

    // Whoever names the digest but not the file wants what staging has now: that is not what was reviewed.
    let refused =
        said(&server, &["apply", "--from", "staging", "--to", "live", "--expect", digest])?.exits(4)?;
    assert_eq!(
        refused.err,
        "nothing was done: the plan has the digest … now, … was expected. Something has changed since; look at \
         the plan again\n"
    );
    let body = json!({ "from": { "environment": "staging" }, "expect": digest });
    let answer = Admin::new(&server)?.post("/environments/live/apply", &[], &body)?;
    assert_eq!(
        masked(answer.refused(412, "stale")?),
        "The plan has digest … now, not …: something changed since it was reviewed; plan again."
    );
    assert_eq!(changes(&server)?, before);

    // The file holds what was reviewed.
    said(&server, &["apply", &file, "--auto-approve"])?.exits(0)?;
    let rest =
        said(&server, &["plan", "--from", "staging", "--to", "live", "--detailed-exitcode"])?.exits(2)?;
    let left = "staging → live: 1 to update\n  ~ currency/points\n      /spec/name: \"Points\" → \"Stars\"\n";
    ensure!(rest.out.starts_with(left), "{}", rest.out);
    let sender = Sender::new(&server, &server.write_key("live")?)?;
    sender.send(&[order("after", "ann", "40.00")?])?;
    assert_eq!(points(&server, "ann")?, Some(80));
    verified(&server)?;
    server.stop()
}
