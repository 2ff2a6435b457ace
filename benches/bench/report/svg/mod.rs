//! Small pictures, as text. What they draw is given in the picture's own units of 880 by 360.

pub mod bars;
pub mod lines;

pub const WIDTH: f64 = 880.0;
pub const HEIGHT: f64 = 360.0;
/// Told apart by people who see no red or no green, too.
const COLOURS: [&str; 8] = ["#0b62b0", "#d55e00", "#1a7f37", "#6639ba", "#b08800", "#57606a", "#cc79a7", "#56b4e9"];
const FONT: &str = "-apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

/// The colour of the series of that number.
fn colour(number: usize) -> &'static str {
    COLOURS[number % COLOURS.len()]
}

/// A picture that is being drawn.
pub struct Picture {
    body: String,
}

/// Where a text is anchored.
#[derive(Debug, Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Picture {
    pub fn new(title: &str) -> Picture {
        let mut picture = Picture { body: String::new() };
        picture.body += &format!("  <title>{}</title>\n", escape(title));
        picture.body += &format!("  <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"10\" fill=\"#ffffff\"/>\n");
        picture.text((20.0, 24.0), Anchor::Start, title);
        picture
    }

    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escape(text);
        self.body +=
            &format!("  <text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#24292f\">{text}</text>\n");
    }

    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), colour: &str) {
        self.body += &format!(
            "  <path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" stroke=\"{colour}\" stroke-width=\"1\" fill=\"none\"/>\n"
        );
    }

    /// Through the points; each is marked if they are few.
    pub fn curve(&mut self, points: &[(f64, f64)], colour: &str) {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let path = path.join("L");
        self.body += &format!("  <path d=\"M{path}\" stroke=\"{colour}\" stroke-width=\"2\" fill=\"none\"/>\n");
        if points.len() <= 12 {
            for (x, y) in points {
                self.body += &format!("  <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>\n");
            }
        }
    }

    pub fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str) {
        self.body += &format!(
            "  <rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>\n"
        );
    }

    pub fn finish(self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             font-family=\"{FONT}\" font-size=\"12\">\n{}</svg>\n",
            self.body
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
