//! Who may log in to the mock, and what they may do there.

use super::{
    http::Head,
    login::{LOGIN_HEADER, PROTOCOL},
};

/// A user of the mock besides the root user, who may do everything.
///
/// Permissions are the agent's dotted words, such as `server.start`; `*` and `server.*` mean
/// all of a kind. Which action needs which is known of a few (`docs/protocol.md`, observed by
/// others); the mock needs for every other one its name with a dot: `task.create` for `task_create`.
/// `list_actions`, `whoami`, `subscribe` and `unsubscribe` need none.
///
/// `Debug` does not show the password.
///
/// # Examples
///
/// ```
/// use agent_sdk::mock::{MockAgent, Role, User};
/// use serde_json::json;
///
/// let moderator = User::new("moderator", "a password")
///     .permissions(["server.view", "server.rcon"])
///     .servers(["survival"]);
/// let operator = User::new("operator", "a password")
///     .role(Role::new(["server.*"]).servers(["survival"]))
///     .role(Role::new(["server.view"]));
/// let builder = MockAgent::builder(json!({ "actions": {} })).user(moderator).user(operator);
/// ```
#[derive(Clone)]
pub struct User {
    pub(super) name: String,
    pub(super) password: String,
    /// What the user may do without a role.
    own: Role,
    roles: Vec<Role>,
}

/// What its users may do, on all servers or on some.
///
/// # Examples
///
/// ```
/// use agent_sdk::mock::Role;
///
/// let moderators = Role::new(["server.view", "server.rcon"]).servers(["survival"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Role {
    permissions: Vec<String>,
    /// `None`: all.
    servers: Option<Vec<String>>,
}

impl Role {
    /// A role with these permissions, on all servers.
    #[must_use]
    pub fn new<P: Into<String>>(permissions: impl IntoIterator<Item = P>) -> Self {
        Self { permissions: permissions.into_iter().map(Into::into).collect(), servers: None }
    }

    /// Limits the role to some servers. Default: all.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::Role;
    ///
    /// let starters = Role::new(["server.start"]).servers(["survival", "creative"]);
    /// ```
    #[must_use]
    pub fn servers<Id: Into<String>>(mut self, ids: impl IntoIterator<Item = Id>) -> Self {
        self.servers = Some(ids.into_iter().map(Into::into).collect());
        self
    }

    fn permits(&self, needed: &str) -> bool {
        let (kind, _) = needed.split_once('.').unwrap_or((needed, ""));
        let has = |word: &String| word == needed || word == "*" || *word == format!("{kind}.*");
        self.permissions.iter().any(has)
    }

    fn sees(&self, server: &str) -> bool {
        self.servers.as_ref().is_none_or(|ids| ids.iter().any(|id| id == server))
    }
}

impl User {
    /// A user who may do nothing yet, on all servers.
    #[must_use]
    pub fn new(name: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            password: password.into(),
            own: Role::default(),
            roles: Vec::new(),
        }
    }

    /// The user who may do everything.
    pub(super) fn root(name: &str, password: &str) -> Self {
        Self::new(name, password).permissions(["*"])
    }

    /// What the user may do. Default: nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::User;
    ///
    /// let operator = User::new("operator", "a password").permissions(["server.*", "file.read"]);
    /// ```
    #[must_use]
    pub fn permissions<P: Into<String>>(mut self, words: impl IntoIterator<Item = P>) -> Self {
        self.own.permissions = words.into_iter().map(Into::into).collect();
        self
    }

    /// Which servers these permissions reach; any other does not exist for the user, unless a role
    /// reaches it. Default: all.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::User;
    ///
    /// let moderator = User::new("moderator", "a password").servers(["survival"]);
    /// ```
    #[must_use]
    pub fn servers<Id: Into<String>>(mut self, ids: impl IntoIterator<Item = Id>) -> Self {
        self.own = self.own.servers(ids);
        self
    }

    /// Gives the user a role as well. Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::{Role, User};
    ///
    /// let moderator = User::new("moderator", "a password")
    ///     .role(Role::new(["server.rcon"]).servers(["survival"]));
    /// ```
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// Returns whether an upgrade request carries this user's login: the protocol, the name and the
    /// password, and nothing else.
    pub(super) fn match_head(&self, head: &Head) -> bool {
        let Some(header) = head.header(LOGIN_HEADER) else { return false };
        let items: Vec<_> = header.split(',').map(str::trim).collect();
        items == [PROTOCOL, &self.name, &self.password]
    }

    /// Returns whether a request carries it by HTTP Basic.
    pub(super) fn match_basic(&self, head: &Head) -> bool {
        let expected = format!("{}:{}", self.name, self.password);
        let expected = data_encoding::BASE64.encode(expected.as_bytes());
        head.header("Authorization").is_some_and(|given| given == format!("Basic {expected}"))
    }

    /// The permission that the user lacks for an action, on a server if it names one.
    pub(super) fn lacks(&self, action: &str, server: Option<&str>) -> Option<String> {
        let needed = needed(action)?;
        let reaches = |role: &&Role| server.is_none_or(|server| role.sees(server));
        let permits = |role: &Role| role.permits(&needed);
        (!self.granted().filter(reaches).any(permits)).then_some(needed)
    }

    /// Returns whether a server exists for the user.
    pub(super) fn sees(&self, server: &str) -> bool {
        self.granted().any(|role| role.sees(server))
    }

    /// All that the user may do somewhere.
    pub(super) fn all_permissions(&self) -> Vec<&str> {
        let mut words = Vec::new();
        for word in self.granted().flat_map(|role| &role.permissions) {
            if !words.contains(&word.as_str()) {
                words.push(word);
            }
        }
        words
    }

    /// The user's own permissions and those of the roles. Who has nothing but roles reaches no
    /// server by the own permissions, which are none.
    fn granted(&self) -> impl Iterator<Item = &Role> {
        let has_own = self.roles.is_empty() || !self.own.permissions.is_empty();
        has_own.then_some(&self.own).into_iter().chain(&self.roles)
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .field("own", &self.own)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

/// The permission that an action needs, if any.
fn needed(action: &str) -> Option<String> {
    let known = match action {
        "list_actions" | "whoami" | "subscribe" | "unsubscribe" => return None,
        "server" | "servers" => "server.view",
        "server_start" | "restart" => "server.start",
        "server_stop" | "server_stop_cancel" | "server_kill" | "server_force_kill" => "server.stop",
        "server_remove" => "server.delete",
        "server_rcon_send" | "server_rcon_read" => "server.rcon",
        "server_metrics" | "query_server_metrics" => "server.metrics",
        "enable_stdout" => "agent.enable_stdout",
        "request_system_info" => "agent.system_info",
        "read_file" | "file_list" | "server_filetree" => "file.read",
        "write_file" | "move_file" | "delete_file" | "file_upload" | "file_zip" | "file_unzip" => {
            "file.update"
        }
        "create_user" => "user.create",
        "delete_user" => "user.delete",
        "list_users" => "user.list",
        "user_give_roles" | "user_revoke_roles" => "user.give_roles",
        "create_role" => "role.create",
        "delete_role" => "role.delete",
        "list_roles" => "role.list",
        "request_title_manifest" => "title.request_manifest",
        action if action.contains("webhook") => "webhook.manage",
        action if action.starts_with("application") => "application.manage",
        action => return Some(action.replacen('_', ".", 1)),
    };
    Some(known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_words_or_all_of_a_kind() {
        let user = User::new("x", "y").permissions(["server.*", "file.read"]);
        for action in ["server_start", "server_update", "read_file", "whoami", "restart"] {
            assert_eq!(user.lacks(action, None), None, "{action}");
        }
        assert_eq!(user.lacks("write_file", None).as_deref(), Some("file.update"));
        assert_eq!(user.lacks("task_create", None).as_deref(), Some("task.create"));
        assert_eq!(User::root("x", "y").lacks("kill", Some("survival")), None);
    }

    #[test]
    fn a_role_reaches_no_other_servers_than_its_own() {
        let user = User::new("x", "y")
            .role(Role::new(["server.*"]).servers(["survival"]))
            .role(Role::new(["server.view", "server.rcon"]).servers(["creative"]));
        assert!(user.sees("survival") && user.sees("creative") && !user.sees("lobby"));
        assert_eq!(user.lacks("restart", Some("survival")), None);
        assert_eq!(user.lacks("restart", Some("creative")).as_deref(), Some("server.start"));
        assert_eq!(user.lacks("server_rcon_send", Some("creative")), None);
        assert_eq!(user.lacks("servers", None), None);
        assert_eq!(user.all_permissions(), ["server.*", "server.view", "server.rcon"]);
    }
}
