//! Turns the action catalogue of an Architect agent into typed Rust.
