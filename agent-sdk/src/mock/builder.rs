//! The options of a mock agent, and its start.

use std::{
    collections::{HashMap, VecDeque},
    fmt, io,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::Notify, task::JoinSet};

use super::{
    agent::MockAgent,
    catalogue::Catalogue,
    certificate::Certificate,
    expectation::Expectations,
    fault::Faults,
    files::Files,
    handler::{Context, Handler},
    lasting::{LastingFault, LastingFaults},
    login::LoginLimiter,
    options::Options,
    pace::{Pace, StateWords},
    peer::Peers,
    port::{self, Port},
    servers::Servers,
    shared::{Counts, Shared},
    story,
    upgrade::{Refusal, Subprotocol, UpgradeQuirk},
    user::User,
    wire::ReplyKey,
};
use crate::options::FOREVER;

/// The options of a [`MockAgent`]; begin with [`MockAgent::builder`].
#[must_use = "a mock agent runs once it is started"]
pub struct Builder {
    catalogue: Value,
    root: User,
    users: Vec<User>,
    certificate: Certificate,
    port: u16,
    servers: Vec<String>,
    running: Vec<String>,
    only_expected: bool,
    lasting: LastingFaults,
    pace: Pace,
    state_words: StateWords,
    handlers: HashMap<String, Handler>,
    ban: (u32, Duration),
    options: Options,
}

impl MockAgent {
    /// Returns a builder of a mock that serves `catalogue`: the reply to `list_actions`, its
    /// `{"actions": …}`, or the bare map of actions.
    pub fn builder(catalogue: Value) -> Builder {
        Builder::new(catalogue)
    }
}

impl Builder {
    pub(super) fn new(catalogue: Value) -> Self {
        Self {
            catalogue,
            root: User::root("root", &fresh_password()),
            users: Vec::new(),
            certificate: Certificate::default(),
            port: 0,
            servers: vec!["survival".to_owned()],
            running: Vec::new(),
            only_expected: false,
            lasting: LastingFaults::default(),
            pace: Pace::default(),
            state_words: StateWords::default(),
            handlers: HashMap::new(),
            ban: (5, Duration::from_secs(60)),
            options: Options::default(),
        }
    }

    /// The version that the health check tells. Default: `1.1.34`.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::MockAgent;
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).version("1.1.35");
    /// ```
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.options.version = version.into();
        self
    }

    /// The one user. Default: `root`, with a fresh random UUID as the password.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::MockAgent;
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).credentials("root", "a secret");
    /// ```
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.root = User::root(&user.into(), &password.into());
        self
    }

    /// The name of the one user, whose password stays as it is. Default: `root`.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::MockAgent;
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).username("ada");
    /// ```
    pub fn username(mut self, user: impl Into<String>) -> Self {
        self.root.name = user.into();
        self
    }

    /// Returns whether to speak TLS. Default: yes, as the agent does.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::MockAgent;
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).tls(false);
    /// ```
    pub fn tls(mut self, tls: bool) -> Self {
        self.options.tls = tls;
        self
    }

    /// Which certificate to show. Default: [`Certificate::SelfSigned`].
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::{Certificate, MockAgent};
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).certificate(Certificate::SelfSigned);
    /// ```
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = certificate;
        self
    }

    /// The port on 127.0.0.1. Default: 0, any that is free.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::MockAgent;
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).port(8090);
    /// ```
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The ids of the servers that exist at the start, all stopped. Default: `survival` alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::MockAgent;
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).servers(["alpha", "beta"]);
    /// ```
    pub fn servers<Id: Into<String>>(mut self, ids: impl IntoIterator<Item = Id>) -> Self {
        self.servers = ids.into_iter().map(Into::into).collect();
        self
    }

    /// The ids of servers that run at the start. Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::MockAgent;
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).running(["survival"]);
    /// ```
    pub fn running<Id: Into<String>>(mut self, ids: impl IntoIterator<Item = Id>) -> Self {
        self.running = ids.into_iter().map(Into::into).collect();
        self
    }

    /// Returns whether a call fails the test if nothing is expected of its action
    /// ([`MockAgent::on`]); if not, the mock answers it itself. `list_actions`, `whoami`,
    /// subscriptions, and actions with a [handler](Self::handler) never do. Default: `false`.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::MockAgent;
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).only_expected(true);
    /// ```
    pub fn only_expected(mut self, only: bool) -> Self {
        self.only_expected = only;
        self
    }

    /// Adds a user besides the root user. Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::{MockAgent, User};
    ///
    /// let moderator = User::new("moderator", "a password").permissions(["server.rcon"]);
    /// let mock = MockAgent::builder(serde_json::json!({})).user(moderator);
    /// ```
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Adds a fault that the mock has from its start. Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::{LastingFault, MockAgent};
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).lasting_fault(LastingFault::Reorder);
    /// ```
    pub fn lasting_fault(mut self, fault: LastingFault) -> Self {
        self.lasting.add(fault);
        self
    }

    /// How long servers take for what they have accepted. Default: [`Pace::immediate`].
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::{MockAgent, Pace};
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).pace(Pace::immediate());
    /// ```
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// How the states of servers are written. Default: [`StateWords::Prefixed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::{MockAgent, StateWords};
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).state_words(StateWords::Bare);
    /// ```
    pub fn state_words(mut self, words: StateWords) -> Self {
        self.state_words = words;
        self
    }

    /// Answers an action with a closure in place of the mock's own answer. Default: none.
    ///
    /// The closure gets the request's parameters, always a JSON object, after the catalogue's
    /// demands on them have been checked. `Ok` becomes the result, `Err` the detail of an error.
    /// The action need not be in the catalogue. Handlers run side by side: a slow one does not
    /// hold up other replies.
    ///
    /// A handler that panics ends the session that called it.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::MockAgent;
    /// use serde_json::json;
    ///
    /// let builder = MockAgent::builder(json!({ "actions": {} }))
    ///     .handler("add", |parameters, _| async move {
    ///         match (parameters["a"].as_i64(), parameters["b"].as_i64()) {
    ///             (Some(a), Some(b)) => Ok(json!({ "sum": a + b })),
    ///             _ => Err(json!({ "error": "`a` and `b` must be numbers" })),
    ///         }
    ///     })
    ///     .handler("watch", |_, context| async move {
    ///         context.push_event(&json!({ "action": "progress", "percent": 50 })).await;
    ///         Ok(json!({}))
    ///     });
    /// ```
    pub fn handler<F, Answer>(mut self, action: impl Into<String>, handler: F) -> Self
    where
        F: Fn(Value, Context) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Value, Value>> + Send + 'static,
    {
        let handler: Handler =
            Box::new(move |parameters, context| Box::pin(handler(parameters, context)));
        self.handlers.insert(action.into(), handler);
        self
    }

    /// After how many bad logins an address is banned, and for how long; 0 never bans.
    /// Default: 5, for 60 s.
    ///
    /// Bad logins are forgotten as long after the last of them. A banned address is refused like
    /// a bad login, whatever its credentials.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use agent_sdk::mock::MockAgent;
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).ban(3, Duration::from_secs(1));
    /// ```
    pub fn ban(mut self, after: u32, lasting: Duration) -> Self {
        self.ban = (after, lasting.min(FOREVER));
        self
    }

    /// How a good login is answered as to the subprotocol. Default: [`Subprotocol::Named`].
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::{MockAgent, Subprotocol};
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).subprotocol(Subprotocol::Named);
    /// ```
    pub fn subprotocol(mut self, subprotocol: Subprotocol) -> Self {
        self.options.subprotocol = subprotocol;
        self
    }

    /// Adds an oddity to the answer to a good login. Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::{MockAgent, UpgradeQuirk};
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).upgrade_quirk(UpgradeQuirk::OddCase);
    /// ```
    pub fn upgrade_quirk(mut self, quirk: UpgradeQuirk) -> Self {
        self.options.quirks.push(quirk);
        self
    }

    /// How a bad login is refused. Default: [`Refusal::Unauthorized`].
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::{MockAgent, Refusal};
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).refusal(Refusal::Forbidden);
    /// ```
    pub fn refusal(mut self, refusal: Refusal) -> Self {
        self.options.refusal = refusal;
        self
    }

    /// Events that each session gets first of all. Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::MockAgent;
    /// use serde_json::json;
    ///
    /// let mock = MockAgent::builder(json!({})).greeting([json!({ "action": "hello" })]);
    /// ```
    pub fn greeting(mut self, events: impl IntoIterator<Item = Value>) -> Self {
        self.options.greeting = events.into_iter().collect();
        self
    }

    /// The keys of a reply, in their order. Default: `idempotence`, `status`, `parameters`.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::{MockAgent, ReplyKey};
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).reply_keys([ReplyKey::Status, ReplyKey::Idempotence]);
    /// ```
    pub fn reply_keys(mut self, keys: impl IntoIterator<Item = ReplyKey>) -> Self {
        self.options.reply_keys = keys.into_iter().collect();
        self
    }

    /// How many connections may be open; more are dropped. Default: 16,384.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::MockAgent;
    ///
    /// let mock = MockAgent::builder(serde_json::json!({})).max_connections(2);
    /// ```
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.options.max_connections = connections;
        self
    }

    /// Opens the port, on 127.0.0.1 alone, and serves until the handle is stopped or dropped.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] if the catalogue or the certificate is none; otherwise what
    /// the system says of the port.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time and IO enabled.
    #[expect(clippy::unused_async, reason = "it needs a runtime, which a future makes plain")]
    pub async fn start(self) -> io::Result<MockAgent> {
        let catalogue = Catalogue::new(self.catalogue)?;
        let identity = if self.options.tls { Some(self.certificate.identity()?) } else { None };
        let mut servers = Servers::new(self.servers, self.pace, self.state_words);
        self.running.into_iter().for_each(|id| servers.run(id));
        let shared = Arc::new(Shared {
            options: self.options,
            users: [self.root].into_iter().chain(self.users).map(Arc::new).collect(),
            catalogue: Mutex::new(Arc::new(catalogue)),
            handlers: self.handlers,
            files: Mutex::new(Files::default()),
            servers: Mutex::new(servers),
            script: Mutex::default(),
            planned: Notify::new(),
            peers: Peers::new(),
            limiter: LoginLimiter::new(self.ban.0, self.ban.1),
            faults: Faults::default(),
            lasting: self.lasting,
            restart_wanted: Notify::new(),
            refuse_all: Mutex::new(None),
            counts: Counts::default(),
            identity: Mutex::new(identity),
            seen: Mutex::new(VecDeque::new()),
            expectations: Expectations::new(self.only_expected),
            recorded: Mutex::new(VecDeque::new()),
        });
        if shared.lasting.ban {
            shared.limiter.ban(Ipv4Addr::LOCALHOST.into());
        }
        let port = Arc::new(Port::open(self.port, Arc::clone(&shared))?);
        let mut tasks = JoinSet::new();
        tasks.spawn(story::run(Arc::clone(&shared)));
        tasks.spawn(port::restart_when_wanted(Arc::clone(&port)));
        Ok(MockAgent { shared, port, _tasks: tasks })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("version", &self.options.version)
            .field("username", &self.root.name)
            .field("tls", &self.options.tls)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// A random UUID, as the agent writes for its root user.
fn fresh_password() -> String {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string()
}
