//! The README's commands.
