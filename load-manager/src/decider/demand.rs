//! The demand D: how many requests in flight there would be if nothing had to wait or was refused.

/// What the demand over one window is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Demand {
    /// Mean weighted requests in flight over the window.
    pub(super) in_flight: f64,
    /// Arrivals a second over the window, queued and refused ones included.
    pub(super) arrivals_per_s: f64,
    /// Requests waiting now. A backlog is turned into a rate: added as it is, it would be ordered
    /// for as though it came again and again.
    pub(super) queued: f64,
    /// In how many seconds the queue should be worked off.
    pub(super) queue_drain_seconds: f64,
    /// Mean seconds from pick to end of body; `None` until a request has ended.
    pub(super) service_seconds: Option<f64>,
}

impl Demand {
    /// In requests in flight. The larger of what is in flight and, by Little's law, what the
    /// arrivals and the queue will bring; while no service time is known, all that is here.
    pub(super) fn in_requests(&self) -> f64 {
        match self.service_seconds {
            Some(seconds) => {
                let per_second = self.arrivals_per_s + self.queued / self.queue_drain_seconds;
                self.in_flight.max(per_second * seconds)
            }
            None => self.in_flight + self.queued,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Demand;

    const CALM: Demand = Demand {
        in_flight: 4.0,
        arrivals_per_s: 20.0,
        queued: 0.0,
        queue_drain_seconds: 10.0,
        service_seconds: Some(0.2),
    };

    #[test]
    fn what_is_in_flight_counts_when_it_is_more() {
        assert_eq!(Demand { in_flight: 5.0, ..CALM }.in_requests(), 5.0);
    }

    #[test]
    fn refused_arrivals_count_although_they_are_not_in_flight() {
        // 100 a second at 200 ms each are 20 in flight, whatever was let in.
        assert_eq!(Demand { arrivals_per_s: 100.0, ..CALM }.in_requests(), 20.0);
    }

    #[test]
    fn a_queue_counts_as_the_rate_that_works_it_off() {
        // 300 waiting are 30 a second more: (20 + 30) x 200 ms.
        assert_eq!(Demand { queued: 300.0, ..CALM }.in_requests(), 10.0);
    }

    #[test]
    fn until_a_request_has_ended_all_that_is_here_counts() {
        assert_eq!(Demand { queued: 7.0, service_seconds: None, ..CALM }.in_requests(), 11.0);
    }
}
