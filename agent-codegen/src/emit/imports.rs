//! The `use` declarations of a generated file: merged by crate, sorted, and none unused.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::{home::Home, tokens::ident};

/// What a file imports.
pub(super) struct Imports<'a> {
    home: &'a Home,
    roots: BTreeMap<(Origin, String), Tree>,
}

/// In the order of the groups.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Std,
    Library,
    Here,
}

/// The names below a path; modules come before types.
#[derive(Default)]
struct Tree(BTreeMap<(bool, String), Tree>);

impl<'a> Imports<'a> {
    pub(super) fn new(home: &'a Home) -> Self {
        Self { home, roots: BTreeMap::new() }
    }

    /// Names from the standard library.
    pub(super) fn std(&mut self, path: &str) {
        self.add(Origin::Std, &format!("{}::{path}", self.home.std()));
    }

    /// What every crate has without asking, for those that have `#![no_implicit_prelude]`.
    pub(super) fn prelude(&mut self) {
        if !self.home.is_sdk() {
            self.std("prelude::v1::*");
        }
    }

    /// Names from the SDK.
    pub(super) fn sdk<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        let origin = if self.home.is_sdk() { Origin::Here } else { Origin::Library };
        for name in names {
            self.add(origin, &format!("{}::{name}", self.home.sdk()));
        }
    }

    /// Names from a library that the SDK brings along.
    pub(super) fn library<'n>(&mut self, library: &str, names: impl IntoIterator<Item = &'n str>) {
        let library = self.home.library(library);
        for name in names {
            self.add(Origin::Library, &format!("{library}::{name}"));
        }
    }

    /// Names from a file beside this one.
    pub(super) fn sibling<'n>(&mut self, file: &str, names: impl IntoIterator<Item = &'n str>) {
        for name in names {
            self.add(Origin::Here, &format!("super::{file}::{name}"));
        }
    }

    fn add(&mut self, origin: Origin, path: &str) {
        let (absolute, path) = path.strip_prefix("::").map_or(("", path), |path| ("::", path));
        let mut names = path.split("::");
        let root = format!("{absolute}{}", names.next().unwrap_or_default());
        let mut tree = self.roots.entry((origin, root)).or_default();
        for name in names {
            let is_type = name.starts_with(char::is_uppercase);
            tree = tree.0.entry((is_type, name.to_owned())).or_default();
        }
    }

    /// One block for each origin.
    pub(super) fn blocks(self) -> Vec<TokenStream> {
        let mut blocks: BTreeMap<Origin, TokenStream> = BTreeMap::new();
        for ((origin, root), tree) in self.roots {
            let (absolute, root) = match root.strip_prefix("::") {
                Some(root) => (Some(quote!(::)), root.to_owned()),
                None => (None, root),
            };
            let (root, names) = (ident(&root), tree.tokens());
            blocks.entry(origin).or_default().extend(quote!(use #absolute #root::#names;));
        }
        blocks.into_values().collect()
    }
}

impl Tree {
    fn tokens(&self) -> TokenStream {
        let names = self.0.iter().map(|((_, name), inner)| {
            let name = if name == "*" { quote!(*) } else { ident(name).into_token_stream() };
            if inner.0.is_empty() {
                name
            } else {
                let inner = inner.tokens();
                quote!(#name::#inner)
            }
        });
        let names: Vec<_> = names.collect();
        match names.as_slice() {
            [one] => one.clone(),
            names => quote!({#(#names),*}),
        }
    }
}
