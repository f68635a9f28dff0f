//! The picture of `report.html` over time: tasks on cores.
//!
//! ```text
//!   core 0   ▄▄▄▄▄▄▄▄▅▅▅▅▅   a row for each core, in its colour: busy share
//!   core 1   ▁▁▁▁▁▁▁▁▆▆▆▆▆
//!   source   0████████████   a row for each task: the colour says the core, its strength the load
//!   total 0  0███████│1▓▓▓   a mark where it moved; a line, as high in the row as its rings are full
//!            0 s    2 s      time
//! ```
//!
//! Chooses what is drawn and says the rest; `html_gantt.rs` draws.

use super::figure::share;
use super::html_gantt::gantt;
use super::summary::Summary;

/// Fewer spans tell no course of time.
const SPANS_MIN: usize = 4;
/// Rows of tasks, and of cores; the busiest where there are more.
const TASKS_SHOWN: usize = 24;
const CORES_SHOWN: usize = 16;

pub(super) fn chronicle(summary: &Summary) -> String {
    let Some(chronicle) = &summary.chronicle else {
        return String::new();
    };
    if chronicle.ends_ns.len() < SPANS_MIN || chronicle.tasks.is_empty() {
        return String::new();
    }
    let loads = chronicle.tasks.iter().map(|task| &task.load);
    let (tasks, tasks_left) = busiest(loads.map(|load| chronicle.mean(load)), TASKS_SHOWN);
    let shares = chronicle.cores.iter().map(|core| &core.busy_share);
    let (cores, cores_left) = busiest(shares.map(|share| chronicle.mean(share)), CORES_SHOWN);
    let rest = rest("tasks", tasks.len(), &tasks_left) + &rest("cores", cores.len(), &cores_left);
    format!(
        "<section class=\"card\"><h2>Tasks on cores over time</h2><p>Above, the busy share of each core. Below, a row a \
         task: its colour and number say the core it was on, a mark that it moved, and the stronger the colour, the \
         more of a core it took; the line is as high in the row as its rings were full. At the right, the mean. \
         Loads of tasks are estimated from rounds timed by chance: one strong cell alone is a long round that was met.{rest}</p>\
         <div class=\"scroll\">{}</div></section>\n",
        gantt(chronicle, &cores, &tasks),
    )
}

/// Index and mean of the largest, at most so many, in order; and the means of the others.
fn busiest(means: impl Iterator<Item = f64>, most: usize) -> (Vec<(usize, f64)>, Vec<f64>) {
    let mut all: Vec<(usize, f64)> = means.enumerate().collect();
    all.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let others = all.split_off(most.min(all.len()));
    all.sort_unstable_by_key(|(index, _)| *index);
    (all, others.into_iter().map(|(_, mean)| mean).collect())
}

/// In words, what is not drawn.
fn rest(what: &str, drawn: usize, left: &[f64]) -> String {
    if left.is_empty() {
        return String::new();
    }
    format!(
        " Not drawn are the least busy {what}, {} of {}, with {} of a core together.",
        left.len(),
        drawn + left.len(),
        share(left.iter().sum()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{ChronicleSummary, CoreChronicle, TaskChronicle};

    /// Ten spans of 100 ms; task `t` has a load of `(t + 1) / tasks`, the first moves in the sixth.
    fn summary(tasks: u32, cores: u32) -> Summary {
        let task = |task: u32| TaskChronicle {
            task: format!("a<b {task}"),
            core: (0..10)
                .map(|span| Some(u32::from(task == 0 && span >= 5)))
                .collect(),
            load: vec![f64::from(task + 1) / f64::from(tasks); 10],
            ring_slots: if task == 0 { 0 } else { 64 },
            ring_fill: if task == 1 {
                vec![0.25; 10]
            } else {
                Vec::new()
            },
        };
        let core = |core| CoreChronicle {
            core,
            busy_share: vec![0.5; 10],
        };
        let chronicle = ChronicleSummary {
            ends_ns: (1..=10).map(|span| span * 100_000_000).collect(),
            cores: (0..cores).map(core).collect(),
            tasks: (0..tasks).map(task).collect(),
        };
        Summary {
            chronicle: Some(chronicle),
            ..Summary::default()
        }
    }

    #[test]
    fn each_core_and_task_has_a_row_and_each_move_a_mark() {
        let html = chronicle(&summary(3, 2));
        let count = |what: &str| html.matches(what).count();
        assert_eq!(
            (count("<svg"), count("<g>"), count("</g>")),
            (1, 5, 5),
            "{html}"
        );
        assert_eq!(count("class=\"moved\""), 1);
        assert!(
            html.contains("a&lt;b 0; core 0; core 1 from 0.50 s</title>"),
            "{html}"
        );
        assert!(html.contains("a&lt;b 1; core 0; rings 25 % full, at most 25 %</title>"));
        // Ten spans that look the same are one shape: the first task has two, before and after.
        assert_eq!(count("crispEdges"), 4);
        assert_eq!(
            count("fill=\"none\""),
            1,
            "one task has something in its rings"
        );
        // Names at the left, means at the right: 912 of 1,100 for the time, half of it on core 1.
        let half = "M588.0 67h456.0v18h-456.0z\" fill=\"var(--core1)\"";
        assert!(html.contains(half), "{html}");
        assert!(!html.contains("a<b") && !html.contains("NaN") && !html.contains("Not drawn"));
        assert!(html.contains(">0.1 s<") && html.contains(">1 s<"));
    }

    #[test]
    fn of_many_the_busiest_are_drawn_and_the_rest_is_told() {
        let html = chronicle(&summary(30, 20));
        assert_eq!(html.matches("<g>").count(), TASKS_SHOWN + CORES_SHOWN);
        // 1/30 to 6/30: the least busy.
        assert!(html.contains(" least busy tasks, 6 of 30, with 70 % of a core together."));
        assert!(html.contains(" least busy cores, 4 of 20, with 200 % of a core together."));
        assert!(
            !html.contains("<text x=\"0\" y=\"13.0\">a&lt;b 5<") && html.contains(">a&lt;b 6<")
        );
    }

    #[test]
    fn a_short_run_has_no_picture_and_an_odd_one_does_no_harm() {
        assert_eq!(chronicle(&Summary::default()), "");
        let cut = |spans: usize| {
            let mut short = summary(2, 2);
            let made = short.chronicle.as_mut().expect("made above");
            made.ends_ns.truncate(spans);
            chronicle(&short)
        };
        assert_eq!(cut(SPANS_MIN - 1), "");
        assert!(
            cut(SPANS_MIN).contains("<svg"),
            "columns that are too long are cut"
        );
        let mut odd = summary(2, 1);
        let made = odd.chronicle.as_mut().expect("made above");
        made.tasks[0].load = vec![f64::NAN; 10];
        made.tasks[0].core[9] = None;
        made.tasks[1].core.clear();
        made.cores[0].busy_share = vec![7.0; 3];
        let html = chronicle(&odd);
        assert!(
            !html.contains("NaN<")
                && !html.contains("NaN\"")
                && html.contains("; ended from 0.90 s")
        );
    }
}
