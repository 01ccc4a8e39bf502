//! In which row above the panels each numbered mark stands. Pure.

/// The width and the height of one in pixels.
pub(super) const SIDE: f64 = 19.0;

/// For places from left to right, their rows: the lowest one in which there is room. With more than a few rows they
/// cover one another.
pub(super) fn rows(places: &[f64]) -> Vec<usize> {
    const ROWS_MAX: usize = 4;
    let mut ends: Vec<f64> = Vec::new();
    let mut rows = Vec::with_capacity(places.len());
    for place in places {
        let free = ends.iter().position(|end| place - end >= SIDE);
        let row = match free {
            Some(row) => row,
            None if ends.len() < ROWS_MAX => {
                ends.push(f64::MIN);
                ends.len() - 1
            }
            None => rows.len() % ROWS_MAX,
        };
        ends[row] = *place;
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_would_cover_one_another_stand_in_rows() {
        assert_eq!(rows(&[0.0, 5.0, 20.0, 22.0, 100.0]), [0, 1, 0, 2, 0]);
        assert!(rows(&[1.0; 9]).iter().all(|row| *row < 4));
    }
}
