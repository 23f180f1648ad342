//! All agents, by standing.

use leptos::prelude::*;

use crate::app::components::about::About;
use crate::app::components::chip::chip;
use crate::app::components::number::{bytes, count, rate, share};
use crate::app::html::{
    Element, Node, Row, a, b, div, either, flag, h1, li, p, rows, section, span, table, tbody, td, text, th, thead, tr, ul, when,
};
use crate::app::route::{Address, encode};
use crate::client::Live;
use crate::event::Timestamp;
use crate::swarm::agents::Agent;
use crate::swarm::bounds::order;
use crate::swarm::{Attention, SwarmState, Touched, status};

/// How many rows are shown; the rest are counted.
const SHOWN: usize = 300;
/// What the columns tell.
const COLUMNS: [&str; 9] = ["Standing", "Agent", "Why", "Since", "Tasks", "Messages", "CPU", "Memory", "Trust"];

/// Rows by urgency, then in order: a row does not move while its standing stays.
fn listed(state: &SwarmState, now: Timestamp, wanted: Option<Attention>) -> Vec<Row> {
    let agents: Vec<(&Agent, Attention)> = state
        .agents
        .by_id
        .values()
        .map(|agent| (agent, status::agent(agent, now).attention))
        .filter(|(_, attention)| wanted.is_none_or(|wanted| *attention == wanted))
        .collect();
    let places = order(agents.iter().map(|(_, attention)| *attention as u64));
    let ids = places.into_iter().take(SHOWN).map(|place| &agents[place].0.id);
    ids.map(|id| Row::new(id.clone(), id.clone(), agent_row)).collect()
}

/// What the page shows: agents of one standing, or all.
#[derive(Clone, Copy)]
struct Shown {
    live: Live,
    address: Address,
    /// How many agents stand how, in the order of [`Attention::ALL`].
    counts: Memo<Vec<u64>>,
}

impl Shown {
    fn wanted(self) -> Option<Attention> {
        let word = self.address.parameter("status")?;
        Attention::ALL.iter().copied().find(|attention| attention.slug() == word)
    }

    fn all(self) -> u64 {
        self.counts.with(|counts| counts.iter().sum())
    }

    fn many(self, attention: Attention) -> u64 {
        self.counts.with(|counts| counts[attention as usize])
    }

    fn matching(self) -> u64 {
        self.wanted().map_or_else(|| self.all(), |attention| self.many(attention))
    }

    fn rows(self) -> Vec<Row> {
        let (now, wanted) = (self.live.now.get(), self.wanted());
        self.live.read(Touched::AGENTS, |state| listed(state, now, wanted))
    }
}

/// The page of all agents.
pub fn agents_page() -> Node {
    let live = expect_context::<Live>();
    let counts = Memo::new(move |_| {
        let now = live.now.get();
        live.read(Touched::AGENTS, |state| status::agents_by_attention(state, now).to_vec())
    });
    let shown = Shown { live, address: expect_context(), counts };
    let all = chip("/agents", move || shown.wanted().is_none()).child("all").child(b().child(text(move || count(shown.all()))));
    let chips = Attention::ALL.iter().map(|attention| {
        let attention = *attention;
        let link = chip(["/agents?status=", attention.slug()].concat(), move || shown.wanted() == Some(attention))
            .child(span().class(["glyph ", attention.slug()].concat()).hidden_from_readers().child(attention.glyph()))
            .child(attention.as_str())
            .child(b().child(text(move || count(shown.many(attention)))));
        li().child(link)
    });
    let head = div()
        .class("page-head")
        .child(h1().child("Agents"))
        .child(ul().class("chips").label("By standing").child(li().child(all)).children(chips));
    let some = flag(move || shown.matching() > 0);
    vec![head.into(), either(some, move || found(shown), move || nobody(shown))].into()
}

fn found(shown: Shown) -> Vec<Node> {
    let head = thead().child(tr().children(COLUMNS.map(|name| th().attr("scope", "col").child(name))));
    let body = tbody().child(rows(move || shown.rows()));
    let scroll = div().class("card scroll").attr("tabindex", "0").attr("role", "region").label("Agents");
    let cut = when(flag(move || shown.matching() > SHOWN as u64), move || {
        p().class("muted")
            .child(["The first ", &SHOWN.to_string(), " of "].concat())
            .child(text(move || count(shown.matching())))
            .child("; narrow by standing to see others.")
    });
    vec![scroll.child(table().class("agents").child(head).child(body)).into(), cut]
}

fn nobody(shown: Shown) -> Element {
    let none = || p().child("No agent has been heard of. ").child(a("/").child("How to send a first event"));
    let others = move || {
        p().child("No agent stands so now; ")
            .child(text(move || count(shown.all())))
            .child(" stand otherwise. ")
            .child(a("/agents").child("Show all"))
    };
    section().class("nothing").child(either(flag(move || shown.all() == 0), none, others))
}

fn agent_row(id: String) -> Node {
    let href = ["/agents/", &encode(&id)].concat();
    let about = About::new(id);
    let name = th()
        .attr("scope", "row")
        .child(a(href).child(about.fact(|agent| Some(agent.name.clone()))))
        .child(span().class("muted").child(about.fact(|agent| agent.agent_type.clone())));
    let numbers: [fn(&Agent) -> Option<String>; 5] = [
        |agent| Some([&count(agent.completed), " / ", &count(agent.completed + agent.failed)].concat()),
        |agent| Some(count(agent.sent + agent.received)),
        |agent| agent.cpu.map(|cpu| [&rate(cpu), " %"].concat()),
        |agent| agent.memory.map(bytes),
        |agent| agent.trust.map(share),
    ];
    tr().child(td().child(about.badge()))
        .child(name)
        .child(td().class("why").child(about.stands(|standing| standing.why)))
        .child(td().child(about.since()))
        .children(numbers.map(|number| td().class("number").child(about.fact(number))))
        .into()
}
