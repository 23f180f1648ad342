//! What a person does from the page: each [`Deed`] as a call of a service.

use leptos::prelude::use_context;
use serde_json::Value;

use super::AppState;
use crate::app::act::{Deed, Found, Outcome};
use crate::app::route::{Came, encode};
use crate::event::provider::ProviderKind;
use crate::service::memory::Condition;
use crate::service::messages::NewMessage;
use crate::service::providers::ProviderSettings;
use crate::service::sessions::{Answer, NewSession};
use crate::service::tasks::NewTask;
use crate::service::trading::{Action, Order, Simulate};
use crate::service::{Refusal, Services};
use crate::swarm::bounds::clip;

/// Who acts: whoever sits at the page.
const BY: &str = crate::event::WEBUI;
/// How many results of a search the page shows.
const HITS: usize = 30;
/// How much of a refusal goes along in an address, in bytes: what echoes a long text of the asker
/// would be longer than servers and browsers let an address be.
const MAX_REFUSED: usize = 1_200;

/// The texts that come with a deed; each deed says what they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    pub(crate) about: String,
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) choice: String,
}

/// A text that was typed; none where it was left empty.
fn typed(text: String) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A number that was typed; none where nothing was.
fn number<T: std::str::FromStr>(what: &str, text: String) -> Result<Option<T>, Refusal> {
    let Some(text) = typed(text) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Refusal::invalid(format!("{what}: {text:?} is no number")))
}

/// Does it.
pub(crate) async fn perform(services: &Services, deed: Deed, wish: Wish) -> Result<Outcome, Refusal> {
    let mut outcome = Outcome::default();
    let Wish { about, name, text, choice } = wish;
    match deed {
        Deed::StartSession => {
            let new =
                NewSession { title: typed(name), driver: typed(about), permission_mode: typed(choice), ..NewSession::default() };
            let id = services.sessions.create(new).await?;
            if let Some(message) = typed(text) {
                services.sessions.send(&id, &message, BY).await?;
            }
            outcome.to = ["/sessions/", &encode(&id)].concat();
        }
        Deed::Send => services.sessions.send(&about, &text, BY).await?,
        Deed::Abort => services.sessions.abort(&about, BY).await?,
        Deed::Answer => {
            let (allowed, always) = match choice.as_str() {
                "allow" => (true, false),
                "always" => (true, true),
                "deny" => (false, false),
                other => return Err(Refusal::invalid(format!("choice: {other:?} is not allow, always or deny"))),
            };
            let (session, reason, by) = (typed(name), typed(text), BY.to_owned());
            let answer = Answer { session, request_id: about, allowed, always_allow: always, by, reason };
            services.sessions.answer_with(answer).await?;
        }
        Deed::CreateTask => {
            let task = NewTask { priority: number("priority", choice)?, agent: typed(name), ..NewTask::new(text.trim()) };
            services.tasks.create(task).await?;
        }
        Deed::AssignTask => {
            services.tasks.assign(&about, name.trim()).await?;
        }
        Deed::CancelTask => {
            services.tasks.cancel(&about, Some("called off from the page".to_owned())).await?;
        }
        Deed::RetryTask => {
            services.tasks.retry(&about, None).await?;
        }
        Deed::Tell => {
            let from = typed(name).unwrap_or_else(|| BY.to_owned());
            services
                .messages
                .send(NewMessage { from, to: about, message_type: choice, content: text, ..NewMessage::default() })
                .await?;
        }
        Deed::Store => {
            let namespace = typed(about).unwrap_or_else(|| "default".to_owned());
            // What is no JSON is a text.
            let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            services.memory.store(BY, &namespace, &name, value, Condition::Always).await?;
        }
        Deed::Delete => {
            services.memory.delete(BY, &about, &name, None).await?;
        }
        Deed::Search => {
            let hits = services.memory.search(BY, &text, None, HITS).await?.hits.into_iter();
            let found = hits.map(|hit| Found { namespace: hit.entry.namespace, key: hit.entry.key, snippet: hit.snippet });
            outcome.found = found.collect();
        }
        Deed::AddProvider => {
            let kind = ProviderKind::ALL.iter().copied().find(|kind| kind.as_str() == choice);
            let kind = kind.ok_or_else(|| Refusal::invalid(format!("kind: {choice:?} is not ollama, openai or http")))?;
            services.providers.add(BY, ProviderSettings::new(name, kind, text.trim().to_owned())).await?;
        }
        Deed::RemoveProvider => services.providers.remove(BY, &about, None).await?,
        Deed::Probe => {
            services.providers.probe(&about).await?;
        }
        Deed::Check => {
            services.selfcheck.run().await?;
        }
        Deed::StartTrading => {
            let mut order = Order::default();
            order.feed = typed(name).unwrap_or(order.feed);
            order.speed = number("times as fast", text)?.unwrap_or(order.speed);
            services.trading.start_run(order).await?;
        }
        Deed::StopTrading => {
            services.trading.stop_run().await?;
        }
        Deed::Simulate => {
            let action = Action::ALL.iter().copied().find(|action| action.as_str() == choice);
            let action = action.ok_or_else(|| Refusal::invalid(format!("{choice:?} is not scan, buy, sell or buyback")))?;
            services.trading.simulate(Simulate { action, mint: typed(name), amount: number("amount", text)? }).await?;
        }
    }
    Ok(outcome)
}

/// A form that was sent without a script comes back to its page, or goes where its deed leads; a
/// refusal goes along in the address.
pub(crate) fn back(outcome: &Outcome) {
    let came = use_context::<Came>().map_or_else(|| "/".to_owned(), |came| came.0);
    let mut to = if outcome.to.is_empty() { came } else { outcome.to.clone() };
    if !outcome.refused.is_empty() {
        to.push_str(if to.contains('?') { "&" } else { "?" });
        to.push_str(&["refused=", &encode(&clip(&outcome.refused, MAX_REFUSED))].concat());
    }
    leptos_axum::redirect(&to);
}

/// What the page's forms offer to choose from.
pub(crate) fn offers(app: &AppState) -> (Vec<String>, Vec<String>) {
    let drivers = app.services.sessions.drivers().into_iter().map(|driver| driver.name).collect();
    (drivers, app.services.trading.feeds())
}
