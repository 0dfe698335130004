//! A request's bytes: inflated if need be, within bounds, and text.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use flate2::bufread::MultiGzDecoder;

use super::{BODY_BYTES_MAX, Refused};

/// The body as text. `encoding` is what the request says of itself; bytes that begin like gzip are taken
/// for gzip even when it says nothing (JSON never begins so).
pub(crate) fn inflate<'a>(bytes: &'a [u8], encoding: Option<&str>) -> Result<Cow<'a, str>, Refused> {
    inflate_to(bytes, encoding, BODY_BYTES_MAX)
}

/// The same, within another bound.
pub(crate) fn inflate_to<'a>(
    bytes: &'a [u8],
    encoding: Option<&str>,
    bytes_max: usize,
) -> Result<Cow<'a, str>, Refused> {
    let encoding = encoding.map(str::trim).unwrap_or_default();
    let zipped = match encoding {
        "" => bytes.starts_with(&[0x1f, 0x8b]),
        _ if encoding.eq_ignore_ascii_case("identity") => false,
        _ if encoding.eq_ignore_ascii_case("gzip") || encoding.eq_ignore_ascii_case("x-gzip") => true,
        other => return Err(Refused::Encoding(other.chars().take(40).collect())),
    };
    if bytes.len() > bytes_max {
        return Err(Refused::BodyTooLarge { bytes_max });
    }
    if !zipped {
        return std::str::from_utf8(bytes)
            .map(Cow::Borrowed)
            .map_err(|error| Refused::NotUtf8 { offset: error.valid_up_to() });
    }
    // One byte more than allowed is enough to know; a bomb is never inflated further.
    let mut out = Vec::with_capacity((bytes.len() * 6).min(bytes_max + 1));
    MultiGzDecoder::new(bytes)
        .take(bytes_max as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|error| Refused::Gzip(in_words(&error)))?;
    if out.len() > bytes_max {
        return Err(Refused::BodyTooLarge { bytes_max });
    }
    String::from_utf8(out)
        .map(Cow::Owned)
        .map_err(|error| Refused::NotUtf8 { offset: error.utf8_error().valid_up_to() })
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early (was it cut off?)".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("gzip into memory")
    }

    #[test]
    fn gzip_with_and_without_saying_so() {
        let zipped = gzip(b"{\"a\": 1}");
        assert_eq!(inflate(&zipped, Some("gzip")).as_deref(), Ok("{\"a\": 1}"));
        assert_eq!(inflate(&zipped, Some("GZIP ")).as_deref(), Ok("{\"a\": 1}"));
        assert_eq!(inflate(&zipped, None).as_deref(), Ok("{\"a\": 1}"));
        assert_eq!(inflate(b"{}", None).as_deref(), Ok("{}"));
        assert_eq!(inflate(b"{}", Some("identity")).as_deref(), Ok("{}"));
    }

    #[test]
    fn a_bomb_is_not_inflated() {
        let bomb = gzip(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 100_000);
        assert_eq!(inflate(&bomb, Some("gzip")), Err(Refused::BodyTooLarge { bytes_max: BODY_BYTES_MAX }));
    }

    #[test]
    fn bounds_are_exact() {
        let full = vec![b' '; BODY_BYTES_MAX];
        assert!(inflate(&full, None).is_ok());
        assert!(inflate(&gzip(&full), Some("gzip")).is_ok());
        let over = vec![b' '; BODY_BYTES_MAX + 1];
        assert_eq!(inflate(&over, None), Err(Refused::BodyTooLarge { bytes_max: BODY_BYTES_MAX }));
        assert_eq!(
            inflate(&gzip(&over), Some("gzip")),
            Err(Refused::BodyTooLarge { bytes_max: BODY_BYTES_MAX })
        );
    }

    #[test]
    fn what_does_not_inflate_is_refused() {
        let whole = gzip(b"{\"batch\": []}");
        let Err(Refused::Gzip(why)) = inflate(&whole[..whole.len() - 4], Some("gzip")) else {
            panic!("a cut body was taken");
        };
        assert!(why.contains("too early"), "{why}");
        assert!(matches!(inflate(b"{}", Some("gzip")), Err(Refused::Gzip(_))));
        assert_eq!(inflate(b"{}", Some("br")), Err(Refused::Encoding("br".into())));
        assert_eq!(inflate(b"{\"a\": \"\xff\"}", None), Err(Refused::NotUtf8 { offset: 7 }));
    }
}
