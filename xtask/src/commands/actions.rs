//! `actions`: what there is to call.

use agent_codegen::{KnownAction, Overlay};
use serde::Serialize;

use crate::{
    connection::Connection, failure::Failure, known::Known, live, output::FormatOption,
    project::ProjectOption, text::printable,
};

/// List the actions, or search them
///
/// A word is looked for in names, descriptions and parameters. Without `--live` nothing is connected
/// to: the actions are those of the project's newest snapshot, or outside of a project of the one
/// that this program was built with.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Actions {
    /// What to look for, in any case
    word: Option<String>,

    /// Ask the agent which actions it has
    #[arg(long)]
    live: bool,

    #[command(flatten)]
    format: FormatOption,

    #[command(flatten)]
    project: ProjectOption,

    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask actions
  cargo xtask actions backup
  cargo xtask actions --live --format json";

/// One action, for machines.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    description: &'a str,
    required: Vec<&'a str>,
    reads: bool,
    cloud_controller_only: bool,
}

impl Actions {
    pub async fn run(self) -> Result<(), Failure> {
        let actions = if self.live { self.ask().await? } else { self.look_up()? };
        let word = self.word.as_deref().map(str::to_lowercase);
        let found: Vec<_> =
            actions.iter().filter(|action| is_about(action, word.as_deref())).collect();
        if let (Some(word), true) = (&self.word, found.is_empty()) {
            return Err(Failure::check_failed(format!("no action is about `{}`", printable(word))));
        }
        let rows: Vec<Row> = found.iter().map(|action| row(action)).collect();
        self.format.result(&rows, || text(&rows))
    }

    fn look_up(&self) -> Result<Vec<KnownAction>, Failure> {
        Ok(Known::find(&self.project)?.actions())
    }

    async fn ask(&self) -> Result<Vec<KnownAction>, Failure> {
        let overlay = Known::find(&self.project).map(|known| known.overlay);
        let agent = self.connection.connect().await?;
        let reply = live::catalogue(&agent).await;
        let snapshot = reply.and_then(|reply| live::snapshot(&agent, &reply));
        agent.close().await;
        let (snapshot, _) = snapshot?;
        Ok(KnownAction::all(&snapshot, &overlay.unwrap_or_else(|_| Overlay::default())))
    }
}

fn is_about(action: &KnownAction, word: Option<&str>) -> bool {
    let Some(word) = word else { return true };
    let parameters = action.parameters.iter().map(|parameter| parameter.name.as_str());
    [action.name.as_str(), action.description.as_str()]
        .into_iter()
        .chain(parameters)
        .any(|text| text.to_lowercase().contains(word))
}

fn row(action: &KnownAction) -> Row<'_> {
    Row {
        name: &action.name,
        description: &action.description,
        required: action.required().map(|parameter| parameter.name.as_str()).collect(),
        reads: action.reads,
        cloud_controller_only: action.cloud_controller_only,
    }
}

/// A line for each, no wider than a terminal of 80 columns.
fn text(rows: &[Row]) -> String {
    const WIDTH: usize = 80;
    let longest = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default();
    let column = longest.min(32);
    let line = |row: &Row| {
        let about = row.description.lines().next().unwrap_or_default();
        let line = format!("{:column$}  {}", printable(row.name), printable(about));
        match line.char_indices().nth(WIDTH) {
            Some(_) => {
                let end = line.char_indices().nth(WIDTH - 1).map_or(line.len(), |(end, _)| end);
                format!("{}…", line[..end].trim_end())
            }
            None => line.trim_end().to_owned(),
        }
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
