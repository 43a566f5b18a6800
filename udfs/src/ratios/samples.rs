//! What the functions of two rates share: their arguments and the interval of the ratio.

use crate::FunctionError;
use crate::arguments::{Parameter, Row};
use crate::statistics::method::RatioMethod;
use crate::statistics::ratios::{RatioInterval, RatioMemo, rate_ratio_ci_with};

pub(crate) const COUNT1: Parameter = Parameter::count("count1");
pub(crate) const HOURS1: Parameter = Parameter::number("hours1");
pub(crate) const COUNT0: Parameter = Parameter::count("count0");
pub(crate) const HOURS0: Parameter = Parameter::number("hours0");
pub(crate) const METHOD: Parameter = Parameter::choice("method", RatioMethod::NAMES);

/// The interval of the ratio; arguments of the row: both samples, confidence, method.
pub(crate) fn interval(row: &Row, memo: &mut RatioMemo) -> Result<RatioInterval, FunctionError> {
    let [count1, hours1, count0, hours0, confidence] = row.numbers();
    let method = RatioMethod::ALL[row.choice(5)];
    Ok(rate_ratio_ci_with(
        count1, hours1, count0, hours0, confidence, method, memo,
    )?)
}
