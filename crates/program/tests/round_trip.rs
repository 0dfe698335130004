//! One meaning, one canonical form; and what is written reads back as the same.
#![allow(clippy::needless_pass_by_value, reason = "tables of fields read better when they are given away")]

use program::{Program, bundle::Bundle, document, program::objects_of, pull};
use proptest::{collection::vec, option, prelude::*, sample::select};

/// One value in two spellings.
type Two = (String, String);

const BASE: &str = r"
{kind: event_type, key: base_order, spec: {name: Base Order, schema: {required: [total, id], properties: {
  total: {type: string, format: decimal}, id: {type: string}, quantity: {type: integer}, vip: {type: boolean}}}}}
---
{kind: event_type, key: base_open}
---
{kind: trait, key: base_level, spec: {type: decimal}}
---
{kind: trait, key: base_name, spec: {type: string}}
---
{kind: secret, key: base_hook}
---
{kind: constant, key: base_limit, spec: {type: decimal, default: 5}}
---
{kind: metric, key: base_orders, spec: {event: base_order, aggregate: count}}
---
{kind: audience, key: base_club, spec: {condition: profile.metrics.base_orders > 3}}
---
{kind: currency, key: base_points, spec: {name: Points}}
";

fn same(text: impl Into<String>) -> Two {
    let text = text.into();
    (text.clone(), text)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = Two> {
    select(words).prop_map(same)
}

/// An object: the second spelling goes the other way round and writes defaults out.
fn object(fields: Vec<(&str, Option<Two>, &str)>) -> Two {
    let put = |name: &str, value: &str| format!("{}: {value}", quoted(name));
    let first: Vec<String> =
        fields.iter().filter_map(|(name, value, _)| value.as_ref().map(|two| put(name, &two.0))).collect();
    let second: Vec<String> = fields
        .iter()
        .rev()
        .filter_map(|(name, value, default)| match value {
            Some(two) => Some(put(name, &two.1)),
            None if default.is_empty() => None,
            None => Some(put(name, default)),
        })
        .collect();
    (format!("{{{}}}", first.join(", ")), format!("{{ {} }}", second.join(" ,\n    ")))
}

fn list(items: Vec<Two>) -> Two {
    let (first, second): (Vec<_>, Vec<_>) = items.into_iter().unzip();
    (format!("[{}]", first.join(", ")), format!("[ {} ]", second.join(" , ")))
}

/// Texts of people, with all that YAML might trip over.
fn text() -> impl Strategy<Value = Two> {
    prop_oneof![
        "[ -~]{1,120}",
        "\\PC{1,40}",
        "[a-z:#'\" \n-]{1,160}",
        select(vec!["yes", "null", "1.0", "~", "- a"]).prop_map(str::to_owned)
    ]
    .prop_filter("not empty", |text| !text.trim().is_empty())
    .prop_map(|text| (quoted(&text), quoted(&format!(" {text}\n"))))
}

fn name() -> impl Strategy<Value = Two> {
    "[A-Za-z0-9:# '-]{1,60}"
        .prop_filter("not empty", |text| !text.trim().is_empty())
        .prop_map(|text| same(quoted(&text)))
}

/// A decimal in two spellings of one number.
fn decimal() -> impl Strategy<Value = Two> {
    (1..1_000_000_000u64, 0..9u32).prop_map(|(mantissa, scale)| {
        let digits = format!("{mantissa:0width$}", width = scale as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
        let plain = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
        (plain, format!("\"{whole}.{fraction}00\""))
    })
}

fn int(range: std::ops::RangeInclusive<i64>) -> impl Strategy<Value = Two> {
    range.prop_map(|n| (n.to_string(), format!("{n}.0")))
}

fn boolean() -> impl Strategy<Value = Two> {
    one_of(&["true", "false"])
}

fn moment() -> impl Strategy<Value = Two> {
    (0..4_000_000_000i64).prop_map(|second| {
        let moment = jiff::Timestamp::from_second(second).expect("in range");
        let offset = jiff::tz::Offset::from_hours(2).expect("an offset");
        (quoted(&moment.to_string()), quoted(&moment.display_with_offset(offset).to_string()))
    })
}

fn event_condition() -> impl Strategy<Value = Two> {
    select(vec![
        "event.properties.total > 30.0",
        "has(event.properties.quantity) && event.properties.quantity >= 2 && event.properties.id != 'a: b # c'",
        "event.properties.id == \"x\" ||\n  constants.base_limit > 3.0",
        "true",
    ])
    .prop_map(|source| (quoted(source), quoted(&format!("\n  {source}  \n"))))
}

fn value() -> impl Strategy<Value = Two> {
    prop_oneof![
        (1..1000i64).prop_map(|n| (n.to_string(), format!("\"{n}\""))),
        boolean().prop_map(|(plain, _)| (plain.clone(), quoted(&plain))),
        select(vec![("1.5", "1.50"), ("2.0", "\" 2.0 \""), ("-0.25", "\"-0.250\"")])
            .prop_map(|(one, other)| (one.to_owned(), other.to_owned())),
        select(vec![
            "'text'",
            "event.properties.total",
            "event.properties.id + '!'",
            "profile.balances.base_points"
        ])
        .prop_map(|source| (quoted(source), quoted(&format!("{source}\n")))),
    ]
}

fn points() -> impl Strategy<Value = Vec<(&'static str, Option<Two>, &'static str)>> {
    prop_oneof![
        prop_oneof![
            (1..1000i64).prop_map(|n| (n.to_string(), format!("\"{n}\""))),
            Just(same("\"profile.metrics.base_orders * 10\"")),
        ]
        .prop_map(|amount| vec![("amount", Some(amount), "")]),
        (
            one_of(&["properties.total", "properties.quantity"]),
            option::of(decimal()),
            option::of(one_of(&["floor", "ceil", "half_up", "half_even"])),
        )
            .prop_map(|(of, rate, rounding)| {
                vec![("of", Some(of), ""), ("rate", rate, "1.000"), ("rounding", rounding, "")]
            }),
    ]
    .prop_map(|mut fields| {
        fields.push(("currency", Some(same("base_points")), ""));
        fields
    })
}

fn data() -> impl Strategy<Value = Option<Two>> {
    option::of(vec(("[a-z ]{1,8}", value()), 1..4).prop_map(|mut fields| {
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        fields.dedup_by(|a, b| a.0 == b.0);
        object(fields.iter().map(|(name, value)| (name.as_str(), Some(value.clone()), "")).collect())
    }))
}

fn action() -> impl Strategy<Value = Two> {
    let named = |name: &'static str, fields| object(vec![(name, Some(object(fields)), "")]);
    prop_oneof![
        points().prop_map(move |fields| named("award", fields)),
        (points(), option::of(one_of(&["part", "nothing"]))).prop_map(move |(mut fields, short)| {
            fields.push(("when_short", short, "nothing"));
            named("deduct", fields)
        }),
        select(vec![("5", "5.0"), ("\"5\"", "5.00"), ("2.5", "\"2.50\"")]).prop_map(move |(one, other)| {
            let value = (one.to_owned(), other.to_owned());
            named("set_trait", vec![("trait", Some(same("base_level")), ""), ("value", Some(value), "")])
        }),
        data().prop_map(move |data| {
            named("emit_event", vec![("event", Some(same("base_open")), ""), ("properties", data, "{}")])
        }),
        (option::of(one_of(&["base_hook"])), data()).prop_map(move |(secret, data)| {
            let url = Some(same("\"https://example.com/a?b=c#d\""));
            named("call_webhook", vec![("url", url, ""), ("secret", secret, ""), ("data", data, "{}")])
        }),
        (name(), one_of(&["email", "sms", "push"]), data()).prop_map(move |(template, channel, data)| {
            let (template, channel) = (Some(template), Some(channel));
            named(
                "send_message",
                vec![("template", template, ""), ("channel", channel, ""), ("data", data, "{}")],
            )
        }),
    ]
}

fn reactor() -> impl Strategy<Value = (&'static str, Two)> {
    let limit = (int(1..=100), option::of(one_of(&["lifetime", "day", "week", "month", "year"])))
        .prop_map(|(count, window)| object(vec![("count", Some(count), ""), ("window", window, "lifetime")]));
    let schedule = prop_oneof![
        moment().prop_map(|from| object(vec![("from", Some(from), "")])),
        moment().prop_map(|until| object(vec![("until", Some(until), "")])),
    ];
    (
        option::of(event_condition()),
        option::of(schedule),
        option::of(int(-10..=10)),
        vec(limit, 0..3),
        vec(action(), 1..4),
        option::of((int(1..=10_000), option::of(one_of(&["part", "nothing"])))),
        option::of(text()),
    )
        .prop_map(|(condition, schedule, priority, limits, mut actions, budget, description)| {
            let budget = budget.map(|(amount, short)| {
                // A budget needs an award to limit.
                actions.push(same("{award: {currency: base_points, amount: 1}}"));
                object(vec![
                    ("currency", Some(same("base_points")), ""),
                    ("amount", Some(amount), ""),
                    ("when_short", short, "nothing"),
                ])
            });
            let spec = object(vec![
                ("trigger", Some(same("{event: base_order}")), ""),
                ("condition", condition, ""),
                ("schedule", schedule, "{}"),
                ("priority", priority, "0"),
                ("limits", (!limits.is_empty()).then(|| list(limits)), "[]"),
                ("budget", budget, ""),
                ("actions", Some(list(actions)), ""),
                ("description", description, "\"\""),
            ]);
            ("reactor", spec)
        })
}

fn currency() -> impl Strategy<Value = (&'static str, Two)> {
    let expiry = prop_oneof![
        Just(same("never")),
        (int(1..=1000), option::of(one_of(&["day", "month", "year"])))
            .prop_map(|(days, end)| object(vec![("after_days", Some(days), ""), ("end_of", end, "day")])),
    ];
    (
        name(),
        option::of(int(0..=6)),
        option::of(int(0..=90)),
        option::of(expiry),
        option::of(one_of(&["floor", "ceil", "half_up", "half_even"])),
        option::of(boolean()),
        option::of(text()),
    )
        .prop_map(|(name, decimals, pending, expiry, rounding, negative, description)| {
            let spec = object(vec![
                ("name", Some(name), ""),
                ("decimals", decimals, "0"),
                ("pending_days", pending, "0"),
                ("expiry", expiry, "never"),
                ("rounding", rounding, "floor"),
                ("allow_negative", negative, "false"),
                ("description", description, "\"\""),
            ]);
            ("currency", spec)
        })
}

fn event_type() -> impl Strategy<Value = (&'static str, Two)> {
    let schema = (decimal(), vec("[a-z]{1,6}", 0..3)).prop_map(|((least, _), names)| {
        let properties: Vec<String> = names.iter().map(|name| format!("{name}_: {{type: string}}")).collect();
        let schema = |least: &str| {
            let more = properties.iter().flat_map(|property| [", ", property]).collect::<String>();
            format!("{{type: object, properties: {{id: {{type: [string, 'null']}}, total: {{type: number, minimum: {least}}}{more}}}}}")
        };
        let longer = if least.contains('.') { format!("{least}00") } else { format!("{least}.0") };
        (schema(&least), schema(&longer))
    });
    let schema = schema.prop_filter("no name twice", |(schema, _)| {
        let names: Vec<&str> = schema.matches("_: ").collect();
        names.len() < 2
    });
    (
        option::of("[A-Z][a-z]{3,9} Happened"),
        option::of(schema),
        option::of(one_of(&["accept", "warn", "quarantine"])),
        option::of(one_of(&["server", "browser"])),
        option::of(Just(same("properties.id"))),
        option::of(text()),
    )
        .prop_map(|(name, schema, unknown, from, unique, description)| {
            let spec = object(vec![
                ("name", name.map(same), "the_key"),
                ("schema", schema, "{}"),
                ("unknown_fields", unknown, "accept"),
                ("accept_from", from, "server"),
                ("unique_by", unique, ""),
                ("description", description, "\"\""),
            ]);
            ("event_type", spec)
        })
}

fn metric() -> impl Strategy<Value = (&'static str, Two)> {
    let of = prop_oneof![
        Just((same("count"), None)),
        (one_of(&["sum", "min", "max", "last"]), one_of(&["properties.total", "properties.quantity"]))
            .prop_map(|(aggregate, of)| (aggregate, Some(of))),
        (one_of(&["min", "max", "last"])).prop_map(|aggregate| (aggregate, Some(same("timestamp")))),
        Just((same("last"), Some(same("properties.vip")))),
    ];
    let window = prop_oneof![
        one_of(&["lifetime", "calendar_month", "calendar_year"]),
        int(1..=366).prop_map(|days| object(vec![("rolling_days", Some(days), "")])),
    ];
    (of, option::of(event_condition()), option::of(window), option::of(one_of(&["backfill", "now"])))
        .prop_map(|((aggregate, of), filter, window, begin)| {
            let spec = object(vec![
                ("event", Some(same("base_order")), ""),
                ("aggregate", Some(aggregate), ""),
                ("of", of, ""),
                ("where", filter, ""),
                ("window", window, "lifetime"),
                ("begin", begin, "backfill"),
            ]);
            ("metric", spec)
        })
}

fn declaration() -> impl Strategy<Value = (&'static str, Two)> {
    prop_oneof![
        prop_oneof![
            (Just("bool"), boolean()),
            (Just("int"), int(i64::from(i32::MIN)..=i64::from(i32::MAX))),
            (Just("decimal"), decimal()),
            (Just("string"), name()),
            (Just("timestamp"), moment()),
        ]
        .prop_flat_map(|(of_type, default)| {
            option::of(Just(default)).prop_map(move |default| {
                ("constant", object(vec![("type", Some(same(of_type)), ""), ("default", default, "")]))
            })
        }),
        (
            one_of(&["bool", "int", "decimal", "string", "timestamp"]),
            option::of(name()),
            option::of(boolean())
        )
            .prop_map(|(of_type, from, searchable)| {
                let spec = object(vec![
                    ("type", Some(of_type), ""),
                    ("from", from, "the_key"),
                    ("searchable", searchable, "false"),
                ]);
                ("trait", spec)
            }),
        option::of(text()).prop_map(|text| ("secret", object(vec![("description", text, "\"\"")]))),
        (text(), select(vec!["in_audience('base_club')", "profile.metrics.base_orders >= 5"])).prop_map(
            |(description, condition)| {
                let condition = (quoted(condition), quoted(&format!("{condition}\n")));
                let fields = vec![("condition", Some(condition), ""), ("description", Some(description), "")];
                ("audience", object(fields))
            }
        ),
    ]
}

fn settings() -> impl Strategy<Value = Two> {
    (
        option::of(select(vec![
            ("Europe/Berlin", "europe/berlin"),
            ("UTC", "UTC"),
            ("Asia/Tokyo", "Asia/Tokyo"),
        ])),
        option::of(one_of(&["accept", "warn", "quarantine"])),
        option::of(one_of(&["accept", "warn", "quarantine"])),
    )
        .prop_map(|(zone, events, traits)| {
            let zone = zone.map(|(one, other)| (one.to_owned(), other.to_owned()));
            object(vec![
                ("time_zone", zone, "UTC"),
                ("unknown_events", events, ""),
                ("unknown_traits", traits, "accept"),
            ])
        })
}

fn load(text: &str) -> Bundle {
    match document::load(&[("base.yaml".into(), BASE.into()), ("a.yaml".into(), text.into())]) {
        Ok(loaded) => loaded.bundle,
        Err(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            panic!("{}\n{text}", faults.join("\n"))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_spellings_are_one_object(
        (kind, spec) in prop_oneof![reactor(), reactor(), currency(), event_type(), metric(), declaration()],
        settings in settings(),
    ) {
        let text = |spec: &str, settings: &str| {
            format!("kind: {kind}\nkey: the_key\nspec: {spec}\n---\nkind: settings\nkey: program\nspec: {settings}\n")
        };
        let bundle = load(&text(&spec.0, &settings.0));
        let other = load(&text(&spec.1, &settings.1));
        prop_assert_eq!(&bundle, &other);
        prop_assert_eq!(bundle.manifest_hash(), other.manifest_hash());

        // Decoding the canonical text gives an object with that canonical text, and a program.
        let objects = objects_of(&bundle).expect("canonical");
        prop_assert_eq!(objects.len(), bundle.specs.len());
        let program = Program::compile(&bundle).expect("compiles");
        prop_assert_eq!(program.manifest, bundle.manifest_hash());

        // What is written for people reads back as the same, and is written the same again.
        let files = pull::files(&bundle);
        let again = document::load(&files).expect("no faults").bundle;
        prop_assert_eq!(&again, &bundle);
        prop_assert_eq!(pull::files(&again), files);
    }
}

#[test]
fn stored_text_that_is_not_canonical_is_refused() {
    let bundle = load("{kind: currency, key: the_key, spec: {name: A}}");
    for damaged in ["{\"name\": \"A\"}", "{\"decimals\":0,\"name\":\"A\"}", "{\"name\":\"A\"", "[]"] {
        let mut other = bundle.clone();
        let address = "currency/the_key".parse().expect("an address");
        other.specs.insert(address, damaged.into());
        assert!(Program::compile(&other).is_err(), "{damaged}");
    }
}
