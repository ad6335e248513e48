//! The command line of the SDK.

fn main() {}
