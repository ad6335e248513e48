//! How much memory a hostile catalogue can take: a stated multiple of its size.

use agent_codegen::{
    Generator, Overlay, Report, Snapshot,
    diff::{Diff, Side},
};

/// What reading takes at most, with the findings as text, in sizes of the catalogue. The limit of
/// values makes it less for a large one.
const READING: u64 = 150;
/// What generating and comparing take at most, in the same measure.
const GENERATING: u64 = 200;
/// What has nothing to do with the size of catalogues, in bytes.
const BASE: u64 = 256 << 10;

fn filled(begin: &str, part: impl Fn(usize) -> String, end: &str, size: usize) -> String {
    let mut text = begin.to_owned();
    for number in 0.. {
        if text.len() >= size {
            break;
        }
        if number > 0 {
            text.push(',');
        }
        text.push_str(&part(number));
    }
    text + end
}

/// Catalogues of about so many bytes, each of which is many of one thing.
fn hostile(size: usize) -> Vec<(&'static str, String)> {
    let action = |parameters: &str| {
        (format!(r#"{{"actions":{{"a":{{"required_parameters":{parameters}"#), "}}}")
    };
    let with = |(begin, end): (String, &str), part: &dyn Fn(usize) -> String, close: &str| {
        filled(&begin, part, &format!("{close}{end}"), size)
    };
    vec![
        ("maps with an empty name", filled("[", |_| r#"{"":0}"#.to_owned(), "]", size)),
        ("empty lists", filled(r#"{"actions":["#, |_| "[]".to_owned(), "]}", size)),
        ("numbers", filled(r#"{"actions":["#, |_| "0".to_owned(), "]}", size)),
        ("actions", filled(r#"{"actions":{"#, |it| format!(r#""a{it}":{{}}"#), "}}", size)),
        (
            "actions without a map",
            filled(r#"{"actions":{"#, |it| format!(r#""a{it}":0"#), "}}", size),
        ),
        ("the same action", filled(r#"{"actions":{"#, |_| r#""a":0"#.to_owned(), "}}", size)),
        ("parameters", with(action("{"), &|it| format!(r#""p{it}":"str""#), "}")),
        ("names of parameters", with(action("["), &|it| format!(r#""p{it}""#), "]")),
        ("unknown words", with(action("{"), &|it| format!(r#""p{it}":"gadget{it}""#), "}")),
        (
            "keys that are not understood",
            with(action("{}"), &|it| format!(r#","k{it}":[{{}}]"#), ""),
        ),
        (
            "a description",
            format!(r#"{{"actions":{{"a":{{"description":"{}"}}}}}}"#, "é\\n".repeat(size / 4)),
        ),
        (
            "escapes",
            format!(r#"{{"actions":{{"a":{{"description":"{}"}}}}}}"#, "\\u0000".repeat(size / 6)),
        ),
        (
            "a type",
            format!(
                r#"{{"actions":{{"a":{{"required_parameters":{{"p":"{}"}}}}}}}}"#,
                "list<".repeat(size / 5)
            ),
        ),
        ("a tower", "[".repeat(size)),
        ("blanks", " ".repeat(size)),
        ("what is no text", "\u{7f}".repeat(size)),
    ]
}

/// The most memory that some work with a catalogue takes, in bytes.
fn check(size: usize, most_sizes: u64, work: impl Fn(&str)) {
    for (name, text) in hostile(size) {
        let taken = allocation_counter::measure(|| work(&text)).bytes_max;
        let most = most_sizes * text.len() as u64 + BASE;
        assert!(taken <= most, "{name}: {} bytes take {taken}", text.len());
    }
}

/// 8 MiB of maps took 1.3 GB.
#[test]
fn a_hostile_catalogue_takes_no_more_than_a_multiple_of_its_size() {
    check(1 << 20, READING, |text| {
        let mut report = Report::new();
        let snapshot = Snapshot::from_bytes("hostile.json", text.as_bytes(), &mut report);
        let canonical = snapshot.map(|snapshot| snapshot.canonical());
        drop((canonical, report.to_string()));
    });
}

#[test]
fn generating_from_a_hostile_catalogue_takes_no_more_than_a_multiple_of_its_size() {
    check(20 << 10, GENERATING, |text| {
        let mut report = Report::new();
        let snapshot = Snapshot::from_bytes("hostile.json", text.as_bytes(), &mut report);
        let Some(snapshot) = snapshot else { return };
        let overlay = Overlay::default();
        drop(Generator::new().generate(&snapshot, &overlay, &mut report));
        let side = Side::new(&snapshot, &overlay);
        drop(Diff::between(&side, &side).draw(false));
    });
}
