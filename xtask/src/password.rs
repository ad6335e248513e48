//! Where the password comes from: never from an argument, since `ps` shows those.

use std::{
    env, fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::failure::Failure;

/// The variable that may hold the password.
pub const VARIABLE: &str = "AGENT_PASSWORD";

/// Far more than any password; what is longer is another file.
const LONGEST: u64 = 64 * 1024;

/// How to come by the password.
#[derive(clap::Args)]
pub struct PasswordOptions {
    /// Read the password from FILE, in place of `AGENT_PASSWORD`; one newline at its end is left
    /// out
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// Read the password from standard input, in the same way
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordOptions {
    /// The password, from the one place where it is.
    pub fn read(&self) -> Result<String, Failure> {
        self.read_if_given()?.ok_or_else(|| Failure::usage(format!("no password: {WAYS}")))
    }

    /// The password, or `None` where nobody gave one.
    pub fn read_if_given(&self) -> Result<Option<String>, Failure> {
        // An empty variable is how shells and CI systems write one that is not set.
        let variable = env::var_os(VARIABLE).filter(|value| !value.is_empty());
        match (variable, &self.password_file, self.password_stdin) {
            (None, None, false) => Ok(None),
            (Some(value), None, false) => value
                .into_string()
                .map(Some)
                .map_err(|_| Failure::usage(format!("the password in {VARIABLE} is not UTF-8"))),
            (None, Some(path), false) => from_file(path).map(Some),
            (None, None, true) => {
                let trouble = |error: io::Error| {
                    Failure::failed(format!("the password cannot be read from stdin: {error}"))
                };
                read_line(io::stdin().lock()).map(Some).map_err(trouble)
            }
            _ => Err(Failure::usage(format!("more than one password: {WAYS}"))),
        }
    }

    /// Whether standard input is taken.
    pub fn is_stdin(&self) -> bool {
        self.password_stdin
    }
}

impl fmt::Debug for PasswordOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordOptions").finish_non_exhaustive()
    }
}

const WAYS: &str =
    "give one by AGENT_PASSWORD in the environment, --password-file FILE or --password-stdin";

fn from_file(path: &Path) -> Result<String, Failure> {
    File::open(path)
        .and_then(read_line)
        .map_err(|error| Failure::file(path, "read for the password", &error))
}

fn read_line(input: impl Read) -> io::Result<String> {
    let mut text = String::new();
    let length = input.take(LONGEST + 1).read_to_string(&mut text)?;
    if length as u64 > LONGEST {
        return Err(io::Error::other(format!("it is longer than {LONGEST} bytes")));
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_at_the_end_is_left_out() {
        for (text, password) in
            [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("", "")]
        {
            assert_eq!(read_line(text.as_bytes()).unwrap(), password, "{text:?}");
        }
    }

    #[test]
    fn what_is_far_too_long_is_refused_and_not_repeated() {
        let error = read_line(io::repeat(b'x')).unwrap_err().to_string();
        assert!(error.len() < 60, "{error}");
    }
}
