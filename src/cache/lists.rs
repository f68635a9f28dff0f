//! Doubly linked lists over nodes: the queues of all policies, in one array, without a pointer or a branch.
//!
//! ```text
//!   links:   node 0 │ node 1 │ … │ node n-1 │ list 0 │ list 1 │ …        8 bytes each
//!
//!   a list:  ┌──► anchor ─older─► newest ─older─► … ─older─► oldest ─┐    the anchor closes the ring, so
//!            └───────────────────────────────────────────────────────┘    no end is a special case
//! ```
//!
//! Invariant: a node is in one list at the most; `newer` and `older` of neighbours agree.

/// Neighbours of a node, or of a list's anchor.
#[derive(Clone, Copy, Debug)]
struct Link {
    newer: u32,
    older: u32,
}

/// `newer` of a node in no list.
const NOWHERE: u32 = u32::MAX;

/// Some lists over the same nodes.
#[derive(Clone, Debug)]
pub(super) struct Lists {
    links: Box<[Link]>,
    nodes: u32,
}

impl Lists {
    /// `lists` empty lists over nodes below `nodes`.
    ///
    /// # Panics
    /// When nodes and lists together are 2^32 - 1 or more.
    pub(super) fn new(nodes: u32, lists: u32) -> Self {
        let all = nodes.checked_add(lists).filter(|all| *all < NOWHERE);
        let all = all.expect("nodes and lists of a policy are fewer than 2^32 - 1");
        let alone = |index: u32| Link {
            newer: if index < nodes { NOWHERE } else { index },
            older: index,
        };
        Lists {
            links: (0..all).map(alone).collect(),
            nodes,
        }
    }

    /// The anchor of list `number`: newer than its newest, older than its oldest.
    #[inline(always)]
    pub(super) fn anchor(&self, number: u32) -> u32 {
        self.nodes + number
    }

    /// Whether `node` is in a list.
    #[inline(always)]
    pub(super) fn contains(&self, node: u32) -> bool {
        self.links[node as usize].newer != NOWHERE
    }

    /// The neighbour on the newer side; the anchor behind the newest.
    #[inline(always)]
    pub(super) fn newer(&self, node: u32) -> u32 {
        self.links[node as usize].newer
    }

    /// The neighbour on the older side; the anchor behind the oldest.
    #[inline(always)]
    pub(super) fn older(&self, node: u32) -> u32 {
        self.links[node as usize].older
    }

    /// The oldest of the list at `anchor`; `anchor` itself when it is empty.
    #[inline(always)]
    pub(super) fn oldest(&self, anchor: u32) -> u32 {
        self.newer(anchor)
    }

    /// Whether the list at `anchor` is empty.
    #[inline(always)]
    pub(super) fn is_empty(&self, anchor: u32) -> bool {
        self.newer(anchor) == anchor
    }

    /// Puts `node`, which is in no list, right on the older side of `place`: as the newest of a list when
    /// `place` is its anchor.
    #[inline(always)]
    pub(super) fn insert(&mut self, place: u32, node: u32) {
        let older = self.links[place as usize].older;
        self.links[node as usize] = Link {
            newer: place,
            older,
        };
        self.links[place as usize].older = node;
        self.links[older as usize].newer = node;
    }

    /// Takes `node` out of its list.
    #[inline(always)]
    pub(super) fn take(&mut self, node: u32) {
        let Link { newer, older } = self.links[node as usize];
        self.links[newer as usize].older = older;
        self.links[older as usize].newer = newer;
        self.links[node as usize].newer = NOWHERE;
    }

    /// Bytes of the links.
    pub(super) fn bytes(&self) -> u64 {
        size_of_val::<[Link]>(&self.links) as u64
    }
}
