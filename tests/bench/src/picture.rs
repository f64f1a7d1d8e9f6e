//! The picture for the README: what matters most, as bars, in the reader's own light or dark.

use std::fmt::Write as _;

use crate::function::Who;
use crate::report::Row;

const PANELS: [(&str, &str); 4] = [
    ("answered", "Cold start to the first answered sign-in"),
    ("answered_tls", "The same, upstreams over TLS"),
    ("sign_in_cpu", "Processor time of a warm sign-in"),
    ("peak", "Peak memory after the first sign-in"),
];
const WIDTH: f64 = 820.0;
const BAR_LEFT: f64 = 170.0;
const BAR_SPACE: f64 = 470.0;
const LINE: f64 = 24.0;
const PANEL: f64 = 118.0;
const TOP: f64 = 28.0;

const STYLE: &str = "\
    text { font: 14px system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', sans-serif; fill: #1f2328 } \
    .title { font-weight: 600 } .note { fill: #59636e; font-size: 13px } \
    .floor { fill: #afb8c1 } .function { fill: #c2410c } .peer { fill: #57606a } \
    @media (prefers-color-scheme: dark) { \
    text { fill: #e6edf3 } .note { fill: #9198a1 } \
    .floor { fill: #4b535d } .function { fill: #fb8b4b } .peer { fill: #8b949e } }";

/// An SVG document.
pub(crate) fn picture(rows: &[Row], machine: &str) -> String {
    let panels: Vec<(&str, &Row)> =
        PANELS.iter().filter_map(|(key, title)| Some((*title, rows.iter().find(|row| row.key == *key)?))).collect();
    let height = TOP + PANEL * u32::try_from(panels.len()).map_or(0.0, f64::from) + 12.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Cold start, processor time and memory, beside a bare function and Node.js\">\n\
         <style>{STYLE}</style>\n"
    );
    let mut y = TOP;
    for (title, row) in panels {
        let most = Who::ALL.iter().filter_map(|who| row.median(*who)).fold(0.0, f64::max);
        _ = writeln!(svg, "<text class=\"title\" x=\"16\" y=\"{y}\">{title}</text>");
        for (place, (who, class, name)) in [
            (Who::Floor, "floor", "bare function"),
            (Who::Function, "function", "this project"),
            (Who::Peer, "peer", "Node.js"),
        ]
        .into_iter()
        .enumerate()
        {
            let Some(value) = row.median(who) else { continue };
            let top = y + 10.0 + LINE * u32::try_from(place).map_or(0.0, f64::from);
            let length = (BAR_SPACE * value / most).max(1.0);
            let (name_end, baseline, label) = (BAR_LEFT - 10.0, top + 13.5, BAR_LEFT + length + 8.0);
            let ratio = match (who, row.median(Who::Floor), row.median(Who::Function)) {
                (Who::Function, Some(floor), _) => format!("{:.1} × the bare function", value / floor),
                (Who::Peer, _, Some(function)) => format!("{:.0} × ours", value / function),
                _ => String::new(),
            };
            _ = writeln!(
                svg,
                "<text x=\"{name_end}\" y=\"{baseline}\" text-anchor=\"end\">{name}</text>\
                 <rect class=\"{class}\" x=\"{BAR_LEFT}\" y=\"{top}\" width=\"{length:.1}\" height=\"18\" rx=\"2\"/>\
                 <text x=\"{label:.1}\" y=\"{baseline}\">{} <tspan class=\"note\" dx=\"6\">{ratio}</tspan></text>",
                row.cell(who)
            );
        }
        y += PANEL;
    }
    let (bottom, machine) = (height - 10.0, machine.replace('&', "&amp;").replace('<', "&lt;"));
    _ = writeln!(svg, "<text class=\"note\" x=\"16\" y=\"{bottom}\">{machine}</text>\n</svg>");
    svg
}
