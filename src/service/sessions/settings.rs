//! The `[sessions]` table of `swarmdeck.toml`, and what becomes of it.
//!
//! ```toml
//! [sessions]
//! permission_timeout = 60          # seconds that a request waits for a person
//! default_driver = "claude"        # of a session that names none
//!
//! [[sessions.drivers]]
//! name = "claude"
//! kind = "command"
//! format = "claude"
//! program = "claude"
//! args = ["-p", "--output-format", "stream-json", "--verbose", "--include-partial-messages",
//!         "--input-format", "stream-json", "--permission-prompt-tool", "stdio"]
//! cwd = "/home/me/project"
//!
//! [[sessions.drivers]]
//! name = "ollama"
//! kind = "openai"
//! url = "http://localhost:11434/v1"
//! model = "llama3.2"
//! key_env = "OLLAMA_KEY"           # the environment variable that holds the key; left out where none is needed
//!
//! [[sessions.drivers]]
//! name = "rehearsal"
//! kind = "scripted"
//! file = "examples/sessions/tour.ndjson"
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::driver::scripted::Script;
use crate::service::Refusal;

/// The built-in driver: a scripted tour. A driver of the settings may take its name.
pub const TOUR: &str = "tour";
/// Its script.
const TOUR_SCRIPT: &str = include_str!("../../../examples/sessions/tour.ndjson");
/// How many drivers the settings may name.
pub const MAX_DRIVERS: usize = 64;
/// Seconds that a request waits for a person where the settings say nothing.
pub const PERMISSION_SECONDS: u32 = 60;

/// The settings of sessions.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionsConfig {
    /// Seconds that a request waits for a person before it is denied: 0.05 to 86,400, 60 where absent.
    #[serde(alias = "permission-timeout")]
    pub permission_timeout: f64,
    /// Seconds that a subprocess has to end by itself before it is killed: 0 to 60, 3 where absent.
    #[serde(alias = "stop-grace")]
    pub stop_grace: f64,
    /// The driver of a session that names none; where absent the first one below, else `tour`.
    #[serde(alias = "default-driver")]
    pub default_driver: Option<String>,
    /// What can run an agent.
    pub drivers: Vec<DriverConfig>,
}

impl Default for SessionsConfig {
    fn default() -> Self {
        Self { permission_timeout: f64::from(PERMISSION_SECONDS), stop_grace: 3.0, default_driver: None, drivers: Vec::new() }
    }
}

/// What can run an agent, by its kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum DriverConfig {
    /// A subprocess.
    Command(CommandConfig),
    /// A chat endpoint.
    Openai(OpenAiConfig),
    /// A script.
    Scripted(ScriptedConfig),
}

/// A subprocess. Only the settings can name a program: no client can.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandConfig {
    /// The driver's name: letters, digits, `_`, `-` and `.`, at most 64.
    pub name: String,
    /// The program: a path, or a name that is looked up in `PATH`.
    pub program: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// The folder it runs in; the server's where absent.
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// Environment variables beside the server's own. `SWARMDECK_TOKEN` is never handed on.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Variables of the server that it gets although a `key_env` or `bearer_env` names them: the
    /// keys of others are not handed on unasked.
    #[serde(default, alias = "pass-env")]
    pub pass_env: Vec<String>,
    /// What it speaks.
    #[serde(default)]
    pub format: Format,
}

/// What a subprocess speaks on its standard input and output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// NDJSON agent events.
    #[default]
    Events,
    /// Claude Code's `stream-json`.
    Claude,
}

/// A chat endpoint that speaks OpenAI's `/chat/completions`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenAiConfig {
    /// The driver's name.
    pub name: String,
    /// The address before `/chat/completions`, such as `http://localhost:11434/v1`.
    pub url: String,
    /// The model.
    pub model: String,
    /// The environment variable of the server that holds the key.
    #[serde(default, alias = "key-env")]
    pub key_env: Option<String>,
    /// What the model is told before the conversation.
    #[serde(default)]
    pub system: Option<String>,
    /// Seconds that the endpoint may stay silent: 1 to 3,600, 120 where absent.
    #[serde(default = "patience")]
    pub timeout: f64,
}

fn patience() -> f64 {
    120.0
}

/// A script: NDJSON agent events with pauses.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedConfig {
    /// The driver's name.
    pub name: String,
    /// The file.
    pub file: PathBuf,
}

/// A driver, checked.
#[derive(Debug)]
pub(super) enum Spec {
    Command(CommandConfig),
    OpenAi(OpenAiConfig),
    Scripted(Arc<Script>),
}

impl Spec {
    /// The word for its kind.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            Self::OpenAi(_) => "openai",
            Self::Scripted(_) => "scripted",
        }
    }
}

/// The settings, checked.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) permission_timeout: Duration,
    pub(super) stop_grace: Duration,
    pub(super) default_driver: String,
    pub(super) drivers: BTreeMap<String, Arc<Spec>>,
}

impl Settings {
    /// The environment variables that hold the keys of drivers.
    pub(super) fn key_variables(&self) -> impl Iterator<Item = String> {
        self.drivers.values().filter_map(|spec| match &**spec {
            Spec::OpenAi(config) => config.key_env.clone(),
            Spec::Command(_) | Spec::Scripted(_) => None,
        })
    }

    /// Checks the settings and reads the scripts that they name.
    ///
    /// # Errors
    /// The first setting that does not fit, by its place.
    pub(super) fn check(config: &SessionsConfig) -> Result<Self, Refusal> {
        let seconds = |name: &str, value: f64, low: f64, high: f64| {
            if (low..=high).contains(&value) {
                Ok(Duration::from_secs_f64(value))
            } else {
                Err(Refusal::invalid(format!("sessions.{name}: {value} is not between {low} and {high} seconds")))
            }
        };
        if config.drivers.len() > MAX_DRIVERS {
            return Err(Refusal::invalid(format!("sessions.drivers: {} are over {MAX_DRIVERS}", config.drivers.len())));
        }
        let mut drivers: BTreeMap<String, Arc<Spec>> = BTreeMap::new();
        for (index, driver) in config.drivers.iter().enumerate() {
            let (name, spec) =
                check_driver(driver).map_err(|problem| Refusal::invalid(format!("sessions.drivers[{index}].{problem}")))?;
            if drivers.insert(name.clone(), Arc::new(spec)).is_some() {
                return Err(Refusal::invalid(format!("sessions.drivers[{index}].name: {name:?} is there twice")));
            }
        }
        let first = config.drivers.first().map_or(TOUR, |driver| driver.name());
        let default_driver = config.default_driver.clone().unwrap_or_else(|| first.to_owned());
        if !drivers.contains_key(TOUR) {
            let tour = Script::read(TOUR_SCRIPT).expect("the script in the binary is read by a test");
            drivers.insert(TOUR.to_owned(), Arc::new(Spec::Scripted(Arc::new(tour))));
        }
        if !drivers.contains_key(&default_driver) {
            return Err(Refusal::invalid(format!("sessions.default_driver: there is no driver {default_driver:?}")));
        }
        Ok(Self {
            permission_timeout: seconds("permission_timeout", config.permission_timeout, 0.05, 86_400.0)?,
            stop_grace: seconds("stop_grace", config.stop_grace, 0.0, 60.0)?,
            default_driver,
            drivers,
        })
    }
}

impl DriverConfig {
    fn name(&self) -> &str {
        match self {
            Self::Command(it) => &it.name,
            Self::Openai(it) => &it.name,
            Self::Scripted(it) => &it.name,
        }
    }
}

fn check_driver(driver: &DriverConfig) -> Result<(String, Spec), String> {
    let name = driver.name();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(format!("name: {name:?} is not 1 to 64 letters, digits, _, - and ."));
    }
    let spec = match driver {
        DriverConfig::Command(it) if it.program.is_empty() => return Err("program: empty".to_owned()),
        DriverConfig::Command(it) => Spec::Command(it.clone()),
        DriverConfig::Openai(it) => {
            let url = it.url.parse::<reqwest::Url>().map_err(|error| format!("url: {:?}: {error}", it.url))?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err(format!("url: {:?} is neither http nor https", it.url));
            }
            if !(1.0..=3_600.0).contains(&it.timeout) {
                return Err(format!("timeout: {} is not between 1 and 3600 seconds", it.timeout));
            }
            Spec::OpenAi(it.clone())
        }
        DriverConfig::Scripted(it) => {
            let text =
                std::fs::read_to_string(&it.file).map_err(|error| format!("file: cannot read {}: {error}", it.file.display()))?;
            let script = Script::read(&text).map_err(|problem| format!("file: {}: {problem}", it.file.display()))?;
            Spec::Scripted(Arc::new(script))
        }
    };
    Ok((name.to_owned(), spec))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Settings, String> {
        let config: SessionsConfig = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        Settings::check(&config).map_err(|refusal| refusal.detail)
    }

    #[test]
    fn without_settings_there_is_the_tour() {
        let settings = check("").unwrap();
        assert_eq!(settings.default_driver, TOUR);
        assert_eq!(settings.permission_timeout, Duration::from_secs(60));
        assert_eq!(settings.drivers.keys().collect::<Vec<_>>(), [TOUR]);
    }

    #[test]
    fn the_first_driver_is_the_default() {
        let settings = check(
            "permission_timeout = 5\n\
             [[drivers]]\nname = \"a\"\nkind = \"command\"\nprogram = \"true\"\nformat = \"claude\"\n\
             [[drivers]]\nname = \"b\"\nkind = \"openai\"\nurl = \"http://localhost:1/v1\"\nmodel = \"m\"\n",
        )
        .unwrap();
        assert_eq!((settings.default_driver.as_str(), settings.drivers.len()), ("a", 3));
        assert_eq!(settings.drivers["b"].kind(), "openai");
        assert!(matches!(&*settings.drivers["a"], Spec::Command(it) if it.format == Format::Claude));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (text, problem) in [
            ("permission_timeout = 0", "sessions.permission_timeout: 0 is not between 0.05 and 86400 seconds"),
            ("tyop = 1", "unknown field `tyop`"),
            ("default_driver = \"x\"", "sessions.default_driver: there is no driver \"x\""),
            ("[[drivers]]\nname = \"a b\"\nkind = \"command\"\nprogram = \"x\"", "sessions.drivers[0].name: \"a b\" is not"),
            ("[[drivers]]\nname = \"a\"\nkind = \"command\"\nprogram = \"\"", "sessions.drivers[0].program: empty"),
            ("[[drivers]]\nname = \"a\"\nkind = \"magic\"", "unknown variant `magic`"),
            ("[[drivers]]\nname = \"a\"\nkind = \"command\"\nprogram = \"x\"\nshell = true", "unknown field `shell`"),
            (
                "[[drivers]]\nname = \"a\"\nkind = \"openai\"\nurl = \"ftp://x\"\nmodel = \"m\"",
                "sessions.drivers[0].url: \"ftp://x\" is neither http nor https",
            ),
            ("[[drivers]]\nname = \"a\"\nkind = \"scripted\"\nfile = \"/none\"", "sessions.drivers[0].file: cannot read /none"),
            (
                "[[drivers]]\nname = \"a\"\nkind = \"command\"\nprogram = \"x\"\n[[drivers]]\nname = \"a\"\nkind = \"command\"\nprogram = \"x\"",
                "sessions.drivers[1].name: \"a\" is there twice",
            ),
        ] {
            let told = check(text).map(|_| ()).unwrap_err();
            assert!(told.contains(problem), "{text}: {told}");
        }
    }
}
