//! Log-gamma and the Poisson probability in saddle-point form (Loader 2000): no cancellation at any size.

use std::f64::consts::PI;

const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;
const ONE_MINUS_EULER: f64 = 0.422_784_335_098_467_1;
/// `(-1)^k (zeta(k) - 1) / k` for k = 2, 3, …
const LN_GAMMA_1P: [f64; 26] = [
    0.3224670334241132,
    -0.0673523010531981,
    0.020580808427784546,
    -0.007385551028673986,
    0.0028905103307415234,
    -0.001192753911703261,
    0.0005096695247430425,
    -0.00022315475845357939,
    9.945751278180853e-05,
    -4.492623673813314e-05,
    2.050721277567069e-05,
    -9.439488275268397e-06,
    4.374866789907488e-06,
    -2.039215753801366e-06,
    9.55141213040742e-07,
    -4.492469198764566e-07,
    2.1207184805554665e-07,
    -1.0043224823968099e-07,
    4.7698101693639804e-08,
    -2.2711094608943164e-08,
    1.0838659214896955e-08,
    -5.183475041970047e-09,
    2.4836745438024785e-09,
    -1.1921401405860912e-09,
    5.731367241678862e-10,
    -2.7595228851242334e-10,
];

/// [`stirling_error`] of 1 to 9: where its series is slow, the usual arguments are whole.
const STIRLING_ERRORS: [f64; 9] = [
    0.08106146679532726,
    0.0413406959554093,
    0.02767792568499834,
    0.020790672103765093,
    0.016644691189821193,
    0.013876128823070748,
    0.01189670994589177,
    0.010411265261972096,
    0.009255462182712733,
];

/// ln Γ(a) for a > 0.
pub fn ln_gamma(a: f64) -> f64 {
    if a < 0.5 {
        ln_gamma_1p(a) - a.ln()
    } else {
        libm::lgamma(a)
    }
}

/// ln Γ(1 + a) for a >= 0, relatively exact near 0 (Taylor series with Riemann's zeta taken out of the first pole).
pub fn ln_gamma_1p(a: f64) -> f64 {
    if a.abs() > 0.5 {
        return libm::lgamma(1.0 + a);
    }
    let series = LN_GAMMA_1P
        .iter()
        .rev()
        .fold(0.0, |sum, coefficient| sum * a + coefficient);
    -a.ln_1p() + a * (ONE_MINUS_EULER + a * series)
}

/// ln(1 + x) - x for x > -1, relatively exact near 0.
pub fn log1p_minus_x(x: f64) -> f64 {
    if !(-0.4..=0.6).contains(&x) {
        return x.ln_1p() - x;
    }
    // ln(1 + x) = 2 artanh(s) with s = x / (2 + x), and 2 s - x = -s x.
    let s = x / (2.0 + x);
    let square = s * s;
    s * (2.0 * square * artanh_tail(square) - x)
}

/// 1/3 + r/5 + r²/7 + … with as many terms as r <= 1/16 asks for.
fn artanh_tail(r: f64) -> f64 {
    const ODD: [f64; 14] = [
        1.0 / 3.0,
        1.0 / 5.0,
        1.0 / 7.0,
        1.0 / 9.0,
        1.0 / 11.0,
        1.0 / 13.0,
        1.0 / 15.0,
        1.0 / 17.0,
        1.0 / 19.0,
        1.0 / 21.0,
        1.0 / 23.0,
        1.0 / 25.0,
        1.0 / 27.0,
        1.0 / 29.0,
    ];
    let terms = if r < 1e-8 {
        2
    } else if r < 1e-4 {
        4
    } else if r < 3e-3 {
        7
    } else {
        14
    };
    ODD[..terms]
        .iter()
        .rev()
        .fold(0.0, |sum, coefficient| sum * r + coefficient)
}

/// ln Γ(a + 1) - [(a + ½) ln a - a + ½ ln 2π]: the error of Stirling's formula, for a > 0.
pub fn stirling_error(a: f64) -> f64 {
    if a < 10.0 {
        if a >= 1.0 && a == a.trunc() {
            return STIRLING_ERRORS[a as usize - 1];
        }
        return ln_gamma_1p(a) - (a + 0.5) * a.ln() + a - HALF_LN_TWO_PI;
    }
    const SERIES: [f64; 8] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
        -3617.0 / 122_400.0,
    ];
    let terms = if a > 1e4 {
        3
    } else if a > 100.0 {
        5
    } else {
        8
    };
    let inverse_square = 1.0 / (a * a);
    SERIES[..terms]
        .iter()
        .rev()
        .fold(0.0, |sum, coefficient| sum * inverse_square + coefficient)
        / a
}

/// `a ln(a / x) + x - a` where `excess` is `x - a`, computed by the caller without rounding where it can be.
pub fn deviance(a: f64, x: f64, excess: f64) -> f64 {
    if excess.abs() < 0.4 * a {
        -a * log1p_minus_x(excess / a)
    } else {
        a * (a / x).ln() + excess
    }
}

/// `e^-x x^a / Γ(a + 1)`: the Poisson probability of a (also fractional) count `a` at mean `x`.
pub fn poisson_pmf(a: f64, x: f64) -> f64 {
    if a == 0.0 {
        return (-x).exp();
    }
    if x == 0.0 {
        return 0.0;
    }
    if a < 1e-5 {
        return (a * x.ln() - x - ln_gamma_1p(a)).exp();
    }
    (-stirling_error(a) - deviance(a, x, x - a)).exp() / (2.0 * PI * a).sqrt()
}
