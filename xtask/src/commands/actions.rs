//! `actions`: what there is to call.

use std::fmt;

use agent_codegen::KnownAction;
use serde::Serialize;

use crate::{
    connection::Connection, failure::Failure, fleet, known::Known, live, output::FormatOption,
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

    /// Ask the agent which actions it has; several agents are each asked
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

/// The actions that were found.
#[derive(Serialize)]
struct Found(Vec<Row>);

/// One action, for machines.
#[derive(Serialize)]
struct Row {
    name: String,
    description: String,
    required: Vec<String>,
    reads: bool,
    cloud_controller_only: bool,
}

impl Actions {
    pub async fn run(self) -> Result<(), Failure> {
        if !self.live {
            self.connection.refuse_agent("add --live")?;
            let found = self.search(&Known::find(&self.project)?.actions())?;
            return self.format.result(&found, || found.to_string());
        }
        let known = Known::find_if_any(&self.project)?;
        let overlay = known.map(|known| known.overlay).unwrap_or_default();
        let (this, overlay) = (&self, &overlay);
        let ask =
            async |target| this.search(&live::known(&target, overlay.clone()).await?.actions());
        fleet::run(self.connection.targets()?, &self.format, ask).await
    }

    fn search(&self, actions: &[KnownAction]) -> Result<Found, Failure> {
        let word = self.word.as_deref().map(str::to_lowercase);
        let found = actions.iter().filter(|action| is_about(action, word.as_deref()));
        let found: Vec<_> = found.map(Row::from).collect();
        match &self.word {
            Some(word) if found.is_empty() => {
                Err(Failure::check_failed(format!("no action is about `{}`", printable(word))))
            }
            _ => Ok(Found(found)),
        }
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

impl From<&KnownAction> for Row {
    fn from(action: &KnownAction) -> Self {
        Self {
            name: action.name.clone(),
            description: action.description.clone(),
            required: action.required().map(|parameter| parameter.name.clone()).collect(),
            reads: action.reads,
            cloud_controller_only: action.cloud_controller_only,
        }
    }
}

/// A line for each, no wider than a terminal of 80 columns.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WIDTH: usize = 80;
        let names = self.0.iter().map(|row| row.name.chars().count());
        let column = names.max().unwrap_or_default().min(32);
        for (number, row) in self.0.iter().enumerate() {
            let about = row.description.lines().next().unwrap_or_default();
            let line = format!("{:column$}  {}", printable(&row.name), printable(about));
            let line = match line.char_indices().nth(WIDTH) {
                Some(_) => {
                    let end = line.char_indices().nth(WIDTH - 1).map_or(line.len(), |(end, _)| end);
                    format!("{}…", line[..end].trim_end())
                }
                None => line.trim_end().to_owned(),
            };
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{line}")?;
        }
        Ok(())
    }
}
