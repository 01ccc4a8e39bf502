//! A worker's connections to one upstream that speaks HTTP/2, and the wires over them. A wire is one stream:
//! it is made for a request and ends with it.

mod answer;
mod call;
mod request;
mod uplink;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::io::Io;
use crate::upstream::Upstream;
use uplink::{Place, Uplink};

pub(crate) struct Uplinks {
    upstream: Arc<Upstream>,
    made: RefCell<Vec<Rc<Uplink>>>,
    /// Whoever makes a connection. One at a time: the others find a place on the one that is made.
    turn: Mutex<()>,
}

impl Uplinks {
    pub(crate) fn new(upstream: &Arc<Upstream>) -> Uplinks {
        Uplinks { upstream: Arc::clone(upstream), made: RefCell::default(), turn: Mutex::default() }
    }

    /// A wire for one request; there is a connection under it. It may take so long to make another one, should
    /// that one turn out to be ending.
    ///
    /// # Errors
    ///
    /// Those of a connect.
    pub(crate) async fn open(self: &Rc<Self>, timeout: Duration) -> io::Result<Io> {
        let place = self.place().await?;
        Ok(call::begin(Rc::clone(self), place, timeout))
    }

    /// Does what closings of the upstream ask for.
    pub(crate) fn apply_closings(&self) {
        self.made.borrow_mut().retain(|uplink| {
            let is_over = self.upstream.is_cut(uplink.age())
                || uplink.is_idle() && self.upstream.is_retired(uplink.age());
            if is_over {
                uplink.sever();
            }
            !is_over
        });
    }

    /// Drops connections that are closed, or have had no stream since `oldest`.
    pub(crate) fn expire(&self, oldest: Instant) {
        self.made.borrow_mut().retain(|uplink| uplink.is_open() && !uplink.has_rested_since(oldest));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.made.borrow().is_empty()
    }

    /// A place for a stream, on a new connection where the others have none.
    async fn place(&self) -> io::Result<Place> {
        if let Some(place) = self.free_place() {
            return Ok(place);
        }
        let _turn = self.turn.lock().await;
        if let Some(place) = self.free_place() {
            return Ok(place);
        }
        let uplink = uplink::connect(&self.upstream).await?;
        let place = Place::take(&uplink, &self.upstream);
        self.made.borrow_mut().push(uplink);
        Ok(place)
    }

    /// On the first connection that has one, so that those of a burst come to rest and end.
    fn free_place(&self) -> Option<Place> {
        let made = self.made.borrow();
        let uplink = made.iter().find(|uplink| {
            uplink.is_open() && uplink.has_room() && !self.upstream.is_retired(uplink.age())
        })?;
        Some(Place::take(uplink, &self.upstream))
    }
}
