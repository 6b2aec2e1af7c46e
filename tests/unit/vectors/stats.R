# SPDX-License-Identifier: PostgreSQL
# What R computes of the things that src/bench/stats.h computes: `Rscript stats.R >stats.txt`.
# A line is NAME INPUTS... = OUTPUTS..., all numbers; tests/unit/test_stats.c reads them.
options(digits = 17, warn = 2)

line <- function(name, input, output)
	cat(name, sprintf("%.17g", input), "=", sprintf("%.17g", output), "\n")

# --- distributions ---
for (df in c(1, 2, 3.7, 9, 30, 250.5, 10000))
	for (t in c(-50, -3.2, -0.7, -1e-6, 0, 0.01, 0.5, 1.3, 2.262157, 7, 200))
		line("pt", c(t, df), c(pt(t, df), pt(t, df, lower.tail = FALSE)))
for (df in c(1, 2, 3.7, 9, 30, 250.5, 10000))
	for (p in c(1e-8, 0.0001, 0.01, 0.3, 0.5, 0.6, 0.975, 0.99875, 0.999999))
		line("qt", c(p, df), qt(p, df))
for (df in c(1, 2.5, 9, 18, 99))
	for (t in c(-2, -0.3, 0, 0.8, 2.3, 4.5, 12))
		for (ncp in c(-3, -0.5, 0, 1, 2.9, 6, 15))
			line("pnct", c(t, df, ncp), suppressWarnings(pt(t, df, ncp))) # warns where its last digits are in doubt
for (ab in list(c(0.5, 0.5), c(2, 3), c(0.5, 400), c(90, 1.5), c(1000, 2000)))
	for (x in c(1e-6, 0.01, 0.3, 0.335, 0.5, 0.9, 0.999))
		line("pbeta", c(x, ab), pbeta(x, ab[1], ab[2]))

# --- repeats ---
set.seed(11)
noise <- function(n, mean, spread) signif(mean * exp(rnorm(n, 0, spread)), 8)
for (n in c(2, 3, 5, 10, 40)) {
	x <- noise(n, 1500, 0.08)
	ci <- exp(t.test(log(x), conf.level = 0.95)$conf.int)
	line("summary", c(0.95, x), c(mean(x), sd(x), exp(mean(log(x))), sd(log(x)), ci))
}
x <- noise(6, 3, 0.5)
line("summary", c(0.9, x), c(mean(x), sd(x), exp(mean(log(x))), sd(log(x)), exp(t.test(log(x), conf.level = 0.9)$conf.int)))
for (n in c(3, 5, 9)) for (goal in c(0.2, 0.05, 0.01)) {
	x <- noise(n, 900, 0.06)
	half <- function(k) exp(qt(0.975, k - 1) * sd(log(x)) / sqrt(k)) - 1
	k <- n
	if (half(n) > goal) { while (half(k) > goal) k <- k + 1 } else k <- 0
	line("repeats", c(0.95, goal, x), k)
}

# --- two configurations ---
flips <- function(d) {
	sums <- abs(as.matrix(expand.grid(rep(list(c(-1, 1)), length(d)))) %*% d)
	mean(sums >= abs(sum(d)) * (1 - 1e-9))
}
exchanges <- function(a, b) {
	x <- c(a, b)
	t2 <- function(i) (mean(x[i]) - mean(x[-i]))^2 / (var(x[i]) / length(i) + var(x[-i]) / (length(x) - length(i)))
	all <- combn(length(x), length(a), t2)
	mean(all >= t2(seq_along(a)) * (1 - 1e-9))
}
# Two one-sided tests: the greater p.
tost <- function(..., edge)
	max(t.test(..., mu = -edge, alternative = "greater")$p.value, t.test(..., mu = edge, alternative = "less")$p.value)
outcome <- function(t, perm, equivalent)
	c(exp(unname(-diff(c(t$estimate, 0))[1])), exp(t$conf.int), t$p.value, perm, equivalent)

power_difference <- function(effect, se, df, level) suppressWarnings(pt(qt(1 - level / 2, df), df, ncp = effect / se, lower.tail = FALSE))
power_equivalence <- function(edge, se, df, level) max(2 * pt(edge / se - qt(1 - level, df), df) - 1, 0)

for (case in list(c(2, 1, 0.05), c(3, 1.1, 0.02), c(5, 1.1, 0.05), c(6, 0.9, 0.03), c(8, 1, 0.1), c(10, 1.02, 0.01), c(10, 1, 0.05),
		  c(10, 0.9, 0.05), c(12, 1.001, 0.004))) {
	n <- case[1]
	a <- noise(n, 1200, 0.2)
	b <- signif(a * case[2] * noise(n, 1, case[3]), 8)
	d <- log(b / a)
	t <- t.test(d)
	edge <- log(1.03)
	line("paired", c(n, a, b), c(outcome(t, flips(d), tost(d, edge = edge)), n - 1))
	if (n > 2) {
		# What could have been found, at Holm's hardest level for 4 points.
		level <- 0.05 / 4
		seen <- power.t.test(n = n, sd = sd(d), sig.level = level, power = 0.8, type = "paired", tol = 1e-12)$delta
		k <- 2
		while (2^(1 - k) > level || power.t.test(n = k, delta = edge, sd = sd(d), sig.level = level, type = "paired")$power < 0.8 ||
		       power_equivalence(edge, sd(d) / sqrt(k), k - 1, level) < 0.8)
			k <- k + 1
		line("pairs_needed", c(4, n, a, b), c(exp(seen) - 1, k))
	}
}
for (case in list(c(2, 2, 1, 0.05, 0.05), c(3, 3, 1.2, 0.02, 0.02), c(5, 5, 1.1, 0.05, 0.02), c(4, 7, 0.9, 0.03, 0.1),
		  c(8, 8, 1, 0.02, 0.1), c(6, 9, 1.01, 0.01, 0.01), c(7, 3, 1, 0.1, 0.01))) {
	a <- log(noise(case[1], 1200, case[4]))
	b <- log(noise(case[2], 1200 * case[3], case[5]))
	t <- t.test(b, a)
	edge <- log(1.03)
	t$estimate <- t$estimate[1] - t$estimate[2]
	line("unpaired", c(case[1:2], exp(a), exp(b)), c(outcome(t, exchanges(a, b), tost(b, a, edge = edge)), t$parameter))
	# As many of each, with the spreads that were seen.
	level <- 0.05
	df <- unname(t$parameter)
	se <- t$stderr
	seen <- uniroot(function(d) power_difference(d, se, df, level) - 0.8, c(0, 30 * se), tol = 1e-13)$root
	k <- 4
	s <- c(var(a), var(b))
	factor <- sum(s)^2 / sum(s^2)
	while (power_difference(edge, sqrt(sum(s) / k), (k - 1) * factor, level) < 0.8 ||
	       power_equivalence(edge, sqrt(sum(s) / k), (k - 1) * factor, level) < 0.8)
		k <- k + 1
	if (case[1] > 2)
		line("repeats_needed", c(case[1:2], exp(a), exp(b)), c(exp(seen) - 1, k))
}

# --- many points ---
for (p in list(c(0.01, 0.04, 0.03, 0.005), c(0.5), c(0.2, 0.2, 0.9, 1), c(1e-9, 0.02, 0.0124, 0.0126, 0.7, 0.03, 0.03, 0.011))) {
	line("holm", c(length(p), p), p.adjust(p, "holm"))
	line("holm", c(length(p) + 3, p), p.adjust(p, "holm", n = length(p) + 3))
}
