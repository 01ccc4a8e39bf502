//! What pictures of blocks on a terminal have in common: how wide and how high they are, and the blocks.

/// Lines of a picture.
pub(crate) const LINES: u32 = 4;

/// From nothing to all of a line.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Wider pictures tell no more, narrower ones nothing.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=100;

/// What that line, counted from below, shows of a column so many eighths of a line high.
pub(crate) fn block(level: u32, line: u32) -> char {
    BLOCKS[level.saturating_sub(line * 8).min(8) as usize]
}

/// Of the terminal; where there is none, as wide as is of use.
pub(crate) fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { *WIDTHS.end() } else { columns.clamp(*WIDTHS.start(), *WIDTHS.end()) }
}
