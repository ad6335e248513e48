//! Where the password comes from: never from an argument, since `ps` shows those.

use std::{
    env,
    ffi::OsString,
    fmt,
    fs::File,
    io::{self, Read},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    sync::Semaphore,
    task::spawn_blocking,
    time::timeout,
};

use crate::{environment::variable, failure::Failure, input::read_text, text::hide_password};

/// The variable that may hold the password.
pub const VARIABLE: &str = "AGENT_PASSWORD";

/// Far more than any password; what is longer is another file.
const LONGEST: u64 = 64 * 1024;

/// How long a command may take to print a password: it may ask a person for another one.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// So many of them run at a time, however many agents there are.
const COMMANDS_AT_A_TIME: usize = 8;

/// The variable that may name the file of the password.
const FILE_VARIABLE: &str = "AGENT_PASSWORD_FILE";

/// How to come by the password.
#[derive(Clone, Default, clap::Args)]
pub struct PasswordOptions {
    /// Read the password from FILE; one newline at its end is left out [env:
    /// `AGENT_PASSWORD_FILE`]
    #[arg(long = "password-file", value_name = "FILE")]
    file: Option<PathBuf>,

    /// Run COMMAND by the shell, and read the password from its output in the same way
    #[arg(long = "password-command", value_name = "COMMAND")]
    command: Option<String>,

    /// Read the password from standard input, in the same way
    #[arg(long = "password-stdin")]
    stdin: bool,
}

/// The place where the password is.
enum Place {
    Variable(OsString),
    File(PathBuf),
    Command(String),
    Stdin,
}

/// Hides the password of the variable in all that is printed, also where there is no login: what
/// shows a certificate may know it.
pub fn hide_variable() {
    if let Ok(password) = env::var(VARIABLE) {
        hide_password("", &password);
    }
}

impl PasswordOptions {
    /// The one place that a file of agents names, if any.
    pub fn at(file: Option<PathBuf>, command: Option<String>) -> Self {
        Self { file, command, stdin: false }
    }

    /// Reads the password from the one place where it is.
    pub async fn read(&self) -> Result<String, Failure> {
        self.read_if_given().await?.ok_or_else(|| Failure::usage(format!("no password: {WAYS}")))
    }

    /// Reads the password; `None` where no place is given.
    pub async fn read_if_given(&self) -> Result<Option<String>, Failure> {
        let mut places = self.options();
        if places.is_empty() {
            places = variables();
        }
        if places.len() > 1 {
            return Err(Failure::usage(format!("more than one password: {WAYS}")));
        }
        match places.pop() {
            Some(place) => Ok(Some(place.read().await?)),
            None => Ok(None),
        }
    }

    /// Returns whether an option says where the password is.
    pub fn is_given(&self) -> bool {
        !self.options().is_empty()
    }

    /// Returns whether standard input is taken.
    pub fn is_stdin(&self) -> bool {
        self.stdin
    }

    fn options(&self) -> Vec<Place> {
        let file = self.file.clone().map(Place::File);
        let command = self.command.clone().map(Place::Command);
        let stdin = self.stdin.then_some(Place::Stdin);
        [file, command, stdin].into_iter().flatten().collect()
    }
}

/// What the environment says, where no option does.
fn variables() -> Vec<Place> {
    let password = variable(VARIABLE).map(Place::Variable);
    let file = variable(FILE_VARIABLE).map(|path| Place::File(path.into()));
    [password, file].into_iter().flatten().collect()
}

impl Place {
    async fn read(self) -> Result<String, Failure> {
        match self {
            Self::Variable(value) => value
                .into_string()
                .map_err(|_| Failure::usage(format!("the password in {VARIABLE} is not UTF-8"))),
            Self::File(path) => {
                let opened = path.clone();
                unhurried(move || File::open(opened).and_then(read_line))
                    .await
                    .map_err(|error| Failure::file(&path, "read for the password", &error))
            }
            Self::Command(command) => from_command(&command).await,
            Self::Stdin => unhurried(|| read_line(io::stdin().lock())).await.map_err(|error| {
                Failure::failed(format!("the password cannot be read from stdin: {error}"))
            }),
        }
    }
}

impl fmt::Debug for PasswordOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordOptions").finish_non_exhaustive()
    }
}

const WAYS: &str = "give one by --password-file FILE, --password-command COMMAND or \
                    --password-stdin, or by AGENT_PASSWORD or AGENT_PASSWORD_FILE in the environment";

/// Reads what may keep it waiting, a terminal or a named pipe: Ctrl-C has to work meanwhile.
async fn unhurried(
    read: impl FnOnce() -> io::Result<String> + Send + 'static,
) -> io::Result<String> {
    spawn_blocking(read).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Runs a command that prints the password; what else it says goes to standard error.
async fn from_command(command: &str) -> Result<String, Failure> {
    static RUNNING: Semaphore = Semaphore::const_new(COMMANDS_AT_A_TIME);
    let failed = |why: &str| Failure::failed(format!("the password command has failed: {why}"));
    // The semaphore is never closed.
    let _running = RUNNING.acquire().await;
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let child = Command::new(shell)
        .args([flag, command])
        // What comes by standard input is for this program: a file, or parameters.
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(&error.to_string()))?;
    match timeout(COMMAND_LIMIT, output_of(child)).await {
        Ok(Ok(password)) if password.is_empty() => Err(failed("it printed nothing")),
        Ok(read) => read.map_err(|error| failed(&error.to_string())),
        Err(_) => Err(failed(&format!(
            "it printed no password within {} s, and was stopped",
            COMMAND_LIMIT.as_secs()
        ))),
    }
}

/// Reads what a command prints, to its end.
async fn output_of(mut child: Child) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LONGEST + 1).read_to_end(&mut bytes).await?;
    }
    let password = read_line(bytes.as_slice())?;
    let status = child.wait().await?;
    if status.success() { Ok(password) } else { Err(io::Error::other(status.to_string())) }
}

fn read_line(input: impl Read) -> io::Result<String> {
    let text = read_text(input, LONGEST)?;
    // Some editors put a mark before a text.
    let text = text.trim_start_matches('\u{feff}');
    let line = text.strip_suffix('\n').unwrap_or(text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_at_the_end_is_left_out() {
        for (text, password) in
            [("a", "a"), ("a\n", "a"), ("\u{feff}a\r\n", "a"), ("a\n\n", "a\n"), ("", "")]
        {
            assert_eq!(read_line(text.as_bytes()).unwrap(), password, "{text:?}");
        }
    }

    /// It held up the program for ever, and Ctrl-C with it.
    #[cfg(unix)]
    #[tokio::test(start_paused = true)]
    async fn a_command_that_hangs_is_stopped() {
        let error = from_command("exec sleep 1000").await.unwrap_err().to_string();
        assert!(error.contains("printed no password within 60 s, and was stopped"), "{error}");
    }

    /// It was read as the file that `put -` sends.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_command_gets_no_standard_input() {
        let password = from_command("cat; echo password").await.unwrap();
        assert_eq!(password, "password");
    }

    #[test]
    fn what_is_far_too_long_is_refused_and_not_repeated() {
        let error = read_line(io::repeat(b'x')).unwrap_err().to_string();
        assert!(error.len() < 60, "{error}");
    }
}
