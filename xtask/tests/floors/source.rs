//! The modules of a crate, and the paths that each one mentions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
    str::FromStr,
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Expr, ExprLit, Item, ItemMod, Lit, Meta, UseTree};

/// The names between the crate's root and something in it; empty for the root itself.
pub type Names = Vec<String>;

/// The modules of a crate by their path, without those that only tests have.
#[derive(Default)]
pub struct Crate {
    pub modules: BTreeMap<Names, Module>,
}

/// A module in a file of its own. What stands in modules within the file belongs to it.
#[derive(Default)]
pub struct Module {
    /// The names that are defined here.
    pub items: BTreeSet<String>,
    /// The names that `use` brings here, with the path that each stands for.
    pub aliases: BTreeMap<String, Names>,
    /// The modules of which everything is brought here.
    pub globs: Vec<Names>,
    /// Every path within the crate that is mentioned.
    pub mentions: BTreeSet<Names>,
}

impl Crate {
    /// Reads the file at the root and all that belong to it.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut result = Self::default();
        let folder = root.parent().unwrap_or(Path::new(""));
        result.add(&[], root, folder)?;
        Ok(result)
    }

    fn add(&mut self, path: &[String], file: &Path, folder: &Path) -> io::Result<()> {
        let invalid = |error: String| io::Error::other(format!("{}: {error}", file.display()));
        let text = fs::read_to_string(file).map_err(|error| invalid(error.to_string()))?;
        let items = syn::parse_file(&text).map_err(|error| invalid(error.to_string()))?.items;
        let mut module = Module::default();
        let files = module.define(&items, path);
        let children: BTreeSet<_> = files.iter().map(|child| child.ident.to_string()).collect();
        let tokens = TokenStream::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        Mentions { module: &mut module, path, children: &children, depth: 0 }.find(tokens);
        self.modules.insert(path.to_vec(), module);
        for child in files {
            let name = child.ident.to_string();
            let (file, deeper) = match named_file(&child.attrs) {
                // As if it were a `mod.rs`.
                Some(file) => {
                    let file = folder.join(file);
                    let deeper = file.parent().unwrap_or(Path::new("")).to_owned();
                    (file, deeper)
                }
                None => (folder.join(&name).with_extension("rs"), folder.join(&name)),
            };
            self.add(&[path, &[name]].concat(), &file, &deeper)?;
        }
        Ok(())
    }
}

impl Module {
    /// Notes what the items define; returns the modules that have files of their own.
    fn define<'a>(&mut self, items: &'a [Item], path: &[String]) -> Vec<&'a ItemMod> {
        let mut files = Vec::new();
        for item in items {
            match item {
                Item::Mod(module) if !is_for_tests(&module.attrs) => match &module.content {
                    None => files.push(module),
                    Some(_) => self.define_name(&module.ident),
                },
                Item::Use(item) => self.alias(&item.tree, &mut Vec::new(), path),
                Item::Const(item) => self.define_name(&item.ident),
                Item::Enum(item) => self.define_name(&item.ident),
                Item::Fn(item) => self.define_name(&item.sig.ident),
                Item::Macro(item) => item.ident.iter().for_each(|name| self.define_name(name)),
                Item::Static(item) => self.define_name(&item.ident),
                Item::Struct(item) => self.define_name(&item.ident),
                Item::Trait(item) => self.define_name(&item.ident),
                Item::Type(item) => self.define_name(&item.ident),
                Item::Union(item) => self.define_name(&item.ident),
                _ => {}
            }
        }
        files
    }

    fn define_name(&mut self, name: &impl ToString) {
        self.items.insert(name.to_string());
    }

    fn alias(&mut self, tree: &UseTree, before: &mut Names, path: &[String]) {
        match tree {
            UseTree::Path(tree) => {
                before.push(tree.ident.to_string());
                self.alias(&tree.tree, before, path);
                before.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.alias(tree, before, path);
                }
            }
            UseTree::Name(name) => self.alias_as(&name.ident.to_string(), None, before, path),
            UseTree::Rename(name) => {
                self.alias_as(&name.ident.to_string(), Some(name.rename.to_string()), before, path);
            }
            UseTree::Glob(_) => self.globs.extend(absolute(before, path)),
        }
    }

    fn alias_as(&mut self, name: &str, new: Option<String>, before: &[String], path: &[String]) {
        let mut names = before.to_vec();
        if name != "self" {
            names.push(name.to_owned());
        }
        let new = new.or_else(|| names.last().cloned());
        if let (Some(new), Some(names)) = (new, absolute(&names, path)) {
            self.aliases.insert(new, names);
        }
    }
}

/// The path from the crate's root. A path that begins with another name is taken for one of a child;
/// if there is no such child, it leads out of the crate, and to nothing.
fn absolute(names: &[String], path: &[String]) -> Option<Names> {
    let (first, rest) = names.split_first()?;
    match &**first {
        "crate" => Some(rest.to_vec()),
        "self" => Some([path, rest].concat()),
        "super" => {
            let (_, parent) = path.split_last()?;
            let rest_of_parent = [&["self".to_owned()], rest].concat();
            match rest.first().map(String::as_str) {
                Some("super") => absolute(rest, parent),
                _ => absolute(&rest_of_parent, parent),
            }
        }
        _ => Some([path, names].concat()),
    }
}

/// Looks for paths within the crate.
struct Mentions<'a> {
    module: &'a mut Module,
    path: &'a [String],
    children: &'a BTreeSet<String>,
    /// How many modules of the same file are around: as many `super` lead no further than the file.
    depth: usize,
}

impl Mentions<'_> {
    fn find(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            if let Some(end) = end_of_tests(&tokens, at) {
                at = end;
                continue;
            }
            match &tokens[at] {
                TokenTree::Ident(name) if self.begins_path(&name.to_string(), &tokens, at) => {
                    self.tree(&tokens, at, &mut Names::new());
                }
                TokenTree::Group(group) => {
                    let deeper = usize::from(is_module(&tokens[..at]));
                    self.depth += deeper;
                    self.find(group.stream());
                    self.depth -= deeper;
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn begins_path(&self, name: &str, tokens: &[TokenTree], at: usize) -> bool {
        let goes_on = is_colons(tokens, at + 1);
        let is_first = at < 2 || !is_colons(tokens, at - 2);
        let is_keyword = matches!(name, "crate" | "super" | "self");
        goes_on && is_first && (is_keyword || self.children.contains(name))
    }

    /// Notes the paths of the tree that begins here: `a::b`, `a::{b, c::d}`.
    fn tree(&mut self, tokens: &[TokenTree], mut at: usize, before: &mut Names) {
        let length = before.len();
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(name)) => before.push(name.to_string()),
                Some(TokenTree::Group(group)) => {
                    let inner: Vec<_> = group.stream().into_iter().collect();
                    for part in inner.split(|token| is_punct(token, ',')) {
                        self.tree(part, 0, before);
                    }
                    break;
                }
                // `*`, or the end of a part.
                _ => {
                    self.mention(before);
                    break;
                }
            }
            if !is_colons(tokens, at + 1) {
                self.mention(before);
                break;
            }
            at += 3;
        }
        before.truncate(length);
    }

    fn mention(&mut self, names: &[String]) {
        let supers = names.iter().take_while(|name| *name == "super").count();
        // Those of modules in the same file lead to the file, and the next one to its parent.
        let names = match (supers, self.depth) {
            (0, _) | (_, 0) => names.to_vec(),
            (supers, depth) if supers <= depth => [&["self".to_owned()], &names[supers..]].concat(),
            (_, depth) => names[depth..].to_vec(),
        };
        self.module.mentions.extend(absolute(&names, self.path));
    }
}

/// Where an item that only tests have ends, if one begins here.
fn end_of_tests(tokens: &[TokenTree], at: usize) -> Option<usize> {
    let attribute = match (&tokens[at], tokens.get(at + 1)) {
        (first, Some(TokenTree::Group(group))) if is_punct(first, '#') => group.stream(),
        _ => return None,
    };
    if !is_test_condition(&attribute.to_string()) {
        return None;
    }
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == proc_macro2::Delimiter::Brace,
        _ => is_punct(token, ';'),
    };
    let end = tokens[at..].iter().position(is_end).map_or(tokens.len(), |end| at + end + 1);
    Some(end)
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            is_test_condition(&format!("cfg ({})", list.tokens))
        }
        _ => false,
    })
}

fn is_test_condition(attribute: &str) -> bool {
    let words: Vec<_> = attribute.split(|c: char| !c.is_alphanumeric()).collect();
    words.first() == Some(&"cfg") && words.contains(&"test") && !words.contains(&"not")
}

/// The file that `#[path = "…"]` names.
fn named_file(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(file), .. }) => Some(file.value()),
            _ => None,
        },
        _ => None,
    })
}

/// Whether these tokens end with `mod name`.
fn is_module(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [.., TokenTree::Ident(word), TokenTree::Ident(_)] if word == "mod")
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon = |at: usize| tokens.get(at).is_some_and(|token| is_punct(token, ':'));
    is_colon(at) && is_colon(at + 1)
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}
