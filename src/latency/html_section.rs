//! The sections of `report.html` made of figures and tables, top to bottom (bars: `html_bars.rs`). Each returns "" where there is nothing to show.

use super::figure::{UNKNOWN, bytes, count, duration, duration_or_unknown, number, rate};
use super::html::escape;
use super::report::Report;
use super::summary::{Percentiles, Summary};

pub(super) fn header(summary: &Summary) -> String {
    let environment = &summary.environment;
    let mut pills = vec![
        pill(
            summary.balanced,
            "every event accounted for",
            "the balance does not close",
        ),
        pill(summary.schedule.kept, "schedule kept", "schedule not kept"),
    ];
    if !summary.digest.is_empty() {
        pills.push(format!(
            "<span class=\"pill\">digest <code>{}</code></span>",
            escape(&summary.digest)
        ));
    }
    if !environment.commit.is_empty() {
        pills.push(format!(
            "<span class=\"pill\">commit <code>{}</code></span>",
            escape(&environment.commit)
        ));
    }
    let pace = if summary.schedule.pace.is_empty() {
        UNKNOWN
    } else {
        &summary.schedule.pace
    };
    format!(
        "<header><h1>{}</h1><div class=\"sub\">{} events in {} at {} &middot; {}</div>\
         <div class=\"pills\">{}</div></header>\n",
        escape(&summary.app),
        count(summary.events_in),
        duration(summary.elapsed_ns),
        escape(pace),
        escape(&environment.started),
        pills.concat(),
    )
}

fn pill(good: bool, if_good: &str, if_bad: &str) -> String {
    if good {
        format!("<span class=\"pill good\">✓ {if_good}</span>")
    } else {
        format!("<span class=\"pill bad\">✗ {if_bad}</span>")
    }
}

pub(super) fn warnings(summary: &Summary) -> String {
    if summary.warnings.is_empty() {
        return String::new();
    }
    let items: String = summary
        .warnings
        .iter()
        .map(|warning| format!("<li>{}</li>", escape(warning)))
        .collect();
    format!(
        "<section class=\"card care\"><h2>Read this run with care</h2><ul>{items}</ul></section>\n"
    )
}

/// The figures one came for; below each latency, what the machine itself did.
pub(super) fn tiles(summary: &Summary) -> String {
    let figure = |text: &str| match text.rsplit_once(' ') {
        Some((value, unit)) => format!("{value}<small>{unit}</small>"),
        None => text.to_string(),
    };
    let (latency, hiccup) = (&summary.latency_ns, &summary.hiccup_ns);
    let mut tiles = format!(
        "<div class=\"tile wide\"><span>throughput</span><b>{}</b><span>{}</span></div>",
        figure(&rate(summary.throughput_events_per_s)),
        match summary.schedule.asked_events_per_s {
            Some(asked) => format!("asked {}", rate(asked)),
            None => "at full speed".to_string(),
        },
    );
    for (name, latency, hiccup) in [
        ("p50", latency.p50, hiccup.p50),
        ("p99", latency.p99, hiccup.p99),
        ("p99.9", latency.p99_9, hiccup.p99_9),
        ("p99.99", latency.p99_99, hiccup.p99_99),
        ("max", latency.max, hiccup.max),
    ] {
        tiles.push_str(&format!(
            "<div class=\"tile\"><span>{name}</span><b>{}</b><span class=\"machine\">machine {}</span></div>",
            figure(&duration_or_unknown(latency)),
            duration_or_unknown(hiccup),
        ));
    }
    format!("<div class=\"tiles\">{tiles}</div>\n")
}

pub(super) fn balance(summary: &Summary) -> String {
    let term = |name: &str, value: u64| {
        let class = if value == 0 { " class=\"zero\"" } else { "" };
        format!(
            "<div{class}><b>{}</b><span>{name}</span></div>",
            count(value)
        )
    };
    let left = [
        term("in", summary.events_in),
        term("expanded", summary.events_expanded),
    ]
    .join("<i>+</i>");
    let right = [
        term("out", summary.events_out),
        term("filtered", summary.events_filtered),
        term("late", summary.events_late),
        term("dead-letter", summary.events_dead_letter),
        term("shed", summary.events_shed),
        term("in flight", summary.events_in_flight),
    ]
    .join("<i>+</i>");
    let (sign, verdict) = if summary.balanced {
        ("=", "balanced")
    } else {
        ("≠", "does not balance")
    };
    let verdict = pill(summary.balanced, verdict, verdict);
    format!(
        "<section class=\"card balance\">{left}<i>{sign}</i>{right}<div class=\"verdict\">{verdict}</div></section>\n"
    )
}

pub(super) fn percentiles(summary: &Summary) -> String {
    let row = |name: &str, colour: &str, p: &Percentiles| {
        let cells: String = [p.p50, p.p90, p.p99, p.p99_9, p.p99_99, p.max]
            .map(|value| format!("<td>{}</td>", duration_or_unknown(value)))
            .concat();
        format!(
            "<tr><td><i class=\"swatch\" style=\"background:var(--{colour})\"></i>{name}</td>{cells}<td>{}</td></tr>",
            count(p.count)
        )
    };
    let rows = [
        row("latency", "latency", &summary.latency_ns),
        row("service", "service", &summary.service_ns),
        row("hiccups", "hiccup", &summary.hiccup_ns),
    ]
    .concat();
    let schedule = &summary.schedule;
    let asked = schedule
        .asked_events_per_s
        .map_or(String::new(), |asked| format!("asked {}, ", rate(asked)));
    format!(
        "<section class=\"card\"><h2>Latency by percentile</h2>\
         <p>From the moment each event was due to its result. Service time starts when the source took the event up; \
         hiccups are what the machine did to a core with nothing to do. Dotted: fewer than ten samples beyond.</p>\
         <div class=\"legend\" id=\"percentiles-legend\"></div><div class=\"plot\" id=\"percentiles\"></div>\
         <noscript><p class=\"empty\">The plots need scripts; the tables do not.</p></noscript>\
         <div class=\"scroll\"><table><tr><th></th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>p99.99</th>\
         <th>max</th><th>samples</th></tr>{rows}</table></div>\
         <p class=\"note\">Schedule: {asked}reached {}; events were taken up late by p99 {}, at most {}.</p></section>\n",
        rate(schedule.reached_events_per_s),
        duration_or_unknown(schedule.late_start_ns_p99),
        duration_or_unknown(schedule.late_start_ns_max),
    )
}

pub(super) fn timeline(report: &Report) -> String {
    let body = if report.intervals.is_empty() {
        "<p class=\"empty\">No intervals were recorded.</p>"
    } else {
        "<div class=\"legend\" id=\"timeline-legend\"></div>\
         <div class=\"plot\" id=\"timeline\"></div><div class=\"plot\" id=\"throughput\"></div>"
    };
    format!(
        "<section class=\"card\"><h2>Timeline</h2><p>Latency and throughput of each interval.</p>{body}</section>\n"
    )
}

pub(super) fn stages(summary: &Summary) -> String {
    if summary.stages.is_empty() {
        return String::new();
    }
    let rows: String = summary
        .stages
        .iter()
        .map(|stage| {
            let skew = if stage.skew > 0.0 { number(stage.skew) } else { UNKNOWN.to_string() };
            format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{} &times; {}</td><td>{skew}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(&stage.name),
                count(stage.events_in),
                count(stage.events_out),
                escape(&stage.partitioner),
                stage.partitions,
                count(stage.keys),
                bytes(stage.state_bytes),
                duration_or_unknown(stage.queueing_ns.p50),
                duration_or_unknown(stage.queueing_ns.p99),
            )
        })
        .collect();
    format!(
        "<section class=\"card\"><h2>Stages</h2><div class=\"scroll\"><table><tr><th></th><th>in</th><th>out</th>\
         <th>partitions</th><th>skew</th><th>keys</th><th>state</th><th>queueing p50</th><th>queueing p99</th></tr>\
         {rows}</table></div></section>\n"
    )
}

pub(super) fn environment(summary: &Summary) -> String {
    let environment = &summary.environment;
    let (seed, cpus) = (
        environment.seed.to_string(),
        environment.cpus_allowed.to_string(),
    );
    let (memory, peak) = (
        bytes(environment.memory_bytes),
        bytes(environment.memory_peak_bytes),
    );
    let rows: String = [
        ("command", environment.command.as_str()),
        ("started", &environment.started),
        ("version", &environment.version),
        ("commit", &environment.commit),
        ("seed", &seed),
        ("CPU", &environment.cpu_model),
        ("CPUs allowed", &cpus),
        ("kernel", &environment.kernel),
        ("clock", &environment.clock_source),
        ("memory", &memory),
        ("most in use", &peak),
        ("huge pages", &environment.huge_pages),
    ]
    .iter()
    .map(|(name, value)| {
        let value = if value.is_empty() { UNKNOWN } else { value };
        let class = if *name == "command" {
            " class=\"mono\""
        } else {
            ""
        };
        format!("<dt>{name}</dt><dd{class}>{}</dd>", escape(value))
    })
    .collect();
    format!("<section class=\"card\"><h2>Environment</h2><dl>{rows}</dl></section>")
}

pub(super) fn config(resolved_config_toml: &str) -> String {
    // Line by line: what escapes control characters would take the line ends too.
    let lines: Vec<String> = resolved_config_toml.lines().map(escape).collect();
    let body = if lines.is_empty() {
        UNKNOWN.to_string()
    } else {
        lines.join("\n")
    };
    format!("<section class=\"card\"><h2>Configuration</h2><pre>{body}</pre></section>")
}
