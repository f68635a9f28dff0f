//! The text form of the load generator's parts: `name` or `name(argument, argument)`.

use crate::sys::nearest::nearest;
use thiserror::Error;

/// A text that does not describe what it should.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{value}` is not {what}: {problem}; expected {expected}")]
pub struct ParseError {
    /// The text as given.
    pub value: String,
    /// What it was to be: "a key distribution", "an arrival pattern", ….
    pub what: &'static str,
    /// What is wrong with it.
    pub problem: String,
    /// The forms that are right.
    pub expected: &'static str,
}

/// A text taken apart.
pub(super) struct Call<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: Vec<&'a str>,
}

/// Takes `text` apart; the problem in words if its brackets do not match.
pub(super) fn parse(text: &str) -> Result<Call<'_>, String> {
    let text = text.trim();
    let Some((name, rest)) = text.split_once('(') else {
        return match text.contains(')') {
            true => Err("`(` is missing".into()),
            false => Ok(Call {
                name: text,
                arguments: Vec::new(),
            }),
        };
    };
    let inner = rest.strip_suffix(')').ok_or("`)` is missing at the end")?;
    if inner.contains(['(', ')']) {
        return Err("it has too many brackets".into());
    }
    let arguments = match inner.trim() {
        "" => Vec::new(),
        inner => inner.split(',').map(str::trim).collect(),
    };
    Ok(Call {
        name: name.trim(),
        arguments,
    })
}

impl<'a> Call<'a> {
    /// The arguments, of which there must be `N`, called `names`.
    pub(super) fn exactly<const N: usize>(&self, names: [&str; N]) -> Result<[&'a str; N], String> {
        <[&str; N]>::try_from(self.arguments.as_slice()).map_err(|_| {
            let wanted = match N {
                0 => "none".to_string(),
                _ => format!("{N} ({})", names.join(", ")),
            };
            format!(
                "`{}` takes {wanted} in brackets, not {}",
                self.name,
                self.arguments.len()
            )
        })
    }
}

/// The problem with a name that is none of `known`.
pub(super) fn unknown(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("there is no `{name}`, did you mean `{near}`?"),
        None => format!("there is no `{name}`"),
    }
}

/// A share or exponent: a finite float.
pub(super) fn number(name: &str, text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|n| n.is_finite())
        .ok_or_else(|| format!("{name} `{text}` is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_calls_apart() {
        let call = parse(" zipf( 0.99 ,1000 ) ").unwrap();
        assert_eq!((call.name, call.arguments), ("zipf", vec!["0.99", "1000"]));
        let call = parse("poisson").unwrap();
        assert_eq!((call.name, call.arguments.len()), ("poisson", 0));
        assert!(parse("constant()").unwrap().arguments.is_empty());
        for bad in ["zipf(1", "zipf(1))", "zipf)", "zipf((1)", "zipf(1)x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn counts_arguments() {
        let call = parse("zipf(1)").unwrap();
        let problem = call.exactly(["s", "n"]).unwrap_err();
        assert_eq!(problem, "`zipf` takes 2 (s, n) in brackets, not 1");
        assert!(call.exactly(["s"]).is_ok());
    }
}
