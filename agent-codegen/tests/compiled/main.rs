//! Generated code in the hands of the compiler, in crates of many kinds.

mod crates;
mod messages;
mod upgrades;
