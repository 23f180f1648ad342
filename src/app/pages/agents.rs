//! All agents: as a table or as cards, narrowed and sorted by the address.

mod order;
pub(in crate::app::pages) mod row;

use leptos::prelude::*;

use crate::app::components::chip::chip;
use crate::app::components::derived::Derived;
use crate::app::components::narrow::{Direction, asked, field, heading, search, taken, turn};
use crate::app::components::number::count;
use crate::app::components::pace::paced;
use crate::app::components::window::{Shape, Window, column, line, window};
use crate::app::html::{Element, Node, Row, a, b, div, either, flag, h1, li, p, section, span, text, ul, when};
use crate::app::route::Address;
use crate::client::Live;
use crate::swarm::{Attention, Touched, status};
use order::{Wanted, listed};
use row::{agent_card, agent_row};

/// What of the address narrows the list, and how it is called.
const NARROWS: &[(&str, &str)] = &[("status", "standing"), ("q", "text")];

/// What the page shows.
#[derive(Clone, Copy)]
struct Shown {
    live: Live,
    address: Address,
    /// How many agents stand how, in the order of [`Attention::ALL`].
    counts: Derived<Vec<u64>>,
    /// The ids of the agents that are wanted, in order.
    ids: Derived<Vec<String>>,
}

impl Shown {
    fn new() -> Self {
        let live = expect_context::<Live>();
        let address = expect_context::<Address>();
        let pace = paced(live, Touched::AGENTS);
        let counts = Derived::new(move || {
            let now = live.known();
            pace.track();
            live.peek(|state| status::agents_by_attention(state, now).to_vec())
        });
        let wanted = Derived::new(move || Wanted::asked(address));
        let ids = Derived::new(move || {
            let now = live.known();
            wanted.with(|wanted| {
                // What it is sorted by changes all the time: rows change places once a second, with the clock.
                if wanted.sorted.is_none() {
                    pace.track();
                }
                live.peek(|state| listed(state, now, wanted))
            })
        });
        Self { live, address, counts, ids }
    }

    fn all(self) -> u64 {
        self.counts.with(|counts| counts.iter().sum())
    }

    fn many(self) -> u64 {
        self.ids.with(Vec::len) as u64
    }

    fn is_grid(self) -> bool {
        asked(self.address, "view").as_deref() == Some("grid")
    }

    fn rows(self, from: usize, to: usize, draw: fn(String) -> Node) -> Vec<Row> {
        self.ids.with(|ids| {
            let wanted = ids.iter().skip(from).take(to.saturating_sub(from));
            wanted.map(|id| Row::new(id.clone(), id.clone(), draw)).collect()
        })
    }
}

/// The page of all agents.
pub fn agents_page() -> Node {
    let shown = Shown::new();
    let any = flag(move || shown.all() > 0);
    let some = flag(move || shown.many() > 0);
    let found = move || either(some.clone(), move || list(shown), move || nobody(shown));
    vec![head(shown).into(), either(any, found, none)].into()
}

fn head(shown: Shown) -> Element {
    let address = shown.address;
    let standing = move || asked(address, "status").unwrap_or_default();
    let all = chip(turn(address, &[("status", "")]), move || standing().is_empty());
    let all = all.child("all").child(b().child(text(move || count(shown.all()))));
    let chips = Attention::ALL.iter().map(|attention| {
        let attention = *attention;
        let to = text(move || address.with(&[("status", attention.slug())]));
        let link = chip(to, move || standing() == attention.slug())
            .child(span().class(["glyph ", attention.slug()].concat()).hidden_from_readers().child(attention.glyph()))
            .child(attention.as_str())
            .child(b().child(text(move || count(shown.counts.with(|counts| counts[attention as usize])))));
        li().child(link)
    });
    let fields = vec![field(address, "Find", "q", "name, kind, host, task")];
    let views = ul()
        .class("chips views")
        .label("How to show them")
        .child(li().child(chip(turn(address, &[("view", "")]), move || !shown.is_grid()).child("Table")))
        .child(li().child(chip(turn(address, &[("view", "grid")]), move || shown.is_grid()).child("Cards")));
    div()
        .class("work-head")
        .child(
            div()
                .class("page-head")
                .child(h1().child("Agents"))
                .child(ul().class("chips").label("By standing").child(li().child(all)).children(chips)),
        )
        .child(
            div()
                .class("narrow-line")
                .child(search("/agents", address, &["q"], &["status", "view", "sort"], fields))
                .child(views),
        )
}

fn list(shown: Shown) -> Vec<Node> {
    let total = Memo::new(move |_| shown.ids.with(Vec::len));
    let about = Memo::new(move |_| shown.address.with_at(None));
    let window_of = Window { label: "Agents", total, about };
    let cards = move || window(window_of, Shape::List("agent-cards"), move |from, to| shown.rows(from, to, agent_card));
    let table = move || {
        let shape = Shape::Table("agents rowed", headings(shown.address));
        window(window_of, shape, move |from, to| shown.rows(from, to, agent_row)).class("window card")
    };
    let hidden = move || shown.all().saturating_sub(shown.many());
    let rest = move || {
        let words =
            text(move || [&count(shown.many()), " shown, ", &count(hidden()), " hidden by what narrows the list."].concat());
        p().class("muted").child(words)
    };
    let forgotten = move || shown.live.read(Touched::AGENTS, |state| state.agents.forgotten);
    let partial = move || {
        let words = text(move || [&count(forgotten()), " that ended longest ago are no longer kept here."].concat());
        p().class("muted").child(words)
    };
    vec![
        either(flag(move || shown.is_grid()), cards, table),
        when(flag(move || hidden() > 0), rest),
        when(flag(move || forgotten() > 0), partial),
    ]
}

fn headings(address: Address) -> Element {
    let columns: [(&str, &str, Direction); 9] = [
        ("Standing", "standing", Direction::Up),
        ("Agent", "name", Direction::Up),
        ("Since", "since", Direction::Down),
        ("Done", "done", Direction::Down),
        ("Messages", "messages", Direction::Down),
        ("CPU", "cpu", Direction::Down),
        ("Memory", "memory", Direction::Down),
        ("Trust", "trust", Direction::Down),
        ("Health", "health", Direction::Down),
    ];
    let mut heads: Vec<Element> = columns.map(|(word, key, first)| heading(address, word, key, first)).into();
    heads.insert(2, column().class("c-why").child("Why"));
    line().children(heads)
}

fn none() -> Element {
    let way = a("/").child("How to send a first event");
    section().class("nothing").child(p().child("No agent has been heard of. ").child(way))
}

fn nobody(shown: Shown) -> Element {
    let hidden = text(move || count(shown.all()));
    section()
        .class("nothing")
        .child(p().child("No agent is like that now; ").child(hidden).child(" are otherwise."))
        .child(taken(shown.address, NARROWS))
        .child(p().child(a("/agents").child("Show all")))
}
