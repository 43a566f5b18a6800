"""Independent references for beta and gamma quantiles where the library changes from one method to another.

Tails by the power series whose terms are all positive (DLMF 8.17.8 with 15.2.1, and 8.11.4) in 60 digits, quantiles by
Newton steps on the logarithm of the odds or of the point; the last step is below 1e-35. Needs mpmath. Run:
python3 quantiles_near_switches.py (writes two CSV files beside it).
"""

import csv
import os
from mpmath import mp, mpf, erfinv, exp, log, loggamma, nstr, sqrt

mp.dps = 60
HERE = os.path.dirname(os.path.abspath(__file__))
PROBABILITIES = [0.45, 0.1, 0.025, 5e-4, 5e-11]


def positive_series(ratio):
    """1 + r(0) + r(0) r(1) + ..."""
    term, total, i = mpf(1), mpf(1), 0
    while term > mpf(10) ** -60 * total or ratio(i) > 1:
        term *= ratio(i)
        total += term
        i += 1
    return total


def newton(tail_and_slope, target, start):
    """Root of a monotone tail; steps by its logarithm, none longer than 1."""
    at = start
    for _ in range(200):
        tail, slope = tail_and_slope(at)
        step = log(tail / target) * tail / slope
        at -= max(min(step, mpf(1)), mpf(-1))
        if abs(step) < mpf(10) ** -35:
            return at
    raise ArithmeticError("no quantile found")


def beta_quantile(a, b, p):
    """x and 1 - x with P(Beta(a, b) <= x) = p."""

    def tail_and_slope(u):
        x, y = 1 / (1 + exp(-u)), 1 / (1 + exp(u))
        weight = exp(a * log(x) + b * log(y) + loggamma(a + b) - loggamma(a) - loggamma(b))
        return weight / a * positive_series(lambda i: (a + b + i) / (a + 1 + i) * x), weight

    u = newton(tail_and_slope, p, log(a / b) - 2 * sqrt(1 / a + 1 / b))
    return 1 / (1 + exp(-u)), 1 / (1 + exp(u))


def gamma_quantile(a, p, upper):
    def tail_and_slope(u):
        x = exp(u)
        weight = exp(a * u - x - loggamma(a))
        lower = weight / a * positive_series(lambda i: x / (a + 1 + i))
        return (1 - lower, -weight) if upper else (lower, weight)

    z = sqrt(2) * erfinv(1 - 2 * p)
    return exp(newton(tail_and_slope, p, log(a + z * sqrt(a)) if upper else log(a) - z / sqrt(a)))


def digits(value):
    return nstr(value, 18, min_fixed=-1, max_fixed=1)


def write(name, header, rows):
    with open(os.path.join(HERE, name), "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main():
    beta_rows = [
        [repr(a), repr(b), repr(p), *map(digits, beta_quantile(mpf(a), mpf(b), mpf(p)))]
        for a in [1.5, 2.0, 3.0, 5.5, 9.0, 13.0, 15.0, 16.0, 18.0, 22.0, 25.0, 30.0, 45.0, 60.0, 70.0, 300.0]
        for b in [1.25, 2.0, 9.0, 16.0, 40.0, 1000.0, 1e6]
        for p in PROBABILITIES
    ]
    write("beta_quantiles_near_switches.csv", ["a", "b", "p", "x", "one_minus_x"], beta_rows)
    gamma_rows = [
        [repr(a), repr(p), *(digits(gamma_quantile(mpf(a), mpf(p), upper)) for upper in (False, True))]
        for a in [1.0, 1.25, 2.0, 4.0, 6.0, 9.0, 13.0, 15.0, 17.0, 20.0, 24.0, 30.0, 38.0, 45.0, 60.0, 66.0, 75.0]
        for p in PROBABILITIES
    ]
    write("gamma_quantiles_near_switches.csv", ["shape", "p", "lower_quantile", "upper_quantile"], gamma_rows)


main()
