//! The three stages without an engine: plain maps, one thread, in order or in a seeded disorder of many
//! partitions. What the flow must do, and how good it is on real data.

use super::*;
use bytemuck::Zeroable;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::Read;
use std::path::{Path, PathBuf};

/// One partition of each stage.
#[derive(Default)]
struct Flow {
    params: Params,
    histories: HashMap<u64, History>,
    neighbours: HashMap<u64, Neighbours>,
    popular: Popular,
    answers: HashMap<u64, Answer>,
    memory: Memory,
}

impl Flow {
    fn history(&mut self, click: &Click, mut emit: impl FnMut(Touch)) {
        let state = self
            .histories
            .entry(click.user)
            .or_insert_with(History::zeroed);
        state.click(click, &self.params, &mut emit);
    }

    fn neighbours(&mut self, touch: &Touch, mut emit: impl FnMut(Partial)) {
        let state = self
            .neighbours
            .entry(touch.item)
            .or_insert_with(Neighbours::zeroed);
        state.touch(touch, &self.params, &mut self.popular, &mut emit);
    }

    fn answer(&mut self, partial: &Partial) -> Option<Recommendation> {
        let key = partial.click.key();
        let state = self.answers.entry(key).or_insert_with(Answer::zeroed);
        let step = state.take(partial, &self.params, &mut self.memory);
        if step.finished {
            self.answers.remove(&key);
        }
        step.recommendation
    }

    /// A click through all three stages.
    fn click(&mut self, click: &Click) -> Recommendation {
        let (mut touches, mut partials, mut answers) = (Vec::new(), Vec::new(), Vec::new());
        self.history(click, |t| touches.push(t));
        touches
            .iter()
            .for_each(|t| self.neighbours(t, |p| partials.push(p)));
        answers.extend(partials.iter().filter_map(|p| self.answer(p)));
        assert_eq!(answers.len(), 1, "a click has one answer");
        let answer = answers[0];
        assert_eq!(
            (answer.click.user, answer.item, answer.ts_ns),
            (click.user, click.item, click.ts_ns)
        );
        answer
    }
}

fn click(user: u64, item: u64, ts_s: u64) -> Click {
    Click {
        user,
        item,
        ts_ns: ts_s * 1_000_000_000,
        weight: 1.0,
    }
}

#[test]
fn a_click_changes_the_very_next_answer() {
    let mut flow = Flow::default();
    assert_eq!(
        flow.click(&click(1, 100, 0)).items(),
        [] as [u64; 0],
        "nothing is known yet"
    );
    flow.click(&click(1, 200, 5));
    let second = flow.click(&click(2, 100, 6));
    assert_eq!(second.items(), [200], "user 1 went from 100 to 200");
    flow.click(&click(3, 100, 7));
    flow.click(&click(3, 300, 8));
    flow.click(&click(4, 100, 9));
    flow.click(&click(4, 300, 10));
    assert_eq!(
        flow.click(&click(5, 100, 11)).items(),
        [300, 200],
        "two went on to 300 since"
    );
    assert_eq!(
        flow.click(&click(5, 300, 12)).items(),
        [200],
        "and what was just seen is gone"
    );
}

#[test]
fn a_burst_of_one_user_in_disorder_loses_no_answer() {
    let clicks: Vec<Click> = (0..1000).map(|n| click(7, n * n % 97, n / 10)).collect();
    let mut flow = Flow::default();
    let (mut touches, mut partials) = (Vec::new(), Vec::new());
    clicks
        .iter()
        .for_each(|c| flow.history(c, |t| touches.push(t)));
    touches
        .iter()
        .for_each(|t| flow.neighbours(t, |p| partials.push(p)));
    partials.reverse();
    let answered: HashSet<u32> = partials
        .iter()
        .filter_map(|p| flow.answer(p))
        .map(|r| r.click.number)
        .collect();
    assert_eq!(answered.len(), 1000);
    assert_eq!(
        flow.answers.len(),
        1,
        "the user's last answer waits for the next click"
    );
    let quality = flow.memory.quality;
    assert_eq!(
        (quality.answers, quality.fresh + quality.repeats),
        (1000, 999)
    );
}

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }
}

/// Three partitions a stage, rings of 32, and whoever the dice choose goes next.
fn shuffled(clicks: &[Click], seed: u64) -> (Vec<Recommendation>, Quality, usize) {
    const P: usize = 3;
    const RING: usize = 32;
    let owner = |key: u64| (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize % P;
    let mut flows: [Flow; P] = Default::default();
    let mut inputs: [VecDeque<(usize, &Click)>; P] = Default::default();
    for (at, click) in clicks.iter().enumerate() {
        inputs[owner(click.user)].push_back((at, click));
    }
    let mut touches: [[VecDeque<Touch>; P]; P] = Default::default();
    let mut partials: [[VecDeque<Partial>; P]; P] = Default::default();
    let mut answers = Vec::new();
    let mut dice = Dice(seed);
    while answers.len() < clicks.len() || partials.iter().flatten().any(|ring| !ring.is_empty()) {
        let (from, to) = (dice.below(P), dice.below(P));
        match dice.below(9) {
            0 => {
                // No source runs more than 50 clicks of the trace ahead of another.
                let at =
                    |input: &VecDeque<(usize, &Click)>| input.front().map_or(usize::MAX, |c| c.0);
                let last = inputs.iter().map(at).min().unwrap_or(0);
                if at(&inputs[from]) < last.saturating_add(50)
                    && touches[from].iter().all(|r| r.len() < RING)
                {
                    let Some((_, click)) = inputs[from].pop_front() else {
                        continue;
                    };
                    flows[from].history(click, |t| touches[from][owner(t.item)].push_back(t));
                }
            }
            1..4 => {
                if partials[to].iter().all(|r| r.len() < RING) {
                    let Some(touch) = touches[from][to].pop_front() else {
                        continue;
                    };
                    flows[to]
                        .neighbours(&touch, |p| partials[to][owner(p.click.user)].push_back(p));
                }
            }
            _ => {
                let Some(partial) = partials[from][to].pop_front() else {
                    continue;
                };
                answers.extend(flows[to].answer(&partial));
            }
        }
    }
    let mut quality = Quality::default();
    flows.iter().for_each(|f| quality.add(&f.memory.quality));
    (
        answers,
        quality,
        flows.iter().map(|f| f.answers.len()).sum(),
    )
}

#[test]
fn partitions_in_any_interleaving_answer_every_click_once_and_as_well() {
    let Some(clicks) = git_sample() else { return };
    let clicks = &clicks[clicks.len() - 30_000..];
    let mut in_order = Flow::default();
    clicks.iter().for_each(|c| {
        in_order.click(c);
    });
    let users: HashSet<u64> = clicks.iter().map(|c| c.user).collect();
    for seed in [1, 2, 3] {
        let (answers, quality, waiting) = shuffled(clicks, seed);
        let once: HashSet<(u64, u32)> = answers
            .iter()
            .map(|r| (r.click.user, r.click.number))
            .collect();
        assert_eq!((answers.len(), once.len()), (clicks.len(), clicks.len()));
        assert_eq!(
            waiting,
            users.len(),
            "at rest: the last answer of each user"
        );
        let reference = &in_order.memory.quality;
        assert_eq!(
            (quality.fresh, quality.repeats),
            (reference.fresh, reference.repeats)
        );
        for list in [
            |q: &Quality| q.shown,
            |q: &Quality| q.popular,
            |q: &Quality| q.last_item,
        ] {
            let (a, b) = (
                quality.recall(&list(&quality)),
                reference.recall(&list(reference)),
            );
            assert!(
                (a - b).abs() < 0.003,
                "seed {seed}: recall {a} out of order, {b} in order"
            );
        }
    }
}

/// Runs `clicks`, prints the figures, and holds the margins over both baselines.
fn beats(name: &str, clicks: &[Click], recall_over_last_item: f64, mrr_over_last_item: f64) {
    let mut flow = Flow::default();
    for click in clicks {
        let answer = flow.click(click);
        let seen = flow.histories[&click.user].items();
        assert!(
            answer.items().iter().all(|item| !seen.contains(item)),
            "{answer:?}"
        );
        let distinct: HashSet<&u64> = answer.items().iter().collect();
        assert_eq!(distinct.len(), answer.items().len());
    }
    let q = flow.memory.quality;
    println!("{name}: {:?}", q.summary(20));
    assert_eq!(q.answers, clicks.len() as u64);
    assert_eq!(
        q.fresh + q.repeats + flow.histories.len() as u64,
        q.answers,
        "all but first clicks are tested"
    );
    let (recall, mrr) = (q.recall(&q.shown), q.mrr(&q.shown));
    assert!(
        recall > recall_over_last_item * q.recall(&q.last_item),
        "{name}: recall {recall}"
    );
    assert!(
        mrr > mrr_over_last_item * q.mrr(&q.last_item),
        "{name}: mrr {mrr}"
    );
    assert!(
        recall > 4.0 * q.recall(&q.popular) && mrr > 4.0 * q.mrr(&q.popular),
        "{name}"
    );
}

#[test]
fn beats_both_baselines_on_the_shipped_sample() {
    let Some(clicks) = git_sample() else { return };
    beats("git-activity sample", &clicks, 1.15, 1.50);
}

#[test]
fn beats_both_baselines_on_shop_clicks() {
    let path = shared("yoochoose/train_full.txt");
    let Some(text) = text(&path) else { return };
    let mut clicks: Vec<Click> = text
        .lines()
        .skip(1)
        .map(|line| {
            let mut fields = line.split('\t');
            let mut field = || fields.next().expect("three columns");
            let (user, item) = (
                field().parse().expect("a session"),
                field().parse().expect("an item"),
            );
            let ts_s: f64 = field().parse().expect("seconds");
            Click {
                user,
                item,
                ts_ns: (ts_s * 1000.0).round() as u64 * 1_000_000,
                weight: 1.0,
            }
        })
        .collect();
    clicks.sort_by_key(|c| c.ts_ns);
    assert_eq!(clicks.len(), 70_278);
    beats("yoochoose", &clicks, 1.10, 1.06);
}

#[test]
fn beats_both_baselines_on_all_file_changes() {
    let Some(text) = text(&shared("git-activity/git_activity.csv.zst")) else {
        return;
    };
    let clicks = git(&text);
    assert_eq!(clicks.len(), 640_251);
    beats("git-activity", &clicks, 1.11, 1.45);
}

fn git_sample() -> Option<Vec<Click>> {
    let sample =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/git-activity/clicks.csv.zst");
    text(&sample).map(|text| git(&text))
}

/// Columns ts (s), user_id, item_id, and what follows.
fn git(text: &str) -> Vec<Click> {
    let row = |line: &str| {
        let mut fields = line.split(',').map(|f| f.parse::<u64>().expect("a number"));
        let mut field = || fields.next().expect("three columns");
        let (ts_s, user, item) = (field(), field(), field());
        click(user, item, ts_s)
    };
    text.lines().skip(1).map(row).collect()
}

fn shared(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(path)
}

fn text(path: &Path) -> Option<String> {
    let Ok(mut file) = std::fs::File::open(path) else {
        println!("skipped: {} is not here", path.display());
        return None;
    };
    let mut text = String::new();
    if path.extension().is_some_and(|e| e == "zst") {
        zstd::Decoder::new(file)
            .and_then(|mut d| d.read_to_string(&mut text))
            .expect("readable");
    } else {
        file.read_to_string(&mut text).expect("readable");
    }
    Some(text)
}
