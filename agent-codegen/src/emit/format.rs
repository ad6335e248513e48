//! From tokens to text.

use proc_macro2::TokenStream;

/// The text of a file.
pub(super) fn format(tokens: TokenStream) -> syn::Result<String> {
    Ok(space_out(&prettyplease::unparse(&syn::parse2(tokens)?)))
}

/// Puts an empty line between items, which `prettyplease` does not.
///
/// No string or comment of the output spans lines, so that a line tells what it is by itself.
fn space_out(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len() + text.len() / 16);
    let mut before = "";
    for line in text.lines() {
        let block_ends = matches!(before, "}" | "    }") && line.trim() != "}";
        let is_comment = before.trim_start().starts_with("//");
        let declaration_ends = before.ends_with(';') && !is_comment && line.starts_with("    ///");
        let item_ends = block_ends || declaration_ends;
        let docs_end = before.starts_with("//!") && !line.starts_with("//!");
        let imports_end = !is_comment
            && before.ends_with(';')
            && !before.starts_with(' ')
            && line.starts_with(['/', '#', 'i']);
        let lints_end = (before.starts_with("#![") && before.ends_with(']')) || before == ")]";
        if item_ends || docs_end || imports_end || (lints_end && line.starts_with("use ")) {
            spaced.push('\n');
        }
        spaced.push_str(line);
        spaced.push('\n');
        before = line;
    }
    spaced
}
