//! The names of methods, as users type them.

use super::error::{Result, StatisticsError};

/// Gives an enum its text form, its list of names for error messages and a parser.
macro_rules! named_methods {
    ($(#[$doc:meta])* $name:ident, $argument:literal, $allowed:literal,
     $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl $name {
            /// Every name, in the order of the documentation.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// What the names stand for, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name users type.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = StatisticsError;

            fn from_str(text: &str) -> Result<Self> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(StatisticsError::invalid(
                        $argument,
                        concat!("one of ", $allowed),
                        format_args!("'{text}'"),
                    )),
                }
            }
        }
    };
}

named_methods! {
    /// How an interval of one rate is computed.
    RateMethod, "method", "exact, midp, score, byar, jeffreys, anscombe, freeman_tukey, wald",
    /// Garwood 1936: guaranteed coverage.
    Exact = "exact",
    /// Mid-P (Lancaster 1961).
    MidP = "midp",
    /// Score, of Wilson's type.
    Score = "score",
    /// Byar's approximation (Breslow & Day 1987).
    Byar = "byar",
    /// Gamma posterior under Jeffreys' prior.
    Jeffreys = "jeffreys",
    /// Anscombe's square root.
    Anscombe = "anscombe",
    /// Freeman & Tukey's double square root.
    FreemanTukey = "freeman_tukey",
    /// Normal approximation, for comparison only.
    Wald = "wald",
}

named_methods! {
    /// How an interval of a rate ratio is computed.
    RatioMethod, "method", "exact, midp, score, wald_log",
    /// Clopper–Pearson on the conditional binomial.
    Exact = "exact",
    /// Mid-P on the conditional binomial.
    MidP = "midp",
    /// Wilson's interval on the conditional binomial.
    Score = "score",
    /// Normal approximation of the logarithm; undefined when a count is zero.
    WaldLog = "wald_log",
}

named_methods! {
    /// How a test of a rate ratio is computed.
    TestMethod, "method", "exact, midp, score, etest",
    /// Conditional binomial.
    Exact = "exact",
    /// Conditional binomial, half the observed point.
    MidP = "midp",
    /// Normal approximation of the conditional binomial.
    Score = "score",
    /// Unconditional E-test (Krishnamoorthy & Thomson 2004).
    ETest = "etest",
}

named_methods! {
    /// The direction in which a test looks.
    Alternative, "alternative", "greater, less, two-sided",
    /// The ratio is above the null ratio.
    Greater = "greater",
    /// The ratio is below the null ratio.
    Less = "less",
    /// Either.
    TwoSided = "two-sided",
}

named_methods! {
    /// How the interval of a directly standardised rate is computed.
    StandardizedMethod, "method", "fay_feuer, tiwari",
    /// Fay & Feuer 1997, the largest weight added.
    FayFeuer = "fay_feuer",
    /// Tiwari and others 2006, the mean weight added.
    Tiwari = "tiwari",
}

named_methods! {
    /// What happens to a stratum of the reference without exposure of its own.
    MissingStratum, "missing", "error, drop, pool",
    /// Refuse.
    Error = "error",
    /// Leave it out and say so in `ref_covered`.
    Drop = "drop",
    /// Give it the pooled rate of the other strata.
    Pool = "pool",
}

named_methods! {
    /// The mixture of a two-sample e-process.
    EProcessMethod, "method", "grid, normal",
    /// 24 ratios between 1.05 and 5 with equal weight.
    Grid = "grid",
    /// Normal mixture with estimated variance.
    Normal = "normal",
}

named_methods! {
    /// How p-values are adjusted for their number.
    AdjustMethod, "method", "bh, by, holm",
    /// Benjamini & Hochberg 1995.
    BenjaminiHochberg = "bh",
    /// Benjamini & Yekutieli 2001: any dependence.
    BenjaminiYekutieli = "by",
    /// Holm 1979: family-wise error.
    Holm = "holm",
}

named_methods! {
    /// How a sequential design spends its error.
    SpendingFunction, "spending", "obf, pocock",
    /// Like O'Brien & Fleming: little at first.
    OBrienFleming = "obf",
    /// Like Pocock: nearly evenly.
    Pocock = "pocock",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_parser_agree() {
        for name in RateMethod::NAMES {
            assert_eq!(name.parse::<RateMethod>().unwrap().name(), *name);
        }
        for name in Alternative::NAMES {
            assert_eq!(name.parse::<Alternative>().unwrap().name(), *name);
        }
    }

    #[test]
    fn unknown_names_list_the_valid_ones() {
        let message = "garwood".parse::<RateMethod>().unwrap_err().to_string();
        assert_eq!(
            message,
            "invalid argument: method must be one of exact, midp, score, byar, jeffreys, anscombe, freeman_tukey, wald \
             (got 'garwood')"
        );
        for name in RateMethod::NAMES {
            assert!(message.contains(name));
        }
        let message = "x".parse::<RatioMethod>().unwrap_err().to_string();
        assert!(
            RatioMethod::NAMES.iter().all(|name| message.contains(name)),
            "{message}"
        );
    }
}
