//! An upgrade in a real workspace: what it says of the source is what the compiler says.

use std::{collections::BTreeSet, fs, path::Path};

use agent_sdk::mock::MockAgent;
use serde_json::{Value, json};

use crate::support::{Ended, cargo, cargo_command, ended, program, project_with_application};

const OVERLAY: &str = "\
    subject = 'server'\n\
    [types.ServerId]\nis = 'str'\n[parameters.server]\ntype = 'ServerId'\n\
    [types.Speed]\nvalues = ['fast', 'slow']\n[actions.note.parameters.speed]\ntype = 'Speed'\n\
    [actions.halt.parameters.speed]\ntype = 'Speed'\n";

/// Each kind of item in use. What ends with `// breaks ACTION` no longer compiles after the upgrade,
/// because of that action.
const APPLICATION: &str = r#"
use agent_sdk::actions::{
    Cut, Find, Halt, Keep, Lift, List, Note, ServerId, Ship, Speed, Turn, ACTIONS,
};
use agent_sdk::{Action, Agent, Call, Reply};

pub fn unchanged(agent: &Agent) {
    let _: Call<'_, Reply> = agent.list();
    let _ = agent.keep(Keep::new("survival").to("there"));
    let _ = agent.note(Note::new().text("x").speed(Speed::Fast));
    let _ = agent.call(List::new());
    let _ = (ServerId::from("survival"), Speed::Slow, ACTIONS.len(), Keep::NAME);
}

pub fn struct_with_all_that_was_required(agent: &Agent) {
    let _ = agent.cut(Cut::new("survival").at(1)); // breaks cut
    let cut = Cut::new("survival").at(2);
    let _ = agent.call(cut); // breaks cut
}

pub fn setters(agent: &Agent) {
    let _ = agent.find(Find::new().what("x").depth(1)); // breaks find
    let _ = agent.lift(Lift::new().height(1_i64)); // breaks lift
    let _ = agent.turn(Turn::new().heigth(1)); // breaks turn
    let _ = agent.call(Halt::new().speed(Speed::Fast)); // breaks halt
}

pub fn first_argument(agent: &Agent) {
    let _ = agent.ship(Ship::new("survival").to("there")); // breaks ship
}

pub fn fields(keep: &Keep, find: &Find) -> (String, i64) {
    (keep.to.clone(), find.depth) // breaks find
}

pub fn method(agent: &Agent) {
    agent.kick(); // breaks kick
}
"#;

fn old() -> Value {
    json!({ "actions": {
        "list": {},
        "keep": { "required_parameters": { "server": "str", "to": "str" } },
        "note": { "required_parameters": { "text": "str", "speed": "str" } },
        "cut": { "required_parameters": { "server": "str", "at": "int" } },
        "find": { "required_parameters": { "what": "str", "depth": "int" } },
        "lift": { "required_parameters": { "height": "int" } },
        "turn": { "required_parameters": { "heigth": "int" } },
        "halt": { "required_parameters": { "at": "int?", "speed": "str?" } },
        "ship": { "required_parameters": { "server": "str", "to": "str" } },
        "kick": {},
    } })
}

fn new() -> Value {
    let mut catalogue = old();
    let actions = &mut catalogue["actions"];
    actions["cut"]["required_parameters"]["deep"] = json!("bool");
    actions["find"]["required_parameters"] = json!({ "what": "str" });
    actions["lift"]["required_parameters"]["height"] = json!("float");
    actions["turn"]["required_parameters"] = json!({ "height": "int" });
    actions["halt"]["required_parameters"] = json!({ "at": "int?" });
    actions["ship"]["required_parameters"] = json!({ "to": "str" });
    actions.as_object_mut().unwrap().remove("kick");
    actions["added"] = json!({ "required_parameters": { "x": "int" } });
    catalogue
}

/// The marked lines of the application, each with the action that breaks it.
fn marked() -> BTreeSet<(u64, String)> {
    let marks = APPLICATION.lines().zip(1..).filter_map(|(line, number)| {
        let (_, action) = line.split_once("// breaks ")?;
        Some((number, action.to_owned()))
    });
    marks.collect()
}

async fn xtask(arguments: &[&str], project: &Path, mock: &MockAgent) -> Ended {
    let mut command = program(arguments);
    cargo(&mut command);
    command.current_dir(project).env("CARGO_TARGET_DIR", project.join("target"));
    command.env("AGENT_URL", mock.url()).env("AGENT_PASSWORD", mock.password());
    ended(command).await
}

async fn assert_compiles(project: &Path) {
    let mut command = cargo_command();
    command.args(["check", "--quiet", "--offline"]).current_dir(project);
    command.env("CARGO_TARGET_DIR", project.join("target"));
    let check = ended(command).await;
    assert_eq!(check.code, Some(0), "{check:?}");
}

#[tokio::test]
async fn exactly_what_an_update_predicts_no_longer_compiles_and_is_told_with_its_reason() {
    let project = project_with_application(&old().to_string(), OVERLAY, APPLICATION);
    let project = project.path();
    let mock = MockAgent::builder(new()).version("2.0.0").tls(false).start().await.unwrap();
    let generated = xtask(&["generate"], project, &mock).await;
    assert_eq!(generated.code, Some(0), "{generated:?}");
    assert_compiles(project).await;

    let updated = xtask(&["update", "--format", "json"], project, &mock).await;
    assert_eq!(updated.code, Some(1), "{updated:?}");
    let told: Value = serde_json::from_str(&updated.stdout).unwrap();
    let changes = told["changes"]["changes"].as_array().unwrap();
    let breaking = changes.iter().filter(|change| change["rust"] == "breaks");
    let predicted: BTreeSet<_> =
        breaking.map(|change| change["action"].as_str().unwrap().to_owned()).collect();
    let marked = marked();
    assert_eq!(predicted, marked.iter().map(|(_, action)| action.clone()).collect());

    let (of_overlay, of_compiler): (Vec<_>, Vec<_>) = told["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .partition(|task| task["file"] == "schemas/overlay.toml");
    let of_overlay: Vec<_> = of_overlay.iter().map(|task| task["what"].as_str().unwrap()).collect();
    assert!(of_overlay.len() == 1 && of_overlay[0].contains("speed"), "{of_overlay:?}");
    let found: BTreeSet<_> = of_compiler
        .iter()
        .map(|task| {
            assert_eq!(task["file"], "application/src/lib.rs", "{task}");
            let what = task["what"].as_str().unwrap();
            let reason = what.split_once(" — `").unwrap_or_else(|| panic!("no reason: {what}")).1;
            let action = reason.split('`').next().unwrap().to_owned();
            (task["line"].as_u64().unwrap(), action)
        })
        .collect();
    assert_eq!(found, marked, "{of_compiler:#?}");
    let cut = of_compiler.iter().find(|task| task["line"] == first_line("Cut::new")).unwrap();
    assert!(
        cut["what"].as_str().unwrap().ends_with("`cut`: `deep` new; `bool, required`"),
        "{cut}"
    );

    // What is mended is no longer told, and nothing else is.
    let mended = APPLICATION.lines().filter(|line| !line.contains("// breaks"));
    let mended = mended.collect::<Vec<_>>().join("\n").replace("-> (String, i64)", "");
    fs::write(project.join("application/src/lib.rs"), mended).unwrap();
    let overlay = OVERLAY.split("[actions.halt").next().unwrap();
    fs::write(project.join("schemas/overlay.toml"), overlay).unwrap();
    let again = xtask(&["update"], project, &mock).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_compiles(project).await;
    mock.stop().await;
}

/// The number of the first marked line that holds a text.
fn first_line(text: &str) -> usize {
    let line = |line: &str| line.contains(text) && line.contains("// breaks");
    APPLICATION.lines().position(line).unwrap() + 1
}
