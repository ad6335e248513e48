//! Texts from files and streams, of bounded length.

use std::io::{self, Read};

/// Reads a text to its end; an error for one that is longer, in bytes.
pub fn read_text(input: impl Read, longest: u64) -> io::Result<String> {
    let mut text = String::new();
    let length = input.take(longest + 1).read_to_string(&mut text)?;
    if length as u64 > longest {
        return Err(io::Error::other(format!("it is longer than {longest} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_an_error_and_not_repeated() {
        assert_eq!(read_text(&b"1234"[..], 4).unwrap(), "1234");
        let error = read_text(io::repeat(b'x'), 4).unwrap_err().to_string();
        assert_eq!(error, "it is longer than 4 bytes");
    }
}
