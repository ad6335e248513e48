//! `get` and `put`: files to and from an agent in another process.

use crate::support::{Mock, run_with_input};

#[tokio::test]
async fn a_file_that_was_put_is_got_back_whole() {
    let mock = Mock::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (there, back) = (folder.path().join("there"), folder.path().join("back"));
    let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&there, &content).unwrap();
    let put = mock.run(["put", there.to_str().unwrap(), "/a", "--format", "json"]).await.json();
    assert_eq!((&put["bytes"], &put["remote"]), (&800_000.into(), &"/a".into()));

    let got = mock.run(["get", "/a", back.to_str().unwrap()]).await;
    assert_eq!(got.code, Some(0), "{got:?}");
    assert_eq!(std::fs::read(&back).unwrap(), content);
    let checksum = put["checksum"].as_str().unwrap();
    assert!(got.stdout.contains(checksum) && got.stdout.contains("800000 bytes"), "{got:?}");
    assert_eq!(got.stderr, "", "no bar where there is no terminal");
}

#[tokio::test]
async fn standard_input_and_output_stand_for_files() {
    let mock = Mock::start().await;
    let put = run_with_input(mock.client(["put", "-", "/motd"]), "Welcome\n").await;
    assert_eq!(put.code, Some(0), "{put:?}");
    let got = mock.run(["get", "/motd", "-"]).await;
    assert_eq!((got.code, got.stdout.as_str()), (Some(0), "Welcome\n"));
}

#[tokio::test]
async fn what_cannot_be_transferred_is_told_and_leaves_nothing() {
    let mock = Mock::start().await;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a");
    let missing = mock.run(["get", "/missing", target.to_str().unwrap()]).await;
    assert!(missing.one_line(1).contains("there is no file `/missing`"), "{missing:?}");
    let large = run_with_input(mock.client(["put", "-", "/a", "--max-size", "3"]), "four").await;
    assert!(large.one_line(3).contains("more than the limit of 3"), "{large:?}");
    let nowhere = mock.run(["get", "/folder/"]).await;
    assert_eq!(nowhere.code, Some(2), "{nowhere:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
