//! Options of a connection, and how it is made.

mod connect;

use std::{fmt, time::Duration};

use tokio::runtime::Handle;

#[cfg(any(feature = "health", feature = "tls"))]
use crate::text::Secrets;
#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::{
    action::ActionInfo,
    agent::Agent,
    compatibility::{CatalogueCheck, Check, Uses},
    dial::{Credentials, Endpoint},
    options::{FOREVER, Options, ReconnectPolicy},
};

/// A shorter time would be over before an answer can come.
const SHORTEST_KEEPALIVE: Duration = Duration::from_millis(10);

impl Agent {
    /// Returns a builder of a connection; [`Builder`] documents the form of the URL and all options.
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = agent_sdk::Agent::builder("wss://agent.example");
    /// ```
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder::new(url.into())
    }
}

/// Connects to an agent; [`Agent::builder`] returns one.
///
/// The URL is `wss://HOST[:PORT][/PATH]`, or `ws://…` for an agent without TLS. The port is 8090
/// and the path `/ws` unless given (`docs/protocol.md`, documented).
///
/// Connections are direct: variables such as `HTTPS_PROXY` or `ALL_PROXY` are not used. Where only a
/// proxy leads out, let a tunnel listen on this machine (`ssh -L`), and connect to that.
///
/// # Examples
///
/// ```no_run
/// # async fn example(password: String) -> Result<(), agent_sdk::ConnectError> {
/// use std::time::Duration;
/// use agent_sdk::{Agent, ReconnectPolicy, Tls};
///
/// let agent = Agent::builder("wss://agent.example")
///     .credentials("root", password)
///     .tls(Tls::known_agents("/var/lib/my-application/known_agents"))
///     .connect_timeout(Duration::from_secs(5))
///     .call_timeout(Duration::from_secs(20))
///     .keepalive(Duration::from_secs(10))
///     .reconnect(ReconnectPolicy::default().max_attempts(50))
///     .max_in_flight(256)
///     .max_message_size(16 << 20)
///     .event_capacity(4096)
///     .close_timeout(Duration::from_secs(2))
///     .connect()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `connect`"]
pub struct Builder {
    url: String,
    credentials: Option<Credentials>,
    #[cfg(feature = "tls")]
    tls: Tls,
    allow_plaintext: bool,
    wait_for_agent: Duration,
    check: Check,
    /// None means the current one.
    pub(crate) runtime: Option<Handle>,
    options: Options,
}

impl Builder {
    fn new(url: String) -> Self {
        Self {
            url,
            credentials: None,
            #[cfg(feature = "tls")]
            tls: Tls::default(),
            allow_plaintext: false,
            wait_for_agent: Duration::ZERO,
            check: Check::default(),
            runtime: None,
            options: Options::default(),
        }
    }

    /// Sets who logs in. Needed for [`Builder::connect`].
    ///
    /// The login header is a list separated by commas, so neither may contain a comma or a control
    /// character, begin or end with white space, or be empty; `connect` says so without dialling.
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = agent_sdk::Agent::builder("wss://agent.example").credentials("root", "a secret");
    /// ```
    pub fn credentials(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        let credentials = Credentials::new(username, password);
        self.options.secrets = credentials.secrets();
        self.credentials = Some(credentials);
        self
    }

    /// Sets which certificates are trusted. The default is [`Tls::system_roots`].
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::{Agent, Tls};
    ///
    /// let builder = Agent::builder("wss://agent.example").tls(Tls::known_agents("known_agents"));
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Lets `ws` be used with a host that is not this machine: the password and all else travel
    /// unencrypted. The default is to refuse that: the host has to be `localhost` or a loopback
    /// address, and each address that its name leads to has to be one, whenever it is dialled.
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = agent_sdk::Agent::builder("ws://192.0.2.1").allow_plaintext(true);
    /// ```
    pub fn allow_plaintext(mut self, allow: bool) -> Self {
        self.allow_plaintext = allow;
        self
    }

    /// Sets the time limit for making a connection: resolving, TCP, TLS and login together. After a
    /// reconnect the subscriptions may take as long again. The default is 10 s.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = agent_sdk::Agent::builder("wss://agent.example").connect_timeout(Duration::from_secs(5));
    /// ```
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout.min(FOREVER);
        self
    }

    /// Sets how long a call waits for its reply, unless the action or the call says otherwise. The
    /// default is 10 s, as in the vendor's client.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = agent_sdk::Agent::builder("wss://agent.example").call_timeout(Duration::from_secs(20));
    /// ```
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.options.call_timeout = timeout.min(FOREVER);
        self
    }

    /// Sets how long [`Agent::close`] waits for calls in flight. The default is 5 s.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = agent_sdk::Agent::builder("wss://agent.example").close_timeout(Duration::from_secs(2));
    /// ```
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.options.close_timeout = timeout.min(FOREVER);
        self
    }

    /// Sets the time within which a connection that is open but dead is found, by a ping after half of
    /// it. The default is 30 s; `None`, like zero, sends no pings; the least is 10 ms.
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = agent_sdk::Agent::builder("wss://agent.example").keepalive(None);
    /// ```
    pub fn keepalive(mut self, time: impl Into<Option<Duration>>) -> Self {
        let time = time.into().filter(|time| !time.is_zero());
        self.options.keepalive = time.map(|time| time.clamp(SHORTEST_KEEPALIVE, FOREVER));
        self
    }

    /// Sets whether and how a lost connection is made again. The default is [`ReconnectPolicy::default`].
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::{Agent, ReconnectPolicy};
    ///
    /// let policy = ReconnectPolicy::default().max_attempts(50);
    /// let builder = Agent::builder("wss://agent.example").reconnect(policy);
    /// ```
    pub fn reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.options.reconnect = policy;
        self
    }

    /// Sets how many calls may be in flight at a time (at least 1); further ones wait their turn, in
    /// order. The default is 1,024.
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = agent_sdk::Agent::builder("wss://agent.example").max_in_flight(256);
    /// ```
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.options.max_in_flight = calls.max(1);
        self
    }

    /// Sets the largest message that is accepted, in bytes. A larger one is skipped, and fails its call
    /// with [`Error::ReplyTooLarge`](crate::Error::ReplyTooLarge). The default is 64 MiB, the most
    /// is 1 GiB: room for a message is made when its size is announced.
    ///
    /// Whatever the agent sends, a connection takes at most four times this much memory for what
    /// arrives, and each stream of events once more for what waits in it.
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = agent_sdk::Agent::builder("wss://agent.example").max_message_size(16 << 20);
    /// ```
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.options.max_message_size = bytes.min(1 << 30);
        self
    }

    /// Sets the largest request that is sent, in bytes of its whole message; a larger one ends with
    /// [`NotSent::TooLarge`](crate::NotSent::TooLarge). The default is 32 MiB.
    ///
    /// An agent that is sent more than it accepts closes the connection, under all other calls as
    /// well. Its limit for messages is not documented; for uploads it is 32 MiB unless configured
    /// (`docs/protocol.md`, observed by others).
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = agent_sdk::Agent::builder("wss://agent.example").max_request_size(1 << 20);
    /// ```
    pub fn max_request_size(mut self, bytes: usize) -> Self {
        self.options.max_request_size = bytes;
        self
    }

    /// Sets whether calls end at once with [`NotSent::Disconnected`](crate::NotSent::Disconnected) while a
    /// lost connection is being made again, those included that were not sent when it was lost. The
    /// default is to wait for the next connection, within each call's timeout.
    ///
    /// [`Call::fail_fast`](crate::Call::fail_fast) decides it for one call.
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = agent_sdk::Agent::builder("wss://agent.example").fail_fast(true);
    /// ```
    pub fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.options.fail_fast = fail_fast;
        self
    }

    /// Sets how many messages are kept for each stream of events (at least 1). The default is 1,024.
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = agent_sdk::Agent::builder("wss://agent.example").event_capacity(4096);
    /// ```
    pub fn event_capacity(mut self, messages: usize) -> Self {
        self.options.event_capacity = messages.max(1);
        self
    }

    /// Sets how long [`Builder::connect`] and [`Builder::certificate`] wait for an agent that is not up
    /// yet. The default is not at all: one attempt.
    ///
    /// It tries again after the waits of [`Builder::reconnect`]; no attempt begins after this time. A
    /// rejected login is never repeated, nor is what other options would have to mend, such as a
    /// certificate that is not trusted. Whatever may have been a rejected login, such as a connection
    /// that ends without an answer, is not repeated before a ban would have passed
    /// ([`ReconnectPolicy::ban_delay`]). The error is that of the last attempt.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(password: String) -> Result<(), agent_sdk::ConnectError> {
    /// use std::time::Duration;
    ///
    /// let agent = agent_sdk::Agent::builder("wss://agent.example")
    ///     .credentials("root", password)
    ///     .wait_for_agent(Duration::from_secs(120))
    ///     .connect()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub fn wait_for_agent(mut self, limit: Duration) -> Self {
        self.wait_for_agent = limit.min(FOREVER);
        self
    }

    /// Compares the agent's catalogue after every login, reconnects included, with a generated table of
    /// actions. The default is [`CatalogueCheck::Ignore`].
    ///
    /// `Builder::check_catalogue` (feature `actions`) does it with the SDK's own table. The check is one
    /// call of `list_actions` before all others. With [`CatalogueCheck::Warn`] it delays none of them;
    /// with [`CatalogueCheck::Refuse`] they wait for it after a reconnect, for two seconds at most. A
    /// user that may not call it loses nothing: then there is no check.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::{ActionInfo, Agent, CatalogueCheck};
    ///
    /// /// In a real crate, the table that `agent_codegen::build` wrote.
    /// const ACTIONS: &[ActionInfo] = &[ActionInfo::new("whoami", "", &[], false)];
    ///
    /// let builder = Agent::builder("wss://agent.example")
    ///     .check_catalogue_against(ACTIONS, CatalogueCheck::Refuse);
    /// ```
    pub fn check_catalogue_against(
        mut self,
        table: &'static [ActionInfo],
        check: CatalogueCheck,
    ) -> Self {
        self.check = Check { policy: check, table, ..self.check };
        self
    }

    /// Restricts what the check of the catalogue warns of, and what `connect` fails on, to the actions
    /// that the application uses. The default is all of the table.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "actions")] {
    /// use agent_sdk::{Agent, CatalogueCheck, actions::ServerStart, uses};
    ///
    /// let builder = Agent::builder("wss://agent.example")
    ///     .check_catalogue(CatalogueCheck::Refuse)
    ///     .uses(uses![ServerStart]);
    /// # }
    /// ```
    pub fn uses(mut self, uses: Uses) -> Self {
        self.check.uses = Some(uses);
        self
    }

    /// Lets the connection live on this runtime. The default is the one on which
    /// [`Builder::connect`] is called.
    ///
    /// A runtime of one thread runs only inside of its own `block_on`. Where calls are made from
    /// several runtimes, or from none, name one here that always runs: one with worker threads.
    /// `connect` refuses another.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(password: String) -> Result<(), Box<dyn std::error::Error>> {
    /// use agent_sdk::Agent;
    /// use tokio::runtime;
    ///
    /// let home = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    /// let builder = Agent::builder("wss://agent.example")
    ///     .credentials("root", password)
    ///     .runtime(home.handle().clone());
    /// # Ok(()) }
    /// ```
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// What is taken out of the agent's words.
    #[cfg(any(feature = "health", feature = "tls"))]
    pub(crate) fn secrets(&self) -> Secrets {
        self.options.secrets.clone()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Builder");
        // A URL may hold a password until it is checked.
        if let Ok(endpoint) = Endpoint::parse(&self.url) {
            debug.field("url", &endpoint.to_string());
        }
        debug.field("credentials", &self.credentials).field("options", &self.options);
        debug.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
