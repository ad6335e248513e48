//! Certificates of every kind, made and shown by OpenSSL.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use agent_sdk::{Agent, ConnectError, Tls};

use crate::common::soon;

/// A certificate that `openssl` makes.
struct Kind {
    name: &'static str,
    /// What `openssl genpkey` makes its key of.
    key: &'static [&'static str],
    /// X.509 version 1 has no extensions.
    version_1: bool,
    /// What the error says of it; nothing if it can be pinned.
    problem: Option<&'static str>,
}

const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
const P384: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
const P521: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"];
const RSA_1024: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"];
const RSA_2048: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
const RSA_PSS: &[&str] = &["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"];
const ED25519: &[&str] = &["-algorithm", "ED25519"];
const ED448: &[&str] = &["-algorithm", "ED448"];

const KINDS: [Kind; 12] = [
    Kind { name: "P-256", key: P256, version_1: false, problem: None },
    Kind { name: "P-256, version 1", key: P256, version_1: true, problem: None },
    Kind { name: "P-384", key: P384, version_1: false, problem: None },
    Kind { name: "P-384, version 1", key: P384, version_1: true, problem: None },
    Kind { name: "RSA-2048", key: RSA_2048, version_1: false, problem: None },
    Kind { name: "RSA-2048, version 1", key: RSA_2048, version_1: true, problem: None },
    Kind { name: "Ed25519", key: ED25519, version_1: false, problem: None },
    Kind { name: "Ed25519, version 1", key: ED25519, version_1: true, problem: None },
    Kind { name: "RSA-1024", key: RSA_1024, version_1: false, problem: Some("1024 bits") },
    Kind { name: "P-521", key: P521, version_1: false, problem: Some("P-521") },
    Kind { name: "Ed448", key: ED448, version_1: false, problem: Some("kind") },
    Kind { name: "RSA for PSS", key: RSA_PSS, version_1: false, problem: Some("kind") },
];

fn openssl(folder: &Path) -> Command {
    let mut command = Command::new("openssl");
    command.current_dir(folder).stdin(Stdio::null()).stderr(Stdio::null());
    command
}

fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// A server, and the certificate that it shows.
struct Server {
    process: Child,
    url: String,
    pin: String,
}

impl Server {
    fn start(kind: &Kind, version: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        run(openssl(folder).arg("genpkey").args(kind.key).args(["-out", "key.pem"]));
        let subject = ["-key", "key.pem", "-subj", "/CN=agent", "-out"];
        if kind.version_1 {
            run(openssl(folder).args(["req", "-new"]).args(subject).arg("request.pem"));
            run(openssl(folder)
                .args(["x509", "-req", "-in", "request.pem", "-signkey", "key.pem"])
                .args(["-out", "certificate.pem"]));
        } else {
            run(openssl(folder)
                .args(["req", "-new", "-x509"])
                .args(subject)
                .arg("certificate.pem"));
        }
        let pin = openssl(folder)
            .args(["x509", "-in", "certificate.pem", "-noout", "-fingerprint", "-sha256"])
            .output()
            .unwrap();
        let mut process = openssl(folder)
            .args(["s_server", "-accept", "127.0.0.1:0", "-www", version])
            .args(["-cert", "certificate.pem", "-key", "key.pem"])
            // It would not show an RSA key of 1,024 bits otherwise.
            .args(["-cipher", "ALL:@SECLEVEL=0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("ACCEPT ").map(str::to_owned))
            .expect("openssl does not listen");
        Self {
            process,
            url: format!("wss://{address}"),
            pin: String::from_utf8(pin.stdout).unwrap(),
        }
    }

    async fn connect(&self, tls: Tls) -> ConnectError {
        let builder = Agent::builder(&self.url).credentials("root", "x").tls(tls);
        soon(builder.connect()).await.unwrap_err()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Those of version 1 could not be pinned, and their owners were called impostors, as were those
/// whose keys cannot be verified.
#[tokio::test]
async fn a_certificate_of_any_kind_can_be_pinned_or_is_said_to_be_unsupported() {
    if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
        eprintln!("SKIPPED: there is no `openssl` on this machine");
        return;
    }
    for kind in &KINDS {
        for version in ["-tls1_2", "-tls1_3"] {
            let server = Server::start(kind, version);
            let error = server.connect(Tls::pinned(&server.pin).unwrap()).await;
            let name = format!("{} {version}: {error}", kind.name);
            match (kind.problem, &error) {
                // It has been logged in to, and is no agent.
                (None, ConnectError::NotAnAgent { .. }) => {}
                (Some(problem), ConnectError::CertificateUnsupported { .. }) => {
                    assert!(name.contains(problem) && name.contains("openssl req -x509"), "{name}");
                }
                // It did not even show it.
                (Some(_), ConnectError::Tls { .. }) => {
                    let explained = name.contains("a key of a kind that is not supported");
                    assert!(explained && name.contains("openssl req -x509"), "{name}");
                }
                _ => panic!("{name}"),
            }
            let other = Tls::pinned(format!("sha256:{}", "ab".repeat(32))).unwrap();
            let error = server.connect(other).await;
            let is_changed = matches!(error, ConnectError::CertificateChanged { .. });
            assert!(is_changed || kind.problem.is_some(), "{}: {error}", kind.name);
        }
    }
}
