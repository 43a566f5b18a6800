//! Special functions for counts and exposures to 1e12 and tails to 1e-11, without cancellation and without open loops.
//!
//! Every pair of tails is computed from the smaller one. Every iteration is bounded and ends in an error that names
//! the arguments.

mod beta;
mod beta_inverse;
mod gamma;
mod gamma_inverse;
mod gauss_legendre;
mod log_odds_series;
mod log_odds_table;
mod normal;
mod refinement;
mod saddle_point;
mod temme_table;

pub use beta::{BetaTails, beta_tails, beta_weight};
pub use beta_inverse::{BetaQuantile, UnitPoint, beta_lower_quantile, solve_log_odds};
pub use gamma::{GammaTails, gamma_tails};
pub use gamma_inverse::{Tail, gamma_lower_quantile, gamma_start, gamma_upper_quantile, solve_log_scale};
pub use gauss_legendre::{NODES as GAUSS_NODES, WEIGHTS as GAUSS_WEIGHTS};
pub use normal::{ln_normal_cdf, normal_cdf, normal_quantile, normal_upper_quantile};
pub use saddle_point::{deviance, ln_gamma, ln_gamma_1p, log1p_minus_x, poisson_pmf, stirling_error};
