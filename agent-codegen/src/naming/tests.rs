use std::path::{Path, PathBuf};

use super::*;

fn names<'a>(scope: Scope, wires: &[&'a str]) -> BTreeMap<&'a str, Name> {
    assign(scope, wires.iter().map(|wire| (*wire, None)))
}

fn one(scope: Scope, wire: &str) -> Name {
    names(scope, &[wire]).remove(wire).expect("every wire name gets a name")
}

#[test]
fn each_wire_name_has_its_method_and_type() {
    for (wire, snake, camel) in [
        ("server_start", "server_start", "ServerStart"),
        ("whoami", "whoami", "Whoami"),
        // Keywords, and names that the agent or every value has.
        ("mod", "mod_", "Mod"),
        ("type", "type_", "Type"),
        ("self", "self_", "Self_"),
        ("Self", "self_", "Self_"),
        ("crate", "crate_", "Crate"),
        ("gen", "gen_", "Gen"),
        ("call", "call_", "Call_"),
        ("close", "close_", "Close"),
        ("new", "new_", "New"),
        ("clone", "clone_", "Clone_"),
        ("into", "into_", "Into_"),
        ("Option", "option", "Option_"),
        ("Result", "result", "Result_"),
        ("Send", "send", "Send_"),
        ("string", "string", "String_"),
        // What a required parameter has that is not set.
        ("missing_target", "missing_target", "MissingTarget_"),
        ("Missing", "missing", "Missing_"),
        // Other ways to write words.
        ("fooBar", "foo_bar", "FooBar"),
        ("FOO_BAR", "foo_bar", "FooBar"),
        ("server.start", "server_start", "ServerStart"),
        ("server-start", "server_start", "ServerStart"),
        ("server start", "server_start", "ServerStart"),
        ("server__start_", "server_start", "ServerStart"),
        ("HTTPServer", "http_server", "HttpServer"),
        // What no Rust name can be.
        ("2fa", "action_2fa", "Action2fa"),
        ("", "empty", "Empty"),
        ("_", "u5f", "U5f"),
        ("...", "u2e_u2e_u2e", "U2eU2eU2e"),
        ("🚀", "u1f680", "U1f680"),
        ("größe", "gr_uf6_udf_e", "GrUf6UdfE"),
        ("сервер", "u441_u435_u440_u432_u435_u440", "U441U435U440U432U435U440"),
        ("a\u{202e}b", "a_u202e_b", "AU202eB"),
    ] {
        let name = one(Scope::Action, wire);
        assert_eq!((name.snake.as_str(), name.camel.as_str()), (snake, camel), "{wire:?}");
        assert_eq!(name.changes.is_empty(), wire == snake && !camel.ends_with('_'), "{wire:?}");
    }
}

#[test]
fn a_parameter_may_have_names_that_a_method_may_not() {
    assert_eq!(one(Scope::Parameter, "state").snake, "state");
    assert_eq!(one(Scope::Parameter, "url").snake, "url");
    assert_eq!(one(Scope::Parameter, "type").snake, "type_");
    assert_eq!(one(Scope::Parameter, "new").snake, "new_");
    assert_eq!(one(Scope::Parameter, "2").snake, "parameter_2_xaf63af4c");
}

#[test]
fn a_parameter_is_named_as_on_the_wire_where_rust_can_have_it() {
    for wire in ["path", "fooBar", "ID", "x2", "a__b", "size_x1080", "by_xylophonist"] {
        assert_eq!(one(Scope::Parameter, wire).snake, wire);
    }
}

/// Two names of one setter would send what old source says under another name.
#[test]
fn a_setter_leads_back_to_one_wire_name_in_any_catalogue() {
    let similar = [
        "foo_bar",
        "fooBar",
        "FooBar",
        "foo-bar",
        "foo.bar",
        "foo bar",
        "foo_bar_",
        "_foo_bar",
        "foo__bar",
        "FOO_BAR",
        "type",
        "type_",
        "Type",
        "self",
        "Self",
        "Self_",
        "",
        "_",
        "__",
        "2",
        "parameter_2",
        "foo_bar_x7294f1d3",
        "größe",
        "gr_uf6_udf_e",
    ];
    let mut owners = BTreeMap::new();
    for wire in similar {
        let marked = one(Scope::Parameter, wire).snake;
        for name in [wire.to_owned(), marked] {
            // Also the name that is made of a made name.
            let made = one(Scope::Parameter, &name).snake;
            let owner = owners.entry(made.clone()).or_insert_with(|| name.clone());
            assert_eq!(*owner, name, "{made}");
        }
    }
}

#[test]
fn a_type_parameter_hides_no_type() {
    // It was looked for without an end.
    assert_eq!(type_parameter("MissingTarget", |_| false), "MissingTarget_");
    assert_eq!(type_parameter("Path", |_| false), "Path");
    assert_eq!(type_parameter("Value", |_| false), "Value_");
    assert_eq!(type_parameter("ServerId", |name| name == "ServerId"), "ServerId_");
}

#[test]
fn every_made_name_is_one_that_rust_takes() {
    for wire in ["self", "Self", "crate", "super", "_", "", "2fa", "🚀", "gen", "try", "static"] {
        for scope in [Scope::Action, Scope::Parameter] {
            let name = one(scope, wire);
            let texts = [Some(&name.snake), (scope == Scope::Action).then_some(&name.camel)];
            for text in texts.into_iter().flatten() {
                assert!(syn::parse_str::<syn::Ident>(text).is_ok(), "{wire:?}: {text}");
            }
        }
    }
}

#[test]
fn a_long_name_is_cut_and_stays_its_own() {
    let (one, other) = ("a".repeat(300), "a".repeat(301));
    let names = names(Scope::Action, &[&one, &other]);
    for name in names.values() {
        assert_eq!(name.snake.len(), LONGEST, "{}", name.snake);
        assert!(name.snake.starts_with(&"a".repeat(LONGEST - MARK_DIGITS - 2)), "{}", name.snake);
        assert_eq!(name.changes, [Change::Length]);
    }
    assert_ne!(names[one.as_str()].snake, names[other.as_str()].snake);
}

#[test]
fn the_longest_name_is_left_alone() {
    let wire = "a".repeat(LONGEST);
    let name = one(Scope::Action, &wire);
    assert_eq!((name.snake, name.changes), (wire, vec![]));
}

/// How many digits the suffix has that sets a name apart.
fn digits(name: &str) -> usize {
    name.rsplit_once("_x").expect("it has a suffix").1.len()
}

#[test]
fn of_names_that_fold_together_the_one_that_is_a_rust_name_keeps_it() {
    let alone = one(Scope::Action, "foo_bar");
    let names = names(Scope::Action, &["fooBar", "foo_bar", "foo-bar"]);
    assert_eq!(names["foo_bar"], alone);
    assert!(names["fooBar"].snake.starts_with("foo_bar_x"), "{names:?}");
    assert!(names["foo-bar"].snake.starts_with("foo_bar_x"), "{names:?}");
    assert_ne!(names["fooBar"].snake, names["foo-bar"].snake);
    for wire in ["fooBar", "foo-bar"] {
        assert_eq!(digits(&names[wire].snake), 4, "few are enough: {names:?}");
    }
    let text = names["fooBar"].changes[0].to_string();
    assert_eq!(text, "the same name would also go to `foo-bar`, `foo_bar`");
}

#[test]
fn without_a_natural_owner_nobody_gets_the_name() {
    let names = names(Scope::Action, &["fooBar", "foo-bar"]);
    assert!(names.values().all(|name| name.snake.starts_with("foo_bar_x")), "{names:?}");
}

#[test]
fn ten_thousand_names_that_fold_together_are_named_in_no_time() {
    let wires: Vec<_> = (0..10_000)
        .map(|n| format!("a{}b", "-".repeat(n % 100 + 1) + &".".repeat(n / 100)))
        .collect();
    let wires: Vec<_> = wires.iter().map(String::as_str).collect();
    let start = std::time::Instant::now();
    let names = names(Scope::Action, &wires);
    let different: BTreeSet<_> = names.values().map(|name| &name.snake).collect();
    assert_eq!(different.len(), wires.len());
    // Some have a hash that begins as another one's does.
    let digits: BTreeSet<_> = different.iter().map(|name| digits(name)).collect();
    assert_eq!(digits, BTreeSet::from([4, 8]));
    // Quadratic, it took minutes; the room is for slow machines.
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn one_type_for_two_methods_is_a_collision() {
    let names = names(Scope::Action, &["sql_2_db", "sql2_db"]);
    assert_ne!(names["sql_2_db"].camel, names["sql2_db"].camel);
}

#[test]
fn a_chosen_name_comes_before_a_natural_one() {
    let wires = [("a", Some("start")), ("start", None)];
    let names = assign(Scope::Action, wires);
    assert_eq!(names["a"].snake, "start");
    assert!(names["start"].snake.starts_with("start_x"), "{names:?}");
    // A parameter so that no other wire name, in whatever catalogue, leads to the same setter.
    let names = assign(Scope::Parameter, wires);
    assert_eq!(names["a"].snake, "start");
    assert_eq!(digits(&names["start"].snake), MARK_DIGITS, "{names:?}");
}

#[test]
fn a_name_is_chosen_in_snake_case_if_rust_and_the_sdk_leave_it_free() {
    let longest = "a".repeat(LONGEST);
    let longer = "a".repeat(LONGEST + 1);
    for (name, of_action, of_parameter) in [
        ("raise", true, true),
        ("raise_2", true, true),
        (&longest, true, true),
        (&longer, false, false),
        ("", false, false),
        ("Raise", false, false),
        ("2raise", false, false),
        ("_raise", false, false),
        ("raise_", false, false),
        ("raise__up", false, false),
        ("raiseUp", false, false),
        ("raise-up", false, false),
        ("größe", false, false),
        ("type", false, false),
        ("to_string", false, false),
        ("reconnect", false, true),
        ("to_json", true, false),
        ("option", false, true),
    ] {
        assert_eq!(can_be_chosen(Scope::Action, name), of_action, "{name}");
        assert_eq!(can_be_chosen(Scope::Parameter, name), of_parameter, "{name}");
    }
}

#[test]
fn a_type_and_a_variant_are_chosen_in_camel_case_if_they_are_free() {
    let longest = "A".repeat(LONGEST);
    let longer = "A".repeat(LONGEST + 1);
    for (name, is_type, is_variant) in [
        ("Crane", true, true),
        ("Crane2", true, true),
        (&longest, true, true),
        (&longer, false, false),
        ("", false, false),
        ("crane", false, false),
        ("2Crane", false, false),
        ("Crane_", false, false),
        ("Größe", false, false),
        ("Option", false, true),
        ("Agent", false, true),
        ("Other", true, false),
        ("Self", false, false),
    ] {
        assert_eq!(can_be_chosen_type(name), is_type, "{name}");
        assert_eq!(can_be_chosen_variant(name), is_variant, "{name}");
    }
    assert!(is_too_long(&longer) && !is_too_long(&longest));
}

#[test]
fn a_variant_is_named_by_its_value_if_that_has_a_letter_or_a_digit() {
    for (value, variant) in [
        ("read_only", Some("ReadOnly")),
        ("2fa", Some("Value2fa")),
        ("other", Some("OtherValue")),
        ("self", Some("SelfValue")),
        ("", None),
        ("+", None),
    ] {
        assert_eq!(super::variant(value).as_deref(), variant, "{value}");
    }
}

/// The SDK and this list would drift apart unseen: a generated method `statistics` would not
/// compile beside the agent's own.
#[test]
fn every_name_of_the_runtime_is_reserved() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent-sdk/src");
    let parse = |path: &Path| {
        let text = std::fs::read_to_string(path).expect("the runtime is beside this crate");
        syn::parse_file(&text).expect("it is Rust").items
    };
    let mut types = Vec::new();
    for item in parse(&sources.join("lib.rs")) {
        if let syn::Item::Use(item) = item {
            last_names(&item.tree, &mut types);
        }
    }
    types.retain(|name| name.starts_with(char::is_uppercase));
    assert!(types.len() > 10, "{types:?}");
    for name in types {
        assert!(reserved::is_taken_type(&name), "{name}");
    }

    let mut methods = Vec::new();
    for item in files(&sources).iter().flat_map(|file| parse(file)) {
        let syn::Item::Impl(item) = item else { continue };
        let is_of_the_agent =
            matches!(&*item.self_ty, syn::Type::Path(of) if of.path.is_ident("Agent"));
        if item.trait_.is_some() || !is_of_the_agent {
            continue;
        }
        for item in item.items {
            let syn::ImplItem::Fn(method) = item else { continue };
            if !matches!(method.vis, syn::Visibility::Inherited) {
                methods.push(method.sig.ident.to_string());
            }
        }
    }
    assert!(methods.len() > 5, "{methods:?}");
    for name in methods {
        assert!(reserved::is_taken(Scope::Action, &name), "{name}");
    }
}

/// The files of the runtime that a person wrote.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of the runtime");
    let paths = entries.map(|entry| entry.expect("an entry of it").path());
    paths
        .filter(|path| !path.ends_with("generated") && !path.ends_with("__fuzz__"))
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                Vec::from_iter(path.extension().is_some_and(|it| it == "rs").then_some(path))
            }
        })
        .collect()
}

fn last_names(tree: &syn::UseTree, names: &mut Vec<String>) {
    match tree {
        syn::UseTree::Path(path) => last_names(&path.tree, names),
        syn::UseTree::Name(name) => names.push(name.ident.to_string()),
        syn::UseTree::Rename(rename) => names.push(rename.rename.to_string()),
        syn::UseTree::Group(group) => group.items.iter().for_each(|it| last_names(it, names)),
        syn::UseTree::Glob(_) => {}
    }
}

/// The action `map` has the struct `Map_`, since `Map` is a name of the SDK, and so had the slot of
/// its parameter `map`.
#[test]
fn a_type_parameter_does_not_hide_the_struct_of_an_action_with_a_reserved_name() {
    assert_eq!(type_parameter("Map", |name| name == "Map_"), "Map__");
    assert_eq!(type_parameter("World", |name| name == "World"), "World_");
    assert_eq!(type_parameter("World", |_| false), "World");
}
