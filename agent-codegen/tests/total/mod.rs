//! What holds for every input whatever: shared by the property tests, the corpus and the fuzzer.

use std::collections::BTreeSet;

use agent_codegen::{Code, Generator, Overlay, Report, Snapshot, snapshot::History};

/// Reads bytes as a snapshot, generates, and holds the outcome to what is promised of every input.
pub fn check(bytes: &[u8]) {
    let mut report = Report::new();
    let Some(snapshot) = Snapshot::from_bytes("input.json", bytes, &mut report) else {
        assert!(report.has_errors(), "nothing came of it, and no error says why");
        return;
    };
    let canonical = snapshot.canonical();
    let again = Snapshot::from_bytes("input.json", canonical.as_bytes(), &mut Report::new());
    let again = again.unwrap_or_else(|| panic!("the canonical form cannot be read: {canonical}"));
    assert_eq!(again.canonical(), canonical, "the canonical form is not stable");

    let overlay = Overlay::default();
    for generator in [Generator::new(), Generator::for_other_crate()] {
        let code = generator.generate(&snapshot, &overlay, &mut report);
        is_good(&code);
        // The canonical form has another order and other places, and means the same.
        let same = generator.generate(&again, &overlay, &mut Report::new());
        assert_eq!(code, same, "the output depends on the order of the input");
    }
    assert!(report.iter().all(|found| found.code() != "bug"), "{report}");
    assert!(!report.to_string().contains(['\u{1b}', '\u{202e}']), "{report:?}");
}

/// As far as it can be told without a compiler: it is Rust, nothing is there twice, and no
/// character plays tricks.
fn is_good(code: &Code) {
    for (name, text) in code.files() {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        assert!(!text.contains(['\r', '\u{202e}', '\u{2066}', '\u{200b}']), "{name}");
        // One `use` of a name, one item of a name, one method of a name.
        let mut items = BTreeSet::new();
        let mut functions = BTreeSet::new();
        for item in &file.items {
            match item {
                syn::Item::Struct(item) => unique(&mut items, item.ident.to_string()),
                syn::Item::Enum(item) => unique(&mut items, item.ident.to_string()),
                syn::Item::Impl(item) if item.trait_.is_none() => {
                    let syn::Type::Path(of) = &*item.self_ty else { continue };
                    let of = of.path.segments.iter().map(|it| it.ident.to_string());
                    let of: String = of.collect();
                    for item in &item.items {
                        if let syn::ImplItem::Fn(function) = item {
                            unique(&mut functions, format!("{of} {}", function.sig.ident));
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

fn unique(seen: &mut BTreeSet<String>, name: String) {
    assert!(!seen.contains(&name), "{name} is there twice");
    seen.insert(name);
}

/// Generates from the union of two catalogues whatever, and from one action of it.
#[allow(dead_code, reason = "not every test that shares this file has versions")]
pub fn check_union(older: &[u8], newer: &[u8]) {
    let mut report = Report::new();
    let read = [("agent-1.json", older), ("agent-2.json", newer)]
        .map(|(name, bytes)| Snapshot::from_bytes(name, bytes, &mut report));
    let history = History::new(read.into_iter().flatten().collect());
    let range = "..".parse().expect("it is a range");
    let Some(union) = history.supporting(&range, &mut report) else { return };
    let first = union.actions().keys().next().cloned();
    for generator in [Generator::new(), Generator::for_other_crate()] {
        is_good(&generator.generate(&union, &Overlay::default(), &mut report));
        let one = generator.only(first.clone());
        is_good(&one.generate(&union, &Overlay::default(), &mut report));
    }
    assert!(report.iter().all(|found| found.code() != "bug"), "{report}");
    assert!(!report.to_string().contains(['\u{1b}', '\u{202e}']), "{report:?}");
}

/// Generates with an overlay whatever from a snapshot that has a bit of everything.
#[allow(dead_code, reason = "not every test that shares this file has overlays")]
pub fn check_with(overlay: &Overlay) {
    let snapshot = br#"{"actions": {
        "server_start": {"required_parameters": {"server": "str", "targets": "list"}},
        "mod": {"required_parameters": ["server"]},
        "servers": null
    }}"#;
    let mut report = Report::new();
    let snapshot = Snapshot::from_bytes("input.json", snapshot, &mut report);
    let Some(snapshot) = snapshot else { panic!("{report}") };
    for generator in [Generator::new(), Generator::for_other_crate()] {
        is_good(&generator.generate(&snapshot, overlay, &mut report));
    }
    assert!(report.iter().all(|found| found.code() != "bug"), "{report}");
}
