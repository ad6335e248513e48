//! Generated code in the hands of the compiler, in crates of many kinds.

mod builds;
mod crates;
mod messages;
mod predicted;
mod random;
mod unions;
#[path = "../upgrade/versions.rs"]
mod upgraded;
mod upgrades;
mod uses;
