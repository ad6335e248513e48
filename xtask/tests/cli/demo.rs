//! The demo where its example does not compile, as after an upgrade. (`readme` runs it as it is.)

use crate::support::{cargo, ended, program, project_with_tour};

/// It said "see above" where nothing was: what the compiler wrote was collected and dropped.
#[tokio::test]
async fn what_is_wrong_with_the_example_is_shown_by_the_compiler_itself() {
    let project = project_with_tour("fn main() { what_the_upgrade_removed(); }");
    let mut command = program(["demo"]);
    cargo(&mut command);
    command.env("CARGO_TARGET_DIR", project.path().join("target")).current_dir(project.path());
    let demo = ended(command).await;
    assert_eq!(demo.code, Some(3), "{demo:?}");
    for words in ["cannot find function `what_the_upgrade_removed`", "tour.rs:1:13", "lines above"]
    {
        assert!(demo.stderr.contains(words), "{words}: {demo:?}");
    }
}

#[tokio::test]
async fn the_example_is_told_of_the_mock_alone() {
    let project = project_with_tour(
        r#"fn main() {
            let names = std::env::vars().map(|(name, _)| name);
            let mut names: Vec<_> = names.filter(|name| name.starts_with("AGENT_")).collect();
            names.sort();
            println!("told {}", names.join(" "));
        }"#,
    );
    let mut command = program(["demo"]);
    cargo(&mut command);
    command.env("CARGO_TARGET_DIR", project.path().join("target")).current_dir(project.path());
    command.env("AGENT_SERVER", "elsewhere").env("AGENT_CA", "no such file");
    let demo = ended(command).await;
    assert_eq!(demo.code, Some(0), "{demo:?}");
    let told = "told AGENT_FINGERPRINT AGENT_PASSWORD AGENT_URL AGENT_USERNAME\n";
    assert!(demo.stdout.contains(told), "{demo:?}");
}
