//! Shares of a whole as people write them: `80%` or `0.8`.

/// A text that is no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{value}` is not a share; expected a number above 0 and up to 1 such as 0.8, or the same in percent: 80%"
)]
pub struct ShareError {
    /// The text.
    pub value: String,
}

/// A share, above 0 and at most 1.
///
/// # Errors
/// It is no number, or not within these limits.
pub fn parse_share(text: &str) -> Result<f64, ShareError> {
    let fail = || ShareError {
        value: text.to_owned(),
    };
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| fail());
    let share = match text.trim().strip_suffix('%') {
        Some(percent) => number(percent)? / 100.0,
        None => number(text)?,
    };
    // Also false for what is not a number.
    if share > 0.0 && share <= 1.0 {
        Ok(share)
    } else {
        Err(fail())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_and_fractions_up_to_the_whole() {
        assert_eq!(parse_share("80%"), Ok(0.8));
        assert_eq!(parse_share(" 0.01 "), Ok(0.01));
        assert_eq!(parse_share("1"), Ok(1.0));
        for text in ["0", "0%", "101%", "1.5", "-0.1", "NaN", "auto", "", "%"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
    }
}
