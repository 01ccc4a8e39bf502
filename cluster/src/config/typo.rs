//! Words that are almost right: what whoever wrote them probably meant.

/// How much of a word may be wrong for a known one to be meant: one letter in three, at least one.
const LETTERS_PER_TYPO: usize = 3;

/// The known word that was probably meant.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let typos_max = (word.chars().count() / LETTERS_PER_TYPO).max(1);
    let near = |known: &&'k str| {
        // Also keeps the comparison of an endless word short.
        let apart = word.len().abs_diff(known.len());
        (apart <= typos_max).then(|| (strsim::osa_distance(word, known), *known))
    };
    let (distance, nearest) = known.iter().filter_map(near).min()?;
    (distance <= typos_max).then_some(nearest)
}
