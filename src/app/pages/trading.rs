//! The paper engine: its account, what it holds, what it decided and why. All of it is made up, and
//! every part of the page says so.

mod curve;
mod decisions;

use leptos::prelude::*;

use crate::app::act::Deed;
use crate::app::components::age::{ago, time_of_day};
use crate::app::components::form::{choice, deed, deed_button, field, sender};
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{UNKNOWN, count, rate, signed};
use crate::app::html::{
    Element, Node, Row, b, dd, details, div, dl, dt, either, flag, h1, h2, li, p, part, progress, rows, section, span, summary,
    table, tbody, td, text, th, thead, tr, ul, when,
};
use crate::client::Live;
use crate::swarm::trades::{Executed, Position, Statistics};
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
            .child(p().class("lead").child("No trading agent yet."))
            .child(p().child("The paper engine plays a feed of made-up tokens: no network, no money. Start it above."))
    };
    vec![
        div()
            .class("page-head")
            .child(h1().child("Trading"))
            .child(p().class("paper").attr("title", "No network, no money: prices and trades are made up.").child("Simulated"))
            .child(p().class("standing").child(text(move || live.read(Touched::TRADES, run))))
            .into(),
        section().class("card").label("The paper engine").child(engine(live)).child(feed(live)).into(),
        either(any, move || whole(live), nothing),
    ]
    .into()
}

fn run(state: &SwarmState) -> String {
    let Some(run) = &state.trades.run else { return "the paper engine has not run".to_owned() };
    let line = ["line ", &count(run.line.min(run.lines)), " of ", &visible_line(&run.feed)].concat();
    match &run.ended {
        Some(why) => [&line, " · over: ", &visible_line(why)].concat(),
        None => ["runs · ", &line].concat(),
    }
}

fn engine(live: Live) -> Element {
    let start = vec![
        choice("Feed", "name", live.feeds()),
        field("Times as fast", "text", "1"),
        sender().class("primary").child("Start").into(),
    ];
    let by_hand = vec![
        choice("Do", "choice", ["scan", "buy", "sell", "buyback"].map(str::to_owned)),
        field("Token", "name", ""),
        field("Amount", "text", ""),
        sender().child("Do it").into(),
    ];
    div()
        .class("engine")
        .child(deed(Deed::StartTrading, "", start))
        .child(deed_button("Stop", Deed::StopTrading, "", Vec::new()))
        .child(details().child(summary().child("By hand")).child(deed(Deed::Simulate, "", by_hand)))
}

/// How far the feed is worked off, by its own clock, and what of it could not be read.
fn feed(live: Live) -> Node {
    let known = flag(move || live.read(Touched::TRADES, |state| state.trades.run.is_some()));
    let of = move |read: fn(&crate::swarm::trades::Run) -> String| {
        text(move || live.read(Touched::TRADES, |state| state.trades.run.as_ref().map(read).unwrap_or_default()))
    };
    let faults = move || -> Option<Element> {
        let faults = live.read(Touched::TRADES, |state| state.trades.run.as_ref().map(|run| (run.skipped, run.faults.clone())));
        let (skipped, faults) = faults.filter(|(skipped, _)| *skipped > 0)?;
        let lines = faults.iter().map(|fault| li().child(visible_line(fault)));
        let title = [&count(skipped), " lines of the feed cannot be read"].concat();
        Some(details().child(summary().child(title)).child(ul().class("faults").children(lines)))
    };
    let clock = of(|run| match run.at {
        Some(at) => ["the feed’s clock: ", at.to_string().get(..10).unwrap_or_default(), " ", &time_of_day(at), " UTC"].concat(),
        None => String::new(),
    });
    when(known, move || {
        div()
            .class("feed-line")
            .child(
                progress()
                    .label("Lines of the feed worked off")
                    .attr("max", of(|run| run.lines.max(1).to_string()))
                    .attr("value", of(|run| run.line.min(run.lines.max(1)).to_string())),
            )
            .child(
                span()
                    .class("number")
                    .child(of(|run| [&count(run.line.min(run.lines)), " of ", &count(run.lines), " lines"].concat())),
            )
            .child(span().class("muted").child(of(|run| [&rate(run.speed), " times as fast as its clock"].concat())))
            .child(span().class("muted").child(clock.clone()))
            .child(part(faults))
    })
}

/// A figure's name, what it means, and how it is told.
type Figure = (&'static str, &'static str, fn(&Statistics) -> String);

const FIGURES: [Figure; 7] = [
    ("Balance", "What the paper account holds.", |it| it.balance.map_or_else(|| UNKNOWN.to_owned(), signed)),
    ("Realised", "What sales brought beyond the cost, since the account began.", |it| signed(it.realized)),
    ("Not yet realised", "What the open positions are worth beyond their cost.", |it| signed(it.unrealized)),
    ("Today", "What the day’s sales brought, by the clock of the trades.", |it| signed(it.daily)),
    ("Open positions", "How many tokens it holds.", |it| count(it.open_positions)),
    ("Sales won", "Sales with a profit among those with a profit or a loss.", |it| {
        it.win_rate.map_or_else(|| UNKNOWN.to_owned(), |share| [&rate(share), " %"].concat())
    }),
    ("Trades today", "Buys and sales, by the clock of the trades.", |it| count(it.today_trades)),
];

fn statistics(live: Live) -> impl Fn(fn(&Statistics) -> String) -> Element + Copy {
    move |read| {
        let told = text(move || {
            let now = live.now.get();
            live.read(Touched::TRADES, |state| read(&state.trades.statistics(now)))
        });
        dd().child(told)
    }
}

fn whole(live: Live) -> Vec<Node> {
    let told = statistics(live);
    let figure = |(name, means, read): Figure| div().attr("title", means).child(dt().child(name)).child(told(read));
    let part = |id: &'static str, title: &'static str, note: &'static str, inside: Node| {
        section()
            .class("card scroll")
            .attr("tabindex", "0")
            .attr("aria-labelledby", id)
            .child(div().class("head-line").child(h2().id(id).child(title)).child(span().class("muted small").child(note)))
            .child(inside)
    };
    vec![
        section()
            .class("card figures")
            .label("The account")
            .child(dl().children(FIGURES.map(figure)))
            .child(breaker(live))
            .into(),
        part("curve-title", "Worth of the account", "simulated; balance and positions together", curve::curve(live)).into(),
        part("positions-title", "Positions", "simulated", positions(live)).into(),
        part("decisions-title", "Decisions", "step by step, newest first", decisions::decisions(live)).into(),
        part("trades-title", "Trades", "the newest first", trades(live)).into(),
    ]
}

/// What stops buying, said plainly; else how near that is.
fn breaker(live: Live) -> Element {
    let stopped = move || live.read(Touched::TRADES, |state| state.trades.account.breaker.is_some());
    let words = text(move || {
        live.read(Touched::TRADES, |state| {
            let account = &state.trades.account;
            match &account.breaker {
                Some(breaker) => {
                    let until = breaker.until.to_string();
                    let clock = if account.by_feed { ", by the feed’s clock" } else { "" };
                    let at = [until.get(..10).unwrap_or_default(), " ", &time_of_day(breaker.until), " UTC"].concat();
                    ["Buying is stopped until ", &at, clock, ": ", &visible_line(&breaker.reason), ". Sales go on."].concat()
                }
                None => match account.losses_in_row {
                    0 => "Buying is not stopped.".to_owned(),
                    1 => "Buying is not stopped; the last sale was a loss.".to_owned(),
                    many => ["Buying is not stopped; the last ", &count(many), " sales were losses."].concat(),
                },
            }
        })
    });
    p().class(text(move || if stopped() { "breaker stopped" } else { "breaker" }))
        .child(span().class("glyph").hidden_from_readers().child(text(move || if stopped() { "■" } else { "✓" })))
        .child(b().child("Circuit breaker"))
        .child(span().child(words))
}

fn head(names: &[&'static str]) -> Element {
    thead().child(tr().children(names.iter().map(|name| th().attr("scope", "col").child(*name))))
}

fn positions(live: Live) -> Node {
    let any = flag(move || live.read(Touched::TRADES, |state| !state.trades.account.positions.is_empty()));
    let listed = move || {
        let row = |(mint, it): (&String, &Position)| {
            Row::new([mint, " ", &it.last.to_string()].concat(), (mint.clone(), it.clone()), position)
        };
        live.read(Touched::TRADES, |state| state.trades.account.positions.iter().map(row).collect())
    };
    let forgotten = move || live.read(Touched::TRADES, |state| state.trades.account.forgotten);
    let over =
        move || p().class("muted small").child(text(move || [&count(forgotten()), " older ones are not kept here."].concat()));
    let whole = move || -> Node {
        vec![
            table()
                .class("ledger positions")
                .child(head(&["Token", "Tokens", "Bought at", "Price", "Cost", "Gain", "Held"]))
                .child(tbody().child(rows(listed)))
                .into(),
            when(flag(move || forgotten() > 0), over),
        ]
        .into()
    };
    either(any, whole, || p().class("calm small").child("Nothing is held."))
}

/// A gain or a loss: sign, number, and colour last.
fn gain(number: f64) -> Element {
    let class = if number < 0.0 { "number loss" } else { "number gain" };
    let sign = if number > 0.0 { "+" } else { "" };
    span().class(class).child([sign, &signed(number)].concat())
}

fn position((mint, it): (String, Position)) -> Node {
    let number = |number: f64| td().class("number").child(signed(number));
    let share = if it.cost > 0.0 { [" (", &signed(it.unrealized() * 100.0 / it.cost), " %)"].concat() } else { String::new() };
    let opened = it.opened.to_string();
    tr().child(th().attr("scope", "row").child(visible_line(&mint)))
        .child(number(it.tokens))
        .child(number(it.entry))
        .child(number(it.price))
        .child(number(it.cost))
        .child(td().class("number").child(gain(it.unrealized())).child(span().class("muted").child(share)))
        .child(
            td().child(span().class("muted").child(["since ", opened.get(..16).unwrap_or_default()].concat().replace('T', " "))),
        )
        .into()
}

fn trades(live: Live) -> Node {
    let any = flag(move || live.read(Touched::TRADES, |state| !state.trades.executed.is_empty()));
    let listed = move || {
        let row = |it: &Executed| Row::new(it.seq.to_string(), it.clone(), trade);
        live.read(Touched::TRADES, |state| state.trades.executed.iter().rev().take(SHOWN).map(row).collect())
    };
    let counts = text(move || {
        live.read(Touched::TRADES, |state| {
            let it = &state.trades;
            let back = [" · ", &count(it.buybacks), " buybacks of ", &signed(it.bought_back), " together"].concat();
            let (buys, sells) = (count(it.buys), count(it.sells));
            [buys.as_str(), " buys · ", &sells, " sales", if it.buybacks > 0 { &back } else { "" }].concat()
        })
    });
    let whole = move || -> Node {
        vec![
            p().class("muted small").child(counts.clone()).into(),
            table()
                .class("ledger trades")
                .child(head(&["", "Token", "Amount", "Gain", "Why", "Whose", "When"]))
                .child(tbody().child(rows(listed)))
                .into(),
        ]
        .into()
    };
    either(any, whole, || p().class("calm small").child("Nothing was bought or sold."))
}

fn trade(it: Executed) -> Node {
    let brought = it.profit.map_or_else(|| Node::from(UNKNOWN), |profit| gain(profit).into());
    let whose = if it.simulated { "simulated" } else { "as reported" };
    let at = it.ts;
    tr().child(td().child(b().child(it.side.as_str())))
        .child(th().attr("scope", "row").child(visible_line(&it.mint)))
        .child(td().class("number").child(signed(it.amount)))
        .child(td().class("number").child(brought))
        .child(td().child(it.reason.map(|reason| visible_line(&reason))))
        .child(td().class("muted").attr("title", visible_line(&it.signature)).child(whose))
        .child(td().child(ago(move || at)))
        .into()
}
