//! What agents depend on: model servers and services, probed over HTTP.
//!
//! Providers come from `[[providers]]` of the file of settings and from the API, whose ones stand in
//! `providers.json` beside the log. Only these are probed. Both are told to the log as
//! `provider.configured`, so that everybody sees what is probed: at start, whenever they change, and
//! where somebody else says otherwise of them. Where both name the same provider the file wins. What
//! others tell the log of providers that are not set up here is shown as they report it, and the
//! deck sends nothing there.
//!
//! A probe publishes `provider.status_changed` only where the state it finds is another than the
//! log's; a failing provider is asked more and more rarely. A provider that is disabled or removed
//! is published as `STOPPED`. [`probe`] says what each outcome means.
//!
//! In memory only: the newest probe of each, how often it failed in a row, and when the next one is
//! due. After a restart each is probed at once.

mod own;
pub mod probe;
mod prober;
pub mod settings;

pub use probe::Probe;
pub use settings::ProviderSettings;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Refusal, Setup};
use crate::event::provider::{Origin, ProviderKind, ProviderRemoved, ProviderState};
use crate::event::wire::Object;
use crate::event::{Draft, Entity, Filter, Timestamp};
use crate::hub::{DecideError, Hub, Lag, Start};
use crate::swarm::SwarmState;
use crate::swarm::providers::Provider;
use own::Own;
use prober::{Observed, Prober, status};

/// How many providers may be set up, from the file and by API together.
pub const MAX_CONFIGURED: usize = 100;
/// How long to wait before the log is told again what it did not take.
const RETRY: Duration = Duration::from_secs(5);
/// How long to wait after the log was told anew: whoever contradicts again and again is answered at
/// this pace.
const SETTLE: Duration = Duration::from_secs(1);
/// The file of what the API set up.
const FILE: &str = "providers.json";

/// What agents depend on; cheap to clone.
#[derive(Debug, Clone)]
pub struct Providers {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    hub: Hub,
    stopping: CancellationToken,
    tracker: TaskTracker,
    /// What the file of settings says, by name.
    file: Mutex<BTreeMap<String, ProviderSettings>>,
    /// What the API set up.
    own: Own,
    /// Those that are probed.
    probers: Mutex<BTreeMap<String, Prober>>,
}

/// A provider as it stands.
#[derive(Debug, Clone)]
pub struct ProviderView {
    /// Its name.
    pub name: String,
    /// What the log says of it.
    pub known: Provider,
    /// How it is probed, where it is: what the newest probe found, how many in a row failed, and
    /// when the next is due.
    pub probing: Option<Probing>,
}

/// How a provider is probed.
#[derive(Debug, Clone)]
pub struct Probing {
    /// As it was set up.
    pub settings: ProviderSettings,
    /// What the newest probe found; none before the first.
    pub probe: Option<Probe>,
    /// How many probes in a row ended in `ERROR`.
    pub failures: u32,
    /// When the next one is due.
    pub next: Option<Timestamp>,
}

impl Providers {
    /// Tells the log what the file says and begins to probe.
    pub fn start(setup: &Setup) -> Self {
        let inner = Inner {
            hub: setup.hub.clone(),
            stopping: setup.stopping.clone(),
            tracker: setup.tracker.clone(),
            file: Mutex::new(by_name(&setup.config.providers)),
            own: Own::open(setup.data.join(FILE)),
            probers: Mutex::default(),
        };
        let providers = Self { inner: Arc::new(inner) };
        setup.tracker.spawn(providers.clone().follow());
        providers
    }

    /// Takes over what the file says now.
    ///
    /// # Errors
    /// The log does not take it; it is told again at the next change and at the next start.
    pub async fn apply(&self, settings: &[ProviderSettings]) -> Result<(), Refusal> {
        *self.inner.file.lock().unwrap_or_else(PoisonError::into_inner) = by_name(settings);
        self.tell().await?;
        self.reconcile();
        Ok(())
    }

    /// All providers that the log knows, by name.
    pub fn list(&self) -> Vec<ProviderView> {
        let state = self.inner.hub.state();
        state.providers.by_id.iter().map(|(name, known)| self.view(name, known)).collect()
    }

    /// One provider.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn get(&self, name: &str) -> Result<ProviderView, Refusal> {
        let known = self.inner.hub.state().providers.by_id.get(name).cloned();
        known.map(|known| self.view(name, &known)).ok_or_else(|| missing(name))
    }

    /// Sets a provider up; it is probed at once, and from then on.
    ///
    /// # Errors
    /// A field does not fit; the name is taken; there are [`MAX_CONFIGURED`]; it cannot be kept; the
    /// log does not answer.
    pub async fn add(&self, by: &str, settings: ProviderSettings) -> Result<ProviderView, Refusal> {
        settings.check()?;
        if settings.bearer_env.is_some() {
            return Err(Refusal::denied("bearer_env: only the file of settings may name one"));
        }
        let (this, by) = (self.clone(), by.to_owned());
        // An asker that hangs up between leaves nothing half done.
        let added = tokio::spawn(async move {
            let name = settings.name.clone();
            this.keep(settings.clone()).await?;
            let rule = move |state: &SwarmState, _| {
                let known = state.providers.by_id.get(&settings.name).and_then(|known| known.configured.as_ref());
                let told = known.is_some_and(|known| settings.is_told_by(known, Origin::Api));
                Ok::<_, Refusal>((if told { Vec::new() } else { configure(&by, &settings, Origin::Api) }, ()))
            };
            if let Err(error) = this.inner.hub.decide(rule).await {
                this.let_go(&name).await?;
                return Err(error.into());
            }
            this.reconcile();
            this.get(&name)
        });
        added.await.unwrap_or_else(|_| Err(Refusal::unavailable("the provider could not be set up")))
    }

    /// Puts a provider among those of the API, and on disk.
    async fn keep(&self, settings: ProviderSettings) -> Result<(), Refusal> {
        self.change(move |inner, list| {
            let file = inner.file.lock().unwrap_or_else(PoisonError::into_inner);
            let taken =
                |whence: &str| Err(Unchanged(Refusal::conflict(format!("{:?} is set up already, {whence}", settings.name))));
            if file.contains_key(&settings.name) {
                return taken("in the file of settings");
            }
            if list.contains_key(&settings.name) {
                return taken("by API");
            }
            let count = file.len() + list.keys().filter(|name| !file.contains_key(*name)).count();
            if count >= MAX_CONFIGURED {
                return Err(Unchanged(Refusal::conflict(format!("{count} providers are set up, which is the most"))));
            }
            list.insert(settings.name.clone(), settings);
            Ok(())
        })
        .await
    }

    /// Takes a provider from those of the API, where it is one.
    async fn let_go(&self, name: &str) -> Result<Option<ProviderSettings>, Refusal> {
        let name = name.to_owned();
        self.change(move |_, list| Ok(list.remove(&name))).await
    }

    /// Changes what the API set up, off the async threads.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Inner, &mut BTreeMap<String, ProviderSettings>) -> Result<T, Unchanged> + Send + 'static,
    ) -> Result<T, Refusal> {
        let inner = Arc::clone(&self.inner);
        let changed = tokio::task::spawn_blocking(move || inner.own.change(|list| change(&inner, list))).await;
        match changed {
            Ok(changed) => changed.map_err(|unchanged| unchanged.0),
            Err(_) => Err(Refusal::unavailable(format!("{FILE} could not be written"))),
        }
    }

    /// Ends the probing of a provider and takes it off the list; one that only others report, until
    /// they report it again.
    ///
    /// # Errors
    /// There is none of this name; the file sets it up; that it is gone cannot be kept; the log does
    /// not answer.
    pub async fn remove(&self, by: &str, name: &str, reason: Option<String>) -> Result<(), Refusal> {
        if self.inner.file.lock().unwrap_or_else(PoisonError::into_inner).contains_key(name) {
            return Err(Refusal::conflict(format!("{name:?} is set up in the file of settings: remove it there")));
        }
        let (this, by, name) = (self.clone(), by.to_owned(), name.to_owned());
        let removed = tokio::spawn(async move {
            let own = this.let_go(&name).await?;
            let gone = name.clone();
            let decided = this.inner.hub.decide(move |state, _| {
                let known = state.providers.by_id.get(&gone).ok_or_else(|| missing(&gone))?;
                Ok((removal(&by, &gone, known, reason), ()))
            });
            match (decided.await, own) {
                (Ok(_), _) => {}
                // It was not told to the log yet: there is nothing to take back.
                (Err(DecideError::Refused(_)), Some(_)) => {}
                (Err(error), own) => {
                    if let Some(own) = own {
                        this.keep(own).await?;
                    }
                    return Err(error.into());
                }
            }
            this.reconcile();
            Ok(())
        });
        removed.await.unwrap_or_else(|_| Err(Refusal::unavailable("the provider could not be removed")))
    }

    /// The environment variables that hold what providers are asked with, by name.
    pub fn key_variables(&self) -> Vec<String> {
        let file = self.inner.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.values().filter_map(|one| one.bearer_env.clone()).collect()
    }

    /// Probes a provider now; several who ask at once share one probe.
    ///
    /// # Errors
    /// There is none of this name; it is not probed by this deck, or no longer.
    pub async fn probe(&self, name: &str) -> Result<ProviderView, Refusal> {
        let asks = {
            let probers = self.inner.probers.lock().unwrap_or_else(PoisonError::into_inner);
            probers.get(name).map(|prober| prober.asks.clone())
        };
        let Some(asks) = asks else {
            self.get(name)?;
            return Err(Refusal::conflict(format!("{name:?} is not probed: it is disabled, or only reported by others")));
        };
        let (reply, answer) = oneshot::channel();
        let ended = || Refusal::conflict(format!("{name:?} was removed or set up anew meanwhile"));
        asks.send(reply).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?;
        self.get(name)
    }

    /// Their names and kinds, of those that are probed.
    pub fn probed(&self) -> Vec<(String, ProviderKind)> {
        let probers = self.inner.probers.lock().unwrap_or_else(PoisonError::into_inner);
        probers.iter().map(|(name, prober)| (name.clone(), prober.settings.kind)).collect()
    }

    fn view(&self, name: &str, known: &Provider) -> ProviderView {
        let probers = self.inner.probers.lock().unwrap_or_else(PoisonError::into_inner);
        let probing = probers.get(name).map(|prober| {
            let Observed { probe, failures, next } = prober.observed.borrow().clone();
            Probing { settings: prober.settings.clone(), probe, failures, next }
        });
        drop(probers);
        let mut known = known.clone();
        // Others may say of a provider that it is to be probed: that is what they say.
        known.configured.take_if(|_| !self.inner.is_set_up(name));
        ProviderView { name: name.to_owned(), known, probing }
    }

    /// Tells the log what is set up, then follows what is said of it there.
    async fn follow(self) {
        let mut filter = Filter::everything();
        filter.add("types", "provider.configured,provider.removed").expect("the patterns are well formed");
        let mut changes = self.inner.hub.subscribe(Start::Now, filter, Lag::Log);
        loop {
            // What others say of a provider that is set up here changes nothing. It is probed once the
            // log knows it: what the first probe finds is then published.
            let told = self.tell().await;
            self.reconcile();
            let pause = match told {
                Ok(false) => {
                    let next = tokio::select! {
                        () = self.inner.stopping.cancelled() => break,
                        next = changes.next() => next,
                    };
                    match next {
                        Ok(_) => continue,
                        Err(error) => {
                            tracing::error!(%error, "providers.follow");
                            RETRY
                        }
                    }
                }
                Ok(true) => SETTLE,
                Err(refusal) => {
                    tracing::warn!(%refusal, "providers.tell.failed: trying again");
                    RETRY
                }
            };
            tokio::select! {
                () = self.inner.stopping.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Publishes what is set up where it differs from what the log says of it; whether it did.
    async fn tell(&self) -> Result<bool, Refusal> {
        if untold(&self.inner.hub.state(), &self.inner.set_up()).is_empty() {
            return Ok(false);
        }
        let inner = Arc::clone(&self.inner);
        self.inner.hub.decide(move |state, _| Ok::<_, Refusal>((untold(state, &inner.set_up()), ()))).await?;
        Ok(true)
    }

    /// Starts and ends probers until they are those that are set up.
    fn reconcile(&self) {
        // Held from the first look: two at once would else undo each other.
        let mut probers = self.inner.probers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wanted: BTreeMap<String, ProviderSettings> =
            self.inner.set_up().into_iter().map(|(name, (settings, _))| (name, settings)).collect();
        wanted.retain(|_, settings| settings.enabled);
        probers.retain(|name, prober| wanted.get(name) == Some(&prober.settings));
        for (name, settings) in wanted {
            probers.entry(name).or_insert_with_key(|name| {
                tracing::info!(provider = %name, endpoint = %settings.url, "providers.probing");
                let (prober, task) = Prober::start(&self.inner.hub, settings, self.inner.stopping.child_token());
                self.inner.tracker.spawn(task);
                prober
            });
        }
    }
}

/// What is set up, by name, and where.
type SetUp = BTreeMap<String, (ProviderSettings, Origin)>;

impl Inner {
    fn is_set_up(&self, name: &str) -> bool {
        self.own.has(name) || self.file.lock().unwrap_or_else(PoisonError::into_inner).contains_key(name)
    }

    fn set_up(&self) -> SetUp {
        let with = |origin| move |(name, settings)| (name, (settings, origin));
        let mut all: SetUp = self.own.all().into_iter().map(with(Origin::Api)).collect();
        all.extend(self.file.lock().unwrap_or_else(PoisonError::into_inner).clone().into_iter().map(with(Origin::File)));
        all
    }
}

/// Why the list of the API's providers is as it was.
struct Unchanged(Refusal);

impl From<std::io::Error> for Unchanged {
    fn from(error: std::io::Error) -> Self {
        Self(Refusal::unavailable(format!("{FILE} cannot be written: {error}")))
    }
}

fn by_name(settings: &[ProviderSettings]) -> BTreeMap<String, ProviderSettings> {
    settings.iter().map(|one| (one.name.clone(), one.clone())).collect()
}

fn missing(name: &str) -> Refusal {
    Refusal::missing(format!("there is no provider {name:?}"))
}

/// The events that make the log say of what is set up what is true of it.
fn untold(state: &SwarmState, set_up: &SetUp) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (name, known) in state.providers.by_id.iter() {
        let of_file = known.configured.as_ref().is_some_and(|configured| configured.origin == Origin::File);
        if of_file && !set_up.contains_key(name) {
            drafts.extend(removal("core", name, known, Some("it is no longer in the file of settings".to_owned())));
        }
    }
    for (name, (settings, origin)) in set_up {
        let known = state.providers.by_id.get(name).and_then(|known| known.configured.as_ref());
        if !known.is_some_and(|known| settings.is_told_by(known, *origin)) {
            drafts.extend(configure("core", settings, *origin));
        }
    }
    drafts
}

fn configure(by: &str, settings: &ProviderSettings, origin: Origin) -> Vec<Draft> {
    let mut drafts = vec![Draft::new(by, Entity::new("provider", &settings.name), settings.event(origin))];
    if !settings.enabled {
        drafts.push(status(settings, ProviderState::Stopped, None, None));
    }
    drafts
}

/// That a provider is stopped, for those who know only states, and that it is gone.
fn removal(by: &str, name: &str, known: &Provider, reason: Option<String>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if let Some(configured) = known.configured.as_ref().filter(|_| known.state != ProviderState::Stopped) {
        drafts.push(status(&ProviderSettings::of(name, configured), ProviderState::Stopped, None, None));
    }
    let gone = ProviderRemoved { reason, extra: Object::new() };
    drafts.push(Draft::new(by, Entity::new("provider", name), gone));
    drafts
}
