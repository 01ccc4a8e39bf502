//! The chunked coding (RFC 9112, section 7.1), in place: sizes and line ends byte by byte, data in one step.

use super::Fault;
use super::body::Taken;
use super::extension::Extension;
use super::trailers;

/// So many bytes of chunk extensions a body may have beyond as many as its data. Extensions that are used, such
/// as signatures of chunks, are small beside their chunk; without a bound they would be work for nothing.
pub const EXTENSION_BYTES_MAX: u64 = 4 * 1024;

/// Digits of a chunk's size, leading zeros included: what a 64-bit number has.
const SIZE_DIGITS_MAX: u8 = 16;

/// Where a chunked body is.
#[derive(Debug, Clone)]
pub struct Chunks {
    state: State,
    keep_framing: bool,
    /// Of this chunk: what is known of its size, then what is left of its data.
    size: u64,
    digits: u8,
    /// Bytes so far that were passed on and are no data.
    framing_bytes: u64,
    /// Bytes of extensions so far, less the data they came with.
    extension_bytes: u64,
    trailers: Vec<u8>,
}

/// What the next byte is part of.
#[derive(Debug, Clone, Copy)]
enum State {
    Size,
    Extension(Extension),
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailers,
    Done,
    Bad(Fault),
}

/// What became of the next bytes.
struct Step {
    taken: usize,
    passes: bool,
}

impl Chunks {
    pub(super) fn new(keep_framing: bool) -> Chunks {
        Chunks {
            state: State::Size,
            keep_framing,
            size: 0,
            digits: 0,
            framing_bytes: 0,
            extension_bytes: 0,
            trailers: Vec::new(),
        }
    }

    /// See [`Body::take`](super::Body::take).
    pub(super) fn take(&mut self, bytes: &mut [u8]) -> Result<Taken, Fault> {
        let mut total = Taken { taken: 0, kept: 0 };
        while let Some((&byte, _)) = bytes[total.taken..].split_first() {
            let is_framing = !matches!(self.state, State::Data);
            match self.step(byte, &bytes[total.taken..]) {
                Ok(Step { taken: 0, .. }) => break,
                Ok(Step { taken, passes }) => {
                    if passes {
                        if total.kept != total.taken {
                            bytes.copy_within(total.taken..total.taken + taken, total.kept);
                        }
                        total.kept += taken;
                        self.framing_bytes += if is_framing { taken as u64 } else { 0 };
                    }
                    total.taken += taken;
                }
                Err(fault) => {
                    self.state = State::Bad(fault);
                    // What came before it goes on first, as it would have, had it come alone.
                    return if total.taken == 0 { Err(fault) } else { Ok(total) };
                }
            }
        }
        Ok(total)
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    pub(super) fn framing_bytes(&self) -> u64 {
        self.framing_bytes
    }

    pub(super) fn needs_more(&self) -> bool {
        matches!(self.state, State::Trailers)
    }

    /// What is wrong when nothing more comes.
    pub(super) fn cut_short(&self) -> Fault {
        match self.state {
            State::Bad(fault) => fault,
            _ => Fault::bad("the body ended too early"),
        }
    }

    pub(super) fn trailers(&self) -> &[u8] {
        &self.trailers
    }

    /// Reads what begins with `byte`, the first one of `rest`. Takes nothing where more is needed, and after
    /// the end.
    #[inline]
    fn step(&mut self, byte: u8, rest: &[u8]) -> Result<Step, Fault> {
        self.state = match self.state {
            State::Data => return Ok(self.read_data(rest.len())),
            State::Size => self.read_size(byte)?,
            State::Extension(extension) => self.read_extension(extension.read(byte))?,
            State::SizeLf => self.read_size_lf(byte)?,
            State::DataCr if byte == b'\r' => State::DataLf,
            State::DataLf if byte == b'\n' => {
                self.digits = 0;
                State::Size
            }
            State::DataCr | State::DataLf => {
                return Err(Fault::bad("the data of a chunk does not end where its size says"));
            }
            State::Trailers => return self.read_trailers(rest),
            State::Done => return Ok(Step { taken: 0, passes: false }),
            State::Bad(fault) => return Err(fault),
        };
        let is_extension = matches!(self.state, State::Extension(_));
        Ok(Step { taken: 1, passes: self.keep_framing && !is_extension })
    }

    #[inline]
    fn read_data(&mut self, available: usize) -> Step {
        let taken = usize::try_from(self.size).map_or(available, |size| size.min(available));
        self.size -= taken as u64;
        if self.size == 0 {
            self.state = State::DataCr;
        }
        Step { taken, passes: true }
    }

    /// 1*HEXDIG, then an extension or CR. "Recipients MUST anticipate potentially large hexadecimal numerals":
    /// no overflow, and nothing above what fits every offset type.
    fn read_size(&mut self, byte: u8) -> Result<State, Fault> {
        let Some(digit) = char::from(byte).to_digit(16) else {
            return match byte {
                _ if self.digits == 0 => Err(Fault::bad("the size of a chunk is not a number")),
                b'\r' => Ok(State::SizeLf),
                byte => self.read_extension(Extension::begin(byte)),
            };
        };
        if self.digits == 0 {
            self.size = 0;
        }
        self.digits += 1;
        self.size = (self.size << 4) | u64::from(digit);
        if self.digits > SIZE_DIGITS_MAX || self.size > i64::MAX as u64 {
            return Err(Fault::bad("the size of a chunk is too large"));
        }
        Ok(State::Size)
    }

    fn read_extension(&mut self, next: Option<Extension>) -> Result<State, Fault> {
        self.extension_bytes += 1;
        match next {
            None => Err(Fault::bad("the size line of a chunk is malformed")),
            Some(Extension::Over) => Ok(State::SizeLf),
            Some(_) if self.extension_bytes > EXTENSION_BYTES_MAX => {
                Err(Fault::bad("the chunk extensions are too large"))
            }
            Some(extension) => Ok(State::Extension(extension)),
        }
    }

    fn read_size_lf(&mut self, byte: u8) -> Result<State, Fault> {
        match (byte, self.size) {
            (b'\n', 0) => Ok(State::Trailers),
            (b'\n', size) => {
                self.extension_bytes = self.extension_bytes.saturating_sub(size);
                Ok(State::Data)
            }
            _ => Err(Fault::bad("the size line of a chunk is malformed")),
        }
    }

    /// The section is taken as a whole or not at all, so that no part of a bad one passes.
    fn read_trailers(&mut self, rest: &[u8]) -> Result<Step, Fault> {
        let Some(taken) = trailers::read(rest)? else {
            return Ok(Step { taken: 0, passes: false });
        };
        self.state = State::Done;
        if !self.keep_framing {
            self.trailers.extend_from_slice(&rest[..taken - b"\r\n".len()]);
        }
        Ok(Step { taken, passes: self.keep_framing })
    }
}
