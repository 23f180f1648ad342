//! What agents depend on: model servers and services, probed over HTTP.
//!
//! Providers come from `[[providers]]` of the file of settings and from the API. Both stand in the
//! log as `provider.configured`, so that those of the API survive a restart and everybody sees what
//! is probed; what the file says is told to the log at start and whenever the file changes. Where
//! both name the same provider the file wins.
//!
//! A probe publishes `provider.status_changed` only where the state it finds is another than the
//! log's; a failing provider is asked more and more rarely. A provider that is disabled or removed
//! is published as `STOPPED`. [`probe`] says what each outcome means.
//!
//! In memory only: the newest probe of each, how often it failed in a row, and when the next one is
//! due. After a restart each is probed at once.

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
use crate::hub::{Hub, Lag, Start};
use crate::swarm::SwarmState;
use crate::swarm::providers::Provider;
use prober::{Observed, Prober, status};

/// How many providers may be set up, from the file and by API together.
pub const MAX_CONFIGURED: usize = 100;
/// How long to wait before the log is told again what it did not take.
const RETRY: Duration = Duration::from_secs(5);

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
    /// What the file says, by name.
    file: Mutex<BTreeMap<String, ProviderSettings>>,
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

    /// Sets a provider up; it is probed at once.
    ///
    /// # Errors
    /// A field does not fit; the name is taken; there are [`MAX_CONFIGURED`]; the log does not answer.
    pub async fn add(&self, by: &str, settings: ProviderSettings) -> Result<ProviderView, Refusal> {
        settings.check()?;
        if settings.bearer_env.is_some() {
            return Err(Refusal::denied("bearer_env: only the file of settings may name one"));
        }
        let (by, name) = (by.to_owned(), settings.name.clone());
        let decided = self.inner.hub.decide(move |state, _| {
            let configured = state.providers.by_id.values().filter(|known| known.configured.is_some()).count();
            let known = state.providers.by_id.get(&settings.name).and_then(|known| known.configured.as_ref());
            if let Some(known) = known {
                let origin = if known.origin == Origin::File { "in the file of settings" } else { "by API" };
                return Err(Refusal::conflict(format!("{:?} is set up already, {origin}", settings.name)));
            }
            if configured >= MAX_CONFIGURED {
                return Err(Refusal::conflict(format!("{configured} providers are set up, which is the most")));
            }
            Ok((configure(&by, &settings, Origin::Api), ()))
        });
        decided.await?;
        self.reconcile();
        self.get(&name)
    }

    /// Ends the probing of a provider and takes it off the list; one that only others report too,
    /// until they report it again.
    ///
    /// # Errors
    /// There is none of this name; the file sets it up; the log does not answer.
    pub async fn remove(&self, by: &str, name: &str, reason: Option<String>) -> Result<(), Refusal> {
        let (by, gone) = (by.to_owned(), name.to_owned());
        let decided = self.inner.hub.decide(move |state, _| {
            let known = state.providers.by_id.get(&gone).ok_or_else(|| missing(&gone))?;
            if known.configured.as_ref().is_some_and(|configured| configured.origin == Origin::File) {
                return Err(Refusal::conflict(format!("{gone:?} is set up in the file of settings: remove it there")));
            }
            Ok((removal(&by, &gone, known, reason), ()))
        });
        decided.await?;
        self.reconcile();
        Ok(())
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
        ProviderView { name: name.to_owned(), known: known.clone(), probing }
    }

    /// Tells the log what the file says, then follows who else sets providers up.
    async fn follow(self) {
        let mut filter = Filter::everything();
        filter.add("types", "provider.configured,provider.removed").expect("the patterns are well formed");
        let mut changes = self.inner.hub.subscribe(Start::Now, filter, Lag::Log);
        while let Err(refusal) = self.tell().await {
            tracing::warn!(%refusal, "providers.tell.failed: trying again");
            self.reconcile();
            tokio::select! {
                () = self.inner.stopping.cancelled() => return,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
        loop {
            self.reconcile();
            let next = tokio::select! {
                () = self.inner.stopping.cancelled() => break,
                next = changes.next() => next,
            };
            if let Err(error) = next {
                tracing::error!(%error, "providers.follow");
                tokio::select! {
                    () = self.inner.stopping.cancelled() => break,
                    () = tokio::time::sleep(RETRY) => {}
                }
            }
        }
    }

    /// Publishes what in the file differs from what the log says of it.
    async fn tell(&self) -> Result<(), Refusal> {
        let file = self.inner.file.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if untold(&self.inner.hub.state(), &file).is_empty() {
            return Ok(());
        }
        self.inner.hub.decide(move |state, _| Ok::<_, Refusal>((untold(state, &file), ()))).await?;
        Ok(())
    }

    /// Starts and ends probers until they are those of the file and of the folded state.
    fn reconcile(&self) {
        // Held from the first look: two at once would else undo each other.
        let mut probers = self.inner.probers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wanted = self.inner.file.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let state = self.inner.hub.state();
        for (name, known) in state.providers.by_id.iter() {
            let Some(configured) = known.configured.as_ref().filter(|configured| configured.origin == Origin::Api) else {
                continue;
            };
            let settings = ProviderSettings::of(name, configured);
            // Whoever sends events may set a provider up too; what the API would refuse is refused here.
            match settings.check() {
                Ok(()) if wanted.len() < MAX_CONFIGURED => {
                    wanted.entry(name.clone()).or_insert(settings);
                }
                Ok(()) => tracing::debug!(provider = %name, "providers.ignored: there are too many"),
                Err(refusal) => tracing::debug!(provider = %name, %refusal, "providers.ignored"),
            }
        }
        drop(state);
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

fn by_name(settings: &[ProviderSettings]) -> BTreeMap<String, ProviderSettings> {
    settings.iter().map(|one| (one.name.clone(), one.clone())).collect()
}

fn missing(name: &str) -> Refusal {
    Refusal::missing(format!("there is no provider {name:?}"))
}

/// The events that make the log say of the file's providers what the file says.
fn untold(state: &SwarmState, file: &BTreeMap<String, ProviderSettings>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (name, known) in state.providers.by_id.iter() {
        let of_file = known.configured.as_ref().is_some_and(|configured| configured.origin == Origin::File);
        if of_file && !file.contains_key(name) {
            drafts.extend(removal("core", name, known, Some("it is no longer in the file of settings".to_owned())));
        }
    }
    for (name, settings) in file {
        let known = state.providers.by_id.get(name).and_then(|known| known.configured.as_ref());
        if !known.is_some_and(|known| settings.is_told_by(known)) {
            drafts.extend(configure("core", settings, Origin::File));
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
