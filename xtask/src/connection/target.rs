//! One agent to connect to.

use std::time::Duration;

use agent_sdk::{Agent, Builder, CatalogueCheck, Certificate, Tls};

use super::trust::Way;
use crate::{
    agents::Entry,
    failure::Failure,
    password::PasswordOptions,
    progress,
    text::{hide_password, printable},
};

/// The default time limit: the SDK's own, named here for `--help`.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The agents that a command is for.
pub enum Targets {
    /// One that was named alone: its results are as if there were no others.
    One(Box<Target>),
    /// Any number, none included: each result names its agent.
    Several {
        all: Vec<Target>,
        /// One after the other, and none after one that failed.
        one_by_one: bool,
    },
}

impl Targets {
    /// The names of all, or the URL of one that has none, made safe to show.
    pub fn shown_names(&self) -> Vec<String> {
        self.all().iter().map(Target::shown_name).collect()
    }

    /// Returns all of them, and whether they are worked with one after the other.
    pub fn into_all(self) -> (Vec<Target>, bool) {
        match self {
            Self::One(target) => (vec![*target], false),
            Self::Several { all, one_by_one } => (all, one_by_one),
        }
    }

    /// Returns all of them.
    pub fn all(&self) -> &[Target] {
        match self {
            Self::One(target) => std::slice::from_ref(target),
            Self::Several { all, .. } => all,
        }
    }
}

/// One agent to connect to, as far as the command line and the file of agents say.
pub struct Target {
    /// Its name in the file of agents, if that is where it comes from.
    name: Option<String>,
    url: String,
    timeout: Duration,
    /// How long to wait for an agent that is not up yet.
    wait: Duration,
    username: String,
    password: PasswordOptions,
    allow_plaintext: bool,
    /// `None` for what the system trusts.
    trust: Option<Way>,
}

impl Target {
    pub fn new(url: String, timeout: Option<Duration>, wait: Option<Duration>) -> Self {
        Self {
            name: None,
            url,
            timeout: timeout.unwrap_or(TIMEOUT),
            wait: wait.unwrap_or_default(),
            username: String::new(),
            password: PasswordOptions::default(),
            allow_plaintext: false,
            trust: None,
        }
    }

    pub fn of_entry(
        name: String,
        entry: Entry,
        timeout: Option<Duration>,
        wait: Option<Duration>,
    ) -> Self {
        let trust = Way::of_entry(&entry);
        Self {
            name: Some(name),
            username: entry.username,
            password: PasswordOptions::at(entry.password_file, entry.password_command),
            allow_plaintext: entry.allow_plaintext,
            trust,
            ..Self::new(entry.url, timeout, wait)
        }
    }

    pub fn username(self, username: String) -> Self {
        Self { username, ..self }
    }

    pub fn password(self, password: PasswordOptions) -> Self {
        Self { password, ..self }
    }

    pub fn allow_plaintext(self, allow_plaintext: bool) -> Self {
        Self { allow_plaintext, ..self }
    }

    pub fn trust(self, trust: Option<Way>) -> Self {
        Self { trust, ..self }
    }

    /// Its name, or else its URL without what may be a secret in it.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| without_secrets(&self.url))
    }

    /// The same, made safe to show.
    pub fn shown_name(&self) -> String {
        printable(&self.name())
    }

    /// The fingerprints that are trusted; `None` where trust is by another way.
    pub fn pinned(&self) -> Option<&[String]> {
        match &self.trust {
            Some(Way::Fingerprints(fingerprints)) => Some(fingerprints),
            _ => None,
        }
    }

    /// Returns a builder without credentials, which waits for nothing.
    pub fn builder(&self) -> Result<Builder, Failure> {
        let tls = self.trust.clone().map_or_else(|| Ok(Tls::system_roots()), Way::tls)?;
        let builder = Agent::builder(&self.url).connect_timeout(self.timeout);
        let builder = builder.call_timeout(self.timeout).allow_plaintext(self.allow_plaintext);
        Ok(builder.tls(tls))
    }

    /// Connects and logs in, once the agent is up.
    pub async fn connect(&self) -> Result<Agent, Failure> {
        self.connect_with(self.builder()?).await
    }

    /// The same, with [`Event::CatalogueChanged`](agent_sdk::Event::CatalogueChanged) among the
    /// agent's events: it asks for the catalogue after each login.
    pub async fn connect_and_check(&self) -> Result<Agent, Failure> {
        self.connect_with(self.builder()?.check_catalogue_against(&[], CatalogueCheck::Warn)).await
    }

    async fn connect_with(&self, builder: Builder) -> Result<Agent, Failure> {
        let builder = builder.wait_for_agent(self.wait);
        let password =
            self.while_it_takes("waiting for the password", self.password.read()).await?;
        hide_password(&self.username, &password);
        let connecting = builder.credentials(&self.username, password).connect();
        Ok(self.while_it_takes(&self.connecting(), connecting).await?)
    }

    /// Fetches the certificate that the agent shows, once it is up.
    pub async fn certificate(&self) -> Result<Certificate, Failure> {
        let fetching = self.builder()?.wait_for_agent(self.wait).certificate();
        Ok(self.while_it_takes(&self.connecting(), fetching).await?)
    }

    /// Waits for work with this agent, and shows on a terminal what is waited for.
    pub async fn while_it_takes<T>(&self, what: &str, work: impl IntoFuture<Output = T>) -> T {
        match &self.name {
            Some(name) => {
                progress::with_progress(&format!("{}: {what}", printable(name)), work).await
            }
            None => progress::with_progress(what, work).await,
        }
    }

    fn connecting(&self) -> String {
        if self.wait.is_zero() {
            return "connecting".to_owned();
        }
        format!("waiting up to {} s until the agent is up", self.wait.as_secs_f64())
    }
}

/// A URL without its query, where gateways have their tokens. One that is none, or that names a user,
/// is not shown at all.
fn without_secrets(url: &str) -> String {
    let is_scheme = |scheme: &str| ["ws", "wss"].iter().any(|it| scheme.eq_ignore_ascii_case(it));
    match url.trim().split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) && !rest.contains('@') => {
            let end = rest.find(['?', '#']);
            let shown = end.map_or_else(|| rest.to_owned(), |end| format!("{}?…", &rest[..end]));
            format!("{scheme}://{shown}")
        }
        _ => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `probe` used to name an agent by its URL as it was typed, in all of its forms.
    #[test]
    fn a_secret_in_a_url_is_no_part_of_a_name() {
        for url in [
            "wss://root:secret@host",
            "wss://secret@host/ws",
            "wss://root:a/secret@host",
            "wss://host/ws?token=secret",
            "wss://host#secret",
            "http://root:secret@host",
            "secret",
        ] {
            assert!(!without_secrets(url).contains("secret"), "{url}");
        }
        for url in ["wss://host", "WS://127.0.0.1:8090/agents/eu-1", "wss://[::1]:1/ws"] {
            assert_eq!(without_secrets(url), url);
        }
        assert_eq!(without_secrets("wss://host/ws?token=secret"), "wss://host/ws?…");
    }
}
