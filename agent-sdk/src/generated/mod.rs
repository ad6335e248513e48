//! Placeholder until the generator writes this folder.
