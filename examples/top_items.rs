//! Which products do people come back for? Baskets at 50,000 a second through two exchanges, and the
//! latency of every answer.
//!
//! ```text
//!   source ─ map ─ filter ─ flat_map     one task: the steps are fused, no ring between them
//!      │ [hash(buyer, product)]
//!   pairs ─ filter ─ map                 how often has this buyer bought this product?
//!      │ [hash(product)]
//!   products ─ sink                      how many buyers came back for it?
//! ```
//!
//! `cargo run --release --example top_items`

use millstream::latency::text;
use millstream::prelude::*;
use millstream::source::Generate;
use millstream::source::load::{Arrivals, KeySampler, Load, Schedule, ValuePattern};
use millstream::source::trace::native::KeyedRecord;
use std::collections::BTreeMap;
use std::error::Error;

const PRODUCTS: [&str; 12] = [
    "bread", "milk", "coffee", "apples", "rice", "eggs", "butter", "pasta", "tea", "honey", "salt",
    "saffron",
];
const BUYERS: u64 = 20_000;

/// Up to three products; unused places are `None`.
#[derive(Clone, Copy, Debug)]
struct Basket {
    buyer: u32,
    products: [Option<u8>; 3],
    returned: bool,
}

/// One product out of a basket.
#[derive(Clone, Copy, Debug)]
struct Bought {
    buyer: u32,
    product: u8,
}

/// A product and a count: of purchases by one buyer, then of buyers.
#[derive(Clone, Copy, Debug)]
struct Count {
    product: u8,
    count: u64,
}

/// Makes a basket of what the load generator draws: a buyer and a number.
fn basket(record: KeyedRecord) -> Basket {
    let draw = record
        .key
        .wrapping_add(record.ts_ns)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // The smaller of two even draws: small numbers, at the head of the list, are bought more.
    let product = |at: u32| ((draw >> at) % 12).min((draw >> (at + 8)) % 12) as u8;
    Basket {
        buyer: record.key as u32,
        products: [
            Some(product(8)),
            (draw >> 62 > 0).then(|| product(24)),
            (draw >> 63 > 0).then(|| product(40)),
        ],
        returned: draw.is_multiple_of(32),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let keys = KeySampler::new(&format!("uniform({BUYERS})").parse()?, 7)?;
    let schedule = Schedule::new(&Arrivals::Poisson, "50k".parse()?, 7)?;
    let load = Load::new(keys, ValuePattern::default(), schedule, 7);
    let options = Options {
        name: "top items".into(),
        ..Options::default()
    };

    let outcome = Flow::new(options)
        .source("baskets", Generate::new(load, Some(100_000), None))
        .map(basket)
        .filter(|basket| !basket.returned)
        .flat_map(|basket: Basket, push: &mut dyn FnMut(Bought)| {
            let Basket {
                buyer, products, ..
            } = basket;
            products
                .into_iter()
                .flatten()
                .for_each(|product| push(Bought { buyer, product }));
        })
        .partition_by(|bought: &Bought| (u64::from(bought.buyer) << 8) | u64::from(bought.product))
        .keyed("pairs", |_| {
            update(|bought: &Bought, times: &mut u64| {
                *times += 1;
                Count {
                    product: bought.product,
                    count: *times,
                }
            })
        })
        .filter(|pair| pair.count == 2) // the moment in which a buyer comes back
        .map(|pair| pair.product)
        .partition_by(|product| u64::from(*product))
        .keyed("products", |_| {
            update(|product: &u8, buyers: &mut u64| {
                *buyers += 1;
                Count {
                    product: *product,
                    count: *buyers,
                }
            })
        })
        .sink(|_| Collect::<Count>::default())
        .run()?;

    let answers = outcome.sinks.iter().flat_map(|sink| &sink.results);
    let buyers: BTreeMap<u8, u64> = answers
        .map(|answer| (answer.product, answer.count))
        .collect();
    let mut top: Vec<_> = buyers.into_iter().collect();
    top.sort_by_key(|&(product, buyers)| (std::cmp::Reverse(buyers), product));
    println!("buyers who came back, of {BUYERS}:");
    for (product, buyers) in top.into_iter().take(8) {
        println!("{buyers:>6}  {}", PRODUCTS[usize::from(product)]);
    }
    println!("\n{}", text(&outcome.report.summary, false));
    Ok(())
}
