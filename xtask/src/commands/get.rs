//! `get`: a file from agents' machines.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use agent_sdk::transfer::{Download, TransferError, Transferred};
use clap::ValueHint;
use tokio::io::stdout;

use super::PASSWORD_HELP;
use crate::{
    connection::{Connection, Target, Targets},
    failure::{Exit, Failure},
    fleet,
    interrupt::Interrupt,
    output::{self, FormatOption},
    progress::Bar,
    text::printable,
    transferred::Outcome,
};

/// Fetch a file from the agent's machine
///
/// The file of this machine is replaced once the whole of the other one is there, and is what it was
/// before otherwise. Of several agents, LOCAL is a folder: the file of each is in a folder of its name
/// there, `LOCAL/AGENT/NAME`.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{PASSWORD_HELP}\n\n{EXAMPLES}"))]
pub struct Get {
    /// The path on the agent's machine
    remote: String,

    /// The file of this machine, or a folder for it; `-` is standard output [default: this folder]
    #[arg(value_hint = ValueHint::AnyPath)]
    local: Option<PathBuf>,

    /// The largest file that is fetched
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 30)]
    max_size: u64,

    #[command(flatten)]
    format: FormatOption,

    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask get /servers/survival/server.log
  cargo xtask get /backups/backup-1.zip /var/backups/survival.zip
  cargo xtask get /servers/survival/motd.txt -
  cargo xtask get /servers/survival/server.log logs --tag eu";

impl Get {
    pub async fn run(self) -> Result<(), Failure> {
        // What was received in part is removed, which a signal alone would not do.
        let mut interrupt = Interrupt::new()?;
        tokio::select! {
            result = self.get() => result,
            () = interrupt.wait() => Err(Failure::silent(Exit::Interrupted)),
        }
    }

    async fn get(&self) -> Result<(), Failure> {
        match self.connection.targets()? {
            Targets::One(target) => {
                let local = self.local()?;
                if local == Path::new("-") {
                    return self.print(&target).await;
                }
                Failure::unless_writable(&local)?;
                let fetched = self.fetch(&target, &local).await?;
                self.format.result(&fetched, || fetched.to_string())
            }
            targets @ Targets::Several { .. } => {
                let (folder, name) = (self.folder()?, self.name()?);
                targets.all().iter().try_for_each(refuse_unless_folder)?;
                let this = &self;
                let fetch = async |target| this.fetch_into(&target, folder, name).await;
                fleet::run(targets, &self.format, fetch).await
            }
        }
    }

    async fn fetch(&self, target: &Target, local: &Path) -> Result<Outcome, Failure> {
        let save = async |download: Download| download.save_to(local).await;
        Ok(Outcome::new(&self.remote, local, &self.download(target, save).await??))
    }

    /// Writes the file to standard output.
    async fn print(&self, target: &Target) -> Result<(), Failure> {
        let print = async |download: Download| download.write_to(&mut stdout()).await;
        match self.download(target, print).await? {
            Err(TransferError::Local { source, .. }) => output::written(Err(source)),
            result => Ok(result.map(drop)?),
        }
    }

    async fn download(
        &self,
        target: &Target,
        save: impl AsyncFnOnce(Download) -> Result<Transferred, TransferError>,
    ) -> Result<Result<Transferred, TransferError>, Failure> {
        let agent = target.connect().await?;
        let bar = Bar::of_bytes(&target.shown_name());
        let download = agent.download(&self.remote).max_size(self.max_size).on_progress(bar.show());
        let result = save(download).await;
        drop(bar);
        agent.close().await;
        Ok(result)
    }

    /// Fetches the file of one of several agents; its folder stays only with the file in it.
    async fn fetch_into(
        &self,
        target: &Target,
        folder: &Path,
        name: &str,
    ) -> Result<Outcome, Failure> {
        let folder = folder.join(target.name());
        fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, "made", &error))?;
        let fetched = self.fetch(target, &folder.join(name)).await;
        if fetched.is_err() {
            // One with other files in it is not removed, and is no reason for another error.
            let _ = fs::remove_dir(&folder);
        }
        fetched
    }

    /// Where the file goes.
    fn local(&self) -> Result<PathBuf, Failure> {
        match &self.local {
            Some(local) if local.is_dir() => Ok(local.join(self.name()?)),
            Some(local) => Ok(local.clone()),
            None => Ok(self.name()?.into()),
        }
    }

    /// Where the folders of several agents go.
    fn folder(&self) -> Result<&Path, Failure> {
        match self.local.as_deref() {
            None => Err(Failure::usage(
                "there is a file of each agent: say in which folder, such as `get REMOTE .`",
            )),
            Some(local) if local == Path::new("-") => Err(Failure::usage(
                "the files of several agents cannot be told apart on standard output: name a \
                 folder, or one agent",
            )),
            Some(local) if local.is_file() => Err(Failure::usage(format!(
                "`{}` is a file, and there is a file of each agent: name a folder",
                local.display()
            ))),
            Some(local) => Ok(local),
        }
    }

    /// The name of the file.
    fn name(&self) -> Result<&str, Failure> {
        // The agent may run on another system than this one.
        let name = self.remote.rsplit(['/', '\\']).next().unwrap_or_default();
        if name.is_empty() || name == "." || name == ".." {
            return Err(Failure::usage(format!(
                "`{}` names no file: say where it is to go",
                printable(&self.remote)
            )));
        }
        Ok(name)
    }
}

/// An agent's name is a part of a path here, and must not lead out of the folder.
fn refuse_unless_folder(target: &Target) -> Result<(), Failure> {
    let name = target.name();
    let mut parts = Path::new(&name).components();
    let is_one = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == &*name);
    if is_one && !name.contains(['\\', ':']) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the name of agent `{}` cannot be that of a folder: fetch its file by --agent alone",
        target.shown_name()
    )))
}
