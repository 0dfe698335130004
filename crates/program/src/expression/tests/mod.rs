//! Tables of what can be written, what it gives, and what is refused with which words.

mod faults;
mod json;
mod limits;
mod oracle;
mod reads;
mod speed;
mod values;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Declared, Expression, ExpressionFault, Facts, Scope, Value, ValueType, check};
use crate::Kind;

/// A scope such as a record shop has.
pub(super) struct Shop {
    pub(super) event: bool,
}

fn fields(fields: &[(&str, ValueType, bool)]) -> ValueType {
    ValueType::Object(fields.iter().map(|(key, of, always)| ((*key).into(), (of.clone(), *always))).collect())
}

pub(super) fn properties() -> ValueType {
    let list = |of| ValueType::List(Box::new(of));
    let item = fields(&[
        ("sku", ValueType::String, true),
        ("price", ValueType::Decimal, true),
        ("quantity", ValueType::Int, true),
        ("coupon", ValueType::String, false),
        ("tags", list(ValueType::String), true),
    ]);
    fields(&[
        ("total", ValueType::Decimal, true),
        ("count", ValueType::Int, true),
        ("name", ValueType::String, true),
        ("shop", ValueType::String, true),
        ("first", ValueType::Bool, true),
        ("coupon", ValueType::String, false),
        ("discount", ValueType::Decimal, false),
        ("due", ValueType::Timestamp, true),
        ("items", list(item), true),
        ("tags", list(ValueType::String), false),
        ("numbers", list(ValueType::Int), true),
        ("order-id", ValueType::String, true),
        ("extra", ValueType::Any, false),
        (
            "customer",
            fields(&[
                ("email", ValueType::String, true),
                ("address", fields(&[("city", ValueType::String, true)]), false),
            ]),
            false,
        ),
    ])
}

impl Scope for Shop {
    fn property(&self, path: &[&str]) -> Option<Declared> {
        let mut of_type = self.event.then(properties)?;
        let mut always = true;
        for part in path {
            (of_type, always) = match of_type {
                ValueType::Object(fields) => {
                    let (of_type, here) = fields.get(*part)?.clone();
                    (of_type, always && here)
                }
                ValueType::Any => (ValueType::Any, false),
                _ => return None,
            };
        }
        Some(Declared { of_type, always })
    }

    fn properties(&self) -> Vec<String> {
        let ValueType::Object(fields) = properties() else { return Vec::new() };
        fields.keys().filter(|_| self.event).map(ToString::to_string).collect()
    }

    fn has_event(&self) -> bool {
        self.event
    }

    fn profile_trait(&self, key: &str) -> Option<Declared> {
        let of_type = match key {
            "vip" => ValueType::Bool,
            "birthday" => ValueType::Timestamp,
            "city" => ValueType::String,
            _ => return None,
        };
        Some(Declared { of_type, always: false })
    }

    fn metric(&self, key: &str) -> Option<Declared> {
        Some(match key {
            "orders" => Declared { of_type: ValueType::Int, always: true },
            "spend" => Declared { of_type: ValueType::Decimal, always: true },
            "last_order" => Declared { of_type: ValueType::Timestamp, always: false },
            _ => return None,
        })
    }

    fn currency(&self, key: &str) -> bool {
        key == "points"
    }

    fn constant(&self, key: &str) -> Option<Declared> {
        (key == "threshold").then_some(Declared { of_type: ValueType::Int, always: true })
    }

    fn audience(&self, key: &str) -> bool {
        key == "big_spenders"
    }

    fn names(&self, kind: Kind) -> Vec<String> {
        let names: &[&str] = match kind {
            Kind::Trait => &["vip", "birthday", "city"],
            Kind::Metric => &["orders", "spend", "last_order"],
            Kind::Currency => &["points"],
            Kind::Constant => &["threshold"],
            Kind::Audience => &["big_spenders"],
            _ => &[],
        };
        names.iter().map(|&name| name.to_owned()).collect()
    }
}

/// Facts by dotted path.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub(super) properties: serde_json::Value,
    pub(super) others: BTreeMap<String, Value>,
    pub(super) audiences: BTreeSet<String>,
}

impl Given {
    fn other(&self, path: &str) -> Option<Value> {
        self.others.get(path).cloned()
    }
}

impl Facts for Given {
    fn property(&self, path: &[Arc<str>], of_type: &ValueType) -> Option<Value> {
        let json = path.iter().try_fold(&self.properties, |json, part| json.get(&**part))?;
        Value::from_json(json, of_type)
    }

    fn items(&self, path: &[Arc<str>], of_type: &ValueType, wanted: &[Arc<str>]) -> Option<Value> {
        let json = path.iter().try_fold(&self.properties, |json, part| json.get(&**part))?;
        Value::narrowed(json, of_type, wanted)
    }

    fn event_name(&self) -> Option<Value> {
        Some(Value::String("Order Completed".into()))
    }

    fn event_timestamp(&self) -> Option<Value> {
        "1997-03-01T12:30:45.5Z".parse().map(Value::Timestamp).ok()
    }

    fn profile_trait(&self, key: &str, of_type: &ValueType) -> Option<Value> {
        self.other(&format!("profile.traits.{key}"))?.fit(of_type)
    }

    fn metric(&self, key: &str) -> Option<Value> {
        self.other(&format!("profile.metrics.{key}"))
    }

    fn balance(&self, _: &str) -> i64 {
        120
    }

    fn constant(&self, key: &str) -> Option<Value> {
        self.other(&format!("constants.{key}"))
    }

    fn in_audience(&self, key: &str) -> bool {
        self.audiences.contains(key)
    }

    fn lent_property(&self, path: &[Arc<str>]) -> Option<&str> {
        path.iter().try_fold(&self.properties, |json, part| json.get(&**part))?.as_str()
    }

    fn lent_trait(&self, key: &str) -> Option<&str> {
        match self.others.get(&format!("profile.traits.{key}")) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }
}

pub(super) fn order() -> Given {
    let properties = serde_json::json!({
        "total": 59.99, "count": 3, "name": "Kind of Blue", "first": false, "due": "1997-04-01T00:00:00Z",
        "items": [
            {"sku": "A-1", "price": 29.99, "quantity": 1, "tags": ["jazz", "vinyl"]},
            {"sku": "B-2", "price": "15.00", "quantity": 2, "coupon": "HALF", "tags": []},
        ],
        "numbers": [1, 2, 3], "order-id": "o-17", "discount": "5.00", "extra": {"a": 1},
        "customer": {"email": "x@example.com"},
    });
    let others = [
        ("profile.metrics.orders", Value::Int(5)),
        ("profile.metrics.spend", Value::Double(512.5)),
        ("profile.traits.vip", Value::Bool(true)),
        ("constants.threshold", Value::Int(30)),
    ];
    Given {
        properties,
        others: others.into_iter().map(|(path, value)| (path.to_owned(), value)).collect(),
        audiences: ["big_spenders".to_owned()].into(),
    }
}

pub(super) fn checked(source: &str) -> Result<Expression, Vec<ExpressionFault>> {
    check(source, &Shop { event: true }, None)
}
