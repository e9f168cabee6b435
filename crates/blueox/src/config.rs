//! What the application decides.

use crate::address::{Address, AddressError};
use crate::limits;
use crate::scrub::Scrubber;
use crate::writer::ValueLimits;
use blueox_event::EncodedEvent;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The variable that names the daemon: `host`, `host:port` or `unix:/path`.
///
/// ```
/// assert_eq!(blueox::HOST_VARIABLE, "BLUEOX_HOST");
/// ```
pub const HOST_VARIABLE: &str = "BLUEOX_HOST";
/// The variable with the secret that opens a daemon, if it wants one.
///
/// ```
/// assert_eq!(blueox::TOKEN_VARIABLE, "BLUEOX_TOKEN");
/// ```
pub const TOKEN_VARIABLE: &str = "BLUEOX_TOKEN";
/// The variable with the path of the daemon's Unix socket.
///
/// ```
/// assert_eq!(blueox::SOCKET_VARIABLE, "BLUEOX_SOCKET");
/// ```
pub const SOCKET_VARIABLE: &str = "BLUEOX_SOCKET";

/// Where a daemon's Unix socket is looked for when the daemon is on this machine and nothing else was said.
///
/// ```
/// assert!(blueox::DEFAULT_SOCKET.starts_with("/run/"));
/// ```
pub const DEFAULT_SOCKET: &str = "/run/blueox/oxd.sock";

/// Where events go, and their limits. Given to [`configure`](crate::configure).
///
/// ```
/// use blueox::Config;
/// use std::time::Duration;
/// let config = Config::to("127.0.0.1:3514")
///     .memory(16 << 20)
///     .scrub("iban")
///     .exit_patience(Duration::from_millis(500));
/// # drop(config);
/// ```
#[derive(Clone)]
#[must_use = "nothing happens until it is given to blueox::configure"]
pub struct Config {
    pub(crate) target: Target,
    pub(crate) socket: Option<PathBuf>,
    pub(crate) token: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) memory: usize,
    pub(crate) event_bytes: usize,
    pub(crate) values: ValueLimits,
    pub(crate) exit_patience: Duration,
    pub(crate) unacked_patience: Duration,
}

/// The application's own taker of events.
pub(crate) type Function = Arc<dyn Fn(&EncodedEvent<'_>) + Send + Sync>;

#[derive(Clone)]
pub(crate) enum Target {
    /// Nobody: everything is a no-op.
    None,
    /// Text that was given, not yet looked at.
    Daemon(String),
    /// A function in this process.
    Function(Function),
}

/// What is wrong with a [`Config`].
///
/// ```
/// use blueox::{Config, ConfigError};
/// assert_eq!(blueox::configure(Config::to("127.0.0.1").token("")), Err(ConfigError::Token));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The daemon's address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The token.
    #[error("a token has 1 to {} bytes", blueox_event::limits::MAX_TOKEN_BYTES)]
    Token,
}

impl Config {
    fn with(target: Target) -> Self {
        let values = ValueLimits {
            text_bytes: limits::TEXT_BYTES,
            items: limits::ITEMS,
            scrubber: Scrubber::default(),
        };
        Self {
            target,
            socket: None,
            token: None,
            host: None,
            memory: limits::MEMORY,
            event_bytes: limits::EVENT_BYTES,
            values,
            exit_patience: limits::EXIT_PATIENCE,
            unacked_patience: limits::UNACKED_PATIENCE,
        }
    }

    /// Events go to the daemon at `address`: `host`, `host:port`, `[ipv6]:port` or `unix:/path`.
    ///
    /// ```
    /// blueox::configure(blueox::Config::to("127.0.0.1:3514"))?;
    /// # blueox::shutdown(std::time::Duration::ZERO);
    /// # Ok::<(), blueox::ConfigError>(())
    /// ```
    pub fn to(address: impl Into<String>) -> Self {
        Self::with(Target::Daemon(address.into()))
    }

    /// Events go to the daemon at `address` instead; for a flag that wins over `BLUEOX_HOST`.
    ///
    /// ```
    /// let config = blueox::Config::from_env().daemon("127.0.0.1:3514");
    /// # drop(config);
    /// ```
    pub fn daemon(mut self, address: impl Into<String>) -> Self {
        self.target = Target::Daemon(address.into());
        self
    }

    /// What `BLUEOX_HOST`, `BLUEOX_SOCKET` and `BLUEOX_TOKEN` say; without `BLUEOX_HOST` nobody gets events.
    ///
    /// ```
    /// blueox::configure(blueox::Config::from_env())?; // as blueox::init() does
    /// # Ok::<(), blueox::ConfigError>(())
    /// ```
    pub fn from_env() -> Self {
        let read = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let mut config = read(HOST_VARIABLE).map_or_else(Self::none, Self::to);
        config.token = read(TOKEN_VARIABLE);
        config.socket = read(SOCKET_VARIABLE).map(PathBuf::from);
        config
    }

    /// Each event goes to `function` when it is done, in the thread that ends it. Events that are made inside of it are not recorded, and
    /// its panics go no further.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// static SEEN: AtomicUsize = AtomicUsize::new(0);
    /// blueox::configure(blueox::Config::function(|event| {
    ///     assert_eq!(event.type_bytes(), b"job");
    ///     SEEN.fetch_add(1, Ordering::Relaxed);
    /// }))?;
    /// drop(blueox::context("job"));
    /// assert_eq!(SEEN.load(Ordering::Relaxed), 1);
    /// # Ok::<(), blueox::ConfigError>(())
    /// ```
    pub fn function(function: impl Fn(&EncodedEvent<'_>) + Send + Sync + 'static) -> Self {
        Self::with(Target::Function(Arc::new(function)))
    }

    /// Nobody gets events: every call is a no-op.
    ///
    /// ```
    /// blueox::configure(blueox::Config::none())?;
    /// assert!(!blueox::is_recording());
    /// # Ok::<(), blueox::ConfigError>(())
    /// ```
    pub fn none() -> Self {
        Self::with(Target::None)
    }

    /// The daemon's Unix socket, used while it exists and the daemon's host is this machine. Default: `BLUEOX_SOCKET`, else
    /// [`DEFAULT_SOCKET`] when the daemon is on its usual port.
    ///
    /// ```
    /// let config = blueox::Config::to("127.0.0.1").socket("/run/blueox/oxd.sock");
    /// # drop(config);
    /// ```
    pub fn socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = Some(path.into());
        self
    }

    /// The secret that opens the daemon.
    ///
    /// ```
    /// let config = blueox::Config::to("collector").token("open sesame");
    /// # drop(config);
    /// ```
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// The name of this host in events. Default: the machine's.
    ///
    /// ```
    /// let config = blueox::Config::to("127.0.0.1").host("web-2");
    /// # drop(config);
    /// ```
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.host = Some(name.into());
        self
    }

    /// The most memory that events take until they are acked, in bytes. Beyond it the newest are dropped, and counted. At
    /// least 1 MiB; default 32 MiB.
    ///
    /// ```
    /// let config = blueox::Config::to("127.0.0.1").memory(64 << 20);
    /// # drop(config);
    /// ```
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes.max(limits::MIN_MEMORY);
        self
    }

    /// The longest body, in bytes; default 1 MiB, at most a little less than 4 MiB.
    ///
    /// ```
    /// let config = blueox::Config::to("127.0.0.1").event_bytes(64 << 10);
    /// # drop(config);
    /// ```
    pub fn event_bytes(mut self, bytes: usize) -> Self {
        self.event_bytes = bytes.clamp(1 << 10, limits::MAX_EVENT_BYTES);
        self
    }

    /// The longest text of a value, in bytes; default 64 KiB. Longer ones are cut, with a mark.
    ///
    /// ```
    /// let config = blueox::Config::to("127.0.0.1").text_bytes(1 << 10);
    /// # drop(config);
    /// ```
    pub fn text_bytes(mut self, bytes: usize) -> Self {
        self.values.text_bytes = bytes.clamp(16, limits::MAX_EVENT_BYTES);
        self
    }

    /// The most items of a list or map inside a value; default 1,024.
    ///
    /// ```
    /// let config = blueox::Config::to("127.0.0.1").items(100);
    /// # drop(config);
    /// ```
    pub fn items(mut self, items: usize) -> Self {
        self.values.items = items.clamp(1, 60_000);
        self
    }

    /// Values under keys that end so are secrets too. Case and punctuation do not count.
    ///
    /// ```
    /// let config = blueox::Config::to("127.0.0.1").scrub("iban"); // customer.IBAN too
    /// # drop(config);
    /// ```
    pub fn scrub(mut self, key_ending: &str) -> Self {
        self.values.scrubber.add(key_ending);
        self
    }

    /// Values under this key are no secrets, whatever it ends in.
    ///
    /// ```
    /// let config = blueox::Config::to("127.0.0.1").keep("csrf_token");
    /// # drop(config);
    /// ```
    pub fn keep(mut self, key: &str) -> Self {
        self.values.scrubber.except(key);
        self
    }

    /// No value is taken for a secret.
    ///
    /// ```
    /// let config = blueox::Config::to("127.0.0.1").scrub_nothing();
    /// # drop(config);
    /// ```
    pub fn scrub_nothing(mut self) -> Self {
        self.values.scrubber = Scrubber::off();
        self
    }

    /// How long the end of the process may be held up by events that are still on their way; default 2 s.
    ///
    /// ```
    /// let config = blueox::Config::to("127.0.0.1").exit_patience(std::time::Duration::from_millis(500));
    /// # drop(config);
    /// ```
    pub fn exit_patience(mut self, patience: Duration) -> Self {
        self.exit_patience = patience;
        self
    }

    /// How long a batch is kept that no daemon has acknowledged; then its events are dropped, counted, and reported to the daemon. Default
    /// and most 12 h: a daemon remembers a silent stream for 24 h.
    ///
    /// ```
    /// use std::time::Duration;
    /// let config = blueox::Config::to("127.0.0.1:3514").unacked_patience(Duration::from_secs(600));
    /// # drop(config);
    /// ```
    pub fn unacked_patience(mut self, patience: Duration) -> Self {
        self.unacked_patience = patience.min(limits::UNACKED_PATIENCE);
        self
    }

    /// The daemon's address, and the socket to try first.
    pub(crate) fn address(&self) -> Result<Option<(Address, Option<PathBuf>)>, ConfigError> {
        let Target::Daemon(text) = &self.target else { return Ok(None) };
        let address: Address = text.parse()?;
        if let Some(token) = &self.token {
            blueox_event::wire::native::Token::new(token.as_bytes()).ok_or(ConfigError::Token)?;
        }
        let usual = matches!(address, Address::Tcp { port: crate::address::COLLECTION_PORT, .. });
        let socket = self.socket.clone().or_else(|| usual.then(|| PathBuf::from(DEFAULT_SOCKET)));
        let socket = socket.filter(|_| address.is_local());
        Ok(Some((address, socket)))
    }
}

impl Default for Config {
    /// [`Config::from_env`]
    fn default() -> Self {
        Self::from_env()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match &self.target {
            Target::None => "nobody",
            Target::Daemon(address) => address,
            Target::Function(_) => "a function",
        };
        f.debug_struct("Config")
            .field("target", &target)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}
