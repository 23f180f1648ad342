//! The paper engine: its account, what it holds, what it decided and why.

use leptos::prelude::*;

use crate::app::act::Deed;
use crate::app::components::age::ago;
use crate::app::components::form::{choice, deed, deed_button, field};
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{UNKNOWN, count, signed};
use crate::app::html::{
    Element, Node, Row, b, code, dd, details, div, dl, dt, either, flag, h1, h2, li, p, rows, section, span, submit, summary,
    table, tbody, td, text, th, thead, tr, ul,
};
use crate::client::Live;
use crate::swarm::bounds::order;
use crate::swarm::trades::{Executed, Position, Token};
use crate::swarm::{SwarmState, Touched};

/// How many decisions and trades are shown; the rest are in the log.
const SHOWN: usize = 30;

/// The page of paper trading.
pub fn trading_page() -> Node {
    let live = expect_context::<Live>();
    let any = flag(move || live.read(Touched::TRADES, |state| !state.trades.tokens.is_empty() || state.trades.run.is_some()));
    let nothing = || {
        section()
            .class("nothing")
            .child(p().child("No trading agent yet. The paper engine plays a feed of made-up tokens: no network, no money."))
    };
    vec![
        div()
            .class("page-head")
            .child(h1().child("Trading"))
            .child(p().class("standing").child(text(move || live.read(Touched::TRADES, run))))
            .into(),
        section().class("card").label("The paper engine").child(engine(live)).into(),
        either(any, move || whole(live), nothing),
    ]
    .into()
}

fn run(state: &SwarmState) -> String {
    let Some(run) = &state.trades.run else { return "the paper engine has not run".to_owned() };
    let line = ["line ", &count(run.line), " of ", &run.feed].concat();
    match &run.ended {
        Some(why) => [&line, " · over: ", &visible_line(why)].concat(),
        None => ["runs · ", &line].concat(),
    }
}

fn engine(live: Live) -> Element {
    let start = vec![choice("Feed", "name", live.feeds()), field("Times as fast", "text", "1"), submit().child("Start").into()];
    let by_hand = vec![
        choice("Do", "choice", ["scan", "buy", "sell", "buyback"].map(str::to_owned)),
        field("Token", "name", ""),
        field("Amount", "text", ""),
        submit().child("Do it").into(),
    ];
    div()
        .class("engine")
        .child(deed(Deed::StartTrading, "", start))
        .child(deed_button("Stop", Deed::StopTrading, "", Vec::new()))
        .child(details().child(summary().child("By hand")).child(deed(Deed::Simulate, "", by_hand)))
}

/// A figure's name, and how it is told.
type Figure = (&'static str, fn(&SwarmState) -> String);

fn whole(live: Live) -> Vec<Node> {
    let figures: [Figure; 7] = [
        ("Balance", |state| state.trades.account.balance.map_or_else(|| UNKNOWN.to_owned(), signed)),
        ("Realised", |state| signed(state.trades.account.realized)),
        ("Not yet realised", |state| signed(state.trades.account.unrealized())),
        ("Open positions", |state| count(state.trades.account.positions.len() as u64)),
        ("Won and lost", |state| [&count(state.trades.account.wins), " : ", &count(state.trades.account.losses)].concat()),
        ("Trades of the day", |state| count(state.trades.account.day_trades)),
        ("Bought back", |state| signed(state.trades.bought_back)),
    ];
    let figure =
        |(name, read): Figure| div().child(dt().child(name)).child(dd().child(text(move || live.read(Touched::TRADES, read))));
    let breaker = move || {
        live.read(Touched::TRADES, |state| {
            state.trades.account.breaker.as_ref().map(|it| visible_line(&it.reason)).unwrap_or_default()
        })
    };
    let positions = move || {
        live.read(Touched::TRADES, |state| {
            state
                .trades
                .account
                .positions
                .iter()
                .map(|(mint, it)| Row::new([mint, " ", &it.last.to_string()].concat(), (mint.clone(), it.clone()), position))
                .collect()
        })
    };
    let executed = move || {
        live.read(Touched::TRADES, |state| {
            state.trades.executed.iter().rev().take(SHOWN).map(|it| Row::new(it.seq.to_string(), it.clone(), trade)).collect()
        })
    };
    let part = |id: &'static str, title: &'static str, inside: Node| {
        section()
            .class("card scroll")
            .attr("tabindex", "0")
            .attr("aria-labelledby", id)
            .child(h2().id(id).child(title))
            .child(inside)
    };
    let head =
        |names: &[&'static str]| thead().child(tr().children(names.iter().map(|name| th().attr("scope", "col").child(*name))));
    vec![
        section()
            .class("card figures")
            .label("The account")
            .child(dl().children(figures.map(figure)))
            .child(p().class("refused").child(text(breaker)))
            .into(),
        part(
            "positions-title",
            "Positions",
            table().child(head(&["Token", "Tokens", "Cost", "Price", "Gain"])).child(tbody().child(rows(positions))).into(),
        )
        .into(),
        part(
            "decisions-title",
            "Decisions",
            ul().class("lines").child(rows(move || live.read(Touched::TRADES, decisions))).into(),
        )
        .into(),
        part(
            "trades-title",
            "Trades",
            table().child(head(&["", "Token", "Amount", "Gain", "Why", "When"])).child(tbody().child(rows(executed))).into(),
        )
        .into(),
    ]
}

fn position((mint, it): (String, Position)) -> Node {
    let number = |number: f64| td().class("number").child(signed(number));
    tr().child(th().attr("scope", "row").child(visible_line(&mint)))
        .child(number(it.tokens))
        .child(number(it.cost))
        .child(number(it.price))
        .child(number(it.unrealized()))
        .into()
}

fn decisions(state: &SwarmState) -> Vec<Row> {
    let tokens: Vec<(&String, &Token)> = state.trades.tokens.iter().collect();
    let places = order(tokens.iter().map(|(_, token)| u64::MAX - token.last));
    let row = |(mint, token): (&String, &Token)| {
        Row::new([mint, " ", &token.last.to_string()].concat(), (mint.clone(), token.clone()), decision)
    };
    places.into_iter().take(SHOWN).map(|place| row(tokens[place])).collect()
}

fn decision((mint, token): (String, Token)) -> Node {
    let (mark, word) = match (token.should_trade, token.is_safe) {
        (Some(true), _) => ("working", "trade"),
        (Some(false), _) => ("idle", "leave"),
        (None, Some(false)) => ("failing", "unsafe"),
        (None, _) => ("waiting", "looked at"),
    };
    let reasons = token.reasons.iter().chain(&token.risks).map(|reason| li().child(visible_line(reason)));
    li().child(span().class(["state ", mark].concat()).child(word))
        .child(details().class("grow").child(summary().child(code().child(visible_line(&mint)))).child(ul().children(reasons)))
        .child(ago(move || token.ts))
        .into()
}

fn trade(it: Executed) -> Node {
    let gain = it.profit.map_or_else(|| UNKNOWN.to_owned(), signed);
    tr().child(td().child(b().child(it.side.as_str())))
        .child(th().attr("scope", "row").child(visible_line(&it.mint)))
        .child(td().class("number").child(signed(it.amount)))
        .child(td().class("number").child(gain))
        .child(td().child(it.reason.map(|reason| visible_line(&reason))))
        .child(td().child(ago(move || it.ts)))
        .into()
}
