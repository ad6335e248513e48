//! The types that the JSON Schemas of replies make.

mod files;
mod names;
mod objects;
mod outcome;
mod random;
mod references;
mod understood;
