//! `man`: the pages, and what readers of pages say of them.

use std::fs;

use crate::{
    agentctl::agentctl,
    support::{bare, ended, files},
};

#[tokio::test]
async fn there_is_a_page_for_each_command_and_no_reader_complains() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("share/man1");
    let written = ended(agentctl(["man", "--out", out.to_str().unwrap()])).await;
    assert_eq!(written.code, Some(0), "{written:?}");
    let pages: Vec<_> = files(&out).into_iter().map(|(name, _)| name).collect();
    let help = ended(agentctl(["--help"])).await.stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    // Deeper lines go on with a description.
    let commands = commands.filter(|line| !line.starts_with("   "));
    for line in commands.take_while(|line| !line.is_empty()) {
        let command = line.split_whitespace().next().unwrap();
        let page = format!("agentctl-{command}.1");
        assert!(pages.contains(&page), "{page} in {pages:?}");
        let text = fs::read_to_string(out.join(&page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS") && !text.contains("cargo xtask"), "{text}");
    }
    assert!(pages.contains(&"agentctl.1".to_owned()), "{pages:?}");
    for reader in [&["mandoc", "-T", "lint", "-W", "warning"][..], &["man", "--warnings", "-l"]] {
        for page in &pages {
            let mut command = bare(reader[0]);
            command.args(&reader[1..]).arg(out.join(page)).env("LC_ALL", "C.UTF-8");
            let Ok(read) = command.output().await else {
                eprintln!("SKIPPED: {} is not on this machine", reader[0]);
                break;
            };
            assert!(read.status.success() && read.stderr.is_empty(), "{page}: {read:?}");
        }
    }
}
