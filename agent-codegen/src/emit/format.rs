//! From tokens to text.

use proc_macro2::TokenStream;

/// The text of a file, or of a part of one: an empty line between any two blocks.
pub(super) fn format(blocks: impl IntoIterator<Item = TokenStream>) -> syn::Result<String> {
    let mut text = String::new();
    for block in blocks {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&space_out(&prettyplease::unparse(&syn::parse2(block)?)));
    }
    Ok(text)
}

/// Puts an empty line between the members of a block, which `prettyplease` does not.
///
/// No string or comment of the output spans lines, so that a line tells what it is by itself.
fn space_out(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len() + text.len() / 16);
    let mut before = "";
    for line in text.lines() {
        if ends_member(before) && begins_member(line) {
            spaced.push('\n');
        }
        spaced.push_str(line);
        spaced.push('\n');
        before = line;
    }
    spaced
}

fn member(line: &str) -> Option<&str> {
    line.strip_prefix("    ").filter(|member| !member.starts_with(' '))
}

fn ends_member(line: &str) -> bool {
    member(line).is_some_and(|it| it == "}" || (it.ends_with(';') && !it.starts_with("//")))
}

/// A function, with its documentation and attributes.
fn begins_member(line: &str) -> bool {
    const BEGINNINGS: [&str; 4] = ["///", "#[", "fn ", "pub fn "];
    member(line).is_some_and(|it| BEGINNINGS.iter().any(|beginning| it.starts_with(beginning)))
}
