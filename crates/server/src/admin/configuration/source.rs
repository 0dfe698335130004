//! Where a plan's configuration comes from, as a request says it.

use std::collections::BTreeMap;

use program::{
    Address, RevisionId, document,
    plan::{Choices, Plan, Selection, Side},
    pull::Origin,
};
use runtime::configuration::PlanSource;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::files::File;
use crate::{
    Code, Here, Problem,
    admin::{access::Access, input::read},
};

/// Where the configuration comes from: exactly one of these.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum From {
    /// The head of another environment.
    Environment(String),
    /// A program's files.
    Files(Program),
    /// A plan file, whole, as it was written. Its own choices hold.
    Plan(PlanFile),
}

/// A plan file, as it was written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub(crate) struct PlanFile(Box<RawValue>);

/// A program as files.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Program {
    /// A name for people, such as the folder's.
    #[schema(example = "record-shop")]
    name: String,
    /// Its files. The file that `pull` adds gives the comparison its base.
    files: Vec<File>,
}

/// What was chosen.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Chosen {
    /// Addresses to look at, with what they need; everything when left out. An empty list is an error.
    #[schema(example = json!(["reactor/points_for_orders"]))]
    select: Option<Vec<String>>,
    /// Whose form of an object holds, `source` or `target`: decides conflicts and drift.
    #[schema(example = json!({"reactor/bonus": "source"}))]
    take: BTreeMap<String, String>,
    /// Whether objects may be deleted.
    allow_delete: bool,
    /// Whether members who enter or leave an audience by this change set off its reactors.
    run_audience_reactors: bool,
}

impl Chosen {
    fn read(&self) -> Result<Choices, Problem> {
        let address = |text: &String| read::<Address>("choices", text);
        let select = match &self.select {
            None => Selection::Everything,
            Some(list) => Selection::Only(list.iter().map(address).collect::<Result<_, _>>()?),
        };
        let take = self
            .take
            .iter()
            .map(|(text, side)| Ok((address(text)?, read::<Side>("choices/take", side)?)))
            .collect::<Result<_, Problem>>()?;
        Ok(Choices {
            select,
            take,
            allow_delete: self.allow_delete,
            run_audience_reactors: self.run_audience_reactors,
        })
    }
}

/// Reads both. Faults of files are told with file, line and column.
pub(in crate::admin) fn source<S>(
    here: &Here,
    access: &Access<S>,
    from: From,
    chosen: &Chosen,
) -> Result<(PlanSource, Choices), Problem> {
    match from {
        From::Environment(name) => Ok((PlanSource::Environment(access.other(here, &name)?), chosen.read()?)),
        From::Files(program) => {
            let files: Vec<(String, String)> =
                program.files.into_iter().map(|file| (file.name, file.text)).collect();
            let pulled = pulled(&files, access.environment.name())?;
            let loaded = document::load(&files).map_err(runtime::Error::Faults)?;
            let source = PlanSource::Directory { bundle: loaded.bundle, name: program.name, pulled };
            Ok((source, chosen.read()?))
        }
        From::Plan(PlanFile(text)) => {
            let plan = Plan::from_json(text.get()).map_err(|error| {
                Problem::new(Code::BadJson, format!("The plan file cannot be used: {error}."))
            })?;
            let choices = plan.choices.clone();
            Ok((PlanSource::File(Box::new(plan)), choices))
        }
    }
}

/// The revision the files were pulled from, if it was this environment's.
fn pulled(files: &[(String, String)], environment: &str) -> Result<Option<RevisionId>, Problem> {
    match Origin::find(files) {
        None => Ok(None),
        Some(Ok(origin)) => Ok((origin.environment == environment).then_some(origin.revision)),
        Some(Err(fault)) => Err(Problem::new(Code::BadJson, format!("{fault}."))),
    }
}
