//! The rates as a picture, for readers with a light or a dark page.

use svg::{
    Document,
    node::element::{Line, Rectangle, Style, Text, Title},
};

use crate::report::{Goal, Row};

/// Pixels: the picture, a bar's place, where bars begin, and the rate of the floor.
const WIDTH: f64 = 760.0;
const STEP: f64 = 30.0;
const LEFT: f64 = 220.0;
const ONE: f64 = 360.0;
/// What is faster than this is drawn as if it were this fast.
const MOST: f64 = 1.35;

/// An image cannot know the page around it, so it brings its own; whether the reader wants it dark
/// it can know.
const STYLE: &str = "
.page { fill: #ffffff }
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.quiet { fill: #59636e }
.bar { fill: #2f81f7 }
.spread { stroke: #0a3069; stroke-width: 2 }
.floor { stroke: #59636e; stroke-dasharray: 4 3 }
.goal { stroke: #bf5b00; stroke-width: 3 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 }
text { fill: #f0f6fc }
.quiet { fill: #9198a1 }
.spread { stroke: #cae8ff }
.floor { stroke: #9198a1 }
.goal { stroke: #f0a050 }
}";

/// Draws the rows that are rates relative to the floor; the text of an SVG file.
pub fn draw(rows: &[Row]) -> String {
    let rates: Vec<&Row> = rows.iter().filter(|row| row.is_rate()).collect();
    let bottom = rates.iter().fold(STEP, |top, _| top + STEP);
    let mut picture = Document::new()
        .set("viewBox", (0.0, 0.0, WIDTH, bottom + STEP))
        .set("role", "img")
        .add(Title::new("Calls per second, relative to the floor"))
        .add(Style::new(STYLE))
        .add(
            Rectangle::new()
                .set("class", "page")
                .set("width", "100%")
                .set("height", "100%")
                .set("rx", 6),
        )
        .add(text("the floor", LEFT + ONE, 16.0, "middle", "quiet"))
        .add(text(
            "bar: median of calls per second; line: lowest to highest round; orange: goal",
            LEFT,
            bottom + 18.0,
            "start",
            "quiet",
        ));
    let mut top = STEP;
    for row in rates {
        picture = bar(picture, row, top);
        top += STEP;
    }
    picture = picture.add(line("floor", LEFT + ONE, STEP - 8.0, bottom));
    format!("{picture}\n")
}

fn bar(picture: Document, row: &Row, top: f64) -> Document {
    let (low, median, high) = row.spread();
    let middle = top + STEP / 2.0;
    let spread = Line::new()
        .set("class", "spread")
        .set("x1", place(low))
        .set("x2", place(high))
        .set("y1", middle)
        .set("y2", middle);
    let mut picture = picture
        .add(text(&row.name, LEFT - 10.0, middle + 4.0, "end", ""))
        .add(
            Rectangle::new()
                .set("class", "bar")
                .set("x", LEFT)
                .set("y", top + 6.0)
                .set("width", place(median) - LEFT)
                .set("height", STEP - 12.0),
        )
        .add(spread);
    if let Some(Goal::AtLeast(goal)) = row.goal {
        picture = picture.add(line("goal", place(goal), top + 3.0, top + STEP - 3.0));
    }
    let figure = format!("{median:.2}");
    picture.add(text(&figure, place(MOST) + 10.0, middle + 4.0, "start", ""))
}

/// Where a rate stands, from left to right.
fn place(rate: f64) -> f64 {
    (LEFT + rate.min(MOST) * ONE).round()
}

fn line(class: &str, x: f64, from: f64, to: f64) -> Line {
    Line::new().set("class", class).set("x1", x).set("x2", x).set("y1", from).set("y2", to)
}

fn text(content: &str, x: f64, y: f64, anchor: &str, class: &str) -> Text {
    Text::new(content).set("x", x).set("y", y).set("text-anchor", anchor).set("class", class)
}
