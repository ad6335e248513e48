//! Names and paths as tokens.

use proc_macro2::{Ident, Span, TokenStream};

/// A name that `naming` made, or a part of a path, as an identifier.
pub(super) fn ident(name: &str) -> Ident {
    match name.strip_prefix("r#") {
        Some(raw) => Ident::new_raw(raw, Span::call_site()),
        None => Ident::new(name, Span::call_site()),
    }
}

/// A path that is known to be one.
pub(super) fn path(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}
