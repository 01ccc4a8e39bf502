//! A service-manager is replaced by another process while it serves: `successor` is the side of who goes,
//! `predecessor` that of who comes. Here are the words between them, in their order:
//!
//! who goes: LISTENERS.. SECURED.. ADMIN? FIXED? CONTROL ALL, who comes, once its local copy is ready: READY,
//! who goes: LIST, who comes, once it accepts: SERVING, who goes: GO, and drains. END follows when who came is to
//! end itself.

pub(crate) mod predecessor;
pub(crate) mod successor;

/// Listening sockets for clients come with it.
const LISTENERS: u8 = b'L';
/// The same, for those that speak TLS.
const SECURED: u8 = b'T';
/// The socket of metrics and health checks comes with it.
const ADMIN: u8 = b'A';
/// The sockets for clients are held by the daemon's starter as well.
const FIXED: u8 = b'F';
/// The control socket and its lock come with it.
const CONTROL: u8 = b'C';
/// All that is listened on has come.
const ALL: u8 = b'E';
/// The local copy is ready.
const READY: u8 = b'R';
/// The child_list comes with it as a file, and does not change any more.
const LIST: u8 = b'S';
/// Requests and the load-manager are served.
const SERVING: u8 = b'U';
/// systemd knows, and who goes drains; with it come the ends of those before that still do.
const GO: u8 = b'G';
/// What still runs is to end.
const END: u8 = b'B';

/// More than the workers of a large machine; the number of files that a message takes.
const LISTENERS_PER_WORD: usize = 250;

/// How long one process may take for an answer that it has ready.
const ANSWER_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
