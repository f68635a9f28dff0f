//! Counts words: the smallest flow with state.
//!
//! ```text
//!   words ──[hash(word)]──► count, partition p ──► results, in order for each word
//! ```
//!
//! `cargo run --example count_words [FILE]`

use millstream::prelude::*;
use std::collections::HashMap;
use std::error::Error;

const RHYME: &str = "How much wood would a woodchuck chuck if a woodchuck could chuck wood? \
    A woodchuck would chuck as much wood as a woodchuck could chuck if a woodchuck could chuck wood.";

/// An event is a small `Copy` type of your own. Texts stay outside; the event carries their number.
#[derive(Clone, Copy, Debug)]
struct Word(u32);

/// What the flow answers to each word: how often it has come so far.
#[derive(Clone, Copy, Debug)]
struct Counted {
    word: Word,
    times: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let text = match std::env::args().nth(1) {
        Some(file) => std::fs::read_to_string(file)?,
        None => RHYME.to_owned(),
    };
    let (names, words) = number(&text);

    let outcome = Flow::new(Options::default())
        .source("words", Iter::new(words.into_iter()))
        .partition_by(|word: &Word| u64::from(word.0))
        .keyed("count", |_partition| {
            update(|word: &Word, times: &mut u64| {
                *times += 1; // the state of this word: zero when it is new
                Counted {
                    word: *word,
                    times: *times,
                }
            })
        })
        .sink(|_partition| Collect::<Counted>::default())
        .run()?;

    // The last answer to a word is its count.
    let answers = outcome.sinks.iter().flat_map(|sink| &sink.results);
    let counts: HashMap<u32, u64> = answers
        .map(|counted| (counted.word.0, counted.times))
        .collect();
    let mut ranked: Vec<_> = counts.into_iter().collect();
    ranked.sort_by_key(|&(word, times)| (std::cmp::Reverse(times), word));

    let summary = &outcome.report.summary;
    println!(
        "{} words, {} of them different; the most frequent:",
        summary.events_in,
        ranked.len()
    );
    for (word, times) in ranked.iter().take(10) {
        println!("{times:>6}  {}", names[*word as usize]);
    }
    Ok(())
}

/// Every word of `text` in order, as a number, and the words by number.
fn number(text: &str) -> (Vec<String>, Vec<Word>) {
    let (mut names, mut numbers) = (Vec::new(), HashMap::new());
    let words = text
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty());
    let words = words.map(|word| {
        let name = word.to_lowercase();
        let next = names.len() as u32;
        Word(*numbers.entry(name).or_insert_with_key(|name| {
            names.push(name.clone());
            next
        }))
    });
    let words = words.collect();
    (names, words)
}
