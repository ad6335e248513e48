//! The rates of the clients that one may choose from, as a picture for light and dark pages.

use svg::{
    Document,
    node::element::{Line, Rectangle, Style, Text, Title},
};

use crate::report::Row;

/// Pixels: the picture, a bar's place, where bars begin, and the rate of the floor.
const WIDTH: f64 = 760.0;
const STEP: f64 = 30.0;
const LEFT: f64 = 240.0;
const ONE: f64 = 420.0;

/// An image cannot know the page around it, so it brings its own; whether the reader wants it dark
/// it can know.
const STYLE: &str = "
.page { fill: #ffffff }
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.quiet { fill: #59636e }
.limit { fill: #afb8c1 }
.bar { fill: #2f81f7 }
.spread { stroke: #0a3069; stroke-width: 2 }
.floor { stroke: #59636e; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 }
text { fill: #f0f6fc }
.quiet { fill: #9198a1 }
.limit { fill: #484f58 }
.spread { stroke: #cae8ff }
.floor { stroke: #9198a1 }
}";

/// Draws the floor, which is the limit, and the rows that have a place beside it; the text of an SVG
/// file.
pub fn draw(rows: &[Row]) -> String {
    let bottom =
        STEP * rows.iter().filter(|row| row.chart.is_some()).fold(2.0, |bars, _| bars + 1.0);
    let page = Rectangle::new()
        .set("class", "page")
        .set("width", "100%")
        .set("height", "100%")
        .set("rx", 6);
    let mut picture = Document::new()
        .set("viewBox", (0.0, 0.0, WIDTH, bottom + STEP))
        .set("role", "img")
        .add(Title::new("Calls per second, 256 in flight"))
        .add(Style::new(STYLE))
        .add(page)
        .add(text("calls per second, 256 in flight", LEFT, 18.0, "start", "quiet"))
        .add(text(
            "bar: median, as a share of the limit; line: lowest to highest round",
            LEFT,
            bottom + 18.0,
            "start",
            "quiet",
        ));
    picture = bar(picture, "limit", "a hand-written loop: the limit", 1.0, STEP);
    let mut top = 2.0 * STEP;
    for row in rows {
        if let Some(label) = row.chart {
            let (low, median, high) = row.spread();
            picture = bar(picture, "bar", label, median, top);
            let middle = top + STEP / 2.0;
            let spread = Line::new().set("class", "spread").set("y1", middle).set("y2", middle);
            picture = picture.add(spread.set("x1", place(low)).set("x2", place(high)));
            top += STEP;
        }
    }
    picture = picture.add(line("floor", LEFT + ONE, STEP, bottom));
    format!("{picture}\n")
}

fn bar(picture: Document, class: &str, label: &str, rate: f64, top: f64) -> Document {
    let middle = top + STEP / 2.0 + 4.0;
    let bar = Rectangle::new()
        .set("class", class)
        .set("x", LEFT)
        .set("y", top + 6.0)
        .set("width", place(rate) - LEFT)
        .set("height", STEP - 12.0);
    let figure = format!("{:.0} %", rate * 100.0);
    picture.add(text(label, LEFT - 10.0, middle, "end", "")).add(bar).add(text(
        &figure,
        WIDTH - 20.0,
        middle,
        "end",
        "",
    ))
}

/// Where a rate is, from left to right. What is faster than the limit ends at the page's edge.
fn place(rate: f64) -> f64 {
    (LEFT + rate.min(1.05) * ONE).round()
}

fn line(class: &str, x: f64, from: f64, to: f64) -> Line {
    Line::new().set("class", class).set("x1", x).set("x2", x).set("y1", from).set("y2", to)
}

fn text(content: &str, x: f64, y: f64, anchor: &str, class: &str) -> Text {
    Text::new(content).set("x", x).set("y", y).set("text-anchor", anchor).set("class", class)
}
