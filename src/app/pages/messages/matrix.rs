//! Who talks to whom: the busiest agents against each other, everybody else summed up.

use super::wanted::way_to;
use crate::app::components::derived::Derived;
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{bytes, count};
use crate::app::html::{Element, Node, Row, a, div, h2, p, rows, section, span, table, tbody, td, text, th, thead, tr};
use crate::swarm::SwarmState;
use crate::swarm::bounds::order;
use crate::swarm::messages::Pair;
use crate::swarm::table::Table;

/// How many agents have a row and a column of their own.
const AGENTS: usize = 12;
/// Whoever a message to all is for.
const ALL: &str = "*";

/// Who spoke with whom, by number: names are looked up once.
pub struct Spoken<'a> {
    /// Who spoke or was spoken to.
    pub ids: Vec<&'a str>,
    /// From whom to whom, and what went that way.
    pub pairs: Vec<(usize, usize, &'a Pair)>,
}

impl<'a> Spoken<'a> {
    /// Of all pairs that are counted.
    pub fn of(state: &'a SwarmState) -> Self {
        let (mut ids, mut numbers): (Vec<&str>, Table<u64>) = (Vec::new(), Table::default());
        let mut number = |id: &'a str| match numbers.get(id) {
            Some(number) => *number as usize,
            None => {
                numbers.insert(id, ids.len() as u64);
                ids.push(id);
                ids.len() - 1
            }
        };
        // Pairs come in order of who sends.
        let mut last: Option<(&str, usize)> = None;
        let pairs = state.messages.pairs.values().map(|pair| {
            let from = match last {
                Some((id, number)) if id == pair.from => number,
                _ => number(&pair.from),
            };
            last = Some((&pair.from, from));
            (from, number(&pair.to), pair)
        });
        let pairs = pairs.collect();
        Self { ids, pairs }
    }
}

/// How many messages were of pairs that are not counted any more.
pub fn forgotten(state: &SwarmState) -> u64 {
    let counted: u64 = state.messages.pairs.values().map(|pair| pair.count).sum();
    state.messages.total.saturating_sub(counted)
}

/// What went one way between two.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cell {
    count: u64,
    bytes: u64,
    errors: u64,
}

/// Who talks to whom. After the agents come a row for all others, and columns for all others and for messages to all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matrix {
    /// The busiest agents, the busiest first.
    agents: Vec<String>,
    /// How many more agents there are.
    others: u64,
    cells: Vec<Vec<Cell>>,
    /// The most in one cell between two agents.
    most: u64,
    /// Messages of pairs that are forgotten.
    forgotten: u64,
}

impl Matrix {
    /// As the messages so far make it.
    pub fn of(state: &SwarmState) -> Self {
        let Spoken { ids, pairs } = Spoken::of(state);
        let mut sums = vec![0_u64; ids.len()];
        for (from, to, pair) in &pairs {
            sums[*from] += pair.count;
            sums[*to] += pair.count;
        }
        let agents: Vec<usize> =
            order(sums.iter().map(|sum| u64::MAX - sum)).into_iter().filter(|at| ids[*at] != ALL).take(AGENTS).collect();
        let to_anybody = ids.iter().filter(|id| **id == ALL).count();
        let others = (ids.len() - to_anybody).saturating_sub(agents.len()) as u64;
        let (from_others, to_others, to_all) = (agents.len(), agents.len(), agents.len() + 1);
        let mut cells = vec![vec![Cell::default(); to_all + 1]; from_others + 1];
        // Where each of them stands: in a row of its own, or with all others.
        let mut places = vec![to_others; ids.len()];
        agents.iter().enumerate().for_each(|(place, at)| places[*at] = place);
        for (from, to, pair) in &pairs {
            let row = places[*from].min(from_others);
            let column = if ids[*to] == ALL { to_all } else { places[*to] };
            let cell = &mut cells[row][column];
            cell.count += pair.count;
            cell.bytes += pair.bytes;
            cell.errors += pair.errors;
        }
        let most = cells[..from_others].iter().flat_map(|row| &row[..to_others]).map(|cell| cell.count).max().unwrap_or(0);
        let agents = agents.into_iter().map(|at| ids[at].to_owned()).collect();
        Self { agents, others, cells, most, forgotten: forgotten(state) }
    }

    /// How dark a cell is, in steps from 0 to 5; a step for each doubling below the most.
    fn step(&self, count: u64) -> u8 {
        let times = self.most.checked_div(count);
        times.map_or(0, |times| 5_u32.saturating_sub(times.max(1).ilog2()).max(1) as u8)
    }

    /// The columns that have anything in them beside those of the agents: others, all.
    fn columns(&self) -> Vec<usize> {
        let used = |column: &usize| *column < self.agents.len() || self.cells.iter().any(|row| row[*column].count > 0);
        (0..self.agents.len() + 2).filter(used).collect()
    }

    fn name(&self, column: usize) -> String {
        match self.agents.get(column) {
            Some(id) => visible_line(id),
            None if column == self.agents.len() => [&count(self.others), " others"].concat(),
            None => "all".to_owned(),
        }
    }

    /// Its rows, each with what it shows as its key.
    fn rows(&self) -> Vec<Row> {
        let columns = self.columns();
        let used = |row: &usize| *row < self.agents.len() || self.cells[*row].iter().any(|cell| cell.count > 0);
        let row = |row: usize| {
            let cell = |column: &usize| Told {
                cell: self.cells[row][*column].clone(),
                step: if row < self.agents.len() && *column < self.agents.len() {
                    self.step(self.cells[row][*column].count)
                } else {
                    0
                },
                words: [&self.name(row), " to ", &self.name(*column)].concat(),
                way: self.agents.get(row).and_then(|from| {
                    let to = if *column > self.agents.len() { ALL } else { self.agents.get(*column)?.as_str() };
                    Some(way_to(from, to).into_owned())
                }),
            };
            let cells: Vec<Told> = columns.iter().map(cell).collect();
            let mut key = self.name(row);
            for told in &cells {
                for number in [told.cell.count, told.cell.errors, u64::from(told.step)] {
                    key.push(' ');
                    key.push_str(&number.to_string());
                }
                key.push_str(&told.words);
            }
            Row::new(key, (self.name(row), cells), matrix_row)
        };
        (0..=self.agents.len()).filter(used).map(row).collect()
    }
}

/// A cell as it is shown.
struct Told {
    cell: Cell,
    step: u8,
    words: String,
    way: Option<String>,
}

fn matrix_row((name, cells): (String, Vec<Told>)) -> Node {
    tr().child(th().attr("scope", "row").child(span().class("clipped").child(name)))
        .children(cells.into_iter().map(matrix_cell))
        .into()
}

fn matrix_cell(told: Told) -> Element {
    let Told { cell, step, words, way } = told;
    let class = ["number h", &char::from(b'0' + step).to_string()].concat();
    if cell.count == 0 {
        return td().class(class).child(span().class("unseen").child("none")).child(span().hidden_from_readers().child("·"));
    }
    let errors = if cell.errors > 0 { [", ", &count(cell.errors), " of them errors"].concat() } else { String::new() };
    let all = [&words, ": ", &count(cell.count), " messages, ", &bytes(cell.bytes as f64), &errors].concat();
    let sign = (cell.errors > 0).then(|| span().class("failed-sign").hidden_from_readers().child("✕"));
    let number = count(cell.count);
    td().class(class).child(match way {
        Some(way) => a(way).label(all.clone()).attr("title", all).child(number).child(sign),
        None => span().attr("title", all).child(number).child(sign),
    })
}

/// The matrix as a part of the page.
pub fn matrix(matrix: Derived<Matrix>) -> Element {
    let heads = rows(move || {
        matrix.with(|matrix| {
            let name = |column: usize| {
                let name = matrix.name(column);
                Row::new([&column.to_string(), " ", &name].concat(), name, |name| {
                    th().attr("scope", "col").child(span().child(name)).into()
                })
            };
            matrix.columns().into_iter().map(name).collect()
        })
    });
    let corner = th().attr("scope", "col").child(span().child("from ↓  to →"));
    let bounds = text(move || {
        matrix.with(|matrix| {
            let others = if matrix.others > 0 {
                [
                    "The ",
                    &count(matrix.agents.len() as u64),
                    " busiest agents; the other ",
                    &count(matrix.others),
                    " are summed up. ",
                ]
                .concat()
            } else {
                String::new()
            };
            let gone = if matrix.forgotten > 0 {
                [
                    &count(matrix.forgotten),
                    " messages of pairs that were silent for long are not counted in it; such a pair counts anew.",
                ]
                .concat()
            } else {
                String::new()
            };
            [others, gone].concat()
        })
    });
    section()
        .class("card")
        .attr("aria-labelledby", "pairs-title")
        .child(h2().id("pairs-title").child("Who talks to whom"))
        .child(
            div().class("scroll").attr("tabindex", "0").attr("role", "group").label("Table, scrolls sideways").child(
                table()
                    .class("matrix")
                    .child(thead().child(tr().child(corner).child(heads)))
                    .child(tbody().child(rows(move || matrix.with(Matrix::rows)))),
            ),
        )
        .child(p().class("muted bounds").child(bounds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(pairs: &[(&str, &str, u64)]) -> SwarmState {
        let mut state = SwarmState::default();
        for (from, to, count) in pairs {
            let (count, last) = (*count, 0);
            let pair = Pair {
                from: (*from).into(),
                to: (*to).into(),
                count,
                bytes: count * 10,
                errors: u64::from(*from == "bad"),
                last,
                recent: 0,
                recent_errors: 0,
            };
            state.messages.pairs.insert(&[from, "\u{1f}", to].concat(), pair);
            state.messages.total += count;
        }
        state
    }

    #[test]
    fn the_busiest_come_first_and_all_are_counted() {
        let matrix = Matrix::of(&state(&[("a", "b", 9), ("b", "a", 1), ("c", "*", 2), ("bad", "a", 4)]));
        assert_eq!(matrix.agents, ["a", "b", "bad", "c"]);
        assert_eq!((matrix.cells[0][1].count, matrix.cells[1][0].count, matrix.cells[2][0].errors), (9, 1, 1));
        assert_eq!(matrix.cells[3][5].count, 2, "to all has a column of its own");
        assert_eq!((matrix.others, matrix.most, matrix.forgotten), (0, 9, 0));
        assert_eq!([9, 5, 4, 1, 0].map(|count| matrix.step(count)), [5, 5, 4, 2, 0]);
        assert_eq!(matrix.columns(), [0, 1, 2, 3, 5], "nobody else was told anything");
    }

    #[test]
    fn many_are_summed_up() {
        let names: Vec<String> = (0..40).map(|n| format!("n{n:02}")).collect();
        let pairs: Vec<(&str, &str, u64)> = (1..40).map(|n| (names[n].as_str(), names[0].as_str(), 100 - n as u64)).collect();
        let mut state = state(&pairs);
        state.messages.total += 7;
        let matrix = Matrix::of(&state);
        assert_eq!((matrix.agents.len(), matrix.others, matrix.forgotten), (AGENTS, 28, 7));
        let all: u64 = matrix.cells.iter().flatten().map(|cell| cell.count).sum();
        assert_eq!(all, pairs.iter().map(|(.., count)| count).sum::<u64>());
        assert_eq!(matrix.rows().len(), AGENTS + 1);
    }
}
