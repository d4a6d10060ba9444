//! Questions that wait for something newer. They are in memory alone: if the object dies they fail, and are asked again.

use std::cell::{Cell, RefCell};

use futures_channel::oneshot::{self, Receiver, Sender};
use futures_util::FutureExt;
use futures_util::future::Shared;

/// Questions that may wait at once. All are answered when something comes in and asked again within a second, and an object is good for about 1,000
/// requests in one. Who finds no place is answered at once, and asks every few seconds.
const PLACES: usize = 1_024;

/// Those who wait.
#[derive(Debug)]
pub(super) struct Waiters {
    bell: RefCell<Bell>,
    taken: Cell<usize>,
}

#[derive(Debug)]
struct Bell {
    ring: Sender<()>,
    heard: Woken,
}

pub(super) type Woken = Shared<Receiver<()>>;

/// One of those who may wait, for as long as it lives.
#[derive(Debug)]
pub(super) struct Place<'a>(&'a Waiters);

impl Waiters {
    pub(super) fn new() -> Self {
        Self { bell: RefCell::new(Bell::new()), taken: Cell::new(0) }
    }

    /// `None` when too many wait already.
    pub(super) fn take_place(&self) -> Option<Place<'_>> {
        let taken = self.taken.get();
        (taken < PLACES).then(|| {
            self.taken.set(taken + 1);
            Place(self)
        })
    }

    /// Wakes everybody who has a [`Place::woken`] from before.
    pub(super) fn wake_all(&self) {
        // Nobody waiting is no fault.
        let _ = self.bell.replace(Bell::new()).ring.send(());
    }
}

impl Bell {
    fn new() -> Self {
        let (ring, heard) = oneshot::channel();
        Self { ring, heard: heard.shared() }
    }
}

impl Place<'_> {
    /// Resolves at the next [`Waiters::wake_all`] after this call, whenever it is first polled.
    pub(super) fn woken(&self) -> Woken {
        self.0.bell.borrow().heard.clone()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.taken.set(self.0.taken.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_wait_are_woken_at_once_and_nobody_before() {
        let waiters = Waiters::new();
        let places: Vec<_> = (0..100).filter_map(|_| waiters.take_place()).collect();
        let woken: Vec<_> = places.iter().map(Place::woken).collect();
        assert!(woken.iter().all(|one| one.clone().now_or_never().is_none()));
        waiters.wake_all();
        assert!(woken.into_iter().all(|one| one.now_or_never() == Some(Ok(()))));
    }

    #[test]
    fn who_comes_after_a_call_waits_for_the_next() {
        let waiters = Waiters::new();
        let place = waiters.take_place().unwrap();
        waiters.wake_all();
        let woken = place.woken();
        assert!(woken.clone().now_or_never().is_none());
        waiters.wake_all();
        assert_eq!(woken.now_or_never(), Some(Ok(())));
    }

    #[test]
    fn places_are_bounded_and_those_who_leave_leave_no_trace() {
        let waiters = Waiters::new();
        let mut places: Vec<_> = (0..PLACES).map_while(|_| waiters.take_place()).collect();
        assert_eq!(places.len(), PLACES);
        assert!(waiters.take_place().is_none());
        places.pop();
        assert!(waiters.take_place().is_some());
        drop(places);
        assert_eq!(waiters.taken.get(), 0);
    }

    #[test]
    fn a_question_that_is_dropped_while_it_waits_gives_its_place_back() {
        let waiters = Waiters::new();
        let question = async {
            let place = waiters.take_place().unwrap();
            place.woken().await
        };
        let mut question = Box::pin(question);
        assert!(question.as_mut().now_or_never().is_none());
        assert_eq!(waiters.taken.get(), 1);
        drop(question);
        assert_eq!(waiters.taken.get(), 0);
        waiters.wake_all();
    }
}
