//! S3-FIFO over the whole cache, written plainly: what the sets are compared with. Rules as in libCacheSim
//! 0.3.5 (small 0.10, ghost 0.90, threshold 2; until the first eviction a full small FIFO overflows to main).

use std::collections::{HashMap, VecDeque};

enum Where {
    Small,
    Main,
    /// Ghost, with the number of its entry in the ghost FIFO.
    Ghost(u64),
}

pub struct GlobalS3Fifo {
    small_max: usize,
    main_max: usize,
    ghost_max: usize,
    /// Where, and how often asked for.
    known: HashMap<u64, (Where, u8)>,
    small: VecDeque<u64>,
    main: VecDeque<u64>,
    ghost: VecDeque<(u64, u64)>,
    ghosts: u64,
    has_evicted: bool,
}

impl GlobalS3Fifo {
    pub fn new(capacity: usize) -> Self {
        let small_max = (capacity / 10).max(1);
        GlobalS3Fifo {
            small_max,
            main_max: capacity - small_max,
            ghost_max: (capacity * 9 / 10).max(1),
            known: HashMap::new(),
            small: VecDeque::new(),
            main: VecDeque::new(),
            ghost: VecDeque::new(),
            ghosts: 0,
            has_evicted: false,
        }
    }

    /// One request; whether it was a hit.
    pub fn request(&mut self, id: u64) -> bool {
        let mut was_ghost = false;
        match self.known.get_mut(&id) {
            Some((Where::Ghost(_), _)) => was_ghost = true,
            Some((_, count)) => {
                *count = count.saturating_add(1);
                return true;
            }
            None => {}
        }
        if was_ghost {
            self.known.remove(&id);
        }
        while self.small.len() + self.main.len() >= self.small_max + self.main_max {
            self.evict();
        }
        let warm = !self.has_evicted && self.small.len() >= self.small_max;
        if was_ghost || warm {
            self.main.push_back(id);
            self.known.insert(id, (Where::Main, 0));
        } else {
            self.small.push_back(id);
            self.known.insert(id, (Where::Small, 0));
        }
        false
    }

    fn evict(&mut self) {
        self.has_evicted = true;
        if self.main.len() > self.main_max || self.small.is_empty() {
            let id = self.main.pop_front().expect("a full cache holds something");
            let known = self.known.get_mut(&id).expect("held");
            if known.1 > 0 {
                known.1 = known.1.min(3) - 1;
                self.main.push_back(id);
            } else {
                self.known.remove(&id);
            }
            return;
        }
        let id = self.small.pop_front().expect("not empty");
        if self.known[&id].1 >= 2 {
            self.known.insert(id, (Where::Main, 0));
            self.main.push_back(id);
            return;
        }
        if self.ghost.len() >= self.ghost_max {
            let (number, old) = self.ghost.pop_front().expect("full");
            if matches!(self.known.get(&old), Some((Where::Ghost(at), _)) if *at == number) {
                self.known.remove(&old);
            }
        }
        self.ghosts += 1;
        self.ghost.push_back((self.ghosts, id));
        self.known.insert(id, (Where::Ghost(self.ghosts), 0));
    }
}
