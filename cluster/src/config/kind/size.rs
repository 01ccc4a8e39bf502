//! The kind of value that is a number of bytes: a whole number and its unit, like "16KiB".

use toml::de::DeValue;

use super::Kind;

/// A number of bytes from the first to the second.
pub(crate) struct Size(pub(crate) u64, pub(crate) u64);

pub(crate) const KIB: u64 = 1 << 10;
pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const TIB: u64 = 1 << 40;

/// The largest first: what `shown` takes is the first that divides.
const UNITS: [(&str, u64); 5] = [("TiB", TIB), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", KIB), ("B", 1)];

impl Kind for Size {
    type Value = u64;

    fn expected(&self) -> String {
        format!("a size from {} to {}", shown(self.0), shown(self.1))
    }

    fn example(&self) -> &'static str {
        ", with its unit (B, KiB, MiB, GiB or TiB) and in quotes, like \"16KiB\""
    }

    fn same_type(&self, value: &DeValue<'_>) -> bool {
        // "16" is a string too, but lacks what the example shows.
        value.as_str().is_some_and(|text| number_and_unit(text).is_some())
    }

    fn read(&self, value: &DeValue<'_>) -> Option<u64> {
        let (number, unit) = number_and_unit(value.as_str()?)?;
        let bytes = number.parse::<u64>().ok()?.checked_mul(unit)?;
        (self.0..=self.1).contains(&bytes).then_some(bytes)
    }
}

/// The digits, and how many bytes the unit behind them has.
fn number_and_unit(written: &str) -> Option<(&str, u64)> {
    let (number, unit) = written.split_at(written.find(|letter: char| !letter.is_ascii_digit())?);
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit)?;
    (!number.is_empty()).then_some((number, *bytes))
}

/// The size as it would be written in the file.
pub(crate) fn shown(bytes: u64) -> String {
    let divides = |(_, unit): &&(&str, u64)| bytes.is_multiple_of(*unit);
    let (name, unit) = UNITS.iter().find(divides).unwrap_or(&("B", 1));
    format!("{}{name}", bytes / unit)
}
