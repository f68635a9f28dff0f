//! Events that wait, against a map of queues: for their state, and for their next try.

use super::*;
use crate::partition::mum64;
use crate::sys::random::Random;
use std::collections::HashMap;

/// Opens, pushes, arrivals and closings at random against a map of queues.
#[test]
fn agrees_with_a_map_of_queues() {
    for seed in 0..50 {
        let mut random = Random::stream(seed, "waiting");
        let mut waiting = Waiting::<u64, u64>::new(7);
        let mut model = HashMap::<u64, (u32, VecDeque<u64>)>::new();
        let mut asked = Vec::<u64>::new();
        let mut open = Vec::<u64>::new();
        for number in 0..3_000u64 {
            let key = random.next_u64() % 20;
            let hash = mum64(key);
            match random.next_u64() % 4 {
                0 | 1 if waiting.has_room() => {
                    let ticket = waiting.find(hash, key);
                    assert_eq!(ticket, model.get(&key).map(|known| known.0));
                    let ticket = ticket.or_else(|| {
                        let ticket = waiting.next_ticket()?;
                        waiting.open(hash, key);
                        model.insert(key, (ticket, VecDeque::new()));
                        asked.push(key);
                        Some(ticket)
                    });
                    if let Some(ticket) = ticket {
                        waiting.push(ticket, Due::new(1), number);
                        model
                            .entry(key)
                            .and_modify(|known| known.1.push_back(number));
                        open.push(number);
                    }
                }
                2 if !asked.is_empty() => {
                    let key = asked.swap_remove((random.next_u64() as usize) % asked.len());
                    waiting.arrived(model[&key].0, 1, key * 3);
                }
                _ => {
                    let Some((ticket, _)) = waiting.ready(0) else {
                        continue;
                    };
                    let (key, _, state) = waiting.kept(ticket).expect("it is kept");
                    assert_eq!(state, key * 3);
                    let next = waiting.next(ticket).map(|(_, event, ..)| event);
                    let known = model.get_mut(&key).expect("it waits");
                    assert_eq!(next, known.1.pop_front());
                    if next.is_none() {
                        waiting.close();
                        model.remove(&key);
                    }
                }
            }
            assert_eq!(waiting.keys.len() - waiting.free.len(), model.len());
            let waits: usize = model.values().map(|known| known.1.len()).sum();
            assert!(waiting.put_aside() - waiting.through() >= waits as u64);
            if model.is_empty() {
                assert_eq!(waiting.put_aside(), waiting.through());
            }
        }
    }
}

/// The same of events that fail and are tried again: a key stays in order, others pass, and what is through
/// is counted when it is.
#[test]
fn failed_events_come_again_in_order() {
    for seed in 0..50 {
        let mut random = Random::stream(seed, "waiting again");
        let mut waiting = Waiting::<u64, u64>::new(5);
        let mut model = HashMap::<u64, VecDeque<u64>>::new();
        let mut now_ns = 0;
        for number in 0..3_000u64 {
            now_ns += random.next_u64() % 10;
            let key = random.next_u64() % 12;
            let hash = mum64(key);
            match random.next_u64() % 3 {
                0 | 1 if waiting.has_room() => match waiting.find(hash, key) {
                    Some(ticket) => {
                        waiting.push(ticket, Due::new(1), number);
                        model.get_mut(&key).expect("it waits").push_back(number);
                    }
                    None if waiting.has_room_for_a_key() => {
                        assert!(!model.contains_key(&key));
                        let state = random.next_u64().is_multiple_of(2).then_some((1, key * 3));
                        let again_ns = now_ns + random.next_u64() % 50;
                        waiting.park((hash, key), (Due::new(1), number), state, again_ns);
                        model.insert(key, VecDeque::from([number]));
                    }
                    None => {}
                },
                _ => {
                    waiting.wake(now_ns);
                    let Some((ticket, _)) = waiting.ready(0) else {
                        continue;
                    };
                    let failures = waiting.failures(ticket);
                    let Some((_, event, key, ..)) = waiting.next(ticket) else {
                        waiting.close();
                        model.retain(|_, events| !events.is_empty());
                        continue;
                    };
                    let events = model.get_mut(&key).expect("it waits");
                    assert_eq!(Some(&event), events.front());
                    if failures < 4 && random.next_u64().is_multiple_of(2) {
                        waiting.try_again(now_ns + random.next_u64() % 50);
                        assert_eq!(waiting.failures(ticket), failures + 1);
                    } else {
                        events.pop_front();
                        waiting.succeed(ticket);
                    }
                }
            }
            let waits: usize = model.values().map(VecDeque::len).sum();
            assert!(waiting.put_aside() - waiting.through() >= waits as u64);
            assert!(!waiting.expects_state());
        }
        while !waiting.is_empty() {
            waiting.wake(u64::MAX);
            let Some((ticket, _)) = waiting.ready(0) else {
                break;
            };
            while waiting.next(ticket).is_some() {}
            waiting.close();
        }
        assert_eq!(waiting.put_aside(), waiting.through());
    }
}
