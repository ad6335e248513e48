//! Where generated code lives, and what it may name there.

use proc_macro2::TokenStream;
use quote::quote;

use super::tokens::ident;
use crate::{
    diagnostic::{Diagnostic, Report},
    text::Quoted,
};

/// Where the generated code lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// In the SDK itself.
    Sdk,
    /// In a crate that knows the SDK by this path.
    OtherCrate(String),
}

impl Home {
    /// Returns itself with its path in plain form, or the default where the path is none, which is
    /// reported.
    pub(super) fn checked(&self, report: &mut Report) -> Self {
        let Self::OtherCrate(text) = self else { return self.clone() };
        if let Some(path) = syn::parse_str(text).ok().and_then(|path| plain(&path)) {
            return Self::OtherCrate(path);
        }
        let message = format!("{} is no path of a crate", Quoted(text));
        let found = Diagnostic::error("crate-path", message);
        report
            .push(found.help("write the name by which the manifest knows the SDK: `::agent_sdk`"));
        Self::other_crate()
    }

    pub(super) fn other_crate() -> Self {
        Self::OtherCrate("::agent_sdk".to_owned())
    }

    pub(super) fn is_sdk(&self) -> bool {
        *self == Self::Sdk
    }

    /// The path of the SDK.
    pub(super) fn sdk(&self) -> &str {
        match self {
            Self::Sdk => "crate",
            Self::OtherCrate(path) => path,
        }
    }

    /// The path of the standard library: absolute where the crate may have a module `std`.
    pub(super) fn std(&self) -> &'static str {
        if self.is_sdk() { "std" } else { "::std" }
    }

    /// The path of `serde` or `serde_json`, on which another crate need not depend.
    pub(super) fn library(&self, name: &str) -> String {
        match self {
            Self::Sdk => name.to_owned(),
            Self::OtherCrate(path) => format!("{path}::generated_code::{name}"),
        }
    }

    /// The lints that generated code is spared, once for all of it. It names what is deprecated, too.
    pub(super) fn lints(&self, has_deprecated: bool) -> TokenStream {
        let deprecated = has_deprecated.then(|| quote!(deprecated,));
        match self {
            Self::Sdk => quote! {
                allow(
                    clippy::doc_markdown,
                    clippy::self_named_constructors,
                    clippy::struct_field_names,
                    clippy::too_many_lines,
                    clippy::type_complexity,
                    #deprecated
                    non_snake_case,
                    reason = "the agent chooses the words and how many there are"
                )
            },
            // The lints of another crate are not meant for code that its authors do not write.
            Self::OtherCrate(_) => {
                let names = OF_OTHER_CRATES.iter().map(|name| ident(name));
                quote! {
                    allow(
                        clippy::all,
                        clippy::nursery,
                        clippy::pedantic,
                        clippy::restriction,
                        #deprecated
                        #(#names,)*
                        reason = "generated for every action, used or not"
                    )
                }
            }
        }
    }
}

/// A path without spaces, if it means the same in every module.
fn plain(path: &syn::Path) -> Option<String> {
    let is_plain = |it: &syn::PathSegment| {
        it.arguments.is_none() && !["self", "super", "Self"].iter().any(|word| it.ident == word)
    };
    let names: Vec<_> = path.segments.iter().map(|it| it.ident.to_string()).collect();
    let absolute = if path.leading_colon.is_some() { "::" } else { "" };
    path.segments.iter().all(is_plain).then(|| format!("{absolute}{}", names.join("::")))
}

/// The compiler's own lints that code for every action of an agent cannot heed.
const OF_OTHER_CRATES: &[&str] =
    &["dead_code", "non_snake_case", "unnameable_types", "unreachable_pub", "unused_imports"];
