//! A project whose SDK is small: as much of it as generated code needs, so that it compiles in a moment.

use std::{fs, path::Path};

use tempfile::TempDir;

/// What generated code needs of the SDK.
const SDK: &str = "
use std::{marker::PhantomData, time::Duration};

pub mod generated;
pub use generated as actions;

pub struct Agent;
pub struct Call<'a, T>(PhantomData<(&'a Agent, T)>);
pub struct Error;
pub struct Reply;
pub struct Parameters;
pub struct ActionInfo;
pub struct ParameterInfo;

pub trait FromReply: Sized {
    fn from_reply(reply: Reply) -> Result<Self, Error>;
}

impl FromReply for Reply {
    fn from_reply(reply: Reply) -> Result<Self, Error> {
        Ok(reply)
    }
}

pub trait Action {
    const NAME: &'static str;
    const TIMEOUT: Option<Duration> = None;
    const READS: bool = false;
    type Output: FromReply;
    fn write_parameters(&self, _: &mut Parameters) {}
}

impl Agent {
    pub fn call<A: Action>(&self, _: A) -> Call<'_, A::Output> {
        Call(PhantomData)
    }
}

impl Parameters {
    pub fn add<T: ?Sized>(&mut self, _: &str, _: &T) {}
    pub fn add_optional<T: ?Sized>(&mut self, _: &str, _: Option<&T>) {}
}

impl ActionInfo {
    pub const fn new(_: &str, _: &str, _: &[ParameterInfo], _: bool) -> Self {
        Self
    }
    pub const fn since(self, _: &str) -> Self {
        self
    }
    pub const fn until(self, _: &str) -> Self {
        self
    }
}

impl ParameterInfo {
    pub const fn new(_: &str, _: &str, _: bool) -> Self {
        Self
    }
    pub const fn since(self, _: &str) -> Self {
        self
    }
    pub const fn until(self, _: &str) -> Self {
        self
    }
}

pub mod generated_code {
    pub use crate::{text_enum, text_newtype};

    pub fn debug<A: crate::Action>(_: &A, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

#[macro_export]
macro_rules! text_newtype {
    ($name:ident) => {
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

#[macro_export]
macro_rules! text_enum {
    ($name:ident) => {};
}
";

/// A workspace of the small SDK and of an application, at an agent with this catalogue.
pub fn project_with_application(catalogue: &str, overlay: &str, application: &str) -> TempDir {
    let project = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| write(&project.path().join(path), text);
    write("schemas/agent-1.0.0.json", catalogue);
    write("schemas/overlay.toml", overlay);
    write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"agent-sdk\", \"application\"]\n",
    );
    let head = "version = \"0.0.0\"\nedition = \"2024\"\n";
    // It does nothing with what it is given, and has no feature `mock`.
    let lints = "[lints.rust]\nwarnings = \"allow\"\n";
    write("agent-sdk/Cargo.toml", &format!("[package]\nname = \"agent-sdk\"\n{head}{lints}"));
    write("agent-sdk/src/lib.rs", SDK);
    let sdk = "[dependencies]\nagent-sdk = { path = \"../agent-sdk\" }\n";
    write("application/Cargo.toml", &format!("[package]\nname = \"application\"\n{head}{sdk}"));
    write("application/src/lib.rs", application);
    project
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
