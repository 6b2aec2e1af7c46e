/* SPDX-License-Identifier: PostgreSQL */
/* cmocka with the headers that it needs; its fail() is renamed, because labctl has one. */
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
