//! The rows: what is asked of a relay, and what each request of it may cost.

/// Requests that are counted; what happens once a second or once a connection vanishes among them.
pub(crate) const REQUESTS: u32 = 2000;

/// Bytes of each answer's body, and of each request's where it has one.
pub(crate) const BODY_BYTES: usize = 1024;

/// What becomes of a client's connection after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    /// The next request comes on it.
    Kept,
    /// The relay closes it, because the request said so; as with ab.
    ClosedByRelay,
    /// The client closes it, without a word before; as with httperf.
    ClosedByClient,
}

/// One kind of request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Picked in turn, so that the relay holds a connection to each.
    pub(crate) upstreams: usize,
    /// Whether it is a POST with a body, not a GET.
    pub(crate) has_body: bool,
    pub(crate) connection: Connection,
    /// Whether each request leaves a line in a file.
    pub(crate) is_logged: bool,
    /// Whether it goes through a second relay, the node's, which shares the budget.
    pub(crate) goes_by_node: bool,
    /// System calls of the relay's whole process, for each request.
    pub(crate) system_calls_max: f64,
    /// Heap allocations of the worker's thread, for each request.
    pub(crate) allocations_max: f64,
}

/// Two waits, two reads and two writes, for client and service have one of each; and one allocation, of what
/// a resting connection does not hold. The rest is for what is done once a second, and little more.
pub(crate) const KEPT: Row = Row {
    name: "a GET on a kept connection",
    upstreams: 1,
    has_body: false,
    connection: Connection::Kept,
    is_logged: false,
    goes_by_node: false,
    system_calls_max: 6.5,
    allocations_max: 3.0,
};

/// Nothing that a request costs grows with the upstreams.
pub(crate) const KEPT_AMONG_1000: Row =
    Row { name: "a GET on a kept connection, to one of 1,000 upstreams", upstreams: 1000, ..KEPT };

/// What came with the head leaves with it. Whether the service's connection still lives is asked of the system,
/// because the request is not repeated.
pub(crate) const POST: Row = Row {
    name: "a POST of 1 KB on a kept connection",
    has_body: true,
    system_calls_max: KEPT.system_calls_max + 1.0,
    ..KEPT
};

/// Blocks of many lines go to the writer.
pub(crate) const LOGGED: Row = Row {
    name: "a GET on a kept connection, with a line in the access log",
    is_logged: true,
    system_calls_max: KEPT.system_calls_max + 0.2,
    ..KEPT
};

/// A front end and a node, each as if it were alone.
pub(crate) const BY_NODE: Row = Row {
    name: "a GET on a kept connection, by front end and node",
    goes_by_node: true,
    system_calls_max: 2.0 * KEPT.system_calls_max,
    allocations_max: 2.0 * KEPT.allocations_max,
    ..KEPT
};

/// Two waits, two accepts (the second finds nobody), two reads, two writes and a close. The rest is for
/// clients whose first bytes come later than they connect, which costs a wait and its preparation.
pub(crate) const CLOSED_BY_RELAY: Row = Row {
    name: "a GET on a connection of its own",
    connection: Connection::ClosedByRelay,
    system_calls_max: 11.0,
    allocations_max: 20.0,
    ..KEPT
};

/// The client's close has to be waited for, and read.
pub(crate) const CLOSED_BY_CLIENT: Row = Row {
    name: "a GET on a connection of its own, which its client closes",
    connection: Connection::ClosedByClient,
    system_calls_max: 14.0,
    ..CLOSED_BY_RELAY
};

const ALL: [Row; 7] = [KEPT, KEPT_AMONG_1000, POST, LOGGED, BY_NODE, CLOSED_BY_RELAY, CLOSED_BY_CLIENT];

/// A test for each row, which `hold` holds to its budget.
macro_rules! hold_each {
    ($hold:path) => {
        #[test]
        fn of_a_get_on_a_kept_connection() {
            $hold($crate::rows::KEPT);
        }

        #[test]
        fn do_not_grow_with_the_number_of_upstreams() {
            $hold($crate::rows::KEPT_AMONG_1000);
        }

        #[test]
        fn of_a_post_of_1_kb() {
            $hold($crate::rows::POST);
        }

        #[test]
        fn of_a_get_that_is_logged() {
            $hold($crate::rows::LOGGED);
        }

        #[test]
        fn of_a_get_by_front_end_and_node() {
            $hold($crate::rows::BY_NODE);
        }

        #[test]
        fn of_a_get_on_a_connection_of_its_own() {
            $hold($crate::rows::CLOSED_BY_RELAY);
        }

        #[test]
        fn of_a_get_on_a_connection_that_its_client_closes() {
            $hold($crate::rows::CLOSED_BY_CLIENT);
        }
    };
}

pub(crate) use hold_each;

impl Row {
    /// Fails if the requests that count needed more of `what` than the budget allows.
    pub(crate) fn hold(&self, count: u64, budget: f64, what: &str) {
        let each = count as f64 / f64::from(REQUESTS);
        let said = format!("{}: {each:.3} {what}; the budget is {budget:.1}", self.name);
        eprintln!("{said}");
        assert!(each <= budget, "{said}");
    }

    /// The row with this name.
    pub(crate) fn named(name: &str) -> Row {
        *ALL.iter().find(|row| row.name == name).unwrap()
    }

    /// Requests before those that count: every kept connection is made, every buffer has its size.
    pub(crate) fn warm_up(&self) -> u32 {
        u32::try_from(self.upstreams).unwrap().max(100)
    }
}
