"""Independent references for the incomplete gamma and beta functions and their quantiles.

Each value is a tail integral of the density by Gauss-Legendre quadrature (mpmath, 50 digits) over panels of the visible
range, or the exact power series for small shapes; quantiles by Newton steps in 50 digits, and the tail is evaluated
once more at the answer as a check. Needs mpmath. Run: python3 incomplete_reference.py (writes four CSV files beside it).
"""

import csv
import os
from mpmath import mp, mpf, loggamma, exp, log, sqrt, quad, erfinv, nstr, inf

mp.dps = 40
HERE = os.path.dirname(os.path.abspath(__file__))


def visible(fall, start):
    """A length where `fall` (concave, 0 at 0) is below -110."""
    t = start
    while fall(t) > -110:
        t *= 2
    low, high = mpf(0), t
    for _ in range(60):
        mid = (low + high) / 2
        if fall(mid) > -110:
            low = mid
        else:
            high = mid
    return high


def panels(end, count=10):
    return [end * i / count for i in range(count + 1)]


def gamma_log_density(a, x):
    return (a - 1) * log(x) - x - loggamma(a)


def gamma_tail(a, x, upper):
    """One tail of Gamma(a, 1)."""
    if a < 30 and x < 400:
        # exact series for P with enough digits for 1 - P
        with mp.extradps(40 + int(x)):
            term, total, n = mpf(1), mpf(1), 1
            while term > mpf(10) ** (-mp.dps) * total:
                term *= x / (a + n)
                total += term
                n += 1
            lower = exp(a * log(x) - x - loggamma(a + 1)) * total
            return 1 - lower if upper else lower
    with mp.extradps(30):
        base = gamma_log_density(a, x)
        if upper:
            fall = lambda t: (a - 1) * log(1 + t / x) - t
            end = visible(fall, sqrt(a) / 8)
        else:
            fall = lambda t: (a - 1) * log(1 - t / x) + t if t < x else -mpf(10) ** 9
            end = min(visible(fall, min(sqrt(a) / 8, x / 2)), x)
        return exp(base) * quad(lambda t: exp(fall(t)), panels(end))


def beta_tail(a, b, x, upper):
    """One tail of Beta(a, b)."""
    with mp.extradps(40):
        y = 1 - x
        base = (a - 1) * log(x) + (b - 1) * log(y) + loggamma(a + b) - loggamma(a) - loggamma(b)
        if not upper and a <= 30:
            # substitution t = x s^(1/a) is avoided: integrate from 0 with the power series of (1-t)^(b-1)
            if b * x < 60:
                with mp.extradps(60):
                    coefficient, total, n = mpf(1), 1 / a, 1
                    while n < 5000:
                        coefficient *= (n - b) / n * x
                        total += coefficient / (a + n)
                        if abs(coefficient) < mpf(10) ** (-mp.dps) and n > b * x:
                            break
                        n += 1
                    return exp(a * log(x) + loggamma(a + b) - loggamma(a) - loggamma(b)) * total
        deviation = sqrt(a * b / (a + b) ** 2 / (a + b + 1))
        if upper:
            fall = lambda t: (a - 1) * log(1 + t / x) + (b - 1) * log(1 - t / y) if t < y else -mpf(10) ** 9
            limit = y
        else:
            fall = lambda t: (a - 1) * log(1 - t / x) + (b - 1) * log(1 + t / y) if t < x else -mpf(10) ** 9
            limit = x
        end = min(visible(fall, min(deviation / 8, limit / 2)), limit)
        return exp(base) * quad(lambda t: exp(fall(t)), panels(end, 14))


def normal_upper(q):
    return sqrt(2) * erfinv(1 - 2 * q)


def gamma_quantile(a, p, upper):
    """Newton on the logarithm of the tail, from a normal start on the log scale."""
    z = normal_upper(p) * (1 if upper else -1)
    x = a * (max(1 - 1 / (9 * a) + z / (3 * sqrt(a)), mpf("0.02"))) ** 3
    if a < 3 and not upper:
        x = min(x, exp((log(p) + loggamma(a + 1)) / a) * mpf("1.3"))
    for _ in range(60):
        tail = gamma_tail(a, x, upper)
        slope = exp(gamma_log_density(a, x)) / tail
        residual = log(tail / p)
        if upper:
            step = residual / slope
            x = max(x + step, x / 4)
        else:
            x = x * exp(max(min(-residual / (slope * x), mpf(2)), mpf(-2)))
            step = residual / slope
        if abs(step) < mpf(10) ** -25 * x:
            break
    assert abs(gamma_tail(a, x, upper) / p - 1) < mpf(10) ** -20, (a, p, upper, x)
    return x


def beta_quantile(a, b, p):
    """The lower quantile as (x, 1 - x): Newton on the logarithm of the tail over log odds."""
    z = -normal_upper(p)
    u = log(a / b) + z * sqrt(1 / a + 1 / b)
    u = min(u, (log(p) + loggamma(a + 1) + loggamma(b) - loggamma(a + b)) / a + 2) if a < 3 else u
    for _ in range(80):
        x = 1 / (1 + exp(-u))
        tail = beta_tail(a, b, x, False)
        weight = exp(a * log(x) + b * log(1 - x) + loggamma(a + b) - loggamma(a) - loggamma(b))
        step = -log(tail / p) * tail / weight
        u += max(min(step, mpf(3)), mpf(-3))
        if abs(step) < mpf(10) ** -25:
            break
    with mp.extradps(40):
        x = 1 / (1 + exp(-u))
        y = 1 / (1 + exp(u))
    assert abs(beta_tail(a, b, x, False) / p - 1) < mpf(10) ** -18, (a, b, p)
    return x, y


def digits(value):
    return nstr(value, 18, min_fixed=-1, max_fixed=1)


def write(name, header, rows):
    with open(os.path.join(HERE, name), "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main():
    shapes = [0.01, 0.5, 1, 1.5, 2, 3, 5.5, 7, 11, 19.5, 20, 21, 35, 60, 61.5, 100, 321, 1000, 12345.5, 1e5, 1e6, 1e8, 1e10, 1e12]
    deviations = [-6.5, -4, -2, -1, -0.1, 0, 0.3, 1, 2.5, 4, 6.5, 9]
    rows = []
    for a in map(mpf, shapes):
        points = {float(a + z * sqrt(a)) for z in deviations} | {float(a * f) for f in (0.05, 0.2, 0.29, 0.31, 0.6, 0.9, 1.1, 1.7, 2.2, 2.4, 4)}
        for x in sorted(points):
            if x <= 0 or (a > 1e4 and abs(x - a) > 12 * sqrt(a)):
                continue
            # the logarithm of the tails would magnify the rounding of x: tails only to 1e-40
            lower, upper = gamma_tail(a, mpf(x), False), gamma_tail(a, mpf(x), True)
            smaller = min(lower, upper)
            if smaller > mpf(10) ** -60:
                rows.append([repr(float(a)), repr(x), digits(lower), digits(upper)])
    write("gamma_tails.csv", ["shape", "x", "lower", "upper"], rows)
    print("gamma_tails", len(rows))

    probabilities = [0.25, 0.05, 0.025, 0.005, 0.0005, 1e-6, 5e-9, 5e-11]
    rows = []
    for a in map(mpf, [0.5, 1, 1.5, 2, 3, 5, 10, 10.5, 19, 20, 25, 40, 41, 100, 101, 500, 1000, 9999, 1e5, 1e6, 1e8, 1e10, 1e12]):
        for p in probabilities:
            lower, upper = gamma_quantile(a, mpf(p), False), gamma_quantile(a, mpf(p), True)
            rows.append([repr(float(a)), repr(p), digits(lower), digits(upper)])
    write("gamma_quantiles.csv", ["shape", "p", "lower_quantile", "upper_quantile"], rows)
    print("gamma_quantiles", len(rows))

    sizes = [1, 2, 5, 11, 40, 59, 61, 100, 1e3, 1e4, 1e6, 1e9, 1e12]
    rows = []
    for a in map(mpf, sizes):
        for b in map(mpf, sizes):
            mean = a / (a + b)
            deviation = sqrt(a * b / (a + b + 1)) / (a + b)
            for z in (-5, -1.5, -0.2, 0.4, 2, 5):
                x = float(mean + z * deviation)
                # 1 - x must be exact in double precision too
                if not 1e-300 < x < 0.999:
                    continue
                lower, upper = beta_tail(a, b, mpf(x), False), beta_tail(a, b, mpf(x), True)
                if min(lower, upper) > mpf(10) ** -60:
                    rows.append([repr(float(a)), repr(float(b)), repr(x), digits(lower), digits(upper)])
    write("beta_tails.csv", ["a", "b", "x", "lower", "upper"], rows)
    print("beta_tails", len(rows))

    rows = []
    sizes = [1, 11, 1e4, 1e8, 1e12]
    for a in map(mpf, sizes):
        for b in map(mpf, sizes):
            for p in (0.025, 5e-11):
                x, y = beta_quantile(a, b, mpf(p))
                rows.append([repr(float(a)), repr(float(b)), repr(p), digits(x), digits(y)])
    write("beta_quantiles.csv", ["a", "b", "p", "x", "one_minus_x"], rows)
    print("beta_quantiles", len(rows))


main()
