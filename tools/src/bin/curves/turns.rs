//! A process for each point and round, interleaved: what is slow for a minute is slow for all points of a curve.
//!
//! ```text
//!   round 0    A B C D      every point of the curve, each in a process of its own, so that nobody
//!   round 1    B C D A      inherits another's memory, threads or huge pages
//! ```

use super::curve::Curve;
use super::error::CurveError;
use super::point::Point;
use super::report::{CurveReport, PointReport, SeriesReport};
use super::turn::{Job, Turn};
use millstream::sys::topology::cpu_time;
use millstream_tools::question::{Answer, Question};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// Answers that were worked out already.
pub type Answers = BTreeMap<Question, Answer>;

/// The hidden option under which this program takes a turn.
pub const TURN_OPTION: &str = "--turn";

/// Measures all points of `curve` in `rounds` rounds, and compares every answer.
///
/// # Errors
/// The first wrong answer, or turn that failed.
pub fn measure(
    curve: &Curve,
    rounds: usize,
    answers: &mut Answers,
) -> Result<CurveReport, CurveError> {
    let word = curve.varied.word();
    let points: Vec<(usize, usize, &Point)> = curve
        .series
        .iter()
        .enumerate()
        .flat_map(|(series, line)| {
            let points = line.points.iter();
            points.map(move |(value, point)| (series, *value, point))
        })
        .collect();
    for (_, _, point) in &points {
        if !answers.contains_key(&point.question) {
            let label = format!("{word}: answer for {}", point.question.keys);
            eprintln!("{label}");
            let turn = take(&label, &Job::Answer(point.question.clone()))?;
            answers.insert(point.question.clone(), turn.answer);
        }
    }
    let before = cpu_time();
    let mut event_ns: Vec<Vec<f64>> = vec![Vec::new(); points.len()];
    for round in 0..rounds {
        for place in 0..points.len() {
            let index = (place + round) % points.len();
            let (series, value, point) = points[index];
            let label = format!("{word} {value}, {}", curve.series[series].name);
            eprintln!("round {} of {rounds}: {label}", round + 1);
            let turn = take(&label, &Job::Measure(point.clone()))?;
            check(&label, turn.answer, answers[&point.question])?;
            event_ns[index].push(turn.elapsed_ns as f64 / point.question.events as f64);
        }
    }
    let steal_share = before.and_then(|before| cpu_time()?.steal_share_since(&before));
    let mut series: Vec<SeriesReport> = curve
        .series
        .iter()
        .map(|line| SeriesReport {
            name: line.name.clone(),
            points: Vec::new(),
        })
        .collect();
    for ((line, value, point), event_ns) in points.iter().zip(event_ns) {
        series[*line]
            .points
            .push(PointReport::new(*value, (*point).clone(), event_ns));
    }
    Ok(CurveReport {
        varied: word.into(),
        axis: curve.varied.axis().into(),
        fixed: curve.varied.fixed().into(),
        series,
        left_out: curve.left_out.clone(),
        steal_share,
    })
}

/// Whether the point `label` answered as it must.
fn check(label: &str, got: Answer, expected: Answer) -> Result<(), CurveError> {
    if got == expected {
        return Ok(());
    }
    Err(CurveError::Wrong {
        label: label.into(),
        got,
        expected,
    })
}

/// Does `job` in a process of its own.
fn take(label: &str, job: &Job) -> Result<Turn, CurveError> {
    let failed = |problem: String| CurveError::Turn {
        label: label.into(),
        problem,
    };
    let program = std::env::current_exe();
    let program = program.map_err(|error| failed(format!("finding this program: {error}")))?;
    let job = serde_json::to_string(job);
    let job = job.map_err(|error| failed(format!("writing the job down: {error}")))?;
    let output = Command::new(program)
        .args([TURN_OPTION, &job])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(format!("starting its process: {error}")))?;
    if !output.status.success() {
        return Err(failed(format!(
            "its process ended with {}; too little memory, if it was killed",
            output.status
        )));
    }
    let turn = serde_json::from_slice(&output.stdout);
    turn.map_err(|error| failed(format!("reading what it measured: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_answer_is_an_error_that_names_the_point() {
        let right = Answer {
            results: 3,
            digest: 7,
        };
        assert!(check("ring 64, one core", right, right).is_ok());
        for (results, digest) in [(3, 8), (2, 7)] {
            let error = check("ring 64, one core", Answer { results, digest }, right)
                .expect_err("a wrong answer");
            let text = error.to_string();
            assert!(
                text.starts_with("ring 64, one core answered wrongly")
                    && text.contains("expected 3 results with digest 0000000000000007"),
                "{text}"
            );
        }
    }
}
