//! What `plan`, `apply` and `rehearse` share: where a change comes from, what is chosen, the plan of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, bail};
use program::plan::Plan;
use serde_json::{Map, Value, json};

use super::files;
use crate::{
    client::{Client, routes},
    context::Context,
    output::Format,
};

/// Where a change comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Another environment's head.
    Environment(String),
    /// A program's folder.
    Folder(PathBuf),
    /// A plan file, as it was written.
    Plan(Box<Plan>, String),
}

/// What can be chosen of a change.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Chosen {
    /// Only this object and what it needs, e.g. reactor/welcome (repeated)
    #[arg(long = "select", value_name = "ADDR")]
    select: Vec<String>,
    /// Whose form of an object holds, where both sides changed it or the target was edited (repeated)
    #[arg(long = "take", num_args = 2, value_names = ["source|target", "ADDR"])]
    take: Vec<String>,
    /// Delete objects that the source does not have
    #[arg(long)]
    allow_delete: bool,
    /// Let members who enter or leave an audience by this change set off its reactors
    #[arg(long)]
    run_audience_reactors: bool,
}

impl Chosen {
    pub(crate) fn to_json(&self) -> Result<Value> {
        let mut take = Map::new();
        for pair in self.take.chunks(2) {
            let [side, address] = pair else { continue };
            if !matches!(side.as_str(), "source" | "target") {
                bail!(
                    "`--take {side} {address}`: say `--take source {address}` or `--take target {address}`"
                );
            }
            if take.insert(address.clone(), json!(side)).is_some() {
                bail!("`--take` names {address} twice");
            }
        }
        let mut choices = json!({
            "take": take,
            "allow_delete": self.allow_delete,
            "run_audience_reactors": self.run_audience_reactors,
        });
        if !self.select.is_empty() {
            choices["select"] = json!(self.select);
        }
        Ok(choices)
    }

    fn is_some(&self) -> bool {
        !self.select.is_empty() || !self.take.is_empty() || self.allow_delete || self.run_audience_reactors
    }
}

/// Reads what a path and `--from` say: a folder, a plan file, or an environment.
pub(crate) fn source(path: Option<&Path>, from: Option<&str>) -> Result<Source> {
    match (path, from) {
        (None, Some(name)) => Ok(Source::Environment(name.to_owned())),
        (Some(path), None) if path.is_dir() => Ok(Source::Folder(path.to_owned())),
        (Some(path), None) => {
            let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
            let plan = Plan::from_json(&text).map_err(|error| anyhow!("{}: {error}", path.display()))?;
            Ok(Source::Plan(Box::new(plan), text))
        }
        _ => bail!("say where the change comes from: a folder, a plan file, or --from ENV"),
    }
}

/// A change, ready to be asked for: `from` and `choices` of the request, and the target.
pub(crate) struct Change {
    pub(crate) target: String,
    pub(crate) body: Map<String, Value>,
    /// The plan, when it is one already.
    pub(crate) plan: Option<Box<Plan>>,
}

impl Change {
    /// Puts it together. A folder is checked here first; when it has faults they are shown, and the answer
    /// is `None`.
    pub(crate) fn new(
        source: Source,
        to: Option<&str>,
        chosen: &Chosen,
        context: &mut Context,
    ) -> Result<Option<Self>> {
        let needs_to = || to.map(str::to_owned).ok_or_else(|| anyhow!("say which environment with --to ENV"));
        let mut body = Map::new();
        let mut planned = None;
        let target = match source {
            Source::Environment(name) => {
                let target = needs_to()?;
                if name == target {
                    bail!("--from and --to name the same environment, {name}");
                }
                body.insert("from".into(), json!({ "environment": name }));
                target
            }
            Source::Folder(folder) => {
                let target = needs_to()?;
                let Some((files, _)) = files::checked(&folder, context)? else { return Ok(None) };
                body.insert(
                    "from".into(),
                    json!({ "files": files::to_json(&files::name_of(&folder), &files) }),
                );
                target
            }
            Source::Plan(plan, text) => {
                if chosen.is_some() {
                    bail!("a plan file has its own choices; make a new plan to choose otherwise");
                }
                if let Some(to) = to
                    && to != plan.target.name
                {
                    bail!("the plan is for the environment {}, not for {to}", plan.target.name);
                }
                let value: Value = serde_json::from_str(&text)?;
                body.insert("from".into(), json!({ "plan": value }));
                let target = plan.target.name.clone();
                planned = Some(plan);
                target
            }
        };
        if planned.is_none() {
            body.insert("choices".into(), chosen.to_json()?);
        }
        Ok(Some(Self { target, body, plan: planned }))
    }

    /// The plan of it: as the file says, or as the server computes it; with its text.
    pub(crate) fn planned(&self, client: &Client) -> Result<(Plan, String)> {
        if let Some(plan) = &self.plan {
            return Ok((Plan::clone(plan), plan.to_json()?));
        }
        let path = format!("{}/plan", routes::environment(&self.target));
        let body = Value::Object(self.body.clone());
        let text = client.send(ureq::http::Method::POST, &path, &[], Some(&body))?.text;
        let plan = Plan::from_json(&text)
            .map_err(|error| anyhow!("the server's plan is not understood here: {error}"))?;
        Ok((plan, text))
    }
}

/// Shows a plan in the form asked for.
pub(crate) fn show(plan: &Plan, text: &str, context: &mut Context) -> Result<()> {
    match context.global.output {
        Format::Table => write!(context.out, "{}", plan.to_text())?,
        Format::Markdown => write!(context.out, "{}", plan.to_markdown())?,
        Format::Json => writeln!(context.out, "{}", text.trim_end())?,
        Format::Yaml => write!(context.out, "{}", crate::output::yaml::write(&serde_json::from_str(text)?))?,
    }
    context.out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_as_the_server_takes_them() -> Result<()> {
        let chosen = Chosen {
            take: ["source", "reactor/a", "target", "reactor/b"].map(str::to_owned).to_vec(),
            allow_delete: true,
            ..Chosen::default()
        };
        let expected = json!({
            "take": {"reactor/a": "source", "reactor/b": "target"},
            "allow_delete": true, "run_audience_reactors": false,
        });
        assert_eq!(chosen.to_json()?, expected);
        let wrong = Chosen { take: vec!["mine".into(), "reactor/a".into()], ..Chosen::default() };
        assert!(wrong.to_json().is_err_and(|error| error.to_string().contains("--take source reactor/a")));
        let twice = Chosen {
            take: ["source", "a/b", "target", "a/b"].map(str::to_owned).to_vec(),
            ..Chosen::default()
        };
        assert!(twice.to_json().is_err_and(|error| error.to_string().contains("twice")));
        Ok(())
    }

    #[test]
    fn a_source_is_one_thing() {
        assert!(matches!(source(None, Some("staging")), Ok(Source::Environment(name)) if name == "staging"));
        assert!(matches!(source(Some(Path::new(".")), None), Ok(Source::Folder(_))));
        assert!(source(None, None).is_err());
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), "{\"format_version\": 9}").expect("it is written");
        let said = source(Some(file.path()), None).map(|_| ()).map_err(|error| error.to_string());
        assert!(said.as_ref().is_err_and(|said| said.contains("format_version 9")), "{said:?}");
    }
}
