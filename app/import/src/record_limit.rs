//! Limits the size of one record: an unclosed quote would otherwise read the whole file into memory.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Many times the longest valid record: a description of 4,000 characters and a few other fields.
const MAX_RECORD_BYTES: usize = 1 << 20;

/// Reads at most [`MAX_RECORD_BYTES`], plus the reader's buffer, between two record ends.
pub(super) struct RecordLimit<R> {
    inner: R,
    handed_out: Rc<Cell<usize>>,
}

/// Resets the limit at the end of a record. Separate from the reader, because parsers own their readers.
#[derive(Debug, Clone)]
pub(super) struct RecordEnd(Rc<Cell<usize>>);

impl<R> RecordLimit<R> {
    pub(super) fn new(inner: R) -> (Self, RecordEnd) {
        let handed_out = Rc::new(Cell::new(0));
        let end = RecordEnd(Rc::clone(&handed_out));
        (Self { inner, handed_out }, end)
    }
}

impl RecordEnd {
    pub(super) fn reached(&self) {
        self.0.set(0);
    }
}

impl<R: Read> Read for RecordLimit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.handed_out.get() > MAX_RECORD_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a record of more than 1 MiB: probably a quote that is not closed",
            ));
        }
        let count = self.inner.read(buffer)?;
        self.handed_out.set(self.handed_out.get() + count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unending_record_is_an_error_and_many_short_records_are_not() {
        let endless = || RecordLimit::new(io::repeat(b'x'));
        let mut buffer = [0; 4096];
        let (mut reader, _end) = endless();
        let unended = (0..1_000).map(|_| reader.read(&mut buffer)).find_map(Result::err);
        assert_eq!(unended.map(|error| error.kind()), Some(io::ErrorKind::InvalidData));
        let (mut reader, end) = endless();
        for _ in 0..1_000 {
            reader.read_exact(&mut buffer).expect("each record is short");
            end.reached();
        }
    }
}
