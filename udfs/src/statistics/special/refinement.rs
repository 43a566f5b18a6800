//! One step of high order towards a quantile, from a point where the tail and its derivatives are known.

/// The logarithm of a tail over its target and what its derivatives follow from.
///
/// The tail's own derivative is the weight, ± the density; all derivatives are by the scale on which the search runs.
pub(super) struct LogTail {
    /// ln(tail / target)
    pub residual: f64,
    /// Weight over tail, negative for a tail that falls.
    pub slope: f64,
    /// The first three derivatives of ln(weight).
    pub drift: [f64; 3],
}

/// A step and the part of it that is of fourth order.
pub(super) struct Refinement {
    pub step: f64,
    fourth_order: f64,
}

/// The fourth-order part of a step after which the next would be below what double precision can see.
const LAST_FOURTH_ORDER: f64 = 1e-11;
/// A longer step is not to be trusted.
const LONGEST: f64 = 0.5;

impl Refinement {
    pub fn is_last(&self) -> bool {
        self.fourth_order.abs() < LAST_FOURTH_ORDER
    }
}

impl LogTail {
    /// The inverse of ln(tail) as a power series, cut after the fourth order. None where the step is too long for that.
    pub fn refinement(&self) -> Option<Refinement> {
        let Self { residual, slope, drift } = *self;
        let newton = -residual / slope;
        // The derivatives of ln(tail) over its slope: bend, bend² + bend', bend³ + 3 bend bend' + bend''.
        let bend = drift[0] - slope;
        let bend_1 = drift[1] - slope * bend;
        let bend_2 = drift[2] - slope * (bend * bend + bend_1);
        let second = bend / 2.0;
        let third = (bend * bend + bend_1) / 6.0;
        let fourth = (bend * (bend * bend + 3.0 * bend_1) + bend_2) / 24.0;
        let cubic = 2.0 * second * second - third;
        let quartic = 5.0 * second * (third - second * second) - fourth;
        let fourth_order = newton * newton * newton * newton * quartic;
        let step = newton * (1.0 - newton * (second - newton * cubic)) + fourth_order;
        (newton.abs().max(step.abs()) < LONGEST).then_some(Refinement { step, fourth_order })
    }
}
