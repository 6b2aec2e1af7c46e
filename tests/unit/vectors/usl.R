# SPDX-License-Identifier: PostgreSQL
# Fits of the Universal Scalability Law by R's nls: `Rscript usl.R >usl.txt`.
# A line is usl COUNT N... X... = LAMBDA SIGMA KAPPA SQUARES R2 P_SIGMA P_KAPPA; tests/unit/test_usl.c reads them.
options(digits = 17, warn = 1)

squares <- function(fit) sum(residuals(fit)^2)

fit <- function(n, x, lower = c(1e-9, 0, 0), upper = c(Inf, Inf, Inf), start = c(mean(x / n), 0.05, 0.001))
	nls(log(x) ~ log(lambda) + log(n) - log(1 + sigma * (n - 1) + kappa * n * (n - 1)), algorithm = "port",
	    start = list(lambda = start[1], sigma = min(start[2], upper[2]), kappa = min(start[3], upper[3])), lower = lower, upper = upper,
	    control = nls.control(maxiter = 5000, tol = 1e-14, scaleOffset = 1, warnOnly = TRUE))

line <- function(n, x) {
	full <- fit(n, x)
	p <- coef(full)
	df <- length(n) - 3
	test <- function(without, value)
		if (value < 1e-10 || df < 1) 1 else pf((squares(without) - squares(full)) / (squares(full) / df), 1, df, lower.tail = FALSE)
	curve <- p[1] * n / (1 + p[2] * (n - 1) + p[3] * n * (n - 1))
	cat("usl", sprintf("%.17g", c(length(n), n, x)), "=",
	    sprintf("%.17g", c(p, squares(full), 1 - sum((x - curve)^2) / sum((x - mean(x))^2),
		test(fit(n, x, upper = c(Inf, 0, Inf)), p[2]), test(fit(n, x, upper = c(Inf, Inf, 0)), p[3]))), "\n")
}

usl <- function(n, lambda, sigma, kappa) lambda * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))

set.seed(5)
for (case in list(c(1000, 0.05, 0.002, 0.02), c(350, 0.1, 0.0005, 0.05), c(20000, 0.3, 0.01, 0.03), c(80, 0.02, 0.02, 0.1),
		  c(1000, 0.2, 0, 0.01))) {
	n <- rep(c(1, 2, 4, 8, 16, 32), each = 3)
	line(n, signif(usl(n, case[1], case[2], case[3]) * exp(rnorm(length(n), 0, case[4])), 8))
}
# One measurement of each, not from 1 on.
n <- c(2, 3, 5, 9, 12)
line(n, signif(usl(n, 500, 0.08, 0.004) * exp(rnorm(5, 0, 0.01)), 8))
# Almost linear, and faster than linear: the bounds hold.
n <- c(1, 2, 4, 8)
line(n, c(1000, 1990, 3985, 7960))
line(n, c(1000, 2100, 4400, 9400))
# The example of the usl package: a Raytracer.
line(c(1, 4, 8, 12, 16, 20, 24, 28, 32, 48, 64), c(20, 78, 130, 170, 190, 200, 210, 230, 240, 280, 310))
