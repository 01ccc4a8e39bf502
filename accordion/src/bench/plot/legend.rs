//! Where the names stand that are beside the ends of their lines. Pure.

/// The height of one of them in pixels.
pub(super) const HEIGHT: f64 = 16.0;

/// For the heights at which lines end those of their names, in the same order: as near as they can be without
/// covering one another, between top and bottom as long as there is room.
pub(super) fn spread(ends: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ends.len()).collect();
    order.sort_by(|one, other| ends[*one].total_cmp(&ends[*other]));
    // Neighbours that would cover one another become one block, whose middle is that of their wishes.
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    let begin = |sum: f64, count: usize| {
        let (middle, half) = (sum / count as f64, (count - 1) as f64 * HEIGHT / 2.0);
        (middle - half).min(bottom - 2.0 * half).max(top)
    };
    for index in &order {
        let mut block = (ends[*index], 1);
        while let Some((sum, count)) = blocks.last().copied() {
            if begin(sum, count) + count as f64 * HEIGHT <= begin(block.0, block.1) {
                break;
            }
            block = (block.0 + sum, block.1 + count);
            blocks.pop();
        }
        blocks.push(block);
    }
    let places = blocks.iter().flat_map(|(sum, count)| {
        let first = begin(*sum, *count);
        (0..*count).map(move |place| first + place as f64 * HEIGHT)
    });
    let mut spread = vec![0.0; ends.len()];
    for (index, place) in order.iter().zip(places) {
        spread[*index] = place;
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_room_stay_and_others_make_way() {
        assert_eq!(spread(&[10.0, 100.0, 50.0], 0.0, 200.0), [10.0, 100.0, 50.0]);
        assert_eq!(spread(&[100.0, 100.0, 100.0], 0.0, 200.0), [84.0, 100.0, 116.0]);
        assert_eq!(spread(&[198.0, 200.0], 0.0, 200.0), [184.0, 200.0], "not below the bottom");
        let many = spread(&[5.0; 9], 0.0, 200.0);
        assert!(many.windows(2).all(|pair| pair[1] - pair[0] >= HEIGHT - 0.01), "{many:?}");
        assert!(spread(&[], 0.0, 1.0).is_empty());
    }
}
