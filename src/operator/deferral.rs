//! Watermarks of a stage's inputs: the lowest counts, and one waits for the events before it that wait for
//! their state.

use super::logic::Logic;
use super::stage::Body;
use crate::event::Marker;
use crate::task::{Context, Downstream};

impl<L: Logic, D: Downstream<L::Out>> Body<L, D> {
    /// Takes a watermark of input `index`. While events before it wait for their state it does not count
    /// yet; events behind it go on, which a watermark allows.
    pub(super) fn watermark(&mut self, watermark_ns: u64, index: usize, cx: &mut Context) {
        let until = self.logic.put_aside();
        let input = &mut self.inputs[index];
        if self.logic.through() == until && input.deferred.is_none() {
            input.watermark_ns = watermark_ns;
            return self.advance_watermark(cx);
        }
        input.newest_ns = watermark_ns;
        if input.deferred.is_none() {
            input.deferred = Some((watermark_ns, until));
            self.deferred += 1;
        }
    }

    /// Lets the deferred watermarks count whose events are through.
    #[cold]
    pub(super) fn release_watermarks(&mut self, cx: &mut Context) {
        let (through, until) = (self.logic.through(), self.logic.put_aside());
        let mut released = false;
        for input in &mut self.inputs {
            if let Some((watermark_ns, _)) = input.deferred.filter(|(_, until)| through >= *until) {
                input.watermark_ns = watermark_ns;
                released = true;
                input.deferred = (input.newest_ns > watermark_ns && through < until)
                    .then_some((input.newest_ns, until));
                if input.deferred.is_none() {
                    input.watermark_ns = input.newest_ns;
                    self.deferred -= 1;
                }
            }
        }
        if released {
            self.advance_watermark(cx);
        }
    }

    pub(super) fn advance_watermark(&mut self, cx: &mut Context) {
        let open = self.inputs.iter().filter(|input| !input.ended);
        let Some(lowest) = open.map(|input| input.watermark_ns).min() else {
            return;
        };
        if lowest > self.watermark_ns {
            self.watermark_ns = lowest;
            self.logic.watermark(lowest, &mut self.down, cx);
            self.down.marker(Marker::Watermark(lowest), cx);
        }
    }
}
