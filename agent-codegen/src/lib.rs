//! Turns the action catalogue of an Architect agent into typed Rust.
//!
//! ```text
//! snapshot (JSON) + overlay (TOML) -> model -> Rust source
//! ```
//!
//! - [`snapshot`]: reads a catalogue in every form it comes in, and keeps it in one
//! - [`types`]: the words for data types
//! - [`overlay`]: what people know and the catalogue does not say
//! - [`emit`]: writes Rust, or checks what is written
//! - [`diff`]: what changed between two catalogues, and what breaks by it
//! - [`build`]: all of it in one call, from a build script
//! - [`diagnostic`]: what was found on the way, each with its place and remedy
//!
//! The snapshot is untrusted: whatever is in it, the output compiles and does nothing but define the
//! actions. Nothing here connects to anything, and no input makes it panic: every problem is a
//! [`Diagnostic`] in a [`Report`].
//!
//! # Examples
//!
//! ```
//! use agent_codegen::{Generator, Overlay, Report, Snapshot};
//!
//! let catalogue = br#"{ "actions": { "server_start": {
//!     "description": "Starts a server",
//!     "required_parameters": { "server": "str" }
//! } } }"#;
//! let mut report = Report::new();
//! if let Some(snapshot) = Snapshot::from_bytes("catalogue.json", catalogue, &mut report) {
//!     let code = Generator::new().generate(&snapshot, &Overlay::default(), &mut report);
//!     assert!(code.files()["methods.rs"].contains("pub fn server_start("));
//! }
//! assert!(report.is_empty());
//! ```

pub mod build;
pub mod diagnostic;
pub mod diff;
pub mod emit;
mod known;
mod model;
mod naming;
pub mod overlay;
pub mod snapshot;
mod text;
pub mod types;

pub use diagnostic::{Diagnostic, Report, Severity};
pub use emit::{Code, Generator};
pub use known::{KnownAction, KnownParameter, is_secret_name};
pub use overlay::Overlay;
pub use snapshot::Snapshot;
pub use text::{escape_json, is_unseen};
