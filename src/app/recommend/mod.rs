//! `recommend`: for every click, what this user may want next, learned from every click before it.
//!
//! ```text
//!  Click ─► history ──Touch─► neighbours ──Partial─► answer ──Recommendation─► sink
//!           by user  (1..=6)  by item      (3..=9)   by user; one state a click
//!           16 items          32 neighbours          merge, rank, score
//! ```
//!
//! 1. [`History`] holds the 16 items a user has seen last. A click moves its item to the front and
//!    *touches* the 6 newest: each touch brings what there is to learn and asks what there is to offer.
//! 2. [`Neighbours`] holds, for one item, the 32 items most often clicked near it, with a score that
//!    decays with time. A touch strengthens a link (old item → new item fully, new → old by
//!    [`Params::back`]) and answers with the 16 strongest links.
//! 3. [`Answer`] adds the partial lists of one click up, takes out what the user has just seen, fills
//!    a short list with the neighbours of its best items, then with popular items, and emits the
//!    top 20. It stays until the user's next click, which is tested against what was shown.
//!
//! The score of a candidate `c` for a user whose recent items, newest first, are `j0, j1, …, j5`:
//!
//! ```text
//!   Σ_p  ask^p · sqrt( link(jp → c) / Σ_x link(jp → x) ) / (1 + time since jp / near)
//!   link(j → i) += weight · learn^(p-1) / (1 + gap(j, i) / near) · 2^((now - then) / half-life)
//! ```
//!
//! Three plain ideas: what was seen last says most (position), what was seen within the same minute
//! belongs together (gap), and an item that leads everywhere says little (the share of its links, under
//! a root, so that one strong witness does not silence three weak ones).
//!
//! Sources. Item-based collaborative filtering kept up to date click by click, with bounded lists a key:
//! TencentRec (Huang et al., SIGMOD 2015). Weights that fall with the position in the session, and only
//! the most recent items of a session asked: Serenade / VMIS-kNN (Kersbergen et al., SIGMOD 2022), after
//! VS-kNN and sequential rules (Ludewig and Jannach, 2018). Forward decay, so that time costs nothing
//! when it passes: Cormode et al., ICDE 2009. The constants were searched on two data sets (online shop
//! clicks; which file a developer touches next) and are the same for both.
//!
//! **Every click gets exactly one answer**, a first click and a repeated one too, so that the balance of
//! a run closes: a partial says how many parts its click has, and the answer is emitted with the last of
//! them, whatever their order. The state of the merge is therefore keyed by *click*, not by user: a
//! burst of a thousand clicks of one user makes a thousand merges, bounded by what the rings hold, and
//! none waits for, or overwrites, another. A state is removed when the next click of its user has been
//! tested against it, so at rest there is one a user: the answer last shown.
//!
//! **Test, then train, without a race.** The click to be tested travels the same road as its touches, as
//! [`Body::Outcome`], addressed to the answer of the click before. Whatever the partitions and the
//! interleaving, the links of that answer know nothing of the click: they left each partition of
//! `neighbours` before the click's touches reached it (one ring, in order, from the one owner of the
//! user). What fills a short answer is memory shared by many users, where parts of later clicks may have
//! come first; [`KnownLists`] keeps those of the same user's later clicks from it, and an item's count
//! becomes known to [`Popular`] after its click has tested. A test holds the figures of many partitions
//! in disorder against those of one in order.
//!
//! Figures, test-then-train over the whole stream, cold start included, over fresh clicks (see
//! [`quality`]; the tests print them and hold the margins):
//!
//! ```text
//!                        clicks   recall@20                     MRR@20
//!                                 shown  last item  popular     shown  last item  popular
//!  git-activity sample  150,000   0.463    0.394     0.028      0.285    0.179     0.010
//!  git-activity         640,251   0.544    0.482     0.019      0.342    0.226     0.005
//!  yoochoose             70,278   0.500    0.447     0.107      0.235    0.218     0.024
//! ```

pub mod answer;
mod candidates;
mod flow;
pub mod history;
pub mod lists;
pub mod message;
pub mod neighbours;
mod orders;
pub mod params;
pub mod popular;
pub mod quality;
mod ranking;

#[cfg(test)]
mod reference;

pub use answer::{Answer, Memory, Step};
pub use flow::{run, simulate};
pub use history::History;
pub use lists::KnownLists;
pub use message::{Body, Click, ClickId, Partial, Recommendation, Touch};
pub use neighbours::Neighbours;
pub use params::Params;
pub use popular::Popular;
pub use quality::{Quality, Score};
