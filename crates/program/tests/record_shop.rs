//! The example program reads, compiles, and survives being written and read again.

use std::{fs, path::Path};

use program::{Program, document, kinds::reactor::Amount, pull};

/// Every file of a folder, named from there.
fn folder(root: &Path, at: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(at).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            folder(root, &path, files);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
            files.push((name, text));
        }
    }
}

fn record_shop() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/record-shop");
    let mut files = Vec::new();
    folder(&root, &root, &mut files);
    files.sort();
    files
}

#[test]
fn the_record_shop_compiles() {
    let loaded = document::load(&record_shop()).unwrap_or_else(|faults| {
        panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    let program = Program::compile(&loaded.bundle).expect("no faults");
    let reactors: Vec<&str> = program.reactors.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(reactors, ["fifth_order_bonus", "points_for_orders"]);
    assert_eq!(program.reactors_by_event["order_completed"], [0, 1]);
    assert_eq!(program.metrics_by_event["order_completed"].len(), 2);
    assert_eq!(program.event_names["Order Completed"].as_str(), "order_completed");
    assert_eq!(program.audience_order.len(), 1);
    let program::kinds::reactor::Action::Award { amount: Amount::Of { of, .. }, .. } =
        &program.reactors[1].1.actions[0]
    else {
        panic!("points_for_orders awards by the total")
    };
    assert_eq!(of, &["total"]);
}

#[test]
fn written_and_read_again_it_is_the_same() {
    let loaded = document::load(&record_shop()).expect("no faults");
    let files = pull::files(&loaded.bundle);
    let again = document::load(&files).expect("what is written has no faults");
    assert_eq!(again.bundle, loaded.bundle);
    assert_eq!(pull::files(&again.bundle), files);
}
