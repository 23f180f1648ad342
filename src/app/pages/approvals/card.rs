//! One request: what would run, who asks and why now, what it might do, and the answers.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::super::sessions::pretty::pretty;
use super::hints::{Hint, hints};
use crate::app::act::Deed;
use crate::app::components::age::{ago, time_of_day};
use crate::app::components::form::{deed_heard, hidden};
use crate::app::components::hostile::{visible, visible_line};
use crate::app::components::number::{UNKNOWN, count};
use crate::app::hands::Hands;
use crate::app::hands::keys::Does;
use crate::app::html::{
    Element, Node, a, b, code, details, div, either, flag, h2, input, label, li, ol, p, pre, progress, span, submit, summary,
    text, time, ul, when,
};
use crate::app::pages::sessions::took;
use crate::app::route::encode;
use crate::client::Live;
use crate::event::WEBUI;
use crate::swarm::Touched;
use crate::swarm::sessions::{Decided, Entry, EntryKind, Request, Session, Verdict};

/// How many events before the request say why it comes now.
const BEFORE: usize = 3;
/// How long a second press of the same button counts as the first, in milliseconds.
const SAME_PRESS_MS: u64 = 400;
/// How little time left is little, in milliseconds.
const SOON_MS: u64 = 60_000;
/// How much of an earlier event is shown, in characters.
const MAX_GLANCE: usize = 160;

/// Which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) session: String,
    pub(super) request: String,
}

/// A request as it was asked.
#[derive(Clone)]
struct Asked {
    key: Key,
    title: String,
    agent: Option<String>,
    folder: Option<String>,
    mode: Option<String>,
    driven: bool,
    request: Request,
    before: Vec<Entry>,
}

impl Asked {
    fn of(session: &Session, key: &Key, request: &Request) -> Self {
        let earlier = session.transcript.iter().filter(|entry| entry.seq < request.by.seq);
        let skipped = earlier.clone().count().saturating_sub(BEFORE);
        Self {
            key: key.clone(),
            title: session.title.clone().unwrap_or_else(|| session.id.clone()),
            agent: session.agent.clone(),
            folder: session.workspace.clone(),
            mode: session.permission_mode.clone(),
            driven: session.driver.is_some(),
            request: request.clone(),
            before: earlier.skip(skipped).cloned().collect(),
        }
    }
}

/// A request, which stays where it stands when it is answered.
pub(super) fn card(key: Key) -> Node {
    let live = expect_context::<Live>();
    let find = |key: &Key| {
        live.peek(|state| {
            let session = state.sessions.by_id.get(&key.session)?;
            Some(Asked::of(session, key, session.open.get(&key.request)?))
        })
    };
    let Some(asked) = find(&key) else { return Node::Nothing };
    let text_of = asked.request.command.iter().chain(&asked.request.input).cloned().collect::<Vec<_>>().join(" ");
    let risks = hints(&asked.request.tool_name, &text_of, asked.folder.as_deref());
    let grave = risks.iter().any(|hint| hint.is_grave());
    // What was chosen here, if anything was.
    let here = RwSignal::new(String::new());
    let waits = {
        let key = key.clone();
        flag(move || {
            live.read(Touched::SESSIONS, |state| {
                state.sessions.by_id.get(&key.session).is_some_and(|session| session.open.contains_key(&key.request))
            })
        })
    };
    let (seq, heading) = (asked.request.by.seq.to_string(), ["ask-", &asked.request.by.seq.to_string()].concat());
    let (named, title) = (heading.clone(), heading.clone());
    let open = move || open_card(&asked, &risks, grave, here, &heading);
    let done = move || settled(&key, here, &title);
    li().class("card approval")
        .attr("data-row", seq)
        .attr("tabindex", "0")
        .attr("aria-labelledby", named)
        .child(either(waits, open, done))
        .into()
}

/// Joins the keys that answer the request that has the focus, as long as the caller's owner stands.
pub(super) fn answer_by_keys() {
    let hands = expect_context::<Hands>();
    hands.handle(Does::Allow, || press("button.allow"));
    hands.handle(Does::Deny, || press("button.deny"));
}

/// Presses a button of the card that has the focus; where none has it nothing is answered.
fn press(which: &str) {
    let card = document().active_element().and_then(|active| active.closest("li.approval").ok().flatten());
    let found = card.and_then(|card| card.query_selector(which).ok().flatten());
    if let Some(button) = found.and_then(|button| button.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _no_focus = button.focus();
        button.click();
    }
}

fn open_card(asked: &Asked, risks: &[Hint], grave: bool, here: Chosen, heading: &str) -> Vec<Node> {
    let request = &asked.request;
    let link = |to: &str, id: &str, words: &str| a([to, &encode(id)].concat()).child(visible_line(words));
    let who = asked.agent.as_ref().map(|agent| vec![Node::from(" by "), link("/agents/", agent, agent).into()]);
    let input = request.input.as_ref().map(|input| {
        let shown = pre().attr("tabindex", "0").child(visible(&pretty(input)));
        match &request.command {
            Some(_) => details().class("more").child(summary().child("Everything it would be called with")).child(shown),
            None => shown,
        }
    });
    let cut = (request.cut > 0).then(|| {
        let more = [&count(request.cut), " bytes more are not kept here; they are in the log, at event "].concat();
        p().class("refused").child(more).child(count(request.by.seq)).child(".")
    });
    vec![
        div()
            .class("ask-head")
            .child(
                h2().id(heading.to_owned())
                    .child(span().class("glyph needs-you").hidden_from_readers().child("◆"))
                    .child(b().child(visible_line(&request.tool_name)))
                    .child(
                        span()
                            .class("whose")
                            .child(" in ")
                            .child(link("/sessions/", &asked.key.session, &asked.title))
                            .child(who.map(Node::Several)),
                    ),
            )
            .child(countdown(request))
            .into(),
        request.description.as_ref().map(|words| p().class("purpose").child(visible(words))).into(),
        request
            .command
            .as_ref()
            .map(|command| pre().class("command").attr("tabindex", "0").child(code().child(visible(command))))
            .into(),
        input.into(),
        cut.into(),
        hint_list(risks).into(),
        facts(asked),
        why_now(&asked.before),
        answers_now(asked, grave, here),
    ]
}

fn hint_list(risks: &[Hint]) -> Option<Element> {
    let one = |hint: &Hint| {
        let class = if hint.is_grave() { "risk grave" } else { "risk" };
        li().class(class).child(span().hidden_from_readers().child(if hint.is_grave() { "▲ " } else { "△ " })).child(hint.words())
    };
    let list = || {
        div()
            .class("hints")
            .child(
                span().class("muted").attr("title", "Guessed from its words by plain rules; they may be wrong.").child("Hints"),
            )
            .child(ul().children(risks.iter().map(one)))
    };
    (!risks.is_empty()).then(list)
}

/// How long it still waits, for eyes and for readers.
fn countdown(request: &Request) -> Element {
    let live = expect_context::<Live>();
    let (asked, until) = (request.by.ts, request.expires_at);
    let left = move || until.since(live.now.get());
    let words = text(move || {
        if !live.awake.get() {
            return ["lapses at ", &time_of_day(until), " UTC"].concat();
        }
        match left() {
            0 => "its time is over".to_owned(),
            left => ["lapses in ", &remaining(left)].concat(),
        }
    });
    let class = text(move || if live.awake.get() && left() < SOON_MS { "lapse soon" } else { "lapse" });
    let whole = until.since(asked).max(1);
    let bar = move || {
        progress()
            .hidden_from_readers()
            .attr("max", "1000")
            .attr("value", text(move || (left().min(whole) * 1_000 / whole).to_string()))
    };
    div()
        .class(class)
        .child(time().attr("datetime", until.to_string()).attr("title", until.to_string()).child(words))
        .child(when(flag(move || live.awake.get()), bar))
}

/// The time left, in its two largest units.
fn remaining(ms: u64) -> String {
    let seconds = ms.div_ceil(1_000);
    let two = |large: u64, unit: &str, small: u64, smaller: &str| {
        let rest = if small == 0 { String::new() } else { [" ", &small.to_string(), smaller].concat() };
        [&large.to_string(), unit, &rest].concat()
    };
    match seconds {
        0..60 => [&seconds.to_string(), " s"].concat(),
        60..3_600 => two(seconds / 60, " m", seconds % 60, " s"),
        3_600..86_400 => two(seconds / 3_600, " h", seconds % 3_600 / 60, " m"),
        _ => two(seconds / 86_400, " d", seconds % 86_400 / 3_600, " h"),
    }
}

fn facts(asked: &Asked) -> Node {
    let at = asked.request.by.ts;
    let fact = |name: &'static str, words: Option<&String>| {
        let known = words.map_or_else(|| UNKNOWN.to_owned(), |words| visible_line(words));
        span().child(span().class("muted").child(name)).child(" ").child(known)
    };
    let then = if asked.driven { "it is denied, and the agent goes on without it" } else { "it counts as denied" };
    p().class("ask-facts")
        .child(span().child(span().class("muted").child("waits")).child(" ").child(ago(move || at)))
        .child(fact("works in", asked.folder.as_ref()))
        .child(fact("permission", asked.mode.as_ref()))
        .child(span().child(span().class("muted").child("if nobody answers")).child(" ").child(then))
        .into()
}

fn why_now(before: &[Entry]) -> Node {
    let line = |entry: &Entry| {
        let glance: String = visible_line(entry.text.trim()).chars().take(MAX_GLANCE).collect();
        let tool = entry.tool.as_deref().map(visible_line).unwrap_or_default();
        let (mark, what) = match entry.kind {
            EntryKind::Prompt => ("›", "was told"),
            EntryKind::Text => ("“", "said"),
            EntryKind::Tool if entry.is_error => ("✕", "failed with"),
            EntryKind::Tool if entry.done => ("✓", "used"),
            EntryKind::Tool => ("◌", "uses"),
            EntryKind::Permission => ("◆", "asked for"),
        };
        let ts = entry.ts;
        li().child(span().class("glyph").hidden_from_readers().child(mark))
            .child(span().class("muted").child(what))
            .child((!tool.is_empty()).then(|| b().child(tool)))
            .child(span().class("grow").child(glance))
            .child(ago(move || ts))
    };
    if before.is_empty() {
        return p().class("muted small").child("Nothing came before it in this session, as far as is kept.").into();
    }
    div().class("why-now").child(span().class("muted").child("Just before")).child(ol().children(before.iter().map(line))).into()
}

/// The answers, where there is something to answer: what the page shows of the past is over.
fn answers_now(asked: &Asked, grave: bool, here: Chosen) -> Node {
    let (live, asked) = (expect_context::<Live>(), asked.clone());
    let past = || p().class("muted small").child("This is the past: nothing can be answered here.");
    either(flag(move || live.past().is_some()), past, move || answers(&asked, grave, here))
}

/// What was chosen here.
type Chosen = RwSignal<String>;
/// When a button was pressed that has to be pressed twice, in milliseconds; 0 where it was not.
type Armed = RwSignal<u64>;

fn answers(asked: &Asked, grave: bool, here: Chosen) -> Node {
    let (once, always): (Armed, Armed) = (RwSignal::new(0), RwSignal::new(0));
    let answer = |choice: &'static str, more: Vec<Node>| {
        let mut fields = vec![hidden("name", asked.key.session.clone()).into(), hidden("choice", choice).into()];
        fields.extend(more);
        // Once it is answered the card may be gone.
        deed_heard(Deed::Answer, asked.key.request.clone(), fields, move |asked| {
            let _gone = here.try_set(if asked { choice } else { "" }.to_owned());
        })
    };
    let allow = |class: &'static str, (mine, other): (Armed, Armed), plain: &'static str, sure: &'static str| {
        let is_armed = move || mine.get() > 0;
        let press = move |event: web_sys::Event| {
            let now = event.time_stamp() as u64;
            match mine.get_untracked() {
                _ if !grave => {}
                0 => {
                    event.prevent_default();
                    other.set(0);
                    mine.set(now.max(1));
                }
                before if now.saturating_sub(before) > SAME_PRESS_MS => {}
                _ => event.prevent_default(),
            }
        };
        submit()
            .class(text(move || if is_armed() { [class, " armed"].concat() } else { class.to_owned() }))
            .on("click", press)
            .on("blur", move |_| {
                let _gone = mine.try_set(0);
            })
            .on("keydown", move |event| {
                let escapes = event.dyn_ref::<web_sys::KeyboardEvent>().is_some_and(|event| event.key() == "Escape");
                if escapes && mine.get_untracked() > 0 {
                    event.prevent_default();
                    mine.set(0);
                }
            })
            .child(text(move || if is_armed() { sure } else { plain }))
    };
    let tool = visible_line(&asked.request.tool_name);
    let rule = ["“Always” means: ", &tool, ", with anything, unasked, until this session is over."].concat();
    let words = label()
        .class("words")
        .child(span().child("Words for the agent, if you deny"))
        .child(input().attr("type", "text").attr("name", "text").attr("maxlength", "500").attr("autocomplete", "off"));
    let warn = p().class("warn").attr("role", "alert").child(text(move || {
        if once.get().max(always.get()) > 0 {
            "By its words this cannot be undone. Press once more to allow it, Esc to leave it."
        } else {
            ""
        }
    }));
    div()
        .class("answers")
        .child(answer("allow", vec![allow("allow", (once, always), "Allow once", "Really allow once").into()]))
        .child(answer(
            "always",
            vec![
                allow("always", (always, once), "Always in this session", "Really allow always")
                    .attr("title", rule.clone())
                    .into(),
            ],
        ))
        .child(answer("deny", vec![words.into(), submit().class("deny").child("Deny").into()]).class("deed one denial"))
        .child(p().class("rule muted").child(rule))
        .child(warn)
        .into()
}

/// What became of it, in place of the answers.
fn settled(key: &Key, here: Chosen, title: &str) -> Element {
    let live = expect_context::<Live>();
    let had_focus = live.awake.get_untracked() && focused_card();
    let found = live.peek(|state| {
        state.sessions.decided.iter().rev().find(|it| it.session == key.session && it.request == key.request).cloned()
    });
    let line = match found {
        Some(it) => {
            let (at, mine) = (it.at.ts, is_mine(&it, &here.get_untracked()));
            vec![outcome(&it, if mine { Whose::Here } else { Whose::Elsewhere }), ago(move || at)]
        }
        None => vec!["It waits no more; what became of it is in the log.".into()],
    };
    div().class("settled").id(title.to_owned()).attr("role", "status").children(line).ready(move |element| {
        let card = element.closest("li").ok().flatten().filter(|_| had_focus);
        if let Some(card) = card.and_then(|card| card.dyn_into::<web_sys::HtmlElement>().ok()) {
            let _no_focus = card.focus();
        }
    })
}

/// Whether the focus is in a card; with what has it the card's answers go.
fn focused_card() -> bool {
    let active = document().active_element();
    active.is_some_and(|active| active.closest("li.approval .answers").is_ok_and(|found| found.is_some()))
}

/// Whether what was decided is what was chosen here, on a page.
fn is_mine(it: &Decided, chosen: &str) -> bool {
    it.by.as_deref() == Some(WEBUI)
        && matches!((it.verdict, chosen), (Verdict::Allowed, "allow") | (Verdict::Always, "always") | (Verdict::Denied, "deny"))
}

/// Where a request was answered, as far as whoever reads of it cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Here,
    Elsewhere,
    Anywhere,
}

/// What became of a request, in words.
pub(super) fn outcome(it: &Decided, whose: Whose) -> Node {
    let (mark, class) = match it.verdict {
        Verdict::Allowed | Verdict::Always => ("✓", "glyph done"),
        Verdict::Denied => ("✕", "glyph failing"),
        Verdict::Lapsed | Verdict::Withdrawn => ("◌", "glyph idle"),
    };
    let who = match &it.by {
        Some(_) if whose == Whose::Here => " by you".to_owned(),
        Some(by) if whose == Whose::Elsewhere => [" elsewhere, by ", &visible_line(by)].concat(),
        Some(by) => [" by ", &visible_line(by)].concat(),
        None => String::new(),
    };
    let command = it.command.as_deref().map(visible_line).unwrap_or_default();
    let waited = [" after ", &took(it.at.ts.since(it.asked))].concat();
    vec![
        span().class(class).hidden_from_readers().child(mark).into(),
        b().child(it.verdict.as_str()).into(),
        span().child(who).child(span().class("muted").child(waited)).into(),
        b().class("tool-name").child(visible_line(&it.tool_name)).into(),
        code().class("grow").child(command).into(),
        it.reason.as_ref().map(|reason| span().class("reason").child(["“", &visible_line(reason), "”"].concat())).into(),
    ]
    .into()
}

#[cfg(test)]
mod tests {
    use super::{is_mine, remaining};
    use crate::event::{Timestamp, WEBUI};
    use crate::swarm::Evidence;
    use crate::swarm::sessions::{Decided, Verdict};

    #[test]
    fn an_answer_is_mine_where_a_page_gave_it_and_it_was_chosen_here() {
        let decided = |by: Option<&str>| Decided {
            session: "s".to_owned(),
            title: None,
            agent: None,
            request: "r".to_owned(),
            tool_name: "t".to_owned(),
            command: None,
            verdict: Verdict::Allowed,
            by: by.map(str::to_owned),
            reason: None,
            asked: Timestamp(0),
            at: Evidence { seq: 1, ts: Timestamp(0), kind: String::new() },
        };
        assert!(is_mine(&decided(Some(WEBUI)), "allow"));
        // Refused here, chosen otherwise, decided by another program, or by nobody.
        assert!(["", "always", "deny"].iter().all(|chosen| !is_mine(&decided(Some(WEBUI)), chosen)));
        assert!(!is_mine(&decided(Some("cli")), "allow") && !is_mine(&decided(None), "allow"));
    }

    #[test]
    fn the_time_left_has_two_units() {
        let told = [1, 59_001, 272_000, 3_600_000, 3_660_000, 90_000_000].map(remaining);
        assert_eq!(told, ["1 s", "1 m", "4 m 32 s", "1 h", "1 h 1 m", "1 d 1 h"]);
    }
}
