//! The known name nearest to a mistyped one, for messages that end in "did you mean …?".

/// The candidate most like `name`, if one is like it at all (a swapped, missing or extra letter
/// or two; case does not count).
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .iter()
        .map(|c| (strsim::damerau_levenshtein(&name, &c.to_lowercase()), *c))
        .min_by_key(|(distance, _)| *distance)
        // A third of the longer word: `zpf` finds `zipf`, `gauss` finds nothing.
        .filter(|(distance, c)| *distance * 3 <= c.len().max(name.len()))
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_typing_mistakes_and_leaves_other_words_alone() {
        let known = ["uniform", "zipf", "hot", "sequential"];
        assert_eq!(nearest("zpf", &known), Some("zipf"));
        assert_eq!(nearest("Unifrom", &known), Some("uniform"));
        assert_eq!(nearest("sequentail", &known), Some("sequential"));
        assert_eq!(nearest("gauss", &known), None);
        assert_eq!(nearest("", &known), None);
        assert_eq!(nearest("zipf", &[]), None);
    }
}
