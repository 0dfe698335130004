//! Bytes as hexadecimal digits, and back.

/// Lower-case digits.
pub(crate) fn write(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `None` for what is not pairs of digits.
pub(crate) fn read(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_read_back() {
        assert_eq!(write(&[0, 10, 255]), "000aff");
        assert_eq!(read("000aFF"), Some(vec![0, 10, 255]));
        for wrong in ["0", "0g", "é1"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
