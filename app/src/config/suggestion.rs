//! The name that somebody may have meant.

/// Similarity from which on one name is a likely slip for another: a letter or two.
const SIMILAR: f64 = 0.75;

/// The known name that is most similar to `name`; `None` if no name is similar.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let similarity = |known: &str| strsim::normalized_damerau_levenshtein(name, known);
    let known = known.map(|known| (similarity(known), known));
    let nearest = known.max_by(|(a, _), (b, _)| a.total_cmp(b));
    nearest
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .map(|(_, known)| known)
}
