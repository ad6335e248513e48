//! Code for several versions in the hands of the compiler.

use agent_codegen::{Code, Generator, Overlay, Report, snapshot::History};

use crate::{
    upgraded::{self, Version},
    uses::{crate_of, sources},
};

/// The union of versions, with one overlay for all.
fn union(versions: &[&Version], overlay: &Overlay) -> Code {
    let mut report = Report::new();
    let history = History::new(versions.iter().map(|it| it.snapshot.clone()).collect());
    let range = "..".parse().expect("it is a range");
    let union = history.supporting(&range, &mut report).expect("there are some");
    let code = Generator::for_other_crate().generate(&union, overlay, &mut report);
    assert!(!report.has_errors(), "{report}");
    code
}

#[test]
fn another_version_in_a_union_breaks_nothing_but_reads_of_what_became_optional() {
    let (old, new) = (upgraded::old(), upgraded::new());
    let mut sources = sources(&union(&[&old], &old.overlay));
    // These parameters are not required any more, or have another type.
    let relaxed = [
        "file_unzip_target",
        "file_upload_checksum",
        "query_server_metrics_resolution",
        "server_filetree_levels",
        "server_rcon_read_since",
        "server_update_validate",
    ];
    for name in relaxed {
        sources.remove(&format!("{name}_field")).unwrap_or_else(|| panic!("{name}"));
    }
    let found = crate_of("union", &union(&[&old, &new], &old.overlay), &sources).check();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn code_for_some_actions_compiles_alone() {
    let new = upgraded::new();
    let generator = Generator::for_other_crate().only(["server_wipe", "whoami", "servers", "mod"]);
    let mut report = Report::new();
    let code = generator.generate(&new.snapshot, &new.overlay, &mut report);
    assert!(!report.has_errors(), "{report}");
    let replies = &code.files()["replies.rs"];
    assert!(replies.contains("struct WhoamiReply") && !replies.contains("Titles"), "{replies}");
    let types = &code.files()["types.rs"];
    assert!(types.contains("WipeTarget") && !types.contains("Schedule"), "{types}");
    let found = crate_of("subset", &code, &sources(&code)).check();
    assert!(found.is_empty(), "{found:#?}");
}
