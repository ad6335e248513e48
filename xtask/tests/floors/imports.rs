//! Which module imports which.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Crate, Names};

/// More steps than any chain of `pub use` has; a circle of these ends here.
const LONGEST_CHAIN: usize = 16;

/// The modules that each module imports from, by their names in the source (`connection::driver`).
/// The root stands above all floors and is left out.
pub struct Imports(BTreeMap<String, BTreeSet<String>>);

impl Imports {
    /// Follows each path to the module where the name is defined, through all that only pass it on.
    pub fn of(source: &Crate) -> Self {
        let modules = source.modules.iter().filter(|(path, _)| !path.is_empty());
        let imports = modules.map(|(path, module)| {
            let targets = module.mentions.iter();
            let targets = targets.map(|names| {
                resolve(source, names, 0).unwrap_or_else(|| nearest_module(source, names))
            });
            let others = targets.filter(|target| target != path && !target.is_empty());
            (path.join("::"), others.map(|target| target.join("::")).collect())
        });
        Self(imports.collect())
    }

    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Each import: who, and from whom.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(from, targets)| targets.iter().map(move |to| (&**from, &**to)))
    }

    /// The groups of files that import each other, directly or through others.
    ///
    /// A file and those in the folder of its name are one thing told in several files: what one of
    /// them takes from the other is no part of a circle.
    pub fn circles(&self) -> Vec<Vec<&str>> {
        let mut circles = BTreeSet::new();
        for module in self.modules() {
            let circle: Vec<_> = self
                .reached_from(module)
                .into_iter()
                .filter(|other| self.reached_from(other).contains(module))
                .collect();
            if !circle.is_empty() {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }

    fn reached_from<'a>(&'a self, module: &'a str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut next = vec![module];
        while let Some(module) = next.pop() {
            let targets = self.0.get(module).into_iter().flatten().map(String::as_str);
            let others = targets.filter(|target| !is_around(module, target));
            next.extend(
                others.filter(|target| !is_around(target, module) && reached.insert(*target)),
            );
        }
        reached
    }
}

/// Whether the second file is in the folder of the first one's name.
pub fn is_around(file: &str, other: &str) -> bool {
    other.strip_prefix(file).is_some_and(|rest| rest.starts_with("::"))
}

/// The module where what the names lead to is defined; `None` where no definition is seen.
fn resolve(source: &Crate, names: &[String], chain: usize) -> Option<Names> {
    let mut path = Names::new();
    for (at, name) in names.iter().enumerate() {
        let deeper = [&path[..], std::slice::from_ref(name)].concat();
        if source.modules.contains_key(&deeper) {
            path = deeper;
            continue;
        }
        let module = source.modules.get(&path)?;
        if module.items.contains(name) {
            return Some(path);
        }
        if chain == LONGEST_CHAIN {
            return None;
        }
        let rest = &names[at..];
        if let Some(alias) = module.aliases.get(name) {
            return resolve(source, &[alias, &rest[1..]].concat(), chain + 1);
        }
        let through = |glob: &Names| resolve(source, &[glob, rest].concat(), chain + 1);
        return module.globs.iter().find_map(through);
    }
    Some(path)
}

/// The module that the names begin with: what it holds is made by a macro, or from another crate.
fn nearest_module(source: &Crate, names: &[String]) -> Names {
    let lengths = (0..=names.len()).rev();
    let mut prefixes = lengths.map(|length| &names[..length]);
    let module = prefixes.find(|prefix| source.modules.contains_key(*prefix));
    module.unwrap_or_default().to_vec()
}
