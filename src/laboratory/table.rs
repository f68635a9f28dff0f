//! What was found out about one trace, as a terminal shows it.

use super::finding::Finding;
use super::lineup::Contender;
use super::search::Search;
use super::size::Unit;
use super::study::{Column, Measured};
use crate::latency::Paint;
use crate::sys::quantity::{format_bytes, format_count, format_duration_ns, format_rate};

/// Width of the column of names, and of a size.
const NAME_WIDTH: usize = 13;
const CELL_WIDTH: usize = 14;

/// The finding in words and a table; `details` adds what each policy keeps and how fast it was simulated.
pub fn text(finding: &Finding, colour: bool, details: bool) -> String {
    let paint = Paint { colour };
    let mut text = format!("{}\n", finding.description);
    text += &counts(finding, paint);
    for unit in [Unit::Objects, Unit::Bytes] {
        text += &table(finding, unit, paint);
    }
    if details {
        text += &costs(finding, paint);
    }
    text += &speed(finding, paint);
    if let Some(search) = &finding.search {
        text += &recommendation(search, finding);
    }
    text
}

/// 1234567 → "1,234,567".
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// How far the ratios of a sample may be off, in words.
pub(super) fn accuracy(finding: &Finding) -> Option<String> {
    let points = |contender| finding.error(contender).map(|error| error * 100.0);
    let lfu = if finding.study.contenders.contains(&Contender::Lfu) {
        format!(" (lfu: {:.2})", points(Contender::Lfu)?)
    } else {
        String::new()
    };
    Some(format!(
        "miss ratios are off by about {:.2} points on average{lfu}",
        points(Contender::Lru)?
    ))
}

fn counts(finding: &Finding, paint: Paint) -> String {
    let first = finding.distinct as f64 / finding.requests.max(1) as f64 * 100.0;
    let about = if finding.rate < 1.0 { "about " } else { "" };
    let mut text = format!(
        "{} requests for {about}{} distinct keys; {first:.2} % are first requests, which miss in every cache\n",
        grouped(finding.requests),
        grouped(finding.distinct),
    );
    if let Some(error) = accuracy(finding) {
        let line = format!(
            "sample: {} keys, {:.4} % of all; {error}",
            grouped(u64::from(finding.keys)),
            finding.rate * 100.0,
        );
        text += &format!("{}\n", paint.yellow(&line));
    }
    if finding.bad > 0 {
        let line = format!("{} records could not be read and are left out", finding.bad);
        text += &format!("{}\n", paint.yellow(&line));
    }
    text
}

/// The sizes of one unit; nothing where there is none.
fn table(finding: &Finding, unit: Unit, paint: Paint) -> String {
    let study = &finding.study;
    let places: Vec<usize> = (0..study.columns.len())
        .filter(|place| study.columns[*place].unit == unit)
        .collect();
    if places.is_empty() {
        return String::new();
    }
    let head = |name: &str, of: &dyn Fn(&Column) -> String| {
        let mut line = format!("{name:<NAME_WIDTH$}");
        for place in &places {
            line += &format!("{:>CELL_WIDTH$}", of(&study.columns[*place]));
        }
        format!("{}\n", paint.dim(line.trim_end()))
    };
    let mut text = format!(
        "\n{}",
        head("miss ratio, %", &|column| column.asked.to_string())
    );
    if unit == Unit::Objects {
        text += &head("objects", &|column| grouped(column.size));
    }
    let best = |place: usize| -> Option<f64> {
        let cells = study.cells.iter().filter_map(|cells| cells[place]);
        cells.map(|cell| cell.miss_ratio).min_by(f64::total_cmp)
    };
    for (contender, cells) in study.contenders.iter().zip(&study.cells) {
        text += &format!("{:<NAME_WIDTH$}", contender.name());
        for place in &places {
            text += &cell(&cells[*place], &study.floor[*place], best(*place), paint);
        }
        text.push('\n');
    }
    if places.iter().any(|place| study.floor[*place].is_some()) {
        let mut line = format!("{:<NAME_WIDTH$}", "opt (floor)");
        for place in &places {
            line += &match &study.floor[*place] {
                Some(floor) => format!("{:>7.2}{:>7}", floor.miss_ratio * 100.0, ""),
                None => format!("{:>CELL_WIDTH$}", "–"),
            };
        }
        text += &format!("{}\n", paint.dim(line.trim_end()));
        text += &paint.dim(
            "* the least of its column; +points above the floor, which needs to know the future\n",
        );
    } else {
        text += &paint.dim("* the least of its column\n");
    }
    text
}

/// `  12.34 +5.67*`: ratio, points above the floor, the mark of the best.
fn cell(
    cell: &Option<Measured>,
    floor: &Option<Measured>,
    best: Option<f64>,
    paint: Paint,
) -> String {
    let Some(cell) = cell else {
        return format!("{:>CELL_WIDTH$}", "–");
    };
    let ratio = format!("{:>7.2}", cell.miss_ratio * 100.0);
    let (ratio, mark) = if Some(cell.miss_ratio) == best {
        (paint.bold(&ratio), paint.bold("*"))
    } else {
        (ratio, " ".to_owned())
    };
    match floor {
        Some(floor) => {
            let above = format!("{:>+6.2}", (cell.miss_ratio - floor.miss_ratio) * 100.0);
            format!("{ratio}{}{mark}", paint.dim(&above))
        }
        None => format!("{ratio}{mark}{:>6}", ""),
    }
}

/// What each simulation took a request, and what a policy keeps beside the objects at the largest size.
fn costs(finding: &Finding, paint: Paint) -> String {
    let study = &finding.study;
    let mut head = format!("{:<NAME_WIDTH$}", "ns a request");
    for column in &study.columns {
        head += &format!("{:>CELL_WIDTH$}", column.asked.to_string());
    }
    head += &format!("{:>CELL_WIDTH$}", "kept beside");
    let mut text = format!("\n{}\n", paint.dim(&head));
    let requests = (finding.requests as f64 * finding.rate).max(1.0);
    for (contender, cells) in study.contenders.iter().zip(&study.cells) {
        text += &format!("{:<NAME_WIDTH$}", contender.name());
        for cell in cells {
            let ns = cell.map(|cell| cell.elapsed.as_nanos() as f64 / requests);
            let ns = ns.map_or("–".to_owned(), |ns| format!("{ns:.1}"));
            text += &format!("{ns:>CELL_WIDTH$}");
        }
        let kept = cells.last().copied().flatten();
        let kept = kept.map_or("–".to_owned(), |cell| format_bytes(cell.metadata_bytes));
        text += &format!("{kept:>CELL_WIDTH$}\n");
    }
    text
}

fn speed(finding: &Finding, paint: Paint) -> String {
    let study = &finding.study;
    let done =
        study.cells.iter().flatten().flatten().count() + study.floor.iter().flatten().count();
    let seconds = study.elapsed.as_secs_f64();
    let rate = if seconds > 0.0 {
        study.simulated as f64 / seconds
    } else {
        0.0
    };
    let line = format!(
        "{done} simulations of {} requests in {}: {} on {} threads; read in {}",
        format_count((finding.requests as f64 * finding.rate).round() as u64),
        format_duration_ns(study.elapsed.as_nanos() as u64),
        format_rate(rate),
        study.threads,
        format_duration_ns(finding.read_elapsed.as_nanos() as u64),
    );
    format!("{}\n", paint.dim(&line))
}

/// The answer to a wanted hit ratio.
fn recommendation(search: &Search, finding: &Finding) -> String {
    let wanted = format!("a hit ratio of {} %", percent(search.hit_ratio));
    let Some(best) = search.best() else {
        let reason = if search.hit_ratio > search.hit_ratio_max {
            let first = 100.0 - search.hit_ratio_max * 100.0;
            format!("{first:.2} % of the requests ask for a key for the first time")
        } else {
            "these policies do not get that far".to_owned()
        };
        return format!(
            "\n{wanted} is out of reach, even with room for everything: {reason}. At most: {:.2} %\n",
            // Rounded down: it must not be more than can be had.
            (search.hit_ratio_max * 10_000.0).floor() / 100.0
        );
    };
    let size = |size: u64| match search.unit {
        Unit::Objects => format!(
            "{} objects ({:.2} % of the keys)",
            grouped(size),
            size as f64 / finding.distinct.max(1) as f64 * 100.0
        ),
        Unit::Bytes => format_bytes(size),
    };
    let mut text = format!(
        "\n{wanted} is cheapest with {} at {}; it reaches {:.2} %\n",
        best.contender.name(),
        size(best.size),
        (1.0 - best.measured.miss_ratio) * 100.0
    );
    for reached in search.reached.iter().skip(1) {
        let more = reached.size as f64 / best.size as f64 * 100.0 - 100.0;
        text += &format!(
            "  {:<NAME_WIDTH$}{} ({more:+.0} %)\n",
            reached.contender.name(),
            size(reached.size)
        );
    }
    for missed in &search.missed {
        text += &format!("  {:<NAME_WIDTH$}at no size\n", missed.name());
    }
    text + "Sizes are searched to 1 %, taking for granted that a larger cache misses no more often.\n"
}

/// 80 or 99.5.
fn percent(ratio: f64) -> f64 {
    (ratio * 1e8).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(76_118), "76,118");
        assert_eq!(grouped(5_000_000), "5,000,000");
    }
}
