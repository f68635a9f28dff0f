//! What a touch teaches and answers, and that kept orders change nothing.

use super::*;
use crate::app::recommend::orders::KeptOrders;
use crate::app::recommend::params::RECENT_ITEMS;
use crate::sys::random::Random;
use std::collections::HashMap;

fn touch(place: u8, ts_ns: u64, clicked: u64, learn: f32) -> Touch {
    let mut seen = [0; RECENT_ITEMS];
    (seen[0], seen[1]) = (clicked, 77);
    Touch {
        item: seen[usize::from(place)],
        click: ClickId { user: 1, number: 2 },
        ts_ns,
        ask: 1.0,
        learn: [learn; REACH],
        seen,
        seen_len: 2,
        place,
        touches: 2,
        repeat: false,
    }
}

fn send(state: &mut Neighbours, touch: Touch, params: &Params) -> Vec<Partial> {
    let mut out = Vec::new();
    state.touch(&touch, params, &mut Popular::default(), &mut |p| {
        out.push(p)
    });
    out
}

fn near(parts: &[Partial]) -> Near {
    let found = parts.iter().find_map(|p| match p.body {
        Body::Near(near) => Some(near),
        _ => None,
    });
    found.expect("every touch answers with its links")
}

#[test]
fn a_clicked_item_sends_outcome_seen_followers_and_links() {
    let out = send(
        &mut Neighbours::zeroed(),
        touch(0, 5, 3, 1.0),
        &Params::default(),
    );
    assert!(matches!(
        out[0].body,
        Body::Outcome {
            item: 3,
            repeat: false,
            clicks: 1
        }
    ));
    assert_eq!((out[0].click.number, out[0].parts), (1, 0));
    let Body::Seen {
        len: 2,
        hints: 2..,
        hint_items,
        hint_clicks,
        ..
    } = out[1].body
    else {
        panic!("{:?}", out[1])
    };
    assert_eq!((hint_items[0], hint_clicks[0]), (3, 1));
    assert!(
        matches!(out[2].body, Body::Followers { len: 0, .. }),
        "its only follower has just been seen"
    );
    assert_eq!((near(&out).len, near(&out).items[0]), (1, 77));
    assert!(out[1..].iter().all(|p| p.parts == 4 && p.click.number == 2));
    assert_eq!(
        send(
            &mut Neighbours::zeroed(),
            touch(1, 5, 3, 1.0),
            &Params::default()
        )
        .len(),
        1
    );
}

#[test]
fn a_full_list_replaces_its_weakest() {
    let (mut state, params) = (Neighbours::zeroed(), Params::default());
    for item in 0..NEIGHBOURS as u64 {
        send(
            &mut state,
            touch(1, 0, item, if item == 5 { 0.5 } else { 1.0 }),
            &params,
        );
    }
    send(&mut state, touch(1, 0, 1000, 0.75), &params);
    let items: Vec<u64> = state.shares().map(|s| s.0).collect();
    assert_eq!(items.len(), NEIGHBOURS);
    assert!(items.contains(&1000) && !items.contains(&5));
}

#[test]
fn a_link_counts_half_after_a_half_life() {
    let (mut state, params) = (
        Neighbours::zeroed(),
        Params::default().with_half_life_ns(100),
    );
    send(&mut state, touch(1, 1000, 1, 1.0), &params);
    send(&mut state, touch(1, 1100, 2, 1.0), &params);
    let shares: Vec<_> = state.shares().collect();
    assert!(
        (shares[0].1 - 1.0 / 3.0).abs() < 1e-6 && (shares[1].1 - 2.0 / 3.0).abs() < 1e-6,
        "{shares:?}"
    );
    assert_eq!(
        near(&send(&mut state, touch(1, 1100, 2, 0.0), &params)).items[0],
        2
    );
}

#[test]
fn ages_apart_the_new_one_is_all_and_nothing_overflows() {
    let (mut state, params) = (Neighbours::zeroed(), Params::default().with_half_life_ns(1));
    for (item, ts_ns) in [(1, 0), (2, 40), (3, 100), (4, u64::MAX), (5, 3)] {
        send(&mut state, touch(1, ts_ns, item, 1e6), &params);
    }
    let shares: Vec<_> = state.shares().collect();
    assert!((shares[3].1 - 1.0).abs() < 1e-6, "{shares:?}");
    assert!(shares.iter().all(|s| s.1.is_finite()));
}

#[test]
fn followers_are_ordered_by_plain_count() {
    let (mut state, params) = (Neighbours::zeroed(), Params::default());
    for (item, strength) in [(1, 100.0), (2, 1.0), (2, 1.0)] {
        send(&mut state, touch(1, 0, item, strength), &params);
    }
    let Body::Followers { len: 2, items } = state.followers(&[77], &mut None) else {
        panic!()
    };
    assert_eq!(items[..2], [2, 1]);
    let Body::Followers { len: 1, items } = state.followers(&[2], &mut None) else {
        panic!()
    };
    assert_eq!(items[0], 1);
}

/// A touch of one of `items` with everything random that may be; strengths often equal, some none at all.
fn any_touch(random: &mut Random, items: u64, ts_ns: u64) -> Touch {
    let seen: [u64; RECENT_ITEMS] = std::array::from_fn(|_| random.below(200));
    let touches = 1 + random.below(REACH as u64) as u8;
    let place = random.below(touches.into()) as u8;
    Touch {
        item: 1_000 + random.below(items),
        click: ClickId {
            user: random.below(9),
            number: 1 + random.below(3) as u32,
        },
        ts_ns,
        ask: 0.5,
        learn: std::array::from_fn(|_| {
            [0.0, 0.25, 1.0, 1.0, random.unit() as f32][random.below(5) as usize]
        }),
        seen,
        seen_len: RECENT_ITEMS as u8,
        place,
        touches,
        repeat: false,
    }
}

#[test]
fn answers_that_are_kept_are_those_computed_anew_to_the_bit() {
    let items = 12;
    let mut found = 0;
    for (round, capacity) in [0, 1, 2, 5, 10, 100]
        .into_iter()
        .cycle()
        .take(24)
        .enumerate()
    {
        let mut random = Random::stream(round as u64, "touches");
        // Some rounds are short-lived: units grow until lists are written anew, many times.
        let half_life_ns = [0, 40, 1_000_000][round % 3];
        let params = Params::default().with_half_life_ns(half_life_ns);
        let mut kept = KeptOrders::share(capacity, 0, 1);
        let (mut plain, mut with) = (HashMap::new(), HashMap::new());
        let (mut popular, mut popular_with) = (Popular::default(), Popular::default());
        let mut ts_ns = 0;
        for step in 0..2_000 {
            ts_ns += random.below(4);
            let touch = any_touch(&mut random, items, ts_ns);
            if random.below(300) == 0 {
                // The state of an item is forgotten, as when its time to live has passed.
                plain.remove(&touch.item);
                with.remove(&touch.item);
            }
            let (mut expected, mut parts) = (Vec::new(), Vec::new());
            let state = plain.entry(touch.item).or_insert_with(Neighbours::zeroed);
            let mut emit = |partial| expected.push(partial);
            state.touch(&touch, &params, &mut popular, &mut emit);
            let other = with.entry(touch.item).or_insert_with(Neighbours::zeroed);
            let mut emit = |partial| parts.push(partial);
            match &mut kept {
                None => other.touch(&touch, &params, &mut popular_with, &mut emit),
                Some(kept) => kept.with(touch.item, other.links(), |kept| {
                    other.touch_with(&touch, &params, &mut popular_with, kept, &mut emit);
                }),
            }
            // Floats are written in as many digits as tell them apart.
            assert_eq!(
                format!("{parts:?}"),
                format!("{expected:?}"),
                "round {round}, step {step}: {touch:?}"
            );
            assert_eq!(bytemuck::bytes_of(state), bytemuck::bytes_of(other));
        }
        found += kept.map_or(0, |kept| kept.figures().hits);
    }
    assert!(
        found > 5_000,
        "{found} found: too few to have held anything"
    );
}
