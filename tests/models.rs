//! The protocols between threads that are ours, in every order of steps that the memory model allows.
//!
//! Not copies: the files of `src` are compiled into this program, where `crate::sys` is loom's atomics and
//! a memory that remembers its pages. So whatever is changed there is tried here. loom tries every order of
//! steps and every value that a load may return, up to a number of involuntary changes of thread.

use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

#[allow(dead_code, unreachable_pub)]
#[path = "../src/runtime/idle.rs"]
mod idle;

#[allow(dead_code, unreachable_pub)]
#[path = "../src/runtime/transfer.rs"]
mod transfer;

#[allow(dead_code, unreachable_pub)]
#[path = "../src/state/growth.rs"]
mod growth;

#[allow(dead_code, unreachable_pub)]
#[path = "../src/checkpoint/lane.rs"]
mod lane;

/// What stands in for `src/sys`.
mod sys {
    pub(crate) mod sync {
        pub(crate) use loom::sync::Mutex;
        pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
        use loom::sync::{Arc, Condvar};
        pub(crate) use std::sync::PoisonError;
        use std::time::Duration;

        thread_local! {
            /// Whether fences work; taken away to see that the models need them. loom runs all threads of
            /// a model on the thread of its test.
            pub(crate) static FENCES: std::cell::Cell<bool> = const { std::cell::Cell::new(true) };
        }

        pub(crate) fn fence(ordering: Ordering) {
            if FENCES.get() {
                loom::sync::atomic::fence(ordering);
            }
        }

        /// As crossbeam's, without the time-out: a wake-up that is lost is a deadlock, which loom reports.
        #[derive(Debug)]
        pub(crate) struct Parker(Unparker);

        #[derive(Clone, Debug)]
        pub(crate) struct Unparker(Arc<(Mutex<bool>, Condvar)>);

        impl Parker {
            pub(crate) fn new() -> Self {
                Parker(Unparker(Arc::new((Mutex::new(false), Condvar::new()))))
            }

            pub(crate) fn unparker(&self) -> &Unparker {
                &self.0
            }

            pub(crate) fn park_timeout(&self, _: Duration) {
                let (token, given) = &*self.0.0;
                let mut token = token.lock().expect("not poisoned");
                while !*token {
                    token = given.wait(token).expect("not poisoned");
                }
                *token = false;
            }
        }

        impl Unparker {
            pub(crate) fn unpark(&self) {
                *self.0.0.lock().expect("not poisoned") = true;
                self.0.1.notify_one();
            }
        }
    }

    pub(crate) mod memory {
        use loom::sync::atomic::{AtomicBool, Ordering};
        use std::ops::Range;

        pub(crate) const HUGE_PAGE_BYTES: usize = 2 << 20;

        /// Remembers which of its pages are present. Relaxed on purpose: who looks must know by other means.
        #[derive(Debug)]
        pub(crate) struct Reserve(Vec<AtomicBool>);

        impl Reserve {
            pub(crate) fn of_pages(pages: usize) -> Self {
                Reserve((0..pages).map(|_| AtomicBool::new(false)).collect())
            }

            pub(crate) fn advise_huge(&self, _: Range<usize>) {}

            pub(crate) fn prefault(&self, range: Range<usize>) {
                for page in range.start / HUGE_PAGE_BYTES..range.end / HUGE_PAGE_BYTES {
                    self.0[page].store(true, Ordering::Relaxed);
                }
            }

            pub(crate) fn prefault_huge(&self, range: Range<usize>) {
                self.prefault(range);
            }

            pub(crate) fn is_present(&self, page: usize) -> bool {
                self.0[page].load(Ordering::Relaxed)
            }
        }
    }
}

/// Tries `model` in every order of steps with at most `preemptions` involuntary changes of thread.
fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// Sleep and wake: whoever waits for a message gets it, however the steps fall.
mod sleep_and_wake {
    use super::idle::{Idle, Sleepers, Waiter};
    use super::*;

    /// A core in miniature: its waiter, and a clock that moves by a rest.
    struct Core {
        waiter: Waiter,
        now_ns: u64,
    }

    fn cores(count: usize) -> (Arc<Sleepers>, Vec<Core>) {
        let (sleepers, parkers) = Sleepers::new(count);
        let core = |(me, parker)| Core {
            // Crowded, so that it does not spin first: spinning changes nothing here.
            waiter: Waiter::new(Idle::Park, me, true, parker),
            now_ns: 0,
        };
        (
            Arc::new(sleepers),
            parkers.into_iter().enumerate().map(core).collect(),
        )
    }

    impl Core {
        /// Rounds that look at `message` and rest, until it is there. Each rest is "longer than it parks
        /// after", so that the first announces and the next parks.
        fn wait_for(&mut self, message: &AtomicBool, sleepers: &Sleepers) {
            while !message.load(Ordering::Acquire) {
                self.waiter.rest(sleepers, self.now_ns, None);
                self.now_ns += 1_000_000;
            }
            self.waiter.worked(sleepers);
        }

        /// A round that moved something: a ring's Release store, then `worked`.
        fn send(&mut self, message: &AtomicBool, sleepers: &Sleepers) {
            message.store(true, Ordering::Release);
            self.waiter.worked(sleepers);
        }
    }

    fn one_message() {
        let (sleepers, mut cores) = cores(2);
        // It has been idle for long: its next rest announces.
        cores[0].waiter.rest(&sleepers, 0, None);
        cores[0].now_ns = 1_000_000;
        let message = Arc::new(AtomicBool::new(false));
        let mut sender = cores.remove(1);
        let (sent, known) = (message.clone(), sleepers.clone());
        let worker = thread::spawn(move || sender.send(&sent, &known));
        cores[0].wait_for(&message, &sleepers);
        worker.join().expect("it sends");
    }

    #[test]
    fn a_message_wakes_who_waits_for_it() {
        check(4, one_message);
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn without_the_fences_a_message_can_be_missed() {
        sys::sync::FENCES.set(false);
        check(4, one_message);
    }

    #[test]
    fn two_senders_wake_one_sleeper_for_both_messages() {
        check(2, || {
            let (sleepers, mut cores) = cores(3);
            let messages: [_; 2] = std::array::from_fn(|_| Arc::new(AtomicBool::new(false)));
            let workers = [2, 1].map(|core| {
                let mut sender = cores.remove(core);
                let (sent, known) = (messages[core - 1].clone(), sleepers.clone());
                thread::spawn(move || sender.send(&sent, &known))
            });
            messages
                .iter()
                .for_each(|message| cores[0].wait_for(message, &sleepers));
            workers
                .into_iter()
                .for_each(|worker| worker.join().expect("it sends"));
        });
    }

    #[test]
    fn a_question_and_its_answer_cross() {
        check(2, || {
            let (sleepers, mut cores) = cores(2);
            let [question, answer] = std::array::from_fn(|_| Arc::new(AtomicBool::new(false)));
            let mut other = cores.remove(1);
            let (asked, answered, known) = (question.clone(), answer.clone(), sleepers.clone());
            let worker = thread::spawn(move || {
                other.wait_for(&asked, &known);
                other.send(&answered, &known);
            });
            cores[0].send(&question, &sleepers);
            cores[0].wait_for(&answer, &sleepers);
            worker.join().expect("it answers");
        });
    }
}

/// Hand-over: a task that leaves one core arrives at another, whole, however both sleep.
mod hand_over {
    use super::idle::{Idle, Sleepers, Waiter};
    use super::transfer::{Desk, Letter};
    use super::*;
    use loom::cell::Cell;

    /// A task: what it has counted, in memory of which loom knows who touched it last. Two cores that could
    /// step it at once, or one that did not see the other's steps, fail the model.
    type Task = Box<Cell<usize>>;

    struct Shared {
        sleepers: Sleepers,
        desks: Vec<Desk<Task>>,
    }

    impl Shared {
        /// As `Shared::send` of `core.rs`.
        fn send(&self, core: usize, letter: Letter<Task>) {
            self.desks[core].put(letter);
            self.sleepers.wake(core);
        }
    }

    fn shared(cores: usize) -> (Arc<Shared>, Vec<Waiter>) {
        let (sleepers, parkers) = Sleepers::new(cores);
        let waiter = |(me, parker)| Waiter::new(Idle::Park, me, true, parker);
        let waiters = parkers.into_iter().enumerate().map(waiter).collect();
        let desks = (0..cores).map(|_| Desk::new()).collect();
        (Arc::new(Shared { sleepers, desks }), waiters)
    }

    fn step(task: &Task) {
        task.set(task.get() + 1);
    }

    /// Sleeps as a core without tasks until there are letters, and takes them.
    fn letters(me: usize, waiter: &mut Waiter, shared: &Shared) -> Vec<Letter<Task>> {
        while !shared.desks[me].has_letters() {
            waiter.rest_empty(&shared.sleepers);
        }
        waiter.worked(&shared.sleepers);
        shared.desks[me].take()
    }

    fn arrived(letters: Vec<Letter<Task>>) -> Task {
        let mut tasks = letters.into_iter().filter_map(|letter| match letter {
            Letter::Take(task) => Some(task),
            Letter::Give { .. } => None,
        });
        tasks.next().expect("a task is in the letters")
    }

    fn one_move() {
        let (shared, mut waiters) = shared(2);
        let task: Task = Box::new(Cell::new(0));
        let known = shared.clone();
        let old = thread::spawn(move || {
            step(&task);
            known.send(1, Letter::Take(task));
        });
        let task = arrived(letters(1, &mut waiters[1], &shared));
        step(&task);
        assert_eq!(task.get(), 2, "no step is lost");
        old.join().expect("it gives the task away");
    }

    #[test]
    fn a_task_arrives_at_a_core_that_sleeps() {
        check(4, one_move);
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn without_the_fences_a_letter_can_be_missed() {
        sys::sync::FENCES.set(false);
        check(4, one_move);
    }

    #[test]
    fn an_order_wakes_a_core_that_waits_for_events_and_the_task_goes_on() {
        check(2, || {
            let (shared, mut waiters) = shared(2);
            let mut sleeper = waiters.remove(0);
            let known = shared.clone();
            let old = thread::spawn(move || {
                let task: Task = Box::new(Cell::new(0));
                let mut now_ns = 0;
                // It has a task, and no events for it: it sleeps for messages, and is woken by a letter too.
                while !known.desks[0].has_letters() {
                    sleeper.rest(&known.sleepers, now_ns, None);
                    now_ns += 1_000_000;
                }
                sleeper.worked(&known.sleepers);
                for letter in known.desks[0].take() {
                    if let Letter::Give { task: 7, to } = letter {
                        step(&task);
                        return known.send(to, Letter::Take(task));
                    }
                }
                panic!("the order is in the letters");
            });
            shared.send(0, Letter::Give { task: 7, to: 1 });
            let task = arrived(letters(1, &mut waiters[0], &shared));
            step(&task);
            assert_eq!(task.get(), 2);
            old.join().expect("it gives the task away");
        });
    }

    #[test]
    fn two_cores_exchange_their_tasks() {
        check(3, || {
            let (shared, mut waiters) = shared(2);
            let mut other = waiters.remove(1);
            let known = shared.clone();
            let core_1 = thread::spawn(move || {
                known.send(0, Letter::Take(Box::new(Cell::new(10))));
                let task = arrived(letters(1, &mut other, &known));
                step(&task);
                assert_eq!(task.get(), 21);
            });
            shared.send(1, Letter::Take(Box::new(Cell::new(20))));
            let task = arrived(letters(0, &mut waiters[0], &shared));
            step(&task);
            assert_eq!(task.get(), 11);
            core_1.join().expect("it has the other's task");
        });
    }
}

/// Growth: a table that is told its pages are there finds them there.
mod pages_ahead_of_growth {
    use super::growth::Growth;
    use super::sys::memory::{HUGE_PAGE_BYTES, Reserve};
    use super::*;

    /// What the table is told of the pages from `from` to `end` is true.
    fn look(growth: &Growth, from: usize, end: usize) {
        if growth.is_ready(from * HUGE_PAGE_BYTES) {
            for page in from..end {
                assert!(growth.reserve.is_present(page), "page {page} is not there");
            }
        }
    }

    fn serve(growth: &Growth, times: usize) {
        for _ in 0..times {
            growth.serve();
        }
    }

    fn helped() -> Arc<Growth> {
        // The handle is only woken, and the helper of the model does not sleep.
        Arc::new(Growth::new(
            Reserve::of_pages(8),
            std::sync::Arc::new(Reserve::of_pages(0)),
            64,
            Some(std::thread::current()),
        ))
    }

    #[test]
    fn pages_that_are_said_to_be_ready_are_present() {
        check(4, || {
            let growth = helped();
            let served = growth.clone();
            let helper = thread::spawn(move || serve(&served, 3));
            growth.request(2 * HUGE_PAGE_BYTES, 4 * HUGE_PAGE_BYTES);
            look(&growth, 3, 4);
            growth.wrote(3 * HUGE_PAGE_BYTES);
            look(&growth, 2, 4);
            helper.join().expect("it serves");
        });
    }

    #[test]
    fn a_table_that_does_not_wait_and_grows_again_is_told_the_truth() {
        check(4, || {
            let growth = helped();
            let served = growth.clone();
            let helper = thread::spawn(move || serve(&served, 2));
            growth.request(HUGE_PAGE_BYTES, 2 * HUGE_PAGE_BYTES);
            // It took the page faults itself and has filled the new half too.
            growth.wrote(0);
            growth.request(2 * HUGE_PAGE_BYTES, 4 * HUGE_PAGE_BYTES);
            look(&growth, 3, 4);
            look(&growth, 2, 4);
            helper.join().expect("it serves");
        });
    }

    #[test]
    fn the_helper_brings_in_everything_that_is_asked_for() {
        check(4, || {
            let growth = helped();
            growth.request(2 * HUGE_PAGE_BYTES, 4 * HUGE_PAGE_BYTES);
            let served = growth.clone();
            let helper = thread::spawn(move || while served.serve() {});
            growth.wrote(3 * HUGE_PAGE_BYTES);
            helper.join().expect("it serves");
            assert!(growth.is_ready(0));
            look(&growth, 2, 4);
        });
    }
}

/// Lanes of the region that engine and writer of checkpoints share: a frame is never written while it is read, and
/// comes once, in order, whole.
mod frames_of_a_checkpoint {
    use super::lane::{LaneWords, SendEnd, TakeEnd};
    use super::sys::sync::AtomicU64;
    use super::*;
    use loom::cell::UnsafeCell;

    /// A lane in miniature. The cells are loom's: it reports a write to one that is being read.
    struct Lane {
        head: AtomicU64,
        origin: AtomicU64,
        tail: AtomicU64,
        frames: Vec<UnsafeCell<u64>>,
    }

    /// The protocol gives a slot to one side at a time: what the models are to find out.
    #[allow(unsafe_code)]
    // SAFETY: loom checks every access to the cells, and fails the model where two are not ordered.
    unsafe impl Sync for Lane {}

    impl Lane {
        fn new(slots: usize) -> Arc<Self> {
            Arc::new(Lane {
                head: AtomicU64::new(0),
                origin: AtomicU64::new(0),
                tail: AtomicU64::new(0),
                frames: (0..slots).map(|_| UnsafeCell::new(0)).collect(),
            })
        }

        fn words(&self) -> LaneWords<'_> {
            LaneWords {
                head: &self.head,
                origin: &self.origin,
                tail: &self.tail,
                slots: self.frames.len() as u64,
            }
        }

        #[allow(unsafe_code)]
        fn write(&self, slot: u64, value: u64) {
            // SAFETY: the slot is the sender's.
            self.frames[slot as usize].with_mut(|frame| unsafe { *frame = value });
        }

        #[allow(unsafe_code)]
        fn read(&self, slot: u64) -> u64 {
            // SAFETY: the slot is the receiver's.
            self.frames[slot as usize].with(|frame| unsafe { *frame })
        }
    }

    /// Sends `values`, rewinding before each where `rewinds`, as a task does at each epoch.
    fn send(lane: &Lane, values: std::ops::RangeInclusive<u64>, rewinds: bool) {
        let mut end = SendEnd::new(lane.words());
        for value in values {
            if rewinds {
                end.rewind(lane.words());
            }
            while end.room(lane.words()) == 0 {
                thread::yield_now();
            }
            lane.write(end.next(lane.words()), value);
            end.publish(lane.words());
        }
    }

    /// Takes frames until `last` has come; they must come in order, each once.
    fn take(lane: &Lane, last: u64) {
        let mut end = TakeEnd::new(lane.words());
        let mut seen = 0;
        while seen < last {
            let waiting = end.waiting(lane.words());
            for _ in 0..waiting {
                let value = lane.read(end.next(lane.words()));
                assert_eq!(value, seen + 1, "the next frame, whole");
                seen = value;
                end.release(lane.words());
            }
            if waiting == 0 {
                thread::yield_now();
            }
        }
    }

    fn all_come(slots: usize, last: u64, rewinds: bool) {
        check(3, move || {
            let lane = Lane::new(slots);
            let sent = lane.clone();
            let sender = thread::spawn(move || send(&sent, 1..=last, rewinds));
            take(&lane, last);
            sender.join().expect("it sends");
        });
    }

    #[test]
    fn frames_come_once_in_order_and_whole() {
        all_come(2, 4, false);
    }

    #[test]
    fn slots_that_are_used_again_from_the_first_are_the_senders() {
        all_come(2, 3, true);
        all_come(3, 3, true);
    }

    /// The models themselves: a sender that does not look for room is found out.
    #[test]
    #[should_panic]
    fn a_frame_that_is_written_before_it_was_read_is_found_out() {
        check(3, || {
            let lane = Lane::new(2);
            let sent = lane.clone();
            let sender = thread::spawn(move || {
                for value in 1..=3 {
                    let mut end = SendEnd::new(sent.words());
                    sent.write(end.next(sent.words()), value);
                    end.publish(sent.words());
                }
            });
            take(&lane, 3);
            sender.join().expect("it sends");
        });
    }
}
