/* SPDX-License-Identifier: PostgreSQL */
/* cmocka with what it needs before it; its fail() is ours here. */
#ifndef LABCTL_TESTS_TEST_H
#define LABCTL_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail
#undef fail_msg
#define fail_msg(...) (print_error("ERROR: " __VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

#endif
