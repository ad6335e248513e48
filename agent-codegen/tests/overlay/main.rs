//! What the overlay adds, and what it says when it matches nothing.

mod effect;

use agent_codegen::{Code, Generator, Overlay, Report, Severity, Snapshot};

const SNAPSHOT: &str = r#"{"actions": {
    "server_start": {"description": "Starts", "required_parameters": {"server": "str"}},
    "server_wipe": {"required_parameters": {"server": "str", "targets": "list"}},
    "servers": null,
    "odd": {"required_parameters": {"server": "int"}}
}}"#;

fn generate(overlay: &str) -> (Code, Report) {
    let mut report = Report::new();
    let snapshot = Snapshot::from_bytes("test.json", SNAPSHOT.as_bytes(), &mut report);
    let overlay = Overlay::from_text("overlay.toml", overlay, &mut report).unwrap_or_default();
    let snapshot = snapshot.unwrap_or_else(|| panic!("{report}"));
    let code = Generator::new().generate(&snapshot, &overlay, &mut report);
    (code, report)
}

/// The code without line breaks and indentation, to look for parts of it.
fn flat(code: &Code, file: &str) -> String {
    code.files()[file].split_whitespace().collect::<Vec<_>>().join(" ")
}

fn good(overlay: &str, file: &str) -> String {
    let (code, report) = generate(overlay);
    assert!(!report.has_errors(), "{report}");
    flat(&code, file)
}

#[test]
fn an_optional_parameter_has_a_setter_and_is_left_out_until_it_is_set() {
    let overlay = r#"
        [actions.server_start.parameters.wait]
        optional = true
        type = "bool"
        description = "Whether to wait until it runs"
    "#;
    let text = good(overlay, "parameters.rs");
    assert!(
        text.contains(
            "/// Whether to wait until it runs /// /// `wait`: typed by the overlay. pub wait: \
             Option<bool>,"
        ),
        "{text}"
    );
    assert!(text.contains("pub fn wait(mut self, value: bool) -> Self"), "{text}");
    assert!(text.contains(r#"parameters.add_optional("wait", self.wait.as_ref());"#), "{text}");
    assert!(text.contains("pub fn new() -> ServerStart<MissingServer>"), "{text}");
}

#[test]
fn an_optional_parameter_does_not_change_the_method_of_an_action_without_any() {
    let overlay = "[actions.servers.parameters.filter]\noptional = true\ntype = 'str'";
    let text = good(overlay, "methods.rs");
    assert!(text.contains("pub fn servers(&self) -> Call<'_, Reply>"), "{text}");
    assert!(text.contains("`agent.call(Servers::new().filter(…))`"), "{text}");
}

#[test]
fn the_subject_is_the_argument_of_new_where_it_is_required() {
    let overlay = "subject = 'server'\n[actions.servers.parameters.server]\noptional = true\n\
                   type = 'str'";
    let text = good(overlay, "parameters.rs");
    assert!(text.contains("pub fn new(server: impl Into<String>) -> Self"), "{text}");
    let wipe = "pub fn new(server: impl Into<String>) -> ServerWipe<MissingTargets> {";
    assert!(text.contains(wipe), "{text}");
    let servers =
        "pub struct Servers { /// `server`: typed by the overlay. pub server: Option<String>, }";
    assert!(text.contains(servers), "{text}");
}

#[test]
fn a_group_is_an_impl_and_part_of_the_index() {
    let overlay = "[groups.life_of_servers]\ndescription = 'How they run.'\n\
                   actions = ['server_start', 'server_wipe']";
    let (code, report) = generate(overlay);
    let text = flat(&code, "methods.rs");
    let begin = "/// # Life of servers /// /// How they run. impl Agent { /// Starts";
    assert!(text.contains(begin), "{text}");
    assert!(text.contains("/// # Other impl Agent { /// Action `odd`"), "{text}");
    let index = flat(&code, "mod.rs");
    let row = "//! - [`server_start`](crate::Agent::server_start): Starts";
    assert!(index.contains(row), "{index}");
    let notes: Vec<_> = report.iter().filter(|found| found.code() == "no-group").collect();
    let [note] = notes[..] else { panic!("{report}") };
    assert_eq!(note.message(), "no group has `odd`, `servers`");
}

#[test]
fn an_action_in_two_groups_is_an_error() {
    let overlay = "[groups.a]\nactions = ['servers']\n[groups.b]\nactions = ['servers', 'sever']";
    let (_, report) = generate(overlay);
    let errors: Vec<_> = report.iter().filter(|it| it.severity() == Severity::Error).collect();
    let errors: Vec<_> = errors.iter().map(|found| found.message()).collect();
    assert_eq!(
        errors,
        ["the catalogue has no action `sever`", "`servers` is in the group `a`, too"]
    );
}

#[test]
fn related_actions_link_to_each_other() {
    let text = good("[actions.server_start]\nrelated = ['server_wipe']", "methods.rs");
    assert!(text.contains("/// See also [`server_wipe`](Agent::server_wipe)."), "{text}");
    assert!(text.contains("/// See also [`server_start`](Agent::server_start)."), "{text}");
}

/// Its documentation used to be its name, once more.
#[test]
fn a_field_says_what_it_is_and_who_says_of_what_type() {
    let overlay = "[types.ServerId]\nis = 'str'\n[parameters.server]\ntype = 'ServerId'\n\
                   description = 'The id of the server.'\n\
                   [actions.servers.parameters.page]\noptional = true\ntype = 'int'";
    let text = good(overlay, "parameters.rs");
    for part in [
        "/// The id of the server. /// /// `server`: `str` in the catalogue, typed by the overlay.",
        "/// `targets`: `list` in the catalogue.",
        "/// `page`: typed by the overlay.",
        "/// Sets `server`. /// /// The id of the server. pub fn server(",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn what_is_deprecated_says_so_as_a_struct_too() {
    let overlay = "[actions.servers]\ndeprecated = 'use something else'";
    let attribute = "#[deprecated = \"use something else\"]";
    assert!(good(overlay, "methods.rs").contains(attribute));
    assert!(good(overlay, "parameters.rs").contains(attribute));
    assert!(good(overlay, "mod.rs").contains(" deprecated,"));
}

#[test]
fn a_list_of_subjects_is_refused_with_the_reason() {
    let mut report = Report::new();
    let overlay = Overlay::from_text("overlay.toml", "subject = ['server', 'path']", &mut report);
    assert!(overlay.is_none());
    let text = report.to_string();
    assert!(text.contains("one name, as in `subject = \"server\"`"), "{text}");
    assert!(text.contains("only one parameter has a position"), "{text}");
}

#[test]
fn a_shared_newtype_is_everywhere_where_the_catalogue_agrees() {
    let overlay = "[types.ServerId]\nis = 'str'\n[parameters.server]\ntype = 'ServerId'";
    let (code, report) = generate(overlay);
    let text = flat(&code, "parameters.rs");
    assert_eq!(text.matches("<Server = ServerId").count(), 2, "{text}");
    assert_eq!(text.matches("<Server = i64>").count(), 1, "{text}");
    let told: Vec<_> = report.iter().filter(|it| it.code() == "overlay-type").collect();
    let [told] = told[..] else { panic!("{report}") };
    assert_eq!(
        told.message(),
        "the overlay says that `server` is `ServerId`, and the catalogue says `int` here"
    );
    assert!(flat(&code, "types.rs").contains("pub struct ServerId(String);"));
}

#[test]
fn a_text_with_known_values_takes_any_other() {
    let overlay = "[types.Target]\nvalues = ['players', 'the-rest']\n\
                   [actions.server_wipe.parameters.targets]\ntype = 'list<Target>'";
    let text = good(overlay, "types.rs");
    for part in [
        "/// `players` Players, /// `the-rest` TheRest, /// Any other value. Other(String),",
        r#"Self::TheRest => "the-rest","#,
        r#""the-rest" => Self::TheRest,"#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(good(overlay, "parameters.rs").contains("Targets = Vec<Target>>"));
}

#[test]
fn names_timeouts_words_and_deprecation_are_taken_over() {
    let overlay = "[actions.server_start]\nname = 'start'\ntimeout = 90\n\
                   description = 'Starts one.'\ndeprecated = 'use something else'";
    let text = good(overlay, "methods.rs");
    assert!(
        text.contains(
            "/// Starts one. /// /// Action `server_start`: `Start::new().server(…)`. A call waits 90 s for its reply unless \
             told otherwise. #[doc(alias = \"server_start\")] \
             #[deprecated = \"use something else\"] #[inline] pub fn start(&self, parameters: Start)"
        ),
        "{text}"
    );
    let text = good(overlay, "parameters.rs");
    assert!(
        text.contains("const TIMEOUT: Option<Duration>")
            && text.contains("Duration::from_secs(90)")
    );
    assert!(text.contains("const NAME: &'static str = \"server_start\";"));
}

#[test]
fn an_action_that_only_reads_says_so() {
    let text = good("[actions.servers]\nreads = true", "parameters.rs");
    let (before, after) = text.split_once("impl Action for Servers {").expect("it is there");
    assert!(after.contains("const READS: bool = true;"), "{text}");
    assert!(!before.contains("READS"), "{text}");
}

#[test]
fn what_matches_nothing_is_an_error_that_names_the_nearest() {
    for (overlay, message, help) in [
        (
            "[actions.server_strat]\ntimeout = 1",
            "the catalogue has no action `server_strat`",
            "the nearest match is `server_start`",
        ),
        (
            "[actions.server_start.parameters.sever]\ntype = 'str'",
            "the catalogue has no parameter `sever`",
            "the nearest match is `server`",
        ),
        (
            "[parameters.zzz]\ntype = 'str'",
            "the catalogue has no parameter `zzz`",
            "take it out; a parameter that the catalogue lacks is added by `optional = true` in \
             one action",
        ),
        (
            "subject = 'servr'",
            "the catalogue has no parameter `servr`",
            "the nearest match is `server`",
        ),
        (
            "[types.ServerId]\nis = 'str'\n[actions.server_start.parameters.server]\ntype = 'ServerID2'",
            "the type `ServerID2` is not known",
            "the nearest type that is declared is `ServerId`",
        ),
        (
            "[types.ServerId]\nis = 'str'",
            "no parameter is of the type `ServerId`",
            "take it out, or name it as the `type` of a parameter",
        ),
        (
            "[types.String]\nis = 'str'",
            "`String` cannot be declared",
            "a type's name is written `LikeThis`, and not one of Rust or of the SDK",
        ),
        (
            "[types.Target]\nvalues = ['a-b', 'a_b']",
            "`Target` cannot be declared: the values `a-b` and `a_b` would both be called `AB`",
            "choose a name for one of them: `values = [{ value = \"a_b\", name = \"LikeThis\" }, …]`",
        ),
        (
            "[actions.servers]\nname = 'close'",
            "the name `close` cannot be chosen",
            "a name is written `like_this`, and not one of Rust or of the SDK",
        ),
        (
            "[actions.servers]\nname = 'same'\n[actions.odd]\nname = 'same'",
            "the name `same` cannot be chosen",
            "it is chosen twice",
        ),
        (
            "[actions.servers]\nreply = 'nowhere.schema.json'",
            "`nowhere.schema.json` cannot be read: No such file or directory (os error 2)",
            "name a JSON Schema by its path from the overlay's folder",
        ),
        (
            "[actions.servers]\ntimeuot = 5",
            "this is no overlay: unknown field `timeuot`, expected one of `name`, `description`, \
             `deprecated`, `timeout`, `reads`, `related`, `reply`, `parameters`",
            "`schemas/overlay.schema.json` tells all that may stand in it",
        ),
    ] {
        let (_, report) = generate(overlay);
        let errors: Vec<_> = report.iter().filter(|it| it.severity() == Severity::Error).collect();
        assert!(
            errors.iter().any(|it| it.message() == message && it.remedy() == Some(help)),
            "{overlay}\n{report}"
        );
        assert!(errors.iter().all(|it| it.position().is_some()), "{report}");
    }
}

#[test]
fn a_reply_becomes_a_type_that_tolerates_what_it_does_not_know() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let schema = r##"{
        "type": "object",
        "required": ["servers", "total"],
        "properties": {
            "total": {"type": "integer", "minimum": 0},
            "type": {"type": "string", "description": "A keyword"},
            "servers": {"type": "array", "items": {"$ref": "#/$defs/Server"}},
            "odd": {"oneOf": [{"type": "string"}, {"type": "integer"}]}
        },
        "$defs": {"Server": {"properties": {
            "parent": {"anyOf": [{"$ref": "#/$defs/Server"}, {"type": "null"}]},
            "children": {"type": "array", "items": {"$ref": "#/$defs/Server"}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}}
        }}}
    }"##;
    std::fs::write(folder.path().join("servers.json"), schema).expect("it can be written");
    let overlay = folder.path().join("overlay.toml");
    std::fs::write(&overlay, "[actions.servers]\nreply = 'servers.json'")
        .expect("it can be written");

    let mut report = Report::new();
    let snapshot = Snapshot::from_bytes("test.json", SNAPSHOT.as_bytes(), &mut report);
    let overlay = Overlay::read(&overlay, &mut report).expect("it is an overlay");
    let snapshot = snapshot.expect("it is a snapshot");
    let code = Generator::new().generate(&snapshot, &overlay, &mut report);
    let text = flat(&code, "replies.rs");
    for part in [
        "pub struct ServersReply {",
        "impl FromReply for ServersReply {",
        "pub total: u64,",
        "pub servers: Vec<ServersServer>,",
        "/// `type`: A keyword #[serde(rename = \"type\", default,",
        "pub type_: Option<String>,",
        "pub parent: Option<Box<ServersServer>>,",
        "pub children: Option<Vec<ServersServer>>,",
        "pub labels: Option<BTreeMap<String, String>>,",
        "pub odd: Option<Value>,",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("deny_unknown_fields"));
    assert!(flat(&code, "methods.rs").contains("pub fn servers(&self) -> Call<'_, ServersReply>"));
    let told: Vec<_> = report.iter().filter(|it| it.code() == "reply-schema").collect();
    let [told] = told[..] else { panic!("{report}") };
    assert_eq!(told.document_path(), Some("$.properties.odd"));
}

#[test]
fn a_secret_is_what_the_overlay_says() {
    let overlay = "[actions.server_start.parameters.server]\nsecret = true";
    let text = good(overlay, "parameters.rs");
    assert!(text.contains(r#"parameters.secret().add("server", &self.server);"#), "{text}");
}

/// What an action sends is what its `Debug` shows, so that the type itself hides nothing there.
#[test]
fn a_parameter_of_a_secret_type_is_a_secret_however_it_is_named() {
    let types = "[types.AdminPassword]\nis = 'str'\n[types.Targets]\nis = 'list<AdminPassword>'\n";
    for word in ["AdminPassword", "list<AdminPassword>", "Targets", "map<str, Targets>", "Targets?"]
    {
        let overlay = format!("{types}[actions.server_wipe.parameters.targets]\ntype = '{word}'");
        let text = flat(&generate(&overlay).0, "parameters.rs");
        assert!(text.contains("parameters.secret().add"), "{word}: {text}");
    }
    let overlay = format!(
        "{types}[actions.server_wipe.parameters.targets]\ntype = 'Targets'\nsecret = false"
    );
    let text = flat(&generate(&overlay).0, "parameters.rs");
    assert!(!text.contains("secret()"), "{text}");
}

#[test]
fn the_schema_for_editors_knows_every_key() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/overlay.schema.json");
    let text = std::fs::read_to_string(path).expect("it is readable");
    let schema: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    for (place, keys) in [
        ("/properties", vec!["note", "subject", "types", "parameters", "actions", "groups"]),
        ("/$defs/Group/properties", vec!["description", "actions"]),
        ("/$defs/Type/properties", vec!["is", "values", "description"]),
        ("/$defs/ParametersOfAName/properties", vec!["type", "description", "secret"]),
        (
            "/$defs/Action/properties",
            vec![
                "name",
                "description",
                "deprecated",
                "timeout",
                "reads",
                "related",
                "reply",
                "parameters",
            ],
        ),
        ("/$defs/Parameter/properties", vec!["name", "type", "description", "optional", "secret"]),
    ] {
        let known = schema.pointer(place).and_then(serde_json::Value::as_object).expect(place);
        let mut known: Vec<_> = known.keys().collect();
        let mut keys = keys;
        known.sort();
        keys.sort_unstable();
        assert_eq!(known, keys, "{place}");
        let closed = place.replace("properties", "additionalProperties");
        assert_eq!(schema.pointer(&closed), Some(&false.into()), "{closed}");
    }
}

/// A key with a line break forged lines of the report, which a build script hands to cargo.
#[test]
fn a_message_about_an_overlay_is_one_line() {
    for overlay in [
        "\"a\\ncargo::rustc-env=X=y\" = 1",
        "[types.\"a\\nb\"]\nis = 'str'",
        "[actions.\"a\\nb\"]\ntimeout = 1",
        "[actions.servers]\nreply = \"a\\nb\"",
        "[actions.servers]\nname = \"a\\nb\"",
        "[parameters.server]\ntype = \"a\\nb\"",
    ] {
        let (_, report) = generate(overlay);
        assert!(report.has_errors(), "{overlay}");
        for found in &report {
            assert!(!found.message().contains(['\n', '\r']), "{:?}", found.message());
            assert!(!found.remedy().unwrap_or_default().contains("\ncargo"), "{report}");
        }
    }
}
