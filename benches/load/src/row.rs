//! What was measured: figures by name, of somebody, in a scene.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The figures of one measurement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// What was done, such as `paced-500`.
    pub scene: String,
    /// Who did it, such as `swarmdeck`.
    pub who: String,
    /// Its figures; the unit is the end of a name.
    pub figures: BTreeMap<String, f64>,
}

impl Row {
    /// No figures yet.
    pub fn new(scene: &str, who: &str) -> Self {
        Self { scene: scene.to_owned(), who: who.to_owned(), figures: BTreeMap::new() }
    }

    /// Adds a figure.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.figures.insert(name.to_owned(), value);
        self
    }

    /// Its JSON.
    pub fn json(&self) -> Value {
        json!({"scene": self.scene, "who": self.who, "figures": self.figures})
    }
}

/// A figure over several runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The one in the middle; of an even number the mean of the two.
    pub median: f64,
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let last = values.len() - 1;
        Self { median: (values[last / 2] + values[last.div_ceil(2)]) / 2.0, low: values[0], high: values[last] }
    }
}

/// All runs together: by scene and name, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Results {
    rows: Vec<(String, String, BTreeMap<String, Vec<f64>>)>,
}

impl Results {
    /// Adds a measurement of one run.
    pub fn add(&mut self, row: Row) {
        let known = self.rows.iter_mut().find(|(scene, who, _)| *scene == row.scene && *who == row.who);
        let figures = match known {
            Some((_, _, figures)) => figures,
            None => {
                self.rows.push((row.scene, row.who, BTreeMap::new()));
                match self.rows.last_mut() {
                    Some((_, _, figures)) => figures,
                    None => return,
                }
            }
        };
        for (name, value) in row.figures {
            figures.entry(name).or_default().push(value);
        }
    }

    /// A figure; none where it was not measured.
    pub fn get(&self, scene: &str, who: &str, figure: &str) -> Option<Spread> {
        let (_, _, figures) = self.rows.iter().find(|(a, b, _)| a == scene && b == who)?;
        Some(Spread::of(figures.get(figure)?.clone()))
    }

    /// All figures of a row, by name.
    pub fn figures(&self, scene: &str, who: &str) -> Vec<(String, Spread)> {
        let row = self.rows.iter().find(|(a, b, _)| a == scene && b == who);
        let figures = row.map(|(_, _, figures)| figures).into_iter().flatten();
        figures.map(|(name, runs)| (name.clone(), Spread::of(runs.clone()))).collect()
    }

    /// Who was measured in a scene, in order.
    pub fn who(&self, scene: &str) -> Vec<&str> {
        self.rows.iter().filter(|(a, _, _)| a == scene).map(|(_, who, _)| who.as_str()).collect()
    }

    /// Takes the scenes of an earlier file that this one has not measured.
    pub fn keep_others(&mut self, earlier: &Value) {
        for row in earlier["rows"].as_array().into_iter().flatten() {
            let (Some(scene), Some(who)) = (row["scene"].as_str(), row["who"].as_str()) else { continue };
            if self.rows.iter().any(|(a, b, _)| a == scene && b == who) {
                continue;
            }
            let figures = row["figures"].as_object().into_iter().flatten().map(|(name, spread)| {
                let runs = spread["runs"].as_array().into_iter().flatten().filter_map(Value::as_f64);
                (name.clone(), runs.collect::<Vec<f64>>())
            });
            let figures = figures.filter(|(_, runs)| !runs.is_empty()).collect();
            self.rows.push((scene.to_owned(), who.to_owned(), figures));
        }
    }

    /// How often the figures were measured, at least and at most.
    pub fn runs(&self) -> (usize, usize) {
        let runs = || self.rows.iter().flat_map(|(_, _, figures)| figures.values().map(Vec::len));
        (runs().min().unwrap_or(0), runs().max().unwrap_or(0))
    }

    /// Everything, each figure with its median, its extremes and its runs.
    pub fn json(&self) -> Value {
        let rows = self.rows.iter().map(|(scene, who, figures)| {
            let figures: BTreeMap<&String, Value> = figures
                .iter()
                .map(|(name, runs)| {
                    let spread = Spread::of(runs.clone());
                    (name, json!({"median": spread.median, "low": spread.low, "high": spread.high, "runs": runs}))
                })
                .collect();
            json!({"scene": scene, "who": who, "figures": figures})
        });
        rows.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_runs_survives_a_file() {
        let mut results = Results::default();
        for value in [3.0, 1.0, 2.0, 10.0] {
            results.add(Row::new("paced", "floor").with("us", value));
        }
        let spread = Spread { median: 2.5, low: 1.0, high: 10.0 };
        assert_eq!(results.get("paced", "floor", "us"), Some(spread));
        let mut later = Results::default();
        later.keep_others(&json!({"rows": results.json()}));
        assert_eq!(later.get("paced", "floor", "us"), Some(spread));
    }
}
