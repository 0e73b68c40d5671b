"""Shows that tests can fail: plants one small fault at a time in a copy of the program, and runs the test for it."""
