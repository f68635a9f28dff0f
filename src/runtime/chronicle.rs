//! The chronicle of a run: where each task was, what it cost and what waited for it, span by span of time.
//!
//! Owned by the conductor, which has the meters read into it each time it looks at them; cores see nothing of it. Its
//! memory does not grow with the run:
//!
//! ```text
//!   readings   │  │  │  │  │  │  │  │     each is joined to the last span while that is short, else begins another
//!   spans      ├──┼──┼──┼──┼──┼──┼──┤
//!              ├─────┼─────┼─────┼──┄     no room for another: neighbours are joined, the width doubles
//! ```
//!
//! Invariant: spans lie side by side from the start to the last reading and are at most [`SPANS_MAX`]; each but the
//! last is at least `width_ns` long; their busy times add up to what the meters said last, and no core is busy for
//! longer than a span lasts.

use super::meter::{CoreMeter, ENDED, TaskMeter};
use super::reading::timed_over_estimated;

/// Spans at the most; after each doubling there are half as many. Even, so that each has a neighbour to be joined to.
const SPANS_MAX: usize = 128;
const _: () = assert!(SPANS_MAX.is_multiple_of(2));
/// Width of spans at first, ns: about as often the meters are read.
const WIDTH_NS: u64 = 50_000_000;

/// A piece of a run's time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// Where the one before ended, ns since the start.
    pub start_ns: u64,
    /// When it ended, ns since the start.
    pub end_ns: u64,
    /// Of each task, in the order of the plan.
    pub tasks: Vec<TaskSpan>,
    /// Of each core, its time in rounds that moved something, ns.
    pub cores_busy_ns: Vec<u64>,
}

/// What one task did in a span.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TaskSpan {
    /// The core that it was on last; `None`: it had ended before.
    pub core: Option<usize>,
    /// Time in steps that moved something, ns, estimated from samples. In the record of a run the tasks of a core sum
    /// to its own time, which is measured.
    pub busy_ns: u64,
    /// Messages that waited in its rings, mean over the readings, each for the time since the one before.
    pub waiting: f64,
}

impl Span {
    /// From start to end, ns.
    pub fn length_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }

    /// Has what the tasks of each core took sum to what the core did.
    fn even_out(&mut self) {
        let on_cores = |task: &TaskSpan| Some((task.core?, task.busy_ns as f64));
        let timed = self.cores_busy_ns.iter().map(|busy_ns| *busy_ns as f64);
        let factors = timed_over_estimated(self.tasks.iter().filter_map(on_cores), timed);
        for task in &mut self.tasks {
            let factor = task.core.and_then(|core| factors.get(core)).unwrap_or(&1.0);
            task.busy_ns = (task.busy_ns as f64 * factor) as u64;
        }
    }

    /// Takes in the span that follows.
    fn join(&mut self, next: &Span) {
        let (mine, whole) = (
            self.length_ns() as f64,
            (next.end_ns - self.start_ns) as f64,
        );
        self.end_ns = next.end_ns;
        for (task, next) in self.tasks.iter_mut().zip(&next.tasks) {
            task.core = next.core.or(task.core);
            task.busy_ns += next.busy_ns;
            task.waiting = next.waiting + (task.waiting - next.waiting) * mine / whole;
        }
        for (busy_ns, next) in self.cores_busy_ns.iter_mut().zip(&next.cores_busy_ns) {
            *busy_ns += next;
        }
    }
}

/// See the file's header.
pub(super) struct Chronicle {
    start_ns: u64,
    width_ns: u64,
    spans: Vec<Span>,
    /// The core of each task at the last reading, while it had not ended, and its busy time.
    tasks: Vec<(Option<usize>, u64)>,
    cores_busy_ns: Vec<u64>,
}

impl Chronicle {
    pub(super) fn new(start_ns: u64, tasks: &[TaskMeter], cores: usize) -> Self {
        Chronicle {
            start_ns,
            width_ns: WIDTH_NS,
            spans: Vec::new(),
            tasks: tasks.iter().map(|meter| (Some(meter.home()), 0)).collect(),
            cores_busy_ns: vec![0; cores],
        }
    }

    /// Takes in what the meters say now, of the time since they were read last.
    pub(super) fn take(&mut self, now_ns: u64, tasks: &[TaskMeter], cores: &[CoreMeter]) {
        let start_ns = self.spans.last().map_or(0, |last| last.end_ns);
        let end_ns = now_ns.saturating_sub(self.start_ns);
        if end_ns <= start_ns {
            return;
        }
        let reading = self.reading((start_ns, end_ns), tasks, cores);
        match self.spans.last_mut() {
            Some(last) if last.length_ns() < self.width_ns => last.join(&reading),
            _ => {
                if self.spans.len() == SPANS_MAX {
                    self.widen();
                }
                self.spans.push(reading);
            }
        }
        (0..cores.len()).for_each(|core| self.carry_back(core));
    }

    /// A core shows its meter every few rounds. If they are long, it shows more than the last span had time for: that
    /// was in the spans before.
    fn carry_back(&mut self, core: usize) {
        let mut over_ns = 0;
        for span in self.spans.iter_mut().rev() {
            let length_ns = span.length_ns();
            let busy_ns = &mut span.cores_busy_ns[core];
            *busy_ns += over_ns;
            over_ns = busy_ns.saturating_sub(length_ns);
            *busy_ns -= over_ns;
            if over_ns == 0 {
                return;
            }
        }
        // More than all the time there was: the clock was read before the meter. The next reading has it.
        self.cores_busy_ns[core] -= over_ns;
    }

    fn reading(
        &mut self,
        (start_ns, end_ns): (u64, u64),
        tasks: &[TaskMeter],
        cores: &[CoreMeter],
    ) -> Span {
        let mut since = |(last, meter): (&mut (Option<usize>, u64), &TaskMeter)| {
            let (home, busy_ns) = (meter.home(), meter.busy_ns());
            // One that has ended was somewhere for some of this time, and is nowhere from the next reading on.
            let before = last.0.take();
            last.0 = (home != ENDED).then_some(home);
            let core = last.0.or(before);
            TaskSpan {
                core,
                busy_ns: busy_ns.saturating_sub(std::mem::replace(&mut last.1, busy_ns)),
                waiting: meter.gauge().waiting as f64,
            }
        };
        let cores = self.cores_busy_ns.iter_mut().zip(cores);
        Span {
            start_ns,
            end_ns,
            tasks: self.tasks.iter_mut().zip(tasks).map(&mut since).collect(),
            cores_busy_ns: cores
                .map(|(last, meter)| {
                    let busy_ns = meter.busy_ns();
                    busy_ns.saturating_sub(std::mem::replace(last, busy_ns))
                })
                .collect(),
        }
    }

    /// Joins each two neighbours. All spans are as wide as they are to be here, so those that come of it are wide
    /// enough for twice the width.
    fn widen(&mut self) {
        let mut spans = std::mem::take(&mut self.spans).into_iter();
        while let Some(mut span) = spans.next() {
            if let Some(next) = spans.next() {
                span.join(&next);
            }
            self.spans.push(span);
        }
        self.width_ns *= 2;
    }

    /// The spans, in order and evened out. What is left over at the end, less than half a width, belongs to the span before.
    pub(super) fn into_spans(mut self) -> Vec<Span> {
        if self.spans.len() > 1
            && let Some(rest) = self
                .spans
                .pop_if(|last| last.length_ns() < self.width_ns / 2)
            && let Some(last) = self.spans.last_mut()
        {
            last.join(&rest);
        }
        self.spans.iter_mut().for_each(Span::even_out);
        self.spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Gauge;

    const MS: u64 = 1_000_000;

    struct Run {
        tasks: Vec<TaskMeter>,
        cores: Vec<CoreMeter>,
        chronicle: Chronicle,
        now_ns: u64,
    }

    impl Run {
        fn new(homes: &[usize], cores: usize) -> Self {
            let tasks: Vec<TaskMeter> = homes.iter().map(|home| TaskMeter::new(*home)).collect();
            Run {
                chronicle: Chronicle::new(7, &tasks, cores),
                tasks,
                cores: (0..cores).map(|_| CoreMeter::default()).collect(),
                now_ns: 7,
            }
        }

        /// Lets time pass in which task `t` is busy for `t + 1` tenths of it, and so many messages wait for it then.
        fn pass(&mut self, ms: u64, waiting: u64) {
            self.now_ns += ms * MS;
            for (task, meter) in self.tasks.iter().enumerate() {
                meter.add((task as u64 + 1) * ms * MS / 10);
                meter.show(Gauge { events: 0, waiting });
            }
            for meter in &self.cores {
                meter.show(meter.busy_ns() + ms * MS / 2);
            }
            self.chronicle.take(self.now_ns, &self.tasks, &self.cores);
        }

        fn check(&self) {
            let spans = &self.chronicle.spans;
            assert!(spans.len() <= SPANS_MAX);
            let mut at_ns = 0;
            for (index, span) in spans.iter().enumerate() {
                assert_eq!(span.start_ns, at_ns, "side by side");
                at_ns = span.end_ns;
                let last = index + 1 == spans.len();
                assert!(last || span.length_ns() >= self.chronicle.width_ns);
            }
            assert_eq!(at_ns, self.now_ns - 7, "up to the last reading");
            for (task, meter) in self.tasks.iter().enumerate() {
                let busy_ns: u64 = spans.iter().map(|span| span.tasks[task].busy_ns).sum();
                assert_eq!(busy_ns, meter.busy_ns());
            }
            for (core, meter) in self.cores.iter().enumerate() {
                let busy_ns: u64 = spans.iter().map(|span| span.cores_busy_ns[core]).sum();
                let fits = |span: &Span| span.cores_busy_ns[core] <= span.length_ns();
                assert!(spans.iter().all(fits));
                assert_eq!(busy_ns, meter.busy_ns());
            }
        }
    }

    #[test]
    fn it_stays_bounded_and_whole_however_long_the_run_is() {
        let mut run = Run::new(&[0, 1, 1], 2);
        // Readings of uneven distance: some shorter than a span, some of several.
        for index in 0..20_000u64 {
            run.pass([50, 20, 51, 130][index as usize % 4], 0);
            run.check();
        }
        let (spans, width_ns) = (run.chronicle.spans.len(), run.chronicle.width_ns);
        assert!(spans >= SPANS_MAX / 2, "{spans}");
        assert!(width_ns > WIDTH_NS && width_ns.is_multiple_of(WIDTH_NS));
        for span in run.chronicle.into_spans() {
            // Of core 0, which was busy for half of the time, its one task; of core 1 two, in their proportion.
            for (did, tenths) in span.tasks.iter().zip([5, 2, 3]) {
                let expected = span.length_ns() * tenths / 10;
                assert!(did.busy_ns.abs_diff(expected) <= 1, "{did:?}");
            }
            assert_eq!(span.cores_busy_ns, [span.length_ns() / 2; 2]);
        }
    }

    #[test]
    fn what_waits_is_weighted_by_time_in_whatever_order_spans_are_joined() {
        let mut run = Run::new(&[0], 1);
        run.pass(30, 100);
        run.pass(10, 20);
        run.pass(20, 5);
        let spans = &run.chronicle.spans;
        assert_eq!(spans.len(), 1, "shorter than a span until the third");
        let mean = (30.0 * 100.0 + 10.0 * 20.0 + 20.0 * 5.0) / 60.0;
        assert!((spans[0].tasks[0].waiting - mean).abs() < 1e-9);
        for waiting in 0..SPANS_MAX as u64 {
            run.pass(60, waiting);
        }
        run.check();
        let spans = &run.chronicle.spans;
        assert_eq!(spans.len(), SPANS_MAX / 2 + 1);
        assert!((spans[0].tasks[0].waiting - mean / 2.0).abs() < 1e-9);
        assert!((spans[1].tasks[0].waiting - 1.5).abs() < 1e-9);
    }

    #[test]
    fn what_a_core_shows_late_is_counted_in_the_spans_before() {
        let mut run = Run::new(&[], 1);
        let busy_ms = |run: &Run| {
            let spans = run.chronicle.spans.iter();
            let busy_ms = spans.map(|span| span.cores_busy_ns[0] / MS);
            busy_ms.collect::<Vec<_>>()
        };
        (0..4).for_each(|_| run.pass(50, 0));
        assert_eq!(busy_ms(&run), [25, 25, 25, 25]);
        run.cores[0].show(run.cores[0].busy_ns() + 50 * MS);
        run.pass(50, 0);
        assert_eq!(busy_ms(&run), [25, 25, 25, 50, 50]);
        run.check();
        run.cores[0].show(run.cores[0].busy_ns() + 60 * MS);
        run.pass(50, 0);
        assert_eq!(busy_ms(&run), [25, 35, 50, 50, 50, 50]);
        run.check();
        run.cores[0].show(run.cores[0].busy_ns() + 70 * MS);
        run.pass(50, 0);
        assert_eq!(busy_ms(&run), [50; 7], "no more than there was, yet");
        run.pass(50, 0);
        assert_eq!(busy_ms(&run), [50, 50, 50, 50, 50, 50, 50, 30]);
        run.check();
    }

    #[test]
    fn a_task_is_where_it_was_last_and_nowhere_once_it_has_ended() {
        let mut run = Run::new(&[0, 0], 2);
        let cores = |run: &Run| {
            let spans = run.chronicle.spans.iter();
            spans.map(|span| span.tasks[0].core).collect::<Vec<_>>()
        };
        run.pass(50, 0);
        run.tasks[0].set_home(1);
        run.pass(50, 0);
        run.pass(50, 0);
        run.tasks[0].set_home(ENDED);
        run.pass(50, 0);
        run.pass(50, 0);
        assert_eq!(cores(&run), [Some(0), Some(1), Some(1), Some(1), None]);
        run.chronicle.widen();
        assert_eq!(cores(&run), [Some(1), Some(1), None]);
        run.check();
    }

    #[test]
    fn a_short_rest_at_the_end_belongs_to_the_span_before() {
        for (rest_ms, expected) in [(24, vec![50, 74]), (25, vec![50, 50, 25])] {
            let mut run = Run::new(&[0], 1);
            run.pass(50, 0);
            run.pass(50, 0);
            run.pass(rest_ms, 0);
            run.pass(0, 0);
            let spans = run.chronicle.into_spans();
            let lengths: Vec<u64> = spans.iter().map(|span| span.length_ns() / MS).collect();
            assert_eq!(lengths, expected);
        }
        let mut run = Run::new(&[0], 1);
        run.pass(3, 0);
        assert_eq!(run.chronicle.into_spans().len(), 1, "all there is");
    }
}
