//! Names of what a reply's schema describes: types, and the variants of texts with known values.

use std::collections::{BTreeMap, BTreeSet};

use super::{LONGEST, can_be_chosen_type, encode, spell_out, suffix, variant};
use heck::ToUpperCamelCase;

/// A type that needs a name.
pub(crate) struct Wish<'a> {
    /// What it is called by the rule.
    pub name: String,
    /// The chosen name, if it can be had.
    pub chosen: Option<&'a str>,
    /// What tells it from every other type, whatever else there is.
    pub identity: String,
}

/// The names of types, in the order of the wishes: the chosen one, or what the rule gives.
///
/// Where the rule gives a name that is `taken`, that Rust or the SDK has, or that goes to another
/// type, a suffix that follows from the identity tells it apart. Of several that would get the same
/// name, the one with the least identity keeps it.
pub(crate) fn types(wishes: &[Wish<'_>], taken: &BTreeSet<String>) -> Vec<String> {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for Wish { name, identity, .. } in wishes.iter().filter(|wish| wish.chosen.is_none()) {
        let owner = owners.entry(name).or_insert(identity);
        *owner = identity.as_str().min(owner);
    }
    let chosen: BTreeSet<_> = wishes.iter().filter_map(|wish| wish.chosen).collect();
    let mut used: BTreeSet<String> = chosen.iter().map(|name| (*name).to_owned()).collect();
    used.extend(taken.iter().cloned());
    used.extend(owners.keys().map(|name| (*name).to_owned()));
    let name = |wish: &Wish<'_>| {
        if let Some(chosen) = wish.chosen {
            return chosen.to_owned();
        }
        let is_free = !taken.contains(&wish.name) && !chosen.contains(wish.name.as_str());
        let is_owner = owners.get(wish.name.as_str()) == Some(&wish.identity.as_str());
        if is_free && is_owner && can_be_chosen_type(&wish.name) {
            return wish.name.clone();
        }
        let stem: String = wish.name.chars().take(LONGEST - 17).collect();
        let apart =
            |digits| format!("{stem}{}", suffix(&wish.identity, digits).to_upper_camel_case());
        let candidates = [4, 8, 16].map(apart).into_iter();
        let numbered = (2_u64..).map(|number| format!("{}{number}", apart(16)));
        let mut free = candidates.chain(numbered).filter(|name| used.insert(name.clone()));
        free.next().unwrap_or_else(|| wish.name.clone())
    };
    wishes.iter().map(name).collect()
}

/// The variants of values, all different: of several that would get the same name, the first keeps
/// it, since a schema gets new values at the end.
pub(crate) fn variants(values: &[&str]) -> Vec<(String, String)> {
    let mut used = BTreeSet::new();
    let name = |value: &&str| {
        let plain = variant(value).unwrap_or_else(|| spell_out(value).to_upper_camel_case());
        let plain = if plain.len() > LONGEST { String::new() } else { plain };
        let stem: String = encode(value).to_upper_camel_case().chars().take(LONGEST - 17).collect();
        let apart = [4, 8, 16].map(|digits| format!("Value{stem}{}", suffix(value, digits)));
        let apart = apart.map(|name| name.to_upper_camel_case());
        let mut names = std::iter::once(plain).chain(apart).filter(|name| !name.is_empty());
        let free = names.find(|name| used.insert(name.clone()));
        free.map(|name| ((*value).to_owned(), name))
    };
    values.iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish<'a>(name: &str, chosen: Option<&'a str>, identity: &str) -> Wish<'a> {
        Wish { name: name.to_owned(), chosen, identity: identity.to_owned() }
    }

    #[test]
    fn a_type_has_the_name_of_the_rule_unless_somebody_has_it() {
        let taken = BTreeSet::from(["ServersServer".to_owned()]);
        let wishes = [
            wish("ServersReply", None, "1"),
            wish("ServersServer", None, "2"),
            wish("ServersX", Some("World"), "3"),
            wish("World", None, "4"),
            wish("Twice", None, "6"),
            wish("Twice", None, "5"),
            wish("Option", None, "7"),
            wish(&"Long".repeat(40), None, "8"),
        ];
        let names = types(&wishes, &taken);
        let unchanged: Vec<_> = wishes
            .iter()
            .zip(&names)
            .filter(|(wish, name)| wish.name == **name)
            .map(|(_, it)| it)
            .collect();
        assert_eq!(unchanged, ["ServersReply", "Twice"]);
        assert_eq!(names.get(2).map(String::as_str), Some("World"));
        assert_eq!(names.get(5).map(String::as_str), Some("Twice"));
        assert!(names.iter().all(|name| can_be_chosen_type(name)), "{names:?}");
        // Room for the longest suffix.
        let stem = format!("{}LonX", "Long".repeat(11));
        assert!(names[7].starts_with(&stem) && names[7].len() == stem.len() + 4, "{names:?}");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    }

    #[test]
    fn a_long_value_has_a_variant_that_is_cut_and_stays_its_own() {
        let (longest, longer) = ("a".repeat(LONGEST), "a".repeat(LONGEST + 1));
        let long = "a".repeat(LONGEST + 2);
        let names = variants(&["GET", &longest, &longer, &long]);
        let names: Vec<_> = names.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names[..2], ["Get", &format!("A{}", &longest[1..])]);
        for name in &names[2..] {
            assert!(name.starts_with(&format!("ValueA{}x", "a".repeat(46))), "{name}");
            assert_eq!(name.len(), 57, "{name}");
        }
        assert_ne!(names[2], names[3]);
    }

    #[test]
    fn every_value_has_a_variant_and_a_new_one_renames_none() {
        let before = variants(&["GET", "+1", "", "Other"]);
        let after = variants(&["GET", "+1", "", "Other", "get", "-1", "+", "other", "🚀"]);
        assert_eq!(before, after[..4]);
        let names: BTreeSet<_> = after.iter().map(|(_, name)| name).collect();
        assert_eq!(names.len(), 9, "{after:?}");
        assert!(names.iter().all(|name| syn::parse_str::<syn::Ident>(name).is_ok()), "{after:?}");
        assert!(!names.contains(&"Other".to_owned()));
    }
}
