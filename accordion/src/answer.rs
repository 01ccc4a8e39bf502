//! What a command found out, on stdout. All commands write it here, so that none takes a full disk for a reader that has
//! had enough, and exits with 0 beside half a file.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// Whether anybody still reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    There,
    /// It has gone away (`| head`), having read what it wanted.
    Gone,
}

/// Writes it, to its end.
///
/// # Errors
/// It cannot be written, as on a full disk; a sentence.
pub(crate) fn give(text: impl AsRef<[u8]>) -> Result<Reader, String> {
    give_to(&mut io::stdout().lock(), text.as_ref())
}

/// Writes it as the last thing that a command does; `status` is that of the command otherwise.
pub(crate) fn give_last(text: impl AsRef<[u8]>, status: ExitCode) -> ExitCode {
    match give(text) {
        Ok(Reader::There | Reader::Gone) => status,
        Err(sentence) => {
            eprintln!("accordion: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn give_to(out: &mut impl Write, text: &[u8]) -> Result<Reader, String> {
    // What is left in its buffer at the end of the process would be lost without a word.
    match out.write_all(text).and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(format!("cannot write to stdout: {error}")),
    }
}
