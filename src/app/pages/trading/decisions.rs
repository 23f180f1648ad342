//! What was decided about each token, with the reasons in their steps.

use leptos::prelude::*;

use super::SHOWN;
use crate::app::components::age::ago;
use crate::app::components::chip::chip;
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{UNKNOWN, count, signed};
use crate::app::html::{Element, Node, Row, a, b, code, details, either, flag, li, ol, p, rows, span, summary, text, ul};
use crate::app::route::Address;
use crate::client::Live;
use crate::swarm::bounds::order;
use crate::swarm::trades::Token;
use crate::swarm::{SwarmState, Touched};

/// The parts of the list that can be chosen, by the address: word, name, what is in it.
type Part = (&'static str, &'static str, fn(&Token) -> bool);

const PARTS: [Part; 4] = [
    ("", "All", |_| true),
    ("trade", "Trade", |it| it.should_trade == Some(true)),
    ("leave", "Leave", |it| it.should_trade == Some(false)),
    ("unsafe", "Unsafe", |it| it.is_safe == Some(false)),
];

/// The tokens and what was decided about them, newest first.
pub(super) fn decisions(live: Live) -> Node {
    let address = expect_context::<Address>();
    let part = move || -> Part {
        let word = address.parameter("decided").unwrap_or_default();
        *PARTS.iter().find(|(part, ..)| *part == word).unwrap_or(&PARTS[0])
    };
    let one = |(word, name, fits): &Part| {
        let (word, fits) = (*word, *fits);
        let to = if word.is_empty() { "/trading".to_owned() } else { ["/trading?decided=", word].concat() };
        let many = text(move || {
            count(live.read(Touched::TRADES, |state| state.trades.tokens.values().filter(|it| fits(it)).count() as u64))
        });
        li().child(chip(to, move || part().0 == word).child(*name).child(b().child(many)))
    };
    let some = flag(move || {
        let fits = part().2;
        live.read(Touched::TRADES, |state| state.trades.tokens.values().any(fits))
    });
    let list =
        move || ul().class("lines decisions").child(rows(move || live.read(Touched::TRADES, |state| listed(state, part().2))));
    let hidden = || p().class("calm small").child("No token is of this kind. ").child(a("/trading").child("Show all"));
    vec![ul().class("chips").label("Show").children(PARTS.iter().map(one)).into(), either(some, list, hidden)].into()
}

fn listed(state: &SwarmState, fits: fn(&Token) -> bool) -> Vec<Row> {
    let tokens: Vec<(&String, &Token)> = state.trades.tokens.iter().filter(|(_, token)| fits(token)).collect();
    let places = order(tokens.iter().map(|(_, token)| u64::MAX - token.last));
    let row = |(mint, token): (&String, &Token)| {
        Row::new([mint, " ", &token.last.to_string()].concat(), (mint.clone(), token.clone()), decision)
    };
    places.into_iter().take(SHOWN).map(|place| row(tokens[place])).collect()
}

fn decision((mint, token): (String, Token)) -> Node {
    let (mark, class, word) = match (token.should_trade, token.is_safe) {
        (Some(true), _) => ("✓", "working", "trade"),
        (Some(false), _) => ("○", "idle", "leave"),
        (None, Some(false)) => ("✕", "failing", "unsafe"),
        (None, _) => ("◌", "waiting", "looked at"),
    };
    let at = token.ts;
    let why = token.reasons.first().or(token.risks.first()).map(|reason| visible_line(reason));
    li().child(
        span()
            .class(["state ", class].concat())
            .child(span().class("glyph").hidden_from_readers().child(mark))
            .child(" ")
            .child(word),
    )
    .child(
        details()
            .class("grow")
            .child(summary().child(code().child(visible_line(&mint))).child(span().class("muted").child(" ")).child(why))
            .child(steps(&token)),
    )
    .child(ago(move || at))
    .into()
}

/// The steps of a decision: what was looked at, what was found, and what came of it.
fn steps(token: &Token) -> Element {
    let list = |reasons: &[String]| {
        (!reasons.is_empty())
            .then(|| ul().class("reasons").children(reasons.iter().map(|reason| li().child(visible_line(reason)))))
    };
    let step = |name: &'static str, mark: &'static str, found: String, reasons: Option<Element>| {
        li().child(span().class("glyph").hidden_from_readers().child(mark))
            .child(b().child(name))
            .child(span().child(found))
            .child(reasons)
    };
    let (mark, found) = match token.is_safe {
        Some(true) => ("✓", "nothing speaks against it".to_owned()),
        Some(false) => ("✕", "this speaks against it:".to_owned()),
        None => ("◌", UNKNOWN.to_owned()),
    };
    let safety = step("Safety", mark, found, list(&token.risks));
    let wallets = match token.smart_money {
        Some(many) => ("✓", [&count(many), " wallets with a good record hold it"].concat()),
        None => ("◌", UNKNOWN.to_owned()),
    };
    let smart = step("Smart money", wallets.0, wallets.1, None);
    let way = match (token.side, token.amount) {
        (Some(side), Some(amount)) => [": ", side.as_str(), " for ", &signed(amount)].concat(),
        (Some(side), None) => [": ", side.as_str()].concat(),
        _ => String::new(),
    };
    let (mark, found) = match token.should_trade {
        Some(true) => ("✓", ["trade", &way].concat()),
        Some(false) => ("○", "leave it".to_owned()),
        None => ("◌", UNKNOWN.to_owned()),
    };
    let decided = step("Decision", mark, found, list(&token.reasons));
    ol().class("steps").children([safety, smart, decided])
}
