//! What stands in the way of applying.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Action, Conflict, ConflictReason, Held, Op, PlanInput,
    resolve::{Compared, Outcome},
    scope::Settled,
};
use crate::{Address, Bundle, Kind, closure::Because, kinds::currency::amount};

/// A stable word for what stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockerCode {
    /// Both sides changed an object, and nobody decided.
    Conflict,
    /// An object would be deleted that another one, which stays, refers to.
    StillReferenced,
    /// The result refers to an object that it does not have.
    MissingReference,
    /// Members hold what would be deleted.
    Held,
    /// A constant has no default and no value in the target.
    UnboundConstant,
    /// The value that a constant has in the target is not of its new type.
    ConstantMismatch,
    /// A secret has no value in the target.
    UnboundSecret,
    /// The resulting program does not check.
    Fault,
}

/// One thing in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocker {
    /// A stable word.
    pub code: BlockerCode,
    /// The object it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// How many members or wallets, where that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Blocker {
    fn new(code: BlockerCode, address: &Address, message: String, help: String) -> Self {
        Self { code, address: Some(address.clone()), count: None, message, help: Some(help) }
    }
}

/// Everything in the way. A plan that does nothing is not held up by what is wrong in the target anyway.
pub(super) fn blockers(
    input: &PlanInput<'_>,
    compared: &Compared<'_>,
    settled: &Settled,
    actions: &[Action],
    conflicts: &[Conflict],
) -> Vec<Blocker> {
    let mut found: Vec<Blocker> = conflicts.iter().map(conflict).collect();
    if actions.is_empty() {
        return found;
    }
    references(compared, settled, &mut found);
    for action in actions.iter().filter(|action| action.op == Op::Delete) {
        found.extend(held(input, &action.address));
    }
    bindings(input, settled, &mut found);
    let told = |address: &Option<Address>, pointer: &str| {
        let told = |one: &Because| Some(&one.address) == address.as_ref() && one.pointer.starts_with(pointer);
        settled.graph.missing().any(|(_, who)| who.iter().any(told))
    };
    found.extend(
        settled
            .faults
            .iter()
            .filter(|fault| fault.pointer.is_empty() || !told(&fault.address, &fault.pointer))
            .map(|fault| {
                let at =
                    if fault.pointer.is_empty() { String::new() } else { format!(" (at {})", fault.pointer) };
                Blocker {
                    code: BlockerCode::Fault,
                    address: fault.address.clone(),
                    count: None,
                    message: format!("the result does not check: {}{at}", fault.message),
                    help: fault.help.clone(),
                }
            }),
    );
    found
}

fn conflict(conflict: &Conflict) -> Blocker {
    let at = &conflict.address;
    let fields: Vec<_> = conflict
        .fields
        .iter()
        .map(|one| match &one.target_author {
            Some(author) => format!("{} (target: {author})", one.pointer),
            None => one.pointer.clone(),
        })
        .collect();
    let fields = fields.join(", ");
    let message = match conflict.reason {
        ConflictReason::SameFields => format!("source and target both changed {fields}"),
        ConflictReason::DoesNotCheck => {
            format!("source and target changed different fields, which do not fit together: {fields}")
        }
        ConflictReason::NoBase => {
            format!("source and target differ in {fields}, and nothing was ever promoted between them")
        }
        ConflictReason::BothMade => format!("source and target each made it; they differ in {fields}"),
        ConflictReason::DeletedInSource => format!("the source deleted it, the target changed {fields}"),
        ConflictReason::DeletedInTarget => format!("the target deleted it, the source changed {fields}"),
    };
    let help = if conflict.reason == ConflictReason::DeletedInSource {
        format!("decide with --take source {at} --allow-delete (delete it) or --take target {at} (keep it)")
    } else {
        format!("decide with --take source {at} or --take target {at}")
    };
    Blocker::new(BlockerCode::Conflict, at, message, help)
}

fn references(compared: &Compared<'_>, settled: &Settled, found: &mut Vec<Blocker>) {
    for (missing, who) in settled.graph.missing() {
        let list = who.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let deleted = matches!(settled.outcomes.get(missing), Some(Outcome::Delete { .. }));
        if deleted {
            let select = who.iter().find(|one| {
                !settled.scope.contains_key(&one.address)
                    && compared.source.text(&one.address) != compared.target.text(&one.address)
            });
            let help = match select {
                Some(one) => format!(
                    "the source has another form of {}: add --select {} to take it along",
                    one.address, one.address
                ),
                None => format!("keep it with --take target {missing}, or change what refers to it first"),
            };
            let message = format!("it would be deleted, but is still used by {list}");
            found.push(Blocker::new(BlockerCode::StillReferenced, missing, message, help));
            continue;
        }
        let (message, help) = if compared.source.has(missing) {
            (
                format!("{list} needs it, and the target deleted it"),
                format!("bring it back with --take source {missing}"),
            )
        } else {
            (
                format!("{list} needs it, and neither the source nor the target has it"),
                format!("declare {missing} in the source"),
            )
        };
        found.push(Blocker::new(BlockerCode::MissingReference, missing, message, help));
    }
}

fn held(input: &PlanInput<'_>, address: &Address) -> Option<Blocker> {
    let (count, message) = match address.kind {
        Kind::Audience => {
            let members = *input.facts.members.get(&address.key)?;
            (members, format!("it would be deleted, but has {members} {}", plural(members, "member")))
        }
        Kind::Currency => {
            let held = input.facts.held.get(&address.key)?;
            (held.wallets, held.told(address, input.target))
        }
        _ => return None,
    };
    let help = format!(
        "retire it instead: keep the object (--take target {address}) and remove the reactors that use it, until nobody holds it any more"
    );
    (count > 0)
        .then(|| Blocker { count: Some(count), ..Blocker::new(BlockerCode::Held, address, message, help) })
}

impl Held {
    /// Why a currency that is held cannot be deleted. The target's form of it says where the point of its amounts is.
    pub fn told(&self, currency: &Address, target: &Bundle) -> String {
        let spec = target.specs.get(currency);
        let spec: Option<Value> = spec.and_then(|text| serde_json::from_str(text).ok());
        let decimals = spec.and_then(|spec| spec.get("decimals")?.as_u64()).unwrap_or(0);
        format!(
            "it would be deleted, but {} {} {} any: {} altogether",
            self.wallets,
            plural(self.wallets, "wallet"),
            if self.wallets == 1 { "holds or owes" } else { "hold or owe" },
            amount(self.points, u8::try_from(decimals).unwrap_or(0))
        )
    }
}

pub(super) fn plural(count: u64, word: &str) -> String {
    if count == 1 { word.into() } else { format!("{word}s") }
}

fn bindings(input: &PlanInput<'_>, settled: &Settled, found: &mut Vec<Blocker>) {
    let target = &input.target_name;
    for (address, spec) in &settled.values {
        let key = &address.key;
        match address.kind {
            Kind::Constant => match input.facts.constants.get(key) {
                None if spec.get("default").is_none() => found.push(Blocker::new(
                    BlockerCode::UnboundConstant,
                    address,
                    format!("it has no default, and no value in {target}"),
                    format!("set it: greenroom constants set {key} VALUE --environment {target}"),
                )),
                Some(value) if !fits(spec, value) => found.push(Blocker::new(
                    BlockerCode::ConstantMismatch,
                    address,
                    format!("its value in {target} is not of the type that it gets"),
                    format!(
                        "unset it there and give it a default in the source until it is set again, or keep its type (--take target {address})"
                    ),
                )),
                _ => {}
            },
            Kind::Secret if !input.facts.secrets.contains(key) => found.push(Blocker::new(
                BlockerCode::UnboundSecret,
                address,
                format!("it has no value in {target}"),
                format!("set it: greenroom secrets set {key} --environment {target}"),
            )),
            _ => {}
        }
    }
}

/// Whether a bound value can be of the declared type. What is not known here counts as fitting.
fn fits(spec: &Value, value: &Value) -> bool {
    let Some(of_type) = spec.get("type").and_then(Value::as_str) else { return true };
    match of_type {
        "bool" => value.is_boolean(),
        "int" => value.as_i64().is_some(),
        "decimal" => value.is_number() || value.is_string(),
        "string" | "timestamp" => value.is_string(),
        _ => true,
    }
}
