//! Colours, those of Okabe and Ito among them, which the colour-blind can tell apart too.

/// Red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) struct Colour(pub(in crate::bench) u8, pub(in crate::bench) u8, pub(in crate::bench) u8);

impl Colour {
    pub(in crate::bench) const BLACK: Self = Self(0, 0, 0);
    pub(in crate::bench) const ORANGE: Self = Self(230, 159, 0);
    pub(in crate::bench) const SKY: Self = Self(86, 180, 233);
    pub(in crate::bench) const GREEN: Self = Self(0, 158, 115);
    pub(in crate::bench) const YELLOW: Self = Self(240, 228, 66);
    pub(in crate::bench) const BLUE: Self = Self(0, 114, 178);
    pub(in crate::bench) const VERMILION: Self = Self(213, 94, 0);
    pub(in crate::bench) const PURPLE: Self = Self(204, 121, 167);
    pub(in crate::bench) const GREY: Self = Self(130, 130, 130);
    pub(super) const WHITE: Self = Self(255, 255, 255);
    /// Of letters.
    pub(super) const INK: Self = Self(34, 34, 34);
    /// Of what is less important.
    pub(super) const PALE_INK: Self = Self(95, 95, 95);
    /// Of the grid.
    pub(super) const GRID: Self = Self(225, 225, 225);

    /// The one with so much of white in it, from 0 to 1.
    pub(in crate::bench) fn lightened(self, white: f64) -> Self {
        let mix = |part: u8| (f64::from(part) * (1.0 - white) + 255.0 * white).round() as u8;
        Self(mix(self.0), mix(self.1), mix(self.2))
    }

    /// Of letters that stand on it.
    pub(super) fn ink(self) -> Self {
        let light = 0.299 * f64::from(self.0) + 0.587 * f64::from(self.1) + 0.114 * f64::from(self.2);
        if light < 125.0 { Self::WHITE } else { Self::INK }
    }

    /// As SVG writes it.
    pub(super) fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stand_out_from_what_they_stand_on() {
        assert_eq!((Colour::BLUE.ink(), Colour::YELLOW.ink()), (Colour::WHITE, Colour::INK));
        assert_eq!(Colour::BLACK.lightened(1.0), Colour::WHITE);
        assert_eq!(Colour::VERMILION.hex(), "#d55e00");
    }
}
