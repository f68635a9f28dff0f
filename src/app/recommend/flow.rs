//! The flow: the three stages of the method as operators, and the exchanges between them.

use super::orders::KeptOrders;
use super::params::ANSWER_ITEMS;
use super::popular::POPULAR_ITEMS;
use super::{
    Answer, Click, History, Memory, Neighbours, Params, Partial, Popular, Quality, Recommendation,
    Touch,
};
use crate::failure::RawEvent;
use crate::flow::{
    Build, Flow, FlowError, Job, Options, Order, Outcome, SimulatedOutcome, raw_record,
};
use crate::operator::{Emit, Operator, Retain};
use crate::partition::Partitioning;
use crate::runtime::Update;
use crate::sink::{Column, Digestible, Kind, Row, Sink};
use crate::source::Source;
use crate::source::trace::native::{ClickRecord, KeyedRecord};
use crate::state::{Captured, States};
use crate::task::CacheFigures;
use std::sync::{Arc, Mutex};
use xxhash_rust::xxh3::xxh3_64;

impl From<ClickRecord> for Click {
    fn from(record: ClickRecord) -> Self {
        Click {
            user: record.key,
            item: record.item,
            ts_ns: record.ts_ns,
            weight: record.weight,
        }
    }
}

impl From<KeyedRecord> for Click {
    /// Of a load made of keys and values the key is the user and the value the item.
    fn from(record: KeyedRecord) -> Self {
        Click {
            user: record.key,
            item: record.value as u64,
            ts_ns: record.ts_ns,
            weight: 1.0,
        }
    }
}

impl Digestible for Recommendation {
    /// Over user, time, number of items and the items themselves.
    fn digest(&self) -> u64 {
        let mut bytes = [0u8; 8 * 24];
        let items = self.items();
        let head = [self.click.user, self.ts_ns, self.item, items.len() as u64];
        let words = head.iter().chain(items);
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        xxh3_64(&bytes[..8 * (4 + items.len())])
    }
}

impl Row for Recommendation {
    const COLUMNS: &'static [Column] = &[
        column("user", Kind::Key),
        column("item", Kind::Item),
        column("ts_ns", Kind::TimeNs),
        column("recommended", Kind::Items(ANSWER_ITEMS as u32)),
    ];

    fn words(&self, words: &mut [u64]) {
        words.fill(0);
        let items = self.items();
        words[..4].copy_from_slice(&[self.click.user, self.item, self.ts_ns, items.len() as u64]);
        words[4..4 + items.len()].copy_from_slice(items);
    }
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

struct HistoryStage(Params);

impl Operator for HistoryStage {
    type In = Click;
    type State = History;
    type Out = Touch;

    fn process(
        &mut self,
        _: u64,
        click: &Click,
        history: &mut History,
        out: &mut impl Emit<Touch>,
    ) -> Retain {
        history.click(click, &self.0, &mut |touch| out.emit(touch));
        Retain::Keep
    }

    fn raw_event() -> Option<fn(&Click) -> RawEvent> {
        Some(|click| {
            raw_record(&ClickRecord {
                key: click.user,
                item: click.item,
                ts_ns: click.ts_ns,
                weight: click.weight,
                zero: 0,
            })
        })
    }
}

/// What a saved list of popular items takes at most: 15 bytes an item, and the turn.
const POPULAR_BYTES_MAX: usize = POPULAR_ITEMS * 15 + 16;

struct NeighboursStage {
    params: Params,
    popular: Popular,
    kept: Option<KeptOrders>,
}

impl Operator for NeighboursStage {
    type In = Touch;
    type State = Neighbours;
    type Out = Partial;

    fn process(
        &mut self,
        item: u64,
        touch: &Touch,
        neighbours: &mut Neighbours,
        out: &mut impl Emit<Partial>,
    ) -> Retain {
        let (params, popular) = (&self.params, &mut self.popular);
        let emit = &mut |partial| out.emit(partial);
        match &mut self.kept {
            None => neighbours.touch(touch, params, popular, emit),
            Some(kept) => kept.with(item, neighbours.links(), |kept| {
                neighbours.touch_with(touch, params, popular, kept, emit);
            }),
        }
        Retain::Keep
    }

    fn save(&self) -> Vec<u8> {
        let room = Vec::with_capacity(POPULAR_BYTES_MAX);
        postcard::to_extend(&self.popular.saved(), room).expect("plain numbers can be written")
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        let popular = postcard::from_bytes(saved).map_err(|error| error.to_string())?;
        self.popular.restore(popular);
        Ok(())
    }

    fn caches(&self) -> Vec<CacheFigures> {
        self.kept.iter().map(KeptOrders::figures).collect()
    }
}

struct AnswerStage {
    params: Params,
    memory: Memory,
    total: Arc<Mutex<Quality>>,
}

impl Operator for AnswerStage {
    type In = Partial;
    type State = Answer;
    type Out = Recommendation;

    fn process(
        &mut self,
        _: u64,
        partial: &Partial,
        answer: &mut Answer,
        out: &mut impl Emit<Recommendation>,
    ) -> Retain {
        let step = answer.take(partial, &self.params, &mut self.memory);
        if let Some(recommendation) = step.recommendation {
            out.emit(recommendation);
        }
        if step.finished {
            Retain::Remove
        } else {
            Retain::Keep
        }
    }

    fn save(&self) -> Vec<u8> {
        self.memory.save()
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        self.memory
            .restore(saved)
            .map_err(|error| error.to_string())
    }

    fn arrays(&mut self, show: &mut dyn FnMut(&mut dyn Captured)) {
        show(self.memory.lists.captured());
    }

    fn end(&mut self, _: &mut dyn States<Answer>, _: &mut impl Emit<Recommendation>) {
        if let Ok(mut total) = self.total.lock() {
            total.add(&self.memory.quality);
        }
    }
}

/// Runs `recommend` over the clicks of `source`; its quality is in the report. `partitioning` spreads users;
/// it must keep each in one partition (`hash`, `range`).
///
/// # Errors
/// As [`crate::flow::Job::run`].
pub fn run<S, K>(
    options: Options,
    source: S,
    params: Params,
    partitioning: Partitioning,
    make_sink: impl FnMut(usize) -> K,
    progress: &mut dyn FnMut(Update),
) -> Result<Outcome<K>, FlowError>
where
    S: Source,
    S::Event: Into<Click>,
    K: Sink<Recommendation>,
{
    let total = Arc::new(Mutex::new(Quality::default()));
    let answer_items = params.answer_items();
    let job = job(options, source, params, partitioning, make_sink, &total);
    let mut outcome = job.run_with(progress)?;
    if let Ok(total) = total.lock() {
        outcome.report.summary.quality = total.summary(answer_items);
    }
    Ok(outcome)
}

/// The same on one thread, in an order drawn from `seed`: equal seeds give equal answers, whatever the
/// memory for state; in deterministic order all seeds do.
///
/// # Errors
/// As [`Job::simulate`].
pub fn simulate<S, K>(
    options: Options,
    source: S,
    params: Params,
    partitioning: Partitioning,
    make_sink: impl FnMut(usize) -> K,
    seed: u64,
) -> Result<SimulatedOutcome<K>, FlowError>
where
    S: Source,
    S::Event: Into<Click>,
    K: Sink<Recommendation>,
{
    let total = Arc::default();
    let order = options.order;
    let job = job(options, source, params, partitioning, make_sink, &total);
    match order {
        Order::Arrival => job.simulate_in_order(seed),
        Order::Deterministic => job.simulate(seed),
    }
}

// Keys and times are functions, not closures: a closure in the generic `job` would be a type of its own for
// each source and sink, and every stage would be compiled anew for each (minutes of it).
fn user_of(click: &Click) -> u64 {
    click.user
}

fn time_of_click(click: &Click) -> u64 {
    click.ts_ns
}

fn item_of(touch: &Touch) -> u64 {
    touch.item
}

fn time_of_touch(touch: &Touch) -> u64 {
    touch.ts_ns
}

fn answer_of(partial: &Partial) -> u64 {
    partial.click.key()
}

fn time_of_partial(partial: &Partial) -> u64 {
    partial.ts_ns
}

fn job<S, K, M>(
    options: Options,
    source: S,
    params: Params,
    partitioning: Partitioning,
    make_sink: M,
    total: &Arc<Mutex<Quality>>,
) -> Job<impl Build<Out = Recommendation> + use<S, K, M>, K, M>
where
    S: Source,
    S::Event: Into<Click>,
    K: Sink<Recommendation>,
    M: FnMut(usize) -> K,
{
    let partitions = options.resolve().partitions;
    let (of_history, of_neighbours, of_answer) = (params.clone(), params.clone(), params);
    let gathered = total.clone();
    Flow::new(options)
        .source("clicks", source)
        .map(Into::<Click>::into)
        .partition_by(user_of)
        .event_time(time_of_click)
        .partitioning(partitioning)
        .keyed("history", move |_| HistoryStage(of_history.clone()))
        .partition_by(item_of)
        .event_time(time_of_touch)
        .keyed("neighbours", move |partition| NeighboursStage {
            params: of_neighbours.clone(),
            popular: Popular::default(),
            kept: KeptOrders::share(of_neighbours.answers_kept(), partition, partitions),
        })
        .partition_by(answer_of)
        .event_time(time_of_partial)
        .keyed("answer", move |_| AnswerStage {
            params: of_answer.clone(),
            memory: Memory::default(),
            total: gathered.clone(),
        })
        .sink(make_sink)
}
