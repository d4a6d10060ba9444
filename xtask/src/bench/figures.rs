//! Figures of a benchmark: collected over the rounds, shown as a table, written as JSON.

use std::path::Path;

use crate::error::{Context, Result, fail};
use crate::json::Json;

/// All figures of one run, in the order in which they were first reported.
#[derive(Default)]
pub(crate) struct Figures(Vec<Figure>);

struct Figure {
    name: String,
    unit: String,
    note: String,
    values: Vec<f64>,
    /// Bounds that the program knows itself; the values may lie further out.
    low: f64,
    high: f64,
}

impl Figures {
    /// Takes one reported line.
    ///
    /// # Errors
    /// When it lacks a name, a finite value or a unit, or changes a figure's unit.
    pub(crate) fn add(&mut self, line: &str) -> Result<()> {
        let json = Json::parse(line);
        let member = |name| json.as_ref().and_then(|json| json.member(name));
        let number = |name| member(name).and_then(Json::as_number).filter(|number| number.is_finite());
        let (Some(name), Some(value), Some(unit)) =
            (member("name").and_then(Json::as_text), number("value"), member("unit").and_then(Json::as_text))
        else {
            return fail(format!("a figure needs `name`, `value` and `unit`, this line has not: {line}"));
        };
        let figure = self.figure(name, unit);
        if figure.unit != unit {
            return fail(format!("{name} was reported in {} and in {unit}", figure.unit));
        }
        figure.values.push(value);
        figure.low = figure.low.min(number("low").unwrap_or(value)).min(value);
        figure.high = figure.high.max(number("high").unwrap_or(value)).max(value);
        if let Some(note) = member("note").and_then(Json::as_text) {
            note.clone_into(&mut figure.note);
        }
        Ok(())
    }

    pub(crate) fn print(&self) {
        let width = self.0.iter().map(|figure| figure.name.len()).max().unwrap_or(0);
        println!(
            "\n{:<width$}  {:>12}  {:>25}  {:<6} rounds",
            "figure", "median", "lowest … highest", "unit"
        );
        for figure in &self.0 {
            let spread = format!("{} … {}", shown(figure.low), shown(figure.high));
            let Figure { name, unit, note, values, .. } = figure;
            println!(
                "{name:<width$}  {:>12}  {spread:>25}  {unit:<6} {:>6}  {note}",
                shown(figure.median()),
                values.len()
            );
        }
        println!("\non {}", machine());
    }

    /// Writes the form that other tools read.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let text = format!("{}\n", self.to_json());
        std::fs::write(file, text).context(|| format!("writing {}", file.display()))
    }

    fn to_json(&self) -> Json {
        let figures = self.0.iter().map(|figure| {
            Json::object([
                ("name", Json::text(&figure.name)),
                ("value", Json::Number(figure.median())),
                ("unit", Json::text(&figure.unit)),
                ("low", Json::Number(figure.low)),
                ("high", Json::Number(figure.high)),
                ("note", Json::text(&figure.note)),
            ])
        });
        Json::object([("machine", Json::text(machine())), ("figures", Json::List(figures.collect()))])
    }

    fn figure(&mut self, name: &str, unit: &str) -> &mut Figure {
        let index = match self.0.iter().position(|figure| figure.name == name) {
            Some(index) => index,
            None => {
                self.0.push(Figure {
                    name: name.to_owned(),
                    unit: unit.to_owned(),
                    note: String::new(),
                    values: Vec::new(),
                    low: f64::INFINITY,
                    high: f64::NEG_INFINITY,
                });
                self.0.len() - 1
            }
        };
        &mut self.0[index]
    }
}

impl Figure {
    fn median(&self) -> f64 {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
    }
}

/// Three significant digits or so: more would be noise.
fn shown(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        small if small < 1.0 => 4,
        small if small < 10.0 => 3,
        middle if middle < 1000.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

/// Processor, cores and system: figures of two machines must not be taken for each other.
fn machine() -> String {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split_once(": "));
    let model = model.map_or(std::env::consts::ARCH, |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores, {}", std::env::consts::OS)
}

#[cfg(test)]
mod tests {
    use super::Figures;

    fn figures(lines: &[&str]) -> Figures {
        let mut figures = Figures::default();
        for line in lines {
            figures.add(line).unwrap();
        }
        figures
    }

    #[test]
    fn rounds_become_a_median_with_its_spread() {
        let lines =
            [3.0, 9.0, 1.0, 4.0].map(|value| format!(r#"{{"name":"a","value":{value},"unit":"us"}}"#));
        let json = figures(&lines.each_ref().map(String::as_str)).to_json();
        let figure = &json.member("figures").unwrap().as_list().unwrap()[0];
        let number = |name: &str| figure.member(name).unwrap().as_number().unwrap();
        assert_eq!([number("value"), number("low"), number("high")], [3.5, 1.0, 9.0]);
    }

    #[test]
    fn bounds_that_a_program_knows_are_kept() {
        let json =
            figures(&[r#"{"name":"p99","value":5,"unit":"ms","low":2,"high":8,"note":"n"}"#]).to_json();
        assert!(json.to_string().contains(r#""value":5,"unit":"ms","low":2,"high":8,"note":"n""#));
    }

    #[test]
    fn refuses_lines_that_are_no_figures() {
        for line in ["{", r#"{"name":"a","value":"1","unit":"us"}"#, r#"{"name":"a","value":1}"#] {
            assert!(Figures::default().add(line).is_err(), "{line}");
        }
        let mut mixed = figures(&[r#"{"name":"a","value":1,"unit":"us"}"#]);
        assert!(mixed.add(r#"{"name":"a","value":1,"unit":"ms"}"#).is_err());
    }
}
